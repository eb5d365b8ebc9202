"""What `port check` says of models for the Rockchip RK3588, limit by limit."""

from typing import Any

import numpy as np
import onnx
import pytest
from capability.helpers import Given, floats, info, ints, model_of, node_model, ones, tensor
from onnx import helper

import porting
from porting.capability.targets import load_target
from porting.results import CheckResult, Finding, worst

TARGET = "rk3588"
IMAGE = (1, 8, 12, 12)
WIDE = (1, 8, 12, 16)


def check(model: onnx.ModelProto, **more: Any) -> CheckResult:
    return porting.check(model, TARGET, **more)


def findings(result: CheckResult) -> list[Finding]:
    return [*result.findings, *(f for n in result.nodes for f in n.findings)]


def said(model: onnx.ModelProto, **more: Any) -> tuple[str, str]:
    """The verdict on the model as a whole, and the reasons for it."""
    found = findings(check(model, **more))
    verdict = worst([f.verdict for f in found])
    return verdict, "; ".join(f.message for f in found if f.verdict == verdict)


def x(op_type: str, shape: Given = IMAGE, **more: Any) -> onnx.ModelProto:
    """An operator of one input."""
    return node_model(op_type, {"x": shape}, **more)


def of(op_type: str, *inputs: Given, **more: Any) -> onnx.ModelProto:
    """An operator of several inputs, `a`, `b`, `c` and so on."""
    return node_model(op_type, dict(zip("abcdefgh", inputs, strict=False)), **more)


def typed(op_type: str, dtype: str, *inputs: Given, **more: Any) -> onnx.ModelProto:
    """The same with inputs of one element type."""
    return of(op_type, *inputs, dtypes=dict.fromkeys("abc", dtype), **more)


def permuted(shape: tuple[int, ...], *perm: int) -> onnx.ModelProto:
    return x("Transpose", shape, perm=list(perm))


def pool(op_type: str = "AveragePool", shape: Given = IMAGE, **more: Any) -> onnx.ModelProto:
    return x(op_type, shape, **{"kernel_shape": [3] * (len(shape) - 2), **more})


def resized(scale: float, mode: str = "linear", transform: str = "half_pixel") -> onnx.ModelProto:
    scales = floats(1, 1, scale, scale)
    more = {"mode": mode, "coordinate_transformation_mode": transform}
    return of("Resize", IMAGE, None, scales, **more)


def recurrent(op_type: str = "GRU", outputs: Any = 2, **more: Any) -> onnx.ModelProto:
    gates = 3 if op_type == "GRU" else 4
    weights = (ones(1, gates * 4, 8), ones(1, gates * 4, 4), ones(1, gates * 8))
    return of(op_type, (5, 1, 8), *weights, outputs=outputs, hidden_size=4, **more)


def normalized(outputs: int = 1, **more: Any) -> onnx.ModelProto:
    return of("LayerNormalization", (1, 10, 16), ones(16), ones(16), outputs=outputs, **more)


def constant(**value: Any) -> onnx.ModelProto:
    nodes = [
        helper.make_node("Constant", [], ["k"], **value),
        helper.make_node("Mul", ["x", "k"], ["y"]),
    ]
    return model_of(nodes, {"x": IMAGE}, ["y"])


def filled(**value: Any) -> onnx.ModelProto:
    nodes = [
        helper.make_node("ConstantOfShape", ["s"], ["k"], **value),
        helper.make_node("Add", ["x", "k"], ["y"]),
    ]
    return model_of(nodes, {"x": (1, 8, 4, 4), "s": ints(1, 8, 4, 4)}, ["y"])


