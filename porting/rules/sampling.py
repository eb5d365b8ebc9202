"""GridSample and AffineGrid as reads by computed position and weighted sums."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from porting.legalize.ops import Ops
from porting.legalize.rule import decline, known_constant, known_dtype, require, rule, static_shape
from porting.model.graph import Node
from porting.rules.common import HALVES, float_input, integer, product, text, widened
from porting.rules.indices import require_moderate

CUBIC_A = -0.75
LONGEST = 2**24
"""Flat positions up to which float32 tells neighbours apart."""

MODES = {"bilinear": "linear", "bicubic": "cubic"}
"""Names that opset 16 has for modes of opset 20."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """What a GridSample node does.

    Attributes:
        mode: `nearest`, `linear` or `cubic`.
        padding: `zeros`, `border` or `reflection`.
        aligned: Whether -1 and 1 are the centres of the outermost pixels, not their outer edges.
        sizes: Of the spatial axes.
        dtype: In which it is computed.
    """

    mode: str
    padding: str
    aligned: bool
    sizes: tuple[int, ...]
    dtype: str


@dataclass(frozen=True, slots=True)
class Tap:
    """Pixels that the positions read along one axis: where, whether they exist, how they count."""

    index: str
    inside: str | None
    weight: str | None


def _sampling(node: Node) -> Sampling:
    written = text(node, "mode", "linear")
    mode, padding = MODES.get(written, written), text(node, "padding_mode", "zeros")
    shape = static_shape(node.input(0), "the input")
    static_shape(node.input(1), "the grid")
    grid, own = known_dtype(node.input(1), "the grid"), known_dtype(node.input(0), "the input")
    aligned = bool(integer(node, "align_corners", 0))
    require(mode in {"nearest", "linear", "cubic"}, f"mode is {mode}")
    require(padding in {"zeros", "border", "reflection"}, f"padding_mode is {padding}")
    require(mode == "nearest" or own != "bool", "elements are bool")
    require(mode != "nearest" or grid not in HALVES, "the nearest pixel hangs on half precision")
    require(mode != "cubic" or len(shape) == 4, "runtimes have no cubic volumes")
    sizes = shape[2:]
    require(len(sizes) >= 1 and 0 not in shape, "the input is empty")
    require(padding != "reflection" or min(sizes) > 1, "an axis of 1 has nothing to reflect")
    require(shape[0] * (product(sizes) + 1) < LONGEST, "the input is large")
    return Sampling(mode, padding, aligned, sizes, widened(grid))


def _minus(op: Ops, x: str, number: float) -> str:
    return op.Sub(x, op.const(number, like=x)) if number else x


def _times(op: Ops, x: str, number: float) -> str:
    return x if number == 1 else op.Mul(x, op.const(number, like=x))


def _plus(op: Ops, x: str, number: float) -> str:
    return op.Add(x, op.const(number, like=x)) if number else x


def _placed(op: Ops, grid: str, size: int, aligned: bool) -> str:
    """Positions from -1 to 1 as positions of pixels."""
    shifted = _plus(op, grid, 1.0)
    if aligned:
        return _times(op, _times(op, shifted, 0.5), float(size - 1))
    return _times(op, _minus(op, _times(op, shifted, float(size)), 1.0), 0.5)


def _reflected(op: Ops, at: str, size: int, aligned: bool) -> str:
    """Positions folded back at the outermost centres, or at the outer edges.

    low + range - |((at - low) mod 2 range) - range|, with a remainder that is never negative.
    """
    low, span = (0.0, size - 1.0) if aligned else (-0.5, float(size))
    shifted = _minus(op, at, low)
    turns = op.Floor(op.Div(shifted, op.const(2 * span, like=at)))
    rest = op.Sub(shifted, _times(op, turns, 2 * span))
    folded = op.Abs(_minus(op, rest, span))
    return op.Sub(op.const(low + span, like=at), folded)


def _tap(op: Ops, s: Sampling, at: str, axis: int, weight: str | None) -> Tap:
    """A whole position as an index within the axis."""
    size = s.sizes[axis]
    if s.padding == "reflection":
        at = _reflected(op, at, size, s.aligned)
    index = op.clip(at, 0.0, size - 1.0)
    return Tap(index, op.Equal(at, index) if s.padding == "zeros" else None, weight)


def _taps(op: Ops, s: Sampling, grid: str, axis: int) -> list[Tap]:
    """What every position of the grid reads along one axis."""
    size = s.sizes[axis]
    at = _placed(op, grid, size, s.aligned)
    # as onnxruntime takes a position that is infinite or NaN; ONNX leaves it open
    is_number = op.Less(op.Abs(at), op.const(np.inf, like=at))
    at = op.Where(is_number, at, op.const(0.0 if s.aligned else -0.5, like=at))
    if s.mode == "nearest":
        return [_tap(op, s, op.Round(at), axis, None)]
    if s.padding == "reflection":
        at = _reflected(op, at, size, s.aligned)
    low = op.Floor(at)
    part = op.Sub(at, low)
    if s.mode == "linear":
        weights = [op.Sub(op.const(1.0, like=part), part), part]
        return [_tap(op, s, _plus(op, low, i), axis, w) for i, w in enumerate(weights)]
    weights = _cubic_weights(op, part)
    return [_tap(op, s, _plus(op, low, i - 1), axis, w) for i, w in enumerate(weights)]


def _cubic_weights(op: Ops, part: str) -> list[str]:
    """The cubic filter at 1 + t, t, 1 - t and 2 - t, as polynomials of t.

    Source: Keys, "Cubic convolution interpolation", IEEE TASSP 29 (1981), equation 4.
    """
    a = CUBIC_A
    square = op.Mul(part, part)
    powers = op.Concat(part, square, op.Mul(square, part), axis=2)
    factors = [[a, 0.0, -a, 0.0], [-2 * a, -a - 3, 2 * a + 3, a], [a, a + 2, -a - 2, -a]]
    dtype = known_dtype(op.value(part), "the positions")
    total = op.Add(op.MatMul(powers, op.const(factors, dtype)), op.const([0, 1, 0, 0], dtype))
    return op.split(total, [1, 1, 1, 1], 2)


@rule("GridSample", exactness="reordered")
def grid_sample_to_gather(op: Ops, node: Node) -> str:
    """The pixels around every position, read by computed index, times their weights.

    Pixels are rows of a table. Where padding is with zeros, a row of zeros stands for the outside;
    with the border, each pixel that is read is held within the image by itself.

    Source: ONNX GridSample-16 and -20; PyTorch's grid_sample for the border.
    """
    s = _sampling(node)
    batch, channels, *_ = static_shape(node.input(0), "the input")
    grid_shape = static_shape(node.input(1), "the grid")
    points = product(grid_shape[1:-1])
    require(points > 0, "the grid is empty")
    own = known_dtype(node.input(0), "the input")
    grid = op.cast(op.reshape(node.inputs[1], [batch, points, len(s.sizes)]), s.dtype)
    columns = op.split(grid, [1] * len(s.sizes), 2) if len(s.sizes) > 1 else [grid]
    # the grid names the last axis first
    taps = [_taps(op, s, column, axis) for axis, column in enumerate(reversed(columns))]
    rows = product(s.sizes) + (s.padding == "zeros")
    table = op.reshape(node.inputs[0], [batch, channels, product(s.sizes)])
    if s.padding == "zeros":
        table = op.pad(table, [0, 0, 0, 0, 0, 1])
    table = op.reshape(op.transpose(table, [0, 2, 1]), [batch * rows, channels])
    offsets = op.const((np.arange(batch) * rows).reshape(batch, 1, 1), s.dtype)

    def read(chosen: Sequence[Tap]) -> str:
        flat = chosen[0].index
        for tap, size in zip(chosen[1:], s.sizes[1:], strict=True):
            flat = op.Add(_times(op, flat, float(size)), tap.index)
        inside = [tap.inside for tap in chosen if tap.inside is not None]
        if inside:
            both = inside[0]
            for other in inside[1:]:
                both = op.And(both, other)
            flat = op.Where(both, flat, op.const(float(rows - 1), s.dtype))
        flat = flat if batch == 1 else op.Add(flat, offsets)
        return op.Gather(table, op.cast(op.squeeze(flat, [2]), "int64"), axis=0)

    def total(chosen: list[Tap]) -> str:
        if len(chosen) == len(taps):
            picked = read(chosen)
            return picked if s.mode == "nearest" else op.cast(picked, s.dtype)
        terms = []
        for tap in taps[len(chosen)]:
            inner = total([*chosen, tap])
            terms.append(inner if tap.weight is None else op.Mul(inner, tap.weight))
        result = terms[0]
        for term in terms[1:]:
            result = op.Add(result, term)
        return result

    found = op.transpose(op.cast(total([]), own), [0, 2, 1])
    return op.reshape(found, [batch, channels, *grid_shape[1:-1]])


@rule("AffineGrid", exactness="reordered")
def affine_grid_to_matmul(op: Ops, node: Node) -> str:
    """Constant positions of the pixels, with a one behind, times the transposed matrices.

    Source: ONNX AffineGrid-20.
    """
    dtype = float_input(node)
    _, _, *sizes = (int(d) for d in known_constant(node, 1).reshape(-1))
    require(len(sizes) in {2, 3} and min(sizes) > 0, "the image is empty, or no plane or volume")
    aligned = bool(integer(node, "align_corners", 0))
    require(not aligned or min(sizes) > 1, "runtimes differ on where a lone pixel lies")
    require_moderate(product(sizes) * (len(sizes) + 1))
    lines = [_line(size, aligned) for size in sizes]
    planes = np.meshgrid(*lines, indexing="ij")
    base = np.stack([*planes[::-1], np.ones(sizes)], axis=-1).reshape(-1, len(sizes) + 1)
    wide = widened(dtype)
    matrices = op.transpose(op.cast(node.inputs[0], wide), [0, 2, 1])
    grid = op.cast(op.MatMul(op.const(base, wide), matrices), dtype)
    shape = op.value(node.inputs[0]).shape
    if shape is None:
        decline("the shape of the matrices is not known")
    batch = shape[0] if isinstance(shape[0], int) else -1
    return op.reshape(grid, [batch, *sizes, len(sizes)])


def _line(size: int, aligned: bool) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    if aligned:
        return np.linspace(-1.0, 1.0, size)
    return (2 * np.arange(size) + 1) / size - 1
