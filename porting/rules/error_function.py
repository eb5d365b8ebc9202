"""The error function, by a rational function, by an exponential, or by tanh."""

from porting.legalize.ops import Ops
from porting.legalize.rule import rule
from porting.model.graph import Node
from porting.rules.common import float_input, full_precision, polynomial

SATURATED = 3.92
"""From here on erf differs from 1 by less than float32 shows."""

NUMERATOR = (
    1.128378987312317, 0.19276516139507294, 0.0530606284737587, 0.003868375439196825,
    0.00028748068143613636, 2.0347290501376847e-06,
)  # fmt: skip
DENOMINATOR = (
    1.0, 0.5041653513908386, 0.11508507281541824, 0.015172391198575497, 0.001188127207569778,
    3.8070647860877216e-05,
)  # fmt: skip
"""erf(x) = x * (one in x^2) / (the other) up to 2e-8 for |x| <= 3.92: a least maximum fit."""

EXPONENTIAL = (0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429)
"""Coefficients of Abramowitz and Stegun 7.1.26 in t = 1 / (1 + 0.3275911 * x)."""


@rule("Erf", exactness="approximate")
def erf_to_rational(op: Ops, node: Node) -> str:
    """erf(x) = x * P(x^2) / Q(x^2), with x held within 3.92: at most 1e-6 away in float32.

    Source: a least maximum fit of degrees 5 and 5; ONNX Erf-9.
    """
    full_precision(node)
    x = op.clip(node.inputs[0], -SATURATED, SATURATED)
    square = op.Mul(x, x)
    above, below = (polynomial(op, square, c) for c in (NUMERATOR, DENOMINATOR))
    return op.Div(op.Mul(x, above), below)


@rule("Erf", exactness="approximate")
def erf_to_exp(op: Ops, node: Node) -> str:
    """erf(x) = sign(x) * (1 - t * P(t) * exp(-x^2)), t = 1 / (1 + 0.3275911 * |x|).

    At most 5e-7 away in float32.

    Source: Abramowitz and Stegun 7.1.26, whose own error is 1.5e-7; ONNX Erf-9.
    """
    x = node.inputs[0]
    full_precision(node)
    size, one = op.Abs(x), op.const(1.0, like=x)
    t = op.Div(one, op.Add(op.Mul(size, op.const(0.3275911, like=x)), one))
    tail = op.Mul(polynomial(op, t, EXPONENTIAL), op.Exp(op.Neg(op.Mul(x, x))))
    return op.Mul(op.Sign(x), op.Sub(one, op.Mul(tail, t)))


@rule("Erf", exactness="approximate")
def erf_to_tanh(op: Ops, node: Node) -> str:
    """erf(x) = tanh(x * (1.1295 + 0.1 * x^2)): at most 3e-4 away.

    Source: the form that the tanh GELU uses, fitted for the least maximum; ONNX Erf-9.
    """
    x = node.inputs[0]
    float_input(node)
    factor = op.Add(op.Mul(op.Mul(x, x), op.const(0.1, like=x)), op.const(1.1295, like=x))
    return op.Tanh(op.Mul(x, factor))
