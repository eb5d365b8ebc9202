"""Operators on the bits, the signs and the size of integers, as arithmetic."""

import numpy as np

from porting.legalize.ops import Ops
from porting.legalize.ranges import whole_range
from porting.legalize.rule import decline, known_dtype, require, rule
from porting.model.graph import Node
from porting.model.value import Array
from porting.rules.common import integer_input, text

NARROW = {"int8": 8, "uint8": 8, "int16": 16, "uint16": 16}
"""Types whose bits are taken apart, and how many they are."""


@rule("BitShift", exactness="exact")
def shift_to_mul_or_div(op: Ops, node: Node) -> str:
    """`x << n` = x * 2^n modulo 2^bits, and x >> n = x / 2^n, for constant n below the bits.

    Source: ONNX BitShift-11, of unsigned integers: Div-14 drops the rest.
    """
    dtype, amount = _unsigned(node), node.const(1)
    if amount is None:
        decline("the amounts are not constants")
    bits = np.iinfo(dtype).bits
    require(bool((amount < bits).all()), f"an amount is not below {bits}")
    factor = op.const(np.left_shift(np.ones_like(amount), amount))
    left = text(node, "direction") == "LEFT"
    return op.node("Mul" if left else "Div", [node.inputs[0], factor])[0]


@rule("BitShift", exactness="exact")
def signed_shift_to_mul_or_div(op: Ops, node: Node) -> str:
    """`x << n` = x * 2^n modulo 2^bits, and x >> n = floor(x / 2^n), for constant n.

    A negative x goes to the right as -1 - x, which is not negative, and back. A shift by all bits
    or more, or by less than none, leaves the sign: that of the right shift by bits - 1, or 0.

    Source: ONNX BitShift-28; Div-14 drops the rest; two's complement.
    """
    dtype, amount = integer_input(node), node.const(1)
    require(dtype.startswith("int"), f"it is for signed integers, the input is {dtype}")
    if amount is None:
        decline("the amounts are not constants")
    bits = np.iinfo(dtype).bits
    inside = (amount >= 0) & (amount < bits)
    x = node.inputs[0]
    if text(node, "direction") == "LEFT":
        power = np.left_shift(np.ones_like(amount), np.where(inside, amount, 0).astype(dtype))
        return op.Mul(x, op.const(np.where(inside, power, 0), dtype))
    amount = np.where(inside, amount, bits - 1)
    negative, ones = op.Less(x, op.const(0, dtype)), op.const(-1, dtype)
    result = op.Where(negative, op.Sub(ones, x), x)
    for part in (amount // 2, amount - amount // 2):  # 2^(bits - 1) is no number of the type
        result = op.Div(result, op.const(2 ** part.astype(np.int64), dtype))
    return op.Where(negative, op.Sub(ones, result), result)


def _unsigned(node: Node) -> str:
    dtype = known_dtype(node.input(0), "the input")
    require(dtype.startswith("uint"), f"it is for unsigned integers, the input is {dtype}")
    return dtype


@rule("BitwiseOr", exactness="exact")
def bitwise_or_to_and(op: Ops, node: Node) -> str:
    """`a or b` = (a + b) - (a and b), modulo 2^bits.

    Source: a sum of two bits is their or plus their and; ONNX BitwiseOr-18.
    """
    integer_input(node)
    return op.Sub(op.Add(*node.inputs), op.BitwiseAnd(*node.inputs))


@rule("BitwiseXor", exactness="exact")
def bitwise_xor_to_and(op: Ops, node: Node) -> str:
    """`a xor b` = (a + b) - 2 (a and b), modulo 2^bits.

    Source: a sum of two bits is their xor plus twice their and; ONNX BitwiseXor-18.
    """
    integer_input(node)
    common = op.BitwiseAnd(*node.inputs)
    return op.Sub(op.Add(*node.inputs), op.Add(common, common))


@rule("BitwiseAnd", exactness="exact")
def low_bits_to_mod(op: Ops, node: Node) -> str:
    """`x and (2^k - 1)` = x mod 2^k, which has the divisor's sign, for a constant mask.

    Source: ONNX Mod-10 with fmod=0; two's complement.
    """
    dtype = integer_input(node)
    masks = [m if m is not None and _is_low_mask(m, dtype) else None for m in _constants(node)]
    first, second = masks
    if second is not None:
        return op.Mod(node.inputs[0], op.const(second + np.ones_like(second)))
    if first is None:
        decline("no operand is a constant of ones in the low bits")
    return op.Mod(node.inputs[1], op.const(first + np.ones_like(first)))


def _constants(node: Node) -> list[Array | None]:
    return [node.const(0), node.const(1)]


def _is_low_mask(mask: Array, dtype: str) -> bool:
    """Whether each element is 2^k - 1, and 2^k is a number of the type."""
    wide = [int(m) for m in mask.reshape(-1)]
    return all(0 <= m < np.iinfo(dtype).max and m & (m + 1) == 0 for m in wide)


@rule("BitwiseAnd", "BitwiseOr", "BitwiseXor", exactness="exact")
def bitwise_by_digits(op: Ops, node: Node) -> str:
    """Binary digits of a and b along an axis of their own, combined, summed with their weights.

    Digits are a * b, a + b - a * b, and (a - b)^2. For integers of 8 and 16 bits, and wider ones
    that are proven not to be negative and below 2^31.

    Source: ONNX BitwiseAnd-18; a negative x has the digits of x mod 2^bits.
    """
    dtype = integer_input(node)
    count = NARROW.get(dtype) or _digits(node)
    weights = op.const(2 ** np.arange(count, dtype=np.int64), "int32")
    a, b = (_taken_apart(op, name, dtype, count, weights) for name in node.inputs)
    if node.op_type == "BitwiseXor":
        difference = op.Sub(a, b)
        combined = op.Mul(difference, difference)
    else:
        combined = op.Mul(a, b)
        if node.op_type == "BitwiseOr":
            combined = op.Sub(op.Add(a, b), combined)
    total = op.reduce("ReduceSum", op.Mul(combined, weights), [-1], keepdims=False)
    return op.cast(total, dtype)


def _digits(node: Node) -> int:
    """How many digits the operands are proven to have."""
    highest = 0
    for name in node.inputs:
        known = whole_range(node.graph, name)
        if known is None or known.low < 0 or known.high >= 2**31 - 1:
            decline("an operand is not proven to be between 0 and 2^31")
        highest = max(highest, known.high)
    return max(highest.bit_length(), 1)


def _taken_apart(op: Ops, name: str, dtype: str, count: int, weights: str) -> str:
    """Binary digits along a new last axis, the lowest first."""
    number = op.cast(name, "int32")
    if dtype.startswith("int") and dtype in NARROW:
        number = op.Mod(number, op.const(2**count, "int32"))
    return op.Mod(op.Div(op.unsqueeze(number, [-1]), weights), op.const(2, "int32"))


@rule("Sign", exactness="exact")
def sign_of_integers_to_clip(op: Ops, node: Node) -> str:
    """sign(x) = min(max(x, -1), 1) for integers.

    Source: ONNX Sign-9, Clip-12.
    """
    dtype = integer_input(node)
    return op.clip(node.inputs[0], -1 if dtype.startswith("int") else 0, 1)


@rule("Abs", exactness="exact")
def abs_of_unsigned_to_nothing(op: Ops, node: Node) -> str:
    """|x| = x for unsigned integers.

    Source: ONNX Abs-6.
    """
    _unsigned(node)
    return node.inputs[0]
