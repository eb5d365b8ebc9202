"""Element-wise arithmetic and comparisons, each in terms of another."""

import math

from porting.legalize.ops import Ops
from porting.legalize.rule import decline, known_dtype, require, rule
from porting.model.dtypes import FLOATS, INTEGERS
from porting.model.graph import Node
from porting.rules.common import (
    axis_in,
    float_input,
    integer,
    integer_input,
    limit_of,
    optional_input,
)

SIGNED = frozenset(i for i in INTEGERS if i.startswith("int"))


@rule("Clip", exactness="exact")
def clip_without_bounds(op: Ops, node: Node) -> str:
    """Clip with neither bound is its input.

    Source: the function body of ONNX Clip-13.
    """
    low, high = _bounds(op, node)
    require(low is None and high is None, "it has a bound")
    return node.inputs[0]


@rule("Clip", exactness="exact", versions=(11, 12, 13))
def clip_to_relu(op: Ops, node: Node) -> str:
    """clip(x, min=0) = relu(x), and clip(x, 0, high) = min(relu(x), high).

    Source: ONNX Clip-11, Relu-6. Without an upper bound +inf stays, as in the function body.
    """
    low = node.const(1)
    require(low is not None and low.size == 1 and not low.any(), "its lower bound is not 0")
    _, high = _bounds(op, node)
    rectified = op.Relu(node.inputs[0])
    return rectified if high is None else op.Min(rectified, high)


@rule("Clip", exactness="exact")
def clip_to_min_max(op: Ops, node: Node) -> str:
    """clip(x, low, high) = min(high, max(x, low)); high wins where low > high.

    An absent bound leaves its infinity alone, as the function body does.

    Source: the text of ONNX Clip-13.
    """
    low, high = _bounds(op, node)
    require(low is not None or high is not None, "it has no bound")
    result = node.inputs[0] if low is None else op.Max(node.inputs[0], low)
    return result if high is None else op.Min(result, high)


@rule("Clip", exactness="exact", versions=(11, 12, 13))
def clip_with_both_bounds(op: Ops, node: Node) -> str:
    """An absent bound written out: the lowest or the greatest finite number.

    Source: ONNX Clip-13: the bounds default to numeric_limits::lowest() and max().
    """
    dtype = float_input(node)
    low, high = _bounds(op, node)
    require(low is None or high is None, "it has both bounds already")
    bound = limit_of(dtype)
    return op.Clip(
        node.inputs[0],
        op.const(-bound, dtype) if low is None else low,
        op.const(bound, dtype) if high is None else high,
    )


def _bounds(op: Ops, node: Node) -> tuple[str | None, str | None]:
    """The bounds as values of no rank; None for an absent one."""
    dtype = known_dtype(node.input(0), "the input")
    if node.info is not None and node.info.since < 11:
        given = [node.attribute("min"), node.attribute("max")]
        low, high = (_held(op, b, dtype) if isinstance(b, float) else None for b in given)
        return low, high
    found: list[str | None] = []
    for index in (1, 2):
        name, array = optional_input(node, index), node.const(index)
        if array is not None and array.size == 1:
            name = op.const(array.reshape(()))
        elif name is not None:
            require(node.graph.value(name).rank == 0, "a bound is not a scalar")
        found.append(name)
    return found[0], found[1]


def _held(op: Ops, bound: float, dtype: str) -> str:
    """A bound as a constant; ONNX's default of opset 6 is beyond what float16 can hold."""
    limit = limit_of(dtype) if dtype in FLOATS else math.inf
    return op.const(max(-limit, min(limit, bound)), dtype)


@rule("Max", "Min", exactness="exact")
def extremum_of_two(op: Ops, node: Node) -> str:
    """max(a, b, c) = max(max(a, b), c), and so for min; of one input it is the input.

    Source: ONNX Max-1: associative.
    """
    require(len(node.inputs) != 2, "it has two inputs already")
    return _chain(op, node, node.op_type)


