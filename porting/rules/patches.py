"""Images put together from patches, cropped, or filled at places; small determinants; Unique."""

from itertools import product as every

import numpy as np

from porting.legalize.ops import Ops
from porting.legalize.rule import decline, known_constant, known_dtype, require, rule, static_shape
from porting.model.graph import Node
from porting.rules.common import axis_in, float_input, integer, integers, product, shape_of
from porting.rules.indices import MOST_ELEMENTS, require_moderate

MOST_PATCHES = 32


class _Patches:
    """What a Col2Im node puts together, one entry per spatial axis."""

    def __init__(self, node: Node) -> None:
        batch, rows, _ = static_shape(node.input(0), "the input")
        self.image = [int(d) for d in known_constant(node, 1).reshape(-1)]
        self.block = [int(d) for d in known_constant(node, 2).reshape(-1)]
        rank = len(self.image)
        self.strides = list(integers(node, "strides") or (1,) * rank)
        self.dilations = list(integers(node, "dilations") or (1,) * rank)
        self.pads = list(integers(node, "pads") or (0,) * (2 * rank))
        self.batch, self.channels = batch, rows // product(self.block)
        self.counts = [
            (size + self.pads[i] + self.pads[i + rank] - self.reach(i)) // self.strides[i] + 1
            for i, size in enumerate(self.image)
        ]
        require(min(self.counts) > 0 and batch > 0, "there are no patches")

    def reach(self, axis: int) -> int:
        """How far a patch reaches along an axis, its gaps included."""
        return (self.block[axis] - 1) * self.dilations[axis] + 1

    def cut(self, op: Ops, canvas: str, sizes: list[int]) -> str:
        """The image out of a canvas `[N, C, *sizes]` that begins with the padding."""
        rank = len(self.image)
        starts = self.pads[:rank]
        ends = [s + size for s, size in zip(starts, self.image, strict=True)]
        missing = [max(e - size, 0) for e, size in zip(ends, sizes, strict=True)]
        if any(missing):
            canvas = op.pad(canvas, [0] * (rank + 4) + missing)
        axes = [i for i in range(rank) if starts[i] or ends[i] < sizes[i] + missing[i]]
        if not axes:
            return canvas
        first, last = ([values[i] for i in axes] for values in (starts, ends))
        return op.slice(canvas, first, last, [i + 2 for i in axes])


@rule("Col2Im", exactness="exact")
def col2im_to_transpose(op: Ops, node: Node) -> str:
    """Patches side by side: their pixels between their places, by a permutation.

    Source: ONNX Col2Im-18.
    """
    p = _Patches(node)
    rank = len(p.image)
    require(p.strides == p.block and set(p.dilations) == {1}, "the patches overlap or have gaps")
    split = op.reshape(node.inputs[0], [p.batch, p.channels, *p.block, *p.counts])
    order = [0, 1, *(2 + i + j for i in range(rank) for j in (rank, 0))]
    sizes = [n * k for n, k in zip(p.counts, p.block, strict=True)]
    canvas = op.reshape(op.transpose(split, order), [p.batch, p.channels, *sizes])
    return p.cut(op, canvas, sizes)


@rule("Col2Im", exactness="reordered")
def col2im_to_additions(op: Ops, node: Node) -> str:
    """For every place in the patch, what all patches have there is spread, shifted and added.

    Source: ONNX Col2Im-18.
    """
    p = _Patches(node)
    rank, blocks = len(p.image), product(p.block)
    require(blocks <= MOST_PATCHES, f"a patch has more than {MOST_PATCHES} pixels")
    apart = [size for n in p.counts for size in (n, 1)]
    spread = op.reshape(node.inputs[0], [p.batch, p.channels * blocks, *apart])
    gaps = [gap for s in p.strides for gap in (0, s - 1)]
    if any(gaps):
        spread = op.pad(spread, [0] * (2 * rank + 4) + gaps)
    sizes = [n * s for n, s in zip(p.counts, p.strides, strict=True)]
    pieces = op.reshape(spread, [p.batch, p.channels, blocks, *sizes])
    room = [p.reach(i) - 1 for i in range(rank)]
    total = ""
    for index, place in enumerate(every(*(range(k) for k in p.block))):
        piece = op.squeeze(op.slice(pieces, [index], [index + 1], [2]), [2])
        before = [at * d for at, d in zip(place, p.dilations, strict=True)]
        after = [r - b for r, b in zip(room, before, strict=True)]
        moved = op.pad(piece, [0, 0, *before, 0, 0, *after]) if any(room) else piece
        total = op.Add(total, moved) if total else moved
    return p.cut(op, total, [s + r for s, r in zip(sizes, room, strict=True)])


@rule("Col2Im", exactness="conditional")
def col2im_to_transposed_convolution(op: Ops, node: Node) -> str:
    """A transposed convolution of each channel whose kernels each put down one pixel.

    Unless an element is infinite or NaN: it would reach its whole patch, because 0 * inf is NaN.

    Source: ONNX Col2Im-18, ConvTranspose-1.
    """
    p, dtype = _Patches(node), float_input(node)
    blocks = product(p.block)
    require_moderate(p.channels * blocks * blocks)
    kernel = np.tile(np.eye(blocks), (p.channels, 1)).reshape(-1, 1, *p.block)
    x = op.reshape(node.inputs[0], [p.batch, p.channels * blocks, *p.counts])
    canvas = op.ConvTranspose(
        x,
        op.const(kernel, dtype),
        group=p.channels,
        kernel_shape=p.block,
        strides=p.strides,
        dilations=p.dilations,
    )
    spans = zip(p.counts, p.strides, strict=True)
    sizes = [(n - 1) * s + p.reach(axis) for axis, (n, s) in enumerate(spans)]
    return p.cut(op, canvas, sizes)


