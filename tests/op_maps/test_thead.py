"""T-Head: one tiny model for each kind of limit in its tables."""

from typing import Any

import numpy as np
import onnx
import pytest
from capability.helpers import Given, floats, info, ints, model_of, node_model, ones
from onnx import helper

import porting
from porting.capability.targets import available, find, load_target
from porting.results import CheckResult, worst

CPU, NPU, REF, PPU = "thead-hhb", "thead-hhb-th1520", "thead-hhb-x86-ref", "thead-ppu-holmes"
IMAGE = (1, 4, 8, 8)
KERNEL = ones(4, 4, 3, 3)
DOUBLED = floats(1, 1, 2, 2)


def x(op_type: str, shape: Given = IMAGE, **more: Any) -> onnx.ModelProto:
    return node_model(op_type, {"x": shape}, **more)


def typed(op_type: str, dtype: str, *names: str, shape: Given = (4,), **more: Any):
    inputs = dict.fromkeys(names or ("x",), shape)
    return node_model(op_type, inputs, dtypes=dict.fromkeys(inputs, dtype), **more)


def two(op_type: str, a: Given, b: Given, **more: Any) -> onnx.ModelProto:
    return node_model(op_type, {"a": a, "b": b}, **more)


def conv(shape: Given = IMAGE, weight: Given = KERNEL, op_type: str = "Conv", **more: Any):
    return node_model(op_type, {"x": shape, "w": weight}, **more)


def resize(sizes: bool = False, shape: Given = IMAGE, **more: Any) -> onnx.ModelProto:
    inputs: dict[str, Given] = {"x": shape, "roi": None, "scales": DOUBLED}
    if sizes:
        inputs |= {"scales": None, "sizes": ints(1, 4, 5, 5)}
    return node_model("Resize", inputs, **more)


def pad(*pads: int, shape: Given = IMAGE, **more: Any) -> onnx.ModelProto:
    return node_model("Pad", {"x": shape, "p": ints(*pads)}, **more)


def lstm(steps: int = 1, *, state: bool = True, all_steps: bool = False) -> onnx.ModelProto:
    inputs: dict[str, Given] = {"x": (steps, 1, 4), "w": ones(1, 24, 4), "r": ones(1, 24, 6)}
    inputs |= {"b": None, "l": None}
    inputs |= {"h": ones(1, 1, 6), "c": ones(1, 1, 6)} if state else {}
    outputs = ["y", "y_h"] if all_steps else ["", "y_h"]
    return node_model("LSTM", inputs, outputs, hidden_size=6)


def between(*nodes: onnx.NodeProto, **constants: Any) -> onnx.ModelProto:
    """Nodes from `a` to `b` between two others, so that neither is at an edge of the graph."""
    ends = [helper.make_node("Relu", ["x"], ["a"]), helper.make_node("Relu", ["b"], ["y"])]
    return model_of([ends[0], *nodes, ends[1]], {"x": IMAGE, **constants}, ["y"])


def guarded() -> onnx.ModelProto:
    nodes = [
        helper.make_node("Softmax", ["a"], ["s"]),
        helper.make_node("IsNaN", ["s"], ["n"]),
        helper.make_node("Where", ["n", "zero", "s"], ["b"]),
    ]
    return between(*nodes, zero=floats(0))


def computed_shape() -> onnx.ModelProto:
    """A Reshape to what Shape, Gather and Concat give: all of it is known without running."""
    nodes = [
        helper.make_node("Shape", ["a"], ["s"]),
        helper.make_node("Gather", ["s", "first"], ["g"]),
        helper.make_node("Concat", ["g", "rest"], ["to"], axis=0),
        helper.make_node("Reshape", ["a", "to"], ["b"]),
    ]
    return between(*nodes, first=ints(0), rest=ints(-1))


