"""Absolute values, signs, roundings and extremes in terms of each other."""

from porting.legalize.ops import Ops
from porting.legalize.rule import known_dtype, require, rule
from porting.model.dtypes import FLOATS, INTEGERS
from porting.model.graph import Node
from porting.rules.common import float_input
from porting.rules.elementwise import SIGNED


@rule("Abs", exactness="exact")
def abs_to_relu(op: Ops, node: Node) -> str:
    """|x| = relu(x) + relu(-x): one of the two is zero.

    Source: ONNX Abs-6, Relu-6.
    """
    x = node.inputs[0]
    float_input(node)
    return op.Add(op.Relu(x), op.Relu(op.Neg(x)))


@rule("Abs", exactness="exact")
def abs_to_max(op: Ops, node: Node) -> str:
    """|x| = max(x, -x), plus 0 for floats: of 0 and -0 either is the maximum, and -0 + 0 = 0.

    Source: ONNX Abs-6; IEEE 754. The least integer is its own negative in both.
    """
    dtype, x = known_dtype(node.input(0), "the input"), node.inputs[0]
    require(dtype in FLOATS | SIGNED, f"{dtype} has no negative numbers")
    larger = op.Max(x, op.Neg(x))
    return op.Add(larger, op.const(0, dtype)) if dtype in FLOATS else larger


@rule("Sign", exactness="exact")
def sign_to_choices(op: Ops, node: Node) -> str:
    """sign(x) = 1 where x > 0, -1 where x < 0, else x, which is 0 or NaN.

    Source: ONNX Sign-9; both runtimes have NaN for NaN.
    """
    x, dtype = node.inputs[0], known_dtype(node.input(0), "the input")
    require(dtype in FLOATS | SIGNED, f"{dtype} has no negative numbers")
    zero = op.const(0, dtype)
    below = op.Where(op.Less(x, zero), op.const(-1, dtype), x)
    return op.Where(op.Greater(x, zero), op.const(1, dtype), below)


@rule("Sign", exactness="conditional")
def sign_to_comparisons(op: Ops, node: Node) -> str:
    """sign(x) = (x > 0) - (x < 0) of zeros and ones, unless x is NaN.

    Source: ONNX Sign-9.
    """
    x, dtype = node.inputs[0], known_dtype(node.input(0), "the input")
    require(dtype in FLOATS | SIGNED, f"{dtype} has no negative numbers")
    zero = op.const(0, dtype)
    return op.Sub(op.cast(op.Greater(x, zero), dtype), op.cast(op.Less(x, zero), dtype))


@rule("Ceil", exactness="exact")
def ceil_to_floor(op: Ops, node: Node) -> str:
    """ceil(x) = -floor(-x).

    Source: ONNX Ceil-6, Floor-6.
    """
    return op.Neg(op.Floor(op.Neg(node.inputs[0])))


@rule("Floor", exactness="exact")
def floor_to_ceil(op: Ops, node: Node) -> str:
    """floor(x) = -ceil(-x).

    Source: ONNX Floor-6, Ceil-6.
    """
    return op.Neg(op.Ceil(op.Neg(node.inputs[0])))


@rule("Floor", exactness="exact")
def floor_to_round(op: Ops, node: Node) -> str:
    """floor(x) = r - (r > x) with r = round(x), whichever way ties go.

    Source: ONNX Floor-6, Round-11. Infinities and NaN pass, because inf > inf is false.
    """
    return _stepped(op, node, op.Round(node.inputs[0]))


@rule("Floor", exactness="conditional")
def floor_to_truncation(op: Ops, node: Node) -> str:
    """floor(x) = t - (t > x), t being x cast to int32 and back, unless |x| >= 2^31 or x is NaN.

    Source: ONNX Floor-6; Cast-13 drops the fraction.
    """
    dtype = float_input(node)
    return _stepped(op, node, op.cast(op.cast(node.inputs[0], "int32"), dtype))


def _stepped(op: Ops, node: Node, near: str) -> str:
    """A neighbouring whole number, and 1 less where that is above x."""
    dtype = float_input(node)
    return op.Sub(near, op.cast(op.Greater(near, node.inputs[0]), dtype))


@rule("Round", exactness="exact")
def round_to_floor(op: Ops, node: Node) -> str:
    """round(x) = f + (d > 1/2 or d = 1/2 and f is odd), f = floor(x), d = x - f.

    Ties go to the even neighbour; a zero result may lose its sign. d is exact where x has a
    fraction, or rounds to 1 for x just below 0, which does not matter here.

    Source: ONNX Round-11.
    """
    float_input(node)
    return to_even(op, node.inputs[0])


def to_even(op: Ops, x: str) -> str:
    """What Round gives, by Floor. Below opset 11 there is neither Round nor Equal of floats."""
    low, half = op.Floor(x), op.const(0.5, like=x)
    part, middle = op.Sub(x, low), op.Mul(low, half)
    odd, above = op.Greater(middle, op.Floor(middle)), op.Greater(part, half)
    tie = op.Equal(part, half) if op.opset >= 11 else op.Not(op.Or(op.Less(part, half), above))
    up = op.Or(above, op.And(tie, odd))
    return op.Add(low, op.cast(up, known_dtype(op.value(x), "the input")))


@rule("Max", "Min", exactness="exact")
def extremum_to_where(op: Ops, node: Node) -> str:
    """max(a, b) = a > b ? a : b for integers, and so for min.

    For floats it asks for the opposite too, and takes a + b where neither holds, which is NaN
    where one operand is.

    Source: ONNX Max-12. Where the operands are equal they are the same number, +0 and -0 aside.
    """
    require(len(node.inputs) == 2, "it has not two inputs")
    (a, b), dtype = node.inputs, known_dtype(node.input(0), "the input")
    first, second = ("Greater", "Less") if node.op_type == "Max" else ("Less", "Greater")
    if dtype in INTEGERS:
        return op.Where(op.node(first, [a, b])[0], a, b)
    require(dtype in FLOATS, f"the input is {dtype}")
    at_least = f"{first}OrEqual"
    other = op.Where(op.node(second, [a, b])[0], b, op.Add(a, b))
    return op.Where(op.node(at_least, [a, b])[0], a, other)


@rule("Max", "Min", exactness="exact")
def extremum_to_opposite(op: Ops, node: Node) -> str:
    """max(a, b) = -min(-a, -b), and so for min, of floats.

    Source: ONNX Max-8. The least integer has no negative.
    """
    float_input(node)
    opposite = "Min" if node.op_type == "Max" else "Max"
    return op.Neg(op.node(opposite, [op.Neg(name) for name in node.inputs])[0])


@rule("Max", "Min", exactness="conditional")
def extremum_to_relu(op: Ops, node: Node) -> str:
    """max(a, b) = b + relu(a - b) and min(a, b) = a - relu(a - b), up to rounding.

    The same unless an operand is infinite, a difference overflows, or |a - b| is far below |b|.

    Source: ONNX Max-8, Relu-6.
    """
    require(len(node.inputs) == 2, "it has not two inputs")
    float_input(node)
    a, b = node.inputs
    above = op.Relu(op.Sub(a, b))
    return op.Add(b, above) if node.op_type == "Max" else op.Sub(a, above)
