"""onnxruntime's own quantised operators as the float operators between dequantise and quantise.

Rounding may move a result by one step, where the float result lies between two: onnxruntime
multiplies the scales in another order, or works with tables.
"""

from typing import Any

from porting.legalize.ops import Ops
from porting.legalize.rule import known_dtype, known_rank, require, rule
from porting.model.graph import Node
from porting.rules.common import axis_in, integer, number, optional_input
from porting.rules.quantized import dequantized, divided_in_float32, quantized, scaled_bias


def _in(op: Ops, node: Node, index: int, axis: int | None = None) -> str:
    """An input with its scale and zero point after it, dequantised."""
    scale = node.inputs[index + 1]
    size = op.value(scale).size
    require(size is not None, "the shape of a scale is not known")
    require(size == 1 or axis is not None, "there is more than one scale")
    along = None if size == 1 else axis
    return op.DequantizeLinear(*node.inputs[index : index + 2], _zero(node, index + 2), axis=along)


def _out(op: Ops, node: Node, result: str, index: int) -> str:
    """The result quantised by the scale and zero point at `index`, in the type of the inputs."""
    require(op.value(node.inputs[index]).size == 1, "the result has more than one scale")
    zero = _zero(node, index + 1)
    if zero is None:
        data = 2 if node.op_type == "QLinearConcat" else 0
        zero = op.const(0, known_dtype(node.input(data), "the input"))
    return op.QuantizeLinear(result, node.inputs[index], zero)


def _zero(node: Node, index: int) -> str | None:
    return optional_input(node, index)


@rule("com.microsoft::QLinearAdd", "com.microsoft::QLinearMul", exactness="reordered")
def ms_qlinear_arithmetic(op: Ops, node: Node) -> str:
    """Quantize(dequantize(a) + dequantize(b)), and so for the product.

    Source: onnxruntime's contrib operators, com.microsoft.QLinearAdd and QLinearMul.
    """
    operands = [_in(op, node, 0), _in(op, node, 3)]
    return _out(op, node, op.node(node.op_type.removeprefix("QLinear"), operands)[0], 6)


@rule("com.microsoft::QLinearWhere", exactness="reordered")
def ms_qlinear_where(op: Ops, node: Node) -> str:
    """Quantize(condition ? dequantize(x) : dequantize(y)).

    Source: onnxruntime's contrib operators, com.microsoft.QLinearWhere.
    """
    chosen = op.Where(node.inputs[0], _in(op, node, 1), _in(op, node, 4))
    zero = optional_input(node, 8)
    require(zero is not None, "the result has no zero point")
    return op.QuantizeLinear(chosen, node.inputs[7], zero)


@rule("com.microsoft::QLinearConcat", exactness="reordered")
def ms_qlinear_concat(op: Ops, node: Node) -> str:
    """Quantize(Concat(dequantize(x), ...)).

    Source: onnxruntime's contrib operators, com.microsoft.QLinearConcat.
    """
    parts = [_in(op, node, i) for i in range(2, len(node.inputs), 3)]
    joined = op.node("Concat", parts, axis=integer(node, "axis"))[0]
    return _out(op, node, joined, 0)


@rule("com.microsoft::QLinearSigmoid", exactness="reordered")
def ms_qlinear_sigmoid(op: Ops, node: Node) -> str:
    """Quantize(sigmoid(dequantize(x))).

    Source: onnxruntime's contrib operators, com.microsoft.QLinearSigmoid.
    """
    return _out(op, node, op.Sigmoid(_in(op, node, 0)), 3)


@rule("com.microsoft::QLinearLeakyRelu", exactness="reordered")
def ms_qlinear_leaky_relu(op: Ops, node: Node) -> str:
    """Quantize(leakyrelu(dequantize(x))).

    Source: onnxruntime's contrib operators, com.microsoft.QLinearLeakyRelu.
    """
    alpha = number(node, "alpha", 0.01)
    return _out(op, node, op.LeakyRelu(_in(op, node, 0), alpha=alpha), 3)


@rule("com.microsoft::QLinearSoftmax", exactness="reordered")
def ms_qlinear_softmax(op: Ops, node: Node) -> str:
    """Quantize(softmax(dequantize(x))), of the rows that its `opset` says.

    Before opset 13 softmax went over all axes from the given one on, which is the same for the
    last axis alone.

    Source: onnxruntime's contrib operators, com.microsoft.QLinearSoftmax.
    """
    rank = known_rank(node.input(0), "the input")
    newer = integer(node, "opset", 0) >= 13
    axis = axis_in(integer(node, "axis", -1 if newer else 1), rank)
    same = newer == (op.opset >= 13)
    require(same or axis == rank - 1, "it is over other axes than Softmax of this opset is")
    return _out(op, node, op.Softmax(_in(op, node, 0), axis=axis), 3)


