"""Convolutions in forms with fewer kinds of padding, rank and grouping."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from porting.legalize.ops import Ops
from porting.legalize.rule import decline, known_constant, known_rank, require, rule, static_shape
from porting.model.graph import Node
from porting.rules.common import (
    along_channels,
    finite,
    integer,
    integers,
    optional_input,
    shape_of,
    text,
)
from porting.rules.windows import window

MOST_GROUPS = 64


@rule("Conv", exactness="exact")
def convolution_with_pad_apart(op: Ops, node: Node) -> list[str]:
    """Padding that differs between the two sides of an axis as a Pad with zeros before.

    What both sides have in common stays with the convolution.

    Source: ONNX Conv-1, Pad-2.
    """
    require(text(node, "auto_pad", "NOTSET") == "NOTSET", "auto_pad is used")
    pads = window(node).pads
    half = len(pads) // 2
    common = [min(a, b) for a, b in zip(pads[:half], pads[half:], strict=True)]
    extra = [p - c for p, c in zip(pads, [*common, *common], strict=True)]
    require(any(extra), "both sides are padded alike")
    padded = op.pad(node.inputs[0], [0, 0, *extra[:half], 0, 0, *extra[half:]])
    return op.copy(node, [padded, *node.inputs[1:]], pads=[*common, *common])


@rule("Conv", "ConvTranspose", exactness="exact")
def convolution_of_lines_to_images(op: Ops, node: Node) -> str:
    """A one-dimensional convolution as a two-dimensional one over images of height 1.

    Source: ONNX Conv-1, ConvTranspose-1.
    """
    require(known_rank(node.input(0), "the input") == 3, "it is not one-dimensional")
    spatial = window(node)
    changes: dict[str, Any] = {
        "kernel_shape": [1, *spatial.kernel],
        "strides": [1, *spatial.strides],
        "dilations": [1, *spatial.dilations],
    }
    if text(node, "auto_pad", "NOTSET") == "NOTSET":
        changes["pads"] = [0, spatial.pads[0], 0, spatial.pads[1]]
    for name, first in (("output_padding", 0), ("output_shape", 1)):
        given = integers(node, name) if name in node.attributes else None
        if given is not None:
            changes[name] = [first, *given]
    image = op.unsqueeze(node.inputs[0], [2])
    weight = op.unsqueeze(node.inputs[1], [2])
    inputs = [image, weight, optional_input(node, 2)]
    return op.squeeze(op.copy(node, inputs, **changes)[0], [2])


@rule("Conv", exactness="exact")
def grouped_convolution_to_split(op: Ops, node: Node) -> str:
    """Each group convolved by itself, the results concatenated along the channels.

    Source: ONNX Conv-1.
    """
    groups, shape = integer(node, "group"), shape_of(node.input(0))
    require(groups > 1, "it has one group")
    require(groups <= MOST_GROUPS, f"it has more than {MOST_GROUPS} groups")
    channels = shape[1]
    if not isinstance(channels, int):
        decline("the number of channels is not known")
    outputs = static_shape(node.input(1), "the weight")[0]
    parts = op.split(node.inputs[0], [channels // groups] * groups, axis=1)
    weights = op.split(node.inputs[1], [outputs // groups] * groups, axis=0)
    bias = optional_input(node, 2)
    biases: list[str | None] = [None] * groups
    if bias is not None:
        biases = [*op.split(bias, [outputs // groups] * groups, axis=0)]
    results = [
        op.copy(node, [*operands], group=None)[0]
        for operands in zip(parts, weights, biases, strict=True)
    ]
    return op.Concat(*results, axis=1)


@rule("Conv", exactness="reordered")
def pointwise_convolution_to_matmul(op: Ops, node: Node) -> str:
    """A kernel of one pixel as a matrix product over the channels of every pixel.

    Source: ONNX Conv-1, MatMul-1.
    """
    spatial, shape = window(node), shape_of(node.input(0))
    plain = set(spatial.kernel) == set(spatial.strides) == {1} and not spatial.is_padded
    require(plain, "its kernel is not one pixel, or it is padded or strided")
    require(integer(node, "group") == 1, "it has several groups")
    weight = static_shape(node.input(1), "the weight")
    sizes = [d for d in shape[2:] if isinstance(d, int)]
    require(len(sizes) == len(shape) - 2 and 0 not in sizes, "the spatial shape is not static")
    pixels = op.reshape(node.inputs[0], [0, weight[1], -1])
    result = op.MatMul(op.reshape(node.inputs[1], weight[:2]), pixels)
    if optional_input(node, 2) is not None:
        array = node.const(2)
        column = op.const(array.reshape(-1, 1)) if array is not None else None
        result = op.Add(result, column or op.unsqueeze(node.inputs[2], [1]))
    return op.reshape(result, [0, weight[0], *sizes])


@rule("ConvTranspose", exactness="exact")
def output_padding_to_pads(op: Ops, node: Node) -> list[str]:
    """Output padding as less padding at the end, where that is large enough.

    Source: ONNX ConvTranspose-1: both only move where the result ends.
    """
    require(text(node, "auto_pad", "NOTSET") == "NOTSET", "auto_pad is used")
    require("output_shape" not in node.attributes, "output_shape is used")
    extra, pads = integers(node, "output_padding") or (), window(node).pads
    require(any(extra), "it has no output padding")
    half = len(pads) // 2
    ends = [end - more for end, more in zip(pads[half:], extra, strict=True)]
    require(min(ends) >= 0, "the padding at the end is smaller than the output padding")
    return op.copy(node, output_padding=None, pads=[*pads[:half], *ends])


@rule("ConvTranspose", exactness="exact")
def output_padding_to_zeros(op: Ops, node: Node) -> str:
    """Output padding beyond the padding at the end as zeros behind the result; the bias after that.

    Nothing but the bias reaches there.

    Source: ONNX ConvTranspose-1.
    """
    require(text(node, "auto_pad", "NOTSET") == "NOTSET", "auto_pad is used")
    require("output_shape" not in node.attributes, "output_shape is used")
    extra, pads = integers(node, "output_padding") or (), window(node).pads
    half = len(pads) // 2
    ends = [end - more for end, more in zip(pads[half:], extra, strict=False)]
    require(min(ends, default=0) < 0, "the padding at the end is not smaller")
    inside = [max(end, 0) for end in ends]
    bias = optional_input(node, 2)
    pads = (*pads[:half], *inside)
    result = op.copy(node, list(node.inputs[:2]), output_padding=None, pads=list(pads))[0]
    result = op.pad(result, [0] * (half + 4) + [max(-end, 0) for end in ends])
    return op.Add(result, along_channels(op, node, 2, half + 2)) if bias is not None else result


@rule("ConvTranspose", exactness="reordered")
def transposed_convolution_to_convolution(op: Ops, node: Node) -> str:
    """A convolution with the kernel turned round, over the input with zeros between its elements.

    Only for a finite constant kernel, because it is multiplied with these zeros. Padding takes
    away from the result; where it takes more than the kernel reaches, the rule does not apply.

    Source: ONNX ConvTranspose-1; Dumoulin and Visin, A guide to convolution arithmetic, 2016.
    """
    require(text(node, "auto_pad", "NOTSET") == "NOTSET", "auto_pad is used")
    require("output_shape" not in node.attributes, "output_shape is used")
    spatial, weight = window(node), known_constant(node, 1)
    require(finite(weight), "the kernel has an element that is infinite or NaN")
    rank, groups = len(spatial.kernel), integer(node, "group")
    extra = integers(node, "output_padding") or (0,) * rank
    reach = [e - 1 for e in spatial.extents]
    starts = [r - p for r, p in zip(reach, spatial.pads, strict=False)]
    ends = [r - p + m for r, p, m in zip(reach, spatial.pads[rank:], extra, strict=True)]
    require(min(*starts, *ends) >= 0, "it is padded by more than the kernel reaches")
    turned = np.flip(weight, tuple(range(2, rank + 2)))
    split = turned.reshape(groups, -1, *weight.shape[1:])
    kernel = np.swapaxes(split, 1, 2).reshape(-1, split.shape[1], *spatial.kernel)
    x = _spread(op, node, spatial.strides) if max(spatial.strides) > 1 else node.inputs[0]
    return op.Conv(
        x,
        op.const(np.ascontiguousarray(kernel)),
        optional_input(node, 2),
        dilations=list(spatial.dilations),
        group=groups,
        kernel_shape=list(spatial.kernel),
        pads=[*starts, *ends],
        strides=[1] * rank,
    )


def _spread(op: Ops, node: Node, strides: Sequence[int]) -> str:
    """The input with zeros between its elements, and none behind the last."""
    shape, rank = static_shape(node.input(0), "the input"), len(strides)
    require(min(shape) > 0, "the input is empty")
    apart = op.reshape(node.inputs[0], [*shape[:2], *(n for d in shape[2:] for n in (d, 1))])
    gaps = [gap for stride in strides for gap in (0, stride - 1)]
    wide = op.pad(apart, [0] * (2 * rank + 4) + gaps)
    sizes = [d * s for d, s in zip(shape[2:], strides, strict=True)]
    flat = op.reshape(wide, [*shape[:2], *sizes])
    kept = [(d - 1) * s + 1 for d, s in zip(shape[2:], strides, strict=True)]
    return op.slice(flat, [0] * rank, kept, range(2, rank + 2))


@rule("Conv", exactness="conditional")
def dilated_convolution_to_dense(op: Ops, node: Node) -> list[str]:
    """A constant dilated kernel with its gaps written as zeros.

    Unless an element is infinite or NaN: within a gap it would reach the result.

    Source: ONNX Conv-1.
    """
    spatial = window(node)
    require(max(spatial.dilations) > 1, "it is not dilated")
    weight = known_constant(node, 1)
    dense = np.zeros((*weight.shape[:2], *spatial.extents), weight.dtype)
    taps = [slice(None, None, d) for d in (1, 1, *spatial.dilations)]
    dense[tuple(taps)] = weight
    inputs: list[str | None] = [node.inputs[0], op.const(dense), *node.inputs[2:]]
    return op.copy(node, inputs, kernel_shape=spatial.extents, dilations=None)
