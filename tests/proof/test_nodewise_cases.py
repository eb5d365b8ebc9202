"""onnx's own node tests, taken apart: what comes out is what they expect."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from onnx.backend.test.case.node import collect_testcases

from porting.proof.nodewise import Nodewise
from porting.proof.sessions import NoRunnerError

pytestmark = pytest.mark.slow

RANDOM = "bernoulli"
BY_ONNXRUNTIME = frozenset({"dft", "stft", "maxunpool", "resize", "attention", "training"})
"""What onnxruntime itself computes otherwise, or with larger errors, than the tests expect."""
NOT_HERE = frozenset({"test_optional_has_element_empty_optional_input"})
"""An input that is given by leaving it out."""


def array(value: Any) -> Any:
    return numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else value


def close(got: np.ndarray, want: np.ndarray) -> bool:
    if got.shape != want.shape or got.dtype != want.dtype:
        return False
    if want.dtype.kind in "OSUc":
        return bool((got == want).all())
    loose = 2e-2 if want.dtype.itemsize < 4 else 1e-3
    a, b = got.astype(np.float64), want.astype(np.float64)
    return np.allclose(a, b, rtol=loose, atol=loose / 100, equal_nan=True)


def test_every_case_gives_what_it_expects_or_is_not_run(tmp_path: Path) -> None:
    path, wrong, apart = tmp_path / "case.onnx", [], 0
    for case in collect_testcases(None):
        words = set(case.name.split("_"))
        if RANDOM in words or words & BY_ONNXRUNTIME or case.name in NOT_HERE:
            continue
        onnx.save(case.model, path)
        try:
            model = Nodewise(path)
        except NoRunnerError:
            continue
        apart += bool(model.notes())
        for inputs, outputs in case.data_sets:
            if not all(isinstance(v, np.ndarray | onnx.TensorProto) for v in (*inputs, *outputs)):
                continue
            names = [value.name for value in case.model.graph.input]
            feeds = dict(zip(names, map(array, inputs), strict=False))
            try:
                made = model.run({name: np.asarray(value) for name, value in feeds.items()})
            except Exception:  # noqa: BLE001 - a kernel that refuses tells nothing wrong
                continue
            pairs = zip(made, map(array, outputs), strict=True)
            if not all(close(np.asarray(got), np.asarray(want)) for got, want in pairs):
                wrong.append((case.name, model.notes()))
    assert wrong == []
    assert apart > 200
