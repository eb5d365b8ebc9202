"""Activation functions, written with arithmetic, Exp, Log and comparisons."""

import numpy as np

from porting.legalize.ops import Ops
from porting.legalize.rule import known_constant, known_dtype, require, rule
from porting.model.graph import Node
from porting.rules.common import finite, float_input, number


@rule("HardSwish", exactness="exact")
def hard_swish_to_hard_sigmoid(op: Ops, node: Node) -> str:
    """hardswish(x) = x * hardsigmoid(x) with alpha = 1/6, beta = 1/2.

    Source: the function body of ONNX HardSwish-14.
    """
    x = node.inputs[0]
    return op.Mul(x, op.HardSigmoid(x, alpha=1 / 6, beta=0.5))


@rule("HardSwish", exactness="reordered")
def hard_swish_to_clip(op: Ops, node: Node) -> str:
    """hardswish(x) = x * min(max(x / 6 + 1/2, 0), 1).

    Source: ONNX HardSwish-14.
    """
    x = node.inputs[0]
    float_input(node)
    gate = op.Add(op.Mul(x, op.const(1 / 6, like=x)), op.const(0.5, like=x))
    return op.Mul(x, op.clip(gate, 0.0, 1.0))


@rule("HardSigmoid", exactness="reordered")
def hard_sigmoid_to_clip(op: Ops, node: Node) -> str:
    """hardsigmoid(x) = min(max(alpha * x + beta, 0), 1).

    Source: ONNX HardSigmoid-6. Reordered, because a runtime may fuse the product and the sum.
    """
    x = node.inputs[0]
    float_input(node)
    scaled = op.Mul(x, op.const(number(node, "alpha"), like=x))
    return op.clip(op.Add(scaled, op.const(number(node, "beta"), like=x)), 0.0, 1.0)


@rule("Mish", exactness="exact")
def mish_to_softplus(op: Ops, node: Node) -> str:
    """mish(x) = x * tanh(softplus(x)).

    Source: the function body of ONNX Mish-18; Misra, "Mish", arXiv 1908.08681.
    """
    x = node.inputs[0]
    return op.Mul(x, op.Tanh(op.Softplus(x)))


@rule("Swish", exactness="exact")
def swish_to_sigmoid(op: Ops, node: Node) -> str:
    """swish(x) = x * sigmoid(alpha * x).

    Source: the function body of ONNX Swish-24; Ramachandran et al., arXiv 1710.05941.
    """
    x, alpha = node.inputs[0], number(node, "alpha")
    float_input(node)
    scaled = x if alpha == 1.0 else op.Mul(x, op.const(alpha, like=x))
    return op.Mul(x, op.Sigmoid(scaled))


@rule("Softplus", exactness="reordered")
def softplus_to_log_exp(op: Ops, node: Node) -> str:
    """softplus(x) = max(x, 0) + log(1 + exp(-|x|)), in which exp never overflows.

    Source: ONNX Softplus-1, log(exp(x) + 1), with exp(max(x, 0)) taken out of the logarithm.
    """
    x = node.inputs[0]
    float_input(node)
    tail = op.Log(op.Add(op.Exp(op.Neg(op.Abs(x))), op.const(1.0, like=x)))
    return op.Add(op.Relu(x), tail)


@rule("Celu", exactness="reordered")
def celu_to_elu(op: Ops, node: Node) -> str:
    """celu(x) = alpha * elu(x / alpha) for alpha > 0.

    x / alpha must not overflow, as in the body that ONNX gives.

    Source: the function body of ONNX Celu-12.
    """
    x, alpha = node.inputs[0], number(node, "alpha")
    float_input(node)
    require(alpha > 0, "alpha is not positive")
    if alpha == 1.0:
        return op.Elu(x, alpha=1.0)
    factor = op.const(alpha, like=x)
    return op.Mul(op.Elu(op.Div(x, factor), alpha=1.0), factor)


@rule("Celu", exactness="reordered")
def celu_to_exp(op: Ops, node: Node) -> str:
    """celu(x) = max(x, 0) + alpha * (exp(min(x, 0) / alpha) - 1) for alpha > 0.

    Source: ONNX Celu-12; the minimum is taken first, so that exp never overflows.
    """
    x, alpha = node.inputs[0], number(node, "alpha")
    float_input(node)
    require(alpha > 0, "alpha is not positive")
    below = op.Min(x, op.const(0.0, like=x))
    scaled = below if alpha == 1.0 else op.Div(below, op.const(alpha, like=x))
    return op.Add(op.Relu(x), _scaled_exp_minus_one(op, scaled, alpha))