@rule("Sum", exactness="reordered")
def sum_to_add(op: Ops, node: Node) -> str:
    """sum(a, b, c) = (a + b) + c.

    Source: ONNX Sum-1.
    """
    return _chain(op, node, "Add")


@rule("Mean", exactness="reordered")
def mean_to_add(op: Ops, node: Node) -> str:
    """mean(a, b, c) = ((a + b) + c) * (1 / 3).

    Source: ONNX Mean-1.
    """
    float_input(node)
    total = _chain(op, node, "Add")
    count = len(node.inputs)
    return total if count == 1 else op.Mul(total, op.const(1.0 / count, like=node.inputs[0]))


def _chain(op: Ops, node: Node, op_type: str) -> str:
    result = node.inputs[0]
    for name in node.inputs[1:]:
        result = op.node(op_type, [result, name])[0]
    return result


@rule("Reciprocal", exactness="exact")
def reciprocal_to_div(op: Ops, node: Node) -> str:
    """1 / x.

    Source: ONNX Reciprocal-6.
    """
    known_dtype(node.input(0), "the input")
    return op.Div(op.const(1.0, like=node.inputs[0]), node.inputs[0])


@rule("Sub", exactness="exact")
def sub_to_add(op: Ops, node: Node) -> str:
    """`a - b` = a + (-b).

    Source: ONNX Sub-7; IEEE 754 defines the difference so.
    """
    dtype = known_dtype(node.input(0), "the input")
    require(dtype in FLOATS | SIGNED, f"{dtype} has no negative numbers")
    return op.Add(node.inputs[0], op.Neg(node.inputs[1]))


@rule("Neg", exactness="exact")
def neg_to_mul(op: Ops, node: Node) -> str:
    """-x = x * -1.

    Source: ONNX Neg-6.
    """
    known_dtype(node.input(0), "the input")
    return op.Mul(node.inputs[0], op.const(-1, like=node.inputs[0]))


@rule("Div", exactness="reordered")
def div_by_constant_to_mul(op: Ops, node: Node) -> str:
    """`x / c` = x * (1 / c) for a constant c whose reciprocal is an ordinary number.

    Source: ONNX Div-7.
    """
    dtype = float_input(node)
    divisor = node.const(1)
    if divisor is None:
        decline("the divisor is not a constant")
    magnitude = abs(divisor.astype("float64"))
    usable = bool(((magnitude > 1.0 / limit_of(dtype) * 4) & (magnitude < 1e37)).all())
    require(usable, "the reciprocal of the divisor is not an ordinary number")
    if dtype == "float16":
        require(bool((magnitude < 1e4).all()), "the reciprocal of the divisor is subnormal")
    return op.Mul(node.inputs[0], op.const(1.0 / divisor.astype("float64"), dtype))


@rule("GreaterOrEqual", exactness="exact")
def greater_or_equal_to_or(op: Ops, node: Node) -> str:
    """`a >= b` = (a > b) or (a = b): false for NaN, unlike not (a < b).

    Source: the function body of ONNX GreaterOrEqual-12.
    """
    return op.Or(op.Greater(*node.inputs), op.Equal(*node.inputs))


@rule("LessOrEqual", exactness="exact")
def less_or_equal_to_or(op: Ops, node: Node) -> str:
    """`a <= b` = (a < b) or (a = b): false for NaN, unlike not (a > b).

    Source: the function body of ONNX LessOrEqual-12.
    """
    return op.Or(op.Less(*node.inputs), op.Equal(*node.inputs))


@rule("Less", exactness="exact")
def less_to_greater(op: Ops, node: Node) -> str:
    """`a < b` = b > a.

    Source: ONNX Less-7, Greater-7.
    """
    return op.Greater(node.inputs[1], node.inputs[0])


