"""Cambricon, Enflame, MetaX, Kunlunxin, Iluvatar: a tiny model for each kind of limit."""

from typing import Any

import onnx
import pytest
from capability.helpers import Given, floats, ints, node_model, ones, result, tensor, verdict

import porting
from porting.capability.targets import available, find, load_target

CAMBRICON = "cambricon-mlu370-magicmind"
ENFLAME = "enflame-i20-topsgraph"
METAX = "metax-c500-macart"
P800, R200 = "kunlunxin-p800-paddle", "kunlunxin-r200-xtcl"
IXRT = "iluvatar-ixrt"
IMAGE = (1, 4, 8, 8)
KERNEL = ones(4, 4, 3, 3)
SCALE = floats(0.5)[0]


def x(op_type: str, shape: Given = IMAGE, **more: Any) -> onnx.ModelProto:
    return node_model(op_type, {"x": shape}, **({"opset": 11} | more))


def typed(op_type: str, dtype: str, *names: str, **more: Any) -> onnx.ModelProto:
    inputs = dict.fromkeys(names or ("x",), (4,))
    dtypes = dict.fromkeys(inputs, dtype)
    return node_model(op_type, inputs, dtypes=dtypes, **({"opset": 11} | more))


def conv(shape: Given = IMAGE, weight: Given = KERNEL, **more: Any) -> onnx.ModelProto:
    inputs = {"x": shape, "w": weight}
    return node_model("Conv", inputs, **({"opset": 11, "kernel_shape": [3, 3]} | more))


def resize(**more: Any) -> onnx.ModelProto:
    inputs = {"x": IMAGE, "roi": floats(), "s": floats(1, 1, 2, 2)}
    return node_model("Resize", inputs, **({"opset": 11} | more))


def quantize(
    zero: Given = None, scale: Given = SCALE, op_type: str = "QuantizeLinear"
) -> onnx.ModelProto:
    inputs = {"x": IMAGE, "s": scale, "z": zero}
    dtype = "int8" if op_type == "DequantizeLinear" else "float32"
    return node_model(op_type, inputs, opset=13, dtypes={"x": dtype, "z": "int8"})


def slices(step: int) -> onnx.ModelProto:
    inputs = {"x": (8,), "s": ints(0), "e": ints(4), "a": ints(0), "t": ints(step)}
    return node_model("Slice", inputs, opset=11)


def transposed(**more: Any) -> onnx.ModelProto:
    return node_model("ConvTranspose", {"x": IMAGE, "w": KERNEL}, opset=11, **more)


def zero(dtype: str) -> Any:
    return onnx.numpy_helper.to_array(tensor(0, dtype))


@pytest.mark.parametrize(
    ("short", "target"),
    [
        ("mlu370", CAMBRICON),
        ("magicmind", CAMBRICON),
        ("i20", ENFLAME),
        ("topsgraph", ENFLAME),
        ("c500", METAX),
        ("macart", METAX),
        ("p800", P800),
        ("r200", R200),
        ("xtcl", R200),
        ("ixrt", IXRT),
        ("iluvatar", IXRT),
    ],
)
def test_short_names_find_them(short: str, target: str) -> None:
    assert find(short, available()) == target


@pytest.mark.parametrize(
    ("target", "operators"),
    [(CAMBRICON, 60), (ENFLAME, 104), (METAX, 157), (P800, 99), (R200, 75), (IXRT, 204)],
)
def test_every_entry_is_well_formed(target: str, operators: int) -> None:
    table = load_target(target)
    table.validate()
    assert len(table.data.ops) == operators


@pytest.mark.parametrize(
    ("target", "model"),
    [
        (CAMBRICON, conv()),
        (CAMBRICON, x("Unsqueeze", axes=[0])),
        (CAMBRICON, resize(mode="linear")),
        (ENFLAME, conv()),
        (ENFLAME, node_model("Mod", {"a": (4,), "b": (4,)}, opset=13, fmod=1)),
        (METAX, conv()),
        (METAX, x("Relu", opset=14)),
        (METAX, resize(mode="nearest")),
        (METAX, resize(mode="nearest", nearest_mode="floor")),
        (METAX, quantize(zero("int8"))),
        (METAX, x("Gelu", domain="com.microsoft")),
        (METAX, x("Dropout")),
    ],
)
def test_what_is_taken(target: str, model: onnx.ModelProto) -> None:
    assert verdict(model, load_target(target)) == "supported"


