"""Products and convolutions of small integers, computed with floats that hold every sum.

float32 adds whole numbers exactly while no sum exceeds 2^24, in whatever order. The rules here
prove that from the element types, the zero points, the constant operand and the length of the
sums, and decline otherwise.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from porting.legalize.ops import Ops
from porting.legalize.rule import decline, known_dtype, known_rank, require, rule, static_shape
from porting.model.graph import Node
from porting.model.value import Array
from porting.rules.common import optional_input
from porting.rules.quantized import LIMITS, WEIGHTS, as_float, quantized

EXACT = 2**24
"""Up to here float32 holds every whole number."""
MOST_PARTS = 16
"""Parts into which a long sum is cut at most."""


@dataclass(frozen=True)
class Operand:
    """Integers less their zero point.

    Attributes:
        name: The differences in float32.
        largest: None of them is larger in magnitude.
        contents: Their magnitudes, where they are constant.
    """

    name: str
    largest: int
    contents: Array | None


def _operand(op: Ops, node: Node, index: int, zero_index: int, axis: int | None) -> Operand:
    """An input less its zero point, which is one number or goes along `axis`."""
    value = node.input(index)
    dtype = known_dtype(value, f"input {index}")
    require(dtype in LIMITS, f"it is for 8 and 16 bits, the input is {dtype}")
    limits, rank = LIMITS[dtype], known_rank(value, f"input {index}")
    name, zero = as_float(op, node.inputs[index]), optional_input(node, zero_index)
    held, array = node.const(index, WEIGHTS), node.const(zero_index)
    if zero is None:
        array = np.zeros((), np.int64)
    shift = None if array is None else array.astype(np.int64)
    if shift is not None and not shift.any():
        shift = np.zeros((), np.int64)
    elif zero is not None:
        size = op.value(zero).size
        require(size is not None, "the shape of the zero point is not known")
        shape = [] if size == 1 else [1] * rank
        if size != 1:
            if axis is None:
                decline("a zero point per row is not proven: runtimes read it in different ways")
            shape[axis] = -1
        shift = None if shift is None else shift.reshape(shape)
        minus = op.reshape(as_float(op, zero), shape) if shift is None else None
        name = _less(op, name, held, shift, minus)
    if shift is None:
        return Operand(name, limits.max - limits.min, None)
    if held is None:
        largest = max(limits.max - int(shift.min()), int(shift.max()) - limits.min)
        return Operand(name, largest, None)
    magnitudes = np.abs(held.astype(np.int64) - shift)
    return Operand(name, int(magnitudes.max(initial=0)), magnitudes)


def _less(op: Ops, name: str, held: Array | None, shift: Array | None, minus: str | None) -> str:
    if held is not None and shift is not None:
        return op.const((held.astype(np.int64) - shift).astype(np.float32))
    return op.Sub(name, minus or op.const(np.asarray(shift), "float32"))


@rule("MatMulInteger", exactness="narrowing")
def matmul_integer_to_matmul(op: Ops, node: Node) -> str:
    """(A - a0) (B - b0) in float32, which holds every partial sum, cast to int32.

    Where a whole sum might exceed 2^24, it is cut into at most 16 parts that do not, and these
    are added as int32.

    Source: ONNX MatMulInteger-10.
    """
    a, b = _operand(op, node, 0, 2, None), _operand(op, node, 1, 3, -1)
    left, right = known_rank(node.input(0), "A"), known_rank(node.input(1), "B")
    along = -2 if right > 1 else -1
    length = static_shape(node.input(0), "A")[-1]
    parts = _parts(a, b, length, along)
    total: str | None = None
    lefts = op.split(a.name, parts, left - 1) if len(parts) > 1 else [a.name]
    rights = _cut(op, b.name, parts, right + along)
    for x, y in zip(lefts, rights, strict=True):
        part = op.cast(op.MatMul(x, y), "int32")
        total = part if total is None else op.Add(total, part)
    assert total is not None
    return total


def _cut(op: Ops, name: str, parts: list[int], axis: int) -> list[str]:
    """A value in parts along an axis; of a constant, constants."""
    if len(parts) == 1:
        return [name]
    value = op.value(name)
    array = value.value(WEIGHTS) if value.is_const else None
    if array is None:
        return op.split(name, parts, axis)
    return [op.const(part) for part in np.split(array, np.cumsum(parts)[:-1], axis)]


def _parts(a: Operand, b: Operand, length: int, along: int) -> list[int]:
    """Lengths of the fewest parts whose sums float32 holds."""
    require(length > 0, "the sums are empty")
    parts: list[int] = []
    for count in range(1, min(MOST_PARTS, length) + 1):
        size = math.ceil(length / count)
        starts = range(0, length, size)
        sums = [_largest_sum(a, b, s, min(s + size, length), along) for s in starts]
        if max(sums) <= EXACT:
            parts = [min(s + size, length) - s for s in starts]
            break
    require(bool(parts), f"a sum of {length} products may exceed 2^24 in {MOST_PARTS} parts")
    return parts


def _largest_sum(a: Operand, b: Operand, start: int, end: int, along: int) -> int:
    """What no sum of the products from `start` to `end` exceeds."""
    if a.contents is not None:
        rows = a.contents[..., start:end].sum(axis=-1).max(initial=0)
        return int(rows) * b.largest
    if b.contents is not None:
        columns = b.contents.take(range(start, end), along).sum(axis=along).max(initial=0)
        return int(columns) * a.largest
    return (end - start) * a.largest * b.largest


@rule("ConvInteger", exactness="narrowing")
def conv_integer_to_conv(op: Ops, node: Node) -> str:
    """Conv of (x - x0) and (w - w0) in float32, which holds every sum, cast to int32.

    The padding is of zero points, so that it is zeros after the difference.

    Source: ONNX ConvInteger-10.
    """
    x, w = _operand(op, node, 0, 2, None), _operand(op, node, 1, 3, 0)
    _require_held(node, 1, x, w)
    return op.cast(_conv(op, node, [x.name, w.name]), "int32")


def _conv(op: Ops, node: Node, inputs: list[str]) -> str:
    attributes: dict[str, Any] = dict(node.attributes)
    return op.node("Conv", inputs, **attributes)[0]


def _require_held(node: Node, weight: int, x: Operand, w: Operand) -> None:
    """Declines where a sum of the convolution might exceed what float32 holds."""
    length = math.prod(static_shape(node.input(weight), "the kernel")[1:])
    if w.contents is not None:
        per_channel = w.contents.reshape(w.contents.shape[0], -1).sum(axis=1).max(initial=0)
        largest = int(per_channel) * x.largest
    else:
        largest = length * x.largest * w.largest
    require(largest <= EXACT, f"a sum of {length} products may exceed 2^24")


@rule("QLinearConv", exactness="reordered")
def qlinear_conv_to_integers(op: Ops, node: Node) -> str:
    """Conv of integers held in float32, plus bias, times x_scale * w_scale / y_scale, quantised.

    The sums are exact, so that this is what onnxruntime computes, where no sum exceeds 2^24.

    Source: ONNX QLinearConv-10.
    """
    x, w = _operand(op, node, 0, 2, None), _operand(op, node, 3, 5, 0)
    _require_held(node, 3, x, w)
    result, inputs = _result(node), [x.name, w.name]
    bias = node.const(8)
    if optional_input(node, 8):
        if bias is None:
            decline("the bias is not a constant")
        require(bool((np.abs(bias.astype(np.int64)) <= EXACT).all()), "the bias exceeds 2^24")
        inputs.append(op.const(bias, "float32"))
    sums = _conv(op, node, inputs)
    factor = _factor(node)
    if factor.size > 1:
        rank = known_rank(node.input(0), "x")
        factor = factor.reshape(-1, *[1] * (rank - 2))
    return _requantized(op, node, sums, factor, result)


@rule("QLinearMatMul", exactness="reordered")
def qlinear_matmul_to_integers(op: Ops, node: Node) -> str:
    """Product of integers held in float32, times a_scale * b_scale / y_scale, quantised.

    The sums are exact, so that this is what onnxruntime computes, where no sum exceeds 2^24.

    Source: ONNX QLinearMatMul-21.
    """
    a, b = _operand(op, node, 0, 2, None), _operand(op, node, 3, 5, -1)
    along = -2 if known_rank(node.input(3), "b") > 1 else -1
    require(op.value(node.inputs[1]).size == 1, "a has a scale per row")
    length = static_shape(node.input(0), "a")[-1]
    require(_largest_sum(a, b, 0, length, along) <= EXACT, "a sum may exceed 2^24")
    return _requantized(op, node, op.MatMul(a.name, b.name), _factor(node), _result(node))


def _result(node: Node) -> str:
    return known_dtype(node.input(7), "the zero point of the result")


def _factor(node: Node) -> Array:
    """The constant x_scale * w_scale / y_scale in float32, one or one per channel."""
    given = [node.const(i) for i in (1, 4, 6)]
    x, w, y = (s.astype(np.float32) if s is not None else None for s in given)
    if x is None or w is None or y is None:
        decline("a scale is not a constant")
    require(y.size == 1, "the result has more than one scale")
    require(w.size == 1 or w.ndim == 1, "a scale has several axes")
    factor: Array = x.reshape(-1) * w.reshape(-1) / y.reshape(-1)
    return factor.reshape(()) if factor.size == 1 else factor


def _requantized(op: Ops, node: Node, sums: str, factor: Array, result: str) -> str:
    require(bool(np.isfinite(factor).all()), "a scale is 0")
    return quantized(op, op.Mul(sums, op.const(factor)), None, node.inputs[7], result)
