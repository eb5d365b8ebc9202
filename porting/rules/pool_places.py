"""Where the maxima of a pool are, by comparing the places of its window."""

from itertools import product as every

import numpy as np

from porting.legalize.ops import Ops
from porting.legalize.rule import known_dtype, require, rule, static_shape
from porting.model.dtypes import FLOATS
from porting.model.graph import Node
from porting.model.value import Array
from porting.rules.common import integer, product, wants
from porting.rules.indices import require_moderate
from porting.rules.pool_forms import MOST_SLICES, plain_window, window_counts, window_ends
from porting.rules.windows import Window


@rule("MaxPool", exactness="exact")
def max_pool_with_places(op: Ops, node: Node) -> list[str]:
    """One strided Slice per place in the window: where it is above those before, it and its place.

    Of equal maxima the first counts, as in runtimes. Padding is -inf and has the place of a pixel
    of the window, so that a place is right even where all is -inf.

    Source: ONNX MaxPool-8; what the maximum with NaN is, ONNX leaves open.
    """
    require(wants(node, 1), "the places of the maxima are not asked for")
    require(op.opset >= 10, "Slice has no steps below opset 10")
    spatial, dtype = plain_window(node), known_dtype(node.input(0), "the input")
    require(dtype in FLOATS, f"elements are {dtype}")
    require(product(spatial.kernel) <= MOST_SLICES, f"the window has more than {MOST_SLICES}")
    batch, channels, *image = static_shape(node.input(0), "the input")
    windows, ends, rank = window_counts(node, spatial), window_ends(node, spatial), len(image)
    require(batch * channels > 0, "the input is empty")
    require_moderate(product(spatial.kernel) * product(windows))
    pads = [0, 0, *spatial.pads[:rank], 0, 0, *(max(e, 0) for e in ends)]
    padded = op.pad(node.inputs[0], pads, -np.inf) if any(pads) else node.inputs[0]
    axes, steps = op.shape(range(2, 2 + rank)), op.shape(spatial.strides)
    best, found = "", ""
    tables = _places(spatial, image, windows, by_columns=bool(integer(node, "storage_order", 0)))
    for place, table in tables:
        starts = [p * d for p, d in zip(place, spatial.dilations, strict=True)]
        reach = [s + (n - 1) * t + 1 for s, n, t in
                 zip(starts, windows, spatial.strides, strict=True)]  # fmt: skip
        part = op.Slice(padded, op.shape(starts), op.shape(reach), axes, steps)
        here = op.const(table[np.newaxis, np.newaxis], "int64")
        if best:
            above = op.Greater(part, best)
            best, found = op.Where(above, part, best), op.Where(above, here, found)
        else:
            best, found = part, here
    offsets = np.arange(batch * channels).reshape(batch, channels, *[1] * rank) * product(image)
    return [best, op.Add(found, op.const(offsets, "int64"))]


def _places(
    spatial: Window, image: list[int], windows: list[int], *, by_columns: bool
) -> list[tuple[tuple[int, ...], Array]]:
    """For each place in the window, the flat position in the image that each window has there.

    A position in the padding is replaced by the first one of the window that is a pixel.
    """
    rank = len(image)
    strides = [product(image[:a] if by_columns else image[a + 1 :]) for a in range(rank)]
    flats, pixels = [], []
    kept = list(every(*(range(k) for k in spatial.kernel)))
    for place in kept:
        flat, pixel = np.zeros(windows, np.int64), np.ones(windows, np.bool_)
        for axis, number in enumerate(np.indices(windows)):
            at = number * spatial.strides[axis] - spatial.pads[axis]
            at += place[axis] * spatial.dilations[axis]
            flat += at * strides[axis]
            pixel &= (at >= 0) & (at < image[axis])
        flats.append(flat)
        pixels.append(pixel)
    stacked, inside = np.stack(flats), np.stack(pixels)
    require(bool(inside.any(axis=0).all()), "a window lies in the padding")
    first = np.take_along_axis(stacked, inside.argmax(axis=0)[np.newaxis], axis=0)
    return list(zip(kept, np.where(inside, stacked, first), strict=True))
