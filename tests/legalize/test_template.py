"""Replacements that are copied for equal nodes: the very model that making them anew gives."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

import porting
from porting.legalize import opset as opset_module
from porting.legalize import search as search_module
from porting.legalize.template import Template, likeness_of
from porting.model.build import build
from porting.model.graph import Node
from porting.model.load import load

UNARY: dict[str, dict[str, object]] = {
    "Gelu": {},
    "HardSwish": {},
    "Mish": {},
    "Softplus": {},
    "Softsign": {},
    "Selu": {},
    "Elu": {"alpha": 0.5},
    "Celu": {"alpha": 2.0},
    "ThresholdedRelu": {"alpha": 0.3},
    "LogSoftmax": {"axis": 1},
    "Hardmax": {"axis": 1},
    "LpNormalization": {"axis": 1},
    "MeanVarianceNormalization": {"axes": [1, 2]},
    "Shrink": {"lambd": 0.2, "bias": 0.1},
    "Trilu": {},
}
TARGETS = ("rockchip-rk3588", "ascend-310p", "axera-ax650", "horizon-rdk-x5", "sophgo-bm1684x")


def chain(operators: list[str], shapes: list[int]) -> onnx.ModelProto:
    """Each operator on the result of the one before, with a LayerNormalization in between."""
    nodes = []
    x = "x"
    for number, op_type in enumerate(operators):
        y = f"v{number}"
        name = f"block{number}/{op_type}" if number % 3 else ""
        nodes.append(helper.make_node(op_type, [x], [y], name=name, **UNARY[op_type]))
        nodes.append(helper.make_node("LayerNormalization", [y, "scale"], [y + "n"]))
        x = y + "n"
    info = helper.make_tensor_value_info
    scale = numpy_helper.from_array(np.linspace(0.5, 2, shapes[-1], dtype=np.float32), "scale")
    graph = helper.make_graph(
        nodes,
        "chain",
        [info("x", TensorProto.FLOAT, shapes)],
        [info(x, TensorProto.FLOAT, shapes)],
        [scale],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)


def converted(model: onnx.ModelProto, target: str, folder: Path) -> tuple[bytes, list[object]]:
    out = folder / "out.onnx"
    result = porting.convert(model, target, out, partial=True, verify=False)
    return out.read_bytes(), [r.to_dict() for r in result.rewrites]


@pytest.mark.parametrize("target", TARGETS)
@settings(max_examples=4, deadline=None)
@given(st.lists(st.sampled_from(sorted(UNARY)), min_size=2, max_size=3), st.integers(2, 5))
def test_a_copy_is_what_would_have_been_made(
    target: str, tmp_path_factory: pytest.TempPathFactory, kinds: list[str], width: int
) -> None:
    model = chain([*kinds, *kinds, *kinds], [2, 3, width])
    folder = tmp_path_factory.mktemp("copies")
    copied = converted(model, target, folder)
    with pytest.MonkeyPatch.context() as patch:
        for module in (opset_module, search_module):
            patch.setattr(module, "likeness_of", lambda node: None)
        assert converted(model, target, folder) == copied


def test_equal_nodes_are_not_made_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled: list[Node] = []
    fill = Template.fill

    def noted(self: Template, node: Node, names: object) -> object:
        filled.append(node)
        return fill(self, node, names)  # type: ignore[arg-type]

    monkeypatch.setattr(Template, "fill", noted)
    model = chain(["Gelu"] * 5, [2, 3, 4])
    porting.convert(model, "rockchip-rk3588", tmp_path / "out.onnx", verify=False, partial=True)
    assert sum(node.op_type == "Gelu" for node in filled) == 4


def likeness(model: onnx.ModelProto) -> list[object]:
    return [likeness_of(node) for node in build(load(model)).nodes]


def test_nodes_differ_in_attributes_shapes_constants_and_repeated_operands() -> None:
    text = """<ir_version: 8, opset_import: ["": 17]>
        g (float[2,3] x, float[2,3] y, float[3] z) => (float[2,3] o)
        <float[3] c = {1, 2, 3}, float[3] d = {1, 2, 3}, float[3] e = {1, 2, 4}> {
        a = Add(x, y) b = Add(x, x) f = Add(y, x) g1 = Add(x, z)
        h = Mul(x, c) i = Mul(x, d) j = Mul(x, e) k = Mul(x, z)
        l = Elu<alpha = 1.0>(x) m = Elu<alpha = 2.0>(x) n = Elu<alpha = 2.0>(y) o = Elu(n) }"""
    a, b, f, g1, h, i, j, k, p, m, n, o = likeness(onnx.parser.parse_model(text))
    assert a == f
    assert a != b
    assert a != g1
    assert h == i
    assert h != j
    assert h != k
    assert m == n
    assert p != m
    assert n != o, "the graph returns one of them"


def test_a_large_constant_is_not_compared() -> None:
    weight = numpy_helper.from_array(np.zeros((9, 9), np.float32), "w")
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        [node],
        "g",
        [info("x", TensorProto.FLOAT, [1, 9])],
        [info("y", TensorProto.FLOAT, [1, 9])],
        [weight],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    assert likeness(model) == [None]
