"""What `port check` says of models for the Ascend 310P, limit by limit.

No limit is tested here that has none of its own: an operator with types and opsets only is one of
many alike.
"""

from typing import Any

import numpy as np
import onnx
import pytest
from capability.helpers import Given, floats, ints, model_of, node_model, ones, tensor
from onnx import helper

import porting
from porting.capability.table import CapabilityTable
from porting.capability.targets import load_target
from porting.results import CheckResult, NodeResult

TARGET = "ascend-310p"
IMAGE = (1, 3, 8, 8)
KERNEL = ones(8, 3, 3, 3)
KERNEL_BACK = ones(3, 8, 3, 3)
REFUSED = [
    "AffineGrid",
    "CenterCropPad",
    "ConvInteger",
    "DFT",
    "DeformConv",
    "DequantizeLinear",
    "DynamicQuantizeLinear",
    "Gelu",
    "GroupNormalization",
    "Loop",
    "MatMulInteger",
    "NegativeLogLikelihoodLoss",
    "Optional",
    "QLinearConv",
    "QLinearMatMul",
    "QuantizeLinear",
    "RNN",
    "STFT",
    "Scan",
    "SequenceMap",
    "StringNormalizer",
]
ROWS = ints(0, 1).reshape(2, 1)


@pytest.fixture(scope="module")
def table() -> CapabilityTable:
    return load_target(TARGET)


def check(model: onnx.ModelProto, **more: Any) -> CheckResult:
    return porting.check(model, TARGET, **more)


def judged(model: onnx.ModelProto, **more: Any) -> NodeResult:
    return check(model, **more).nodes[0]


def x(op_type: str, shape: Given = IMAGE, **more: Any) -> onnx.ModelProto:
    """An operator of one input."""
    return node_model(op_type, {"x": shape}, **more)


def half(op_type: str, *names: str, shape: Given = IMAGE, **more: Any) -> onnx.ModelProto:
    """An operator over inputs of float16."""
    inputs = dict.fromkeys(names or ("x",), shape)
    return node_model(op_type, inputs, dtypes=dict.fromkeys(inputs, "float16"), **more)


def conv(shape: Given = IMAGE, weight: Given = KERNEL, **more: Any) -> onnx.ModelProto:
    return node_model("Conv", {"x": shape, "w": weight}, **({"kernel_shape": [3, 3]} | more))


def transposed(shape: Given = IMAGE, weight: Given = KERNEL_BACK, **more: Any):
    return node_model("ConvTranspose", {"x": shape, "w": weight}, **more)


def pool(op_type: str = "MaxPool", shape: Given = IMAGE, kernel=(3, 3), **more: Any):
    return x(op_type, shape, kernel_shape=kernel, **more)


def resize(
    shape: Given = IMAGE,
    scales: tuple[float, ...] | None = (1, 1, 2, 2),
    sizes: tuple[int, ...] | None = None,
    **more: Any,
) -> onnx.ModelProto:
    inputs: dict[str, Given] = {
        "x": shape,
        "roi": None,
        "scales": floats(*scales) if scales and not sizes else None,
        "sizes": ints(*sizes) if sizes else None,
    }
    return node_model("Resize", {n: v for n, v in inputs.items() if n != "sizes" or sizes}, **more)


def nearest(coordinates: str, nearest_mode: str = "round_prefer_ceil", **more: Any):
    return resize(
        mode="nearest",
        coordinate_transformation_mode=coordinates,
        nearest_mode=nearest_mode,
        **more,
    )


def rnn(op_type: str, gates: int, **more: Any) -> onnx.ModelProto:
    inputs = {"x": (5, 1, 4), "w": ones(1, gates * 6, 4), "r": ones(1, gates * 6, 6)}
    return node_model(op_type, inputs, hidden_size=6, **more)


def lstm(**more: Any) -> onnx.ModelProto:
    return rnn("LSTM", 4, **more)


def gru(**more: Any) -> onnx.ModelProto:
    return rnn("GRU", 3, **more)


def grid_sample(**more: Any) -> onnx.ModelProto:
    return node_model("GridSample", {"x": IMAGE, "grid": (1, 4, 4, 2)}, opset=16, **more)


def matmul(op_type: str, b: Given = (4, 5), **more: Any) -> onnx.ModelProto:
    return node_model(op_type, {"a": (3, 4), "b": b}, **more)


def mod(dtype: str, **more: Any) -> onnx.ModelProto:
    return node_model("Mod", {"a": (4,), "b": (4,)}, dtypes={"a": dtype, "b": dtype}, **more)


