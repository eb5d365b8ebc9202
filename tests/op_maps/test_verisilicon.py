"""What `port check` says of models for VeriSilicon's NPUs, limit by limit."""

from typing import Any

import onnx
import pytest
from capability.helpers import Given, floats, ints, model_of, node_model, ones
from onnx import helper

import porting
from porting.capability.targets import load_target
from porting.results import worst

ACUITY = "verisilicon-acuity"
VSINPU = "verisilicon-vsinpu-ort"
IMAGE = (1, 4, 8, 8)


def said(model: onnx.ModelProto, target: str) -> tuple[str, str]:
    """The verdict on the model, and the reasons for it."""
    result = porting.check(model, target)
    found = [*result.findings, *(f for n in result.nodes for f in n.findings)]
    verdict = worst([f.verdict for f in found])
    return verdict, "; ".join(f.message for f in found if f.verdict == verdict)


def of(op_type: str, *inputs: Given, **more: Any) -> onnx.ModelProto:
    return node_model(op_type, dict(zip("abcdefgh", inputs, strict=False)), **more)


def pool(op_type: str = "MaxPool", shape: Given = IMAGE, **more: Any) -> onnx.ModelProto:
    return of(op_type, shape, **{"kernel_shape": [3] * (len(shape) - 2), **more})


def resized(*scales: float, **more: Any) -> onnx.ModelProto:
    return of("Resize", IMAGE, None, floats(*scales), **{"mode": "linear", **more})


def recurrent(batch: int = 1, outputs: Any = 3) -> onnx.ModelProto:
    return of("LSTM", (5, batch, 6), ones(1, 16, 6), ones(1, 16, 4), outputs=outputs, hidden_size=4)


def filled(**value: Any) -> onnx.ModelProto:
    nodes = [
        helper.make_node("ConstantOfShape", ["s"], ["k"], **value),
        helper.make_node("Add", ["x", "k"], ["y"]),
    ]
    return model_of(nodes, {"x": IMAGE, "s": ints(1, 4, 8, 8)}, ["y"])


def ranged() -> onnx.ModelProto:
    nodes = [
        helper.make_node("Range", ["a", "b", "c"], ["r"]),
        helper.make_node("Mul", ["r", "x"], ["y"]),
    ]
    return model_of(nodes, {"a": (), "b": (), "c": (), "x": (4,)}, ["y"])


ADDED = helper.make_tensor("value", onnx.TensorProto.FLOAT, [1], [1.0])


@pytest.mark.parametrize("target", [ACUITY, VSINPU])
def test_every_entry_is_well_formed(target: str) -> None:
    table = load_target(target)
    table.validate()
    assert list(table.data.ops) == sorted(table.data.ops, key=lambda op: ("::" in op, op))


