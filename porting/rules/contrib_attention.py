"""onnxruntime's MultiHeadAttention and Attention as products and a softmax."""

import numpy as np

from porting.legalize.ops import Ops
from porting.legalize.rule import decline, known_dtype, known_rank, require, rule
from porting.model.graph import Node
from porting.model.value import Array
from porting.rules.common import integer, integers, number, optional_input, wants
from porting.rules.heads import (
    LARGEST_MASK,
    Reach,
    attend,
    bias_sum,
    counted,
    length_of,
    merge_heads,
    needed,
    split_heads,
    visible,
)

MASKED = -10000.0
"""What onnxruntime adds to the score of a padding key, unless the node says otherwise."""


def scale_of(op: Ops, node: Node, query: str) -> float:
    """The factor of the scores; 0 stands for one over the root of the size of a head."""
    size = needed(length_of(op, query, 3), "the size of a head")
    scale = number(node, "scale", 0.0) or 1 / np.sqrt(size)
    require(scale > 0, "the scale is not positive")
    return scale


def without(node: Node, *names: tuple[int, str]) -> None:
    """Declines a node that has one of these inputs."""
    for index, name in names:
        require(optional_input(node, index) is None, f"it has input {name}")


@rule("com.microsoft::MultiHeadAttention", exactness="reordered")
def ms_multi_head_attention_to_matmul(op: Ops, node: Node) -> list[str]:
    """Softmax(scale (Q + bq) (K + bk)^T + mask) (V + bv) by head.

    The mask adds mask_filter_value to padding keys and -inf to keys after the query. Keys and
    values of the past stand before the new ones.

    Source: onnxruntime's contrib operators, com.microsoft.MultiHeadAttention.
    """
    without(node, (8, "past_sequence_length"), (9, "cache_indirection"))
    require(not wants(node, 3), "output qk is asked for")
    heads = integer(node, "num_heads", 0)
    query, key, value = _operands(op, node, heads)
    past = optional_input(node, 6), optional_input(node, 7)
    if past[0] is not None and past[1] is not None:
        require(known_rank(node.input(1), "key") != 4, "the keys are a past already")
        key, value = op.Concat(past[0], key, axis=2), op.Concat(past[1], value, axis=2)
    return _attention(op, node, (query, key, value), past[0], mask=4, bias=5)


def _attention(
    op: Ops, node: Node, operands: tuple[str, str, str], past: str | None, *, mask: int, bias: int
) -> list[str]:
    """The result and the keys and values, of operands by head."""
    query, key, value = operands
    causal = bool(integer(node, "unidirectional", 0))
    if causal and past is None:
        lengths = [length_of(op, x, 2) for x in (query, key)]
        known = None not in lengths or node.inputs[0] == node.inputs[min(1, len(node.inputs) - 1)]
        require(known and lengths[0] == lengths[1], "as many keys as queries are not certain")
    parts = [
        visible(op, Reach(right=0 if causal else -1), query, key, past),
        _padding(op, node, mask, query, key),
        optional_input(node, bias),
    ]
    turned = op.transpose(key, [0, 1, 3, 2])
    added = bias_sum(op, parts, known_dtype(op.value(query), "the query"), guarded=False)
    scale = scale_of(op, node, query)
    found = attend(op, query, turned, value, scale=scale, bias=added)
    return [merge_heads(op, found.result), key, value]


def _operands(op: Ops, node: Node, heads: int) -> tuple[str, str, str]:
    """Queries, keys and values by head, their biases added."""
    rank = known_rank(node.input(0), "query")
    if rank == 5:
        without(node, (1, "key"), (2, "value"), (3, "bias"))
        query, key, value = _unpacked(op, node.inputs[0], 3)
        return query, key, value
    if node.input(1) is None:
        decline("keys are neither given nor packed with the queries")
    if known_rank(node.input(1), "key") == 5:
        without(node, (2, "value"), (3, "bias"))
        key, value = _unpacked(op, node.inputs[1], 2)
        return split_heads(op, node.inputs[0], heads), key, value
    biases = _biases(op, node)
    found = []
    for name, bias in zip(node.inputs[:3], biases, strict=True):
        if known_rank(op.value(name), "an operand") == 4:
            require(bias is None or name != node.inputs[0], "the queries have four dimensions")
            found.append(name)
        else:
            found.append(split_heads(op, op.Add(name, bias) if bias else name, heads))
    return found[0], found[1], found[2]


