"""Which input pixels a resized axis reads, and with what weights.

In float32, as onnxruntime computes it. Positions that fall on a half or an integer go to one side
or the other with the width of the arithmetic; `settled` tells where that matters.

Source: ONNX Resize-19.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Floats: TypeAlias = npt.NDArray[np.float32]
Doubles: TypeAlias = npt.NDArray[np.float64]
Integers: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Axis:
    """A resized axis.

    Attributes:
        index: Which axis it is.
        length: Its size before.
        size: Its size after.
        scale: The factor that coordinates are divided by.
    """

    index: int
    length: int
    size: int
    scale: float


@dataclass(frozen=True, slots=True)
class Taps:
    """For every output position, the positions it reads and their weights: both `[taps, size]`."""

    indices: Integers
    weights: Floats

    def same(self, other: "Taps") -> bool:
        """Whether both read the same positions with the same weights, to the bit."""
        return np.array_equal(self.indices, other.indices) and np.array_equal(
            self.weights, other.weights
        )

    def matrix(self, length: int) -> Floats:
        """The same as a matrix `[size, length]`."""
        size = self.indices.shape[1]
        dense = np.zeros((size, length), np.float32)
        for row, weight in zip(self.indices, self.weights, strict=True):
            np.add.at(dense, (np.arange(size), row), weight)
        return dense


def _half_pixel(at: Floats, axis: Axis) -> Floats:
    return (at + np.float32(0.5)) / np.float32(axis.scale) - np.float32(0.5)


def _pytorch_half_pixel(at: Floats, axis: Axis) -> Floats:
    return _half_pixel(at, axis) if axis.size > 1 else np.zeros_like(at)


def _half_pixel_symmetric(at: Floats, axis: Axis) -> Floats:
    exact_size = np.float32(axis.scale) * np.float32(axis.length)
    adjustment = np.float32(axis.size) / exact_size
    offset = np.float32(axis.length / 2) * (np.float32(1) - adjustment)
    return offset + _half_pixel(at, axis)


def _align_corners(at: Floats, axis: Axis) -> Floats:
    if axis.size == 1:
        return np.zeros_like(at)
    return at * np.float32(axis.length - 1) / np.float32(axis.size - 1)


def _asymmetric(at: Floats, axis: Axis) -> Floats:
    return at / np.float32(axis.scale)


def _tf_half_pixel_for_nn(at: Floats, axis: Axis) -> Floats:
    return (at + np.float32(0.5)) / np.float32(axis.scale)


COORDINATES: dict[str, Callable[[Floats, Axis], Floats]] = {
    "half_pixel": _half_pixel,
    "pytorch_half_pixel": _pytorch_half_pixel,
    "half_pixel_symmetric": _half_pixel_symmetric,
    "align_corners": _align_corners,
    "asymmetric": _asymmetric,
    "tf_half_pixel_for_nn": _tf_half_pixel_for_nn,
}
"""Where an output position lies on the input axis, by `coordinate_transformation_mode`."""


def _round_half_down(x: Floats) -> Floats:
    return np.asarray(np.ceil(x - np.float32(0.5)))


def _round_half_up(x: Floats) -> Floats:
    return np.asarray(np.floor(x + np.float32(0.5)))


ROUNDINGS: dict[str, Callable[[Floats], Floats]] = {
    "round_prefer_floor": _round_half_down,
    "round_prefer_ceil": _round_half_up,
    "floor": np.floor,
    "ceil": np.ceil,
}
"""Which pixel is nearest, by `nearest_mode`."""


def coordinates(axis: Axis, transformation: str) -> Floats:
    """Where each output position lies on the input axis, unbounded."""
    positions = np.arange(axis.size, dtype=np.float32)
    return COORDINATES[transformation](positions, axis)


def settled(axis: Axis, transformation: str, rounding: str) -> bool:
    """Whether every runtime finds the same nearest pixels, however it rounds.

    A position on a boundary between two pixels is found exactly where the factor is a short
    binary fraction or the very ratio of the sizes. Elsewhere an error in the last digit decides,
    and runtimes make different ones.
    """
    short = (axis.scale * 1024).is_integer() or axis.scale * axis.length == axis.size
    if short or transformation == "align_corners":
        return True
    at = coordinates(axis, transformation)
    shifted = transformation not in {"asymmetric", "tf_half_pixel_for_nn"}
    slack = np.float32(1e-5) * (np.abs(at) + np.float32(shifted))
    below, above = (
        np.clip(ROUNDINGS[rounding](x), 0, axis.length - 1) for x in (at - slack, at + slack)
    )
    return np.array_equal(below, above)


def nearest(axis: Axis, transformation: str, rounding: str) -> Taps:
    """One pixel per output position."""
    if axis.scale == 1.0 and axis.length == axis.size:
        chosen = np.arange(axis.size)
    else:
        chosen = ROUNDINGS[rounding](coordinates(axis, transformation)).astype(np.int64)
    indices = np.clip(chosen, 0, axis.length - 1)[np.newaxis]
    return Taps(indices, np.ones(indices.shape, np.float32))


def linear(axis: Axis, transformation: str) -> Taps:
    """The pixels on both sides of each output position, which is held within the axis."""
    last = axis.length - 1
    at = np.clip(coordinates(axis, transformation), 0, last)
    low = np.floor(at).astype(np.int64)
    high = np.minimum(low + 1, last)
    part = (at - low).astype(np.float32)
    return Taps(np.stack([low, high]), np.stack([np.float32(1) - part, part]))


def cubic_kernel(distance: Doubles, a: float) -> Doubles:
    """The cubic filter at distances of 0 and more, in pixels; it ends at 2.

    Source: Keys, "Cubic convolution interpolation", IEEE TASSP 29 (1981), equation 4.
    """
    near = (a + 2) * distance**3 - (a + 3) * distance**2 + 1
    far = a * distance**3 - 5 * a * distance**2 + 8 * a * distance - 4 * a
    return np.where(distance <= 1, near, np.where(distance < 2, far, 0.0))


def linear_kernel(distance: Doubles) -> Doubles:
    """The triangle of linear interpolation at distances of 0 and more, in pixels."""
    return np.asarray(np.maximum(0.0, 1.0 - distance))


def stretched(
    axis: Axis,
    transformation: str,
    kernel: Callable[[Doubles], Doubles],
    radius: int,
    exclude_outside: bool,
) -> Taps:
    """An axis that shrinks, with antialiasing: the filter is as much wider as the axis shrinks.

    No tap has weight 0, because 0 * inf is NaN: such a tap shares the position and the weight of
    the heaviest one.

    Source: ONNX Resize-18, `antialias`.
    """
    at = coordinates(axis, transformation)
    low = np.floor(at)
    first = int(np.floor(-radius / axis.scale)) + 1
    offsets = np.arange(first, 2 - first)[:, np.newaxis]
    distances = np.abs(offsets - (at - low).astype(np.float64)) * axis.scale
    weights = kernel(distances)
    raw = low.astype(np.int64) + offsets
    if exclude_outside:
        weights = np.where((raw >= 0) & (raw < axis.length), weights, 0.0)
    weights = weights / weights.sum(axis=0)
    return _without_zeros(np.clip(raw, 0, axis.length - 1), weights)


def _without_zeros(indices: Integers, weights: Doubles) -> Taps:
    heaviest = np.argmax(np.abs(weights), axis=0)
    columns = np.arange(weights.shape[1])
    idle = weights == 0
    shared = weights[heaviest, columns] / (1 + idle.sum(axis=0))
    indices = np.where(idle, indices[heaviest, columns], indices)
    weights = np.where(idle, shared, weights)
    weights[heaviest, columns] = shared
    return Taps(indices, weights.astype(np.float32))


def cubic(axis: Axis, transformation: str, a: float, exclude_outside: bool) -> Taps:
    """The two pixels on each side; beyond the edge the edge itself, or nothing.

    Source: Keys, "Cubic convolution interpolation", IEEE TASSP 29 (1981), equation 4.
    """
    at = coordinates(axis, transformation)
    low = np.floor(at)
    part = (at - low).astype(np.float64)
    weights = cubic_kernel(np.stack([1 + part, part, 1 - part, 2 - part]), a)
    raw = low.astype(np.int64) + np.arange(-1, 3)[:, np.newaxis]
    if exclude_outside:
        weights = np.where((raw >= 0) & (raw < axis.length), weights, 0.0)
        weights = weights / weights.sum(axis=0)
    return Taps(np.clip(raw, 0, axis.length - 1), weights.astype(np.float32))
