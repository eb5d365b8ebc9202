"""Pooling over windows and over all pixels, in terms of each other and of reductions."""

import numpy as np

from porting.legalize.ops import Ops
from porting.legalize.rule import decline, require, rule
from porting.model.graph import Node
from porting.rules.common import (
    HALVES,
    float_input,
    integer,
    product,
    shape_of,
    spatial_rank,
    spatial_shape,
    text,
)
from porting.rules.pool_forms import window_sum
from porting.rules.reductions import reduced_axes
from porting.rules.windows import window


def _spatial_axes(node: Node) -> range:
    return range(2, 2 + spatial_rank(node))


@rule("GlobalAveragePool", exactness="reordered")
def global_average_pool_to_mean(op: Ops, node: Node) -> str:
    """The mean over the spatial axes, which are kept.

    Source: ONNX GlobalAveragePool-1.
    """
    return op.reduce("ReduceMean", node.inputs[0], _spatial_axes(node))


@rule("GlobalAveragePool", exactness="reordered")
def global_average_pool_to_pool(op: Ops, node: Node) -> str:
    """AveragePool with a window as large as the image.

    Source: ONNX GlobalAveragePool-1.
    """
    spatial_rank(node)
    return op.AveragePool(node.inputs[0], kernel_shape=_image(node))


@rule("GlobalMaxPool", exactness="exact")
def global_max_pool_to_max(op: Ops, node: Node) -> str:
    """The maximum over the spatial axes, which are kept.

    Source: ONNX GlobalMaxPool-1. What the maximum with NaN is, ONNX leaves open in both.
    """
    return op.reduce("ReduceMax", node.inputs[0], _spatial_axes(node))


@rule("GlobalMaxPool", exactness="exact")
def global_max_pool_to_pool(op: Ops, node: Node) -> str:
    """MaxPool with a window as large as the image.

    Source: ONNX GlobalMaxPool-1.
    """
    spatial_rank(node)
    return op.MaxPool(node.inputs[0], kernel_shape=_image(node))


def _image(node: Node) -> list[int]:
    sizes = spatial_shape(node.input(0))
    require(product(sizes) > 0, "the image is empty")
    return sizes


@rule("GlobalLpPool", exactness="reordered")
def global_lp_pool_to_norm(op: Ops, node: Node) -> str:
    """ReduceL1 or ReduceL2 over the spatial axes, for p = 1 and p = 2.

    Source: ONNX GlobalLpPool-2.
    """
    p = integer(node, "p")
    require(p in {1, 2}, f"p is {p}")
    return op.reduce(f"ReduceL{p}", node.inputs[0], _spatial_axes(node))


@rule("ReduceMean", exactness="reordered")
def mean_to_global_average_pool(op: Ops, node: Node) -> str:
    """A mean over all spatial axes that keeps them is GlobalAveragePool.

    Source: ONNX GlobalAveragePool-1.
    """
    _require_spatial_reduction(node)
    return op.GlobalAveragePool(node.inputs[0])


@rule("ReduceMax", exactness="exact")
def max_to_global_max_pool(op: Ops, node: Node) -> str:
    """A maximum over all spatial axes that keeps them is GlobalMaxPool.

    Source: ONNX GlobalMaxPool-1. What the maximum with NaN is, ONNX leaves open in both.
    """
    _require_spatial_reduction(node)
    return op.GlobalMaxPool(node.inputs[0])


def _require_spatial_reduction(node: Node) -> None:
    float_input(node)
    spatial = list(_spatial_axes(node))
    require(reduced_axes(node) == spatial, "its axes are not the spatial ones")
    require(bool(integer(node, "keepdims", 1)), "it drops the axes")
    require(0 not in shape_of(node.input(0)), "the input is empty")


@rule("AveragePool", exactness="exact")
def count_include_pad_switched(op: Ops, node: Node) -> list[str]:
    """Without padding count_include_pad has nothing to count, so the other value means the same.

    Source: ONNX AveragePool-7.
    """
    _require_unpadded(node)
    included = integer(node, "count_include_pad", 0)
    return op.copy(node, count_include_pad=None if included else 1)


def _require_unpadded(node: Node) -> None:
    mode = text(node, "auto_pad", "NOTSET")
    require(mode in {"NOTSET", "VALID"}, f"auto_pad is {mode}")
    require(mode == "VALID" or not window(node).is_padded, "it is padded")
    require(not integer(node, "ceil_mode", 0), "ceil_mode is set")


@rule("LpPool", exactness="reordered")
def lp_pool_to_average_pool(op: Ops, node: Node) -> str:
    """`k * mean(|x|)` for p = 1, sqrt(k * mean(x^2)) for p = 2, k the size of the window.

    Padding counts as zeros. In half precision the squares may overflow, so it is left alone.

    Source: ONNX LpPool-2.
    """
    x, dtype, p = node.inputs[0], float_input(node), integer(node, "p")
    require(p in {1, 2}, f"p is {p}")
    require(p == 1 or dtype not in HALVES, "squares overflow in half precision")
    total = window_sum(op, node, op.Abs(x) if p == 1 else op.Mul(x, x))
    return total if p == 1 else op.Sqrt(total)


@rule("AveragePool", exactness="reordered")
def average_pool_to_convolution(op: Ops, node: Node) -> str:
    """A convolution of every channel with a kernel of 1 / k.

    The number of channels must be known, and padding must not be there or count.

    Source: ONNX AveragePool-7, Conv-1.
    """
    dtype, shape = float_input(node), shape_of(node.input(0))
    spatial = window(node)
    if not integer(node, "count_include_pad", 0):
        _require_unpadded(node)
    require(not integer(node, "ceil_mode", 0), "ceil_mode is set")
    channels = shape[1]
    if not isinstance(channels, int):
        decline("the number of channels is not known")
    count = product(spatial.kernel)
    require(channels * count <= 2**20, "the kernel would be large")
    weight = op.const(np.full((channels, 1, *spatial.kernel), 1.0 / count), dtype)
    return op.Conv(
        node.inputs[0],
        weight,
        group=channels,
        kernel_shape=list(spatial.kernel),
        strides=list(spatial.strides),
        pads=list(spatial.pads) if "auto_pad" not in node.attributes else None,
        auto_pad=node.attributes.get("auto_pad"),
        dilations=list(spatial.dilations),
    )