def optional_input() -> onnx.ModelProto:
    kind = helper.make_optional_type_proto(helper.make_tensor_type_proto(1, [4]))
    graph = helper.make_graph(
        [helper.make_node("OptionalGetElement", ["o"], ["y"])],
        "g",
        [helper.make_value_info("o", kind)],
        [info("y", [4])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


def test_every_entry_is_well_formed() -> None:
    table = load_target(TARGET)
    table.validate()
    assert table.data.target == "rockchip-rk3588"
    assert list(table.data.ops) == sorted(table.data.ops, key=lambda op: ("::" in op, op))
    assert table.precision == "float16"


@pytest.mark.parametrize(
    "model",
    [
        pytest.param(x("Relu"), id="relu"),
        pytest.param(of("Conv", IMAGE, ones(8, 8, 3, 3)), id="conv"),
        pytest.param(of("Conv", (1, 4, 40, 40), ones(4, 4, 33, 33)), id="kernel beyond the list"),
        pytest.param(of("Conv", IMAGE, (8, 8, 3, 3)), id="conv with run-time weights"),
        pytest.param(pool("MaxPool", kernel_shape=[9, 9], strides=[9, 9]), id="pool"),
        pytest.param(pool("AveragePool", pads=[1] * 4, count_include_pad=1), id="padding counted"),
        pytest.param(pool("AveragePool", (1, 8, 16), kernel_shape=[2]), id="pool in 1-D"),
        pytest.param(x("Softmax", axis=1), id="softmax over channels"),
        pytest.param(of("Reshape", IMAGE, ints(1, 8, 144)), id="reshape"),
        pytest.param(of("Slice", (4, 8, 12), ints(0), ints(2), ints(0)), id="batch above 1"),
        pytest.param(of("Pow", IMAGE, floats(2)), id="square"),
        pytest.param(of("Clip", IMAGE, floats(-2)), id="clip"),
        pytest.param(of("Gather", IMAGE, ints(0, 2), axis=1), id="gather"),
        pytest.param(normalized(epsilon=1e-5, axis=-1), id="layer normalization"),
        pytest.param(resized(2), id="linear resize"),
        pytest.param(resized(1.5, "nearest"), id="nearest resize"),
        pytest.param(recurrent(), id="gru"),
        pytest.param(recurrent("LSTM", 3), id="lstm"),
        pytest.param(permuted((1, 8, 3, 5), 0, 1, 3, 2), id="H not a multiple of 8"),
        pytest.param(permuted((2, 3, 4), 2, 0, 1), id="transpose of rank 3"),
        pytest.param(x("Relu", opset=19), id="opset 19"),
        pytest.param(of("Conv", IMAGE, ones(8, 8, 3, 3), opset=7), id="opset 7"),
        pytest.param(constant(value=tensor([2.0], np.float32)), id="constant"),
        pytest.param(filled(value=tensor([1.0], np.float32)), id="constant of shape"),
    ],
)
def test_stays_on_the_npu(model: onnx.ModelProto) -> None:
    assert said(model)[0] == "supported"


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        pytest.param(x("Exp"), "runs on the host CPU", id="listed as a CPU operator"),
        pytest.param(x("Acos"), "vendor's list does not have it", id="not listed"),
        pytest.param(x("Not", (3, 4), dtypes={"x": "bool"}), "one denies it", id="disputed"),
        pytest.param(pool("AveragePool", pads=[1] * 4), "counts padding", id="padding not counted"),
        pytest.param(
            pool("AveragePool", (1, 8, 15, 15), kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1),
            "counts padding",
            id="ceil_mode",
        ),
        pytest.param(pool("MaxPool", outputs=2), "output Indices", id="indices of a pool"),
        pytest.param(of("Gather", IMAGE, (3,), dtypes={"b": "int32"}), "computed at run time"),
        pytest.param(of("Gather", (1, 2, 3, 4, 5), ints(0), axis=4), "from rank 5 on"),
        pytest.param(of("Pow", IMAGE, floats(4)), "exponents other than", id="fourth power"),
        pytest.param(of("Slice", IMAGE, ints(0), ints(12), ints(2), ints(2)), "steps other than 1"),
        pytest.param(of("Tile", (2, 3), ints(2, 2)), "at another rank than 4", id="tile"),
        pytest.param(of("Max", (4, 8), (4, 8)), "at other ranks than 4 and 5", id="max"),
        pytest.param(typed("Add", "int64", IMAGE, IMAGE), "int64", id="int64"),
        pytest.param(typed("Mul", "int32", IMAGE, IMAGE), "multiplied by the host CPU", id="int32"),
        pytest.param(x("Softmax", (1, 4, 4, 8193)), "more than 8192", id="wide softmax"),
        pytest.param(resized(1.5), "not whole", id="linear resize by 1.5"),
        pytest.param(resized(2, "linear", "align_corners"), "do not divide", id="align_corners"),
        pytest.param(resized(2, "linear", "half_pixel_symmetric"), "transformation_mode runs on"),
        pytest.param(of("MatMul", (2, 1, 4, 8), (1, 3, 8, 4)), "broadcast", id="batch broadcast"),
        pytest.param(
            of("InstanceNormalization", IMAGE, (8,), ones(8)), "scale or B", id="instance"
        ),
        pytest.param(of("ConvTranspose", IMAGE, ones(8, 4, 3, 3), strides=[3, 3]), "1, 2, 4 and 8"),
        pytest.param(of("Pad", IMAGE, ints(0, 0, -1, 0, 0, 0, 0, 0)), "negative pads", id="crop"),
        pytest.param(x("Size"), "not folded", id="size"),
        pytest.param(x("Gelu", domain="com.microsoft"), "host CPU", id="com.microsoft gelu"),
    ],
)
def test_falls_back_to_the_cpu(model: onnx.ModelProto, reason: str) -> None:
    verdict, why = said(model)
    assert (verdict, reason in why) == ("fallback", True), why


