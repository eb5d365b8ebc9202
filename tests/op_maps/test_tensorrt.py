"""NVIDIA TensorRT: one tiny model for each kind of limit in its table."""

from typing import Any

import numpy as np
import onnx
import pytest
from capability.helpers import Given, floats, ints, model_of, node_model, ones, result, verdict
from onnx import TensorProto, helper

import porting
from porting.capability.table import CapabilityTable
from porting.capability.targets import available, find, load_target

TARGET = "nvidia-tensorrt"
IMAGE = (1, 4, 8, 8)
KERNEL = ones(4, 4, 3, 3)
SCALE = floats(0.5)[0]
FALSE, TRUE = np.array(False), np.array(True)
HEADS = {"q": (1, 2, 5, 8), "k": (1, 2, 5, 8), "v": (1, 2, 5, 8)}


@pytest.fixture(scope="module")
def table() -> CapabilityTable:
    return load_target(TARGET)


def x(op_type: str, shape: Given = IMAGE, **more: Any) -> onnx.ModelProto:
    return node_model(op_type, {"x": shape}, **more)


def typed(op_type: str, dtype: str, *names: str, shape: Given = (4,), **more: Any):
    inputs = dict.fromkeys(names or ("x",), shape)
    return node_model(op_type, inputs, dtypes=dict.fromkeys(inputs, dtype), **more)


def conv(shape: Given = IMAGE, weight: Given = KERNEL, **more: Any) -> onnx.ModelProto:
    return node_model("Conv", {"x": shape, "w": weight}, **more)


def einsum(equation: str) -> onnx.ModelProto:
    return node_model("Einsum", {"a": (2, 3), "b": (3, 4)}, equation=equation)


def pad(pads: Given, **more: Any) -> onnx.ModelProto:
    return node_model("Pad", {"x": (4, 4), "p": pads}, dtypes={"p": "int64"}, **more)


def top_k(k: Given, **more: Any) -> onnx.ModelProto:
    inputs = {"x": (9, 5000), "k": k}
    return node_model("TopK", inputs, 2, dtypes={"k": "int64"}, **more)


def resize(**more: Any) -> onnx.ModelProto:
    return node_model("Resize", {"x": IMAGE, "roi": None, "s": floats(1, 1, 2, 2)}, **more)


def quantize(zero: Given, scale: Given = SCALE, **more: Any) -> onnx.ModelProto:
    return node_model("QuantizeLinear", {"x": IMAGE, "s": scale, "z": zero}, **more)


def dequantize(zero: Given) -> onnx.ModelProto:
    inputs = {"x": IMAGE, "s": floats(0.5)[0], "z": zero}
    return node_model("DequantizeLinear", inputs, dtypes={"x": "int8"})


def scatter_nd(**more: Any) -> onnx.ModelProto:
    inputs = {"x": (4, 4), "i": ints(0, 1).reshape(2, 1), "u": (2, 4)}
    return node_model("ScatterND", inputs, opset=18, **more)


def gru(activations: list[str]) -> onnx.ModelProto:
    inputs = {"x": (5, 1, 4), "w": ones(2, 18, 4), "r": ones(2, 18, 6)}
    return node_model(
        "GRU", inputs, hidden_size=6, direction="bidirectional", activations=activations
    )


def branch(name: str, squeezes: bool) -> onnx.GraphProto:
    node = (
        helper.make_node("Squeeze", ["x"], [name]) if squeezes else
        helper.make_node("Neg", ["x"], [name])
    )  # fmt: skip
    return helper.make_graph([node], name, [], [onnx.ValueInfoProto(name=name)])


def if_(squeezes: bool) -> onnx.ModelProto:
    node = helper.make_node(
        "If", ["c"], ["y"], "node",
        then_branch=branch("t", squeezes), else_branch=branch("e", False),
    )  # fmt: skip
    return model_of([node], {"c": (), "x": (1, 4)}, ["y"], dtypes={"c": "bool"})