def gather(indices: Given, op_type: str = "Gather", **more: Any) -> onnx.ModelProto:
    return node_model(op_type, {"x": (4, 4), "i": indices}, dtypes={"i": "int64"}, **more)


def scatter_nd(indices: Given = ROWS, **more: Any) -> onnx.ModelProto:
    inputs = {"x": (4, 4), "i": indices, "u": (2, 4)}
    return node_model("ScatterND", inputs, dtypes={"i": "int64"}, **more)


def nms(boxes: Given, **more: Any) -> onnx.ModelProto:
    inputs = {"b": (1, 9, 4), "s": (1, 2, 9), "n": boxes, "i": floats(0.5), "t": floats(0.1)}
    return node_model("NonMaxSuppression", inputs, dtypes={"n": "int64"}, **more)


def pad(value: Given = None, **more: Any) -> onnx.ModelProto:
    inputs = {"x": IMAGE, "pads": ints(0, 0, 1, 1, 0, 0, 1, 1), "value": value}
    return node_model(
        "Pad", inputs if value is not None else dict(list(inputs.items())[:2]), **more
    )


def slices(axis: int, step: int, shape: Given = (8, 8)) -> onnx.ModelProto:
    inputs = {"x": shape, "s": ints(0), "e": ints(4), "a": ints(axis), "t": ints(step)}
    return node_model("Slice", inputs)


def constant(**value: Any) -> onnx.ModelProto:
    return model_of(
        [
            helper.make_node("Constant", [], ["c"], **value),
            helper.make_node("Add", ["x", "c"], ["y"]),
        ],
        {"x": (2,)},
        ["y"],
    )


def prelu(slope: Given) -> onnx.ModelProto:
    return node_model("PRelu", {"x": IMAGE, "slope": slope})


class TestTable:
    def test_every_entry_is_well_formed(self, table: CapabilityTable) -> None:
        table.validate()

    @pytest.mark.parametrize("name", ["310p", "ascend-310p", "Ascend-310P"])
    def test_a_short_name_finds_it(self, name: str) -> None:
        assert load_target(name).data.target == TARGET

    def test_every_operator_that_is_known_of_has_an_entry(self, table: CapabilityTable) -> None:
        entries = table.data.ops
        refused = {k for k, e in entries.items() if e.verdict == "unsupported"}
        own = {k for k, e in entries.items() if e.verdict == "unknown" and k != "TopK"}
        assert len(entries) == 183 + 147 - 1  # AffineGrid is both ONNX's and the vendor's own
        assert sorted(refused) == REFUSED
        assert len(own) == 146
        assert {"NPUFastGelu", "npu::NPUFastGelu", "mmdeploy::NMSRotated", "AdaCast"} <= own

    def test_opsets_have_holes(self, table: CapabilityTable) -> None:
        shown = {
            k: str(table.data.ops[k].opset)
            for k in ["Conv", "GreaterOrEqual", "HardSigmoid", "ReduceL1", "Scatter", "Upsample"]
        }
        assert shown == {
            "Conv": "8..18",
            "GreaterOrEqual": "8, 12..18",
            "HardSigmoid": "1, 6, 8..18",
            "ReduceL1": "8..17",
            "Scatter": "9..11",
            "Upsample": "8..9, 11..16",
        }


