"""Reductions, written with fewer kinds of reduction and arithmetic."""

import math
from collections.abc import Sequence

import numpy as np

from porting.legalize.ops import Ops
from porting.legalize.rule import decline, known_dtype, known_rank, require, rule, static_shape
from porting.model.dtypes import FLOATS, INTEGERS
from porting.model.graph import Node
from porting.rules.common import (
    axes_in,
    float_input,
    integer,
    integers,
    limit_of,
    product,
    shape_of,
    widened,
)
from porting.rules.indices import require_moderate

LONGEST_PRODUCT = 4096
"""Elements of an axis up to which products are written out: 12 halvings."""

OF_NOTHING = {
    "ReduceL1": 0.0,
    "ReduceL2": 0.0,
    "ReduceLogSum": -math.inf,
    "ReduceLogSumExp": -math.inf,
    "ReduceProd": 1.0,
    "ReduceSum": 0.0,
    "ReduceSumSquare": 0.0,
}
"""Reductions, and what they make of an empty axis."""

PLAIN = ("ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd")
"""Reductions that over no axis at all give the input itself."""


def axes_as_written(node: Node) -> tuple[int, ...]:
    """The axes from the attribute or the constant input, empty if there are none."""
    value = node.input("axes")
    if value is not None:
        array = node.const("axes")
        if array is None:
            decline("the axes are not constant")
        return tuple(int(a) for a in array.reshape(-1))
    return integers(node, "axes") or ()


def reduced_axes(node: Node) -> list[int] | None:
    """The axes that a node reduces, from the front; None for all of a rank that is not known."""
    axes = axes_as_written(node)
    rank = node.graph.value(node.inputs[0]).rank
    if axes:
        return axes_in(axes, known_rank(node.input(0), "the input"))
    if node.attribute("noop_with_empty_axes"):
        decline("it reduces over no axis")
    return None if rank is None else list(range(rank))


def reduced(op: Ops, op_type: str, x: str, axes: Sequence[int] | None, keepdims: bool) -> str:
    """A reduction over given axes, or over all where they are not known or there are none."""
    if axes:
        return op.reduce(op_type, x, axes, keepdims=keepdims)
    return op.node(op_type, [x], keepdims=int(keepdims))[0]


def _keepdims(node: Node) -> bool:
    return bool(integer(node, "keepdims", 1))


@rule("ReduceL1", exactness="exact")
def reduce_l1_to_sum(op: Ops, node: Node) -> str:
    """sum(|x|).

    Source: the function body of ONNX ReduceL1-18.
    """
    known_dtype(node.input(0), "the input")
    return reduced(op, "ReduceSum", op.Abs(node.inputs[0]), reduced_axes(node), _keepdims(node))


@rule("ReduceSumSquare", exactness="exact")
def reduce_sum_square_to_sum(op: Ops, node: Node) -> str:
    """sum(x * x).

    Source: the function body of ONNX ReduceSumSquare-18.
    """
    x = node.inputs[0]
    known_dtype(node.input(0), "the input")
    return reduced(op, "ReduceSum", op.Mul(x, x), reduced_axes(node), _keepdims(node))


@rule("ReduceL2", exactness="reordered")
def reduce_l2_to_sum(op: Ops, node: Node) -> str:
    """sqrt(sum(x * x)), in float32 for half precision, whose squares overflow from 256 on.

    Source: the function body of ONNX ReduceL2-18, which widens too.
    """
    dtype = float_input(node)
    x = op.cast(node.inputs[0], widened(dtype))
    total = reduced(op, "ReduceSum", op.Mul(x, x), reduced_axes(node), _keepdims(node))
    return op.cast(op.Sqrt(total), dtype)


@rule("ReduceLogSum", exactness="exact")
def reduce_log_sum_to_log(op: Ops, node: Node) -> str:
    """log(sum(x)).

    Source: the function body of ONNX ReduceLogSum-18.
    """
    float_input(node)
    x, axes = node.inputs[0], reduced_axes(node)
    return op.Log(reduced(op, "ReduceSum", x, axes, _keepdims(node)))