def loop(trips: Given, carried: Given) -> onnx.ModelProto:
    """Returns what it carries, and a scan of it."""
    body = helper.make_graph(
        [
            helper.make_node("Identity", ["k"], ["kk"]),
            helper.make_node("Identity", ["v"], ["w"]),
            helper.make_node("Identity", ["v"], ["s"]),
        ],
        "body",
        [
            helper.make_tensor_value_info("i", TensorProto.INT64, ()),
            helper.make_tensor_value_info("k", TensorProto.BOOL, ()),
            onnx.ValueInfoProto(name="v"),
        ],
        [onnx.ValueInfoProto(name=n) for n in ("kk", "w", "s")],
    )
    inputs = {"m": trips, "c": TRUE, "x": carried}
    node = helper.make_node("Loop", ["m", "c", "x"], ["y", "z"], "node", body=body)
    return model_of([node], inputs, ["y", "z"], dtypes={"m": "int64"})


@pytest.mark.parametrize("short", ["tensorrt", "nvidia", "nvidia-tensorrt"])
def test_short_names_find_it(short: str) -> None:
    assert find(short, available()) == TARGET


def test_every_entry_is_well_formed(table: CapabilityTable) -> None:
    table.validate()
    refused = [k for k, e in table.data.ops.items() if e.verdict == "unsupported"]
    assert (len(table.data.ops), len(refused)) == (204, 42)


@pytest.mark.parametrize(
    "model",
    [
        conv(),
        conv((1, 4, 8), ones(4, 4, 3)),
        conv(weight=(4, 4, 3, 3)),
        typed("Add", "int64", "a", "b"),
        typed("MatMul", "bfloat16", "a", "b", shape=(4, 4)),
        typed("Mod", "float16", "a", "b", fmod=1),
        node_model("Gather", {"x": IMAGE, "i": ints(0)}),
        node_model("Where", {"c": (4,), "a": (4,), "b": (4,)}, dtypes={"c": "bool"}),
        x("ReduceMean", axes=[1]),
        einsum("ij,jk->ik"),
        pad(ints(0, 1, 0, 1), mode="reflect"),
        pad((4,)),
        top_k(ints(5)),
        resize(mode="linear"),
        quantize(np.int8(0)),
        dequantize(np.int8(0)),
        scatter_nd(),
        gru(["Sigmoid", "Tanh"] * 2),
        node_model("Dropout", {"x": IMAGE, "r": None, "t": FALSE}),
        node_model("Attention", HEADS, opset=23),
        if_(False),
        loop(ints(3), ()),
        x("ScaledTanh"),
        x("HannWindow", (), dtypes={"x": "int64"}),
    ],
)
def test_what_is_taken(table: CapabilityTable, model: onnx.ModelProto) -> None:
    found = result(model, table)
    assert found.verdict == "supported", found.findings


