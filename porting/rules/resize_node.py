"""Reading Resize nodes: which axes change, by what factor, and which attributes matter."""

from dataclasses import dataclass, replace

import numpy as np

from porting.legalize.rule import decline, require
from porting.model.graph import Node
from porting.model.value import Array, Dim, Shape
from porting.rules.common import axis_in, integer, integers, number, shape_of, text
from porting.rules.interpolation import (
    Axis,
    Doubles,
    Taps,
    cubic,
    cubic_kernel,
    linear,
    linear_kernel,
    nearest,
    settled,
    stretched,
)

PROBE = 4096
"""Length at which maps are compared where the real one is not known but cannot matter."""


@dataclass(frozen=True, slots=True)
class Resizing:
    """A Resize node in full.

    Attributes:
        mode: `nearest`, `linear` or `cubic`.
        transformation: `coordinate_transformation_mode`.
        rounding: `nearest_mode`.
        a: `cubic_coeff_a`.
        exclude_outside: Whether pixels beyond the edge have no weight.
        antialias: Whether the filter widens where an axis shrinks.
        axes: Those that change size.
    """

    mode: str
    transformation: str
    rounding: str
    a: float
    exclude_outside: bool
    antialias: bool
    axes: tuple[Axis, ...]

    def taps(self, axis: Axis) -> Taps:
        """What the output positions of an axis read."""
        if self.mode == "nearest":
            clear = settled(axis, self.transformation, self.rounding)
            require(clear, "which pixel is nearest depends on the runtime's rounding")
            return nearest(axis, self.transformation, self.rounding)
        if self.antialias and axis.scale < 1:
            kernel = linear_kernel if self.mode == "linear" else self._cubic_kernel
            radius = 1 if self.mode == "linear" else 2
            return stretched(axis, self.transformation, kernel, radius, self.exclude_outside)
        if self.mode == "linear":
            return linear(axis, self.transformation)
        return cubic(axis, self.transformation, self.a, self.exclude_outside)

    def _cubic_kernel(self, distance: Doubles) -> Doubles:
        return cubic_kernel(distance, self.a)

    def same(self, transformation: str, rounding: str | None = None) -> bool:
        """Whether another spelling reads the same pixels with the same weights."""
        other = replace(self, transformation=transformation, rounding=rounding or self.rounding)
        return all(self.taps(axis).same(other.taps(axis)) for axis in self.axes)


def read(node: Node, *, probe: bool = False) -> Resizing:
    """What a Resize node does; declines where that cannot be told.

    Args:
        node: A Resize of opset 11 or newer.
        probe: Whether an axis of unknown length may stand in at a length of its own, where the
            factor is an integer: what its pixels read then does not depend on the length.
    """
    require(node.info is not None and node.info.since >= 11, "it reads Resize of opset 11 or newer")
    transformation = text(node, "coordinate_transformation_mode")
    require(transformation != "tf_crop_and_resize", "it crops a region of interest")
    axes = tuple(_axis(node, axis, probe) for axis in changing_axes(node))
    return Resizing(
        text(node, "mode"),
        transformation,
        text(node, "nearest_mode"),
        number(node, "cubic_coeff_a"),
        bool(integer(node, "exclude_outside")),
        bool(integer(node, "antialias", 0)),
        axes,
    )


def listed_axes(node: Node) -> list[int]:
    """The axes that `scales` or `sizes` speak of, in their order."""
    rank = len(shape_of(node.input(0)))
    given = integers(node, "axes")
    return list(range(rank)) if given is None else [axis_in(a, rank) for a in given]


def given_scales(node: Node) -> Array | None:
    """The constant factors, one per listed axis; None where sizes are given instead."""
    return _constant(node, "scales")


def given_sizes(node: Node) -> Array | None:
    """The constant sizes, one per listed axis; None where factors are given instead."""
    return _constant(node, "sizes")


def _constant(node: Node, formal: str) -> Array | None:
    value = node.input(formal)
    if value is None or value.shape == (0,):
        return None
    array = node.const(formal)
    if array is None:
        decline(f"{formal} is not constant; give the shape with --shape or --dim")
    require(array.size == len(listed_axes(node)), f"{formal} has another length than the axes")
    return array


def factor(node: Node, axis: int, length: Dim) -> tuple[float, int | None]:
    """The factor and, where it is known, the new size of an axis of the given length."""
    axes = listed_axes(node)
    if axis not in axes:
        return 1.0, length if isinstance(length, int) else None
    at = axes.index(axis)
    scales, sizes = given_scales(node), given_sizes(node)
    if scales is not None:
        scale = np.float32(scales[at])
        size = int(np.floor(np.float32(length) * scale)) if isinstance(length, int) else None
        return float(scale), size
    if sizes is None:
        decline("neither scales nor sizes are given")
    if not isinstance(length, int):
        decline("the spatial shape is not static; give it with --shape or --dim")
    policy = text(node, "keep_aspect_ratio_policy", "stretch")
    if policy == "stretch":
        return float(np.float32(sizes[at]) / np.float32(length)), int(sizes[at])
    scale = _common_scale(node, axes, sizes, smallest=policy == "not_larger")
    return float(scale), int(np.floor(scale * np.float32(length) + np.float32(0.5)))


def _common_scale(node: Node, axes: list[int], sizes: Array, *, smallest: bool) -> np.float32:
    shape: Shape = shape_of(node.input(0))
    factors = []
    for axis, size in zip(axes, sizes, strict=True):
        length = shape[axis]
        if not isinstance(length, int):
            decline("the spatial shape is not static; give it with --shape or --dim")
        factors.append(np.float32(size) / np.float32(length))
    return min(factors) if smallest else max(factors)


def changing_axes(node: Node) -> list[int]:
    """The axes whose factor is not 1."""
    shape = shape_of(node.input(0))
    found = []
    sizes = given_sizes(node)
    axes = listed_axes(node)
    for axis in sorted(axes):
        unchanged = sizes is not None and sizes[axes.index(axis)] == shape[axis]
        stretched = text(node, "keep_aspect_ratio_policy", "stretch") == "stretch"
        if (unchanged and stretched) or factor(node, axis, shape[axis])[0] == 1.0:
            continue
        found.append(axis)
    return found


def _axis(node: Node, axis: int, probe: bool) -> Axis:
    length = shape_of(node.input(0))[axis]
    transformation = text(node, "coordinate_transformation_mode")
    scale, size = factor(node, axis, length)
    if isinstance(length, int) and size is not None:
        require(length > 0 and size > 0, "the input or the result is empty")
        fits = np.float32(length) * np.float32(scale) == size
        anchored = transformation in {"align_corners", "half_pixel_symmetric"}
        stretched = text(node, "keep_aspect_ratio_policy", "stretch") == "stretch"
        derived = given_scales(node) is None and stretched
        disputed = anchored and not fits and not derived
        require(not disputed, "runtimes place the last pixel differently")
        return Axis(axis, length, size, scale)
    local = transformation in {"half_pixel", "asymmetric", "tf_half_pixel_for_nn"}
    if not (probe and local and scale == int(scale) and scale > 1):
        decline("the spatial shape is not static; give it with --shape or --dim")
    return Axis(axis, PROBE, int(PROBE * scale), scale)