SUPPORTED = {
    "relu": x("Relu"),
    "float16": half("Relu"),
    "conv": conv(strides=[2, 2], pads=[1, 1, 1, 1]),
    "depthwise conv": conv(weight=ones(3, 1, 3, 3), group=3),
    "conv over a width of 4096": conv((1, 3, 8, 4096)),
    "1-D conv": conv((1, 3, 100), ones(8, 3, 5), kernel_shape=[5]),
    "3-D conv": conv((1, 3, 8, 8, 8), ones(8, 3, 3, 3, 3), kernel_shape=[3, 3, 3]),
    "conv transpose": transposed(kernel_shape=[3, 3], strides=[2, 2]),
    "batch normalization": node_model(
        "BatchNormalization", {"x": IMAGE, **{n: ones(3) for n in "sbmv"}}
    ),
    "max pool": pool(strides=[2, 2], pads=[1, 1, 1, 1]),
    "SAME_LOWER with even padding": pool(auto_pad="SAME_LOWER"),
    "SAME_LOWER without padding": pool(kernel=(2, 2), strides=[2, 2], auto_pad="SAME_LOWER"),
    "SAME_LOWER with even padding whatever the size": pool(
        shape=(1, 3, None, 8), auto_pad="SAME_LOWER"
    ),
    "SAME_UPPER": pool(kernel=(2, 2), auto_pad="SAME_UPPER"),
    "average pool of rank 5, VALID": pool(
        "AveragePool", (1, 3, 8, 8, 8), (2, 2, 2), auto_pad="VALID"
    ),
    "average pool of rank 5, SAME without padding": pool(
        "AveragePool", (1, 3, 8, 8, 8), (2, 2, 2), strides=[2, 2, 2], auto_pad="SAME_UPPER"
    ),
    "global average pool": x("GlobalAveragePool"),
    "matmul": matmul("MatMul"),
    "gemm with C": node_model(
        "Gemm", {"a": (3, 4), "b": (4, 5), "c": ones(5)}, alpha=0.5, beta=2.0
    ),
    "gemm without C": matmul("Gemm"),
    "hard sigmoid": x("HardSigmoid", alpha=0.2),
    "softmax": x("Softmax", axis=1),
    "softmax at 11 over the last axis": x("Softmax", (2, 5), opset=11),
    "softmax at 11 before axes of one": x("Softmax", (2, 5, 1, 1), opset=11),
    "log softmax at 11, rank 2": x("LogSoftmax", (2, 5), opset=11),
    "log softmax at 11, axis written": x("LogSoftmax", opset=11, axis=3),
    "layer normalization": node_model("LayerNormalization", {"x": (2, 8), "s": ones(8)}),
    "linear resize": resize(mode="linear", coordinate_transformation_mode="half_pixel"),
    "linear resize of rank 5": resize(
        (1, 3, 8, 8, 8),
        (1, 1, 2, 2, 2),
        mode="linear",
        coordinate_transformation_mode="align_corners",
    ),
    "nearest as documented": nearest("asymmetric"),
    "nearest, whole factor by scales": nearest("half_pixel", "round_prefer_floor"),
    "nearest, whole factor, size not known": nearest(
        "half_pixel", "round_prefer_floor", shape=(1, 3, None, None)
    ),
    "nearest, whole factor by sizes": nearest(
        "half_pixel", "round_prefer_floor", sizes=(1, 3, 16, 24)
    ),
    "nearest, no tie: from an odd size": nearest(
        "half_pixel", "round_prefer_floor", shape=(1, 3, 13, 13), sizes=(1, 3, 25, 30)
    ),
    "nearest, no tie: asymmetric times three": nearest(
        "asymmetric", "round_prefer_floor", sizes=(1, 3, 24, 24)
    ),
    "nearest, floor of whole numbers": nearest("asymmetric", "floor", sizes=(1, 3, 4, 2)),
    "nearest, floor, size unchanged": nearest("half_pixel", "floor", scales=(1, 1, 1, 1)),
    "nearest, ceil of halves": nearest("asymmetric", "ceil"),
    "nearest of one element": nearest("asymmetric", "floor", shape=(1, 3, 1, 1)),
    "antialias where nothing shrinks": resize(
        opset=18, mode="linear", coordinate_transformation_mode="half_pixel", antialias=1
    ),
    "keep_aspect_ratio_policy without sizes": resize(
        opset=18, mode="linear", keep_aspect_ratio_policy="not_larger"
    ),
    "grid sample": grid_sample(mode="bilinear", padding_mode="zeros"),
    "lstm": lstm(direction="bidirectional", outputs=3),
    "lstm with the default activations": lstm(activations=["Sigmoid", "Tanh", "Tanh"]),
    "gru": gru(),
    "einsum": node_model("Einsum", {"a": (2, 3), "b": (4, 3)}, equation="ij, kj -> ik"),
    "integer mod": mod("int32"),
    "reduce over axes": x("ReduceMax", axes=[1]),
    "noop_with_empty_axes with axes": node_model(
        "ReduceSum", {"x": IMAGE, "axes": ints(1)}, noop_with_empty_axes=1
    ),
    "shape": x("Shape"),
    "shape up to the rank": x("Shape", start=0, end=4),
    "gather": gather((2,)),
    "gather of constant indices": gather(ints(0, 3)),
    "pad with zeros": pad(np.float32(0)),
    "reflect": pad(mode="reflect"),
    "nms": nms(ints(700)),
    "prelu with one slope": prelu(ones(1)),
    "prelu with a slope for each channel": prelu(ones(3)),
    "slice along the last axis": slices(-1, 1),
    "slice with a step along another axis": slices(0, 2),
    "roi align": node_model(
        "RoiAlign", {"x": IMAGE, "r": (2, 4), "b": (2,)}, dtypes={"b": "int64"}
    ),
    "softplus of rank 1": x("Softplus", (8,)),
    "transpose": x("Transpose", perm=[0, 2, 3, 1]),
    "sequence": x("SequenceConstruct"),
}

