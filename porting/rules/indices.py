"""Indices into tensors: constants of bounded size, counted from the front, and flattened."""

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from porting.legalize.ops import Ops
from porting.legalize.rule import known_dtype, require, static_shape
from porting.model.graph import Node
from porting.rules.common import axis_in, integer, product

Places: TypeAlias = npt.NDArray[np.int64]

MOST_ELEMENTS = 2**20
"""Constants of positions are not made larger than this."""


def constant_places(node: Node, index: int) -> Places | None:
    """A constant input of indices; None where it is computed."""
    array = node.const(index, MOST_ELEMENTS)
    return None if array is None else array.astype(np.int64)


def require_moderate(count: int) -> None:
    """Declines where a constant would have more than `MOST_ELEMENTS` elements."""
    require(count <= MOST_ELEMENTS, "a constant would be large")


def wrapped(places: Places, lengths: Sequence[int]) -> Places:
    """Indices counted from the front; declines where one is outside its axis.

    Args:
        places: Any indices; the last axis goes over `lengths` if there are several.
        lengths: Of the axes that they index.
    """
    sizes = np.asarray(lengths, np.int64)
    front = np.where(places < 0, places + sizes, places)
    require(bool(((front >= 0) & (front < sizes)).all()), "an index is outside its axis")
    return front


def from_front(op: Ops, node: Node, index: int, lengths: Sequence[int]) -> str:
    """The node's indices counted from the front, computed where they are not constant."""
    dtype = known_dtype(node.input(index), "the indices")
    array = constant_places(node, index)
    if array is not None:
        return op.const(wrapped(array, lengths), dtype)
    name = node.inputs[index]
    sizes = op.const(lengths[0] if len(lengths) == 1 else list(lengths), dtype)
    negative = op.Less(name, op.const(0, dtype))
    return op.Where(negative, op.Add(name, sizes), name)


def element_coordinates(op: Ops, node: Node) -> str:
    """What GatherElements and ScatterElements index, as the tuples of GatherND and ScatterND.

    All coordinates but that along the axis are constants.
    """
    lead = static_shape(node.input(1), "the indices")
    axis = axis_in(integer(node, "axis", 0), len(lead))
    require_moderate(product(lead) * len(lead))
    index = op.unsqueeze(op.cast(node.inputs[1], "int64"), [len(lead)])
    if len(lead) == 1:
        return index
    grid = np.moveaxis(np.indices(lead, np.int64), 0, -1)
    sides = [grid[..., :axis], grid[..., axis + 1 :]]
    before, after = ([op.const(np.ascontiguousarray(s))] if s.size else [] for s in sides)
    return op.Concat(*before, index, *after, axis=len(lead))


def strides_of(shape: Sequence[int]) -> list[int]:
    """How many elements apart neighbours along each axis are, in row-major order."""
    return [product(shape[axis + 1 :]) for axis in range(len(shape))]


def flat_along(shape: Sequence[int], axis: int, lead: Sequence[int]) -> tuple[int, Places]:
    """What turns an index along `axis` into a flat one: its factor, and what is added to it.

    Args:
        shape: Of the tensor that is indexed.
        axis: That the index is for.
        lead: Shape of the indices; the sum has this shape, but 1 along `axis`.
    """
    strides = strides_of(shape)
    dims = [1 if i == axis else d for i, d in enumerate(lead)]
    require_moderate(product(dims))
    coordinates = np.indices(dims, np.int64)
    total = np.zeros(dims, np.int64)
    for other, stride in enumerate(strides):
        if other != axis:
            total += coordinates[other] * stride
    return strides[axis], total
