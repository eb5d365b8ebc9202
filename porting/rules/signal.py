"""Fourier transforms as products with constants, and the windows and filters around them."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from porting.legalize.ops import Ops
from porting.legalize.rule import decline, known_constant, known_rank, require, rule
from porting.model.dtypes import FLOATS, NAME_OF
from porting.model.graph import Node
from porting.model.value import Array
from porting.rules.common import (
    axis_in,
    float_input,
    integer,
    optional_input,
    reshape_to,
    shape_of,
    widened,
)

Doubles: TypeAlias = npt.NDArray[np.float64]

LARGEST_MATRIX = 2**22


def _scalar(node: Node, index: int) -> int:
    return int(known_constant(node, index).reshape(-1)[0])


def _angles(length: int, count: int, bins: int) -> Doubles:
    """2 pi k t / length for t below `count` and k below `bins`, exact for large products."""
    require(4 * count * bins <= LARGEST_MATRIX, "the matrix would be large")
    turns = np.outer(np.arange(count), np.arange(bins)) % length
    return np.asarray(turns * (2 * np.pi / length), np.float64)


def _transform(length: int, count: int, bins: int, parts: int, sign: int) -> Doubles:
    """`[count, parts, bins, 2]`: what each part of an element adds to the parts of a bin.

    A bin is the sum of (re + i im) * (cos + i sign * sin).
    """
    angles = _angles(length, count, bins)
    cosine, sine = np.cos(angles), sign * np.sin(angles)
    matrix = np.empty((count, parts, bins, 2))
    matrix[:, 0, :, 0], matrix[:, 0, :, 1] = cosine, sine
    if parts == 2:
        matrix[:, 1, :, 0], matrix[:, 1, :, 1] = -sine, cosine
    return matrix


def _real_inverse(length: int, count: int) -> Doubles:
    """`[count, 2, length, 1]`: a real signal from the first half of its spectrum.

    Bins stand for their mirror images, too, but for the first and, of an even length, the middle
    one. What the spectrum has beyond the half is not read.
    """
    angles = _angles(length, count, length)
    bins = np.arange(count)[:, np.newaxis]
    times = np.where((bins == 0) | (2 * bins == length), 1.0, 2.0) / length
    matrix = np.empty((count, 2, length, 1))
    matrix[:, 0, :, 0], matrix[:, 1, :, 0] = times * np.cos(angles), -times * np.sin(angles)
    return matrix


@rule("DFT", exactness="reordered")
def dft_to_matmul(op: Ops, node: Node) -> str:
    """A product with the matrix of cos(2 pi k t / n) and -sin(2 pi k t / n), over t and the parts.

    The inverse has + sin and is divided by n; of one side it gives a real signal. Runtimes differ
    on which numbers of a transform become NaN where its signal has an infinity.

    Source: ONNX DFT-17 and -20.
    """
    dtype, shape, axis = float_input(node), list(shape_of(node.input(0))), _dft_axis(node)
    size, parts = shape[axis], shape[-1]
    if not isinstance(size, int) or not isinstance(parts, int):
        decline("the length of the signal is not known; give it with --shape or --dim")
    inverse, half = (bool(integer(node, name)) for name in ("inverse", "onesided"))
    require(not half or parts == 1 + inverse, "one side is of a real signal")
    length = 2 * (size - 1) if half and inverse else size
    if optional_input(node, 1) is not None:
        length = _scalar(node, 1)
    require(length > 0 and size > 0, "the signal is empty")
    count = min(size, length // 2 + 1 if half and inverse else length)
    if half and inverse:
        fits = size == length // 2 + 1
        require(fits, "runtimes differ on half a spectrum that is too short or too long")
        matrix = _real_inverse(length, count)
    else:
        bins = length // 2 + 1 if half else length
        matrix = _transform(length, count, bins, parts, 1 if inverse else -1)
        matrix = matrix / length if inverse else matrix
    x = node.inputs[0] if count == size else op.slice(node.inputs[0], [0], [count], [axis])
    order = [*(i for i in range(len(shape) - 1) if i != axis), axis, len(shape) - 1]
    turned = order != sorted(order)
    x = op.cast(op.transpose(x, order) if turned else x, widened(dtype))
    lead = [shape[i] for i in order[:-2]]
    flat = reshape_to(op, x, [*lead, count * parts], range(len(lead)))
    weight = op.const(matrix.reshape(count * parts, -1), widened(dtype))
    total = op.cast(op.MatMul(flat, weight), dtype)
    result = reshape_to(op, total, [*lead, *matrix.shape[2:]], range(len(lead)))
    return op.transpose(result, [order.index(i) for i in range(len(order))]) if turned else result


def _dft_axis(node: Node) -> int:
    """An attribute at opset 17, an input from 20 on."""
    rank = known_rank(node.input(0), "the signal")
    if node.info is not None and node.info.since < 20:
        axis = integer(node, "axis", 1)
    else:
        axis = -2 if optional_input(node, 2) is None else _scalar(node, 2)
    axis = axis_in(axis, rank)
    require(axis != rank - 1, "the axis is that of the parts")
    return axis


@rule("STFT", exactness="reordered")
def stft_to_convolution(op: Ops, node: Node) -> str:
    """A strided convolution whose kernels are the window times cos and -sin of each frequency.

    Runtimes differ on which numbers of a frame become NaN where it has an infinity.

    Source: ONNX STFT-17, Conv-1.
    """
    dtype, shape = float_input(node), shape_of(node.input(0))
    require(len(shape) == 3, "the signal has not three axes")
    parts, step = shape[2], _scalar(node, 1)
    if not isinstance(parts, int):
        decline("whether the signal is complex is not known")
    window, length = _window(node)
    half = bool(integer(node, "onesided", 1))
    require(not half or parts == 1, "one side is of a real signal")
    bins = length // 2 + 1 if half else length
    require(length > 0 and step > 0, "the frames are empty or do not move")
    matrix = _transform(length, length, bins, parts, -1).reshape(length, parts, -1)
    wide = widened(dtype)
    kernel = matrix.transpose(2, 1, 0)
    if isinstance(window, str):
        weight = op.Mul(op.const(kernel, wide), op.cast(window, wide))
    else:
        weight = op.const(kernel * window, wide)
    lines = op.transpose(op.cast(node.inputs[0], wide), [0, 2, 1])
    frames = op.Conv(lines, weight, kernel_shape=[length], strides=[step])
    spectra = op.cast(op.transpose(frames, [0, 2, 1]), dtype)
    known = op.value(spectra).shape
    if known is None:
        decline("the shape of the signal is not known")
    return reshape_to(op, spectra, [known[0], known[1], bins, 2], [0, 1])


def _window(node: Node) -> tuple[str | Doubles, int]:
    """The window's name or contents, and the length of a frame."""
    if optional_input(node, 2) is not None:
        array = node.const(2, LARGEST_MATRIX)
        if array is not None:
            return array.astype(np.float64), array.size
        size = shape_of(node.input(2))[0]
        if not isinstance(size, int):
            decline("the length of the window is not known")
        return node.inputs[2], size
    if optional_input(node, 3) is not None:
        length: int | str | None = _scalar(node, 3)
    else:
        length = shape_of(node.input(0))[1]
    if not isinstance(length, int):
        decline("the length of a frame is not known; give it with --shape or --dim")
    return np.ones(length), length