def _biases(op: Ops, node: Node) -> list[str | None]:
    """The biases of queries, keys and values, which stand behind each other."""
    bias = optional_input(node, 3)
    if bias is None:
        return [None] * 3
    width = needed(length_of(op, node.inputs[0], 2), "the last dimension of the query")
    total = needed(length_of(op, bias, 0), "the length of the bias")
    sizes = [width, width, total - 2 * width]
    require(sizes[2] > 0, "the bias is shorter than the operands")
    content = node.const(3, LARGEST_MASK)
    if content is not None:
        return [op.const(part) for part in np.split(content, [width, 2 * width])]
    return list(op.split(bias, sizes, 0))


def _unpacked(op: Ops, x: str, count: int) -> list[str]:
    """(batch, length, heads, count, size) as that many of (batch, heads, length, size)."""
    apart = op.split(x, [1] * count, 3)
    return [op.transpose(op.squeeze(part, [3]), [0, 2, 1, 3]) for part in apart]


def _padding(op: Ops, node: Node, index: int, query: str, key: str) -> Array | str | None:
    """What is added to the scores of padding keys: by their number per batch, or a flag each."""
    name = optional_input(node, index)
    if name is None:
        return None
    rank = known_rank(op.value(name), "the mask")
    require(rank <= 3, "the mask has more than three dimensions")
    batch, keys = length_of(op, query, 0), length_of(op, key, 2)
    filler = number(node, "mask_filter_value", MASKED)
    content = node.const(index, LARGEST_MASK)
    axes: dict[int, tuple[int, ...]] = {1: (1, 2, 3), 2: (1, 2), 3: (1,)}
    if rank == 1:
        own = length_of(op, name, 0)
        require(own is not None and own == batch, "the mask has more than a length per batch")
    else:
        own = length_of(op, name, rank - 1)
        require(own is not None and own == keys, "the mask is not known to be as long as the keys")
    if content is not None and keys is not None:
        apart = np.expand_dims(content.astype(np.int64), axes[rank])
        kept = np.arange(keys) < apart if rank == 1 else apart > 0
        return np.where(kept, 0.0, filler)
    dtype = known_dtype(op.value(query), "the query")
    # lengths and flags are whole numbers: what is above 0 is at least 1
    apart_name = op.unsqueeze(name, axes[rank])
    if rank == 1:
        apart_name = op.Sub(op.cast(apart_name, "int64"), counted(op, key, 2))
    kept_name = op.clip(op.cast(apart_name, dtype), 0.0, 1.0)
    return op.Add(op.Mul(kept_name, op.const(-filler, dtype)), op.const(filler, dtype))


@rule("com.microsoft::Attention", exactness="reordered")
def ms_attention_to_matmul(op: Ops, node: Node) -> list[str]:
    """Softmax(scale Q K^T + mask) V by head, where [Q K V] = x W + b.

    The mask adds mask_filter_value to padding keys and -inf to keys after the query. Keys and
    values of the past stand before the new ones in one tensor.

    Source: onnxruntime's contrib operators, com.microsoft.Attention.
    """
    without(node, (6, "past_sequence_length"))
    for name in ("do_rotary", "past_present_share_buffer"):
        require(not integer(node, name, 0), f"{name} is set")
    heads = integer(node, "num_heads", 0)
    packed = op.MatMul(node.inputs[0], node.inputs[1])
    bias = optional_input(node, 2)
    packed = op.Add(packed, bias) if bias is not None else packed
    width = needed(length_of(op, packed, 2), "the width of the weights")
    sizes = integers(node, "qkv_hidden_sizes") or (width // 3,) * 3
    require(len(sizes) == 3 and sum(sizes) == width, "the weights have another width than Q, K, V")
    query, key, value = (split_heads(op, x, heads) for x in op.split(packed, sizes, 2))
    past, old = optional_input(node, 4), ""
    if past is not None:
        old, old_value = (op.squeeze(x, [0]) for x in op.split(past, [1, 1], 0))
        key, value = op.Concat(old, key, axis=2), op.Concat(old_value, value, axis=2)
    result, *_ = _attention(op, node, (query, key, value), old or None, mask=3, bias=5)
    if not wants(node, 1):
        return [result]
    require(sizes[1] == sizes[2], "keys and values of different sizes share no tensor")
    return [result, op.Concat(op.unsqueeze(key, [0]), op.unsqueeze(value, [0]), axis=0)]
