"""Moore Threads: one tiny model for each kind of limit in its two tables."""

from typing import Any

import onnx
import pytest
from capability.helpers import Given, floats, ints, node_model, ones, result
from onnx import TensorProto

from porting.capability.targets import available, find, load_target

PLUGIN, IN_TREE = "moorethreads-musa-ort", "moorethreads-musa-ort-intree"
IMAGE = (1, 4, 8, 8)
KERNEL = ones(4, 4, 3, 3)


def x(op_type: str, shape: Given = IMAGE, **more: Any) -> onnx.ModelProto:
    return node_model(op_type, {"x": shape}, **more)


def typed(op_type: str, dtype: str, *names: str, shape: Given = (4,), **more: Any):
    inputs = dict.fromkeys(names or ("x",), shape)
    return node_model(op_type, inputs, dtypes=dict.fromkeys(inputs, dtype), **more)


def conv(**more: Any) -> onnx.ModelProto:
    return node_model("Conv", {"x": IMAGE, "w": KERNEL}, **more)


def pad(shape: Given, pads: Given, **more: Any) -> onnx.ModelProto:
    return node_model("Pad", {"x": shape, "p": pads}, **more)


def norm(scale: Given, **more: Any) -> onnx.ModelProto:
    return node_model("LayerNormalization", {"x": (2, 3, 8), "s": scale}, **more)


def slices(step: int) -> onnx.ModelProto:
    inputs = {"x": (8,), "s": ints(0), "e": ints(4), "a": ints(0), "t": ints(step)}
    return node_model("Slice", inputs)


def where(dtype: str, opset: int) -> onnx.ModelProto:
    inputs = dict.fromkeys(("c", "a", "b"), (4,))
    dtypes = {"c": "bool", "a": dtype, "b": dtype}
    return node_model("Where", inputs, dtypes=dtypes, opset=opset)


def einsum(equation: str) -> onnx.ModelProto:
    return node_model("Einsum", {"a": (2, 3), "b": (4, 3, 5)}, equation=equation)


def attention(*names: str, outputs: int = 1, **more: Any) -> onnx.ModelProto:
    inputs: dict[str, Given] = {n: (1, 4 + (n == "longer"), 8) for n in names}
    dtypes = {"mask": "int32"}
    domain = "com.microsoft"
    return node_model("MultiHeadAttention", inputs, outputs, domain=domain, dtypes=dtypes, **more)


def resize(**more: Any) -> onnx.ModelProto:
    return node_model("Resize", {"x": IMAGE, "roi": None, "s": floats(1, 1, 2, 2)}, **more)


@pytest.mark.parametrize(
    ("short", "target"), [("musa-ort", PLUGIN), ("intree", IN_TREE), ("ort-intree", IN_TREE)]
)
def test_short_names_find_them(short: str, target: str) -> None:
    assert find(short, available()) == target


@pytest.mark.parametrize(("target", "operators"), [(PLUGIN, 89), (IN_TREE, 136)])
def test_every_entry_is_well_formed(target: str, operators: int) -> None:
    table = load_target(target)
    table.validate()
    assert len(table.data.ops) == operators


