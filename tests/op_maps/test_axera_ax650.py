"""What `port check` says of models for the Axera AX650, limit by limit."""

from typing import Any

import numpy as np
import onnx
import pytest
from capability.helpers import Given, floats, ints, node_model, ones

import porting
from porting.capability.table import CapabilityTable
from porting.capability.targets import load_target
from porting.results import NodeResult

TARGET = "axera-ax650"
IMAGE = (1, 3, 8, 8)
LISTED = """
    Abs Add And ArgMax ArgMin AveragePool BatchNormalization Cast Ceil Clip Concat Constant
    ConstantOfShape Conv ConvTranspose Cos DepthToSpace Div Elu Equal Erf Exp Expand Flatten Floor
    Gather GatherElements GatherND Gelu Gemm GlobalAveragePool GlobalMaxPool Greater GreaterOrEqual
    GridSample GroupNormalization HardSigmoid HardSwish Identity InstanceNormalization
    InverseSigmoid LSTM LayerNormalization LeakyRelu Less LessOrEqual LogSoftmax LpNormalization
    MatMul Max MaxPool Min Mish Mul Not PRelu Pad Pow RMSNormalization ReduceL2 ReduceMax ReduceMean
    ReduceMin ReduceSum Relu Reshape Resize RoiAlign RotaryEmbedding Round ScatterElements ScatterND
    Sigmoid Silu Sin Slice Softmax Softplus SpaceToDepth SpatialTransformer Split Sqrt Squeeze Sub
    Swish Tanh Tile TopK Transpose Unsqueeze Where Xor
"""


@pytest.fixture(scope="module")
def table() -> CapabilityTable:
    return load_target(TARGET)


def judged(model: onnx.ModelProto, **more: Any) -> NodeResult:
    return porting.check(model, TARGET, **more).nodes[0]


def x(op_type: str, shape: Given = IMAGE, **more: Any) -> onnx.ModelProto:
    """An operator of one input."""
    return node_model(op_type, {"x": shape}, **more)