def sequence_input() -> onnx.ModelProto:
    node = helper.make_node("SequenceAt", ["s", "i"], ["y"])
    sequence = helper.make_tensor_sequence_value_info("s", onnx.TensorProto.FLOAT, [4])
    graph = helper.make_graph(
        [node], "g", [sequence], [info("y", [4])], [onnx.numpy_helper.from_array(ints(0)[0], "i")]
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def outcome(model: onnx.ModelProto, target: str) -> tuple[str, str]:
    """The worst verdict, and all that is said."""
    result: CheckResult = porting.check(model, target)
    found = [*result.findings, *(f for n in result.nodes for f in n.findings)]
    return worst([f.verdict for f in found]), "; ".join(f.message for f in found)


def expect(model: onnx.ModelProto, target: str, verdict: str, reason: str) -> None:
    found, said = outcome(model, target)
    assert (found, reason in said) == (verdict, True), said


@pytest.mark.parametrize("target", [CPU, NPU, REF, PPU])
def test_every_entry_compiles(target):
    table = load_target(target)
    table.validate()
    assert table.data.target == target


@pytest.mark.parametrize(
    ("name", "target"), [("hhb", CPU), ("th1520", NPU), ("x86-ref", REF), ("holmes", PPU)]
)
def test_short_names(name, target):
    assert find(name, available()) == target


SPLIT = helper.make_node("Split", ["a"], ["b", "c"], axis=1)
UNEVEN = helper.make_node("Split", ["a"], ["b", "c", "d"], axis=1, num_outputs=3)


@pytest.mark.parametrize(
    "model",
    [
        x("Relu"),
        x("Gelu", opset=20),
        x("AveragePool", kernel_shape=[3, 3], pads=[1, 1, 1, 1], ceil_mode=1),
        conv((1, 4, 8), ones(4, 4, 3)),
        conv((1, 4, 8, 8, 8), ones(4, 4, 3, 3, 3)),
        conv(op_type="ConvTranspose", auto_pad="SAME_UPPER", strides=[3, 3]),
        two("MatMul", (4, 8), ones(8, 2)),
        two("MatMul", (1, 4, 8), ones(8, 2)),
        two("MatMul", (2, 3, 4, 8), (2, 3, 8, 2)),
        two("Gemm", (4, 8), (8, 2), alpha=0.5),
        two("Max", IMAGE, (8,)),
        two("Max", (1, 4, 1, 1), IMAGE),
        two("Mean", IMAGE, IMAGE),
        two("PRelu", IMAGE, ones(4, 1, 1)),
        two("PRelu", IMAGE, ones(4, 8, 8)),
        two("PRelu", (4, 8), ones(8)),
        two("ReduceMean", IMAGE, ints(3), opset=18),
        x("ReduceMean", axes=[2, 3]),
        x("ReduceSum", opset=11, axes=[2, 3]),
        x("ReduceL2", opset=18),
        x("ReduceL2", axes=[1]),
        two("CastLike", IMAGE, floats(1)),
        lstm(),
        between(SPLIT),
        computed_shape(),
        two("Add", IMAGE, np.ones((4, 1, 1), np.float32), opset=23),
        resize(mode="linear", coordinate_transformation_mode="align_corners"),
        resize(mode="nearest"),
        node_model("Resize", {"x": IMAGE, "s": DOUBLED}, mode="nearest", opset=10),
        x("Softmax", opset=11, axis=3),
        between(
            helper.make_node("Identity", ["c"], ["k"]),
            helper.make_node("Add", ["a", "k"], ["b"]),
            c=floats(1),
        ),
    ],
)
def test_what_a_cpu_takes(model):
    assert outcome(model, CPU)[0] == "supported", outcome(model, CPU)[1]


@pytest.mark.parametrize(
    ("model", "verdict", "reason"),
    [
        (x("RMSNormalization", opset=23), "unsupported", "no converter"),
        (x("Mish2", domain="acme"), "unsupported", "HHB does not take acme::Mish2"),
        (x("Not", dtypes={"x": "bool"}), "unsupported", "logical_not, which no board's list has"),
        (node_model("LayerNormalization", {"x": IMAGE, "s": ones(8)}), "unsupported", "variance"),
        (between(helper.make_node("Identity", ["a"], ["b"])), "unsupported", "becomes copy"),
        (typed("Abs", "float64"), "unsupported", "no tensors of float64"),
        (typed("Equal", "string", "a", "b", opset=19), "unsupported", "no strings"),
        (x("Cast", to=onnx.TensorProto.FLOAT16), "unsupported", "unsupported dtype half"),
        (x("Cast", to=onnx.TensorProto.INT4, opset=21), "deviates", "4-bit"),
        (x("Relu", ("n", 4)), "unknown", "fixed shapes"),
        (x("Relu", opset=24), "unknown", "the toolchain takes 1..23"),
        (x("Shape"), "unsupported", "that constants decide"),
        (sequence_input(), "unsupported", "sequences and optional values"),
        (x("Dropout"), "unsupported", "nothing is left to compile"),
        (x("Dropout", outputs=2), "unsupported", "the mask is not computed"),
        (x("Clip"), "unsupported", "nothing is left"),
        (
            node_model("Clip", {"x": IMAGE, "l": floats(2)[0], "h": floats(1)[0]}),
            "deviates",
            "min above max",
        ),
        (node_model("Clip", {"x": IMAGE, "l": ()}), "unsupported", "min must be a constant"),
        (x("ArgMax", select_last_index=1), "deviates", "first of equals wins"),
        (x("MaxPool", kernel_shape=[2, 2], dilations=[2, 2]), "deviates", "dilations are dropped"),
        (
            x("MaxPool", kernel_shape=[1, 1], strides=[2, 2], ceil_mode=1, shape=(1, 4, 4, 4)),
            "deviates",
            "behind the input",
        ),
        (x("MaxPool", (1, 4, 8), kernel_shape=[2]), "unsupported", "X has rank 4..5 only"),
        (conv(weight=(4, 4, 3, 3)), "unsupported", "W must be a constant"),
        (conv(weight=KERNEL.astype(np.float16)), "unsupported", "W is float32 only"),
        (conv((1, 4, 8), ones(4, 4, 3), "ConvTranspose"), "unsupported", "rank 4..5"),
        (
            conv(op_type="ConvTranspose", auto_pad="SAME_LOWER", strides=[2, 2]),
            "deviates",
            "odd padding",
        ),
        (two("Gemm", (4, 8), (8, 2)), "unsupported", "B that is computed at run time"),
        (two("MatMul", (8,), ones(8, 2)), "unsupported", "nn.matmul"),
        (two("MatMul", (1, 2, 4, 8), ones(8, 2)), "unsupported", "rank 4 or more"),
        (two("MatMul", (1, 4, 8), (8, 2)), "unsupported", "a matrix computed at run time"),
        (two("MatMul", ones(2, 4), (4, 8)), "unsupported", "a constant A"),
        (two("Max", IMAGE, (1, 4, 1, 1)), "deviates", "smaller shape"),
        (two("Mean", (4, 5), (4, 5)), "deviates", "first axis is averaged"),
        (two("ReduceL2", IMAGE, ints(1), opset=18), "unsupported", "axes that are an input"),
        (two("ReduceSum", IMAGE, ints(2, 3)), "deviates", "only the first is reduced"),
        (x("ReduceL2", opset=18, noop_with_empty_axes=1), "deviates", "all axes are reduced"),
        (two("ReduceSum", IMAGE, ints()), "unsupported", "a constant without axes"),
        (
            two("ReduceSum", IMAGE, (1,), dtypes={"b": "int64"}),
            "unsupported",
            "axes must be constants",
        ),
        (lstm(5), "unsupported", "the sequence is split"),
        (lstm(state=False), "unsupported", "becomes zeros"),
        (lstm(all_steps=True), "unsupported", "becomes stack"),
        (x("Split", outputs=2, axis=1), "unsupported", "as the first node"),
        (x("Split", outputs=2, axis=1), "unsupported", "an output of the graph"),
        (
            between(
                helper.make_node("Constant", [], ["k"], value_float=2.0),
                helper.make_node("Mul", ["a", "k"], ["b"]),
            ),
            "unsupported",
            "value_float must not be written",
        ),
        (pad(0, 0, -1, 0, 0, 0, 0, 0), "unsupported", "negative pads"),
        (
            pad(0, 0, 1, 1, 0, 0, 1, 1, mode="wrap", opset=19),
            "unsupported",
            "mode is constant, reflect or edge only",
        ),
        (two("PRelu", IMAGE, ones(8)), "unsupported", "one for each channel"),
        (resize(), "unsupported", "mode must be written"),
        (resize(shape=(1, 4, 8), mode="nearest"), "unsupported", "rank 4"),
        (resize(mode="cubic"), "deviates", "cubic"),
        (resize(mode="linear"), "deviates", "linear is computed as asymmetric"),
        (resize(sizes=True, mode="nearest"), "deviates", "asymmetric with floor"),
        (x("Softmax", opset=11), "deviates", "before opset 13"),
        (
            node_model("OneHot", {"i": (3,), "d": ints(4), "v": floats(2, 5)}),
            "unsupported",
            "other than 0 and 1",
        ),
        (x("Squeeze", opset=11), "unsupported", "without axes"),
        (x("RandomNormalLike"), "deviates", "while the model is compiled"),
        (typed("DequantizeLinear", "int8", "x", shape=(4,)), "unsupported", "no dequantize"),
        (guarded(), "unsupported", "a guard against NaN"),
        (two("Equal", IMAGE, (8,)), "unsupported", "keeps the operand's shape"),
        (
            x("MeanVarianceNormalization", (1, 4, 8, 8), dtypes={"x": "uint64"}),
            "unsupported",
            "uint64",
        ),
        (typed("QLinearSigmoid", "uint8", domain="com.microsoft"), "unknown", "nobody has run"),
    ],
)
def test_what_a_cpu_refuses_or_computes_otherwise(model, verdict, reason):
    expect(model, CPU, verdict, reason)


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (conv(dilations=[2, 2]), "other values with dilations or a batch"),
        (conv((2, 4, 8, 8)), "with dilations or a batch above 1"),
        (conv((1, 4, 8, 8, 8), ones(4, 2, 3, 3, 3), group=2), "grouped 3-D"),
        (x("Hardmax"), "other values"),
        (x("ArgMax"), "bits of float32"),
        (typed("Cast", "int64", to=1), "read as zeros"),
        (typed("Cast", "bool", to=1), "Cast of bool"),
    ],
)
def test_only_the_reference_library_was_run_for_numbers(model, reason):
    assert outcome(model, CPU)[0] == "supported"
    found, said = outcome(model, REF)
    assert found == "deviates", said
    assert reason.removeprefix("other values ") in said


