"""Operators that place or pick elements by position: Pad, Gather, Trilu, OneHot, CumSum."""

import numpy as np

from porting.legalize.ops import Ops
from porting.legalize.rule import decline, known_constant, known_dtype, known_rank, require, rule
from porting.model.dtypes import INTEGERS
from porting.model.graph import Node
from porting.rules.common import (
    axis_in,
    float_input,
    integer,
    integers,
    optional_input,
    shape_of,
    text,
)

MOST_SLICES = 32
LARGEST_MASK = 2**22


@rule("Pad", exactness="exact", versions=(18, 19, 21, 23, 24, 25))
def pad_all_axes(op: Ops, node: Node) -> str:
    """Pads for every axis in place of the `axes` input.

    Source: ONNX Pad-18: axes that are not named are not padded.
    """
    require(node.input("axes") is not None, "axes is not used")
    mode = text(node, "mode")
    require(mode != "wrap" or op.opset >= 19, "mode wrap needs opset 19")
    pads = [amount for side in pad_amounts(node) for amount in side]
    value = optional_input(node, 2)
    return op.Pad(node.inputs[0], op.shape(pads), value, mode=mode)


def pad_amounts(node: Node) -> tuple[list[int], list[int]]:
    """How much is added before and after each axis."""
    rank = known_rank(node.input(0), "the input")
    if node.info is not None and node.info.since < 11:
        written = integers(node, "pads")
        pads = list(written) if written is not None else []
    else:
        pads = [int(p) for p in known_constant(node, "pads").reshape(-1)]
    axes = list(range(rank))
    if node.input("axes") is not None:
        axes = [axis_in(int(a), rank) for a in known_constant(node, "axes").reshape(-1)]
    require(len(pads) == 2 * len(axes), "pads has another length than the axes")
    before, after = [0] * rank, [0] * rank
    for index, axis in enumerate(axes):
        before[axis], after[axis] = pads[index], pads[index + len(axes)]
    return before, after


def _padded_positions(node: Node) -> dict[int, list[int]]:
    """Which input position each output position repeats, for every axis that is padded."""
    mode, shape = text(node, "mode"), shape_of(node.input(0))
    require(mode in {"reflect", "edge", "wrap"}, f"mode is {mode}")
    found = {}
    for axis, (before, after) in enumerate(zip(*pad_amounts(node), strict=True)):
        if before == after == 0:
            continue
        length = shape[axis]
        if not isinstance(length, int):
            decline("the size of a padded axis is not known; give it with --shape or --dim")
        require(length > 0 and length + min(before, 0) + min(after, 0) > 0, "an axis is empty")
        if mode == "reflect":
            require(max(before, after) < length, "it pads more than it can reflect")
        positions = np.arange(-before, length + after)
        if mode == "edge":
            positions = np.clip(positions, 0, length - 1)
        elif mode == "wrap":
            positions = positions % length
        else:
            positions = (length - 1) - np.abs((length - 1) - np.abs(positions))
        found[axis] = [int(p) for p in positions]
    return found


@rule("Pad", exactness="exact")
def pad_to_gather(op: Ops, node: Node) -> str:
    """Reflection, edge and wrap read by constant indices, one Gather per axis.

    Source: ONNX Pad-2 and -19.
    """
    result = node.inputs[0]
    for axis, positions in _padded_positions(node).items():
        result = op.Gather(result, op.shape(positions), axis=axis)
    return result


@rule("Pad", exactness="exact")
def pad_to_slices(op: Ops, node: Node) -> str:
    """Reflection, edge and wrap as slices of one element beside the whole, concatenated.

    Source: ONNX Pad-2 and -19.
    """
    result = node.inputs[0]
    shape, (before, after) = shape_of(node.input(0)), pad_amounts(node)
    require(min([*before, *after]) >= 0, "a pad is negative")
    for axis, positions in _padded_positions(node).items():
        length = shape[axis]
        assert isinstance(length, int)
        require(len(positions) - length <= MOST_SLICES, f"it pads more than {MOST_SLICES}")
        outer = [positions[: before[axis]], positions[before[axis] + length :]]
        parts = [[op.slice(result, [p], [p + 1], [axis]) for p in side] for side in outer]
        result = op.Concat(*parts[0], result, *parts[1], axis=axis)
    return result


