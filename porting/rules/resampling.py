"""Upsample and Resize, in spellings that mean the same, or as reads and weighted sums."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from porting.legalize.ops import Ops
from porting.legalize.rule import decline, require, rule, static_shape
from porting.model.graph import Node
from porting.rules.common import (
    axis_in,
    float_input,
    integer,
    integers,
    known_rank_of,
    numbers,
    optional_input,
    shape_of,
    text,
    widened,
)
from porting.rules.resize_node import factor, given_scales, given_sizes, listed_axes, read


def _nothing(op: Ops) -> str | None:
    """A roi or scales that are not given, for which opset 11 and 12 want an empty tensor."""
    return None if op.opset >= 13 else op.const(np.zeros(0), "float32")


def _copy(op: Ops, node: Node, target: Sequence[str | None] | None = None, **changes: Any) -> str:
    """The node with other attributes, and with (scales, sizes) as `target` if that is given."""
    inputs: list[str | None] = [optional_input(node, index) for index in range(4)]
    if target is not None:
        inputs[1:] = [None, *target]
    inputs[1:3] = [name or _nothing(op) for name in inputs[1:3]]
    return op.copy(node, inputs, **changes)[0]


@rule("Upsample", exactness="exact", versions=(7, 9))
def upsample_to_resize(op: Ops, node: Node) -> str:
    """Resize that reads position floor(i / scale), or between i / scale and the next for linear.

    Source: ONNX Upsample-9 and -10: coordinates are asymmetric and rounded down.
    """
    mode, scales = text(node, "mode"), numbers(node, "scales")
    name = op.const(scales, "float32") if scales is not None else node.inputs[1]
    require(mode in {"nearest", "linear"}, f"mode is {mode}")
    if op.opset < 11:
        return op.Resize(node.inputs[0], name, mode=mode)
    return op.Resize(
        node.inputs[0],
        _nothing(op),
        name,
        mode=mode,
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor" if mode == "nearest" else None,
    )


@rule("Resize", exactness="exact", versions=(11, 13, 18, 19))
def resize_without_ignored(op: Ops, node: Node) -> str:
    """Attributes and inputs that have no effect, left out.

    nearest_mode matters to nearest only; cubic_coeff_a and exclude_outside to cubic only;
    antialias where an axis shrinks and the mode is not nearest, and with it exclude_outside;
    extrapolation_value and roi
    where a region is cropped; keep_aspect_ratio_policy where sizes are given. An attribute that
    repeats ONNX's default has no effect either.

    Source: ONNX Resize-11 to -19.
    """
    mode, names = text(node, "mode"), set(node.attributes)
    cropping = text(node, "coordinate_transformation_mode") == "tf_crop_and_resize"
    ignored = set()
    if mode != "nearest":
        ignored |= {"nearest_mode"}
    widened_filter = mode != "nearest" and integer(node, "antialias", 0) and _shrinks(node)
    if not widened_filter:
        ignored |= {"antialias"}
    if mode != "cubic":
        ignored |= {"cubic_coeff_a"} if widened_filter else {"cubic_coeff_a", "exclude_outside"}
    if not cropping:
        ignored |= {"extrapolation_value"}
    if optional_input(node, 2) and not optional_input(node, 3):
        ignored |= {"keep_aspect_ratio_policy"}
    defaults = node.info.attributes if node.info is not None else {}
    ignored |= {name for name in names if node.attributes[name] == defaults.get(name)}
    roi = node.input(1)
    drop_roi = roi is not None and roi.shape != (0,) and not cropping
    require(bool(ignored & names) or drop_roi, "every attribute has an effect")
    target = [optional_input(node, index) for index in (2, 3)] if drop_roi else None
    return _copy(op, node, target, **dict.fromkeys(ignored & names))


def _shrinks(node: Node) -> bool:
    shape = shape_of(node.input(0))
    return any(factor(node, axis, shape[axis])[0] < 1 for axis in listed_axes(node))


@rule("Resize", exactness="exact", versions=(18, 19))
def resize_all_axes(op: Ops, node: Node) -> str:
    """Scales or sizes for every axis in place of `axes`.

    Source: ONNX Resize-18: axes that are not named keep their size.
    """
    axes, shape = integers(node, "axes"), shape_of(node.input(0))
    require(axes is not None, "axes is not used")
    policy = text(node, "keep_aspect_ratio_policy", "stretch")
    require(policy == "stretch", "keep_aspect_ratio_policy counts the named axes only")
    require(text(node, "coordinate_transformation_mode") != "tf_crop_and_resize", "it crops")
    named, scales, sizes = listed_axes(node), given_scales(node), given_sizes(node)
    if scales is not None:
        full = np.ones(len(shape), np.float32)
        full[named] = scales
        return _copy(op, node, [op.const(full), None], axes=None, keep_aspect_ratio_policy=None)
    if sizes is None:
        decline("neither scales nor sizes are given")
    whole = np.array([d if isinstance(d, int) else -1 for d in shape], np.int64)
    whole[named] = sizes
    require(bool((whole >= 0).all()), "the size of an axis that is not named is not known")
    return _copy(op, node, [None, op.const(whole)], axes=None, keep_aspect_ratio_policy=None)


@rule("Resize", exactness="exact")
def resize_by_scales(op: Ops, node: Node) -> str:
    """Factors in place of sizes, where size / length gives the size back.

    Source: ONNX Resize-11: without scales they are size / length.
    """
    require(given_sizes(node) is not None, "scales are given already")
    return _resized_by(op, node, by_scales=True)


@rule("Resize", exactness="exact")
def resize_by_sizes(op: Ops, node: Node) -> str:
    """Sizes in place of factors, where the factor is exactly size / length.

    Source: ONNX Resize-11: without scales they are size / length.
    """
    require(given_scales(node) is not None, "sizes are given already")
    return _resized_by(op, node, by_scales=False)


def _resized_by(op: Ops, node: Node, *, by_scales: bool) -> str:
    require(node.info is not None and node.info.since >= 11, "it reads Resize of opset 11 or newer")
    require(text(node, "coordinate_transformation_mode") != "tf_crop_and_resize", "it crops")
    shape = static_shape(node.input(0), "the input")
    found = [factor(node, axis, length) for axis, length in enumerate(shape)]
    for (scale, size), length in zip(found, shape, strict=True):
        assert size is not None
        exact = length > 0 and scale == float(np.float32(size) / np.float32(length))
        back = math.floor(np.float32(length) * np.float32(scale)) == size
        require(exact and back, "size / length is not the factor, or rounds to another size")
    target: list[str | None] = [None, None]
    if by_scales:
        target[0] = op.const([scale for scale, _ in found], "float32")
    else:
        target[1] = op.shape([int(size or 0) for _, size in found])
    return _copy(op, node, target, axes=None, keep_aspect_ratio_policy=None)


def _respelled(op: Ops, node: Node, transformation: str, rounding: str | None) -> str:
    resizing = read(node, probe=rounding is not None)
    require((resizing.mode == "nearest") == (rounding is not None), f"mode is {resizing.mode}")
    written = resizing.transformation, resizing.rounding if rounding else None
    require(written != (transformation, rounding), "it is spelled so already")
    require(resizing.same(transformation, rounding), "other pixels would be read")
    return _copy(op, node, coordinate_transformation_mode=transformation, nearest_mode=rounding)


@rule("Resize", exactness="exact")
def resize_nearest_asymmetric_floor(op: Ops, node: Node) -> str:
    """The same pixels, written as asymmetric and floor.

    For integer factors this is what half_pixel and round_prefer_floor read. Proved for each node
    by computing both maps.

    Source: ONNX Resize-11.
    """
    return _respelled(op, node, "asymmetric", "floor")


@rule("Resize", exactness="exact")
def resize_nearest_half_pixel_floor(op: Ops, node: Node) -> str:
    """The same pixels, written as half_pixel and round_prefer_floor, the defaults.

    Source: ONNX Resize-11; proved for each node by computing both maps.
    """
    return _respelled(op, node, "half_pixel", "round_prefer_floor")


@rule("Resize", exactness="exact")
def resize_nearest_half_pixel_ceil(op: Ops, node: Node) -> str:
    """The same pixels, written as half_pixel and round_prefer_ceil.

    Source: ONNX Resize-11; proved for each node by computing both maps.
    """
    return _respelled(op, node, "half_pixel", "round_prefer_ceil")


@rule("Resize", exactness="exact")
def resize_nearest_align_corners(op: Ops, node: Node) -> str:
    """The same pixels, written as align_corners and round_prefer_ceil.

    Source: ONNX Resize-11; proved for each node by computing both maps.
    """
    return _respelled(op, node, "align_corners", "round_prefer_ceil")


@rule("Resize", exactness="exact")
def resize_smooth_half_pixel(op: Ops, node: Node) -> str:
    """The same pixels and weights of linear or cubic, written as half_pixel.

    pytorch_half_pixel is the same unless an axis becomes 1 long.

    Source: ONNX Resize-11; proved for each node by computing both.
    """
    return _respelled(op, node, "half_pixel", None)


@rule("Resize", exactness="exact")
def resize_smooth_pytorch_half_pixel(op: Ops, node: Node) -> str:
    """The same pixels and weights of linear or cubic, written as pytorch_half_pixel.

    Source: ONNX Resize-11; proved for each node by computing both.
    """
    return _respelled(op, node, "pytorch_half_pixel", None)


@rule("Resize", exactness="exact")
def resize_smooth_align_corners(op: Ops, node: Node) -> str:
    """The same pixels and weights of linear or cubic, written as align_corners.

    Source: ONNX Resize-11; proved for each node by computing both.
    """
    return _respelled(op, node, "align_corners", None)


@rule("Resize", exactness="exact")
def resize_to_gather(op: Ops, node: Node) -> str:
    """Nearest pixels read by constant indices, one Gather per axis.

    Source: ONNX Resize-11.
    """
    resizing = read(node)
    require(resizing.mode == "nearest", f"mode is {resizing.mode}")
    result = node.inputs[0]
    for axis in resizing.axes:
        indices = op.shape(resizing.taps(axis).indices[0].tolist())
        result = op.Gather(result, indices, axis=axis.index)
    return result


@rule("Resize", exactness="reordered")
def resize_to_weighted_gathers(op: Ops, node: Node) -> str:
    """Per axis, the sum of the two (linear) or four (cubic) neighbours times constant weights.

    Source: ONNX Resize-11; interpolation along several axes is separable.
    """
    dtype, resizing = float_input(node), read(node)
    require(resizing.mode != "nearest", "mode is nearest")
    rank = known_rank_of(op, node.inputs[0])
    wide = widened(dtype)
    result = op.cast(node.inputs[0], wide)
    for axis in resizing.axes:
        taps = resizing.taps(axis)
        terms = []
        for indices, weights in zip(taps.indices, taps.weights, strict=True):
            picked = op.Gather(result, op.shape(indices.tolist()), axis=axis.index)
            column = weights.reshape(-1, *[1] * (rank - axis.index - 1))
            terms.append(op.Mul(picked, op.const(column, wide)))
        result = terms[0]
        for term in terms[1:]:
            result = op.Add(result, term)
    return op.cast(result, dtype)


@rule("Resize", exactness="conditional")
def resize_to_matmul(op: Ops, node: Node) -> str:
    """Per axis, a product with a constant matrix of interpolation weights.

    Unless an element is infinite or NaN: it would reach its whole row, because 0 * inf is NaN.

    Source: ONNX Resize-11; interpolation along several axes is separable.
    """
    dtype, resizing = float_input(node), read(node)
    rank = known_rank_of(op, node.inputs[0])
    wide = widened(dtype)
    result = op.cast(node.inputs[0], wide)
    for axis in resizing.axes:
        require(axis.length * axis.size <= 2**22, "the matrix would be large")
        matrix = resizing.taps(axis).matrix(axis.length)
        index = axis_in(axis.index, rank)
        if index == rank - 1:
            result = op.MatMul(result, op.const(np.ascontiguousarray(matrix.T), wide))
        elif index == rank - 2:
            result = op.MatMul(op.const(matrix, wide), result)
        else:
            perm = [*(i for i in range(rank) if i != index), index]
            moved = op.MatMul(
                op.transpose(result, perm), op.const(np.ascontiguousarray(matrix.T), wide)
            )
            result = op.transpose(moved, [perm.index(i) for i in range(rank)])
    return op.cast(result, dtype)


@rule("Resize", exactness="exact")
def resize_to_transposed_convolution(op: Ops, node: Node) -> str:
    """Nearest with integer factors: a transposed convolution of each channel with ones.

    Every product is by 1, and no two of them are added.

    Source: ONNX Resize-11, ConvTranspose-1.
    """
    dtype, resizing = float_input(node), read(node)
    shape = shape_of(node.input(0))
    require(resizing.mode == "nearest", f"mode is {resizing.mode}")
    require(len(shape) >= 3, "the input has no spatial axes")
    channels, factors = shape[1], [1] * (len(shape) - 2)
    if not isinstance(channels, int):
        decline("the number of channels is not known")
    for axis in resizing.axes:
        times = axis.size // axis.length
        repeated = np.arange(axis.size) // max(times, 1)
        require(axis.index >= 2, "batch or channels change")
        require(
            axis.size == times * axis.length
            and np.array_equal(resizing.taps(axis).indices[0], repeated),
            "the pixels are not repeated a whole number of times",
        )
        factors[axis.index - 2] = times
    kernel = op.const(np.ones((channels, 1, *factors)), dtype)
    return op.ConvTranspose(
        node.inputs[0], kernel, group=channels, kernel_shape=factors, strides=factors
    )