@rule("CenterCropPad", exactness="exact")
def center_crop_pad_to_slice(op: Ops, node: Node) -> str:
    """Slice where an axis is longer than wanted, zeros on both sides where it is shorter.

    Of an odd difference the smaller half is at the front.

    Source: ONNX CenterCropPad-18.
    """
    shape = shape_of(node.input(0))
    rank = len(shape)
    wanted = [int(d) for d in known_constant(node, 1).reshape(-1)]
    given = integers(node, "axes")
    axes = list(range(rank)) if given is None else [axis_in(a, rank) for a in given]
    starts, pads, cropped = [], [0] * (2 * rank), []
    for axis, size in zip(axes, wanted, strict=True):
        length = shape[axis]
        if not isinstance(length, int):
            decline("the size of an axis is not known; give it with --shape or --dim")
        require(size > 0 and length > 0, "an axis is empty")
        if length > size:
            cropped.append((axis, size))
            starts.append((length - size) // 2)
        pads[axis] = max(size - length, 0) // 2
        pads[axis + rank] = max(size - length, 0) - pads[axis]
    result = node.inputs[0]
    if cropped:
        ends = [s + size for s, (_, size) in zip(starts, cropped, strict=True)]
        result = op.slice(result, starts, ends, [axis for axis, _ in cropped])
    return op.pad(result, pads) if any(pads) else result


@rule("MaxUnpool", exactness="exact")
def max_unpool_to_scatter(op: Ops, node: Node) -> str:
    """The elements written at their flat places into zeros.

    Source: ONNX MaxUnpool-11: places count over the whole result, batch and channels too.
    """
    shape = static_shape(node.input(0), "the input")
    spatial = len(shape) - 2
    kernel = integers(node, "kernel_shape") or (1,) * spatial
    strides, pads = integers(node, "strides") or (1,) * spatial, integers(node, "pads")
    around = pads or (0,) * (2 * spatial)
    sizes = [
        (shape[2 + i] - 1) * strides[i] + kernel[i] - around[i] - around[i + spatial]
        for i in range(spatial)
    ]
    result = [*shape[:2], *sizes]
    if node.input(2) is not None:
        asked = [int(d) for d in known_constant(node, 2).reshape(-1)]
        require(asked == result, "runtimes differ on places in a result of another size")
    require(product(shape) > 0 and min(sizes) > 0, "the input or the result is empty")
    require_moderate(product(result))
    zeros = op.const(np.zeros(product(result)), known_dtype(node.input(0), "the input"))
    x, places = (op.reshape(node.inputs[i], [-1]) for i in (0, 1))
    return op.reshape(op.ScatterElements(zeros, places, x, axis=0), result)


@rule("Det", exactness="conditional")
def det_to_products(op: Ops, node: Node) -> str:
    """A d - b c, and a (e i - f h) - b (d i - f g) + c (d h - e g) for matrices of three rows.

    Unless an element is infinite or NaN, or the products cancel: the error is small beside the
    largest of them, not beside their difference.

    Source: ONNX Det-11; Laplace's expansion along the first row.
    """
    float_input(node)
    *lead, rows, columns = static_shape(node.input(0), "the matrices")
    require(rows == columns and 1 <= rows <= 3, "the matrices have more than three rows")
    require(0 not in lead, "there are no matrices")
    flat = op.reshape(node.inputs[0], [*lead, rows * rows])
    if rows == 1:
        return op.squeeze(flat, [len(lead)])
    parts = op.split(flat, [1] * (rows * rows), len(lead))

    def minor(a: int, b: int, c: int, d: int) -> str:
        return op.Sub(op.Mul(parts[a], parts[d]), op.Mul(parts[b], parts[c]))

    if rows == 2:
        return op.squeeze(minor(0, 1, 2, 3), [len(lead)])
    minors = (minor(4, 5, 7, 8), minor(3, 5, 6, 8), minor(3, 4, 6, 7))
    first, second, third = (op.Mul(parts[i], m) for i, m in enumerate(minors))
    return op.squeeze(op.Add(op.Sub(first, second), third), [len(lead)])


@rule("Unique", exactness="exact")
def unique_to_constants(op: Ops, node: Node) -> list[str]:
    """The different elements or slices of a constant, where each is first, and how often it is.

    Source: ONNX Unique-11: sorted, or in the order in which they are first met.
    """
    array = node.const(0, MOST_ELEMENTS)
    if array is None:
        decline("the input is computed, and with it the shape of the result")
    require(array.dtype != object, "elements are strings")
    require(array.dtype.kind not in "fV" or not np.isnan(array.astype(float)).any(), "one is NaN")
    given = node.attribute("axis")
    axis = axis_in(given, array.ndim) if isinstance(given, int) else None
    found, first, inverse, counts = np.unique(
        array, return_index=True, return_inverse=True, return_counts=True, axis=axis
    )
    if not integer(node, "sorted", 1):
        order = np.argsort(first)
        found = np.take(found, order, axis=axis or 0)
        first, counts = first[order], counts[order]
        inverse = np.argsort(order)[inverse]
    places = [op.const(a.reshape(-1), "int64") for a in (first, inverse, counts)]
    return [op.const(found, known_dtype(node.input(0), "the input")), *places]
