"""What changes its meaning between opsets, and what onnx's own converter makes of it."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import ModelProto, parser, version_converter
from rules.harness import run_ort
from rules.test_opset_support import attempt, converted
from traps.trap import floats, model, ort, reference, same

import porting
from porting.rules import registry

X = np.random.default_rng(0).standard_normal((2, 3, 4)).astype(np.float32)
ROWS = "(float[2,3,4] x) => (float[2,3,4] y) { y = %s<axis = 1>(x) }"


def stamped(case: ModelProto, opset: int) -> ModelProto:
    """The same nodes under another opset: what a converter that looks at nothing gives."""
    copy = ModelProto()
    copy.CopyFrom(case)
    copy.opset_import[0].version = opset
    return copy


@pytest.mark.parametrize("op_type", ["Softmax", "LogSoftmax", "Hardmax"])
@pytest.mark.parametrize(("source", "target"), [(12, 13), (13, 12), (13, 11), (11, 17)])
def test_rows_before_opset_13_are_all_that_follows_the_axis(
    op_type: str, source: int, target: int
) -> None:
    case, feed = model(source, ROWS % op_type), {"x": X}
    assert not same(ort(stamped(case, target), feed), ort(case, feed))
    for rules in ({}, {"rules": registry()}):
        assert same(ort(converted(case, target, **rules), feed), ort(case, feed))


def test_onnx_s_own_converter_keeps_the_axis_of_softmax() -> None:
    case, feed = model(13, ROWS % "Softmax"), {"x": X}
    theirs = version_converter.convert_version(case, 12)
    assert not same(ort(theirs, feed), ort(case, feed))
    assert same(ort(converted(case, 12), feed), ort(case, feed))


@pytest.mark.parametrize(
    ("call", "source", "target"),
    [
        ("Add(x, x)", 14, 13),
        ("Relu(x)", 14, 13),
        ("MatMul(x, x)", 13, 12),
        ("Transpose(x)", 13, 12),
    ],
)
def test_everyday_operators_go_down(call: str, source: int, target: int) -> None:
    case = model(source, f"(float[2,2] x) => (float[2,2] y) {{ y = {call} }}")
    with pytest.raises(RuntimeError, match="No Adapter"):
        version_converter.convert_version(case, target)
    feed = {"x": floats(1, -2, 3, 4).reshape(2, 2)}
    assert same(ort(converted(case, target), feed), ort(case, feed))


YOUNGER = {
    "dilations": (
        19, 18,
        "(float[1,1,8,8] x) => (float[1,1,6,6] y) "
        "{ y = AveragePool<kernel_shape = [2, 2], dilations = [2, 2], strides = [1, 1]>(x) }",
    ),
    "wrap": (
        19, 18,
        "(float[1,4] x) => (float[1,6] y) <int64[4] p = {0, 1, 0, 1}> "
        '{ y = Pad<mode = "wrap">(x, p) }',
    ),
    "half_pixel_symmetric": (
        19, 18,
        "(float[1,1,4,4] x) => (float[1,1,6,6] y) <float[4] s = {1, 1, 1.5, 1.5}> "
        '{ y = Resize<mode = "linear", '
        'coordinate_transformation_mode = "half_pixel_symmetric">(x, , s) }',
    ),
    "antialias": (
        18, 17,
        "(float[1,1,4,4] x) => (float[1,1,2,2] y) <float[4] s = {1, 1, 0.5, 0.5}> "
        '{ y = Resize<mode = "linear", antialias = 1>(x, , s) }',
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", YOUNGER)
def test_what_the_older_opset_has_not_is_not_carried_over(what: str) -> None:
    source, target, text = YOUNGER[what]
    case = model(source, text, ir_version=9)
    assert what == "antialias" or what in spoken(version_converter.convert_version(case, target))
    alone = attempt(case, target)[1].blockers
    assert not alone or what in alone[0].reason
    result = converted(case, target, registry())
    assert what not in spoken(result, case.graph.node[0].op_type)
    feed = _image(case)
    assert same(ort(result, feed), ort(case, feed))


def spoken(case: ModelProto, op_type: str = "") -> set[str]:
    """Names and texts of all attributes, or of those that nodes of one operator have."""
    nodes = [n for n in case.graph.node if op_type in {"", n.op_type}]
    attributes = [a for node in nodes for a in node.attribute]
    return {a.name for a in attributes} | {a.s.decode() for a in attributes}


def _image(case: ModelProto) -> dict[str, np.ndarray]:
    shape = [d.dim_value for d in case.graph.input[0].type.tensor_type.shape.dim]
    return {"x": np.random.default_rng(1).standard_normal(shape).astype(np.float32)}


@pytest.mark.parametrize("mode", ["nearest", "linear"])
@pytest.mark.parametrize("source", [9, 10])
@pytest.mark.parametrize("target", [11, 13, 19])
def test_enlarging_of_old_starts_at_the_corner(mode: str, source: int, target: int) -> None:
    op_type = "Upsample" if source == 9 else "Resize"
    text = "(float[1,1,1,4] x) => (float[1,1,1,w] y) <float[4] s = {1, 1, 1, 1.25}> "
    case = model(source, text + f'{{ y = {op_type}<mode = "{mode}">(x, s) }}')
    feed = {"x": np.arange(4, dtype=np.float32).reshape(1, 1, 1, 4)}
    by_default = model(13, text + f'{{ y = Resize<mode = "{mode}">(x, , s) }}')
    assert not same(ort(by_default, feed), ort(case, feed))
    assert same(ort(converted(case, target, registry()), feed), ort(case, feed))


def test_onnx_s_own_converter_lets_enlarging_start_elsewhere() -> None:
    text = "(float[1,1,1,4] x) => (float[1,1,1,8] y) <float[4] s = {1, 1, 1, 2}> "
    case = model(10, text + '{ y = Resize<mode = "linear">(x, s) }')
    feed = {"x": np.arange(4, dtype=np.float32).reshape(1, 1, 1, 4)}
    theirs = version_converter.convert_version(case, 13)
    assert not same(ort(theirs, feed), ort(case, feed))
    assert same(ort(converted(case, 13), feed), ort(case, feed))


def test_scales_of_groups_become_scales_of_channels() -> None:
    text = (
        "(float[1,4,3] x) => (float[1,4,3] y) <float[%d] s = {%s}, float[%d] b = {%s}> "
        "{ y = GroupNormalization<num_groups = 2>(x, s, b) }"
    )
    feed = {"x": np.random.default_rng(0).standard_normal((1, 4, 3)).astype(np.float32)}
    case = model(18, text % (2, "1, 2", 2, "3, 4"))
    with pytest.raises(Exception, match="ncompatible"):
        ort(stamped(case, 21), feed)
    for target in (21, 17, 13):
        assert same(ort(converted(case, target, registry()), feed), ort(case, feed))
    of_channels = model(21, text % (4, "1, 2, 3, 4", 4, "0, 1, 0, 1"), ir_version=10)
    for target in (18, 17, 13):
        result = converted(of_channels, target, registry())
        assert same(ort(result, feed), reference(of_channels, feed))


MEAN = "(float[2,3,4] x) => (float[2,1,4] y) { y = ReduceMean<axes = [1]>(x) }"


@pytest.mark.parametrize("target", [18, 20])
def test_nodes_and_opset_change_together(target: int) -> None:
    case = model(17, MEAN)
    with pytest.raises(onnx.checker.ValidationError):  # the new opset on the old node
        onnx.checker.check_model(stamped(case, target), full_check=True)
    result = porting.convert_opset(case, target)
    with pytest.raises(onnx.checker.ValidationError):  # the old opset on the new node
        onnx.checker.check_model(stamped(result, 17), full_check=True)
    assert [o.version for o in result.opset_import] == [target]
    onnx.checker.check_model(result, full_check=True)
    assert same(ort(result, {"x": X}), ort(case, {"x": X}))


FUNCTION = parser.parse_model(
    '<ir_version: 10, opset_import: ["": 17, "l": 1]> '
    "g (float[2,3,4] x) => (float[2,1,4] y) { y = l.F(x) } "
    '<domain: "l", opset_import: ["": 17]> F (a) => (b) { b = ReduceMean<axes = [1]>(a) }'
)


def test_functions_are_converted_with_the_model(tmp_path: Path) -> None:
    theirs = version_converter.convert_version(FUNCTION, 18)
    with pytest.raises(Exception, match="not a registered function"):
        run_ort(theirs, {"x": X})
    result = porting.convert_opset(FUNCTION, 18)
    onnx.checker.check_model(result, full_check=True)
    assert same(ort(result, {"x": X}), X.mean(1, keepdims=True))