DEVIATES = {
    "gemm without C": (matmul("Gemm", alpha=0.5), "alpha is dropped (C absent, alpha=0.5"),
    "shape start": (x("Shape", start=1), "start and end are ignored"),
    "shape end": (x("Shape", end=-1), "start and end are ignored"),
    "log softmax below 13": (x("LogSoftmax", opset=12), "becomes -1"),
    "resize, floor": (nearest("asymmetric", "floor"), "nearest_mode is ignored"),
    "resize, tie": (nearest("asymmetric", "round_prefer_floor"), "nearest_mode is ignored"),
    "resize, tie of half_pixel": (
        nearest("half_pixel", "round_prefer_floor", sizes=(1, 3, 4, 4)),
        "nearest_mode is ignored",
    ),
    "resize, tie of scales": (
        nearest("half_pixel", "round_prefer_floor", shape=(1, 3, 6, 6), scales=(1, 1, 1.5, 1.5)),
        "nearest_mode is ignored",
    ),
    "resize, half_pixel floor": (nearest("half_pixel", "floor"), "nearest_mode is ignored"),
    "resize, ceil": (nearest("half_pixel", "ceil"), "nearest_mode is ignored"),
    "resize, align_corners tie": (
        nearest("align_corners", "round_prefer_floor", shape=(1, 3, 2, 2), sizes=(1, 3, 3, 3)),
        "nearest_mode is ignored",
    ),
    "resize, other coordinates": (nearest("tf_half_pixel_for_nn", opset=11), "run as asymmetric"),
    "resize, pytorch_half_pixel to one": (
        nearest("pytorch_half_pixel", sizes=(1, 3, 1, 1)),
        "run as half_pixel",
    ),
    "resize of channels": (nearest("half_pixel", scales=(1, 2, 1, 1)), "only axes 2 and 3"),
    "resize, antialias": (
        resize(opset=18, mode="linear", scales=(1, 1, 0.5, 0.5), antialias=1),
        "antialias is ignored",
    ),
    "resize, axes": (
        resize(opset=18, mode="linear", scales=(2, 2), axes=[2, 3]),
        "axes must not be written",
    ),
    "resize, keep_aspect_ratio_policy": (
        resize(
            opset=18, mode="linear", sizes=(1, 3, 16, 24), keep_aspect_ratio_policy="not_larger"
        ),
        "keep_aspect_ratio_policy is ignored",
    ),
    "max pool, SAME_LOWER": (pool(kernel=(2, 2), auto_pad="SAME_LOWER"), "run as SAME_UPPER"),
    "1-D pool, SAME_LOWER": (
        pool(shape=(1, 3, 8), kernel=(4,), auto_pad="SAME_LOWER"),
        "run as SAME_UPPER",
    ),
    "average pool, SAME_LOWER": (
        pool("AveragePool", kernel=(2, 2), auto_pad="SAME_LOWER"),
        "run as SAME_UPPER",
    ),
    "lp pool, SAME_LOWER": (
        pool("LpPool", kernel=(2, 2), auto_pad="SAME_LOWER"),
        "run as SAME_UPPER",
    ),
    "average pool of rank 5": (
        pool("AveragePool", (1, 3, 8, 8, 8), (3, 3, 3), auto_pad="SAME_UPPER"),
        "auto_pad is dropped for inputs of rank 5",
    ),
    "roi align max": (
        node_model(
            "RoiAlign", {"x": IMAGE, "r": (2, 4), "b": (2,)}, dtypes={"b": "int64"}, mode="max"
        ),
        "the average is taken",
    ),
    "lstm clip": (lstm(clip=3.0), "clip is not read"),
    "lstm layout": (lstm(layout=1), "layout is not read"),
    "lstm input_forget": (lstm(input_forget=1), "input_forget is not read"),
    "lstm activations": (lstm(activations=["Relu", "Tanh", "Tanh"]), "activations are not read"),
    "gru linear_before_reset": (gru(linear_before_reset=1), "PyTorch exports 1"),
    "gru clip": (gru(clip=3.0), "clip is not read"),
    "gru layout": (gru(layout=1), "layout is not read"),
    "gru activations": (gru(activations=["Relu", "Tanh"]), "activations are not read"),
    "float mod": (mod("float32", fmod=1), "fmod is ignored"),
    "integer fmod": (mod("int32", fmod=1), "fmod is ignored"),
    "noop_with_empty_axes": (
        x("ReduceSum", noop_with_empty_axes=1),
        "noop_with_empty_axes is ignored below opset 18",
    ),
    "reduce max over nothing": (x("ReduceMax"), "does not reduce over all"),
    "grid sample, mode left out": (grid_sample(padding_mode="zeros"), "an empty string"),
    "grid sample, padding_mode left out": (grid_sample(mode="bilinear"), "an empty string"),
    "clip below 11": (half("Clip", opset=10, min=0.0), "cast to float32"),
    "training": (
        node_model(
            "BatchNormalization",
            {"x": IMAGE, **{n: ones(3) for n in "sbmv"}},
            3,
            training_mode=1,
        ),
        "momentum is ignored",
    ),
}