@pytest.mark.parametrize(
    ("shape", "perm", "float16", "int8"),
    [
        ((1, 8, 256, 255), (0, 1, 3, 2), "supported", "supported"),
        ((1, 3, 16, 4096), (0, 1, 3, 2), "fallback", "fallback"),
        ((1, 9000, 2, 3), (0, 2, 3, 1), "fallback", "fallback"),
        ((1, 16, 128, 128), (0, 3, 1, 2), "supported", "fallback"),
        ((4, 8, 128, 128), (1, 0, 2, 3), "fallback", "fallback"),
        ((1, 32, 128, 24), (1, 0, 3, 2), "fallback", "supported"),
        ((4096, 2, 16, 24), (1, 2, 0, 3), "fallback", "supported"),
        ((5, 8, 1, 9000), (1, 2, 0, 3), "supported", "fallback"),
        ((24, 512, 8, 24), (1, 2, 3, 0), "fallback", "supported"),
        ((2048, 4, 12, 8), (1, 3, 0, 2), "supported", "unsupported"),
        ((24, 9000, 8, 1), (2, 1, 0, 3), "fallback", "supported"),
        ((2, 3, 8, 1), (2, 1, 3, 0), "fallback", "fallback"),
        ((160, 100, 32, 2), (3, 0, 2, 1), "fallback", "fallback"),
    ],
)
def test_permutations(
    shape: tuple[int, ...], perm: tuple[int, ...], float16: str, int8: str
) -> None:
    model = permuted(shape, *perm)
    assert said(model)[0] == float16
    assert said(model, precision="int8")[0] == int8


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        pytest.param(x("Relu", opset=20), "imports opset 20", id="opset 20"),
        pytest.param(x("Relu", ("n", 8, 4, 4)), "every dimension", id="symbolic dimension"),
        pytest.param(x("Relu", (0, 8, 4, 4)), "without elements", id="empty input"),
        pytest.param(x("Identity", (3,), dtypes={"x": "uint32"}), "not int16, uint16", id="uint32"),
        pytest.param(optional_input(), "an input of the model is a tensor", id="optional input"),
        pytest.param(x("Shape"), "all constants", id="only a shape"),
        pytest.param(of("Reshape", IMAGE, (3,), dtypes={"b": "int64"}), "shape must be a constant"),
        pytest.param(of("Pad", IMAGE, (8,), dtypes={"b": "int64"}), "pads must be a constant"),
        pytest.param(of("TopK", (1, 100), (1,), outputs=2, dtypes={"b": "int64"}), "K must be a"),
        pytest.param(of("CumSum", (5,), (), dtypes={"b": "int32"}), "axis must be a constant"),
        pytest.param(of("PRelu", IMAGE, (8, 1, 1)), "slope must be a constant", id="slope"),
        pytest.param(
            of("ReduceSum", IMAGE, (1,), dtypes={"b": "int64"}), "axes must be a constant"
        ),
        pytest.param(x("NonZero"), "X must be a constant", id="nonzero"),
        pytest.param(
            of("BatchNormalization", IMAGE, *[(8,)] * 4), "scale must be", id="batch norm"
        ),
        pytest.param(
            constant(value_float=2.0), "value_float must not be written", id="value_float"
        ),
        pytest.param(filled(), "value must be written", id="constant of shape"),
        pytest.param(pool("MaxPool", (1, 4, 6, 8, 8)), "3-D pooling crashes", id="3-D pooling"),
        pytest.param(pool("AveragePool", (1, 4, 6, 8, 8), ceil_mode=1), "neither ceil_mode"),
        pytest.param(of("Conv", IMAGE, (8, 4, 3, 3), group=2), "grouped weights", id="grouped"),
        pytest.param(
            of("ConvTranspose", IMAGE, ones(8, 4, 3, 3), auto_pad="SAME_UPPER"),
            "auto_pad",
            id="same",
        ),
        pytest.param(resized(2, "cubic"), "mode cubic crashes", id="cubic"),
        pytest.param(normalized(), "must be written on the node", id="epsilon left out"),
        pytest.param(normalized(epsilon=1e-5), "must be written on the node", id="axis left out"),
        pytest.param(recurrent(layout=0), "layout must not be written", id="layout"),
        pytest.param(recurrent(outputs=["", "h"]), "left out by an empty name", id="blank output"),
        pytest.param(of("GRU", (5, 1, 8), (1, 12, 8), (1, 12, 4), hidden_size=4), "W must be a"),
        pytest.param(
            x("Split", (1, 7), outputs=2, opset=18, axis=1, num_outputs=2), "parts must be"
        ),
        pytest.param(of("Pad", WIDE, ints(0, 3, 0, 4), None, ints(1, 3), opset=18), "begin with 0"),
        pytest.param(
            typed("Div", "int32", IMAGE, IMAGE), "divided by a constant", id="int division"
        ),
        pytest.param(typed("Add", "uint8", IMAGE, IMAGE), "int32 or int64 only", id="uint8"),
        pytest.param(
            typed("Equal", "uint8", (3, 4), (3, 4)), "another rank than 4", id="uint8 of 2"
        ),
        pytest.param(typed("Min", "int8", (3, 4, 5, 6), (3, 4, 5, 6)), "multiple of 16", id="int8"),
        pytest.param(typed("MatMul", "int32", (4, 8), (8, 4)), "float64 only", id="int32 matmul"),
        pytest.param(of("Max", IMAGE), "one input", id="max of one"),
        pytest.param(of("Add", (1, 2, 3, 1, 2, 3), floats(2)), "from rank 6 on", id="rank 6"),
        pytest.param(x("Softplus", (1, 2, 3, 1, 2, 3, 1)), "from rank 7 on", id="rank 7"),
        pytest.param(of("QuantizeLinear", IMAGE, np.float32(0.1)), "zero point", id="zero point"),
        pytest.param(x("RandomNormalLike"), "random operators", id="random"),
        pytest.param(
            x("FastGelu", domain="com.microsoft"), "custom operator", id="custom operator"
        ),
    ],
)
def test_is_refused(model: onnx.ModelProto, reason: str) -> None:
    verdict, why = said(model)
    assert (verdict, reason in why) == ("unsupported", True), why


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        pytest.param(
            x("Split", (1, 8), outputs=2, opset=18, axis=1, num_outputs=2),
            "in the midst of a model",
            id="num_outputs",
        ),
        pytest.param(x("Dropout", outputs=2), "mask is not computed", id="mask"),
        pytest.param(normalized(3, epsilon=1e-5, axis=-1), "Mean and InvStdDev", id="mean"),
        pytest.param(pool("AveragePool", (1, 4, 6, 8, 8), pads=[1] * 6), "counts the padding"),
        pytest.param(resized(0.6, "linear", "align_corners"), "rounded size", id="align_corners"),
        pytest.param(
            typed(
                "QLinearMatMul", "int8", (2, 4), floats(0.1), np.int8([0]), np.ones((4, 3), np.int8)
            ),
            "int8",
            id="int8 product",
        ),
    ],
)
def test_computes_something_else(model: onnx.ModelProto, reason: str) -> None:
    verdict, why = said(model)
    assert (verdict, reason in why) == ("deviates", True), why


