"""onnxruntime's normalizations: with sums before them, without means, and of embeddings."""

import numpy as np

from porting.legalize.ops import Ops
from porting.legalize.rule import decline, known_rank, require, rule
from porting.model.graph import Node
from porting.rules.common import (
    axis_in,
    float_input,
    integer,
    number,
    optional_input,
    wants,
    widened,
)
from porting.rules.heads import length_of, needed
from porting.rules.normalization import centred, standard_deviation

TINY = 1e-12
"""epsilon where a node has none."""


def _layer_norm(op: Ops, x: str, scale: str, bias: str | None, epsilon: float) -> str:
    """LayerNormalization over the last axis, spelled out for opsets that lack it."""
    if op.opset >= 17:
        return op.LayerNormalization(x, scale, bias, axis=-1, epsilon=epsilon)
    dtype = str(op.value(x).dtype)
    rank = known_rank(op.value(x), "the input")
    deviation, _, variance = centred(op, op.cast(x, widened(dtype)), [rank - 1])
    normal = op.cast(op.Div(deviation, standard_deviation(op, variance, epsilon)), dtype)
    scaled = op.Mul(normal, scale)
    return scaled if bias is None else op.Add(scaled, bias)


def _rms_norm(op: Ops, x: str, scale: str, epsilon: float, axis: int) -> tuple[str, str]:
    """X / sqrt(mean(x^2) + epsilon) * scale from an axis on, and that root in a wider type."""
    dtype = str(op.value(x).dtype)
    rank = known_rank(op.value(x), "the input")
    wide = op.cast(x, widened(dtype))
    mean_square = op.reduce("ReduceMean", op.Mul(wide, wide), range(axis, rank))
    root = standard_deviation(op, mean_square, epsilon)
    return op.Mul(op.cast(op.Div(wide, root), dtype), scale), root


@rule("SimplifiedLayerNormalization", exactness="reordered")
def simplified_layer_normalization_to_means(op: Ops, node: Node) -> list[str]:
    """`y` = x / sqrt(mean(x^2) + epsilon) * scale over the last axes; the second output 1 / root.

    onnxruntime writes this operator into ONNX's own domain, which does not have it.

    Source: onnxruntime's contrib operators, SimplifiedLayerNormalization.
    """
    float_input(node)
    rank = known_rank(node.input(0), "the input")
    axis = axis_in(integer(node, "axis", -1), rank)
    require(integer(node, "stash_type", 1) == 1, "statistics are not kept in float32")
    epsilon = number(node, "epsilon", 1e-5)
    result, root = _rms_norm(op, node.inputs[0], node.inputs[1], epsilon, axis)
    if not wants(node, 1):
        return [result]
    return [result, op.cast(op.Div(op.const(1.0, like=root), root), "float32")]


def _sum(op: Ops, node: Node, bias: int) -> str:
    """The input, what skips to here, and the bias."""
    float_input(node)
    require(not wants(node, 1) and not wants(node, 2), "statistics for training are asked for")
    total = op.Add(node.inputs[0], node.inputs[1])
    name = optional_input(node, bias)
    return total if name is None else op.Add(total, name)


@rule("com.microsoft::SkipLayerNormalization", exactness="reordered")
def ms_skip_layer_normalization_to_sum(op: Ops, node: Node) -> list[str]:
    """LayerNormalization of input + skip + bias; the last output is that sum.

    Source: onnxruntime's contrib operators, com.microsoft.SkipLayerNormalization.
    """
    total = _sum(op, node, 4)
    epsilon = number(node, "epsilon", TINY)
    result = _layer_norm(op, total, node.inputs[2], optional_input(node, 3), epsilon)
    return [result, total, total, total]


@rule("com.microsoft::SkipSimplifiedLayerNormalization", exactness="reordered")
def ms_skip_simplified_layer_normalization_to_sum(op: Ops, node: Node) -> list[str]:
    """S / sqrt(mean(s^2) + epsilon) * gamma with s = input + skip + bias, the last output.

    Source: onnxruntime's contrib operators, com.microsoft.SkipSimplifiedLayerNormalization.
    """
    total = _sum(op, node, 3)
    axis = known_rank(op.value(total), "the input") - 1
    result, _ = _rms_norm(op, total, node.inputs[2], number(node, "epsilon", TINY), axis)
    return [result, total, total, total]


@rule("com.microsoft::EmbedLayerNormalization", exactness="reordered")
def ms_embed_layer_normalization_to_gather(op: Ops, node: Node) -> list[str]:
    """LayerNormalization of word + position + segment, each a row of a table.

    The second output is the number of ones in each row of the mask, the third the sum.

    Source: onnxruntime's contrib operators, com.microsoft.EmbedLayerNormalization.
    """
    ids, segments, words, places, kinds, gamma, beta = node.inputs[:7]
    total = op.Gather(words, ids, axis=0)
    given = optional_input(node, 8)
    if given is not None:
        rows = op.Gather(places, given, axis=0)
    else:
        length = needed(length_of(op, ids, 1), "the length of the sequence")
        rows = op.slice(places, [0], [length], [0])
    total = op.Add(total, rows)
    if segments:
        total = op.Add(total, op.Gather(kinds, segments, axis=0))
    result = _layer_norm(op, total, gamma, beta, number(node, "epsilon", TINY))
    counts = _ones(op, node) if wants(node, 1) else result
    return [result, counts, total]


def _ones(op: Ops, node: Node) -> str:
    """How many elements of each row of the mask are 1; zeros where there is no mask."""
    mask = optional_input(node, 7)
    if mask is None:
        batch = needed(length_of(op, node.inputs[0], 0), "the batch")
        return op.const(np.zeros(batch, np.int32))
    if op.value(mask).dtype != "int32":
        decline("the mask is not of int32")
    ones = op.cast(op.Equal(mask, op.const(1, like=mask)), "int32")
    return op.reduce("ReduceSum", ones, [1], keepdims=False)