@rule("IsNaN", exactness="exact")
def is_nan_to_equal(op: Ops, node: Node) -> str:
    """Only NaN is not equal to itself.

    Source: IEEE 754; ONNX IsNaN-9.
    """
    return op.Not(op.Equal(node.inputs[0], node.inputs[0]))


@rule("IsInf", exactness="exact")
def is_inf_to_equal(op: Ops, node: Node) -> str:
    """|x| = inf, or x = inf or x = -inf alone where the attributes ask for one sign.

    Source: ONNX IsInf-10.
    """
    x = node.inputs[0]
    float_input(node)
    positive, negative = (integer(node, f"detect_{s}") for s in ("positive", "negative"))
    require(bool(positive or negative), "it detects neither infinity")
    if positive and negative:
        x = op.Abs(x)
    return op.Equal(x, op.const(math.inf if positive else -math.inf, like=x))


@rule("Not", exactness="exact")
def not_to_equal(op: Ops, node: Node) -> str:
    """`not a` = (a = false).

    Source: ONNX Not-1, Equal-7.
    """
    return op.Equal(node.inputs[0], op.const(False, "bool"))


@rule("Xor", exactness="exact")
def xor_to_equal(op: Ops, node: Node) -> str:
    """`a xor b` = not (a = b).

    Source: ONNX Xor-7, Equal-7.
    """
    return op.Not(op.Equal(*node.inputs))


@rule("Mod", exactness="exact")
def mod_to_div(op: Ops, node: Node) -> str:
    """Of integers: r = a - trunc(a / b) * b, plus b where r is not 0 and has not b's sign.

    With fmod set, r itself, which has a's sign.

    Source: ONNX Mod-10: the sign of the divisor; ONNX Div-14 truncates.
    """
    a, b = node.inputs
    dtype = integer_input(node)
    rest = op.Sub(a, op.Mul(op.Div(a, b), b))
    if integer(node, "fmod") or dtype not in SIGNED:
        return rest
    zero = op.const(0, dtype)
    differs = op.Xor(op.Less(rest, zero), op.Less(b, zero))
    wrong = op.And(op.Not(op.Equal(rest, zero)), differs)
    return op.Where(wrong, op.Add(rest, b), rest)


@rule("Mod", exactness="conditional")
def mod_to_truncation(op: Ops, node: Node) -> str:
    """Of floats: a - trunc(a / b) * b, trunc(q) = sign(q) * floor(|q|).

    Equal up to rounding unless a / b rounds to an integer that it is not, or reaches the length of
    the mantissa, or an operand is infinite: then the rest is off by b, or NaN.

    Source: ONNX Mod-10 with fmod=1, C's fmod.
    """
    a, b = node.inputs
    dtype = known_dtype(node.input(0), "the input")
    require(dtype in FLOATS, f"it is for floating point, the input is {dtype}")
    require(bool(integer(node, "fmod")), "fmod is not set, as ONNX wants it for floats")
    quotient = op.Div(a, b)
    whole = op.Mul(op.Sign(quotient), op.Floor(op.Abs(quotient)))
    return op.Sub(a, op.Mul(whole, b))


@rule("Hardmax", exactness="exact", versions=(13,))
def hardmax_to_one_hot(op: Ops, node: Node) -> str:
    """1 at the first maximum along the axis, 0 elsewhere.

    Source: ONNX Hardmax-13. Where NaN is the maximum is up to the runtime in both.
    """
    dtype = float_input(node)
    value = node.input(0)
    if value is None or value.shape is None:
        decline("the rank of the input is not known")
    axis = axis_in(integer(node, "axis"), len(value.shape))
    depth = value.shape[axis]
    if not isinstance(depth, int):
        decline("the size of the axis is not known")
    where = op.ArgMax(node.inputs[0], axis=axis, keepdims=0)
    return op.OneHot(where, op.const(depth, "int64"), op.const([0, 1], dtype), axis=axis)
