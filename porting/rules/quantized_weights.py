"""onnxruntime's own products with quantised weights: as products with weights of floats."""

from typing import Any

import ml_dtypes
import numpy as np

from porting.legalize.ops import Ops
from porting.legalize.rule import decline, known_constant, known_dtype, known_rank, require, rule
from porting.model.graph import Node
from porting.model.value import Array
from porting.rules.common import integer, optional_input
from porting.rules.quantized import WEIGHTS


@rule("com.microsoft::MatMulIntegerToFloat", exactness="reordered")
def ms_matmul_integer_to_float(op: Ops, node: Node) -> str:
    """The product of dequantised A and B, plus the bias.

    Source: onnxruntime's contrib operators, com.microsoft.MatMulIntegerToFloat.
    """
    a_scale, b_scale = node.inputs[2:4]
    require(op.value(a_scale).size == 1, "A has a scale per row")
    a = op.DequantizeLinear(node.inputs[0], a_scale, optional_input(node, 4))
    b = _weight(op, node, 1, b_scale, optional_input(node, 5))
    return _biased(op, op.MatMul(a, b), optional_input(node, 6))


@rule("com.microsoft::DynamicQuantizeMatMul", exactness="reordered")
def ms_dynamic_quantize_matmul(op: Ops, node: Node) -> str:
    """A quantised by its own range and dequantised again, times dequantised B, plus the bias.

    Source: onnxruntime's contrib operators, com.microsoft.DynamicQuantizeMatMul.
    """
    b = _weight(op, node, 1, node.inputs[2], optional_input(node, 3))
    a = op.DequantizeLinear(*op.node("DynamicQuantizeLinear", [node.inputs[0]], outputs=3))
    return _biased(op, op.MatMul(a, b), optional_input(node, 4))


@rule("com.microsoft::DynamicQuantizeMatMul", exactness="approximate")
def ms_dynamic_quantize_matmul_unrounded(op: Ops, node: Node) -> str:
    """A times dequantised B, without rounding A to 255 steps first.

    Nearer to the model before it was quantised; each element of A differs by half a step at most,
    so that a sum differs by no more than sum(|B|) * (max(A, 0) - min(A, 0)) / 510.

    Source: onnxruntime's contrib operators, com.microsoft.DynamicQuantizeMatMul.
    """
    b = _weight(op, node, 1, node.inputs[2], optional_input(node, 3))
    return _biased(op, op.MatMul(node.inputs[0], b), optional_input(node, 4))


def _weight(op: Ops, node: Node, index: int, scale: str, zero: str | None) -> str:
    """B dequantised by one scale or one per column."""
    size = op.value(scale).size
    require(size is not None, "the shape of the scale is not known")
    if size == 1:
        return op.DequantizeLinear(node.inputs[index], scale, zero)
    require(op.value(scale).rank == 1, "the scale has several axes")
    axis = known_rank(node.input(index), "B") - 1
    return op.DequantizeLinear(node.inputs[index], scale, zero, axis=axis)


def _biased(op: Ops, result: str, bias: str | None) -> str:
    return result if bias is None else op.Add(result, bias)


@rule("com.microsoft::MatMulNBits", exactness="reordered")
def ms_matmul_n_bits_to_matmul(op: Ops, node: Node) -> str:
    """A times the weight, which is unpacked from 2, 4 or 8 bits and dequantised here.

    Source: onnxruntime's contrib operators, com.microsoft.MatMulNBits: the low bits come first, a
    zero point is half the range where there is none.
    """
    dtype = known_dtype(node.input(0), "A")
    numbers, scales, zeros = _blocks(node)
    block, length = integer(node, "block_size"), integer(node, "K")
    weight = (numbers - zeros[..., None]).astype(np.float32) * scales[..., None]
    flat = weight.reshape(weight.shape[0], -1, order="C")[:, :length]
    assert weight.shape[2] == block
    product = op.MatMul(node.inputs[0], op.const(np.ascontiguousarray(flat.T), dtype))
    return _biased(op, product, optional_input(node, 5))


