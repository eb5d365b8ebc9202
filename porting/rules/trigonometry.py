"""Circular functions and their inverses, in terms of each other and of polynomials."""

import math

from porting.legalize.ops import Ops
from porting.legalize.rule import rule
from porting.model.graph import Node
from porting.rules.common import float_input, full_precision, polynomial

PI_PARTS = (3.140625, 9.67653589793e-4)
"""Pi as the sum of a number of few digits, whose products with whole numbers are exact, and a rest.

Source: Cody and Waite, Software Manual for the Elementary Functions, 1980.
"""

SINE = (-0.16666656732559204, 0.008333017118275166, -0.00019806614727713168, 2.600054585855105e-06)
"""sin(r) = r + r^3 * (these in r^2) up to 5e-9 for |r| <= pi / 2: a least maximum fit."""

ARCTANGENT = (
    0.9999993443489075, -0.33329859375953674, 0.19946566224098206, -0.1390862911939621,
    0.09642195701599121, -0.055912308394908905, 0.021862942725419998, -0.004054563120007515,
)  # fmt: skip
"""atan(t) = t * (these in t^2) up to 4e-8 for 0 <= t <= 1: a least maximum fit."""


@rule("Tan", exactness="reordered")
def tan_to_quotient(op: Ops, node: Node) -> str:
    """tan(x) = sin(x) / cos(x).

    Source: the definition of tan; ONNX Tan-7.
    """
    x = node.inputs[0]
    return op.Div(op.Sin(x), op.Cos(x))


@rule("Cos", exactness="reordered")
def cos_to_sin(op: Ops, node: Node) -> str:
    """cos(x) = 1 - 2 * sin(x / 2)^2: halving is exact, while x + pi / 2 is rounded for large x.

    Source: Abramowitz and Stegun 4.3.25; ONNX Cos-7.
    """
    x = node.inputs[0]
    float_input(node)
    sine = op.Sin(op.Mul(x, op.const(0.5, like=x)))
    double = op.Mul(op.Mul(sine, sine), op.const(2.0, like=x))
    return op.Sub(op.const(1.0, like=x), double)


@rule("Sin", exactness="approximate")
def sin_to_polynomial(op: Ops, node: Node) -> str:
    """sin(x) = (-1)^k sin(x - k * pi), k the nearest whole number to x / pi, by a polynomial.

    In float32 at most 2e-6 away for |x| <= 1000, and 1e-4 for |x| <= 50000: k * pi is subtracted
    in two parts. Far beyond, there is no digit of the remainder left.

    Source: range reduction after Cody and Waite; ONNX Sin-7.
    """
    x = node.inputs[0]
    full_precision(node)
    half = op.const(0.5, like=x)
    turns = op.Floor(op.Add(op.Mul(x, op.const(1 / math.pi, like=x)), half))
    rest = x
    for part in PI_PARTS:
        rest = op.Sub(rest, op.Mul(turns, op.const(part, like=x)))
    square = op.Mul(rest, rest)
    cubic = op.Mul(op.Mul(rest, square), polynomial(op, square, SINE))
    middle = op.Mul(turns, half)
    odd = op.Sub(middle, op.Floor(middle))
    sign = op.Sub(op.const(1.0, like=x), op.Mul(odd, op.const(4.0, like=x)))
    return op.Mul(op.Add(rest, cubic), sign)


@rule("Asin", exactness="reordered")
def asin_to_atan(op: Ops, node: Node) -> str:
    """asin(x) = atan(x / sqrt((1 - x) * (1 + x))): pi / 2 at 1, where the quotient is infinite.

    Source: Abramowitz and Stegun 4.4; ONNX Asin-7.
    """
    x = node.inputs[0]
    float_input(node)
    one = op.const(1.0, like=x)
    return op.Atan(op.Div(x, op.Sqrt(op.Mul(op.Sub(one, x), op.Add(one, x)))))


@rule("Acos", exactness="reordered")
def acos_to_atan(op: Ops, node: Node) -> str:
    """acos(x) = 2 * atan(sqrt(1 - x) / sqrt(1 + x)): pi at -1, where the quotient is infinite.

    Source: the tangent of half an angle; ONNX Acos-7.
    """
    x = node.inputs[0]
    float_input(node)
    one = op.const(1.0, like=x)
    quotient = op.Div(op.Sqrt(op.Sub(one, x)), op.Sqrt(op.Add(one, x)))
    return op.Mul(op.Atan(quotient), op.const(2.0, like=x))


@rule("Acos", exactness="reordered")
def acos_to_asin(op: Ops, node: Node) -> str:
    """acos(x) = pi / 2 - asin(x).

    Source: Abramowitz and Stegun 4.4; ONNX Acos-7.
    """
    x = node.inputs[0]
    float_input(node)
    return op.Sub(op.const(math.pi / 2, like=x), op.Asin(x))


@rule("Atan", exactness="approximate")
def atan_to_polynomial(op: Ops, node: Node) -> str:
    """atan(x) by a polynomial in t = min(|x|, 1) / max(|x|, 1), as pi / 2 - atan(1 / |x|) above 1.

    At most 3e-7 away in float32; infinities give pi / 2.

    Source: Abramowitz and Stegun 4.4.3 for the reciprocal; ONNX Atan-7.
    """
    x = node.inputs[0]
    full_precision(node)
    size, one = op.Abs(x), op.const(1.0, like=x)
    ratio = op.Div(op.Min(size, one), op.Max(size, one))
    angle = op.Mul(ratio, polynomial(op, op.Mul(ratio, ratio), ARCTANGENT))
    steep = op.Sub(op.const(math.pi / 2, like=x), angle)
    result = op.Where(op.Greater(size, one), steep, angle)
    return op.Where(op.Less(x, op.const(0.0, like=x)), op.Neg(result), result)
