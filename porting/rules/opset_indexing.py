"""Older forms of Gather, Scatter, OneHot, Trilu and TensorScatter."""

from collections.abc import Sequence

import numpy as np

from porting.legalize.ops import Ops
from porting.legalize.rule import (
    known_constant,
    known_dtype,
    known_rank,
    require,
    rule,
    static_shape,
)
from porting.model.graph import Node
from porting.model.value import SMALL
from porting.rules.opset_common import front_axis, integer, text


def _length(op: Ops, x: str, axis: int, dtype: str) -> str:
    """The length of an axis as a scalar."""
    return op.cast(op.Gather(op.Shape(x), op.const(axis, dtype="int64"), axis=0), dtype)


def _from_front(op: Ops, node: Node, axis: int) -> str:
    """The indices into an axis of the first input, none of them negative."""
    dtype = known_dtype(node.input(1), "indices")
    indices, data = node.inputs[1], node.input(0)
    array = node.const(1)
    if array is not None and (array >= 0).all():
        return indices
    length = data.shape[axis] if data is not None and data.shape is not None else None
    if array is not None and isinstance(length, int):
        return op.const(np.where(array < 0, array + length, array), dtype=dtype)
    negative = op.Less(indices, op.const(0, dtype=dtype))
    size = (
        op.const(length, dtype=dtype)
        if isinstance(length, int)
        else _length(op, node.inputs[0], axis, dtype)
    )
    return op.Where(negative, op.Add(indices, size), indices)


@rule("Gather", exactness="exact", versions=(11,))
def opset_gather_from_front(op: Ops, node: Node) -> Sequence[str]:
    """Adds the length of the axis to negative indices.

    Source: ONNX Gather-11.
    """
    axis = front_axis(node)
    return op.copy(node, [node.inputs[0], _from_front(op, node, axis)])


@rule("ScatterElements", exactness="exact", versions=(11,))
def opset_scatter(op: Ops, node: Node) -> str:
    """Scatter is the same operator under another name, without negative indices.

    Source: ONNX ScatterElements-11, Scatter-9.
    """
    axis = front_axis(node)
    return op.Scatter(node.inputs[0], _from_front(op, node, axis), node.inputs[2], axis=axis)


@rule("ScatterElements", "ScatterND", exactness="exact", versions=(16, 18))
def opset_scatter_reduced(op: Ops, node: Node) -> str:
    """Gathers, combines and scatters, where constant indices are known to be different.

    Source: ONNX ScatterElements-16, ScatterElements-18, ScatterND-16, ScatterND-18.
    """
    combine = {"add": op.Add, "mul": op.Mul, "max": op.Max, "min": op.Min}
    kind = text(node, "reduction")
    shape = static_shape(node.input(0), "data")
    indices = known_constant(node, 1).astype(np.int64)
    x, places, updates = node.inputs
    if node.op_type == "ScatterND":
        sizes = np.array(shape[: indices.shape[-1]])
        rows = np.where(indices < 0, indices + sizes, indices).reshape(-1, indices.shape[-1])
        present = op.GatherND(x, places)
    else:
        axis = front_axis(node)
        grid = np.indices(indices.shape)
        grid[axis] = np.where(indices < 0, indices + shape[axis], indices)
        rows = np.moveaxis(grid, 0, -1).reshape(-1, indices.ndim)
        present = op.GatherElements(x, places, axis=axis)
    require(len(np.unique(rows, axis=0)) == len(rows), "two indices are the same")
    combined = combine[kind](present, updates)
    return op.copy(node, [x, places, combined], reduction=None)[0]


@rule("OneHot", exactness="exact", versions=(11,))
def opset_one_hot_from_front(op: Ops, node: Node) -> str:
    """Adds the depth to negative indices; those that stay negative become the depth, which is off.

    Opset 9 says that negative indices are off, but runtimes count them from the end there, too.

    Source: ONNX OneHot-9, OneHot-11; onnxruntime and onnx.reference on negative indices.
    """
    indices, depth, values = node.inputs
    dtype = known_dtype(node.input(0), "indices")
    axis = integer(node, "axis", -1)
    if axis < -1:
        axis %= known_rank(node.input(0), "indices") + 1
    array = node.const(0)
    if array is None or (array < 0).any():
        scalar = op.reshape(op.cast(depth, dtype), [1])
        zero = op.const(0, dtype=dtype)
        indices = op.Where(op.Less(indices, zero), op.Add(indices, scalar), indices)
        indices = op.Where(op.Less(indices, zero), scalar, indices)
    return op.OneHot(indices, depth, values, axis=axis)