@pytest.mark.parametrize(
    ("model", "verdict", "reason"),
    [
        (of("Conv", IMAGE, ones(4, 4, 3, 3)), "supported", ""),
        (of("Conv", IMAGE, (4, 4, 3, 3)), "unsupported", "constant"),
        (of("Conv", (1, 4, "h", "w"), ones(4, 4, 3, 3)), "unsupported", "are numbers"),
        (of("Hardmax", IMAGE), "unsupported", "does not take"),
        (of("Equal", (2,), (2,), dtypes={"a": "string", "b": "string"}), "unsupported", "KeyError"),
        (of("Cast", IMAGE, to=22, opset=23), "unsupported", "of the result"),
        (of("Cast", IMAGE, to=11, opset=19), "unsupported", "no operation"),
        (of("Cast", IMAGE, to=11, opset=13), "supported", ""),
        (of("Shape", IMAGE), "unsupported", "nothing to build"),
        (of("PRelu", IMAGE, IMAGE), "unsupported", "constant operand"),
        (of("ArgMax", IMAGE, select_last_index=1), "deviates", "not read"),
        (of("ArgMin", IMAGE, select_last_index=1), "unsupported", "select_last_index"),
        (pool("AveragePool", dilations=[2, 2], opset=19), "unsupported", "ONNX Runtime"),
        (pool(kernel_shape=[1, 1], strides=[2, 2], ceil_mode=1), "unsupported", "behind the input"),
        (pool(strides=[2, 2], ceil_mode=1), "supported", ""),
        (pool(outputs=2), "unsupported", "Indices"),
        (of("Clip", IMAGE), "unsupported", "without bounds"),
        (of("Clip", IMAGE, floats(2)[0], floats(1)[0]), "deviates", "above the upper"),
        (filled(), "unsupported", "must be written"),
        (filled(value=ADDED), "supported", ""),
        (of("ConvTranspose", IMAGE, ones(4, 2, 3, 3)), "unsupported", "must be written"),
        (of("Gemm", (3, 4), ones(4, 5), ones(3, 5)), "unsupported", "rows of its own"),
        (of("Gemm", (4, 3), ones(4, 5), transA=1), "unsupported", "transA"),
        (of("LayerNormalization", IMAGE, ones(8)), "unsupported", "B must be given"),
        (recurrent(), "supported", ""),
        (recurrent(4), "deviates", "batch"),
        (recurrent(outputs=["", "h"]), "unsupported", "left out"),
        (of("Max", IMAGE), "unsupported", "itself"),
        (of("Sum", IMAGE, IMAGE, IMAGE), "unsupported", "two operands"),
        (of("Einsum", IMAGE, equation="...ij->...ji"), "unsupported", "ellipses"),
        (of("QuantizeLinear", IMAGE, floats(0.1)[0]), "deviates", "not the quantised"),
        (
            of("DequantizeLinear", IMAGE, floats(1, 1), dtypes={"a": "int8"}),
            "unsupported",
            "tensor",
        ),
        (of("Slice", IMAGE, ints(9), ints(9), ints(3)), "unsupported", "empty"),
        (resized(1, 1, 2, 2), "supported", ""),
        (resized(1, 1, 0.5, 0.5), "deviates", "smaller"),
        (resized(1, 1, 2, 2, mode="nearest"), "supported", ""),
        (resized(1, 1, 1.5, 1.5, mode="nearest"), "deviates", "whole scales"),
        (resized(1, 1, 2, 2, mode="cubic"), "deviates", "border"),
        (resized(1, 1, 2, 2, mode="nearest", nearest_mode="ceil"), "unsupported", "nearest_mode"),
        (ranged(), "unsupported", "int32"),
    ],
)
def test_limits_of_acuity(model: onnx.ModelProto, verdict: str, reason: str) -> None:
    said_verdict, why = said(model, ACUITY)
    assert said_verdict == verdict, why
    assert reason in why


@pytest.mark.parametrize(
    ("model", "verdict", "reason"),
    [
        (of("Conv", IMAGE, (4, 4, 3, 3)), "supported", ""),
        (of("Conv", (1, 4, 8, 8, 8), (4, 4, 3, 3, 3)), "fallback", "rank"),
        (of("Erf", IMAGE), "fallback", "host CPU"),
        (of("Relu", (1, "c", 8)), "fallback", "is a number"),
        (of("Neg", IMAGE, dtypes={"a": "int64"}), "fallback", "element type"),
        (of("Gather", IMAGE, (2,), dtypes={"b": "int64"}), "fallback", "constant"),
        (of("Gather", IMAGE, ints(0, 1)), "supported", ""),
        (pool(), "supported", ""),
        (pool(dilations=[1, 1]), "fallback", "must not be written"),
        (pool(auto_pad="SAME_UPPER"), "deviates", "auto_pad"),
        (pool(shape=(1, 4, 8)), "unknown", "1-D"),
        (pool("AveragePool", count_include_pad=1, pads=[1] * 4), "deviates", "count_include_pad"),
        (of("LeakyRelu", IMAGE), "deviates", "read as 1"),
        (of("HardSigmoid", IMAGE, alpha=0.2), "deviates", "read as 1"),
        (of("Gemm", (3, 4), ones(4, 5), ones(3, 5)), "fallback", "one row"),
        (of("Pad", IMAGE, ints(0, 0, 0, 0, 0, 0, -1, 0)), "fallback", "negative"),
        (of("Pow", IMAGE, (1,), dtypes={"b": "int32"}), "fallback", "do not mix"),
        (of("Split", (7, 2), ints(3, 4), outputs=2), "fallback", "not yet"),
        (of("Split", (6, 2), ints(3, 3), outputs=2), "supported", ""),
        (resized(1, 1, 2, 2), "supported", ""),
        (resized(1, 1, 2, 2, coordinate_transformation_mode="asymmetric"), "deviates", "inferred"),
        (of("Transpose", IMAGE), "deviates", "read as ones"),
        (of("Reshape", IMAGE, ints(0, -1), allowzero=1), "fallback", "allowzero"),
    ],
)
def test_limits_of_vsinpu(model: onnx.ModelProto, verdict: str, reason: str) -> None:
    said_verdict, why = said(model, VSINPU)
    assert said_verdict == verdict, why
    assert reason in why
