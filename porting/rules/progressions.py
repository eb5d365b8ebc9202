"""Running sums, sequences of numbers, triangles and reversed sequences."""

import math

import numpy as np

from porting.legalize.ops import Ops
from porting.legalize.rule import (
    decline,
    known_constant,
    known_dtype,
    known_rank,
    require,
    rule,
    static_shape,
)
from porting.model.dtypes import FLOATS, NAME_OF
from porting.model.graph import Node
from porting.rules.common import axis_in, integer, product, reshape_to, shape_of
from porting.rules.indices import constant_places, require_moderate

MOST_ADDITIONS = 32
LONGEST_DOUBLED = 2**16


def _axis(node: Node) -> int:
    rank = known_rank(node.input(0), "the input")
    return axis_in(int(known_constant(node, 1).reshape(-1)[0]), rank)


def _length(node: Node, axis: int) -> int:
    length = shape_of(node.input(0))[axis]
    if not isinstance(length, int):
        decline("the size of the axis is not known; give it with --shape or --dim")
    require(length > 0, "the axis is empty")
    return length


def _shifted(op: Ops, node: Node, x: str, by: int, axis: int) -> str:
    """Every element `by` places further on, or back for a reversed sum, zeros coming in."""
    length, rank = _length(node, axis), known_rank(node.input(0), "the input")
    pads = [0] * (2 * rank)
    if integer(node, "reverse", 0):
        pads[axis + rank] = by
        return op.pad(op.slice(x, [by], [length], [axis]), pads)
    pads[axis] = by
    return op.pad(op.slice(x, [0], [length - by], [axis]), pads)


@rule("CumSum", exactness="exact")
def cum_sum_inclusive(op: Ops, node: Node) -> str:
    """An exclusive sum is the inclusive one, moved on by a place.

    Source: ONNX CumSum-11.
    """
    require(bool(integer(node, "exclusive", 0)), "it is inclusive already")
    total = op.copy(node, exclusive=None)[0]
    return _shifted(op, node, total, 1, _axis(node))


@rule("CumSum", exactness="exact")
def cum_sum_forwards(op: Ops, node: Node) -> str:
    """A reversed sum: the axis is read backwards, summed, and read backwards again.

    Source: ONNX CumSum-11.
    """
    require(bool(integer(node, "reverse", 0)), "it sums forwards already")
    axis = _axis(node)
    backwards = op.shape(range(_length(node, axis) - 1, -1, -1))
    turned = op.Gather(node.inputs[0], backwards, axis=axis)
    total = op.copy(node, [turned, node.inputs[1]], reverse=None)[0]
    return op.Gather(total, backwards, axis=axis)


@rule("CumSum", exactness="exact")
def cum_sum_to_additions(op: Ops, node: Node) -> str:
    """Each sum is the one before plus the next element, and all of them are concatenated.

    Source: ONNX CumSum-11.
    """
    axis = _axis(node)
    length = _length(node, axis)
    require(length <= MOST_ADDITIONS, f"the axis is longer than {MOST_ADDITIONS}")
    backwards = bool(integer(node, "reverse", 0))
    order = range(length - 1, -1, -1) if backwards else range(length)
    sums: list[str] = []
    for at in order:
        element = op.slice(node.inputs[0], [at], [at + 1], [axis])
        sums.append(op.Add(sums[-1], element) if sums else element)
    if backwards:
        sums.reverse()
    total = op.Concat(*sums, axis=axis)
    return _shifted(op, node, total, 1, axis) if integer(node, "exclusive", 0) else total


@rule("CumSum", exactness="reordered")
def cum_sum_by_doubling(op: Ops, node: Node) -> str:
    """Sums of 2, 4, 8 ... neighbours: each time the tensor plus itself moved on by that many.

    Source: W. D. Hillis and G. L. Steele, "Data parallel algorithms", CACM 29 (1986).
    """
    axis = _axis(node)
    length, total = _length(node, axis), node.inputs[0]
    require(length <= LONGEST_DOUBLED, f"the axis is longer than {LONGEST_DOUBLED}")
    by = 1
    while by < length:
        total = op.Add(total, _shifted(op, node, total, by, axis))
        by *= 2
    return _shifted(op, node, total, 1, axis) if integer(node, "exclusive", 0) else total