@pytest.mark.parametrize(
    ("model", "expected", "reason"),
    [
        (x("Erf"), "unknown", "nothing is known about Erf"),
        (conv((1, 4, 8), ones(4, 4, 3), kernel_shape=[3]), "unknown", "images"),
        (x("MaxPool", (1, 4, 8, 8, 8), kernel_shape=[2, 2, 2]), "unknown", "images"),
        (typed("Add", "float64", "a", "b"), "unknown", "other types"),
        (x("SequenceConstruct"), "unknown", "nothing is known"),
        (resize(mode="cubic"), "unknown", "mode is nearest or linear"),
        (
            resize(mode="linear", coordinate_transformation_mode="tf_crop_and_resize"),
            "unknown",
            "align_corners",
        ),
        (quantize(scale=floats(0.5, 0.5, 0.5, 0.5)), "unknown", "per tensor"),
        (node_model("Expand", {"x": IMAGE, "s": (4,)}, dtypes={"s": "int64"}), "unknown", "const"),
        (node_model("DeformConv", {"x": IMAGE, "w": KERNEL, "o": (1, 18, 6, 6)}, opset=19),
         "unknown", "sources disagree"),
        (node_model("Unsqueeze", {"x": IMAGE, "a": zero("int64").reshape(1)}, opset=13),
         "unsupported", "1..11 only"),
        (node_model("Squeeze", {"x": (1, 4), "a": zero("int64").reshape(1)}, opset=13),
         "unknown", "1..11 only"),
    ],
)  # fmt: skip
def test_cambricon(model: onnx.ModelProto, expected: str, reason: str) -> None:
    found = result(model, load_target(CAMBRICON))
    assert (found.verdict, reason in found.findings[0].message) == (expected, True), found


@pytest.mark.parametrize(
    ("model", "expected", "reason"),
    [
        (x("Det", (4, 4)), "unknown", "nothing is known about Det"),
        (x("Sigmoid"), "unknown", "did not run"),
        (conv((1, 4, 8), ones(4, 4, 3), kernel_shape=[3]), "unknown", "2-D"),
        (quantize(zero("int8")), "unknown", "quantised layers"),
        (node_model("Mod", {"a": (4,), "b": (4,)}, dtypes={"a": "int64", "b": "int64"}),
         "unknown", "sign of the divisor"),
        (typed("BitShift", "uint8", "a", "b", direction="LEFT"), "unsupported", "unsigned"),
        (x("Cast", to=onnx.TensorProto.UINT8), "unsupported", "unsigned"),
    ],
)  # fmt: skip
def test_enflame(model: onnx.ModelProto, expected: str, reason: str) -> None:
    found = result(model, load_target(ENFLAME))
    assert (found.verdict, reason in found.findings[0].message) == (expected, True), found


@pytest.mark.parametrize(
    ("model", "expected", "reason"),
    [
        (x("Det", (4, 4)), "unsupported", "does not take Det"),
        (x("Relu", opset=15), "unsupported", "6..14 only; the model has opset 15"),
        (x("NonZero", opset=13), "unsupported", "9..12"),
        (x("LRN", size=3), "unsupported", "no kernel"),
        (node_model("GRU", {"x": (5, 1, 4), "w": ones(1, 18, 4), "r": ones(1, 18, 6)}, opset=11),
         "unsupported", "no kernel"),
        (node_model("Conv", {"x": IMAGE, "w": KERNEL}, opset=11), "unsupported", "kernel_shape"),
        (node_model("Pad", {"x": IMAGE, "p": zero("int64").repeat(8)}, opset=16, mode="wrap"),
         "unsupported", "mode is constant, reflect or edge"),
        (node_model(
            "LSTM", {"x": (5, 1, 4), "w": ones(1, 24, 4), "r": ones(1, 24, 6)}, opset=11,
            hidden_size=6, activations=["Sigmoid", "Tanh", "Exp"]),
         "unsupported", "activations"),
        (resize(mode="nearest", coordinate_transformation_mode="asymmetric"), "deviates",
         "another default"),
        (resize(coordinate_transformation_mode="asymmetric"), "deviates", "another default"),
        (quantize(), "unsupported", "must be given"),
        (quantize(zero("uint8")), "deviates", "read as int8"),
        (quantize((), op_type="DequantizeLinear"), "unsupported", "x_zero_point must be a const"),
        (quantize(zero("int8"), ()), "unsupported", "y_scale must be a constant"),
        (node_model("Dropout", {"x": IMAGE, "r": None, "t": zero("bool") == 0}), "unsupported",
         "1..16"),
        (node_model("Dropout", {"x": IMAGE, "r": None, "t": zero("bool") == 0}, opset=13),
         "deviates", "skipped"),
        (typed("Add", "float64", "a", "b"), "unknown", "other types"),
    ],
)  # fmt: skip
def test_metax(model: onnx.ModelProto, expected: str, reason: str) -> None:
    found = result(model, load_target(METAX))
    assert (found.verdict, reason in found.findings[0].message) == (expected, True), found