def conv(**more: Any) -> onnx.ModelProto:
    return node_model(
        "Conv", {"x": (1, 4, 8, 8), "w": ones(4, 4 // more.get("group", 1), 3, 3)}, **more
    )


def transposed(**more: Any) -> onnx.ModelProto:
    weight = ones(4, 4 // more.get("group", 1), 3, 3)
    return node_model("ConvTranspose", {"x": (1, 4, 8, 8), "w": weight}, strides=[2, 2], **more)


def pool(op_type: str = "AveragePool", shape: Given = IMAGE, **more: Any) -> onnx.ModelProto:
    return x(op_type, shape, kernel_shape=[3, 3], **more)


def gemm(**more: Any) -> onnx.ModelProto:
    return node_model("Gemm", {"a": (3, 4), "b": (4, 5), "c": ones(5)}, **more)


def gemm_of_two(**more: Any) -> onnx.ModelProto:
    return node_model("Gemm", {"a": (3, 4), "b": (4, 5)}, **more)


def gather(indices: Given) -> onnx.ModelProto:
    return node_model("Gather", {"x": (4, 4), "i": indices}, dtypes={"i": "int64"})


def lstm(lengths: Given = None, peephole: Given = None, **more: Any) -> onnx.ModelProto:
    inputs = {
        "x": (5, 1, 4),
        "w": ones(1, 24, 4),
        "r": ones(1, 24, 6),
        "b": None,
        "lengths": lengths,
        "h": None,
        "c": None,
        "p": peephole,
    }
    return node_model("LSTM", inputs, hidden_size=6, dtypes={"lengths": "int32"}, **more)


def layer_norm(axis: int) -> onnx.ModelProto:
    return node_model("LayerNormalization", {"x": (2, 4, 8), "s": ones(8)}, axis=axis)


def prelu(slope: Given, shape: Given = IMAGE) -> onnx.ModelProto:
    return node_model("PRelu", {"x": shape, "slope": slope})


def power(exponent: Given) -> onnx.ModelProto:
    return node_model("Pow", {"x": (4,), "e": exponent})


def resize(**more: Any) -> onnx.ModelProto:
    return node_model("Resize", {"x": IMAGE, "roi": None, "s": floats(1, 1, 2, 2)}, **more)


def roi_align(**more: Any) -> onnx.ModelProto:
    return node_model(
        "RoiAlign", {"x": IMAGE, "r": (2, 4), "b": (2,)}, dtypes={"b": "int64"}, **more
    )


class TestTable:
    def test_every_entry_is_well_formed(self, table: CapabilityTable) -> None:
        table.validate()

    @pytest.mark.parametrize("name", ["ax650", "axera-ax650", "AX650"])
    def test_a_short_name_finds_it(self, name: str) -> None:
        assert load_target(name).data.target == TARGET

    def test_it_has_the_operators_of_the_list(self, table: CapabilityTable) -> None:
        assert sorted(table.data.ops) == sorted(LISTED.split())
        assert {e.verdict for e in table.data.ops.values()} == {"supported"}


SUPPORTED = {
    "relu": x("Relu"),
    "softmax": x("Softmax", axis=1),
    "hard swish": x("HardSwish"),
    "gelu": x("Gelu", opset=20),
    "matmul": node_model("MatMul", {"a": (2, 3, 4), "b": (4, 5)}),
    "cast": x("Cast", to=onnx.TensorProto.INT32),
    "conv": conv(pads=[1, 1, 1, 1]),
    "conv with dilation": conv(dilations=[2, 2]),
    "conv transpose": transposed(pads=[0, 0, 1, 1], output_padding=[1, 1]),
    "average pool": pool(),
    "average pool, padding counted": pool(pads=[1, 1, 1, 1], count_include_pad=1),
    "average pool, ceil that changes nothing": pool(
        shape=(1, 3, 9, 9), strides=[2, 2], ceil_mode=1
    ),
    "max pool": pool("MaxPool", pads=[1, 1, 1, 1], strides=[2, 2], ceil_mode=1),
    "gather": gather(ints(0, 2)),
    "gemm": gemm(alpha=1.0, beta=1.0),
    "gemm without C": gemm_of_two(beta=0.5),
    "layer normalization": layer_norm(-1),
    "layer normalization, counted from the front": layer_norm(2),
    "lp normalization": x("LpNormalization", p=1),
    "lstm": lstm(direction="reverse"),
    "pad": node_model("Pad", {"x": IMAGE, "p": ints(0, 0, 1, 1, 0, 0, 1, 1)}),
    "prelu": prelu(ones(3)),
    "prelu of rank 4": prelu(ones(1, 3, 1, 1)),
    "prelu of rank 2": prelu(ones(8), (2, 8)),
    "square": power(np.float32(2)),
    "reduce": x("ReduceMean", axes=[2, 3]),
    "linear resize": resize(mode="linear"),
    "nearest resize": resize(nearest_mode="round_prefer_ceil"),
    "roi align": roi_align(sampling_ratio=2),
    "depth to space": x("DepthToSpace", (1, 4, 8, 8), blocksize=2),
}

UNSUPPORTED = {
    "not listed": (x("Shape"), "Pulsar2 does not take Shape"),
    "an operator of none": (x("HardSwishes"), "ONNX has no operator HardSwishes"),
    "gelu before ONNX had it": (x("Gelu", opset=17), "ONNX has no operator Gelu at opset 17"),
    "arg max": (x("ArgMax", select_last_index=1), "select_last_index is 0 only"),
    "arg min": (x("ArgMin", select_last_index=1), "select_last_index is 0 only"),
    "average pool, padding": (pool(pads=[1, 1, 1, 1]), "count_include_pad must be 1"),
    "average pool, ceil": (pool(strides=[2, 2], ceil_mode=1), "count_include_pad must be 1"),
    "average pool, SAME": (
        pool(auto_pad="SAME_UPPER", count_include_pad=1),
        "auto_pad is NOTSET only",
    ),
    "training": (
        node_model(
            "BatchNormalization", {"x": IMAGE, **{n: ones(3) for n in "sbmv"}}, 3, training_mode=1
        ),
        "training_mode is 0 only",
    ),
    "cast to int64": (x("Cast", to=onnx.TensorProto.INT64), "to is uint8, int8"),
    "cast to bool": (x("Cast", to=onnx.TensorProto.BOOL), "to is uint8, int8"),
    "conv, SAME": (conv(auto_pad="SAME_UPPER"), "auto_pad is NOTSET only"),
    "conv transpose, SAME": (transposed(auto_pad="SAME_UPPER"), "auto_pad is NOTSET only"),
    "conv transpose, dilation": (transposed(dilations=[2, 2]), "dilations is 1 only"),
    "conv transpose, output_shape": (
        transposed(output_shape=[16, 16]),
        "output_shape must not be written",
    ),
    "conv transpose, output_padding": (
        transposed(pads=[1, 1, 0, 1], output_padding=[1, 1]),
        "at most the padding at the end",
    ),
    "depth to space, CRD": (
        x("DepthToSpace", (1, 4, 8, 8), blocksize=2, mode="CRD"),
        "mode is DCR only",
    ),
    "gather of one": (gather(ints(1)[0]), "indices has rank 1 only"),
    "gather of a table": (gather((2, 2)), "indices has rank 1 only"),
    "gemm, alpha": (gemm(alpha=0.5), "alpha is 1 only (alpha=0.5); the vendor says: not yet"),
    "gemm, beta": (gemm(beta=0.5), "the vendor says: not yet"),
    "layer normalization": (layer_norm(1), "axis is the last one"),
    "lp normalization, axis": (x("LpNormalization", axis=1), "axis is -1 only"),
    "lstm, activations": (
        lstm(activations=["Sigmoid", "Tanh", "Tanh"]),
        "activations must not be written",
    ),
    "lstm, activation_alpha": (
        lstm(activation_alpha=[1.0]),
        "activation_alpha must not be written",
    ),
    "lstm, activation_beta": (lstm(activation_beta=[1.0]), "activation_beta must not be written"),
    "lstm, clip": (lstm(clip=1.0), "clip must not be written"),
    "lstm, input_forget": (lstm(input_forget=1), "input_forget is 0 only"),
    "lstm, layout": (lstm(layout=1), "layout is 0 only"),
    "lstm, sequence_lens": (lstm((1,)), "sequence_lens must be left out"),
    "lstm, peepholes": (lstm(None, ones(1, 18)), "P must be left out"),
    "max pool, SAME": (pool("MaxPool", auto_pad="SAME_LOWER"), "auto_pad is NOTSET only"),
    "max pool, dilation": (pool("MaxPool", dilations=[2, 2]), "dilations is 1 only"),
    "max pool, storage_order": (
        pool("MaxPool", storage_order=1, outputs=2),
        "storage_order is 0 only",
    ),
    "prelu, slope of rank 3": (prelu(ones(3, 1, 1)), "the slope has shape [C] or [1,C,1,1]"),
    "pad, reflect": (
        node_model("Pad", {"x": IMAGE, "p": ints(0, 0, 1, 1, 0, 0, 1, 1)}, mode="reflect"),
        "mode is constant only",
    ),
    "pad, axes": (
        node_model("Pad", {"x": IMAGE, "p": ints(1, 1), "v": None, "a": ints(3)}, opset=18),
        "axes must be left out",
    ),
    "a computed exponent": (power((1,)), "Y must be a constant"),
    "an exponent for each element": (power(floats(1, 2, 3, 4)), "the exponent is one number"),
    **{
        f"noop {name}": (
            x(name, opset=18, noop_with_empty_axes=1),
            "noop_with_empty_axes is 0 only",
        )
        for name in ("ReduceL2", "ReduceMax", "ReduceMean", "ReduceMin", "ReduceSum")
    },
    "resize, cubic": (resize(mode="cubic"), "mode is nearest or linear only"),
    "resize, ONNX's own nearest_mode": (resize(), "nearest_mode is round_prefer_ceil only"),
    "resize, floor": (
        resize(nearest_mode="floor", coordinate_transformation_mode="asymmetric"),
        "nearest_mode is round_prefer_ceil only",
    ),
    "roi align, ONNX's own sampling_ratio": (roi_align(), "sampling_ratio is not 0"),
}


@pytest.mark.parametrize("model", SUPPORTED.values(), ids=SUPPORTED)
def test_it_runs(model: onnx.ModelProto) -> None:
    result = porting.check(model, TARGET)
    assert result.nodes[0].verdict == "supported", result.nodes[0].findings
    assert result.passed
    assert not result.findings


@pytest.mark.parametrize(("model", "words"), UNSUPPORTED.values(), ids=UNSUPPORTED)
def test_it_does_not(model: onnx.ModelProto, words: str) -> None:
    node = judged(model)
    assert node.verdict == "unsupported"
    assert words in node.findings[0].message
    assert node.findings[0].source


def test_a_slope_for_another_rank_is_not_described() -> None:
    node = judged(prelu(ones(1), (2, 8)))
    assert node.verdict == "unknown"
    assert "not described" in node.findings[0].message


def test_convolution_is_quantised() -> None:
    assert judged(conv(), precision="int16").verdict == "supported"
    assert judged(conv(), precision="float32").verdict == "unsupported"
    assert judged(x("Relu"), precision="float32").verdict == "supported"


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (conv(group=4, dilations=[2, 2]), "a grouped convolution with dilation is slower"),
        (transposed(group=4), "a depthwise ConvTranspose is slower"),
        (x("Silu"), "ONNX has no such operator"),
        (x("InverseSigmoid"), "ONNX has no such operator"),
        (x("SpatialTransformer"), "0 beyond the border"),
    ],
    ids=["grouped conv", "depthwise conv transpose", "silu", "inverse sigmoid", "transformer"],
)
def test_something_worth_knowing(model: onnx.ModelProto, words: str) -> None:
    node = judged(model)
    assert node.verdict == "supported"
    assert [words in f.message for f in node.findings] == [True]


def test_opsets_from_11_on() -> None:
    for opset, passes in ((10, False), (11, True), (17, True), (23, True)):
        assert porting.check(x("Relu", opset=opset), TARGET).passed is passes


def test_only_the_batch_may_be_open() -> None:
    def verdicts(shape: Given, **more: Any) -> list[str]:
        return [f.verdict for f in porting.check(x("Relu", shape), TARGET, **more).findings]

    assert verdicts(("n", 3, 8, 8)) == []
    assert verdicts((1, 3, "h", 8)) == ["unknown"]
    assert verdicts((1, 3, "h", 8), dims={"h": 8}) == []
