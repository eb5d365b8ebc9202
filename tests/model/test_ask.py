"""ONNX is asked of each kind of node once, and with all that its answer depends on."""

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import onnx
import pytest
from capability.helpers import floats, ints, model_of
from onnx import helper, numpy_helper, shape_inference

from porting.model import ask
from porting.model.build import build
from porting.model.load import load


def node_tests() -> Iterator[tuple[onnx.ModelProto, dict[str, onnx.TensorProto]]]:
    """ONNX's own tests of single operators without bodies, and contents of all their inputs."""
    from onnx.backend.test.loader import load_model_tests

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = load_model_tests(kind="node")
    for test in found:
        model, inputs = test.model, test.data_sets[0][0]
        if len(model.graph.node) == 1 and not model.functions:
            given = zip((i.name for i in model.graph.input), inputs, strict=False)
            arrays = {
                n: a for n, a in given if isinstance(a, np.ndarray) and a.dtype.kind in "biuf"
            }
            yield model, {n: numpy_helper.from_array(a, n) for n, a in arrays.items()}


def answered(model: onnx.ModelProto, data: dict[str, onnx.TensorProto]) -> Any:
    node, types = model.graph.node[0], {i.name: i.type for i in model.graph.input}
    opsets = {o.domain: o.version for o in model.opset_import}
    schema = onnx.defs.get_schema(node.op_type, opsets.get(node.domain, 1), node.domain)
    try:
        return shape_inference.infer_node_outputs(
            schema, node, types, data, opset_imports=list(model.opset_import)
        )
    except shape_inference.InferenceError:
        return None


def test_contents_are_given_to_every_operator_that_reads_them() -> None:
    read: set[str] = set()
    count = 0
    for model, data in node_tests():
        count += 1
        if answered(model, data) != answered(model, {}):
            read.add(model.graph.node[0].op_type)
    assert count > 1000
    assert len(read) > 20
    assert read <= ask.READ


def test_all_of_which_contents_are_read_are_operators() -> None:
    assert all(onnx.defs.has(op_type) for op_type in ask.READ)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The nodes of which ONNX is asked."""
    found: list[str] = []
    real = shape_inference.infer_node_outputs

    def infer(schema: Any, node: onnx.NodeProto, *rest: Any, **more: Any) -> Any:
        found.append(node.op_type)
        return real(schema, node, *rest, **more)

    monkeypatch.setattr(ask.onnx_inference, "infer_node_outputs", infer)
    return found


def chain(op_type: str, weights: dict[str, Any]) -> onnx.ModelProto:
    nodes, x = [], "x"
    for name in weights:
        nodes.append(helper.make_node(op_type, [x, name], [f"{name}_out"]))
        x = f"{name}_out"
    return model_of(nodes, {"x": (2, 2), **weights}, [x])


def test_weights_of_one_shape_are_asked_of_once(asked: list[str]) -> None:
    rng = np.random.default_rng(0)
    weights = {f"w{i}": floats(*rng.random((2, 2))) for i in range(5)}
    graph = build(load(chain("MatMul", weights)))
    assert asked == ["MatMul"]
    assert graph.value("w4_out").shape == (2, 2)


def test_targets_that_differ_are_asked_of_each(asked: list[str]) -> None:
    graph = build(load(chain("Reshape", {"a": ints(1, 4), "b": ints(4, 1), "c": ints(1, 4)})))
    assert graph.value("b_out").shape == (4, 1)
    assert graph.value("c_out").shape == (1, 4)
    assert asked == ["Reshape"] * 3  # the third reads another shape than the first
    graph = build(load(chain("Reshape", {"a": ints(2, 2), "b": ints(2, 2)})))
    assert asked == ["Reshape"] * 4


def test_a_value_of_no_known_type_is_not_asked_of(asked: list[str]) -> None:
    nodes = [
        helper.make_node("Mystery", ["x"], ["u"], domain="com.example"),
        helper.make_node("Relu", ["u"], ["y"]),
    ]
    graph = build(load(model_of(nodes, {"x": (2,)}, ["y"])))
    assert asked == []
    assert graph.value("y").shape is None
