"""TopK, ArgMax and ArgMin in terms of each other and of reductions.

Where NaN stands in an order ONNX leaves open, and runtimes differ, for TopK as for the reductions.
"""

from typing import Any

import numpy as np

from porting.legalize.ops import Ops
from porting.legalize.rule import (
    decline,
    known_constant,
    known_dtype,
    known_rank,
    require,
    rule,
)
from porting.model.dtypes import FLOATS, INTEGERS, numpy_dtype
from porting.model.graph import Node
from porting.rules.common import axis_in, integer, shape_of, wants

MOST_STEPS = 8
LONGEST_RANKED = 512
LONGEST_COUNTED = 2**24
"""Positions up to which float32 tells neighbours apart."""


def _axis(node: Node, default: int) -> int:
    rank = known_rank(node.input(0), "the input")
    require(rank > 0, "the input is a scalar")
    return axis_in(integer(node, "axis", default), rank)


def _length(node: Node, axis: int) -> int:
    length = shape_of(node.input(0))[axis]
    if not isinstance(length, int):
        decline("the size of the axis is not known; give it with --shape or --dim")
    require(0 < length < LONGEST_COUNTED, "the axis is empty or very long")
    return length


def _count(node: Node) -> int:
    """How many elements TopK takes; an attribute below opset 10."""
    if node.info is not None and node.info.since < 10:
        return integer(node, "k")
    return int(known_constant(node, 1).reshape(-1)[0])


def _positions(op: Ops, node: Node, axis: int) -> str:
    """0, 1, 2 ... along the axis, as float32, which every chip can reduce."""
    spread = [1] * known_rank(node.input(0), "the input")
    spread[axis] = _length(node, axis)
    return op.const(np.arange(spread[axis]).reshape(spread), "float32")


@rule("TopK", exactness="exact")
def top_k_of_one(op: Ops, node: Node) -> list[str]:
    """The largest element is ReduceMax, its place ArgMax; ReduceMin and ArgMin for the smallest.

    Of equal elements the one with the lowest index counts, for both.

    Source: ONNX TopK-10 and -11, ArgMax-1.
    """
    axis = _axis(node, -1)
    require(_count(node) == 1, "it takes another number of elements than one")
    largest = bool(integer(node, "largest", 1))
    x = node.inputs[0]
    value = op.reduce("ReduceMax" if largest else "ReduceMin", x, [axis])
    place = op.node("ArgMax" if largest else "ArgMin", [x], axis=axis, keepdims=1)[0]
    return [value, place]


@rule("TopK", exactness="exact")
def top_k_by_steps(op: Ops, node: Node) -> list[str]:
    """For each of k steps the largest of the elements that are still free, and its first place.

    Taken elements are told by a mask, not by their value, so that infinities are ordered, too.

    Source: ONNX TopK-11: of equal elements the one with the lowest index comes first.
    """
    axis, count = _sorted_axis(node)
    require(count <= MOST_STEPS, f"it takes more than {MOST_STEPS} elements")
    length, x = _length(node, axis), node.inputs[0]
    require(0 < count <= length, "it takes no element, or more than there are")
    largest = bool(integer(node, "largest", 1))
    dtype, most = known_dtype(node.input(0), "the input"), "ReduceMax" if largest else "ReduceMin"
    worst = op.const(_worst(dtype, largest), dtype)
    place, beyond = _positions(op, node, axis), op.const(length - 1, "float32")
    values, places, free = [], [], ""
    for step in range(count):
        value = op.reduce(most, op.Where(free, x, worst) if free else x, [axis])
        hit = op.Equal(x, value)
        hit = op.And(free, hit) if free else hit
        first = op.reduce("ReduceMin", op.Where(hit, place, beyond), [axis])
        values.append(value)
        places.append(first)
        if step + 1 < count:
            other = op.Not(op.Equal(place, first))
            free = op.And(free, other) if free else other
    joined = [v[0] if count == 1 else op.Concat(*v, axis=axis) for v in (values, places)]
    return [joined[0], op.cast(joined[1], "int64")]


def _sorted_axis(node: Node) -> tuple[int, int]:
    """The axis and the number of elements of a TopK whose results are in order."""
    require(bool(integer(node, "sorted", 1)), "the order of unsorted results is the runtime's own")
    return _axis(node, -1), _count(node)


def _worst(dtype: str, largest: bool) -> Any:
    if dtype in FLOATS:
        return -np.inf if largest else np.inf
    require(dtype in INTEGERS, f"elements are {dtype}")
    bounds = np.iinfo(numpy_dtype(dtype).name)
    return bounds.min if largest else bounds.max


@rule("TopK", exactness="exact")
def top_k_by_ranks(op: Ops, node: Node) -> list[str]:
    """The element of rank r is the one that r others come before: larger ones, or equal earlier.

    All pairs are compared, so the axis must be short.

    Source: ONNX TopK-11: of equal elements the one with the lowest index comes first.
    """
    axis, count = _sorted_axis(node)
    length, rank = _length(node, axis), known_rank(node.input(0), "the input")
    require(axis == rank - 1, "it is not along the last axis")
    require(0 < count <= length <= LONGEST_RANKED, f"the axis is longer than {LONGEST_RANKED}")
    x, dtype = node.inputs[0], known_dtype(node.input(0), "the input")
    mine, others = op.unsqueeze(x, [rank]), op.unsqueeze(x, [rank - 1])
    ahead = op.Less(mine, others) if integer(node, "largest", 1) else op.Less(others, mine)
    earlier = op.const(np.tril(np.ones((length, length), np.bool_), -1))
    before = op.Or(ahead, op.And(op.Equal(mine, others), earlier))
    ranks = op.reduce("ReduceSum", op.cast(before, "float32"), [rank], keepdims=False)
    wanted = op.const(np.arange(count).reshape(count, 1), "float32")
    hit = op.Equal(op.unsqueeze(ranks, [rank - 1]), wanted)
    chosen = op.Where(hit, others, op.const(0, dtype))
    place = op.const(np.arange(length), "float32")
    at = op.Where(hit, place, op.const(0.0, "float32"))
    values, places = (op.reduce("ReduceSum", v, [rank], keepdims=False) for v in (chosen, at))
    return [values, op.cast(places, "int64")]


