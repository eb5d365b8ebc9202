"""AMD's MIGraphX and Hygon's fork of it: one tiny model for each kind of limit."""

from typing import Any

import numpy as np
import onnx
import pytest
from capability.helpers import Given, floats, ints, node_model, ones, result
from onnx import TensorProto

import porting
from porting.capability.targets import available, find, load_target

AMD, HYGON = "amd-migraphx", "hygon-dcu-migraphx"
IMAGE = (1, 4, 8, 8)
KERNEL = ones(4, 4, 3, 3)
SCALE = floats(0.5)[0]


def x(op_type: str, shape: Given = IMAGE, **more: Any) -> onnx.ModelProto:
    return node_model(op_type, {"x": shape}, **({"opset": 15} | more))


def typed(op_type: str, dtype: str, *names: str, shape: Given = (4,), **more: Any):
    inputs = dict.fromkeys(names or ("x",), shape)
    dtypes = dict.fromkeys(inputs, dtype)
    return node_model(op_type, inputs, dtypes=dtypes, **({"opset": 15} | more))


def with_axes(op_type: str, axes: Given, **more: Any) -> onnx.ModelProto:
    inputs = {"x": (1, 4), "a": axes}
    return node_model(op_type, inputs, dtypes={"a": "int64"}, **({"opset": 15} | more))


def einsum(equation: str, **shapes: Given) -> onnx.ModelProto:
    return node_model("Einsum", shapes, equation=equation)


def resize(**more: Any) -> onnx.ModelProto:
    inputs = {"x": IMAGE, "roi": None, "s": floats(1, 1, 2, 2)}
    return node_model("Resize", inputs, **({"opset": 13} | more))


def pad(mode: str, shape: Given = (4,)) -> onnx.ModelProto:
    return node_model("Pad", {"x": shape, "p": ints(1, 1)}, opset=15, mode=mode)


def transposed(**more: Any) -> onnx.ModelProto:
    return node_model("ConvTranspose", {"x": IMAGE, "w": KERNEL}, opset=15, **more)


def slices(starts: Given, steps: Given = None) -> onnx.ModelProto:
    inputs = {"x": (8,), "s": starts, "e": ints(4), "a": ints(0), "t": steps}
    given = {n: v for n, v in inputs.items() if n != "t" or v is not None}
    return node_model("Slice", given, opset=15, dtypes={"s": "int64"})


def rnn(**more: Any) -> onnx.ModelProto:
    inputs = {"x": (5, 1, 4), "w": ones(1, 24, 4), "r": ones(1, 24, 6)}
    return node_model("LSTM", inputs, hidden_size=6, opset=14, **more)


def reshape(shape: Given, **more: Any) -> onnx.ModelProto:
    inputs = {"x": (4,), "s": shape}
    return node_model("Reshape", inputs, dtypes={"s": "int64"}, **({"opset": 15} | more))


@pytest.mark.parametrize(
    ("short", "target"), [("amd", AMD), ("amd-migraphx", AMD), ("dcu", HYGON), ("hygon", HYGON)]
)
def test_short_names_find_them(short: str, target: str) -> None:
    assert find(short, available()) == target


@pytest.mark.parametrize(("target", "operators"), [(AMD, 220), (HYGON, 191)])
def test_every_entry_is_well_formed(target: str, operators: int) -> None:
    table = load_target(target)
    table.validate()
    assert len(table.data.ops) == operators


def test_hygon_is_said_to_be_a_proxy() -> None:
    table = load_target(HYGON)
    assert table.data.evidence == "inferred"
    assert "proxy" in table.data.note
    assert table.data.sources["doc"].kind == "inferred"


@pytest.mark.parametrize("target", [AMD, HYGON])
@pytest.mark.parametrize(
    "model",
    [
        node_model("Conv", {"x": IMAGE, "w": KERNEL}, opset=15),
        typed("Add", "int32", "a", "b"),
        typed("MatMul", "float16", "a", "b", shape=(4, 4)),
        with_axes("Unsqueeze", ints(0)),
        with_axes("ReduceSum", ints(1)),
        resize(mode="linear"),
        pad("reflect"),
        transposed(),
        slices(ints(0)),
        rnn(),
        reshape(ints(2, 2)),
        node_model("Gather", {"x": IMAGE, "i": ints(0)}, opset=15),
        node_model("Where", {"c": (4,), "a": (4,), "b": (4,)}, opset=15, dtypes={"c": "bool"}),
    ],
)
def test_what_both_take(target: str, model: onnx.ModelProto) -> None:
    found = result(model, load_target(target))
    assert found.verdict == "supported", found.findings


