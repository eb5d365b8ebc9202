"""Logic and comparisons, each in terms of another, or of arithmetic on zeros and ones."""

import numpy as np

from porting.legalize.ops import Ops
from porting.legalize.rule import known_dtype, require, rule
from porting.model.dtypes import FLOATS, INTEGERS
from porting.model.graph import Node
from porting.model.value import Array
from porting.rules.common import finite, integer_input


def _bits(op: Ops, node: Node) -> list[str]:
    """The operands of a logical operator as 0.0 and 1.0."""
    return [op.cast(name, "float32") for name in node.inputs]


@rule("And", exactness="exact")
def and_to_product(op: Ops, node: Node) -> str:
    """`a and b` = (a * b != 0) of zeros and ones.

    Source: ONNX And-7; Cast-13 between bool and float32.
    """
    return op.cast(op.Mul(*_bits(op, node)), "bool")


@rule("Or", exactness="exact")
def or_to_sum(op: Ops, node: Node) -> str:
    """`a or b` = (a + b != 0) of zeros and ones.

    Source: ONNX Or-7; Cast-13 between bool and float32.
    """
    return op.cast(op.Add(*_bits(op, node)), "bool")


@rule("Xor", exactness="exact")
def xor_to_difference(op: Ops, node: Node) -> str:
    """`a xor b` = (a - b != 0) of zeros and ones.

    Source: ONNX Xor-7; Cast-13 between bool and float32.
    """
    return op.cast(op.Sub(*_bits(op, node)), "bool")


@rule("Not", exactness="exact")
def not_to_difference(op: Ops, node: Node) -> str:
    """`not a` = (1 - a != 0) of zeros and ones.

    Source: ONNX Not-1; Cast-13 between bool and float32.
    """
    return op.cast(op.Sub(op.const(1.0, "float32"), *_bits(op, node)), "bool")


@rule("And", exactness="exact")
def and_to_or(op: Ops, node: Node) -> str:
    """`a and b` = not (not a or not b).

    Source: De Morgan.
    """
    return op.Not(op.Or(*(op.Not(name) for name in node.inputs)))


@rule("Or", exactness="exact")
def or_to_and(op: Ops, node: Node) -> str:
    """`a or b` = not (not a and not b).

    Source: De Morgan.
    """
    return op.Not(op.And(*(op.Not(name) for name in node.inputs)))


@rule("Xor", exactness="exact")
def xor_to_or(op: Ops, node: Node) -> str:
    """`a xor b` = (a or b) and not (a and b).

    Source: ONNX Xor-7.
    """
    a, b = node.inputs
    return op.And(op.Or(a, b), op.Not(op.And(a, b)))


@rule("Where", exactness="exact")
def where_of_booleans(op: Ops, node: Node) -> str:
    """`c ? a : b` = (c and a) or (not c and b) for bool a and b.

    Source: ONNX Where-9.
    """
    condition, a, b = node.inputs
    require(known_dtype(node.input(1), "a branch") == "bool", "the branches are not bool")
    return op.Or(op.And(condition, a), op.And(op.Not(condition), b))


@rule("Where", exactness="exact")
def where_of_constants(op: Ops, node: Node) -> str:
    """`c ? a : b` = c * a + (1 - c) * b for finite constants or integers a and b.

    One of the two terms is zero. Infinite constants would make NaN of it.

    Source: ONNX Where-9.
    """
    dtype = known_dtype(node.input(1), "a branch")
    require(dtype in FLOATS | INTEGERS, f"the branches are {dtype}")
    arrays = [node.const(1), node.const(2)]
    held = all(a is not None and finite(a) for a in arrays)
    require(held or dtype in INTEGERS, "a branch is not a finite constant")
    return _masked(op, node, dtype, arrays)


@rule("Where", exactness="conditional")
def where_to_masks(op: Ops, node: Node) -> str:
    """`c ? a : b` = c * a + (1 - c) * b, unless the branch not taken is infinite or NaN.

    Source: ONNX Where-9.
    """
    dtype = known_dtype(node.input(1), "a branch")
    require(dtype in FLOATS, f"the branches are {dtype}")
    arrays = [node.const(1), node.const(2)]
    bad = any(a is not None and not finite(a) for a in arrays)
    require(not bad, "a constant branch is not finite")
    return _masked(op, node, dtype, arrays)