@rule("com.microsoft::QLinearGlobalAveragePool", exactness="reordered")
def ms_qlinear_global_average_pool(op: Ops, node: Node) -> str:
    """Quantize(mean(dequantize(x))) over the spatial axes, channels first or last.

    Source: onnxruntime's contrib operators, com.microsoft.QLinearGlobalAveragePool.
    """
    rank = known_rank(node.input(0), "the input")
    last = bool(integer(node, "channels_last", 0))
    axes = range(1, rank - 1) if last else range(2, rank)
    return _out(op, node, op.reduce("ReduceMean", _in(op, node, 0), list(axes)), 3)


@rule("com.microsoft::QLinearAveragePool", exactness="reordered")
def ms_qlinear_average_pool(op: Ops, node: Node) -> str:
    """Quantize(AveragePool(dequantize(x))), between transpositions where channels are last.

    Source: onnxruntime's contrib operators, com.microsoft.QLinearAveragePool.
    """
    attributes: dict[str, Any] = dict(node.attributes)
    rank, x = known_rank(node.input(0), "the input"), _in(op, node, 0)
    if not attributes.pop("channels_last", 0):
        return _out(op, node, op.AveragePool(x, **attributes), 3)
    first = op.transpose(x, [0, rank - 1, *range(1, rank - 1)])
    pooled = op.AveragePool(first, **attributes)
    return _out(op, node, op.transpose(pooled, [0, *range(2, rank), 1]), 3)


@rule("com.microsoft::QGemm", exactness="reordered")
def ms_qgemm_to_gemm(op: Ops, node: Node) -> str:
    """`alpha * (A B + C)` of dequantised A and B, C counting in steps of both scales.

    The result is quantised where it has a scale.

    Source: onnxruntime's contrib operators, com.microsoft.QGemm.
    """
    alpha, across = number(node, "alpha", 1.0), integer(node, "transB", 0)
    a, b = _in(op, node, 0), _in(op, node, 3, axis=0 if across else 1)
    bias = optional_input(node, 6)
    if bias is not None:
        bias = scaled_bias(op, bias, node.inputs[1], node.inputs[4])
        bias = op.Mul(bias, op.const(alpha, "float32")) if alpha != 1.0 else bias
    elif op.opset < 11:
        bias = op.const([0.0], "float32")
    forms = {name: integer(node, name, 0) for name in ("transA", "transB")}
    result = op.Gemm(a, b, bias, alpha=alpha, **forms)
    return result if optional_input(node, 7) is None else _out(op, node, result, 7)


@rule("com.microsoft::QuantizeLinear", exactness="exact")
def ms_quantize_to_quantize(op: Ops, node: Node) -> str:
    """QuantizeLinear of ONNX, where that takes the types.

    Source: onnxruntime's contrib operators, com.microsoft.QuantizeLinear.
    """
    return op.QuantizeLinear(*_parameters(op, node), axis=_axis(op, node), block_size=_block(node))


@rule("com.microsoft::DequantizeLinear", exactness="exact")
def ms_dequantize_to_dequantize(op: Ops, node: Node) -> str:
    """DequantizeLinear of ONNX, where that takes the types.

    Source: onnxruntime's contrib operators, com.microsoft.DequantizeLinear.
    """
    parameters = _parameters(op, node)
    return op.DequantizeLinear(*parameters, axis=_axis(op, node), block_size=_block(node))


@rule("com.microsoft::QuantizeLinear", exactness="exact")
def ms_quantize_to_arithmetic(op: Ops, node: Node) -> str:
    """Clip(Round(x / scale) + zero point), as QuantizeLinear of ONNX is computed.

    Source: onnxruntime's contrib operators, com.microsoft.QuantizeLinear.
    """
    divided_in_float32(node)
    x, scale, zero = _parameters(op, node)
    result = known_dtype(node.input(2), "the zero point") if zero else "uint8"
    axis, block = integer(node, "axis", 1), integer(node, "block_size", 0)
    return quantized(op, x, scale, zero, result, axis, block)


@rule("com.microsoft::DequantizeLinear", exactness="exact")
def ms_dequantize_to_arithmetic(op: Ops, node: Node) -> str:
    """(x - zero point) * scale, as DequantizeLinear of ONNX is computed.

    Source: onnxruntime's contrib operators, com.microsoft.DequantizeLinear.
    """
    x, scale, zero = _parameters(op, node)
    result = known_dtype(node.input(1), "the scale")
    axis, block = integer(node, "axis", 1), integer(node, "block_size", 0)
    return dequantized(op, x, scale, zero, result, axis, block)


def _parameters(op: Ops, node: Node) -> tuple[str, str, str | None]:
    require(op.value(node.inputs[1]).size is not None, "the shape of the scale is not known")
    return node.inputs[0], node.inputs[1], _zero(node, 2)


def _axis(op: Ops, node: Node) -> int | None:
    """The axis, where the scale has one: older versions have no such attribute."""
    return None if op.value(node.inputs[1]).size == 1 else integer(node, "axis", 1)


def _block(node: Node) -> int | None:
    return integer(node, "block_size", 0) or None