@pytest.mark.parametrize(
    ("target", "opset", "expected"),
    [
        (CAMBRICON, 11, "supported"),
        (CAMBRICON, 13, "unknown"),
        (ENFLAME, 13, "supported"),
        (ENFLAME, 17, "unknown"),
        (METAX, 16, "supported"),
        (METAX, 17, "unsupported"),
        (P800, 15, "supported"),
        (P800, 16, "unknown"),
        (R200, 16, "unknown"),
        (IXRT, 18, "supported"),
        (IXRT, 19, "unknown"),
    ],
)
def test_opset_of_the_model(target: str, opset: int, expected: str) -> None:
    found = porting.check(x("Abs", opset=opset), target).findings
    assert [f.verdict for f in found] == ([] if expected == "supported" else [expected])


@pytest.mark.parametrize(
    ("model", "expected", "reason"),
    [
        (conv(), "supported", ""),
        (resize(mode="linear"), "supported", ""),
        (node_model("Gather", {"x": IMAGE, "i": zero("int64")}, opset=11), "supported", ""),
        (x("Erf"), "fallback", "no XPU kernel"),
        (x("ReduceSumSquare"), "unknown", "nothing is known"),
        (typed("Floor", "float16"), "fallback", "float32 only"),
        (x("DepthToSpace", blocksize=2), "unknown", "not certain"),
        (resize(mode="cubic"), "unknown", "nearest or linear"),
        (node_model("Conv", {"x": IMAGE, "w": (4, 1, 3, 3)}, opset=22, group=4,
                    dtypes={"x": "bfloat16", "w": "bfloat16"}), "fallback", "depthwise"),
    ],
)  # fmt: skip
def test_kunlunxin_p800(model: onnx.ModelProto, expected: str, reason: str) -> None:
    found = result(model, load_target(P800))
    text = found.findings[0].message if found.findings else ""
    assert (found.verdict, reason in text) == (expected, True), found


@pytest.mark.parametrize(
    ("model", "expected", "reason"),
    [
        (conv(), "supported", ""),
        (slices(1), "supported", ""),
        (slices(2), "deviates", "a step of 1"),
        (x("Erf"), "unknown", "nothing is known"),
        (conv((1, 4, 8), ones(4, 4, 3), kernel_shape=[3]), "unsupported", "rank 4"),
        (transposed(group=2), "unsupported", "group is 1"),
        (transposed(output_shape=[10, 10]), "supported", ""),
        (transposed(output_shape=[12, 12]), "unsupported", "follows from the rest"),
        (x("Clip"), "unsupported", "both bounds"),
        (x("Clip", opset=7, min=0.0, max=6.0), "supported", ""),
        (x("LogSoftmax", axis=1), "unsupported", "the last one"),
        (x("LogSoftmax", axis=-1), "supported", ""),
        (node_model("MatMul", {"a": (2, 3, 4, 5), "b": (3, 5, 6)}, opset=11), "unsupported",
         "the first dimension"),
        (quantize(zero("int8")), "unsupported", "commented out"),
        (typed("Add", "uint8", "a", "b", opset=14), "unknown", "other types"),
        (node_model("Reshape", {"x": (4,), "s": (2,)}, opset=11, dtypes={"s": "int64"}),
         "unsupported", "shape must be a constant"),
    ],
)  # fmt: skip
def test_kunlunxin_r200(model: onnx.ModelProto, expected: str, reason: str) -> None:
    found = result(model, load_target(R200))
    text = found.findings[0].message if found.findings else ""
    assert (found.verdict, reason in text) == (expected, True), found


@pytest.mark.parametrize(
    ("model", "expected", "reason"),
    [
        (conv(), "supported", ""),
        (x("CumSum_IxRT"), "supported", ""),
        (quantize(zero("int8")), "supported", "unused list"),
        (x("NonMaxSuppression"), "unknown", "no code reads"),
        (node_model("CumSum", {"x": (4,), "a": zero("int64")}, opset=11), "unknown", "plugin"),
        (x("Det", (4, 4)), "unknown", "no code reads"),
        (x("AffineGrid", opset=20), "unknown", "nothing is known"),
        (typed("Add", "uint16", "a", "b", opset=14), "unknown", "other types"),
    ],
)
def test_iluvatar(model: onnx.ModelProto, expected: str, reason: str) -> None:
    found = result(model, load_target(IXRT))
    text = found.findings[0].message if found.findings else ""
    assert (found.verdict, reason in text) == (expected, True), found
