"""ONNX's Attention as products and a softmax."""

from collections.abc import Sequence

import numpy as np

from porting.legalize.ops import Ops
from porting.legalize.rule import decline, known_dtype, known_rank, require, rule
from porting.model.dtypes import NAME_OF
from porting.model.graph import Node
from porting.model.value import Array
from porting.rules.common import integer, number, optional_input
from porting.rules.heads import (
    LARGEST_MASK,
    Attended,
    Bias,
    Reach,
    attend,
    bias_sum,
    length_of,
    merge_heads,
    needed,
    split_heads,
    visible,
)

VERSIONS = (23, 24, 25)


def attention(op: Ops, node: Node) -> Sequence[str]:
    """The outputs of an Attention node: `attention_to_matmul` has the mathematics."""
    query, key, value, turned = _operands(op, node)
    found = _attended(op, node, query, key, turned, value)
    result = merge_heads(op, found.result) if _is_flat(node) else found.result
    mode = integer(node, "qk_matmul_output_mode", 0)
    require(mode in range(4), f"ONNX defines no qk_matmul_output_mode {mode}")
    return [result, key, value, found.stages[mode]]


@rule("Attention", exactness="reordered", versions=VERSIONS)
def attention_to_matmul(op: Ops, node: Node) -> Sequence[str]:
    """Y = Softmax(softcap(scale Q K^T) + bias) V, with zeros for rows that attend nothing.

    Query heads that share keys are multiplied with them as the rows of one matrix. The bias is 0
    or -inf by position (padding, causality, windows) and by a boolean mask, plus a mask of
    numbers; what of it is known becomes a constant of at most 2^20 elements. The keys and values
    of the past stand before the new ones.

    Source: ONNX Attention-25; Vaswani et al., arXiv 1706.03762; Ainslie et al., arXiv 2305.13245.
    """
    return attention(op, node)


def _is_flat(node: Node) -> bool:
    return known_rank(node.input(0), "Q") == 3


def _operands(op: Ops, node: Node) -> tuple[str, str, str, str]:
    """Queries, keys and values by head, and the keys turned; what is not read is not alive."""
    query, key, value = node.inputs[:3]
    past = optional_input(node, 4), optional_input(node, 5)
    require((past[0] is None) == (past[1] is None), "only one of past_key and past_value is given")
    turned = ""
    if _is_flat(node):
        count, groups = integer(node, "q_num_heads", 0), integer(node, "kv_num_heads", 0)
        flat_key = key
        query, key, value = (
            split_heads(op, x, n) for x, n in ((query, count), (key, groups), (value, groups))
        )
        if past[0] is None:
            turned = split_heads(op, flat_key, groups, (0, 2, 3, 1))
    if past[0] is not None and past[1] is not None:
        key = op.Concat(past[0], key, axis=2)
        value = op.Concat(past[1], value, axis=2)
    return query, key, value, turned or op.transpose(key, [0, 1, 3, 2])


def _attended(op: Ops, node: Node, query: str, key: str, turned: str, value: str) -> Attended:
    size = needed(length_of(op, query, 3), "the size of a head")
    scale = number(node, "scale", 1 / np.sqrt(size))
    require(scale > 0, "the scale is not positive")
    precision = NAME_OF.get(integer(node, "softmax_precision", 0), "")
    softcap = number(node, "softcap", 0.0)
    bias = _bias(op, node, query, key)
    return attend(
        op, query, turned, value, scale=scale, bias=bias, softcap=softcap, precision=precision
    )


def _bias(op: Ops, node: Node, query: str, key: str) -> Bias | None:
    """What is added to the scores; None where there is nothing."""
    dtype = known_dtype(op.value(query), "Q")
    positions = _by_position(op, node, query, key)
    mask = _whole_mask(op, node, key)
    return bias_sum(
        op, [positions, mask], dtype, guarded=mask is not None or not _always_some(node)
    )


def _always_some(node: Node) -> bool:
    """Whether every query attends the first key, whatever the lengths: causality alone."""
    unlimited = integer(node, "left_window_size", -1) < 0
    return unlimited and optional_input(node, 6) is None


def _by_position(op: Ops, node: Node, query: str, key: str) -> Array | str | None:
    """Padding, causality and windows: a mask that is known, one computed, or none at all."""
    left, right = (integer(node, n, -1) for n in ("left_window_size", "right_window_size"))
    reach = Reach(left, 0 if integer(node, "is_causal", 0) else right)
    lengths, past = optional_input(node, 6), optional_input(node, 4)
    return visible(op, reach, query, key, past, lengths)


def _whole_mask(op: Ops, node: Node, key: str) -> Array | str | None:
    """The mask, as long as the keys; from opset 24 on it may be shorter."""
    name = optional_input(node, 3)
    if name is None:
        return None
    rank = known_rank(op.value(name), "attn_mask")
    missing = 0
    if node.info is not None and node.info.since >= 24:
        own, total = length_of(op, name, rank - 1), length_of(op, key, 2)
        if own is None or total is None:
            decline("the length of attn_mask or of the keys is not known")
        missing = total - own
    is_bool = op.value(name).dtype == "bool"
    content = node.const(3, LARGEST_MASK)
    pads = [0] * (2 * rank)
    pads[-1] = missing
    if content is not None:
        fill = False if is_bool else -np.inf
        return np.pad(content, [(0, p) for p in pads[rank:]], constant_values=fill)
    if not missing:
        return name
    if is_bool:
        return op.cast(op.pad(op.cast(name, "float32"), pads), "bool")
    return op.pad(name, pads, float("-inf"))