@rule("Range", exactness="reordered")
def range_to_constant(op: Ops, node: Node) -> str:
    """Start + i * delta for i below ceil((limit - start) / delta), where all three are constants.

    Source: ONNX Range-11. Runtimes that add delta again and again round otherwise.
    """
    dtype = known_dtype(node.input(0), "start")
    start, limit, delta = (known_constant(node, i).reshape(-1)[0].item() for i in range(3))
    require(delta != 0 and math.isfinite((limit - start) / delta), "it has no end")
    quotient = (limit - start) / delta
    count = max(math.ceil(quotient), 0)
    close = dtype in FLOATS and abs(quotient - round(quotient)) < 1e-5 * abs(quotient)
    require(not close or float(quotient).is_integer(), "the number of elements hangs on rounding")
    require_moderate(count)
    if dtype in FLOATS:
        return op.const(start + np.arange(count) * delta, dtype)
    return op.const([start + i * delta for i in range(count)], dtype)


@rule("EyeLike", exactness="exact")
def eye_like_to_constant(op: Ops, node: Node) -> str:
    """Ones on the k-th diagonal, zeros elsewhere: the contents of the input do not matter.

    Source: ONNX EyeLike-9.
    """
    rows, columns = static_shape(node.input(0), "the input")
    require_moderate(rows * columns)
    wanted = node.attribute("dtype")
    own = known_dtype(node.input(0), "the input")
    dtype = NAME_OF[wanted] if isinstance(wanted, int) else own
    return op.const(np.eye(rows, columns, integer(node, "k", 0)), dtype)


@rule("ConstantOfShape", exactness="exact")
def constant_of_shape_to_expand(op: Ops, node: Node) -> str:
    """One element, expanded to the shape.

    Source: ONNX ConstantOfShape-9, Expand-8.
    """
    value = node.attributes.get("value")
    fill = np.zeros(1, np.float32) if value is None else node.graph.context.read(value)  # type: ignore[arg-type]
    return op.Expand(op.const(fill.reshape(())), node.inputs[0])


@rule("Trilu", exactness="exact")
def trilu_by_distance(op: Ops, node: Node) -> str:
    """`x` where column - row >= k, or <= k for the lower triangle, else 0.

    For a computed k.

    Source: ONNX Trilu-14.
    """
    dtype = known_dtype(node.input(0), "the input")
    require(node.input(1) is not None and node.const(1) is None, "the diagonal is constant")
    sizes = [d for d in shape_of(node.input(0))[-2:] if isinstance(d, int)]
    require(len(sizes) == 2, "the size of the matrices is not known; give it with --shape or --dim")
    require_moderate(product(sizes))
    distance = op.const(np.arange(sizes[1]) - np.arange(sizes[0])[:, np.newaxis], "int64")
    pair = (distance, node.inputs[1]) if integer(node, "upper") else (node.inputs[1], distance)
    return op.Where(op.Less(*pair), op.const(0, dtype), node.inputs[0])


@rule("ReverseSequence", exactness="exact")
def reverse_sequence_to_gather(op: Ops, node: Node) -> str:
    """Gather of step len - 1 - t for steps t below the sequence's length, of step t for others.

    Batch and time are flattened into one axis for it.

    Source: ONNX ReverseSequence-10.
    """
    batch_axis, time_axis = integer(node, "batch_axis", 1), integer(node, "time_axis", 0)
    require({batch_axis, time_axis} == {0, 1}, "batch and time are not the first two axes")
    shape = shape_of(node.input(0))
    lead = [d for d in shape[:2] if isinstance(d, int) and d > 0]
    require(len(lead) == 2, "batch and time are empty or not known; give them with --shape")
    require_moderate(product(lead))
    column = [-1 if axis == batch_axis else 1 for axis in (0, 1)]
    steps, samples = np.indices(lead)[time_axis], np.indices(lead)[batch_axis]
    stride = [lead[1], 1]
    lengths = constant_places(node, 1)
    if lengths is not None:
        long = lengths.reshape(column)
        taken = np.where(steps < long, long - 1 - steps, steps)
        flat = op.const(taken * stride[time_axis] + samples * stride[batch_axis], "int64")
    else:
        time = op.const(np.unique(steps).reshape([-c for c in column]), "int64")
        own = op.reshape(node.inputs[1], column)
        turned = op.Sub(op.Sub(own, op.const(1, "int64")), time)
        taken_then = op.Where(op.Less(time, own), turned, time)
        if stride[time_axis] != 1:
            taken_then = op.Mul(taken_then, op.const(stride[time_axis], "int64"))
        first = np.arange(lead[batch_axis]).reshape(column) * stride[batch_axis]
        flat = op.Add(taken_then, op.const(first, "int64"))
    rows = reshape_to(op, node.inputs[0], [product(lead), *shape[2:]])
    return op.Gather(rows, flat, axis=0)
