"""InstanceNormalization and GroupNormalization: statistics per image and channel, or group.

Both sum in float32 where the input is half precision; see `normalization`.
"""

from porting.legalize.ops import Ops
from porting.legalize.rule import known_rank, require, rule
from porting.model.dtypes import NAME_OF
from porting.model.graph import Node
from porting.rules.common import (
    along_channels,
    float_input,
    integer,
    number,
    restore_shape,
    widened,
)
from porting.rules.normalization import centred, standard_deviation


@rule("InstanceNormalization", exactness="reordered")
def instance_normalization_to_means(op: Ops, node: Node) -> str:
    """`y` = (x - mean) / sqrt(mean((x - mean)^2) + epsilon) * scale + bias over spatial axes.

    Source: ONNX InstanceNormalization-6; Ulyanov et al., arXiv 1607.08022.
    """
    x, dtype = node.inputs[0], float_input(node)
    rank = known_rank(node.input(0), "the input")
    require(rank >= 3, "the input has no spatial axes")
    wide = op.cast(x, widened(dtype))
    deviation, _, variance = centred(op, wide, range(2, rank))
    normal = op.Div(deviation, standard_deviation(op, variance, number(node, "epsilon")))
    scaled = op.Mul(op.cast(normal, dtype), along_channels(op, node, 1, rank))
    return op.Add(scaled, along_channels(op, node, 2, rank))


@rule("InstanceNormalization", exactness="reordered", since=17)
def instance_normalization_to_layer_normalization(op: Ops, node: Node) -> str:
    """Layer normalization of `[N, C, pixels]` over the pixels, then scale and bias per channel.

    Source: ONNX InstanceNormalization-6, LayerNormalization-17: the same formula.
    """
    x, dtype = node.inputs[0], float_input(node)
    rank = known_rank(node.input(0), "the input")
    require(rank >= 3, "the input has no spatial axes")
    flat = op.reshape(x, [0, 0, -1])
    length = op.value(flat).shape
    require(length is not None and isinstance(length[2], int), "the number of pixels is not known")
    assert length is not None
    ones = op.const([1.0] * int(length[2] or 0), dtype)
    normal = op.LayerNormalization(flat, ones, axis=2, epsilon=number(node, "epsilon"))
    scaled = op.Mul(restore_shape(op, normal, x), along_channels(op, node, 1, rank))
    return op.Add(scaled, along_channels(op, node, 2, rank))


@rule("GroupNormalization", exactness="reordered")
def group_normalization_to_instance_normalization(op: Ops, node: Node) -> str:
    """Instance normalization of `[N, groups, rest]`.

    Scale and bias are one per group at opset 18, where they go into the instance normalization,
    and one per channel from opset 21 on, where they follow it.

    Source: ONNX GroupNormalization-18 and -21; Wu and He, arXiv 1803.08494.
    """
    x, (dtype, rank, groups) = node.inputs[0], _group_input(node)
    flat = op.reshape(op.cast(x, _wide(node, dtype)), [0, groups, -1])
    wide = op.value(flat).dtype
    epsilon = number(node, "epsilon")
    if _per_group(node):
        scale, bias = (op.cast(i, wide or dtype) for i in node.inputs[1:3])
        normal = op.InstanceNormalization(flat, scale, bias, epsilon=epsilon)
        return restore_shape(op, op.cast(normal, dtype), x)
    ones, zeros = op.const([1.0] * groups, wide), op.const([0.0] * groups, wide)
    normal = op.InstanceNormalization(flat, ones, zeros, epsilon=epsilon)
    return _per_channel(op, node, restore_shape(op, op.cast(normal, dtype), x), rank)


@rule("GroupNormalization", exactness="reordered")
def group_normalization_to_means(op: Ops, node: Node) -> str:
    """(x - mean) / sqrt(variance + epsilon) over each group of channels, then scale and bias.

    Source: the function bodies of ONNX GroupNormalization-18 and -21, in two passes.
    """
    x, (dtype, rank, groups) = node.inputs[0], _group_input(node)
    flat = op.reshape(op.cast(x, _wide(node, dtype)), [0, groups, -1])
    deviation, _, variance = centred(op, flat, [2])
    spread = standard_deviation(op, variance, number(node, "epsilon"))
    normal = op.cast(op.Div(deviation, spread), dtype)
    if _per_group(node):
        scaled = op.Mul(normal, along_channels(op, node, 1, 3))
        return restore_shape(op, op.Add(scaled, along_channels(op, node, 2, 3)), x)
    return _per_channel(op, node, restore_shape(op, normal, x), rank)


def _group_input(node: Node) -> tuple[str, int, int]:
    dtype, rank = float_input(node), known_rank(node.input(0), "the input")
    require(rank >= 3, "the input has no spatial axes")
    groups = integer(node, "num_groups")
    require(groups > 0, "num_groups is not positive")
    return dtype, rank, groups


def _wide(node: Node, dtype: str) -> str:
    stash = NAME_OF.get(integer(node, "stash_type", 1))
    return "float64" if "float64" in {stash, dtype} else widened(dtype)


def _per_group(node: Node) -> bool:
    return node.info is not None and node.info.since < 21


def _per_channel(op: Ops, node: Node, x: str, rank: int) -> str:
    scaled = op.Mul(x, along_channels(op, node, 1, rank))
    return op.Add(scaled, along_channels(op, node, 2, rank))