@rule("ReduceLogSumExp", exactness="reordered")
def reduce_log_sum_exp_to_stable(op: Ops, node: Node) -> str:
    """log(sum(exp(x - m))) + m, with m the maximum over the axes, held within finite numbers.

    No exponential overflows. A row of -inf has m = lowest, so that every term is exp(-inf) = 0
    and the result -inf; a row with +inf gets exp(inf) = inf: both are right.

    Source: ONNX ReduceLogSumExp-1; Blanchard, Higham and Higham, IMA J. Numer. Anal. 41 (2021).
    """
    x, dtype, axes = node.inputs[0], float_input(node), reduced_axes(node)
    value = node.graph.value(x)
    require(value.size != 0, "the input is empty")
    bound = limit_of(dtype)
    top = op.clip(reduced(op, "ReduceMax", x, axes, True), -bound, bound)
    total = reduced(op, "ReduceSum", op.Exp(op.Sub(x, top)), axes, True)
    result = op.Add(op.Log(total), top)
    if _keepdims(node) or value.rank == 0:
        return result
    if axes is None:
        decline("the rank of the input is not known")
    return op.squeeze(result, axes)


@rule("ReduceLogSumExp", exactness="reordered")
def reduce_log_sum_exp_to_log_softmax(op: Ops, node: Node) -> str:
    """Top - max(logsoftmax(x - top)), with top the maximum over the axes.

    What is subtracted is held within finite numbers, and so is the difference: where top is
    infinite, the maximum of logsoftmax is finite, and top the result.

    Source: logsoftmax(x) = x - log(sum(exp(x))); ONNX LogSoftmax-13.
    """
    x, axes = node.inputs[0], reduced_axes(node)
    dtype, shape = float_input(node), static_shape(node.input(0), "the input")
    require(product(shape) > 0 and bool(shape), "the input is empty or one number")
    axes = axes or []
    kept = [a for a in range(len(shape)) if a not in axes]
    moved = op.transpose(x, [*kept, *axes]) if axes[0] < len(kept) else x
    rows = op.reshape(moved, [product([shape[a] for a in kept]), -1])
    bound = limit_of(dtype)
    top = op.reduce("ReduceMax", rows, [1])
    held = op.clip(top, -bound, bound)
    below = op.clip(op.Sub(rows, held), -bound, 0.0)
    share = op.reduce("ReduceMax", op.LogSoftmax(below, axis=1), [1])
    result = op.Sub(top, share)
    lengths = [1 if a in axes else d for a, d in enumerate(shape)]
    return op.reshape(result, lengths if _keepdims(node) else [shape[a] for a in kept])


@rule("ReduceProd", exactness="reordered")
def reduce_prod_to_products(op: Ops, node: Node) -> str:
    """The halves of an axis multiplied until one element is left; of an odd length with one over.

    Source: associativity of the product; ONNX ReduceProd-1.
    """
    x, axes = node.inputs[0], reduced_axes(node)
    dtype, shape = known_dtype(node.input(0), "the input"), list(shape_of(node.input(0)))
    require(dtype in FLOATS | INTEGERS, f"the input is {dtype}")
    sizes = [shape[a] for a in axes or ()]
    known = [s for s in sizes if isinstance(s, int)]
    require(bool(known) and len(known) == len(sizes), "the size of an axis is not known")
    require(0 not in known, "there is nothing to multiply")
    require(max(known) <= LONGEST_PRODUCT, f"an axis is longer than {LONGEST_PRODUCT}")
    for axis, size in zip(axes or (), known, strict=True):
        length, over = size, []
        while length > 1:
            half = length // 2
            if length % 2:
                over.append(op.slice(x, [length - 1], [length], [axis]))
            first, second = ([0], [half]), ([half], [2 * half])
            x = op.Mul(*(op.slice(x, *place, [axis]) for place in (first, second)))
            length = half
        for element in over:
            x = op.Mul(x, element)
    return x if _keepdims(node) else op.squeeze(x, axes or ())


