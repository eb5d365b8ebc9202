"""Pools with ceil_mode, dilations, uncounted padding or large windows, by pools without."""

from itertools import product as every

import numpy as np

from porting.legalize.ops import Ops
from porting.legalize.rule import known_dtype, require, rule
from porting.model.dtypes import FLOATS
from porting.model.graph import Node
from porting.rules.common import (
    HALVES,
    float_input,
    integer,
    product,
    spatial_rank,
    spatial_shape,
    text,
    wants,
)
from porting.rules.windows import Window, window

MOST_SLICES = 32


@rule("MaxPool", exactness="exact")
def max_pool_places_by_columns(op: Ops, node: Node) -> list[str]:
    """Places with the last axis running slowest, from those with it running fastest.

    A place within its channel is taken apart by the sizes from the back, and put together again
    by those from the front.

    Source: ONNX MaxPool-8: storage_order.
    """
    require(bool(integer(node, "storage_order", 0)), "storage_order is not set")
    value, places = op.copy(node, storage_order=None)
    sizes = spatial_shape(node.input(0))
    require(min(sizes) > 0, "the image is empty")
    if len(sizes) == 1 or not wants(node, 1):
        return [value, places]

    def whole(number: int) -> str:
        return op.const(number, "int64")

    channel = op.Div(places, whole(product(sizes)))
    result = op.Mul(channel, whole(product(sizes)))
    rest = op.Sub(places, result)
    for axis in reversed(range(len(sizes))):
        above = op.Div(rest, whole(sizes[axis])) if axis else None
        step = op.Sub(rest, op.Mul(above, whole(sizes[axis]))) if above else rest
        result = op.Add(result, op.Mul(step, whole(product(sizes[:axis]))))
        rest = above or rest
    return [value, result]


def plain_window(node: Node) -> Window:
    """The window of a pool whose pads are written."""
    mode = text(node, "auto_pad", "NOTSET")
    spatial = window(node)
    require(mode == "NOTSET" or (mode == "VALID" and not spatial.is_padded), f"auto_pad is {mode}")
    return spatial


def window_sum(op: Ops, node: Node, x: str) -> str:
    """The sum of `x` over each window of a pool: as many times the mean, padding as zeros."""
    require(not integer(node, "ceil_mode", 0), "ceil_mode is set")
    spatial = plain_window(node)
    mean = op.AveragePool(
        x,
        kernel_shape=list(spatial.kernel),
        strides=list(spatial.strides),
        pads=list(spatial.pads),
        dilations=None if set(spatial.dilations) == {1} else list(spatial.dilations),
        count_include_pad=1,
    )
    return op.Mul(mean, op.const(float(product(spatial.kernel)), like=x))