UNSUPPORTED = {
    "loop": (
        node_model("Loop", {"n": ints(3), "c": None}, 0, body=helper.make_graph([], "b", [], [])),
        "none for its body",
    ),
    "quantize": (
        node_model("QuantizeLinear", {"x": IMAGE, "s": floats(0.1)}),
        "quantised models come from AMCT",
    ),
    "an operator of ONNX without an entry": (x("HannWindow", ints(8)), "does not take HannWindow"),
    "a model at 19": (x("Relu", opset=19), "the model has opset 19"),
    "reduce L1 at 18": (x("ReduceL1", opset=18), "ReduceL1 is taken at 8..17 only"),
    "arg max of the last": (x("ArgMax", select_last_index=1), "select_last_index is 0 only"),
    "average pool, ceil": (
        pool("AveragePool", auto_pad="SAME_UPPER", ceil_mode=1),
        "ceil_mode is documented together",
    ),
    "max pool with indices": (pool(outputs=2), "output Indices is not available"),
    "max pool, storage_order": (pool(outputs=2, storage_order=1), "storage_order is 0 only"),
    "max pool, dilations": (pool(dilations=[2, 2]), "dilations other than 1"),
    "max pool, ceil": (pool(auto_pad="VALID", ceil_mode=1), "auto_pad=VALID needs ceil_mode=0"),
    "max pool, pads": (pool(auto_pad="VALID", pads=[0, 0, 0, 0]), "must not both be written"),
    "pool of rank 6": (pool(shape=(1, 1, 4, 4, 4, 4), kernel=(2, 2, 2, 2)), "X has rank 3..5"),
    "wide max pool": (pool(shape=(1, 3, 8, 4097)), "1 to 4096 wide"),
    "clip of nothing": (x("Clip"), "neither bound"),
    "col2im": (
        node_model(
            "Col2Im",
            {"x": (1, 27, 36), "i": ints(8, 8), "b": ints(3, 3)},
            opset=18,
            dilations=[1, 1],
            strides=[1, 1],
            pads=[0, 0, 0, 0],
        ),
        "ONNX has four pads",
    ),
    "constant of a number": (constant(value_float=1.0), "value_int, value_floats"),
    "wide conv": (conv((1, 3, 8, 4097)), "1 to 4096 wide"),
    "conv, stride": (conv((1, 3, 99, 99), strides=[64, 64]), "strides is within 1..63"),
    "conv, kernel": (
        conv((1, 3, 300, 300), ones(1, 3, 256, 1), kernel_shape=[256, 1]),
        "kernel_shape is within 1..255",
    ),
    "conv, dilation": (conv((1, 3, 600, 600), dilations=[256, 1]), "dilations is within 1..255"),
    "conv, pads": (conv(pads=[256, 0, 0, 0]), "pads is within 0..255"),
    "3-D conv, SAME": (
        conv((1, 3, 8, 8, 8), ones(8, 3, 3, 3, 3), kernel_shape=[3, 3, 3], auto_pad="SAME_UPPER"),
        "SAME padding is not parsed",
    ),
    "conv with nothing written": (
        node_model("Conv", {"x": IMAGE, "w": ones(8, 3, 3, 3)}),
        "tells 2-D from 3-D",
    ),
    "conv transpose without kernel_shape": (transposed(), "kernel_shape must be written"),
    "3-D conv transpose, SAME": (
        transposed((1, 3, 4, 4, 4), ones(3, 8, 3, 3, 3), kernel_shape=[3, 3, 3], auto_pad="VALID"),
        "auto_pad is NOTSET only for inputs of rank 5",
    ),
    "depth to space": (x("DepthToSpace", blocksize=1), "blocksize is within 2.."),
    "einsum, other equation": (
        node_model("Einsum", {"a": (2, 3), "b": (3, 4)}, equation="ij,jk->ik"),
        "none of the twenty",
    ),
    "einsum of one": (x("Einsum", equation="abcd->a"), "two operands"),
    "expand": (
        node_model("Expand", {"x": IMAGE, "shape": (4,)}, dtypes={"shape": "int64"}),
        "shape must be a constant",
    ),
    "flatten": (x("Flatten", axis=-1), "axis is within 0.."),
    "gather nd": (
        gather(ints(0, 1, 0, 1).reshape(4, 1), "GatherND", batch_dims=1),
        "batch_dims is 0 only",
    ),
    "grid sample, cubic": (
        grid_sample(mode="bicubic", padding_mode="zeros"),
        "mode is bilinear or nearest only",
    ),
    "hardmax": (half("Hardmax", shape=(2, 3, 4)), "input has rank 2 only"),
    "lrn": (x("LRN", size=4), "size must be odd"),
    "log softmax of float16 at 18": (half("LogSoftmax", opset=18), "float16 is documented"),
    "nms, boxes not constant": (
        nms((1,)),
        "max_output_boxes_per_class must be a constant",
    ),
    "one hot": (
        node_model(
            "OneHot",
            {"i": (4,), "d": np.int32(3), "v": floats(0, 1)},
            dtypes={"i": "int32"},
            axis=-2,
        ),
        "axis is within -1..",
    ),
    "prelu, slope of rank 3": (prelu(ones(3, 1, 1)), "slope has rank 1 only"),
    "prelu, slope of another length": (prelu(ones(8)), "one for each channel"),
    "pad, axes": (
        node_model("Pad", {"x": IMAGE, "p": ints(1, 1), "v": None, "a": ints(3)}, opset=18),
        "axes must be left out",
    ),
    "random": (
        node_model("RandomUniform", {}, shape=[4], dtype=11),
        "dtype is float32, float16, int32 or int64 only",
    ),
    "resize, cubic": (resize(mode="cubic"), "mode is nearest or linear only"),
    "resize, exclude_outside": (
        resize(mode="linear", exclude_outside=1),
        "exclude_outside is 0 only",
    ),
    "resize of rank 3": (resize((3, 8, 8), (1, 2, 2), mode="linear"), "X has rank 4..5 only"),
    "resize of rank 5, nearest": (
        resize((1, 3, 4, 4, 4), (1, 1, 2, 2, 2), mode="nearest"),
        "inputs of rank 5 are resized linearly",
    ),
    "resize, scales computed": (
        node_model("Resize", {"x": IMAGE, "roi": None, "scales": (4,)}, mode="linear"),
        "scales must be a constant",
    ),
    "scatter nd, mul": (scatter_nd(reduction="mul"), "reduction is none, add, max or min only"),
    "scatter nd, negative": (scatter_nd(ints(-1, 0).reshape(2, 1)), "negative indices"),
    "slice of rank 1": (slices(0, 1, (8,)), "data has rank 2.. only"),
    "slice, step": (slices(-1, 2), "step along the last axis"),
    "slice, step along all axes": (
        node_model(
            "Slice", {"x": (8, 8), "s": ints(0, 0), "e": ints(8, 8), "a": None, "t": ints(1, 2)}
        ),
        "step along the last axis",
    ),
    "split, uneven": (x("Split", (1, 7), opset=18, axis=1, num_outputs=2, outputs=2), "divide"),
    "transpose": (x("Transpose"), "perm must be written"),
    "unique along an axis": (x("Unique", axis=0), "axis must not be written"),
    "upsample": (
        node_model("Upsample", {"x": IMAGE, "s": floats(1, 1, 2, 2)}, opset=9, mode="cubic"),
        "mode is nearest or linear only",
    ),
    "an empty tensor": (
        node_model("Slice", {"x": (8, 8), "s": ints(0), "e": ints(0), "a": ints(0)}),
        "no dimension may be 0",
    ),
    "bfloat16": (x("Relu", dtypes={"x": "bfloat16"}), "this chip has no bfloat16"),
    "tf-idf": (
        node_model(
            "TfIdfVectorizer",
            {"x": (8,)},
            dtypes={"x": "int64"},
            max_gram_length=1,
            max_skip_count=0,
            min_gram_length=1,
            mode="TF",
            ngram_counts=[0],
            ngram_indexes=[0],
            pool_int64s=[1],
            pool_strings=["a"],
        ),
        "exclude each other",
    ),
}

