"""Rotary embeddings: pairs of elements turned by an angle per position."""

from dataclasses import dataclass

from porting.legalize.ops import Ops
from porting.legalize.rule import known_rank, require, rule
from porting.model.graph import Node
from porting.rules.common import float_input, integer, optional_input
from porting.rules.heads import length_of, merge_heads, needed, split_heads


@dataclass(frozen=True, slots=True)
class Angles:
    """The cosines and sines of the angles, and which elements of a head are a pair.

    Attributes:
        cos: (batch, 1, length, half) or what broadcasts to it.
        sin: Likewise.
        half: Pairs per head; what stands after them is not turned.
        interleaved: Whether neighbours are a pair, and not elements of two halves.
    """

    cos: str
    sin: str
    half: int
    interleaved: bool


def turn(op: Ops, x: str, angles: Angles) -> str:
    """(a, b) becomes (a cos - b sin, a sin + b cos) in (batch, heads, length, size)."""
    size = needed(length_of(op, x, 3), "the size of a head")
    half, turned = angles.half, 2 * angles.half
    require(turned <= size, "more elements are turned than a head has")
    first, second = _pairs(op, x, half, angles.interleaved)
    real = op.Sub(op.Mul(first, angles.cos), op.Mul(second, angles.sin))
    imaginary = op.Add(op.Mul(first, angles.sin), op.Mul(second, angles.cos))
    rest = [op.slice(x, [turned], [size], [3])] if turned < size else []
    if not angles.interleaved:
        return op.Concat(real, imaginary, *rest, axis=3)
    both = op.Concat(op.unsqueeze(real, [4]), op.unsqueeze(imaginary, [4]), axis=4)
    heads = needed(length_of(op, x, 1), "the number of heads")
    result = op.reshape(both, [0, heads, -1, turned])
    return op.Concat(result, *rest, axis=3) if rest else result


def _pairs(op: Ops, x: str, half: int, interleaved: bool) -> tuple[str, str]:
    if not interleaved:
        return op.slice(x, [0], [half], [3]), op.slice(x, [half], [2 * half], [3])
    end, axis, step = op.shape([2 * half]), op.shape([3]), op.shape([2])
    first, second = (op.Slice(x, op.shape([i]), end, axis, step) for i in (0, 1))
    return first, second


def rotated(op: Ops, node: Node) -> str:
    """The output of a RotaryEmbedding node: `rotary_embedding_to_mul` has the mathematics."""
    rank, x = known_rank(node.input(0), "X"), node.inputs[0]
    float_input(node)
    require(op.value(x).size != 0, "an input is empty")
    if rank == 3:
        x = split_heads(op, x, integer(node, "num_heads", 0))
    size = needed(length_of(op, x, 3), "the size of a head")
    turned = integer(node, "rotary_embedding_dim", 0) or size
    require(turned % 2 == 0, "an odd number of elements is turned")
    half, positions = turned // 2, optional_input(node, 3)
    cos, sin = (_table(op, t, half, positions) for t in node.inputs[1:3])
    result = turn(op, x, Angles(cos, sin, half, bool(integer(node, "interleaved", 0))))
    return merge_heads(op, result) if rank == 3 else result


def _table(op: Ops, table: str, half: int, positions: str | None) -> str:
    """Cosines or sines for every place, those beyond the pairs left out."""
    rank = known_rank(op.value(table), "the cache")
    if length_of(op, table, rank - 1) != half:
        table = op.slice(table, [0], [half], [rank - 1])
    if positions is not None:
        table = op.Gather(table, positions, axis=0)
    return op.unsqueeze(table, [1])


@rule("RotaryEmbedding", exactness="reordered", versions=(23,))
def rotary_embedding_to_mul(op: Ops, node: Node) -> str:
    """(a, b) becomes (a cos - b sin, a sin + b cos), the angles by position.

    The pairs are the two halves of a head, or neighbours where it is interleaved. With position
    ids the tables are read there; without, they have a row for every place already.

    Source: ONNX RotaryEmbedding-23; Su et al., arXiv 2104.09864.
    """
    return rotated(op, node)
