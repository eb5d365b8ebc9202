"""Attention and RotaryEmbedding in terms of operators that are older."""

from collections.abc import Sequence
from math import sqrt

import numpy as np

from porting.legalize.ops import Ops
from porting.legalize.rule import decline, known_rank, require, rule
from porting.model.dtypes import NAME_OF
from porting.model.graph import SMALL, Node
from porting.rules.opset_common import integer


def _dim(op: Ops, x: str, axis: int) -> int | None:
    """The length of an axis, where it is known."""
    shape = op.value(x).shape
    length = shape[axis] if shape is not None else None
    return length if isinstance(length, int) else None


def _needed(length: int | None, what: str) -> int:
    if length is None:
        decline(f"{what} is not known")
    return length


def _count(op: Ops, x: str, axis: int) -> str:
    """The numbers 0, 1, ... up to the length of an axis of `x`."""
    length = _dim(op, x, axis)
    if length is not None and length <= 16 * SMALL:
        return op.const(np.arange(length, dtype=np.int64))
    size = op.reshape(op.slice(op.Shape(x), [axis], [axis + 1], [0]), [])
    return op.Range(op.const(0, dtype="int64"), size, op.const(1, dtype="int64"))


class _Heads:
    """Queries, keys and values as (batch, heads, length, size), with the keys of the past."""

    def __init__(self, op: Ops, node: Node) -> None:
        names = [*node.inputs, "", "", "", ""][:7]
        self.flat = known_rank(node.input(0), "Q") == 3
        self.past = names[4]
        counts = [integer(node, n) for n in ("q_num_heads", "kv_num_heads", "kv_num_heads")]
        query, key, value = (
            _unpacked(op, x, c) if self.flat else x for x, c in zip(names[:3], counts, strict=True)
        )
        self.query = query
        self.key = op.Concat(names[4], key, axis=2) if names[4] else key
        self.value = op.Concat(names[5], value, axis=2) if names[5] else value

    def repeated(self, op: Ops, x: str) -> str:
        """Keys or values once for every query head that shares them."""
        heads = _needed(_dim(op, self.query, 1), "the number of query heads")
        groups = _needed(_dim(op, x, 1), "the number of key heads")
        if heads == groups:
            return x
        size = _needed(_dim(op, x, 3), "the size of a head")
        shape = op.shape([1, 1, heads // groups, 1, 1])
        return op.reshape(op.Expand(op.unsqueeze(x, [2]), shape), [0, heads, -1, size])


def _unpacked(op: Ops, x: str, heads: int) -> str:
    require(heads > 0, "the number of heads is not given")
    size = _needed(_dim(op, x, 2), "the last dimension of a 3-D input") // heads
    return op.transpose(op.reshape(x, [0, -1, heads, size]), [0, 2, 1, 3])


def _allowed(op: Ops, node: Node, heads: _Heads) -> list[str]:
    """Boolean masks from positions: padding, causality, windows."""
    causal = integer(node, "is_causal")
    windows = [integer(node, n, -1) for n in ("left_window_size", "right_window_size")]
    lengths = node.inputs[6] if len(node.inputs) > 6 else ""
    keys = _count(op, heads.key, 2)
    masks = []
    if lengths:
        lengths = op.reshape(lengths, [-1, 1, 1, 1])
        masks.append(op.Less(keys, lengths))
    if not causal and max(windows) < 0:
        return masks
    place = op.unsqueeze(_count(op, heads.query, 2), [1])
    if heads.past:
        place = op.Add(place, op.slice(op.Shape(heads.past), [2], [3], [0]))
    elif lengths:
        own = op.slice(op.Shape(heads.query), [2], [3], [0])
        place = op.Add(place, op.Sub(lengths, own))
    if causal:
        masks.append(op.Not(op.Greater(keys, place)))
    if windows[0] >= 0:
        first = op.Sub(place, op.const(windows[0], dtype="int64"))
        masks.append(op.Not(op.Less(keys, first)))
    if windows[1] >= 0:
        last = op.Add(place, op.const(windows[1], dtype="int64"))
        masks.append(op.Not(op.Greater(keys, last)))
    return masks


def _bias(op: Ops, node: Node, heads: _Heads) -> str:
    """What is added to the scores; empty where there is nothing."""
    masks, given = _allowed(op, node, heads), ""
    if node.input(3) is not None:
        given = _whole_mask(op, node, heads)
        if op.value(given).dtype == "bool":
            masks.append(given)
            given = ""
    if not masks:
        return given
    allowed = masks[0]
    for mask in masks[1:]:
        allowed = op.And(allowed, mask)
    like = node.inputs[0]
    bias = op.Where(allowed, op.const(0.0, like=like), op.const(-np.inf, like=like))
    return op.Add(bias, given) if given else bias


def _whole_mask(op: Ops, node: Node, heads: _Heads) -> str:
    """The mask, as long as the keys; from opset 24 on it may be shorter."""
    mask = node.inputs[3]
    if node.info is not None and node.info.since < 24:
        return mask
    rank = known_rank(op.value(mask), "attn_mask")
    own, total = _dim(op, mask, rank - 1), _dim(op, heads.key, 2)
    if own is None or total is None:
        decline("the length of attn_mask or of the keys is not known")
    if own == total:
        return mask
    pads = [0] * (2 * rank)
    pads[-1] = total - own
    if op.value(mask).dtype != "bool":
        return op.pad(mask, pads, float("-inf"))
    return op.cast(op.pad(op.cast(mask, "float32"), pads), "bool")


@rule("Attention", exactness="reordered", versions=(23, 24, 25))
def opset_attention(op: Ops, node: Node) -> Sequence[str]:
    """Y = Softmax(softcap(Q K^T scale) + bias) V, with zeros for rows that attend nothing.

    Q and K each get the root of the scale. Keys that several query heads share are repeated.
    The bias is 0 or -inf by position (padding, causality, windows) and by a boolean mask, plus a
    mask of numbers.

    Source: ONNX Attention-25.
    """
    heads = _Heads(op, node)
    key, value = heads.repeated(op, heads.key), heads.repeated(op, heads.value)
    size = _needed(_dim(op, heads.query, 3), "the size of a head")
    scale = node.attribute("scale")
    root = sqrt(float(scale) if isinstance(scale, float) else 1 / sqrt(size))
    factor = op.const(root, like=node.inputs[0])
    turned = op.transpose(op.Mul(key, factor), [0, 1, 3, 2])
    stages = [op.MatMul(op.Mul(heads.query, factor), turned)]
    cap = node.attribute("softcap")
    capped = stages[0]
    if isinstance(cap, float) and cap:
        limit = op.const(cap, like=capped)
        capped = op.Mul(op.Tanh(op.Div(capped, limit)), limit)
    bias = _bias(op, node, heads)
    scores = op.Add(capped, bias) if bias else capped
    weights = _softmax(op, node, scores, bias)
    stages += [capped, scores, weights]
    result = op.MatMul(weights, value)
    if heads.flat:
        count, width = _dim(op, heads.query, 1), _dim(op, value, 3)
        packed = _needed(count, "the number of heads") * _needed(width, "the size of a value")
        result = op.reshape(op.transpose(result, [0, 2, 1, 3]), [0, -1, packed])
    return [result, heads.key, heads.value, stages[integer(node, "qk_matmul_output_mode")]]


def _softmax(op: Ops, node: Node, scores: str, bias: str) -> str:
    """Softmax over the keys; a row whose bias is -inf everywhere gives zeros."""
    dtype = str(op.value(scores).dtype)
    precision = NAME_OF.get(integer(node, "softmax_precision"), dtype)
    weights = op.cast(op.Softmax(op.cast(scores, precision), axis=3), dtype)
    if not bias:
        return weights
    rank = known_rank(op.value(bias), "the mask")
    best = op.reduce("ReduceMax", bias, [rank - 1])
    nothing = op.Equal(best, op.const(-np.inf, like=best))
    return op.Where(nothing, op.const(0.0, like=weights), weights)


@rule("RotaryEmbedding", exactness="reordered", versions=(23,))
def opset_rotary_embedding(op: Ops, node: Node) -> str:
    """Turns pairs of elements by an angle: (a cos - b sin, a sin + b cos).

    The pairs are the two halves of a head, or neighbours where it is interleaved.

    Source: ONNX RotaryEmbedding-23.
    """
    rank = known_rank(node.input(0), "X")
    x = node.inputs[0]
    if rank == 3:
        x = _unpacked(op, x, integer(node, "num_heads"))
    size = _needed(_dim(op, x, 3), "the size of a head")
    turned = integer(node, "rotary_embedding_dim") or size
    half = turned // 2
    tables = [
        op.slice(t, [0], [half], [known_rank(op.value(t), "the cache") - 1])
        for t in node.inputs[1:3]
    ]
    if len(node.inputs) > 3 and node.inputs[3]:
        tables = [op.Gather(t, node.inputs[3], axis=0) for t in tables]
    cos, sin = (op.unsqueeze(t, [1]) for t in tables)
    interleaved = bool(integer(node, "interleaved"))
    first, second = _pairs(op, x, half, interleaved)
    real = op.Sub(op.Mul(cos, first), op.Mul(sin, second))
    imaginary = op.Add(op.Mul(sin, first), op.Mul(cos, second))
    if interleaved:
        both = op.Concat(op.unsqueeze(real, [4]), op.unsqueeze(imaginary, [4]), axis=4)
        heads = _needed(_dim(op, x, 1), "the number of heads")
        result = op.reshape(both, [0, heads, -1, turned])
    else:
        result = op.Concat(real, imaginary, axis=3)
    if turned < size:
        result = op.Concat(result, op.slice(x, [turned], [size], [3]), axis=3)
    if rank == 4:
        return result
    width = size * integer(node, "num_heads")
    return op.reshape(op.transpose(result, [0, 2, 1, 3]), [0, -1, width])


def _pairs(op: Ops, x: str, half: int, interleaved: bool) -> tuple[str, str]:
    if not interleaved:
        return op.slice(x, [0], [half], [3]), op.slice(x, [half], [2 * half], [3])
    end, axis, step = op.shape([2 * half]), op.shape([3]), op.shape([2])
    first, second = (op.Slice(x, op.shape([i]), end, axis, step) for i in (0, 1))
    return first, second