def _window_constant(op: Ops, node: Node, weights: tuple[float, ...]) -> str:
    """Weights of cos(2 pi i t / n) with alternating signs; n is the size, less 1 if symmetric."""
    size = _scalar(node, 0)
    period = size if integer(node, "periodic", 1) else size - 1
    require(period > 0 and size <= LARGEST_MATRIX, "the window is empty, of one number or large")
    number = integer(node, "output_datatype", 1)
    require(NAME_OF[number] in FLOATS, f"numbers are {NAME_OF[number]}")
    angles = np.arange(size) * (2 * np.pi / period)
    terms = [(-1) ** i * w * np.cos(i * angles) for i, w in enumerate(weights)]
    return op.const(np.sum(terms, axis=0), NAME_OF[number])


@rule("HannWindow", exactness="reordered")
def hann_window_to_constant(op: Ops, node: Node) -> str:
    """0.5 - 0.5 * cos(2 pi t / n).

    Source: ONNX HannWindow-17.
    """
    return _window_constant(op, node, (0.5, 0.5))


@rule("HammingWindow", exactness="reordered")
def hamming_window_to_constant(op: Ops, node: Node) -> str:
    """25/46 - 21/46 * cos(2 pi t / n): not the rounded 0.54 and 0.46 of other libraries.

    Source: ONNX HammingWindow-17.
    """
    return _window_constant(op, node, (25 / 46, 21 / 46))


