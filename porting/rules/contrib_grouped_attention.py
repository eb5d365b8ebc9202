"""onnxruntime's GroupQueryAttention, whose cache is full, as products and a softmax."""

from porting.legalize.ops import Ops
from porting.legalize.rule import decline, known_dtype, known_rank, require, rule
from porting.model.graph import Node
from porting.rules.common import integer, number, optional_input, text, wants
from porting.rules.contrib_attention import scale_of, without
from porting.rules.heads import (
    Reach,
    attend,
    bias_sum,
    length_of,
    merge_heads,
    needed,
    split_heads,
    visible,
)
from porting.rules.rotary import Angles, turn


@rule("com.microsoft::GroupQueryAttention", exactness="reordered")
def ms_group_query_attention_to_matmul(op: Ops, node: Node) -> list[str]:
    """Softmax(softcap(scale Q K^T) + mask) V; each query attends keys up to its own place.

    Queries and keys are turned by their positions first if asked for, and the new keys stand
    behind those of the past. The lengths must be constants that say that nothing is padding.

    Source: onnxruntime's contrib operators, com.microsoft.GroupQueryAttention.
    """
    past, new = _lengths(op, node)
    ends, total = node.const(5), node.const(6)
    if ends is None or total is None:
        decline("seqlens_k or total_sequence_length is not a constant")
    full = bool((ends == past + new - 1).all()) and total.item() == past + new
    require(full, "the sequences do not fill the cache")
    return _attention(op, node, past, new)


@rule("com.microsoft::GroupQueryAttention", exactness="conditional")
def ms_group_query_attention_without_padding(op: Ops, node: Node) -> list[str]:
    """The same for lengths that the model computes, unless one says that there is padding.

    Source: onnxruntime's contrib operators, com.microsoft.GroupQueryAttention; seqlens_k is the
    length of the past and of the new keys, less one, if the cache has no room to spare.
    """
    past, new = _lengths(op, node)
    require(node.const(5) is None or node.const(6) is None, "the lengths are constants")
    return _attention(op, node, past, new)


def _lengths(op: Ops, node: Node) -> tuple[int, int]:
    """How many keys the cache holds, and how many are new."""
    new = needed(length_of(op, node.inputs[0], 1), "the length of the sequence")
    past = optional_input(node, 3)
    before = 0 if past is None else needed(length_of(op, past, 2), "the length of the past")
    return before, new


_QUANTISED = ((12, "k_scale"), (13, "v_scale"), (14, "q_norm_weight"), (15, "k_norm_weight"))


def _attention(op: Ops, node: Node, past: int, new: int) -> list[str]:
    without(node, (11, "head_sink"), *_QUANTISED)
    require(integer(node, "smooth_softmax", 0) <= 0, "smooth_softmax is set")
    require(integer(node, "causal", 1) == 1, "it is not causal")
    require(not integer(node, "sliding_window_cache", 0), "the cache slides")
    for name in ("k_quant_type", "v_quant_type"):
        require(text(node, name, "NONE") == "NONE", "the cache is quantised")
    require(not wants(node, 3), "output_qk is asked for")
    query, key, value = _operands(op, node)
    if integer(node, "do_rotary", 0):
        angles = _angles(op, node, past, new)
        query, key = turn(op, query, angles), turn(op, key, angles)
    old = optional_input(node, 3)
    if old is not None and past:
        key = op.Concat(old, key, axis=2)
        value = op.Concat(node.inputs[4], value, axis=2)
    window = integer(node, "local_window_size", -1)
    require(window != 0, "the window is empty")
    reach = Reach(window - 1 if window > 0 else -1, 0)
    parts = [visible(op, reach, query, key, old), optional_input(node, 10)]
    bias = bias_sum(op, parts, known_dtype(op.value(query), "the query"), guarded=False)
    found = attend(
        op,
        query,
        op.transpose(key, [0, 1, 3, 2]),
        value,
        scale=scale_of(op, node, query),
        bias=bias,
        softcap=number(node, "softcap", 0.0),
    )
    return [merge_heads(op, found.result), key, value]


def _operands(op: Ops, node: Node) -> tuple[str, str, str]:
    """Queries, keys and values by head; they may stand behind each other in the first input."""
    heads, groups = integer(node, "num_heads", 0), integer(node, "kv_num_heads", 0)
    require(known_rank(node.input(0), "query") == 3, "the query has not three dimensions")
    names = [optional_input(node, index) for index in (0, 1, 2)]
    if names[1] is None:
        width = needed(length_of(op, node.inputs[0], 2), "the last dimension of the query")
        require(heads > 0 < groups, "the number of heads is not given")
        size = width // (heads + 2 * groups)
        sizes = [heads * size, groups * size, groups * size]
        require(sum(sizes) == width, "the packed operands have another width")
        names = list(op.split(node.inputs[0], sizes, 2))
    found = [
        split_heads(op, n or "", c) for n, c in zip(names, (heads, groups, groups), strict=True)
    ]
    return found[0], found[1], found[2]


def _angles(op: Ops, node: Node, past: int, new: int) -> Angles:
    """The angles of the new places."""
    without(node, (9, "position_ids"))
    half = needed(length_of(op, node.inputs[7], 1), "the width of the cache")
    rows = [op.slice(t, [past], [past + new], [0]) for t in node.inputs[7:9]]
    cos, sin = (op.unsqueeze(t, [0, 1]) for t in rows)
    return Angles(cos, sin, half, bool(integer(node, "rotary_interleaved", 0)))
