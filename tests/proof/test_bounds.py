"""A model that would take too much memory or time is skipped, not run."""

import subprocess
import sys

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from porting.proof.bounds import LARGEST, ROUNDS, refusal
from porting.proof.domains import Facts
from porting.proof.exchange import Values
from porting.proof.verify import Tolerance, verify_files

BOOL, FLOAT, INT64 = 9, 1, 7


def text(body: str) -> onnx.ModelProto:
    return onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["": 17]> {body}')


def of_shape(size: int) -> onnx.ModelProto:
    return text(
        f"g (float[1] x) => (float[n] y) {{ s = Constant<value_ints = [{size}]>() "
        "y = Expand(x, s) }"
    )


def loop(rounds: int | None, *, start: bool | None = True, step: str = "Identity", inner=None):
    """A model whose loop runs `rounds` times as long as its condition, passed on, is true."""
    nodes = [helper.make_node(step, ["c"], ["d"]), helper.make_node("Relu", ["v"], ["w"])]
    nodes += [inner] if inner is not None else []
    declared = [("i", INT64, []), ("c", BOOL, []), ("v", FLOAT, [2])]
    results = [("d", BOOL, []), ("w", FLOAT, [2])]
    body = helper.make_graph(
        nodes,
        "b",
        [helper.make_tensor_value_info(*each) for each in declared],
        [helper.make_tensor_value_info(*each) for each in results],
    )
    weights = []
    if rounds is not None:
        weights.append(numpy_helper.from_array(np.array(rounds), "n"))
    if start is not None:
        weights.append(numpy_helper.from_array(np.array(start), "go"))
    names = ["n" if rounds is not None else "", "go" if start is not None else "", "x"]
    node = helper.make_node("Loop", names, ["y"], body=body)
    values = [helper.make_tensor_value_info(name, FLOAT, [2]) for name in ("x", "y")]
    graph = helper.make_graph([node], "g", values[:1], values[1:], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def refused(model: onnx.ModelProto) -> str:
    return refusal(model, Facts(model, {"x": (2,)}, {}))


@pytest.mark.parametrize("size", [1, LARGEST])
def test_values_up_to_the_bound_are_run(size: int):
    model = of_shape(size)
    assert not refusal(model, Facts(model, {"x": (1,)}, {}))


def test_a_value_above_the_bound_is_named():
    model = of_shape(LARGEST + 1)
    assert "y would have 1073741825 elements" in refusal(model, Facts(model, {"x": (1,)}, {}))


@pytest.mark.parametrize("rounds", [2**62, ROUNDS + 1, None])
@pytest.mark.parametrize("start", [True, None])
def test_a_loop_that_runs_on_and_on_is_refused(rounds, start):
    assert "rounds" in refused(loop(rounds, start=start))


@pytest.mark.parametrize(
    "model",
    [
        loop(ROUNDS),
        loop(2**62, start=False),
        loop(2**62, step="Not"),
        loop(None, step="Not"),
    ],
)
def test_a_loop_that_is_short_or_may_end_is_run(model):
    assert not refused(model)


@pytest.mark.parametrize("condition", ["", "go", "c"])
def test_rounds_of_loops_inside_loops_multiply(condition):
    inner = loop(4000).graph.node[0]
    inner.input[:] = ["n", condition, "v"]
    inner.output[:] = ["z"]
    assert not refused(loop(2000, inner=inner))
    assert "16000000 rounds" in refused(loop(4000, inner=inner))


@pytest.mark.parametrize("given", [None, {"x": np.ones(1, np.float32)}])
def test_a_verification_that_would_take_too_much_is_skipped(tmp_path, given: Values | None):
    path = tmp_path / "m.onnx"
    onnx.save(of_shape(2**40), path)
    found = verify_files(path, path, inputs=given, tolerance=Tolerance.for_classes({"exact"}))
    assert found.status == "skipped"
    assert "1099511627776 elements" in found.reason


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone tells how much is free")
def test_a_process_that_runs_models_may_not_take_all_memory():
    code = (
        "import resource; from porting.proof.sessions import confine; confine();"
        "print(resource.getrlimit(resource.RLIMIT_DATA)[0])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert 0 < int(out.stdout) < 2**50


def test_nothing_is_left_in_the_folder_for_temporary_files(tmp_path, monkeypatch):
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr("tempfile.tempdir", None)
    path = tmp_path / "m.onnx"
    onnx.save(of_shape(3), path)
    found = verify_files(path, path, tolerance=Tolerance.for_classes({"exact"}))
    assert found.status == "passed"
    assert not list((tmp_path / "tmp").iterdir())
