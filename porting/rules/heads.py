"""What attention operators share: heads, scores, masks by position, and the weighted sum."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

from porting.legalize.ops import Ops
from porting.legalize.rule import decline, known_rank, require
from porting.model.dtypes import FLOATS, numpy_dtype
from porting.model.value import Array

LARGEST_MASK = 1 << 20
"""Elements up to which a mask that is known is written as a constant: 1024 queries and keys."""
LONGEST = 1 << 16
"""Positions up to which they are written as a constant."""


def length_of(op: Ops, x: str, axis: int) -> int | None:
    """The length of an axis, where it is known."""
    shape = op.value(x).shape
    length = shape[axis] if shape is not None and -len(shape) <= axis < len(shape) else None
    return length if isinstance(length, int) else None


def needed(length: int | None, what: str) -> int:
    """A length that must be known; declines naming it otherwise."""
    if length is None:
        decline(f"{what} is not known")
    return length


def split_heads(op: Ops, x: str, heads: int, perm: tuple[int, ...] = (0, 2, 1, 3)) -> str:
    """(batch, length, heads * size) as (batch, heads, length, size), or in another order."""
    require(heads > 0, "the number of heads is not given")
    width = needed(length_of(op, x, 2), "the last dimension of a 3-D input")
    require(width % heads == 0, "the last dimension is no multiple of the number of heads")
    return op.transpose(op.reshape(x, [0, -1, heads, width // heads]), perm)


def merge_heads(op: Ops, x: str) -> str:
    """(batch, heads, length, size) as (batch, length, heads * size)."""
    heads = needed(length_of(op, x, 1), "the number of heads")
    size = needed(length_of(op, x, 3), "the size of a head")
    return op.reshape(op.transpose(x, [0, 2, 1, 3]), [0, -1, heads * size])


@dataclass(frozen=True, slots=True)
class Bias:
    """What is added to the scores.

    Attributes:
        name: The value; it broadcasts to (batch, heads, queries, keys).
        content: Its contents, where they are known.
        guarded: Whether a row may be -inf everywhere, and is to give zeros then.
    """

    name: str
    content: Array | None = None
    guarded: bool = True


@dataclass(frozen=True, slots=True)
class Attended:
    """The stages of attention: raw scores, capped ones, with the bias, weights; and the result."""

    stages: tuple[str, str, str, str]
    result: str


def attend(
    op: Ops,
    query: str,
    turned: str,
    value: str,
    *,
    scale: float,
    bias: Bias | None = None,
    softcap: float = 0.0,
    precision: str = "",
) -> Attended:
    """Softmax(softcap(scale Q K^T) + bias) V.

    Args:
        op: Builds the nodes.
        query: (batch, heads, queries, size).
        turned: The keys, (batch, groups, size, keys); each serves heads / groups query heads.
        value: (batch, groups, keys, size).
        scale: Factor of the queries.
        bias: Added to the scores.
        softcap: Limit of the scores, 0 for none.
        precision: Element type of the softmax; that of the queries by default.
    """
    dtype = op.value(query).dtype
    require(dtype in FLOATS, f"it is for floating point, the input is {dtype}")
    types = {op.value(x).dtype for x in (query, turned, value)}
    require(types == {dtype}, "queries, keys and values have different element types")
    heads = needed(length_of(op, query, 1), "the number of query heads")
    groups = needed(length_of(op, turned, 1), "the number of key heads")
    require(groups > 0 and heads % groups == 0, "the query heads are no multiple of the key heads")
    for name in (query, turned, value):
        require(op.value(name).size != 0, "an input is empty")
    scaled = query if scale == 1.0 else op.Mul(query, op.const(scale, dtype))
    shared = heads != groups
    if shared:  # the queries that share keys stand below each other
        scaled = op.reshape(scaled, [0, groups, -1, needed(length_of(op, query, 3), "a size")])
    raw = op.MatMul(scaled, turned)
    if shared:
        raw = op.reshape(raw, [0, heads, -1, length_of(op, turned, 3) or 0])
    capped = raw
    if softcap > 0:
        limit = op.const(softcap, dtype)
        capped = op.Mul(op.Tanh(op.Div(raw, limit)), limit)
    scores = capped if bias is None else op.Add(capped, op.cast(bias.name, str(dtype)))
    wide = op.cast(scores, precision) if precision else scores
    weights = op.cast(op.Softmax(wide, axis=3), str(dtype))
    if bias is not None and bias.guarded:
        weights = _zero_rows(op, weights, bias)
    packed = weights
    if shared:
        packed = op.reshape(weights, [0, groups, -1, length_of(op, turned, 3) or 0])
    result = op.MatMul(packed, value)
    if shared:
        size = needed(length_of(op, value, 3), "the size of a head")
        result = op.reshape(result, [0, heads, -1, size])
    return Attended((raw, capped, scores, weights), result)


def _zero_rows(op: Ops, weights: str, bias: Bias) -> str:
    """Zeros for a row whose bias is -inf everywhere; softmax has NaN there."""
    if bias.content is not None:
        dead = np.isneginf(bias.content.astype(np.float64)).all(axis=-1, keepdims=True)
        if not dead.any():
            return weights
        nothing = op.const(dead)
    else:
        rank = known_rank(op.value(bias.name), "the mask")
        best = op.reduce("ReduceMax", bias.name, [rank - 1])
        nothing = op.Equal(best, op.const(-np.inf, like=best))
    return op.Where(nothing, op.const(0.0, like=weights), weights)


@dataclass(frozen=True, slots=True)
class Reach:
    """Which keys a query at place p attends by theirs: p - left to p + right, -1 for all."""

    left: int = -1
    right: int = -1

    @property
    def is_limited(self) -> bool:
        """Whether any key is out of reach of any query."""
        return self.left >= 0 or self.right >= 0

    def mask(self, queries: int, keys: int, offset: Array | int = 0) -> Array:
        """Whether each query attends each key; an offset per batch gives a mask per batch."""
        place = np.arange(queries)[:, None] + np.asarray(offset)
        distance = place - np.arange(keys)
        allowed = np.ones(distance.shape, bool)
        if self.left >= 0:
            allowed &= distance <= self.left
        if self.right >= 0:
            allowed &= -distance <= self.right
        return allowed

    def computed(self, op: Ops, place: str, keys: str) -> list[str]:
        """The same of places that the model computes, one mask per side."""
        masks = []
        if self.left >= 0:
            first = op.Sub(place, op.const(self.left, like=place)) if self.left else place
            masks.append(op.Not(op.Less(keys, first)))
        if self.right >= 0:
            last = op.Add(place, op.const(self.right, like=place)) if self.right else place
            masks.append(op.Not(op.Greater(keys, last)))
        return masks


def counted(op: Ops, x: str, axis: int) -> str:
    """The numbers 0, 1, ... up to the length of an axis of `x`."""
    length = length_of(op, x, axis)
    if length is not None and length <= LONGEST:
        return op.const(np.arange(length, dtype=np.int64))
    size = op.reshape(op.slice(op.Shape(x), [axis], [axis + 1], [0]), [])
    return op.Range(op.const(0, dtype="int64"), size, op.const(1, dtype="int64"))


def visible(
    op: Ops, reach: Reach, query: str, key: str, past: str | None, lengths: str | None = None
) -> Array | str | None:
    """Which keys each query attends: a mask that is known, one that is computed, or None for all.

    Args:
        op: Builds the nodes.
        reach: By the places of both.
        query: (batch, heads, queries, size).
        key: (batch, groups, keys, size), with those of the past.
        past: The keys of the past, which come before the first query.
        lengths: How many keys of each batch count; the last query stands at the last of these.
    """
    if not reach.is_limited and lengths is None:
        return None
    queries, keys = length_of(op, query, 2), length_of(op, key, 2)
    before = 0 if past is None else length_of(op, past, 2)
    ends = None if lengths is None else op.value(lengths).value()
    if queries is not None and keys is not None and before is not None:
        batch = 1 if ends is None else ends.size
        if (lengths is None or ends is not None) and batch * queries * keys <= LARGEST_MASK:
            if ends is None:
                return reach.mask(queries, keys, before)
            ends = ends.reshape(-1, 1, 1, 1)
            return (np.arange(keys) < ends) & reach.mask(queries, keys, ends - queries)
    return _computed_mask(op, reach, query, key, past, lengths)


def _computed_mask(
    op: Ops, reach: Reach, query: str, key: str, past: str | None, lengths: str | None
) -> str:
    keys = counted(op, key, 2)
    masks, ends = [], ""
    if lengths is not None:
        ends = op.reshape(lengths, [-1, 1, 1, 1])
        masks.append(op.Less(keys, ends))
    if reach.is_limited:
        place = op.unsqueeze(counted(op, query, 2), [1])
        if past is not None:
            place = op.Add(place, op.slice(op.Shape(past), [2], [3], [0]))
        elif ends:
            place = op.Add(place, op.Sub(ends, op.slice(op.Shape(query), [2], [3], [0])))
        masks += reach.computed(op, place, keys)
    return reduce(op.And, masks)


def bias_sum(
    op: Ops, parts: Sequence[Array | str | None], dtype: str, *, guarded: bool
) -> Bias | None:
    """Masks and numbers to be added to the scores, as one; what of them is known is a constant."""
    known = [_numbers(p, dtype) for p in parts if isinstance(p, np.ndarray)]
    computed = [_computed_numbers(op, p, dtype) for p in parts if isinstance(p, str)]
    content = reduce(np.add, known) if known else None
    if content is not None and not computed:
        return Bias(op.const(content), content, guarded)
    names = computed if content is None else [op.const(content), *computed]
    return Bias(reduce(op.Add, names), guarded=guarded) if names else None


def _numbers(part: Array, dtype: str) -> Array:
    numbers = np.where(part, 0.0, -np.inf) if part.dtype == bool else part
    return numbers.astype(numpy_dtype(dtype))


def _computed_numbers(op: Ops, part: str, dtype: str) -> str:
    if op.value(part).dtype == "bool":
        return op.Where(part, op.const(0.0, dtype), op.const(-np.inf, dtype))
    return op.cast(part, dtype)
