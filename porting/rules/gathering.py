"""Operators that read elements by index, in terms of Gather, Slice and matrix products."""

import numpy as np

from porting.legalize.ops import Ops
from porting.legalize.rule import (
    decline,
    known_dtype,
    known_rank,
    require,
    rule,
    static_shape,
)
from porting.model.graph import Node
from porting.rules.common import (
    axis_in,
    float_input,
    integer,
    product,
    reshape_to,
    shape_of,
)
from porting.rules.indices import (
    MOST_ELEMENTS,
    constant_places,
    element_coordinates,
    flat_along,
    from_front,
    strides_of,
    wrapped,
)

MOST_SLICES = 32


@rule("Gather", exactness="exact")
def gather_by_positions(op: Ops, node: Node) -> str:
    """Constant indices that count from the end, written as counted from the front.

    Source: ONNX Gather-11.
    """
    places = constant_places(node, 1)
    if places is None:
        decline("the indices are computed")
    require(bool((places < 0).any()), "no index is negative")
    axis, length = _gathered_axis(node)
    front = op.const(wrapped(places, [length]), known_dtype(node.input(1), "the indices"))
    return op.Gather(node.inputs[0], front, axis=axis)


def _gathered_axis(node: Node) -> tuple[int, int]:
    """The axis counted from the front, and its length."""
    shape = shape_of(node.input(0))
    axis = axis_in(integer(node, "axis", 0), len(shape))
    length = shape[axis]
    if not isinstance(length, int):
        decline("the size of the axis is not known; give it with --shape or --dim")
    return axis, length


@rule("Gather", exactness="exact")
def gather_to_slice(op: Ops, node: Node) -> str:
    """Constant indices at equal distances are a Slice; a single one is squeezed away.

    Source: ONNX Gather-11, Slice-10.
    """
    places = constant_places(node, 1)
    if places is None:
        decline("the indices are computed")
    require(places.ndim <= 1 and places.size > 0, "the indices are not a list")
    axis, length = _gathered_axis(node)
    front = wrapped(places, [length]).reshape(-1)
    steps = np.unique(np.diff(front)) if front.size > 1 else np.ones(1, np.int64)
    require(steps.size == 1 and steps[0] > 0, "the indices are not at equal distances")
    step, start, end = int(steps[0]), int(front[0]), int(front[-1]) + 1
    if step == 1:
        part = op.slice(node.inputs[0], [start], [end], [axis])
    else:
        bounds = (op.shape([number]) for number in (start, end, axis, step))
        part = op.Slice(node.inputs[0], *bounds)
    return op.squeeze(part, [axis]) if places.ndim == 0 else part


@rule("Gather", exactness="exact")
def gather_to_slices(op: Ops, node: Node) -> str:
    """Constant indices as slices, one per run of neighbours, concatenated.

    Source: ONNX Gather-11, Slice-1, Concat-4.
    """
    places = constant_places(node, 1)
    if places is None:
        decline("the indices are computed")
    require(places.ndim == 1 and places.size > 1, "the indices are not a list")
    axis, length = _gathered_axis(node)
    front = wrapped(places, [length])
    runs = np.split(front, np.flatnonzero(np.diff(front) != 1) + 1)
    require(1 < len(runs) <= MOST_SLICES, f"it takes one slice or more than {MOST_SLICES}")
    ends = [(int(run[0]), int(run[-1]) + 1) for run in runs]
    parts = [op.slice(node.inputs[0], [start], [end], [axis]) for start, end in ends]
    return op.Concat(*parts, axis=axis)


@rule("Gather", exactness="exact")
def gather_along_first_axis(op: Ops, node: Node) -> str:
    """The axis is moved to the front, and the axes of the indices back into its place.

    Source: ONNX Gather-1: the shape of the result is data[:axis] + indices + data[axis + 1:].
    """
    rank = known_rank(node.input(0), "the input")
    width = known_rank(node.input(1), "the indices")
    axis = axis_in(integer(node, "axis", 0), rank)
    require(axis > 0, "it is along the first axis already")
    others = [i for i in range(rank) if i != axis]
    moved = op.transpose(node.inputs[0], [axis, *others])
    picked = op.Gather(moved, node.inputs[1], axis=0)
    own, rest = list(range(width)), list(range(width, width + rank - 1))
    perm = [*rest[:axis], *own, *rest[axis:]]
    return picked if perm == sorted(perm) else op.transpose(picked, perm)