@rule("TopK", exactness="exact")
def top_k_along_last_axis(op: Ops, node: Node) -> list[str]:
    """The axis is swapped with the last one, and swapped back afterwards.

    Source: ONNX TopK-11.
    """
    axis, rank = _axis(node, -1), known_rank(node.input(0), "the input")
    require(axis != rank - 1, "it is along the last axis already")
    perm = list(range(rank))
    perm[axis], perm[-1] = perm[-1], perm[axis]
    moved = op.transpose(node.inputs[0], perm)
    results = op.copy(node, [moved, *node.inputs[1:]], axis=-1)
    used = [r for i, r in enumerate(results) if wants(node, i)]
    turned = {name: op.transpose(name, perm) for name in used}
    return [turned.get(name, name) for name in results]


@rule("TopK", exactness="exact", versions=(11, 24))
def top_k_of_negated(op: Ops, node: Node) -> list[str]:
    """The smallest of x are the largest of -x, negated.

    For floating point, where every number has a negative; equal elements stay equal.

    Source: ONNX TopK-11.
    """
    dtype = known_dtype(node.input(0), "the input")
    require(dtype in FLOATS, f"elements are {dtype}")
    require(not integer(node, "largest", 1), "it takes the largest already")
    results = op.copy(node, [op.Neg(node.inputs[0]), *node.inputs[1:]], largest=None)
    return [op.Neg(results[0]), *results[1:]]


@rule("ArgMax", "ArgMin", exactness="exact")
def arg_max_of_negated(op: Ops, node: Node) -> str:
    """The place of the largest of x is that of the smallest of -x, and the other way round.

    For floating point, where every number has a negative.

    Source: ONNX ArgMax-1, ArgMin-1.
    """
    dtype = known_dtype(node.input(0), "the input")
    require(dtype in FLOATS, f"elements are {dtype}")
    other = "ArgMin" if node.op_type == "ArgMax" else "ArgMax"
    attributes: dict[str, Any] = dict(node.attributes)
    return op.node(other, [op.Neg(node.inputs[0])], **attributes)[0]


@rule("ArgMax", "ArgMin", exactness="exact")
def arg_max_without_keepdims(op: Ops, node: Node) -> str:
    """keepdims=1 as keepdims=0 and an Unsqueeze, where the axis is kept.

    Source: ONNX ArgMax-1.
    """
    require(bool(integer(node, "keepdims", 1)), "it drops the axis already")
    axis = _axis(node, 0)
    return op.unsqueeze(op.copy(node, keepdims=0)[0], [axis])


@rule("ArgMax", "ArgMin", exactness="exact")
def arg_max_with_keepdims(op: Ops, node: Node) -> str:
    """keepdims=0 as keepdims=1 and a Squeeze.

    Source: ONNX ArgMax-1.
    """
    require(not integer(node, "keepdims", 1), "it keeps the axis already")
    axis = _axis(node, 0)
    return op.squeeze(op.copy(node, keepdims=1)[0], [axis])


def _dropped(op: Ops, node: Node, place: str, axis: int) -> str:
    return place if integer(node, "keepdims", 1) else op.squeeze(place, [axis])


@rule("ArgMax", "ArgMin", exactness="exact")
def arg_max_to_top_k(op: Ops, node: Node) -> str:
    """The index that TopK gives for one element, which is the lowest of equal ones.

    For the last of equal ones, the axis is read backwards: n - 1 - the index there.

    Source: ONNX ArgMax-12, TopK-11.
    """
    axis, x = _axis(node, 0), node.inputs[0]
    last = bool(integer(node, "select_last_index", 0))
    most = node.op_type == "ArgMax"
    length = _length(node, axis) if last else 0
    if last:
        x = op.Gather(x, op.shape(range(length - 1, -1, -1)), axis=axis)
    if op.opset < 10:
        decline("k of TopK is an attribute below opset 10")
    largest = None if most else 0
    place = op.node("TopK", [x, op.shape([1])], outputs=2, axis=axis, largest=largest)[1]
    if last:
        place = op.Sub(op.const(length - 1, "int64"), place)
    return _dropped(op, node, place, axis)


@rule("ArgMax", "ArgMin", exactness="exact")
def arg_max_to_equal(op: Ops, node: Node) -> str:
    """The lowest (or last) position whose element equals the maximum.

    Positions are compared as float32, which is exact below 2^24.

    Source: ONNX ArgMax-12.
    """
    axis, x = _axis(node, 0), node.inputs[0]
    length = _length(node, axis)
    most = "ReduceMax" if node.op_type == "ArgMax" else "ReduceMin"
    hit = op.Equal(x, op.reduce(most, x, [axis]))
    last = bool(integer(node, "select_last_index", 0))
    # without NaN some element always is the maximum; with it the result stays inside the axis
    idle = op.const(0.0 if last else float(length - 1), "float32")
    places = op.Where(hit, _positions(op, node, axis), idle)
    place = op.reduce("ReduceMax" if last else "ReduceMin", places, [axis])
    return _dropped(op, node, op.cast(place, "int64"), axis)