UNKNOWN = {
    "an operator of the vendor's own": (x("NPUFastGelu"), "the vendor's own"),
    "one of another domain": (x("NPUFastGelu", domain="npu"), "the vendor's own"),
    "a type that the list lacks": (
        x("Neg", dtypes={"x": "int64"}),
        "float32, float16 or int32 only",
    ),
    "top k": (node_model("TopK", {"x": (2, 9), "k": ints(3)}, 2), "int32 where ONNX has int64"),
    "batch normalization of rank 3": (
        node_model("BatchNormalization", {"x": (1, 3, 8), **{n: ones(3) for n in "sbmv"}}),
        "X has rank 4 only",
    ),
    "shift left": (
        node_model(
            "BitShift",
            {"x": (4,), "n": (4,)},
            dtypes={"x": "uint32", "n": "uint32"},
            direction="LEFT",
        ),
        "the later page does not",
    ),
    "col2im": (
        node_model("Col2Im", {"x": (1, 27, 36), "i": ints(8, 8), "b": ints(3, 3)}, opset=18),
        "left out is not documented",
    ),
    "concat of nothing": (
        node_model("Concat", {"a": (2, 3), "b": ones(0, 3)}, axis=0),
        "an input without elements",
    ),
    "a width that is not known": (conv((1, 3, 8, None)), "1 to 4096 wide; dimension 3 of X"),
    "a long 1-D conv": (conv((1, 3, 5000), ones(8, 3, 5), kernel_shape=[5]), "1-D convolution"),
    "conv transpose, output_shape": (
        transposed(kernel_shape=[3, 3], output_shape=[16, 16], strides=[2, 2]),
        "run as SAME_LOWER",
    ),
    "conv transpose, pads besides auto_pad": (
        transposed(kernel_shape=[3, 3], auto_pad="SAME_UPPER", pads=[1, 1, 1, 1]),
        "overridden",
    ),
    "dropout in training": (
        node_model("Dropout", {"x": IMAGE, "r": floats(0.5)[0], "t": np.bool_(True)}),
        "inference only",
    ),
    "eye": (x("EyeLike", (4, 4), k=1), "k is 0 only"),
    "gather from the end": (gather(ints(-1)), "negative indices"),
    "hardmax of float32": (x("Hardmax", (2, 3)), "allow_fp32_to_fp16"),
    "log softmax below 13": (x("LogSoftmax", opset=12, axis=1), "not verified"),
    "softmax below 13": (x("Softmax", opset=12), "not verified"),
    "more boxes than 700": (nms(ints(701)), "exhaust the hardware"),
    "pad with ones": (pad(np.float32(1)), "0 only"),
    "pad with ones at 10": (
        x("Pad", opset=10, pads=[0, 0, 1, 1, 0, 0, 1, 1], value=1.0),
        "0 only",
    ),
    "noop_with_empty_axes at 18": (x("ReduceMean", opset=18, noop_with_empty_axes=1), "0 only"),
    "resize to a crop": (
        resize(mode="linear", coordinate_transformation_mode="tf_crop_and_resize"),
        "nothing is seen to handle roi",
    ),
    "linear resize of channels": (resize(mode="linear", scales=(1, 2, 1, 1)), "axes 0 and 1"),
    "SAME_LOWER of a size that is not known": (
        pool("LpPool", (1, 3, 8, None), auto_pad="SAME_LOWER", strides=[1, 2]),
        "not decided: SAME_LOWER",
    ),
    "scatter elements": (
        node_model(
            "ScatterElements",
            {"x": (4, 4), "i": (2, 4), "u": (2, 4)},
            dtypes={"i": "int64"},
            reduction="add",
        ),
        "not verified",
    ),
    "scatter nd": (scatter_nd(reduction="add"), "releases before drop it"),
    "softplus": (x("Softplus"), "one dimension only"),
    "trilu": (node_model("Trilu", {"x": (4, 4), "k": np.int64(1)}), "k=0 only"),
    "a window in the padding": (
        pool("AveragePool", kernel=(3, 3), pads=[3, 0, 0, 0]),
        "a window that lies in the padding",
    ),
    "a last window in the padding": (
        pool("AveragePool", kernel=(1, 1), strides=[4, 4], pads=[0, 0, 0, 3], ceil_mode=1),
        "a window that lies in the padding",
    ),
    "a batch that is prime": (pool("AveragePool", (65537, 3, 8, 8)), "prime"),
}

