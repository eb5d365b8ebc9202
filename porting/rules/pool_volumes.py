"""Pools over volumes as pools over images."""

from porting.legalize.ops import Ops
from porting.legalize.rule import require, rule, static_shape
from porting.model.graph import Node
from porting.rules.common import float_input, integer, product, spatial_rank, wants
from porting.rules.pool_forms import plain_window

POOLS = ("MaxPool", "AveragePool", "LpPool")


@rule(*POOLS, exactness="reordered")
def pool_of_volumes_to_images(op: Ops, node: Node) -> str:
    """A pool over each plane of a volume, and one along the depth over what that gives.

    A maximum, a sum and a number of pixels in a box are those of its lines along the depth, taken
    together over the plane, with padding, dilations and strides for each axis alone.

    Source: ONNX MaxPool-8, AveragePool-7, LpPool-2.
    """
    require(not wants(node, 1), "the places of the maxima are asked for")
    require(spatial_rank(node) == 3, "it does not pool volumes")
    float_input(node)
    ceil = bool(integer(node, "ceil_mode", 0))
    require(node.op_type == "MaxPool" or not ceil, "ceil_mode is set")
    spatial = plain_window(node)
    dilated = set(spatial.dilations) != {1}
    left_out = node.op_type == "AveragePool" and not integer(node, "count_include_pad", 0)
    open_choice = dilated and left_out and spatial.is_padded
    require(not open_choice, "runtimes count padding of dilated windows differently")
    batch, channels, depth, *image = static_shape(node.input(0), "the input")
    require(product([batch, channels, depth, *image]) > 0, "the input is empty")
    planes = op.reshape(node.inputs[0], [batch, channels * depth, *image])

    def pooled(x: str, axes: tuple[int | None, ...]) -> str:
        """The node on an image whose axes are those of the volume; None is one left alone."""

        def of(values: tuple[int, ...], idle: int) -> list[int]:
            return [idle if a is None else values[a] for a in axes]

        return op.copy(
            node,
            [x],
            auto_pad=None,
            kernel_shape=of(spatial.kernel, 1),
            strides=of(spatial.strides, 1),
            dilations=of(spatial.dilations, 1) if dilated else None,
            pads=[*of(spatial.pads[:3], 0), *of(spatial.pads[3:], 0)],
        )[0]

    flat = pooled(planes, (1, 2))
    _, _, *small = static_shape(op.value(flat), "the pooled planes")
    lines = op.reshape(flat, [batch, channels, depth, product(small)])
    result = pooled(lines, (0, None))
    deep = static_shape(op.value(result), "the result")[2]
    return op.reshape(result, [batch, channels, deep, *small])
