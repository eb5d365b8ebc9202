"""What the tests of traps share: models as text, and every rule of an operator tried on one."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from onnx import ModelProto
from rules.harness import assert_equivalent, rewrite, run_ort, run_reference

from porting.legalize.policy import DEFAULT_CLASSES
from porting.legalize.rule import DeclinedError
from porting.rules import registry

Feed = Mapping[str, np.ndarray]


def model(opset: int, body: str, ir_version: int = 8) -> ModelProto:
    """A model from ONNX's text form, `(float[2] x) => (float[2] y) { y = Relu(x) }`."""
    head = f'<ir_version: {ir_version}, opset_import: ["": {opset}]>'
    return onnx.shape_inference.infer_shapes(onnx.parser.parse_model(f"{head} g {body}"))


def floats(*numbers: float, dtype: str = "float32") -> np.ndarray:
    return np.array(numbers, dtype)


def ort(case: ModelProto, feed: Feed) -> np.ndarray:
    """The first output in onnxruntime."""
    return np.asarray(run_ort(case, feed)[0])


def reference(case: ModelProto, feed: Feed) -> np.ndarray:
    """The first output in onnx.reference."""
    return np.asarray(run_reference(case, feed)[0])


def same(a: np.ndarray, b: np.ndarray, tolerance: float = 1e-5) -> bool:
    """Whether shapes, NaN, infinities and numbers agree."""
    return a.shape == b.shape and np.allclose(a, b, tolerance, tolerance, equal_nan=True)


def every_rule(op_type: str, case: ModelProto, feed: Feed, **tolerances: Any) -> dict[str, str]:
    """Tries every rule for an operator that is applied unasked: it is right, or it declines.

    Rules that are added later are held to it, too.

    Returns:
        For each rule why it declined, empty if it applied.
    """
    found: dict[str, str] = {}
    for rule in registry().for_operator(op_type):
        if rule.exactness not in DEFAULT_CLASSES:
            continue
        try:
            result = rewrite(case, rule)
        except DeclinedError as declined:
            found[rule.name] = str(declined) or "no reason"
            continue
        found[rule.name] = ""
        with np.errstate(all="ignore"):
            try:
                assert_equivalent(case, result, feed, **tolerances)
            except AssertionError as error:
                raise AssertionError(f"{rule.name}: {error}") from error
    return found


def applied(found: Mapping[str, str]) -> set[str]:
    """The rules that applied, without the operator in their names."""
    return {name.split("/")[0] for name, reason in found.items() if not reason}