def _scaled_exp_minus_one(op: Ops, x: str, factor: float) -> str:
    """`factor * (exp(x) - 1)`."""
    shifted = op.Sub(op.Exp(x), op.const(1.0, like=x))
    return shifted if factor == 1.0 else op.Mul(shifted, op.const(factor, like=x))


@rule("Elu", exactness="reordered")
def elu_to_exp(op: Ops, node: Node) -> str:
    """elu(x) = max(x, 0) + alpha * (exp(min(x, 0)) - 1).

    Source: ONNX Elu-6; the minimum is taken first, so that exp never overflows.
    """
    x = node.inputs[0]
    float_input(node)
    below = op.Min(x, op.const(0.0, like=x))
    return op.Add(op.Relu(x), _scaled_exp_minus_one(op, below, number(node, "alpha")))


@rule("Selu", exactness="reordered")
def selu_to_elu(op: Ops, node: Node) -> str:
    """selu(x) = gamma * elu(x, alpha).

    Source: ONNX Selu-6; Klambauer et al., arXiv 1706.02515.
    """
    x = node.inputs[0]
    float_input(node)
    inner = op.Elu(x, alpha=number(node, "alpha"))
    return op.Mul(inner, op.const(number(node, "gamma"), like=x))


@rule("Softsign", exactness="exact")
def softsign_to_div(op: Ops, node: Node) -> str:
    """softsign(x) = x / (1 + |x|).

    Source: the function body of ONNX Softsign-1.
    """
    x = node.inputs[0]
    float_input(node)
    return op.Div(x, op.Add(op.Abs(x), op.const(1.0, like=x)))


@rule("ThresholdedRelu", exactness="exact")
def thresholded_relu_to_where(op: Ops, node: Node) -> str:
    """thresholdedrelu(x) = x where x > alpha, else 0.

    Source: ONNX ThresholdedRelu-10.
    """
    x = node.inputs[0]
    float_input(node)
    above = op.Greater(x, op.const(number(node, "alpha"), like=x))
    return op.Where(above, x, op.const(0.0, like=x))


@rule("ThresholdedRelu", exactness="conditional")
def thresholded_relu_to_mask(op: Ops, node: Node) -> str:
    """thresholdedrelu(x) = x * (x > alpha), unless an element is -inf or NaN.

    Those become NaN here, and 0 in the original.

    Source: ONNX ThresholdedRelu-10.
    """
    x = node.inputs[0]
    dtype = float_input(node)
    above = op.Greater(x, op.const(number(node, "alpha"), like=x))
    return op.Mul(x, op.cast(above, dtype))


@rule("Shrink", exactness="conditional")
def shrink_to_clip(op: Ops, node: Node) -> str:
    """Soft shrinkage, lambd = bias >= 0: shrink(x) = x - min(max(x, -lambd), lambd).

    Unless an element is NaN, which stays NaN here and is 0 in the original.

    Source: ONNX Shrink-9.
    """
    x, lambd = node.inputs[0], number(node, "lambd")
    float_input(node)
    require(lambd == number(node, "bias"), "bias is not lambd")
    require(lambd >= 0, "lambd is negative")
    return op.Sub(x, op.clip(x, -lambd, lambd))


@rule("Shrink", exactness="exact")
def shrink_to_where(op: Ops, node: Node) -> str:
    """shrink(x) = x + bias below -lambd, x - bias above lambd, 0 between.

    Source: the function body of ONNX Shrink-9.
    """
    x, lambd, bias = node.inputs[0], number(node, "lambd"), number(node, "bias")
    float_input(node)
    offset = op.const(bias, like=x)
    above = op.Greater(x, op.const(lambd, like=x))
    below = op.Less(x, op.const(-lambd, like=x))
    inner = op.Where(above, op.Sub(x, offset), op.const(0.0, like=x))
    return op.Where(below, op.Add(x, offset), inner)


@rule("LeakyRelu", exactness="exact")
def leaky_relu_to_max(op: Ops, node: Node) -> str:
    """leakyrelu(x) = max(x, alpha * x) for 0 < alpha <= 1.

    Source: ONNX LeakyRelu-6. At alpha = 0 the product would make NaN of +inf.
    """
    x, alpha = node.inputs[0], number(node, "alpha")
    float_input(node)
    require(0 < alpha <= 1, "alpha is not between 0 and 1")
    return op.Max(x, op.Mul(x, op.const(alpha, like=x)))


