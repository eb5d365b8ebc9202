"""Quantised operators of ONNX as dequantised ones, or as arithmetic on floats."""

from typing import Any

import numpy as np

from porting.legalize.ops import Ops
from porting.legalize.rule import decline, known_constant, known_dtype, require, rule, static_shape
from porting.model.dtypes import NAME_OF
from porting.model.graph import Node
from porting.rules.common import axis_in, integer, optional_input
from porting.rules.quantized import (
    WEIGHTS,
    dequantized,
    divided_in_float32,
    quantized,
    scaled_bias,
    spread_array,
)


@rule("QuantizeLinear", exactness="exact")
def quantize_to_arithmetic(op: Ops, node: Node) -> str:
    """Clip(Round(x / scale) + zero point) cast to the type of the zero point.

    Per tensor, per axis or per block, to integers of 8 and 16 bits. What NaN becomes is up to the
    runtime in both.

    Source: ONNX QuantizeLinear-21: round half to even, then saturate.
    """
    result = known_dtype(node.output(), "the result")
    divided_in_float32(node)
    zero = optional_input(node, 2)
    axis, block = integer(node, "axis", 1), integer(node, "block_size", 0)
    x, scale = node.inputs[:2]
    return quantized(op, x, scale, zero, result, axis, block)


@rule("DequantizeLinear", exactness="exact")
def dequantize_to_arithmetic(op: Ops, node: Node) -> str:
    """(x - zero point) * scale, the difference taken in float32, where it does not wrap around.

    Per tensor, per axis or per block. Integers of 32 bits have no zero point.

    Source: ONNX DequantizeLinear-21.
    """
    result = known_dtype(node.output(), "the result")
    zero = optional_input(node, 2)
    axis, block = integer(node, "axis", 1), integer(node, "block_size", 0)
    x, scale = node.inputs[:2]
    return dequantized(op, x, scale, zero, result, axis, block)


@rule("DequantizeLinear", exactness="exact")
def dequantized_weight_to_floats(op: Ops, node: Node) -> str:
    """A constant (x - zero point) * scale, computed here: weights of 4 and 8 bits as floats.

    Source: ONNX DequantizeLinear-21.
    """
    x = node.const(0, WEIGHTS)
    if x is None:
        decline("it is not a constant that can be read")
    scale = known_constant(node, 1)
    zero = node.const(2) if optional_input(node, 2) else np.zeros((), np.float32)
    if zero is None:
        decline("the zero point is not a constant")
    result = NAME_OF.get(integer(node, "output_dtype", 0), known_dtype(node.input(1), "the scale"))
    require(result in {"float16", "float32"}, f"the result is {result}")
    axis = axis_in(integer(node, "axis", 1), max(x.ndim, 2)) if x.ndim else 0
    block = integer(node, "block_size", 0)
    difference = x.astype(np.float32)
    difference -= spread_array(zero.astype(np.float32), x.shape, axis, block)
    factor = spread_array(scale.astype(np.float32), x.shape, axis, block)
    return op.const(difference * factor, result)


@rule("DynamicQuantizeLinear", exactness="exact", since=11)
def dynamic_quantize_to_quantize(op: Ops, node: Node) -> list[str]:
    """With scale = (max(x, 0) - min(x, 0)) / 255, zero point = -min / scale, then QuantizeLinear.

    Of zeros alone ONNX's formula makes 0 / 0; the scale is 1 then, as onnxruntime has it.

    Source: ONNX DynamicQuantizeLinear-11.
    """
    x = node.inputs[0]
    require(static_shape(node.input(0), "the input").count(0) == 0, "the input is empty")
    none = op.const(0.0, "float32")
    low = op.Min(op.ReduceMin(x, keepdims=0), none)
    high = op.Max(op.ReduceMax(x, keepdims=0), none)
    whole, span = op.const(255.0, "float32"), op.Sub(high, low)
    scale = op.Div(op.Where(op.Equal(span, none), whole, span), whole)
    position = op.clip(op.Round(op.Div(op.Neg(low), scale)), 0.0, 255.0)
    zero = op.cast(position, "uint8")
    return [op.QuantizeLinear(x, scale, zero), scale, zero]


@rule("QLinearConv", exactness="reordered")
def qlinear_conv_to_conv(op: Ops, node: Node) -> str:
    """Quantize(Conv(dequantize(x), dequantize(w), bias * x_scale * w_scale)).

    Rounding may move a result by one step, where the sum lies between two.

    Source: ONNX QLinearConv-10.
    """
    x, x_scale, x_zero, w, w_scale, w_zero, y_scale, y_zero = node.inputs[:8]
    channels = w_scale if op.value(w_scale).size != 1 else None
    weight = op.DequantizeLinear(w, w_scale, w_zero, axis=0 if channels else None)
    inputs = [op.DequantizeLinear(x, x_scale, x_zero), weight]
    bias = optional_input(node, 8)
    if bias is not None:
        inputs.append(scaled_bias(op, bias, x_scale, w_scale))
    attributes: dict[str, Any] = dict(node.attributes)
    result = op.node("Conv", inputs, **attributes)[0]
    return op.QuantizeLinear(result, y_scale, y_zero)


@rule("QLinearMatMul", exactness="reordered")
def qlinear_matmul_to_matmul(op: Ops, node: Node) -> str:
    """Quantize(MatMul(dequantize(a), dequantize(b))).

    A scale per row of a or per column of b goes along that axis. Rounding may move a result by
    one step, where the sum lies between two.

    Source: ONNX QLinearMatMul-21.
    """
    a, a_scale, a_zero, b, b_scale, b_zero, y_scale, y_zero = node.inputs[:8]
    left = _operand(op, a, a_scale, a_zero, -2)
    right = _operand(op, b, b_scale, b_zero, -1)
    require(op.value(y_scale).size == 1, "the result has more than one scale")
    return op.QuantizeLinear(op.MatMul(left, right), y_scale, y_zero)


def _operand(op: Ops, x: str, scale: str, zero: str, axis: int) -> str:
    value = op.value(scale)
    if value.size == 1:
        return op.DequantizeLinear(x, scale, zero)
    require(value.rank == 1, "the shape of a scale is neither one number nor one axis")
    rank = op.value(x).rank
    require(rank is not None and rank >= 2, "an operand with a scale per row has no rows")
    return op.DequantizeLinear(x, scale, zero, axis=axis)