def _masked(op: Ops, node: Node, dtype: str, arrays: list[Array | None]) -> str:
    """The sum of the masked branches; one that is zero throughout needs no term."""
    condition, a, b = node.inputs
    mask = op.cast(condition, dtype)
    if _single_zero(arrays[1]):
        return op.Mul(mask, a)
    other = op.Mul(op.Sub(op.const(1, dtype), mask), b)
    return other if _single_zero(arrays[0]) else op.Add(op.Mul(mask, a), other)


def _single_zero(array: Array | None) -> bool:
    """Whether a branch is one zero, which does not widen the result."""
    return array is not None and array.size == 1 and array.ndim == 0 and not np.any(array)


@rule("Equal", exactness="exact")
def equal_of_booleans(op: Ops, node: Node) -> str:
    """`a = b` = not (a xor b) for bool.

    Source: ONNX Equal-7, Xor-7.
    """
    require(known_dtype(node.input(0), "the input") == "bool", "it is for bool")
    return op.Not(op.Xor(*node.inputs))


@rule("Equal", exactness="exact")
def equal_to_difference(op: Ops, node: Node) -> str:
    """`a = b` = not (a - b != 0) for integers, also where the difference wraps around.

    Source: ONNX Equal-7; integers modulo 2^n.
    """
    integer_input(node)
    return op.Not(op.cast(op.Sub(*node.inputs), "bool"))


@rule("Equal", exactness="exact")
def equal_to_order(op: Ops, node: Node) -> str:
    """`a = b` = a <= b and a >= b, false for NaN; of integers, neither a < b nor a > b.

    Source: IEEE 754; ONNX Equal-11.
    """
    dtype = known_dtype(node.input(0), "the input")
    require(dtype in FLOATS | INTEGERS, f"{dtype} has no order")
    if dtype in INTEGERS:
        return op.Not(op.Or(op.Less(*node.inputs), op.Greater(*node.inputs)))
    return op.And(op.LessOrEqual(*node.inputs), op.GreaterOrEqual(*node.inputs))


@rule("Greater", exactness="exact")
def greater_to_less(op: Ops, node: Node) -> str:
    """`a > b` = b < a.

    Source: ONNX Greater-7, Less-7.
    """
    return op.Less(node.inputs[1], node.inputs[0])


@rule("GreaterOrEqual", exactness="exact")
def greater_or_equal_to_less_or_equal(op: Ops, node: Node) -> str:
    """`a >= b` = b <= a.

    Source: ONNX GreaterOrEqual-12, LessOrEqual-12.
    """
    return op.LessOrEqual(node.inputs[1], node.inputs[0])


@rule("LessOrEqual", exactness="exact")
def less_or_equal_to_greater_or_equal(op: Ops, node: Node) -> str:
    """`a <= b` = b >= a.

    Source: ONNX LessOrEqual-12, GreaterOrEqual-12.
    """
    return op.GreaterOrEqual(node.inputs[1], node.inputs[0])


@rule("GreaterOrEqual", exactness="exact")
def greater_or_equal_of_integers(op: Ops, node: Node) -> str:
    """`a >= b` = not (a < b) for integers, among which there is no NaN.

    Source: ONNX GreaterOrEqual-12.
    """
    integer_input(node)
    return op.Not(op.Less(*node.inputs))


@rule("LessOrEqual", exactness="exact")
def less_or_equal_of_integers(op: Ops, node: Node) -> str:
    """`a <= b` = not (a > b) for integers, among which there is no NaN.

    Source: ONNX LessOrEqual-12.
    """
    integer_input(node)
    return op.Not(op.Greater(*node.inputs))


@rule("IsInf", exactness="exact")
def is_inf_to_order(op: Ops, node: Node) -> str:
    """`|x| > g`, with g the greatest finite number, or x > g or x < -g for one sign alone.

    Source: ONNX IsInf-10; IEEE 754: comparisons with NaN are false.
    """
    x, dtype = node.inputs[0], known_dtype(node.input(0), "the input")
    require(dtype in {"float32", "float64", "float16"}, f"the input is {dtype}")
    greatest = float(np.finfo(dtype).max)
    positive, negative = (bool(node.attribute(f"detect_{s}")) for s in ("positive", "negative"))
    require(positive or negative, "it detects neither infinity")
    if positive and negative:
        x = op.Abs(x)
    if positive:
        return op.Greater(x, op.const(greatest, like=x))
    return op.Less(x, op.const(-greatest, like=x))