@pytest.mark.parametrize(
    ("model", "expected", "reason"),
    [
        (typed("BitShift", "uint8", "a", "b", direction="LEFT"), "unsupported", "vendor lists"),
        (x("Erfinv", domain="acme"), "unsupported", "does not take acme::Erfinv"),
        (typed("MatMul", "int32", "a", "b", shape=(4, 4)), "unsupported", "float32, float16"),
        (typed("Add", "float64", "a", "b"), "deviates", "computed in float32"),
        (x("Cast", to=TensorProto.DOUBLE), "deviates", "computed in float32"),
        (x("Cast", to=TensorProto.INT16), "unsupported", "to is float32"),
        (x("Cast", to=TensorProto.INT8), "unknown", "meant for QuantizeLinear"),
        (typed("Neg", "float32", shape=(1,) * 9), "unsupported", "at most 8 dimensions"),
        (conv((4, 8), ones(4, 4)), "unsupported", "rank 3..5"),
        (x("AveragePool", kernel_shape=[2, 2], dilations=[2, 2], opset=19), "unsupported",
         "dilations is 1"),
        (x("MaxPool", kernel_shape=[2, 2], outputs=2), "unsupported", "Indices"),
        (typed("Clip", "int64", "x", "a", "b", shape=()), "unknown", "sources disagree"),
        (node_model("CumSum", {"x": (4,), "a": ()}, dtypes={"a": "int64"}), "unknown", "10.8"),
        (node_model("DeformConv", {"x": IMAGE, "w": KERNEL, "o": (1, 18, 8, 8)}, opset=19,
                    pads=[1, 0, 1, 2]), "unsupported", "padded alike"),
        (einsum("Ij,jk->Ik"), "unsupported", "lower case"),
        (pad(ints(0, -1, 0, 0)), "unsupported", "not negative"),
        (pad(ints(0, 1, 0, 1), mode="wrap", opset=19), "supported", ""),
        (top_k(ints(4000)), "unsupported", "below 3840"),
        (top_k((1,)), "unknown", "below 3840"),
        (top_k(ints(5), sorted=0), "unsupported", "sorted is 1"),
        (resize(mode="cubic"), "unknown", "cubic"),
        (resize(coordinate_transformation_mode="tf_crop_and_resize"), "unsupported",
         "coordinate_transformation_mode"),
        (resize(coordinate_transformation_mode="tf_half_pixel_for_nn", nearest_mode="floor",
                opset=11), "unsupported", "goes with round_prefer_floor"),
        (quantize(np.uint8(128)), "unsupported", "y is int8"),
        (quantize(np.int8(3)), "unsupported", "zero point is 0"),
        (quantize(np.int8(0), floats(-1)[0]), "unsupported", "positive"),
        (dequantize(np.int8(1)), "unsupported", "zero point is 0"),
        (scatter_nd(reduction="add"), "unsupported", "reduction is none"),
        (gru(["Sigmoid", "Tanh", "Tanh", "Tanh"]), "unsupported", "same activations"),
        (node_model("Dropout", {"x": IMAGE, "r": None, "t": TRUE}), "unsupported", "false"),
        (node_model("Attention", HEADS, opset=23, softcap=1.0), "unsupported", "softcap"),
        (node_model("Attention", HEADS, 2, opset=23), "unsupported", "present_key"),
        (if_(True), "unknown", "the same rank"),
        (loop((1,), ()), "unsupported", "trip count"),
        (loop(ints(3), (4,)), "unknown", "keep its shape"),
        (typed("Range", "float16", "a", "b", "c", shape=(), opset=11), "unknown", "disagree"),
        (x("NonZero", dtypes={"x": "bool"}), "unknown", "sources disagree"),
        (x("SequenceConstruct"), "unsupported", "vendor lists"),
        (x("Hardmax", (4, "n")), "unknown", "size of the axis"),
        (x("LpNormalization", p=2, dtypes={"x": "bfloat16"}, opset=22), "unknown", "bfloat16"),
    ],
)  # fmt: skip
def test_limits(table: CapabilityTable, model: onnx.ModelProto, expected: str, reason: str) -> None:
    found = result(model, table)
    text = found.findings[0].message if found.findings else ""
    assert (found.verdict, reason in text) == (expected, True), found


def test_an_attribute_that_older_releases_refuse_is_advised_about(table: CapabilityTable) -> None:
    assert "before 10.9" in result(scatter_nd(reduction="none"), table).findings[0].message


def test_uint8_stays_at_the_edge(table: CapabilityTable) -> None:
    inner = model_of(
        [
            helper.make_node("Cast", ["x"], ["y"], "node", to=TensorProto.UINT8),
            helper.make_node("Cast", ["y"], ["z"], "back", to=TensorProto.FLOAT),
        ],
        {"x": (4,)},
        ["z"],
    )
    assert verdict(x("Cast", to=TensorProto.UINT8), table) == "supported"
    assert verdict(inner, table) == "unsupported"


def test_an_opset_beyond_the_documented_is_unknown() -> None:
    newest = porting.check(x("Abs", opset=25), TARGET).findings
    assert [f.verdict for f in newest] == ["unknown"]
    assert not porting.check(x("Abs", opset=24), TARGET).findings