@pytest.mark.parametrize(
    ("model", "expected", "reason"),
    [
        (conv(), "supported", ""),
        (conv(opset=21), "supported", ""),
        (conv(auto_pad="VALID"), "supported", ""),
        (conv(opset=22), "fallback", "11..19 only; the model has version Conv-22"),
        (typed("Conv", "float16", "x", "w", shape=(1, 1, 8, 8)), "fallback", "float32 only"),
        (node_model("Conv", {"x": IMAGE, "w": ones(4, 2, 3, 3)}, group=2), "unsupported",
         "group is 1 only"),
        (conv(auto_pad="SAME_UPPER"), "deviates", "does not read it"),
        (conv(pads=[0, 0, 1, 1]), "unsupported", "padded alike"),
        (node_model("Conv", {"x": IMAGE, "w": KERNEL, "b": ones(4)}), "unknown", "bias"),
        (node_model("Conv", {"x": (1, 4, 8), "w": ones(4, 4, 3)}), "unsupported", "rank 4"),
        (x("Resize"), "fallback", "not listed"),
        (x("LSTM"), "fallback", "not listed"),
        (x("Cast", to=TensorProto.FLOAT8E5M2, opset=19), "fallback", "to is uint8"),
        (x("MaxPool", kernel_shape=[2, 2], ceil_mode=1), "unsupported",
         "it builds and fails at run time"),
        (typed("Add", "int64", "a", "b", shape=(1,) * 9), "unsupported", "rank ..8"),
        (einsum("ij,bjk->bik"), "supported", ""),
        (einsum("ab,cbd->cad"), "unsupported", "equation is"),
        (pad((4,), ints(1, 1)), "supported", ""),
        (pad((4,), ints(1, -1)), "unsupported", "not negative"),
        (pad((4,), ints(1, 1), mode="edge"), "unsupported", "mode is constant"),
        (norm(ones(8)), "supported", ""),
        (norm(ones(1)), "unsupported", "without broadcasting"),
        (slices(1), "supported", ""),
        (slices(-1), "unsupported", "steps are positive"),
        (where("int8", 16), "supported", ""),
        (where("int8", 15), "fallback", "opset 9 to 15"),
        (typed("ReduceL2", "bfloat16"), "fallback", "from opset 18 on"),
        (x("Unique", (4, 4)), "fallback", "int32 or int64"),
        (typed("Unique", "int64", shape=(4, 4), axis=1), "unsupported", "flattened"),
        (attention("q", "k", "v", "b"), "supported", ""),
        (attention("q", "k", "v", "b", "mask"), "supported", ""),
        (attention("q", "k", "v", "b", "bias"), "unsupported", "no attention_bias"),
        (attention("q", "longer", "v", "b"), "unsupported", "first three of one shape"),
        (attention("q", "k", "v"), "unsupported", "query, key, value and bias"),
    ],
)  # fmt: skip
def test_plugin(model: onnx.ModelProto, expected: str, reason: str) -> None:
    found = result(model, load_target(PLUGIN))
    text = found.findings[0].message if found.findings else ""
    assert (found.verdict, reason in text) == (expected, True), found


@pytest.mark.parametrize(
    ("model", "expected", "reason"),
    [
        (conv(), "supported", ""),
        (typed("Conv", "float16", "x", "w", shape=(1, 1, 8, 8)), "supported", ""),
        (conv(opset=22), "fallback", "1..11 only"),
        (typed("GatherElements", "float32", "a", "i"), "fallback", "11 only"),
        (typed("Equal", "int32", "a", "b", opset=11), "supported", ""),
        (typed("Max", "float32", "a", "b"), "supported", ""),
        (typed("Max", "float32", "a", "b", "c"), "unsupported", "more than two"),
        (typed("NonZero", "float16", opset=11), "fallback", "from opset 13 on"),
        (pad((4, 4), ints(1, 1, 1, 1)), "supported", ""),
        (pad(IMAGE, ints(0, 0, 1, 1, 0, 0, 1, 1)), "unsupported", "3 dimensions"),
        (pad(IMAGE, ints(*[0] * 8)), "supported", ""),
        (pad(IMAGE, ints(*[0] * 8), mode="edge"), "unknown", "stated for constant"),
        (typed("Pow", "int64", "a", "b"), "unsupported", "integer base"),
        (resize(opset=18, antialias=1, mode="linear"), "unsupported", "when it is loaded"),
        (resize(opset=19), "fallback", "10..18 only"),
        (
            node_model("Reshape", {"x": (4,), "s": ints(2, 2)}, dtypes={"x": "string"}),
            "supported",
            "",
        ),
        (x("Erf", domain="acme"), "fallback", "not listed"),
        (x("FloorDiv"), "supported", ""),
        (x("QuickGelu", domain="com.microsoft"), "supported", ""),
    ],
)
def test_in_tree(model: onnx.ModelProto, expected: str, reason: str) -> None:
    found = result(model, load_target(IN_TREE))
    text = found.findings[0].message if found.findings else ""
    assert (found.verdict, reason in text) == (expected, True), found