def test_a_given_shape_makes_a_symbolic_model_fit() -> None:
    model = x("Relu", ("n", 8, 4, 4))
    assert said(model, dims={"n": 1})[0] == "supported"
    assert "input_size_list" in check(model).findings[0].help


@pytest.mark.parametrize(
    ("model", "precision", "verdict"),
    [
        (normalized(epsilon=1e-5, axis=-1), "int8", "fallback"),
        (of("Conv", IMAGE, ones(8, 8, 3, 3)), "int8", "supported"),
        (of("Conv", IMAGE, ones(8, 8, 3, 3)), "int16", "fallback"),
        (permuted(IMAGE, 0, 2, 3, 1), "int16", "supported"),
    ],
)
def test_kinds_of_arithmetic(model: onnx.ModelProto, precision: str, verdict: str) -> None:
    assert said(model, precision=precision)[0] == verdict


def test_the_range_of_float16_is_mentioned() -> None:
    advice = [f for f in findings(check(x("Softmax"))) if f.code == "advice"]
    assert "65504" in advice[0].message
    assert said(x("Softmax"))[0] == "supported"


def test_nothing_is_said_of_what_nobody_tried() -> None:
    verdict, why = said(x("QuickGelu", domain="com.microsoft"))
    assert verdict == "unknown"
    assert "nothing is known" in why


def test_measurement_and_document_are_both_cited() -> None:
    (finding,) = check(pool("AveragePool", pads=[1] * 4)).nodes[0].findings
    assert "RKNN-Toolkit2 2.5.0" in finding.source
    assert "Support Operator List V2.3.2" in finding.source


def test_what_is_quantised_cannot_be_quantised_again() -> None:
    model = of("QuantizeLinear", IMAGE, np.float32(0.1), np.int8(0))
    assert said(model)[0] == "supported"
    assert "quantised already" in said(model, precision="int8")[1]


def test_quantisation_wants_a_float_input() -> None:
    model = typed("Or", "bool", (3, 4), (3, 4))
    assert said(model)[0] == "fallback"
    assert "no input of the model is float" in said(model, precision="int8")[1]
