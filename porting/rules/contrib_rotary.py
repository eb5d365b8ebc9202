"""onnxruntime's RotaryEmbedding, whose positions may be one offset."""

import numpy as np

from porting.legalize.ops import Ops
from porting.legalize.rule import decline, known_rank, require, rule
from porting.model.graph import Node
from porting.rules.common import float_input, integer, number
from porting.rules.heads import length_of, merge_heads, needed, split_heads
from porting.rules.rotary import Angles, turn


@rule("com.microsoft::RotaryEmbedding", exactness="reordered")
def ms_rotary_embedding_to_mul(op: Ops, node: Node) -> str:
    """(a, b) becomes (a cos - b sin, a sin + b cos), the angles by position.

    The positions are given for each place, or as that of the first one.

    Source: onnxruntime's contrib operators, com.microsoft.RotaryEmbedding.
    """
    float_input(node)
    require(number(node, "scale", 1.0) == 1.0, "the scale is not 1")
    require(not integer(node, "is_packed_batching", 0), "the batch is packed")
    x, rank = node.inputs[0], known_rank(node.input(0), "the input")
    half = needed(length_of(op, node.inputs[2], 1), "the width of the cache")
    if rank == 3:
        heads = integer(node, "num_heads", 0)
        width = needed(length_of(op, x, 2), "the last dimension of the input")
        if not integer(node, "rotary_embedding_dim", 0):
            require(width % (2 * half) == 0, "the cache is for heads of another size")
            heads = width // (2 * half)
        x = split_heads(op, x, heads)
    require(op.value(x).size != 0, "an input is empty")
    cos, sin = (_rows(op, node, x, table) for table in node.inputs[2:4])
    result = turn(op, x, Angles(cos, sin, half, bool(integer(node, "interleaved", 0))))
    return merge_heads(op, result) if rank == 3 else result


def _rows(op: Ops, node: Node, x: str, table: str) -> str:
    """The rows of a table at the positions, with an axis for the heads."""
    positions, name = node.input(1), node.inputs[1]
    rank = known_rank(positions, "position_ids")
    if rank == 2:
        return op.unsqueeze(op.Gather(table, name, axis=0), [1])
    require(rank == 1, "position_ids has another rank than 1 and 2")
    length = length_of(op, x, 2)
    first = node.const(1)
    if length is None:
        decline("the length of the sequence is not known")
    if first is not None:
        start = int(first.reshape(-1)[0])
        rows = op.slice(table, [start], [start + length], [0])
    else:
        rows = op.Gather(table, op.Add(name, op.const(np.arange(length), "int64")), axis=0)
    return op.unsqueeze(rows, [0, 1])