@pytest.mark.parametrize("target", [CPU, REF])
@pytest.mark.parametrize(
    "model",
    [
        pad(0, 0, 1, 1, 0, 0, 1, 1, mode="reflect"),
        pad(0, 1, 0, 1, shape=(4, 8)),
        two("Less", IMAGE, (8,)),
        x("DepthToSpace", blocksize=2, mode="CRD"),
    ],
)
def test_what_has_a_spelling_that_the_reference_library_gets_right(model, target):
    assert outcome(model, target)[0] == "deviates"


def test_the_reference_library_returns_constants():
    assert outcome(x("Shape"), REF)[0] == "supported"
    assert outcome(x("Dropout"), REF)[0] == "supported"


@pytest.mark.parametrize(
    ("model", "verdict", "reason"),
    [
        (x("Tanh"), "unsupported", "the NPU's list has no tanh"),
        (x("LogSoftmax"), "unsupported", "no log"),
        (two("MatMul", (1, 4, 8), (1, 8, 2)), "unsupported", "A has rank 2 only"),
        (conv((1, 4, 8), ones(4, 4, 3)), "unsupported", "rank 4 only"),
        (conv(op_type="ConvTranspose", dilations=[2, 2]), "unsupported", "dilations is 1 only"),
        (
            x("MaxPool", kernel_shape=[2, 2], outputs=2, storage_order=1),
            "unsupported",
            "storage_order",
        ),
        (
            resize(mode="linear", coordinate_transformation_mode="half_pixel_symmetric"),
            "unsupported",
            "half_pixel_symmetric",
        ),
        (x("Cast", to=onnx.TensorProto.FLOAT8E4M3FN, opset=19), "unsupported", "float8"),
        (x("Identity"), "unsupported", "becomes copy"),
        (x("Softmax", opset=11), "deviates", "before opset 13"),
        (computed_shape(), "supported", ""),
        (conv(), "supported", ""),
        (two("MatMul", (4, 8), ones(8, 2)), "supported", ""),
    ],
)
def test_what_the_npu_takes_and_lacks(model, verdict, reason):
    expect(model, NPU, verdict, reason)


@pytest.mark.parametrize(
    ("model", "verdict", "reason"),
    [
        (x("Relu"), "supported", ""),
        (x("Mish", opset=18), "unknown", "nothing is known about Mish"),
        (x("MaxPool", kernel_shape=[2, 2], outputs=2), "unknown", "Indices"),
        (x("DepthToSpace", blocksize=2, opset=23), "unknown", "the toolchain takes 6..22"),
        (typed("Einsum", "float32", shape=("n",), equation="i->i"), "unknown", "fixed shapes"),
    ],
)
def test_what_is_inferred_of_the_ppu_refuses_nothing(model, verdict, reason):
    expect(model, PPU, verdict, reason)