@rule("Gather", exactness="conditional")
def gather_to_one_hot_matmul(op: Ops, node: Node) -> str:
    """Rows of a table as the product of one-hot rows and the table.

    Unless an element is infinite or NaN: it would reach every row, because 0 * inf is NaN.

    Source: ONNX Gather-11, MatMul-1.
    """
    dtype = float_input(node)
    require(known_rank(node.input(0), "the table") == 2, "the input is not a table")
    width = known_rank(node.input(1), "the indices")
    axis, length = _gathered_axis(node)
    require(axis == 0, "it does not read rows")
    require(0 < length <= 4096, "the table has no rows or more than 4096")
    column = op.unsqueeze(from_front(op, node, 1, [length]), [width])
    kind = known_dtype(node.input(1), "the indices")
    hit = op.Equal(column, op.const(np.arange(length), kind))
    return op.MatMul(op.cast(hit, dtype), node.inputs[0])


@rule("GatherElements", exactness="exact")
def gather_elements_to_gather(op: Ops, node: Node) -> str:
    """Gather from the flattened input, at index * stride + the offset of all other coordinates.

    Source: ONNX GatherElements-13.
    """
    shape = static_shape(node.input(0), "the input")
    lead = static_shape(node.input(1), "the indices")
    axis = axis_in(integer(node, "axis", 0), len(shape))
    require(0 not in shape, "the input is empty")
    dtype = known_dtype(node.input(1), "the indices")
    require(product(shape) < 2**31 or dtype == "int64", "the positions do not fit the indices")
    factor, offset = flat_along(shape, axis, lead)
    flat = from_front(op, node, 1, [shape[axis]])
    if factor != 1:
        flat = op.Mul(flat, op.const(factor, dtype))
    if offset.any():
        flat = op.Add(flat, op.const(offset, dtype))
    whole = op.reshape(node.inputs[0], [-1]) if len(shape) > 1 else node.inputs[0]
    return op.Gather(whole, flat, axis=0)


@rule("GatherElements", exactness="exact")
def gather_elements_to_gather_nd(op: Ops, node: Node) -> str:
    """GatherND with every coordinate written out; all but one are constants.

    Source: ONNX GatherElements-11, GatherND-11.
    """
    return op.GatherND(node.inputs[0], element_coordinates(op, node))


@rule("GatherND", exactness="exact")
def gather_nd_to_gather(op: Ops, node: Node) -> str:
    """Gather along the flattened leading axes, at the sum of each coordinate times its stride.

    Source: ONNX GatherND-12, with batch_dims.
    """
    batches = integer(node, "batch_dims", 0)
    data, lead = shape_of(node.input(0)), shape_of(node.input(1))
    depth = lead[-1] if lead else None
    if not isinstance(depth, int):
        decline("the length of the index tuples is not known")
    require(depth > 0, "the index tuples are empty")
    width = len(lead)
    if batches == 0 and depth == 1:
        return op.Gather(node.inputs[0], op.squeeze(node.inputs[1], [width - 1]), axis=0)
    sizes = [d for d in data[: batches + depth] if isinstance(d, int)]
    require(len(sizes) == batches + depth, "the axes that it reads are not static")
    require(0 not in sizes, "the input is empty")
    indices = from_front(op, node, 1, sizes[batches:])
    dtype = "int64"
    flat = op.squeeze(indices, [width - 1])
    if depth > 1:
        scaled = op.Mul(indices, op.const(strides_of(sizes[batches:]), dtype))
        flat = op.reduce("ReduceSum", scaled, [width - 1], keepdims=False)
    if batches:
        first = np.arange(product(sizes[:batches])) * product(sizes[batches:])
        own = first.reshape(*sizes[:batches], *[1] * (width - 1 - batches))
        flat = op.Add(flat, op.const(own, dtype))
    rows = reshape_to(op, node.inputs[0], [product(sizes), *data[batches + depth :]])
    return op.Gather(rows, flat, axis=0)


@rule("Compress", exactness="exact")
def compress_to_gather(op: Ops, node: Node) -> str:
    """Gather at the positions where a constant condition holds; without axis of all elements.

    Source: ONNX Compress-9: a condition may be shorter than the axis.
    """
    condition = node.const(1, MOST_ELEMENTS)
    if condition is None:
        decline("the condition is computed, and with it the shape of the result")
    kept = op.const(np.flatnonzero(condition), "int64")
    axis = node.attribute("axis")
    if not isinstance(axis, int):
        return op.Gather(op.reshape(node.inputs[0], [-1]), kept, axis=0)
    rank = known_rank(node.input(0), "the input")
    return op.Gather(node.inputs[0], kept, axis=axis_in(axis, rank))


@rule("NonZero", exactness="exact")
def non_zero_to_constant(op: Ops, node: Node) -> str:
    """The coordinates of the elements of a constant that are not zero, in row-major order.

    Source: ONNX NonZero-9.
    """
    array = node.const(0, MOST_ELEMENTS)
    if array is None:
        decline("the input is computed, and with it the shape of the result")
    require(array.ndim > 0, "runtimes differ on the shape for a scalar")
    return op.const(np.stack(np.nonzero(array)), "int64")