@rule("Trilu", exactness="exact")
def trilu_to_where(op: Ops, node: Node) -> str:
    """`x` where a constant mask says so, else 0; never x times the mask, which makes NaN of inf.

    Source: ONNX Trilu-14.
    """
    dtype, shape = known_dtype(node.input(0), "the input"), shape_of(node.input(0))
    k = 0 if optional_input(node, 1) is None else int(known_constant(node, 1).reshape(()))
    rows, columns = shape[-2:]
    if not isinstance(rows, int) or not isinstance(columns, int):
        decline("the size of the matrices is not known; give it with --shape or --dim")
    require(rows * columns <= LARGEST_MASK, "the mask would be large")
    ones = np.ones((rows, columns), np.bool_)
    mask = np.triu(ones, k) if integer(node, "upper") else np.tril(ones, k)
    return op.Where(op.const(mask), node.inputs[0], op.const(0, dtype))


@rule("OneHot", exactness="exact")
def one_hot_to_equal(op: Ops, node: Node) -> str:
    """`on` where the index, or the index plus the depth, is the position; off elsewhere.

    Indices may be floats; what a fraction means is up to the runtime in OneHot, too.

    Source: ONNX OneHot-11: an index from -depth to -1 counts from the end, and one outside the
    range gives off everywhere.
    """
    dtype = known_dtype(node.input(0), "the indices")
    require(dtype in INTEGERS | {"float16", "float32"}, f"the indices are {dtype}")
    held = "int64" if dtype in INTEGERS else "float32"  # which has every position
    rank = known_rank(node.input(0), "the indices")
    depth = int(known_constant(node, 1).reshape(-1)[0])
    require(0 < depth <= LARGEST_MASK, "the depth is large or not positive")
    axis = axis_in(integer(node, "axis"), rank + 1)
    column = op.unsqueeze(op.cast(node.inputs[0], held), [axis])
    shape = (-1, *[1] * (rank - axis))
    positions = np.arange(depth, dtype=np.int64).reshape(shape)
    front, back = (op.const(places, held) for places in (positions, positions - depth))
    hit = op.Or(op.Equal(column, front), op.Equal(column, back))
    off, on = (op.Gather(node.inputs[2], op.const(i, "int64"), axis=0) for i in (0, 1))
    return op.Where(hit, on, off)


@rule("CumSum", exactness="conditional")
def cum_sum_to_matmul(op: Ops, node: Node) -> str:
    """A product with a constant triangular matrix.

    Unless an element is infinite or NaN: it would reach the sums before it too, because 0 * inf
    is NaN. The sums are rounded in another order.

    Source: ONNX CumSum-11.
    """
    dtype, shape = float_input(node), shape_of(node.input(0))
    rank = len(shape)
    axis = axis_in(int(known_constant(node, 1).reshape(-1)[0]), rank)
    length = shape[axis]
    if not isinstance(length, int):
        decline("the size of the axis is not known; give it with --shape or --dim")
    require(0 < length * length <= LARGEST_MASK, "the matrix would be large or empty")
    ones = np.ones((length, length))
    skipped = integer(node, "exclusive")
    matrix = np.tril(ones, -skipped) if integer(node, "reverse") else np.triu(ones, skipped)
    perm = list(range(rank))
    perm[axis], perm[-1] = perm[-1], perm[axis]
    turned = axis != rank - 1
    moved = op.transpose(node.inputs[0], perm) if turned else node.inputs[0]
    total = op.MatMul(moved, op.const(matrix, dtype))
    return op.transpose(total, perm) if turned else total


@rule("Gather", exactness="exact")
def gather_by_list(op: Ops, node: Node) -> str:
    """Indices of any rank as a list of them, and the result in the shape that they had.

    For a scalar: one index, and the axis squeezed away.

    Source: ONNX Gather-1: the shape of the result is data[:axis] + indices + data[axis + 1:].
    """
    data, indices = shape_of(node.input(0)), shape_of(node.input(1))
    require(len(indices) != 1, "indices is a list already")
    axis = axis_in(integer(node, "axis"), len(data))
    constant = node.const(1)
    if constant is not None:
        flat = op.const(constant.reshape(-1))
    elif indices:
        flat = op.reshape(node.inputs[1], [-1])
    else:
        flat = op.unsqueeze(node.inputs[1], [0])
    picked = op.Gather(node.inputs[0], flat, axis=axis)
    if not indices:
        return op.squeeze(picked, [axis])
    shape = [*data[:axis], *indices, *data[axis + 1 :]]
    unknown = [i for i, d in enumerate(shape) if not isinstance(d, int)]
    require(len(unknown) <= 1, "more than one dimension of the result is not known")
    require(all(d != 0 for d in shape), "the result is empty")
    return op.reshape(picked, [d if isinstance(d, int) else -1 for d in shape])
