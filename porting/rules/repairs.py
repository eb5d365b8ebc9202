"""Windows, recurrences and quantisation written so that nothing is left to a default or to padding.

Toolchains pad with another number than ONNX, count padding otherwise, or need an operand that may
be left out.
"""

import numpy as np

from porting.legalize.ops import Ops
from porting.legalize.rule import decline, known_dtype, require, rule, static_shape
from porting.model.graph import Node
from porting.model.value import Array
from porting.rules.common import (
    float_input,
    integer,
    optional_input,
    product,
    spatial_shape,
    text,
    wants,
)
from porting.rules.indices import from_front
from porting.rules.recurrent_cells import RECURRENT
from porting.rules.windows import Window, window


def _padded_window(node: Node) -> Window:
    """The window of a pool that is padded, with whole windows only."""
    spatial = window(node)
    require(text(node, "auto_pad", "NOTSET") == "NOTSET", "auto_pad is used")
    require(spatial.is_padded, "it is not padded")
    require(not integer(node, "ceil_mode", 0), "ceil_mode is set")
    require(max(spatial.dilations) == 1, "it is dilated")
    sides = zip(spatial.kernel * 2, spatial.pads, strict=True)
    require(all(0 <= p < k for k, p in sides), "a window may lie in the padding altogether")
    return spatial


def _around(spatial: Window) -> list[int]:
    """The pads of all axes."""
    half = len(spatial.kernel)
    return [0, 0, *spatial.pads[:half], 0, 0, *spatial.pads[half:]]


@rule("MaxPool", exactness="exact")
def max_pool_of_repeated_edges(op: Ops, node: Node) -> str:
    """The padding as repetitions of the edge, and MaxPool without padding.

    A window that reaches into the padding holds the edge itself, so that nothing changes; padding
    with -inf would need a number that quantisation cannot hold.

    Source: ONNX MaxPool-1, Pad-2.
    """
    require(not wants(node, 1), "the indices are wanted")
    spatial = _padded_window(node)
    pads = _around(spatial)
    x = node.inputs[0]
    padded = op.Pad(x, op.shape(pads), mode="edge") if op.opset >= 11 else ""
    padded = padded or op.Pad(x, pads=pads, mode="edge")
    return op.copy(node, [padded], pads=None)[0]


@rule("AveragePool", exactness="exact")
def average_pool_of_zeros(op: Ops, node: Node) -> str:
    """Padding that is counted as zeros in front of an AveragePool without padding.

    Source: ONNX AveragePool-7, Pad-2.
    """
    require(integer(node, "count_include_pad", 0) == 1, "padding is not counted")
    padded = op.pad(node.inputs[0], _around(_padded_window(node)))
    return op.copy(node, [padded], pads=None, count_include_pad=None)[0]


@rule("AveragePool", exactness="reordered")
def average_pool_rescaled(op: Ops, node: Node) -> str:
    """The average with padding counted, times size / count, a constant for each position.

    Source: ONNX AveragePool-7: the count is that of the elements within the image.
    """
    require(integer(node, "count_include_pad", 0) == 0, "padding is counted")
    float_input(node)
    spatial = _padded_window(node)
    counts = np.ones((), np.float64)
    for axis, size in enumerate(spatial_shape(node.input(0))):
        counts = np.multiply.outer(counts, _inside(spatial, axis, size))
    require(bool((counts > 0).all()), "a window lies in the padding altogether")
    average = op.copy(node, count_include_pad=1)[0]
    factors = product(spatial.kernel) / counts
    return op.Mul(average, op.const(factors[np.newaxis, np.newaxis], like=average))


def _inside(spatial: Window, axis: int, size: int) -> Array:
    """How many elements of each window lie within the image, along one axis."""
    kernel, stride = spatial.kernel[axis], spatial.strides[axis]
    before, after = spatial.pads[axis], spatial.pads[axis + len(spatial.kernel)]
    windows = (size + before + after - kernel) // stride + 1
    starts = np.arange(max(windows, 0)) * stride - before
    return np.minimum(starts + kernel, size) - np.maximum(starts, 0)


