"""Operators that write elements by index, as selections between the old and the new."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from porting.legalize.ops import Ops
from porting.legalize.rule import decline, known_dtype, require, rule, static_shape
from porting.model.graph import Node
from porting.rules.common import axis_in, float_input, integer, product, text
from porting.rules.indices import (
    Places,
    constant_places,
    element_coordinates,
    flat_along,
    from_front,
    require_moderate,
    strides_of,
    wrapped,
)

MOST_ROUNDS = 8
MOST_UPDATES = 32


@dataclass(frozen=True, slots=True)
class Writes:
    """What a scatter with constant indices writes where.

    Attributes:
        lead: Sizes of the axes that are indexed.
        rest: Sizes of the axes that every update fills.
        targets: Flat positions in `lead`, one per update, in the order of the updates.
    """

    lead: tuple[int, ...]
    rest: tuple[int, ...]
    targets: Places


def _writes(node: Node) -> Writes:
    places = constant_places(node, 1)
    if places is None:
        decline("the indices are computed")
    shape = static_shape(node.input(0), "the input")
    require_moderate(product(shape))
    if node.op_type == "ScatterElements":
        axis = axis_in(integer(node, "axis", 0), len(shape))
        factor, offset = flat_along(shape, axis, places.shape)
        targets = wrapped(places, [shape[axis]]) * factor + offset
        return Writes(shape, (), targets.reshape(-1))
    depth = places.shape[-1]
    lead = shape[:depth]
    targets = wrapped(places, lead) @ np.array(strides_of(lead), np.int64)
    return Writes(lead, shape[depth:], targets.reshape(-1))


def _reduction(op: Ops, node: Node) -> Callable[[str, str], str] | None:
    """How an update joins what is there; None where it takes its place."""
    kind = text(node, "reduction", "none")
    found: dict[str, Callable[[str, str], str]] = {
        "add": op.Add,
        "mul": op.Mul,
        "max": op.Max,
        "min": op.Min,
    }
    require(kind == "none" or kind in found, f"reduction is {kind}")
    return found.get(kind)


def _occurrences(targets: Places) -> Places:
    """For every update how many earlier ones are for the same position."""
    order = np.argsort(targets, kind="stable")
    ranked = targets[order]
    first = np.r_[True, ranked[1:] != ranked[:-1]]
    starts = np.maximum.accumulate(np.where(first, np.arange(len(ranked)), 0))
    result = np.empty_like(targets)
    result[order] = np.arange(len(ranked)) - starts
    return result


@rule("ScatterND", "ScatterElements", exactness="exact")
def scatter_to_where(op: Ops, node: Node) -> str:
    """The updates read by a constant map, where a constant mask says so, else the input.

    With a reduction, positions that several updates are for take one round each, in the order of
    the updates. Without one, ONNX leaves open which update wins, so they are declined. What the
    maximum with NaN is, ONNX leaves open.

    Source: ONNX ScatterND-11 to -18, ScatterElements-11 to -18.
    """
    writes, combine = _writes(node), _reduction(op, node)
    if not writes.targets.size:
        return node.inputs[0]
    occurrences = _occurrences(writes.targets)
    rounds = int(occurrences.max()) + 1
    require(combine is not None or rounds == 1, "several updates are for one position")
    require(rounds <= MOST_ROUNDS, f"more than {MOST_ROUNDS} updates are for one position")
    updates = op.reshape(node.inputs[2], [len(writes.targets), *writes.rest])
    result = node.inputs[0]
    for turn in range(rounds):
        chosen = np.flatnonzero(occurrences == turn)
        source = np.zeros(product(writes.lead), np.int64)
        mask = np.zeros(product(writes.lead), np.bool_)
        source[writes.targets[chosen]] = chosen
        mask[writes.targets[chosen]] = True
        new = op.Gather(updates, op.const(source.reshape(writes.lead)), axis=0)
        if combine is not None:
            new = combine(result, new)
        spread = mask.reshape(*writes.lead, *[1] * len(writes.rest))
        result = new if mask.all() else op.Where(op.const(spread), new, result)
    return result


@rule("ScatterND", "ScatterElements", exactness="exact")
def scatter_to_concat(op: Ops, node: Node) -> str:
    """Constant indices that fill a box in order: slices of the input around the updates.

    Source: ONNX ScatterND-11, ScatterElements-11, Concat-4.
    """
    writes, targets = _writes(node), _writes(node).targets
    require(_reduction(op, node) is None, "it combines the updates with what is there")
    require(targets.size > 0, "it writes nothing")
    at = np.stack(np.unravel_index(targets, writes.lead))
    low, high = at.min(axis=1), at.max(axis=1) + 1
    box = [int(size) for size in high - low]
    require(product(box) == targets.size, "the indices do not fill a box")
    inside = np.indices(box).reshape(len(box), -1) + low[:, np.newaxis]
    require(np.array_equal(inside, at), "the indices fill a box in another order")

    def filled(axis: int, x: str) -> str:
        if axis == len(box):
            return op.reshape(node.inputs[2], [*box, *writes.rest])
        start, end, size = int(low[axis]), int(high[axis]), writes.lead[axis]
        whole = start == 0 and end == size
        inner = filled(axis + 1, x if whole else op.slice(x, [start], [end], [axis]))
        before = [op.slice(x, [0], [start], [axis])] if start else []
        after = [op.slice(x, [end], [size], [axis])] if end < size else []
        return op.Concat(*before, inner, *after, axis=axis) if before or after else inner

    return filled(0, node.inputs[0])


@rule("ScatterElements", exactness="exact")
def scatter_elements_to_scatter_nd(op: Ops, node: Node) -> str:
    """ScatterND with every coordinate written out; all but one are constants.

    Source: ONNX ScatterElements-11 to -18, ScatterND-11 to -18.
    """
    kind = text(node, "reduction", "none")
    return op.ScatterND(
        node.inputs[0],
        element_coordinates(op, node),
        node.inputs[2],
        reduction=None if kind == "none" else kind,
    )


@rule("ScatterElements", exactness="exact")
def scatter_elements_by_position(op: Ops, node: Node) -> str:
    """For each update along the axis: where its index is the position, the update, else the rest.

    For computed indices, which along the other axes must be as large as the input. The updates
    are taken in order, so that the last of several for one position wins.

    Source: ONNX ScatterElements-11 to -18.
    """
    shape = static_shape(node.input(0), "the input")
    lead = static_shape(node.input(1), "the indices")
    axis = axis_in(integer(node, "axis", 0), len(shape))
    combine = _reduction(op, node)
    same = all(a == b for i, (a, b) in enumerate(zip(shape, lead, strict=True)) if i != axis)
    require(same, "the indices do not cover the other axes")
    count = lead[axis]
    require(0 < count <= MOST_UPDATES, f"it writes nothing or more than {MOST_UPDATES} times")
    indices = from_front(op, node, 1, [shape[axis]])
    spread = [shape[axis] if i == axis else 1 for i in range(len(shape))]
    dtype = known_dtype(node.input(1), "the indices")
    positions = op.const(np.arange(shape[axis]).reshape(spread), dtype)
    result = node.inputs[0]
    for turn in range(count):
        own, new = (
            op.slice(name, [turn], [turn + 1], [axis]) if count > 1 else name
            for name in (indices, node.inputs[2])
        )
        new = new if combine is None else combine(result, new)
        result = op.Where(op.Equal(positions, own), new, result)
    return result


@rule("ScatterND", exactness="exact")
def scatter_nd_by_position(op: Ops, node: Node) -> str:
    """For each update: where its index is the position, the update, else what was there.

    For computed indices. The updates are taken in order, so that the last of several for one
    position wins.

    Source: ONNX ScatterND-11 to -18.
    """
    shape, tuples = static_shape(node.input(0), "the input"), _tuples(node)
    count, depth = product(tuples[:-1]), tuples[-1]
    require(0 < count <= MOST_UPDATES, f"it writes nothing or more than {MOST_UPDATES} times")
    combine, lead, rest = _reduction(op, node), shape[:depth], shape[depth:]
    flat = op.reshape(_flat(op, node, lead), [count])
    positions = np.arange(product(lead)).reshape(*lead, *[1] * len(rest))
    place = op.const(positions, "int64")
    updates = op.reshape(node.inputs[2], [count, *rest])
    result = node.inputs[0]
    for turn in range(count):
        own = op.slice(flat, [turn], [turn + 1], [0]) if count > 1 else flat
        new = op.slice(updates, [turn], [turn + 1], [0]) if count > 1 else updates
        new = op.reshape(new, [*[1] * depth, *rest])
        new = new if combine is None else combine(result, new)
        result = op.Where(op.Equal(place, own), new, result)
    return result


def _tuples(node: Node) -> tuple[int, ...]:
    """The shape of the index tuples, the last axis of which they lie along."""
    shape = static_shape(node.input(1), "the indices")
    require(bool(shape) and shape[-1] > 0, "the index tuples are empty")
    require(0 not in static_shape(node.input(0), "the input"), "the input is empty")
    return shape


def _flat(op: Ops, node: Node, lead: tuple[int, ...]) -> str:
    """The flat positions of ScatterND's updates, with a last axis of 1."""
    require_moderate(product(lead))
    indices = from_front(op, node, 1, lead)
    if len(lead) == 1:
        return indices
    scaled = op.Mul(indices, op.const(strides_of(lead), "int64"))
    return op.reduce("ReduceSum", scaled, [len(_tuples(node)) - 1])


@rule("ScatterND", exactness="conditional")
def scatter_nd_add_to_matmul(op: Ops, node: Node) -> str:
    """Added updates: the input plus the product of one-hot columns and the updates.

    Unless an update is infinite or NaN: it would reach every position, because 0 * inf is NaN.
    Updates for one position are added in another order.

    Source: ONNX ScatterND-16, MatMul-1.
    """
    dtype = float_input(node)
    require(text(node, "reduction", "none") == "add", "it does not add")
    shape, tuples = static_shape(node.input(0), "the input"), _tuples(node)
    count, depth = product(tuples[:-1]), tuples[-1]
    lead, rest = shape[:depth], shape[depth:]
    require(count > 0, "it writes nothing")
    require_moderate(count * product(lead))
    flat = op.reshape(_flat(op, node, lead), [1, count])
    rows = op.const(np.arange(product(lead)).reshape(-1, 1), "int64")
    hit = op.cast(op.Equal(rows, flat), dtype)
    total = op.MatMul(hit, op.reshape(node.inputs[2], [count, product(rest)]))
    return op.Add(node.inputs[0], op.reshape(total, shape))