FALLBACK = {
    "stride": pool(shape=(1, 3, 200, 200), strides=[64, 64]),
    "kernel side": pool("AveragePool", (1, 3, 8, 300), (1, 256)),
    "kernel area": pool("AveragePool", (1, 3, 20, 20), (17, 16)),
}


@pytest.mark.parametrize("model", SUPPORTED.values(), ids=SUPPORTED)
def test_it_runs(model: onnx.ModelProto) -> None:
    result = check(model)
    assert result.nodes[0].verdict == "supported", result.nodes[0].findings
    assert result.passed or model.opset_import[0].version < 11


@pytest.mark.parametrize(("model", "words"), DEVIATES.values(), ids=DEVIATES)
def test_it_would_compute_something_else(model: onnx.ModelProto, words: str) -> None:
    says(model, "deviates", words)
    assert not check(model).passed


@pytest.mark.parametrize(("model", "words"), UNSUPPORTED.values(), ids=UNSUPPORTED)
def test_the_toolchain_refuses(model: onnx.ModelProto, words: str) -> None:
    says(model, "unsupported", words)


@pytest.mark.parametrize(("model", "words"), UNKNOWN.values(), ids=UNKNOWN)
def test_the_evidence_does_not_tell(model: onnx.ModelProto, words: str) -> None:
    says(model, "unknown", words)


