"""The Gaussian error linear unit in ONNX's and onnxruntime's spellings.

Source of the function: Hendrycks and Gimpel, arXiv 1606.08415.
"""

import math

from porting.legalize.ops import Ops
from porting.legalize.rule import require, rule
from porting.model.graph import Node
from porting.rules.common import HALVES, float_input, number, optional_input, text

SATURATED = 10.0
"""tanh and erf are 1 to the last digit long before this."""


def gelu_by_erf(op: Ops, x: str, root: float = math.sqrt(2.0)) -> str:
    """(x * (1 + erf(x / root))) * 0.5, in the order that compilers fuse into one instruction.

    In half precision x is halved first: twice the greatest number is not representable. In the
    wider types that begins at 1.7e38.
    """
    half, one = op.const(0.5, like=x), op.const(1.0, like=x)
    phi = op.Add(op.Erf(op.Div(x, op.const(root, like=x))), one)
    if op.value(x).dtype in HALVES:
        return op.Mul(op.Mul(x, half), phi)
    return op.Mul(op.Mul(x, phi), half)


def gelu_by_tanh(op: Ops, x: str) -> str:
    """0.5 * x * (1 + tanh(sqrt(2 / pi) * (c + 0.044715 * c^3))), c being x within +-10.

    Beyond 10 tanh is 1, and the cube of an unbounded x overflows in half precision.
    """
    one = op.const(1.0, like=x)
    bounded = op.clip(x, -SATURATED, SATURATED)
    square = op.Mul(bounded, bounded)
    # c + 0.044715 * c^3 = c * (1 + 0.044715 * c^2)
    inner = op.Mul(bounded, op.Add(op.Mul(square, op.const(0.044715, like=x)), one))
    scaled = op.Mul(inner, op.const(math.sqrt(2.0 / math.pi), like=x))
    return op.Mul(op.Mul(x, op.const(0.5, like=x)), op.Add(op.Tanh(scaled), one))


@rule("Gelu", exactness="reordered")
def gelu_to_erf(op: Ops, node: Node) -> str:
    """gelu(x) = (x * (1 + erf(x / sqrt(2)))) * 0.5.

    Source: the function body of ONNX Gelu-20 with approximate="none"; it has the products in
    another order.
    """
    float_input(node)
    require(text(node, "approximate") == "none", "approximate is not none")
    return gelu_by_erf(op, node.inputs[0])


@rule("Gelu", exactness="reordered")
def gelu_to_tanh(op: Ops, node: Node) -> str:
    """gelu(x) = 0.5 * x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3))).

    Source: the function body of ONNX Gelu-20 with approximate="tanh".
    """
    float_input(node)
    require(text(node, "approximate") == "tanh", "approximate is not tanh")
    return gelu_by_tanh(op, node.inputs[0])


@rule("Gelu", exactness="approximate")
def gelu_erf_by_tanh(op: Ops, node: Node) -> str:
    """The tanh form in place of the erf form: at most 4.8e-4 away from it.

    Source: Hendrycks and Gimpel; ONNX Gelu-20. The bound was measured over [-12, 12]; outside
    it both forms are x or 0.
    """
    float_input(node)
    require(text(node, "approximate") == "none", "approximate is not none")
    return gelu_by_tanh(op, node.inputs[0])


@rule("com.microsoft::Gelu", exactness="reordered")
def ms_gelu_to_erf(op: Ops, node: Node) -> str:
    """gelu(x) = (x * (1 + erf(x / sqrt(2)))) * 0.5.

    Source: onnxruntime's contrib operators, com.microsoft.Gelu.
    """
    float_input(node)
    return gelu_by_erf(op, node.inputs[0])


@rule("com.microsoft::BiasGelu", exactness="reordered")
def ms_bias_gelu_to_erf(op: Ops, node: Node) -> str:
    """gelu(a + b) with gelu(x) = (x * (1 + erf(x / sqrt(2)))) * 0.5.

    Source: onnxruntime's contrib operators, com.microsoft.BiasGelu.
    """
    float_input(node)
    return gelu_by_erf(op, op.Add(node.inputs[0], node.inputs[1]))


@rule("com.microsoft::FastGelu", exactness="reordered")
def ms_fast_gelu_to_tanh(op: Ops, node: Node) -> str:
    """The tanh form of gelu on x, or on x + bias.

    Source: onnxruntime's contrib operators, com.microsoft.FastGelu.
    """
    x, bias = node.inputs[0], optional_input(node, 1)
    float_input(node)
    return gelu_by_tanh(op, x if bias is None else op.Add(x, bias))


@rule("com.microsoft::QuickGelu", exactness="reordered")
def ms_quick_gelu_to_sigmoid(op: Ops, node: Node) -> str:
    """quickgelu(x) = x * sigmoid(alpha * x), alpha 1.702 by default.

    Source: onnxruntime's contrib operators, com.microsoft.QuickGelu.
    """
    x, alpha = node.inputs[0], number(node, "alpha", 1.702)
    float_input(node)
    scaled = x if alpha == 1.0 else op.Mul(x, op.const(alpha, like=x))
    return op.Mul(x, op.Sigmoid(scaled))