@rule("com.microsoft::MatMulNBits", exactness="reordered", since=21)
def ms_matmul_n_bits_to_dequantize(op: Ops, node: Node) -> str:
    """A times the weight dequantised by DequantizeLinear in blocks, kept in 4 or 8 bits.

    Source: onnxruntime's contrib operators, com.microsoft.MatMulNBits.
    """
    bits, block = integer(node, "bits", 4), integer(node, "block_size")
    require(bits in (4, 8), f"there is no type of {bits} bits")
    require(integer(node, "K") % block == 0, "the last block is not whole")
    kind = ml_dtypes.uint4 if bits == 4 else np.uint8
    numbers, scales, zeros = _blocks(node)
    require(bool((zeros == np.rint(zeros)).all()), "a zero point is not whole")
    packed = op.const(numbers.reshape(numbers.shape[0], -1).astype(kind))
    scale = op.const(scales, known_dtype(node.input(2), "the scales"))
    weight = op.DequantizeLinear(
        packed, scale, op.const(zeros.astype(kind)), axis=1, block_size=block
    )
    product = op.MatMul(node.inputs[0], op.transpose(weight, [1, 0]))
    return _biased(op, product, optional_input(node, 5))


def _blocks(node: Node) -> tuple[Array, Array, Array]:
    """The numbers `[N, blocks, block]`, and scales and zero points `[N, blocks]`."""
    bits, block = integer(node, "bits", 4), integer(node, "block_size")
    length, columns = integer(node, "K"), integer(node, "N")
    require(bits in (2, 4, 8), f"it has {bits} bits")
    require(optional_input(node, 4) is None, "its rows are permuted by g_idx")
    require(length * columns <= WEIGHTS, "the weight is too large to unpack")
    packed, scales = node.const(1, WEIGHTS), node.const(2, WEIGHTS)
    if packed is None or scales is None:
        decline("the weight and its scales are not constants")
    count = -(-length // block)
    scales = scales.astype(np.float32).reshape(columns, count)
    numbers = unpacked(packed.reshape(columns, count, -1), bits)
    zeros = np.full((columns, count), 2 ** (bits - 1), np.float32)
    if optional_input(node, 3) is not None:
        given = node.const(3, WEIGHTS)
        if given is None:
            decline("the zero points are not constants")
        if given.dtype == np.uint8:
            given = unpacked(given.reshape(columns, -1), bits)[:, :count]
        zeros = given.astype(np.float32).reshape(columns, count)
    return numbers.astype(np.float32), scales, zeros


def unpacked(packed: Array, bits: int) -> Array:
    """The numbers in bytes, low bits first, along the last axis."""
    shifts = np.arange(0, 8, bits, dtype=np.uint8)
    parts = (packed[..., None] >> shifts) & np.uint8(2**bits - 1)
    return parts.reshape(*packed.shape[:-1], -1)


@rule("com.microsoft::DynamicQuantizeLSTM", exactness="approximate")
def ms_dynamic_quantize_lstm(op: Ops, node: Node) -> list[str]:
    """LSTM with dequantised weights, whose inputs and states are not rounded to 255 steps.

    Source: onnxruntime's contrib operators, com.microsoft.DynamicQuantizeLSTM: the weights have
    their last two axes the other way round.
    """
    weights = [_recurrent(op, node, 1, 8), _recurrent(op, node, 2, 10)]
    others = [optional_input(node, i) for i in range(3, 8)]
    attributes: dict[str, Any] = dict(node.attributes)
    return op.node(
        "LSTM", [node.inputs[0], *weights, *others], outputs=len(node.outputs), **attributes
    )


def _recurrent(op: Ops, node: Node, index: int, scale_index: int) -> str:
    """A weight `[directions, inputs, gates]` as `[directions, gates, inputs]` of floats."""
    w = node.const(index, WEIGHTS)
    if w is None:
        decline("a weight is not a constant")
    scale = known_constant(node, scale_index).astype(np.float32)
    zero = known_constant(node, scale_index + 1).astype(np.float32)
    parts = [p.reshape(w.shape[0], 1, -1) for p in (scale, zero)]
    return op.const(np.swapaxes((w.astype(np.float32) - parts[1]) * parts[0], 1, 2).copy())
