"""Hyperbolic functions and their inverses, as exponentials and logarithms.

Near 0, where exponentials are near 1, results have an absolute error of a few 1e-7 in float32,
which is a large part of a result that is itself so small.
"""

import math

from porting.legalize.ops import Ops
from porting.legalize.rule import rule
from porting.model.graph import Node
from porting.rules.common import float_input, full_precision

HUGE = 1e9
"""From here on the square root of x * x + 1 is |x|."""


@rule("Tanh", exactness="reordered")
def tanh_to_sigmoid(op: Ops, node: Node) -> str:
    """tanh(x) = 2 * sigmoid(2 * x) - 1.

    Source: the definitions of both; ONNX Tanh-6.
    """
    x = node.inputs[0]
    float_input(node)
    two, one = op.const(2.0, like=x), op.const(1.0, like=x)
    return op.Sub(op.Mul(op.Sigmoid(op.Mul(x, two)), two), one)


@rule("Tanh", exactness="reordered")
def tanh_to_exp(op: Ops, node: Node) -> str:
    """tanh(x) = 1 - 2 / (exp(2 * x) + 1), which is 1 where exp overflows to infinity.

    Source: the definition of tanh; ONNX Tanh-6.
    """
    x = node.inputs[0]
    float_input(node)
    two, one = op.const(2.0, like=x), op.const(1.0, like=x)
    return op.Sub(one, op.Div(two, op.Add(op.Exp(op.Mul(x, two)), one)))


@rule("Sinh", exactness="reordered")
def sinh_to_exp(op: Ops, node: Node) -> str:
    """sinh(x) = h * h / 2 - 1 / (2 * h) / h with h = exp(x / 2).

    Half the argument, because exp(x) overflows where exp(x) / 2 does not yet.

    Source: the definition of sinh; ONNX Sinh-9.
    """
    return op.Sub(*_halves(op, node))


@rule("Cosh", exactness="reordered")
def cosh_to_exp(op: Ops, node: Node) -> str:
    """cosh(x) = h * h / 2 + 1 / (2 * h) / h with h = exp(x / 2).

    Source: the definition of cosh; ONNX Cosh-9.
    """
    return op.Add(*_halves(op, node))


def _halves(op: Ops, node: Node) -> tuple[str, str]:
    """exp(x) / 2 and exp(-x) / 2."""
    x = node.inputs[0]
    float_input(node)
    half = op.const(0.5, like=x)
    root = op.Exp(op.Mul(x, half))
    return op.Mul(op.Mul(root, half), root), op.Div(op.Div(half, root), root)


@rule("Asinh", exactness="reordered")
def asinh_to_log(op: Ops, node: Node) -> str:
    """asinh(x) = sign * log(a + sqrt(a * a + 1)) with a = |x|: for negative x the sum would cancel.

    Beyond 1e9 the root is a itself, whose square would overflow; half the sum is taken, and
    log(2) added.

    Source: Abramowitz and Stegun 4.6.20; ONNX Asinh-9.
    """
    x = node.inputs[0]
    full_precision(node)
    size, one = op.Abs(x), op.const(1.0, like=x)
    held = op.Min(size, op.const(HUGE, like=x))
    root = op.Max(size, op.Sqrt(op.Add(op.Mul(held, held), one)))
    result = _log_of_sum(op, size, root)
    return op.Where(op.Less(x, op.const(0.0, like=x)), op.Neg(result), result)


@rule("Acosh", exactness="reordered")
def acosh_to_log(op: Ops, node: Node) -> str:
    """acosh(x) = log(x + sqrt(x - 1) * sqrt(x + 1)): neither root overflows, NaN below 1.

    Source: Abramowitz and Stegun 4.6.21; ONNX Acosh-9.
    """
    x = node.inputs[0]
    full_precision(node)
    one = op.const(1.0, like=x)
    root = op.Mul(op.Sqrt(op.Sub(x, one)), op.Sqrt(op.Add(x, one)))
    return _log_of_sum(op, x, root)


def _log_of_sum(op: Ops, a: str, b: str) -> str:
    """log(a + b) as log(a / 2 + b / 2) + log(2), where the sum may overflow."""
    half = op.const(0.5, like=a)
    total = op.Add(op.Mul(a, half), op.Mul(b, half))
    return op.Add(op.Log(total), op.const(math.log(2.0), like=a))


@rule("Atanh", exactness="reordered")
def atanh_to_log(op: Ops, node: Node) -> str:
    """atanh(x) = log((1 + x) / (1 - x)) / 2: infinite at 1 and -1, NaN beyond.

    Source: Abramowitz and Stegun 4.6.22; ONNX Atanh-9.
    """
    x = node.inputs[0]
    float_input(node)
    one = op.const(1.0, like=x)
    quotient = op.Div(op.Add(one, x), op.Sub(one, x))
    return op.Mul(op.Log(quotient), op.const(0.5, like=x))