@rule("LeakyRelu", exactness="exact")
def leaky_relu_to_prelu(op: Ops, node: Node) -> str:
    """leakyrelu(x) = prelu(x, slope) with a single slope.

    Source: ONNX LeakyRelu-6, PRelu-7.
    """
    x = node.inputs[0]
    float_input(node)
    rank = node.graph.value(x).rank
    require(rank is not None and rank > 0, "the rank of the input is not known or 0")
    return op.PRelu(x, op.const([number(node, "alpha")], like=x))


@rule("LeakyRelu", exactness="exact")
def leaky_relu_to_relu(op: Ops, node: Node) -> str:
    """leakyrelu(x) = relu(x) - alpha * relu(-x): one of the two terms is always zero.

    Source: ONNX LeakyRelu-6.
    """
    x, alpha = node.inputs[0], number(node, "alpha")
    float_input(node)
    require(bool(np.isfinite(alpha)), "alpha is not finite")
    return op.Sub(op.Relu(x), op.Mul(op.Relu(op.Neg(x)), op.const(alpha, like=x)))


@rule("PRelu", exactness="exact")
def prelu_to_leaky_relu(op: Ops, node: Node) -> str:
    """prelu(x, slope) = leakyrelu(x) where every slope is the same constant.

    Source: ONNX PRelu-7, LeakyRelu-6.
    """
    float_input(node)
    slope = known_constant(node, "slope")
    require(slope.size > 0, "the slope is empty")
    require(bool((slope == slope.flat[0]).all()), "the slopes differ between channels")
    return op.LeakyRelu(node.inputs[0], alpha=float(slope.flat[0]))


@rule("PRelu", exactness="exact")
def prelu_to_relu(op: Ops, node: Node) -> str:
    """prelu(x, slope) = relu(x) - slope * relu(-x): one of the two terms is always zero.

    The slope must be a finite constant: inf * 0 would be NaN.

    Source: ONNX PRelu-7; He et al., arXiv 1502.01852.
    """
    x = node.inputs[0]
    _require_finite_slope(node)
    return op.Sub(op.Relu(x), op.Mul(op.Relu(op.Neg(x)), node.inputs[1]))


@rule("PRelu", exactness="exact")
def prelu_to_max_min(op: Ops, node: Node) -> str:
    """prelu(x, slope) = max(x, 0) + slope * min(x, 0), the slope a finite constant.

    Source: ONNX PRelu-7.
    """
    x = node.inputs[0]
    _require_finite_slope(node)
    zero = op.const(0.0, like=x)
    return op.Add(op.Max(x, zero), op.Mul(op.Min(x, zero), node.inputs[1]))


def _require_finite_slope(node: Node) -> None:
    float_input(node)
    require(finite(known_constant(node, "slope")), "a slope is not finite")


@rule("PRelu", exactness="exact")
def prelu_to_where(op: Ops, node: Node) -> str:
    """prelu(x, slope) = slope * x where x < 0, else x.

    Source: the function body of ONNX PRelu-16.
    """
    x = node.inputs[0]
    known_dtype(node.input(0), "the input")
    negative = op.Less(x, op.const(0, like=x))
    return op.Where(negative, op.Mul(x, node.inputs[1]), x)


@rule("Relu", exactness="exact")
def relu_to_max(op: Ops, node: Node) -> str:
    """relu(x) = max(x, 0).

    Source: the function body of ONNX Relu-14.
    """
    x = node.inputs[0]
    known_dtype(node.input(0), "the input")
    return op.Max(x, op.const(0, like=x))


@rule("Sigmoid", exactness="reordered")
def sigmoid_to_exp(op: Ops, node: Node) -> str:
    """sigmoid(x) = 1 / (1 + exp(-x)); where exp overflows to infinity, the quotient is 0.

    Source: ONNX Sigmoid-6.
    """
    x = node.inputs[0]
    float_input(node)
    one = op.const(1.0, like=x)
    return op.Div(one, op.Add(op.Exp(op.Neg(x)), one))


@rule("Sigmoid", exactness="reordered")
def sigmoid_to_tanh(op: Ops, node: Node) -> str:
    """sigmoid(x) = (tanh(x / 2) + 1) / 2.

    Source: the definitions of tanh and of ONNX Sigmoid-6. The absolute error stays that of tanh;
    far below zero the relative error grows.
    """
    x = node.inputs[0]
    float_input(node)
    half = op.const(0.5, like=x)
    return op.Mul(op.Add(op.Tanh(op.Mul(x, half)), op.const(1.0, like=x)), half)
