"""Caches of attention, written at the places of their indices."""

import numpy as np

from porting.legalize.ops import Ops
from porting.legalize.rule import require, rule, static_shape
from porting.model.graph import Node
from porting.rules.common import axis_in, integer, optional_input, product, text
from porting.rules.indices import require_moderate


@rule("TensorScatter", exactness="exact")
def tensor_scatter_to_where(op: Ops, node: Node) -> str:
    """The update's element t - w at the place t where there is one, else the cache's.

    w is where the update begins. In a circular cache t - w is taken modulo its length.

    Source: ONNX TensorScatter-24.
    """
    shape = static_shape(node.input(0), "the cache")
    written = static_shape(node.input(1), "the update")
    rank = len(shape)
    axis = axis_in(integer(node, "axis", -2), rank)
    require(axis > 0, "it writes along the batch")
    require(product(shape) > 0 and product(written) > 0, "the cache or the update is empty")
    require_moderate(product(shape))
    length, count = shape[axis], written[axis]
    is_circular = text(node, "mode", "linear") == "circular"
    places = np.arange(length).reshape(-1, *[1] * (rank - axis - 1))
    column = [shape[0], *[1] * (rank - 1)]
    first = np.zeros(1, np.int64) if optional_input(node, 2) is None else node.const(2)
    if first is not None:
        shift = places - (first.reshape(column) if first.size > 1 else first.reshape(()))
        shift = shift % length if is_circular else shift
        hit = op.const((shift >= 0) & (shift < count))
        chosen = op.const(np.broadcast_to(shift.clip(0, count - 1), shape), "int64")
    else:
        moved = op.Sub(op.const(places, "int64"), op.reshape(node.inputs[2], column))
        moved = op.Mod(moved, op.const(length, "int64")) if is_circular else moved
        begun = op.Greater(moved, op.const(-1, "int64"))
        hit = op.And(begun, op.Less(moved, op.const(count, "int64")))
        chosen = op.Expand(op.Where(hit, moved, op.const(0, "int64")), op.shape(shape))
    return op.Where(hit, op.GatherElements(node.inputs[1], chosen, axis=axis), node.inputs[0])