@pytest.mark.parametrize(
    ("model", "expected", "reason"),
    [
        (x("Gelu", opset=20), "supported", ""),
        (typed("BitwiseAnd", "uint8", "a", "b", opset=18), "supported", ""),
        (node_model("Attention", dict.fromkeys("qkv", (1, 2, 5, 8)), opset=23), "unsupported",
         "com.microsoft"),
        (x("BiasGelu", domain="com.microsoft"), "supported", ""),
        (x("Mish", opset=18), "unsupported", "documented as not supported"),
        (x("Frobnicate", domain="acme"), "unsupported", "does not take"),
        (typed("Add", "bfloat16", "a", "b"), "unknown", "inputs are uint8"),
        (typed("Mul", "int32", "a", "b"), "unknown", "inputs are uint8"),
        (x("Cast", to=TensorProto.FLOAT8E5M2, opset=19), "unknown", "to is bool"),
        (transposed(output_padding=[1, 1], strides=[2, 2]), "deviates", "output_padding"),
        (transposed(auto_pad="SAME_UPPER"), "unknown", "2.16-dev"),
        (node_model("ConvTranspose", {"x": (1, 4, "h", 8), "w": KERNEL}, pads=[0, 0, 1, 1]),
         "unsupported", "static shape"),
        (x("ConstantOfShape", (2,), dtypes={"x": "int64"}), "unsupported", "must be a constant"),
        (einsum("iijj->ij", a=(2, 2, 3, 3)), "unsupported", "one diagonal"),
        (einsum("ii->i", a=(2, 2)), "supported", ""),
        (einsum("bii,bij->bj", a=(2, 3, 3), b=(2, 3, 4)), "unknown", "leading"),
        (rnn(activations=["Sigmoid", "Softsign", "Tanh"]), "unsupported", "activations is not"),
        (x("LpPool", kernel_shape=[2, 2]), "unsupported", "MIOpen"),
        (x("MaxPool", kernel_shape=[2, 2], dilations=[2, 2]), "unknown", "in part"),
        (x("MaxPool", kernel_shape=[2, 2], outputs=2), "unsupported", "Indices"),
        (typed("Mod", "float32", "a", "b", fmod=0), "unsupported", "integers"),
        (x("NonZero"), "deviates", "padded"),
        (pad("edge"), "supported", ""),
        (pad("reflect", ("n",)), "unsupported", "static shape"),
        (with_axes("ReduceSum", (1,)), "supported", ""),
        (with_axes("ReduceSum", (1,), keepdims=0), "unsupported", "keepdims is 1"),
        (with_axes("Squeeze", (1,)), "unsupported", "axes must be a constant"),
        (reshape((2,)), "unknown", "in part"),
        (reshape(ints(0, 4), allowzero=1), "deviates", "allowzero is ignored"),
        (reshape(ints(2, 2), allowzero=1), "supported", ""),
        (x("RotaryEmbedding", domain="com.microsoft"), "unknown", "not described here"),
        (resize(mode="cubic"), "supported", ""),
        (resize(coordinate_transformation_mode="tf_crop_and_resize"), "unsupported", "half_pixel"),
        (slices((1,)), "unknown", "sources disagree"),
        (slices((1,), ints(2)), "unsupported", "without steps"),
        (x("Unique", opset=15, axis=1), "unsupported", "axis is 0"),
        (node_model("Where", {"c": (4,), "a": ("n",), "b": (4,)}, dtypes={"c": "bool"}),
         "unsupported", "mixed"),
        (node_model("QLinearMatMul", {
            "a": (4, 4), "s": SCALE, "z": np.int8(0), "b": (4, 4), "t": floats(1, 1, 1, 1),
            "y": np.int8(0), "u": SCALE, "v": np.int8(0)}, dtypes={"a": "int8", "b": "int8"}),
         "unknown", "2.16-dev"),
    ],
)  # fmt: skip
def test_amd(model: onnx.ModelProto, expected: str, reason: str) -> None:
    found = result(model, load_target(AMD))
    text = found.findings[0].message if found.findings else ""
    assert (found.verdict, reason in text) == (expected, True), found


@pytest.mark.parametrize(
    ("model", "expected", "reason"),
    [
        (x("Trilu"), "unsupported", "ROCm 5.5"),
        (x("BiasGelu", domain="com.microsoft"), "unsupported", "does not take"),
        (typed("Add", "bfloat16", "a", "b"), "unsupported", "no such element type"),
        (pad("edge"), "unsupported", "mode is constant or reflect"),
        (resize(mode="cubic"), "unsupported", "mode is nearest or linear"),
        (reshape((2,)), "unsupported", "shape must be a constant"),
        (with_axes("ReduceSum", (1,)), "unsupported", "axes must be a constant"),
        (reshape(ints(2, 2), allowzero=1), "unsupported", "allowzero is 0 only"),
        (transposed(output_padding=[1, 1], strides=[2, 2]), "deviates", "output_padding"),
    ],
)
def test_hygon(model: onnx.ModelProto, expected: str, reason: str) -> None:
    found = result(model, load_target(HYGON))
    assert found.verdict == expected
    assert any(reason in f.message for f in found.findings), found.findings


def test_the_option_that_keeps_sizes() -> None:
    more = {"options": {"use_dyn_output": "true"}}
    assert result(x("NonZero"), load_target(AMD), **more).verdict == "supported"


@pytest.mark.parametrize(
    ("target", "shape", "opset", "expected"),
    [
        (AMD, ("n", 4), 19, []),
        (AMD, ("n", "m"), 19, ["unknown"]),
        (AMD, (1, 4), 20, ["unknown"]),
        (HYGON, (1, 4), 15, []),
        (HYGON, ("n", 4), 15, ["unknown"]),
        (HYGON, (1, 4), 17, ["unknown"]),
    ],
)
def test_limits_on_the_model(target: str, shape: Given, opset: int, expected: list[str]) -> None:
    found = porting.check(x("Abs", shape, opset=opset), target).findings
    assert [f.verdict for f in found] == expected