@rule("GatherND", exactness="exact", versions=(12,))
def opset_gather_nd_batches(op: Ops, node: Node) -> str:
    """Writes the number of each batch in front of the indices.

    Source: ONNX GatherND-12, batch_dims.
    """
    batches = integer(node, "batch_dims")
    lead = static_shape(node.input(1), "indices")[:-1]
    grid = np.moveaxis(np.indices(lead)[:batches], 0, -1).astype(np.int64)
    require(grid.size <= SMALL * 16, "the batches have too many indices")
    return op.GatherND(node.inputs[0], op.Concat(op.const(grid), node.inputs[1], axis=-1))


@rule("Trilu", exactness="exact", versions=(14,))
def opset_trilu(op: Ops, node: Node) -> str:
    """Where(mask, x, 0) with the mask column >= row + k for the upper part, <= for the lower.

    Not a multiplication, which would make NaN of infinities.

    Source: ONNX Trilu-14.
    """
    x, dtype = node.inputs[0], known_dtype(node.input(0), "input")
    value = node.input(0)
    upper = bool(integer(node, "upper", 1))
    zero = op.const(0, dtype=dtype)
    offset = 0 if node.input(1) is None else node.const(1)
    dims = value.shape[-2:] if value is not None and value.shape is not None else ()
    if offset is not None and all(isinstance(d, int) for d in dims) and len(dims) == 2:
        rows, columns = int(dims[0] or 0), int(dims[1] or 0)
        if rows * columns <= 16 * SMALL:
            k = int(np.ravel(offset)[0])
            ones = np.ones((rows, columns), dtype=np.bool_)
            mask = np.triu(ones, k) if upper else np.tril(ones, k)
            return op.Where(op.const(mask), x, zero)
    return op.Where(_triangle(op, node, upper), x, zero)


def _triangle(op: Ops, node: Node, upper: bool) -> str:
    """The mask of a matrix whose size or diagonal is computed."""
    rank = known_rank(node.input(0), "input")
    size, one = op.Shape(node.inputs[0]), op.const(1, dtype="int64")
    start = op.const(0, dtype="int64")
    ends = [op.Gather(size, op.const(rank - i, dtype="int64"), axis=0) for i in (2, 1)]
    rows, columns = (op.Range(start, end, one) for end in ends)
    if node.input(1) is not None:
        rows = op.Add(rows, op.reshape(node.inputs[1], [1]))
    rows, columns = op.unsqueeze(rows, [1]), op.unsqueeze(columns, [0])
    outside = op.Less(columns, rows) if upper else op.Less(rows, columns)
    return op.Not(outside)


@rule("TensorScatter", exactness="exact", versions=(24,))
def opset_tensor_scatter(op: Ops, node: Node) -> str:
    """ScatterElements at positions that count on from each sample's write index.

    Source: ONNX TensorScatter-24.
    """
    shape = static_shape(node.input(1), "update")
    axis = integer(node, "axis", -2) % len(shape)
    length = static_shape(node.input(0), "past_cache")[axis]
    require(int(np.prod(shape)) <= 256 * SMALL, "update has too many elements")
    spread = [1] * len(shape)
    spread[axis] = shape[axis]
    positions = op.const(np.arange(shape[axis], dtype=np.int64).reshape(spread))
    if node.input(2) is not None:
        batch = [1] * len(shape)
        batch[0] = shape[0]
        positions = op.Add(positions, op.reshape(node.inputs[2], batch))
    if text(node, "mode") == "circular":
        positions = op.Mod(positions, op.const(length, dtype="int64"))
    indices = op.Expand(positions, op.shape(shape))
    return op.ScatterElements(node.inputs[0], indices, node.inputs[1], axis=axis)