@rule("GatherElements", exactness="exact")
def elements_from_front(op: Ops, node: Node) -> list[str]:
    """Constant negative indices counted from the front.

    Source: ONNX GatherElements-11.
    """
    shape = static_shape(node.input(0), "the data")
    array = node.const(1)
    require(array is not None and bool((array < 0).any()), "no constant index is negative")
    axis = integer(node, "axis", 0)
    require(-len(shape) <= axis < len(shape), "the axis is outside the rank")
    return op.copy(node, [node.inputs[0], from_front(op, node, 1, [shape[axis]])])


@rule(*RECURRENT, exactness="exact")
def recurrent_bias_written(op: Ops, node: Node) -> list[str]:
    """Biases of zero where they are left out.

    Source: ONNX LSTM-7, GRU-7, RNN-7: zeros are the default.
    """
    require(optional_input(node, 3) is None, "it has biases")
    directions, gates, _ = static_shape(node.input(2), "the recurrent weight")
    zeros = np.zeros((directions, 2 * gates))
    return op.copy(node, _with(node, {3: op.const(zeros, like=node.inputs[2])}))


@rule(*RECURRENT, exactness="exact")
def recurrent_states_written(op: Ops, node: Node) -> list[str]:
    """First states of zero where they are left out.

    Source: ONNX LSTM-7, GRU-7, RNN-7: zeros are the default.
    """
    states = [5, 6] if node.op_type == "LSTM" else [5]
    missing = [s for s in states if optional_input(node, s) is None]
    require(bool(missing), "it has first states")
    require(integer(node, "layout", 0) == 0, "the batch comes first")
    directions, _, hidden = static_shape(node.input(2), "the recurrent weight")
    batch = static_shape(node.input(0), "the input")[1]
    zeros = op.const(np.zeros((directions, batch, hidden)), like=node.inputs[0])
    return op.copy(node, _with(node, dict.fromkeys(missing, zeros)))


def _with(node: Node, added: dict[int, str]) -> list[str | None]:
    """The inputs of a node and more, by position."""
    count = max(len(node.inputs), *(i + 1 for i in added))
    return [added.get(i) or optional_input(node, i) for i in range(count)]


@rule("QuantizeLinear", "DequantizeLinear", exactness="exact")
def zero_point_written(op: Ops, node: Node) -> list[str]:
    """A zero point of 0 where it is left out.

    Source: ONNX QuantizeLinear-10, DequantizeLinear-10: 0 is the default.
    """
    require(optional_input(node, 2) is None, "it has a zero point")
    quantised = node.output() if node.op_type == "QuantizeLinear" else node.input(0)
    dtype = known_dtype(quantised, "the quantised value")
    require(dtype != "int32", "int32 has no zero point")
    shape = static_shape(node.input(1), "the scale")
    return op.copy(node, [*node.inputs[:2], op.const(np.zeros(shape), dtype)])


@rule("NonMaxSuppression", exactness="reordered")
def boxes_by_corners(op: Ops, node: Node) -> list[str]:
    """Boxes given by centre and size, (x, y, w, h), as corners (y - h/2, x - w/2, ...).

    Source: ONNX NonMaxSuppression-10.
    """
    if integer(node, "center_point_box", 0) != 1:
        decline("boxes are given by corners")
    boxes = node.inputs[0]
    half = op.const(0.5, like=boxes)
    centre, size = (op.Gather(boxes, op.shape(i), axis=2) for i in ([1, 0], [3, 2]))
    reach = op.Mul(size, half)
    corners = op.Concat(op.Sub(centre, reach), op.Add(centre, reach), axis=2)
    return op.copy(node, [corners, *node.inputs[1:]], center_point_box=None)