def window_counts(node: Node, spatial: Window) -> list[int]:
    """How many windows fit along each axis, with ceil_mode as it is set.

    With ceil_mode a last window that would begin in the padding at the end does not count.
    """
    found = []
    count = len(spatial.kernel)
    for axis, size in enumerate(spatial_shape(node.input(0))):
        before, after = spatial.pads[axis], spatial.pads[axis + count]
        room = size + before + after - spatial.extents[axis]
        require(room >= 0, "the window is larger than the image")
        stride = spatial.strides[axis]
        if integer(node, "ceil_mode", 0):
            windows = -(-room // stride) + 1
            windows -= (windows - 1) * stride >= size + before
        else:
            windows = room // stride + 1
        found.append(windows)
    return found


def window_ends(node: Node, spatial: Window) -> list[int]:
    """The padding at the ends with which the same windows fit without ceil_mode."""
    sizes = spatial_shape(node.input(0))
    return [
        (windows - 1) * spatial.strides[axis]
        + spatial.extents[axis]
        - sizes[axis]
        - spatial.pads[axis]
        for axis, windows in enumerate(window_counts(node, spatial))
    ]


@rule("MaxPool", "AveragePool", exactness="exact")
def ceil_mode_without_effect(op: Ops, node: Node) -> list[str]:
    """ceil_mode=0, where the windows fit the image without a rest.

    Source: ONNX MaxPool-10, AveragePool-10.
    """
    require(bool(integer(node, "ceil_mode", 0)), "ceil_mode is not set")
    spatial = plain_window(node)
    rests = [e - p for e, p in zip(window_ends(node, spatial), spatial.pads[len(spatial.kernel) :],
                                   strict=True)]  # fmt: skip
    require(max(rests) <= 0, "the last window reaches beyond the padding")
    return op.copy(node, ceil_mode=None)


@rule("MaxPool", exactness="exact")
def max_pool_ceil_mode_to_pads(op: Ops, node: Node) -> list[str]:
    """More padding at the ends, so that the last window fits without ceil_mode.

    What is padded is never the maximum.

    Source: ONNX MaxPool-10.
    """
    require(bool(integer(node, "ceil_mode", 0)), "ceil_mode is not set")
    spatial = plain_window(node)
    before, ends = spatial.pads[: len(spatial.kernel)], window_ends(node, spatial)
    within = all(0 <= e < k for e, k in zip(ends, spatial.kernel, strict=True))
    require(within, "a pad would be as large as the window, or negative")
    return op.copy(node, ceil_mode=None, auto_pad=None, pads=[*before, *ends])


@rule("AveragePool", exactness="reordered")
def average_pool_ceil_mode_to_pads(op: Ops, node: Node) -> str:
    """More padding at the ends, all of it counted, times the window's size / what counts.

    The factors are constants: each window counts its pixels, and its padding where
    count_include_pad says so, but never what ceil_mode adds.

    Source: ONNX AveragePool-10 and -19.
    """
    spatial, sizes = plain_window(node), spatial_shape(node.input(0))
    counted, dtype = bool(integer(node, "count_include_pad", 0)), float_input(node)
    require(bool(integer(node, "ceil_mode", 0)), "ceil_mode is not set")
    dilated = set(spatial.dilations) != {1}
    open_choice = dilated and spatial.is_padded
    require(not open_choice, "runtimes count padding of dilated windows differently")
    rank, ends = len(spatial.kernel), window_ends(node, spatial)
    windows = window_counts(node, spatial)
    require(min(ends) >= 0, "the windows do not reach the end of the image")
    within = all(e < k for e, k in zip(ends, spatial.kernel, strict=True))
    require(within, "a pad would be as large as the window")
    share = np.ones(())
    for axis in range(rank):
        low, high = 0, sizes[axis]
        if counted:
            low, high = -spatial.pads[axis], high + spatial.pads[axis + rank]
        first = np.arange(windows[axis]) * spatial.strides[axis] - spatial.pads[axis]
        at = first[:, np.newaxis] + np.arange(spatial.kernel[axis]) * spatial.dilations[axis]
        counts = ((at >= low) & (at < high)).sum(axis=1)
        share = share[..., np.newaxis] * (spatial.kernel[axis] / counts)
    mean = op.AveragePool(
        node.inputs[0],
        kernel_shape=list(spatial.kernel),
        strides=list(spatial.strides),
        pads=[*spatial.pads[:rank], *ends],
        dilations=list(spatial.dilations) if dilated else None,
        count_include_pad=1,
    )
    return op.Mul(mean, op.const(share, dtype)) if (share != 1).any() else mean


@rule("MaxPool", exactness="exact")
def max_pool_to_slices(op: Ops, node: Node) -> str:
    """The maximum of one strided Slice per place in the window, after padding with -inf.

    Source: ONNX MaxPool-8; what the maximum with NaN is, ONNX leaves open.
    """
    require(not wants(node, 1), "the places of the maxima are asked for")
    spatial, rank = plain_window(node), spatial_rank(node)
    dtype = known_dtype(node.input(0), "the input")
    require(dtype in FLOATS, f"elements are {dtype}")
    require(product(spatial.kernel) <= MOST_SLICES, f"the window has more than {MOST_SLICES}")
    require(op.opset >= 10, "Slice has no steps below opset 10")
    windows, ends = window_counts(node, spatial), window_ends(node, spatial)
    before = spatial.pads[:rank]
    pads = [0, 0, *before, 0, 0, *(max(e, 0) for e in ends)]
    padded = op.pad(node.inputs[0], pads, -np.inf) if any(pads) else node.inputs[0]
    axes, steps = op.shape(range(2, 2 + rank)), op.shape(spatial.strides)
    result = ""
    for place in every(*(range(k) for k in spatial.kernel)):
        starts = [p * d for p, d in zip(place, spatial.dilations, strict=True)]
        reach = [
            s + (n - 1) * stride + 1
            for s, n, stride in zip(starts, windows, spatial.strides, strict=True)
        ]
        part = op.Slice(padded, op.shape(starts), op.shape(reach), axes, steps)
        result = op.Max(result, part) if result else part
    return result


@rule("MaxPool", exactness="exact")
def max_pool_one_axis_at_a_time(op: Ops, node: Node) -> str:
    """The maximum over a box is that over its rows, and then over the columns of those.

    Source: ONNX MaxPool-8.
    """
    require(not wants(node, 1), "the places of the maxima are asked for")
    spatial, rank = plain_window(node), spatial_rank(node)
    ceil = integer(node, "ceil_mode", 0) or None
    moving = [axis for axis in range(rank) if spatial.kernel[axis] > 1 or spatial.strides[axis] > 1]
    require(len(moving) > 1, "it pools along one axis")
    result = node.inputs[0]
    for axis in moving:

        def only(values: tuple[int, ...], idle: int, axis: int = axis) -> list[int]:
            return [v if i % rank == axis else idle for i, v in enumerate(values)]

        dilations = None if set(spatial.dilations) == {1} else only(spatial.dilations, 1)
        result = op.MaxPool(
            result,
            kernel_shape=only(spatial.kernel, 1),
            strides=only(spatial.strides, 1),
            pads=only(spatial.pads, 0),
            dilations=dilations,
            ceil_mode=ceil,
        )
    return result


@rule("MaxPool", exactness="exact")
def max_pool_to_cascade(op: Ops, node: Node) -> str:
    """A large window of stride 1 as smaller ones one after the other: a + b - 1 reach as a and b.

    The padding is split among them; windows of 2 and 3 make any larger one.

    Source: ONNX MaxPool-8.
    """
    require(not wants(node, 1), "the places of the maxima are asked for")
    spatial = plain_window(node)
    require(set(spatial.strides) == {1} == set(spatial.dilations), "it has strides or dilations")
    rank, size = len(spatial.kernel), spatial.kernel[0]
    even = {*spatial.pads} == {size // 2}
    require(set(spatial.kernel) == {size} and size % 2 == 1 and even, "the window is not centred")
    require(3 < size <= 63, "the window is small already, or very large")
    result = node.inputs[0]
    for _ in range(size // 2):
        result = op.MaxPool(
            result, kernel_shape=[3] * rank, strides=[1] * rank, pads=[1] * (2 * rank)
        )
    return result


@rule("AveragePool", exactness="reordered")
def average_pool_in_two(op: Ops, node: Node) -> str:
    """A window without overlap as two poolings, by a factor of it and by what remains.

    The mean over a box is the mean over the means of equal parts of it.

    Source: ONNX AveragePool-7.
    """
    float_input(node)
    spatial = plain_window(node)
    require(spatial.kernel == spatial.strides and not spatial.is_padded, "windows overlap or pad")
    require(set(spatial.dilations) == {1} and not integer(node, "ceil_mode", 0), "it is dilated")
    first = [_factor(k) for k in spatial.kernel]
    rest = [k // f for k, f in zip(spatial.kernel, first, strict=True)]
    require(product(first) > 1 < product(rest), "the sizes of the window have no factors")
    inner = op.AveragePool(node.inputs[0], kernel_shape=first, strides=first)
    return op.AveragePool(inner, kernel_shape=rest, strides=rest)


def _factor(size: int) -> int:
    """The smallest prime factor, or 1 where the number is prime itself."""
    return next((f for f in range(2, size) if size % f == 0), 1)


@rule("LpPool", exactness="reordered")
def lp_pool_of_any_p(op: Ops, node: Node) -> str:
    """(k * mean(|x|^p))^(1/p), k the size of the window; padding counts as zeros.

    Source: ONNX LpPool-2.
    """
    x, dtype, p = node.inputs[0], float_input(node), integer(node, "p")
    require(p > 2, "p has a rule of its own")
    require(dtype not in HALVES, "powers overflow in half precision")
    total = window_sum(op, node, op.Pow(op.Abs(x), op.const(float(p), dtype)))
    return op.Pow(total, op.const(1.0 / p, dtype))


@rule("GlobalLpPool", exactness="reordered")
def global_lp_pool_of_any_p(op: Ops, node: Node) -> str:
    """sum(|x|^p)^(1/p) over the spatial axes, which are kept.

    Source: ONNX GlobalLpPool-2.
    """
    dtype, p = float_input(node), integer(node, "p")
    require(p > 2, "p has a rule of its own")
    require(dtype not in HALVES, "powers overflow in half precision")
    powers = op.Pow(op.Abs(node.inputs[0]), op.const(float(p), dtype))
    total = op.reduce("ReduceSum", powers, range(2, 2 + spatial_rank(node)))
    return op.Pow(total, op.const(1.0 / p, dtype))


@rule("MaxPool", "AveragePool", "LpPool", exactness="exact")
def pool_of_lines_to_images(op: Ops, node: Node) -> str:
    """A pool along one axis as one over images of height 1.

    Source: ONNX MaxPool-8, AveragePool-7, LpPool-2.
    """
    require(not wants(node, 1), "the places of the maxima are asked for")
    require(spatial_rank(node) == 1, "it does not pool lines")
    changes: dict[str, list[int]] = {}
    for name, idle in (("kernel_shape", 1), ("strides", 1), ("dilations", 1), ("pads", 0)):
        given = node.attributes.get(name)
        if isinstance(given, tuple):
            halves = [given[:1], given[1:]] if name == "pads" else [given]
            changes[name] = [int(v) for half in halves for v in (idle, *half)]
    image = op.unsqueeze(node.inputs[0], [2])
    pooled = op.copy(node, [image], **changes)[0]
    return op.squeeze(pooled, [2])
