"""Divisions and their remainders in forms that need less of the operator."""

import numpy as np

from porting.legalize.ops import Ops
from porting.legalize.rule import decline, known_dtype, require, rule
from porting.model.dtypes import FLOATS, INTEGERS
from porting.model.graph import Node
from porting.rules.common import integer, integer_input
from porting.rules.indices import MOST_ELEMENTS

MOST_DIVISORS = 32
"""Different numbers in a constant for which one division each is written."""


@rule("Div", exactness="exact")
def division_by_each_number(op: Ops, node: Node) -> str:
    """`a / b` for integers and a constant b: for each number in b, a divided by it where it stands.

    Source: ONNX Div-14, Where-9.
    """
    dtype, divisors = integer_input(node), node.const(1, MOST_ELEMENTS)
    if divisors is None:
        decline("the divisor is not a constant")
    require(divisors.size > 1, "the divisor is one number already")
    first, *others = np.unique(divisors)
    require(0 < len(others) < MOST_DIVISORS, f"it has one divisor or more than {MOST_DIVISORS}")
    require(bool((divisors != 0).all()), "a divisor is 0")
    a = node.inputs[0]
    result = op.Div(a, op.const(first, dtype))
    for number in others:
        here = op.const(divisors == number)
        result = op.Where(here, op.Div(a, op.const(number, dtype)), result)
    return result


@rule("Div", exactness="exact")
def division_by_equal_numbers(op: Ops, node: Node) -> str:
    """`a / b` = a / b[0] for a constant b that holds one number again and again.

    Source: ONNX Div-7.
    """
    divisors, wanted = node.const(1, MOST_ELEMENTS), node.output()
    if divisors is None:
        decline("the divisor is not a constant")
    require(divisors.size > 1 == np.unique(divisors).size, "it does not hold one number repeated")
    left = node.input(0)
    same = left is not None and wanted is not None and left.shape == wanted.shape
    require(same and left is not None and left.is_static, "it may widen the shape")
    return op.Div(node.inputs[0], op.const(divisors.reshape(-1)[0]))


@rule("Mod", exactness="exact", since=10)
def mod_by_fmod(op: Ops, node: Node) -> str:
    """`fmod(a, b)`, plus b where it is not 0 and has not the sign of b; a zero may lose its sign.

    Of an infinite b and a of the other sign that is b, as ONNX has it.

    Source: ONNX Mod-10 and -28.
    """
    a, b = node.inputs
    dtype = known_dtype(node.input(0), "the input")
    require(not integer(node, "fmod"), "fmod is set")
    require(dtype in FLOATS | INTEGERS, f"the input is {dtype}")
    rest, zero = op.Mod(a, b, fmod=1), op.const(0, dtype)
    if dtype.startswith("uint"):
        return rest
    differs = op.Xor(op.Less(rest, zero), op.Less(b, zero))
    wrong = op.And(differs, op.Not(op.Equal(rest, zero)))
    return op.Where(wrong, op.Add(rest, b), rest)
