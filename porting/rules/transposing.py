"""Permutations in parts of lower rank, and blocks of pixels without tensors of rank 6."""

from collections.abc import Sequence

import numpy as np

from porting.legalize.ops import Ops
from porting.legalize.rule import decline, require, rule, static_shape
from porting.model.graph import Node
from porting.rules.common import float_input, integer, integers, product, text

MOST_BLOCKS = 64


def _permutation(node: Node) -> tuple[list[int], list[int]]:
    """The lengths of the axes and their order, axes of length 1 left out."""
    shape, perm = static_shape(node.input(0), "the input"), integers(node, "perm")
    if not perm:
        decline("the rank of the input is not known or 0")
    require(0 not in shape, "the input is empty")
    kept = [axis for axis, size in enumerate(shape) if size > 1]
    order = [kept.index(axis) for axis in perm if axis in kept]
    return [shape[axis] for axis in kept], order


def _merged(sizes: Sequence[int], order: Sequence[int]) -> tuple[list[int], list[int]]:
    """The same permutation with axes that stay next to each other taken as one."""
    runs: list[list[int]] = []
    for axis in order:
        if runs and runs[-1][-1] + 1 == axis:
            runs[-1].append(axis)
        else:
            runs.append([axis])
    ranked = sorted(runs)
    lengths = [product([sizes[axis] for axis in run]) for run in ranked]
    return lengths, [ranked.index(run) for run in runs]


@rule("Transpose", exactness="exact")
def transpose_of_merged_axes(op: Ops, node: Node) -> str:
    """Axes that stay next to each other are taken as one, and axes of 1 are left out.

    Source: ONNX Transpose-1, Reshape-5.
    """
    sizes, order = _permutation(node)
    lengths, merged = _merged(sizes, order)
    rank = len(static_shape(node.input(0), "the input"))
    require(1 < len(merged) < rank, "no two axes stay next to each other")
    moved = op.transpose(op.reshape(node.inputs[0], lengths), merged)
    return op.reshape(moved, static_shape(node.output(), "the result"))


@rule("Transpose", exactness="exact")
def transpose_by_swaps(op: Ops, node: Node) -> str:
    """A chain of swaps of two neighbouring runs of axes, each a Transpose of rank 4 at most.

    The next run of the result is taken to the front of what is not yet in place.

    Source: ONNX Transpose-1, Reshape-5.
    """
    sizes, order = _permutation(node)
    lengths, wanted = _merged(sizes, order)
    require(len(wanted) > 3, "it swaps two runs of axes at most")
    result, current = node.inputs[0], list(range(len(lengths)))
    for place, axis in enumerate(wanted):
        at = current.index(axis)
        if at == place:
            continue
        end = at + 1
        while end < len(current) and current[end] == wanted[place + end - at]:
            end += 1
        parts = [current[:place], current[place:at], current[at:end], current[end:]]
        result = _swapped(op, result, [product([lengths[a] for a in part]) for part in parts])
        current = parts[0] + parts[2] + parts[1] + parts[3]
    return op.reshape(result, static_shape(node.output(), "the result"))


def _swapped(op: Ops, x: str, parts: Sequence[int]) -> str:
    """The two parts in the middle of four swapped; outer ones of length 1 are left out."""
    first, last = parts[0] > 1, parts[3] > 1
    sizes = [*[parts[0]] * first, *parts[1:3], *[parts[3]] * last]
    perm = [*[0] * first, first + 1, int(first), *[first + 2] * last]
    return op.transpose(op.reshape(x, sizes), perm)


def _blocks(node: Node) -> tuple[int, list[int]]:
    """The size of the blocks, and the shape of the input."""
    shape = list(static_shape(node.input(0), "the input"))
    require(len(shape) == 4 and 0 not in shape, "the input has not four axes, or is empty")
    return integer(node, "blocksize"), shape


@rule("SpaceToDepth", exactness="exact")
def space_to_depth_to_slices(op: Ops, node: Node) -> str:
    """For every place in a block the pixels there, as a strided Slice, joined as channels.

    Source: ONNX SpaceToDepth-1.
    """
    require(text(node, "mode", "DCR") == "DCR", "its mode is not DCR")
    block, shape = _blocks(node)
    require(block * block <= MOST_BLOCKS, f"a block has more than {MOST_BLOCKS} pixels")
    require(op.opset >= 10, "Slice has no steps below opset 10")
    ends, axes, steps = op.shape(shape[2:]), op.shape([2, 3]), op.shape([block, block])
    starts = [op.shape([row, column]) for row in range(block) for column in range(block)]
    parts = [op.Slice(node.inputs[0], start, ends, axes, steps) for start in starts]
    return op.Concat(*parts, axis=1)


def _one_hot_kernel(block: int, channels: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """Kernels `[pixels * channels, channels, block, block]` of one pixel and one channel each."""
    require(block**4 * channels**2 <= 2**20, "the kernel would be large")
    kernel = np.zeros((block, block, channels, channels, block, block))
    rows, columns, c = np.indices((block, block, channels))
    kernel[rows, columns, c, c, rows, columns] = 1.0
    return kernel.reshape(-1, channels, block, block)


@rule("SpaceToDepth", exactness="conditional")
def space_to_depth_to_convolution(op: Ops, node: Node) -> str:
    """A convolution whose kernels each pick one pixel of a block and one channel.

    Unless an element is infinite or NaN: it would reach its whole block, because 0 * inf is NaN.

    Source: ONNX SpaceToDepth-1, Conv-1.
    """
    dtype = float_input(node)
    require(text(node, "mode", "DCR") == "DCR", "its mode is not DCR")
    block, shape = _blocks(node)
    kernel = op.const(_one_hot_kernel(block, shape[1]), dtype)
    sides = [block, block]
    return op.Conv(node.inputs[0], kernel, kernel_shape=sides, strides=sides)


@rule("DepthToSpace", exactness="conditional")
def depth_to_space_to_transposed_convolution(op: Ops, node: Node) -> str:
    """A transposed convolution whose kernels each put one channel at one pixel of a block.

    Unless an element is infinite or NaN: it would reach its whole block, because 0 * inf is NaN.

    Source: ONNX DepthToSpace-11, with its two orders DCR and CRD; ConvTranspose-1.
    """
    dtype = float_input(node)
    block, shape = _blocks(node)
    depth = shape[1] // (block * block)
    kernel = _one_hot_kernel(block, depth)
    if text(node, "mode", "DCR") == "CRD":
        split = kernel.reshape(block, block, depth, depth, block, block)
        kernel = np.moveaxis(split, 2, 0).reshape(kernel.shape)
    sides = [block, block]
    weight = op.const(np.ascontiguousarray(kernel), dtype)
    return op.ConvTranspose(node.inputs[0], weight, kernel_shape=sides, strides=sides)