@rule("BlackmanWindow", exactness="reordered")
def blackman_window_to_constant(op: Ops, node: Node) -> str:
    """0.42 - 0.5 * cos(2 pi t / n) + 0.08 * cos(4 pi t / n).

    Source: ONNX BlackmanWindow-17.
    """
    return _window_constant(op, node, (0.42, 0.5, 0.08))


@rule("MelWeightMatrix", exactness="reordered")
def mel_weight_matrix_to_constant(op: Ops, node: Node) -> str:
    """Triangles over the bins of a spectrum, between points at equal distances in mel.

    mel(f) = 2595 * log10(1 + f / 700). The points are rounded down to bins; one that rounding
    could put into either of two bins is declined.

    Source: ONNX MelWeightMatrix-17.
    """
    bands, length, rate = (_scalar(node, i) for i in range(3))
    low, high = (float(known_constant(node, i).reshape(-1)[0]) for i in (3, 4))
    number = integer(node, "output_datatype", 1)
    require(NAME_OF[number] in FLOATS, f"numbers are {NAME_OF[number]}")
    require(bands > 0 and 0 <= low < high and rate > 0, "it has no bands")
    spectrum = length // 2 + 1
    require(spectrum * bands <= LARGEST_MATRIX, "the matrix would be large")
    points = _mel_points(bands, length, rate, low, high)
    require(int(points[-1]) <= spectrum, "a band is beyond the spectrum")
    return op.const(_triangles(points, spectrum), NAME_OF[number])


def _mel_points(bands: int, length: int, rate: int, low: float, high: float) -> Array:
    edges = [2595 * np.log10(1 + f / 700) for f in (low, high)]
    step = (edges[1] - edges[0]) / (bands + 2)
    mels = edges[0] + np.arange(bands + 2) * step
    exact = (length + 1) * 700 * (10 ** (mels / 2595) - 1) / rate
    clear = np.abs(exact - np.round(exact)) > 1e-4
    clear[0] |= low == 0
    require(bool(clear.all()), "into which bin a point falls hangs on rounding")
    points = np.floor(exact)
    points[0] = 0 if low == 0 else points[0]
    return np.asarray(points, np.int64)


def _triangles(points: Array, spectrum: int) -> Doubles:
    """`[spectrum, bands]`; a side without length has its peak alone."""
    at = np.arange(spectrum)[:, np.newaxis]
    left, peak, right = points[:-2], points[1:-1], points[2:]
    rise, fall = peak - left, right - peak
    up = np.where((at >= left) & (at <= peak), (at - left) / np.maximum(rise, 1), 0.0)
    up = np.where((rise == 0) & (at == peak), 1.0, up)
    down = (right - at) / np.maximum(fall, 1)
    return np.where((at >= peak) & (at < right), down, up)