@pytest.mark.parametrize("model", FALLBACK.values(), ids=FALLBACK)
def test_a_large_pool_runs_on_the_cpu(model: onnx.ModelProto) -> None:
    says(model, "fallback", "runs on the AI CPU")
    assert check(model).passed


def says(model: onnx.ModelProto, verdict: str, words: str, **more: Any) -> None:
    node = judged(model, **more)
    about = [f for f in node.findings if words in f.message]
    assert about, [f.message for f in node.findings]
    assert about[0].verdict == verdict
    assert about[0].source


def test_the_whole_model_must_be_stamped_11_to_18() -> None:
    for opset, fails in ((9, True), (10, True), (11, False), (18, False), (19, True)):
        assert [f.code for f in check(x("Relu", opset=opset)).findings] == ["model-opset"] * fails


def test_greater_or_equal_is_taken_from_12_on() -> None:
    verdicts = [
        judged(node_model("GreaterOrEqual", {"a": (4,), "b": (4,)}, opset=o)).verdict
        for o in (11, 12, 18)
    ]
    assert verdicts == ["unsupported", "supported", "supported"]


def test_float32_kept_as_it_is() -> None:
    says(conv(), "unsupported", "must_keep_origin_dtype", precision="float32")
    says(matmul("MatMul"), "unknown", "must_keep_origin_dtype", precision="float32")
    assert judged(half("MatMul", "a", "b"), precision="float32").verdict == "supported"


def test_a_quantised_model_is_static() -> None:
    model = x("Relu", (1, 3, "h", 8))
    assert [f.verdict for f in check(model, precision="int8").findings] == ["unknown"]
    assert not check(model, precision="int8", dims={"h": 8}).findings
    assert not check(model).findings


def test_a_condition_over_a_size_that_is_not_known_is_decided_by_the_user() -> None:
    model = conv((1, 3, 8, "width"))
    (finding,) = judged(model).findings
    assert (finding.verdict, finding.help) == ("unknown", "give --dim width=SIZE")
    assert judged(model, dims={"width": 64}).verdict == "supported"
    assert judged(model, dims={"width": 5000}).verdict == "unsupported"


def test_shape_arithmetic_that_folds_is_no_slice() -> None:
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Slice", ["s", "b", "e"], ["hw"]),
        helper.make_node("Cast", ["hw"], ["y"], to=1),
    ]
    constants = {"b": ints(2), "e": ints(4)}
    assert check(model_of(nodes, {"x": IMAGE, **constants}, ["y"])).passed
    assert not check(model_of(nodes, {"x": (1, 3, None, None), **constants}, ["y"])).passed


def test_constants_are_read_from_value() -> None:
    model = constant(value=tensor([1.0, 2.0], np.float32))
    assert {n.verdict for n in check(model).nodes} == {"supported"}


def test_the_reason_names_the_file_it_was_read_in() -> None:
    (finding,) = judged(matmul("Gemm", alpha=0.5)).findings
    assert "gemm_onnx_plugin.cpp" in finding.source
    assert finding.help == "give a C of zeros, or multiply A or B by alpha"


def test_bodies_of_if_are_judged_node_by_node() -> None:
    def body(op_type: str) -> onnx.GraphProto:
        node = helper.make_node(op_type, ["x"], ["z"])
        return helper.make_graph([node], "b", [], [onnx.ValueInfoProto(name="z")])

    node = helper.make_node(
        "If", ["c"], ["y"], then_branch=body("Relu"), else_branch=body("Transpose")
    )
    result = check(model_of([node], {"c": (), "x": (2, 3)}, ["y"], dtypes={"c": "bool"}))
    verdicts = {n.op_type: n.verdict for n in result.nodes}
    assert verdicts == {"If": "supported", "Relu": "supported", "Transpose": "unsupported"}
