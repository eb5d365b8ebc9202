"""Regions of interest and deformed convolutions, as products and as GridSample."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from porting.legalize.ops import Ops
from porting.legalize.rule import require, rule, static_shape
from porting.model.graph import Node
from porting.model.value import Array
from porting.rules.common import (
    float_input,
    integer,
    integers,
    number,
    optional_input,
    product,
    text,
    widened,
)
from porting.rules.indices import require_moderate


@dataclass(frozen=True, slots=True)
class Regions:
    """What a RoiAlign node averages.

    Attributes:
        count: How many regions there are.
        shape: Of the image, batch and channels included.
        bins: Rows and columns of the result.
        samples: Per bin and axis; 0 where each region has its own number.
        scale: By which corners are multiplied.
        offset: Taken from corners; where it is 0 a region is at least 1 wide.
    """

    count: int
    shape: tuple[int, ...]
    bins: tuple[int, int]
    samples: int
    scale: float
    offset: float


def _regions(node: Node) -> Regions:
    require(text(node, "mode", "avg") == "avg", "runtimes differ on the maximum of a bin")
    count, _ = static_shape(node.input(1), "the regions")
    half = text(node, "coordinate_transformation_mode", "output_half_pixel") == "half_pixel"
    shape = static_shape(node.input(0), "the image")
    require(count > 0 and 0 not in shape, "there are no regions, or the image is empty")
    bins = integer(node, "output_height", 1), integer(node, "output_width", 1)
    samples = integer(node, "sampling_ratio", 0)
    scale = number(node, "spatial_scale", 1.0)
    return Regions(count, shape, bins, samples, scale, 0.5 if half else 0.0)


def _positions(op: Ops, node: Node, r: Regions, axis: int, dtype: str) -> str:
    """`[count, bins * samples]`: where the samples of every region lie along an axis."""
    require(r.samples > 0, "each region has its own number of samples")
    corners = op.cast(node.inputs[1], dtype)
    first, last = (op.slice(corners, [i], [i + 1], [1]) for i in (1 - axis, 3 - axis))
    if r.scale != 1:
        first, last = (op.Mul(c, op.const(r.scale, dtype)) for c in (first, last))
    size = op.Sub(last, first)
    if r.offset:
        first = op.Sub(first, op.const(r.offset, dtype))
    else:
        size = op.Max(size, op.const(1.0, dtype))
    steps = r.bins[axis] * r.samples
    shares = (np.arange(steps) + 0.5) / steps
    return op.Add(op.Mul(size, op.const(shares.reshape(1, -1), dtype)), first)


def _inside(op: Ops, at: str, size: int) -> str:
    """Whether samples count: those farther than a pixel from the image are 0."""
    below, above = op.Less(at, op.const(-1.0, like=at)), op.Greater(at, op.const(size, like=at))
    return op.Not(op.Or(below, above))


@rule("RoiAlign", exactness="conditional", versions=(10, 16, 22))
def roi_align_to_matmul(op: Ops, node: Node) -> str:
    """Per region a product with the weights of its rows, and one with those of its columns.

    A sample weighs pixels by 1 - their distance, down to 0; a bin is the mean of its samples.
    The weights are constants where the regions are, else computed.

    Unless an element is infinite or NaN: it would reach the whole region, because 0 * inf is NaN.

    Source: ONNX RoiAlign-16.
    """
    dtype, r = float_input(node), _regions(node)
    wide = widened(dtype)
    require_moderate(r.count * max(r.bins[0] * r.shape[2], r.bins[1] * r.shape[3]))
    corners = node.const(1)
    weights = []
    for axis in (0, 1):
        if corners is not None:
            known = np.stack([_known_weights(r, corner, axis) for corner in corners])
            weights.append(op.const(known if axis == 0 else known.transpose(0, 2, 1), wide))
        else:
            found = _computed_weights(op, node, r, axis, wide)
            weights.append(found if axis == 0 else op.transpose(found, [0, 2, 1]))
    rows, columns = (op.unsqueeze(w, [1]) for w in weights)
    images = op.cast(op.Gather(node.inputs[0], node.inputs[2], axis=0), wide)
    return op.cast(op.MatMul(op.MatMul(rows, images), columns), dtype)


def _known_weights(r: Regions, corner: Array, axis: int) -> npt.NDArray[np.float64]:
    """`[bins, size]` for one region, in float32 up to the positions."""
    size, scale = r.shape[2 + axis], np.float32(r.scale)
    first, last = (
        np.float32(corner[i]) * scale - np.float32(r.offset) for i in (1 - axis, 3 - axis)
    )
    length = last - first if r.offset else max(last - first, np.float32(1))
    samples = r.samples or max(int(np.ceil(length / r.bins[axis])), 1)
    steps = r.bins[axis] * samples
    at = first + (np.arange(steps) + 0.5) / steps * float(length)
    held = np.clip(at, 0, size - 1)[:, np.newaxis]
    weights = np.maximum(1 - np.abs(held - np.arange(size)), 0)
    weights[(at < -1) | (at > size)] = 0
    return np.asarray(weights.reshape(r.bins[axis], samples, size).mean(axis=1))


def _computed_weights(op: Ops, node: Node, r: Regions, axis: int, dtype: str) -> str:
    size = r.shape[2 + axis]
    at = _positions(op, node, r, axis, dtype)
    held = op.unsqueeze(op.clip(at, 0.0, size - 1.0), [2])
    distance = op.Abs(op.Sub(held, op.const(np.arange(size), dtype)))
    weights = op.Relu(op.Sub(op.const(1.0, dtype), distance))
    counted = op.unsqueeze(_inside(op, at, size), [2])
    weights = op.Where(counted, weights, op.const(0.0, dtype))
    if r.samples == 1:
        return weights
    bins = op.reshape(weights, [r.count, r.bins[axis], r.samples, size])
    return op.reduce("ReduceMean", bins, [2], keepdims=False)


@rule("RoiAlign", exactness="reordered", since=16, versions=(10, 16, 22))
def roi_align_to_grid_sample(op: Ops, node: Node) -> str:
    """GridSample at the samples of each region in its image, and AveragePool over each bin's.

    Source: ONNX RoiAlign-16, GridSample-16.
    """
    dtype, r = float_input(node), _regions(node)
    require(min(r.shape[2:]) > 1, "an axis of the image is 1")
    require_moderate(r.count * product(r.bins) * r.samples**2)
    wide = widened(dtype)
    places, counted = [], []
    for axis in (0, 1):
        at, size = _positions(op, node, r, axis, wide), r.shape[2 + axis]
        held = op.clip(at, 0.0, size - 1.0)
        scaled = op.Mul(held, op.const(2.0 / (size - 1), wide))
        places.append(op.unsqueeze(op.Sub(scaled, op.const(1.0, wide)), [2 - axis, 3]))
        counted.append(op.unsqueeze(_inside(op, at, size), [1, 3 - axis]))
    steps = [b * r.samples for b in r.bins]
    spread = op.const(np.zeros((1, *steps, 1)), wide)
    rows, columns = (op.Add(p, spread) for p in places)
    grid = op.Concat(columns, rows, axis=3)
    images = op.cast(op.Gather(node.inputs[0], node.inputs[2], axis=0), wide)
    mode = "bilinear" if op.opset < 20 else "linear"
    found = op.GridSample(images, grid, mode=mode, padding_mode="border", align_corners=1)
    found = op.Where(op.And(*counted), found, op.const(0.0, wide))
    if r.samples > 1:
        side = [r.samples, r.samples]
        found = op.AveragePool(found, kernel_shape=side, strides=side)
    return op.cast(found, dtype)


@rule("DeformConv", exactness="reordered", since=16, versions=(19, 22))
def deform_conv_to_grid_sample(op: Ops, node: Node) -> str:
    """GridSample at the shifted places of each kernel element, and a convolution over those.

    The samples of the kernel's elements lie below each other, so that a kernel of as many rows,
    dilated by the height of the result, adds them up.

    Source: ONNX DeformConv-19, GridSample-16.
    """
    dtype = float_input(node)
    batch, channels, *image = static_shape(node.input(0), "the input")
    weights = static_shape(node.input(1), "the kernel")
    _, _, *result = static_shape(node.input(2), "the offsets")
    kernel = integers(node, "kernel_shape") or weights[2:]
    require(len(image) == 2, "it is not over images")
    require(min(image) > 1, "an axis of the image is 1")
    require(0 not in (batch, channels, *result), "the input or the result is empty")
    groups, size = integer(node, "offset_group", 1), product(kernel)
    strides, dilations = (integers(node, name) or (1, 1) for name in ("strides", "dilations"))
    pads = integers(node, "pads") or (0,) * 4
    require_moderate(size * product(result))
    shape = [batch * groups, size, 2, *result]
    offsets = op.reshape(node.inputs[2], shape)
    columns = []
    for axis in (1, 0):
        steps = np.arange(result[axis]) * strides[axis] - pads[axis]
        inner = np.indices(kernel)[axis].reshape(-1, 1, 1) * dilations[axis]
        spread = [-1, 1] if axis == 0 else [1, -1]
        base = inner + steps.reshape(1, *spread) + np.zeros((1, *result))
        shift = op.squeeze(op.slice(offsets, [axis], [axis + 1], [2]), [2])
        at = op.Mul(op.Add(shift, op.const(base, dtype)), op.const(2.0 / (image[axis] - 1), dtype))
        columns.append(op.unsqueeze(op.Sub(at, op.const(1.0, dtype)), [4]))
    grid = op.reshape(op.Concat(*columns, axis=4), [batch * groups, size * result[0], result[1], 2])
    split = op.reshape(node.inputs[0], [batch * groups, channels // groups, *image])
    mode = "bilinear" if op.opset < 20 else "linear"
    found = op.GridSample(split, grid, mode=mode, padding_mode="zeros", align_corners=1)
    if optional_input(node, 4) is not None:
        mask = [batch * groups, 1, size * result[0], result[1]]
        found = op.Mul(found, op.reshape(node.inputs[4], mask))
    stacked = op.reshape(found, [batch, channels, size * result[0], result[1]])
    lines = op.reshape(node.inputs[1], [weights[0], weights[1], size, 1])
    return op.Conv(
        stacked,
        lines,
        optional_input(node, 3),
        group=integer(node, "group", 1),
        kernel_shape=[size, 1],
        dilations=[result[0], 1],
    )