@rule(*OF_NOTHING, exactness="exact")
def reduction_of_nothing(op: Ops, node: Node) -> str:
    """A constant where a reduced axis is empty: 1 for products, 0 for sums, -inf for logarithms.

    Source: ONNX ReduceProd-18, ReduceSum-13, ReduceLogSum-18: reduction over an empty set.
    """
    since = 0 if node.info is None else node.info.since
    require(since >= (13 if node.op_type == "ReduceSum" else 18), "it does not say what it gives")
    axes, shape = reduced_axes(node) or [], static_shape(node.input(0), "the input")
    require(any(shape[a] == 0 for a in axes), "no reduced axis is empty")
    dtype = known_dtype(node.input(0), "the input")
    value = OF_NOTHING[node.op_type]
    require(math.isfinite(value) or dtype in FLOATS, f"{dtype} has no infinity")
    result = static_shape(node.output(), "the result")
    require_moderate(product(result))
    return op.const(np.full(result, value), dtype)


@rule("ReduceMean", exactness="reordered")
def reduce_mean_to_sum(op: Ops, node: Node) -> str:
    """sum(x) * (1 / n), with n the number of elements of each mean, which must be known.

    Source: ONNX ReduceMean-1.
    """
    float_input(node)
    x, axes = node.inputs[0], reduced_axes(node)
    shape = shape_of(node.input(0))
    sizes = [shape[a] for a in axes or ()]
    known = [s for s in sizes if isinstance(s, int)]
    require(len(known) == len(sizes), "the number of elements of a mean is not known")
    count = product(known)
    require(count > 0, "the input is empty")
    total = reduced(op, "ReduceSum", x, axes, _keepdims(node))
    return op.Mul(total, op.const(1.0 / count, like=x))


@rule(*PLAIN, exactness="exact")
def reduce_nothing(op: Ops, node: Node) -> str:
    """A reduction over no axis is its input.

    Source: `noop_with_empty_axes` of ONNX ReduceSum-13 and the others from opset 18 on.
    """
    require(bool(node.attribute("noop_with_empty_axes")), "noop_with_empty_axes is not set")
    require(not axes_as_written(node), "it has axes")
    return node.inputs[0]


@rule(
    *PLAIN,
    "ReduceL1",
    "ReduceL2",
    "ReduceLogSum",
    "ReduceLogSumExp",
    "ReduceSumSquare",
    exactness="exact",
)
def reduce_axes_written(op: Ops, node: Node) -> str:
    """The axes of a reduction over all axes, written out.

    Source: ONNX ReduceSum-1: without axes all are reduced.
    """
    require(not axes_as_written(node), "the axes are written already")
    axes = reduced_axes(node)
    require(bool(axes), "the rank of the input is not known or 0")
    return op.reduce(node.op_type, node.inputs[0], axes or (), keepdims=_keepdims(node))


@rule(*PLAIN, "ReduceL1", "ReduceL2", "ReduceLogSumExp", exactness="exact")
def reduce_keeping_dims(op: Ops, node: Node) -> str:
    """keepdims=0 as keepdims=1 and a Squeeze.

    Source: ONNX ReduceSum-1.
    """
    require(not _keepdims(node), "it keeps its dimensions already")
    axes = reduced_axes(node)
    if not axes:
        decline("the rank of the input is not known or 0")
    return op.squeeze(op.reduce(node.op_type, node.inputs[0], axes), axes)


@rule(*PLAIN, exactness="reordered")
def reduce_one_axis_at_a_time(op: Ops, node: Node) -> str:
    """A reduction over several axes as a chain of reductions over one.

    Means of means are right, because all groups have the same size.

    Source: associativity of sum, product, maximum and minimum; ONNX ReduceSum-1.
    """
    axes = reduced_axes(node)
    if axes is None or len(axes) < 2:
        decline("it reduces over one axis already")
    result = node.inputs[0]
    for axis in reversed(axes):  # from the back, so that dropped axes move none still to come
        result = op.reduce(node.op_type, result, [axis], keepdims=_keepdims(node))
    return result
