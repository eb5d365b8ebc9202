"""Convolutions of long strides as convolutions over blocks."""

import numpy as np

from porting.legalize.ops import Ops
from porting.legalize.rule import decline, require, rule, static_shape
from porting.model.graph import Node
from porting.rules.common import integer, optional_input, text
from porting.rules.tracing import contents
from porting.rules.windows import window


@rule("Conv", exactness="reordered")
def strided_convolution_over_blocks(op: Ops, node: Node) -> str:
    """A line cut in blocks of one stride: position p of channel c is channel c * stride + p.

    The kernel, of a whole number of strides, then moves by one block. What no window reaches is
    cut off.

    Source: ONNX Conv-1.
    """
    spatial = window(node)
    batch, channels, length = (*static_shape(node.input(0), "the input"), 0)[:3]
    require(len(spatial.kernel) == 1, "it is not one-dimensional")
    require(text(node, "auto_pad", "NOTSET") == "NOTSET", "auto_pad is used")
    require(integer(node, "group") == 1 and spatial.dilations == (1,), "it is dilated or grouped")
    kernel, stride = spatial.kernel[0], spatial.strides[0]
    require(stride > 1, "it moves by one position")
    require(kernel % stride == 0, "its kernel is not a whole number of strides")
    weight = contents(node.graph, node.inputs[1])
    if weight is None:
        decline("its weights are not constant")
    line = node.inputs[0]
    if spatial.is_padded:
        line = op.pad(line, [0, 0, spatial.pads[0], 0, 0, spatial.pads[1]])
        length += sum(spatial.pads)
    blocks = (length - kernel) // stride + kernel // stride
    if blocks * stride < length:
        line = op.slice(line, [0], [blocks * stride], [2])
    cut = op.reshape(line, [batch, channels, blocks, stride])
    moved = op.reshape(op.transpose(cut, [0, 1, 3, 2]), [batch, channels * stride, blocks])
    shape = (len(weight), channels, kernel // stride, stride)
    blocked = np.swapaxes(weight.reshape(shape), 2, 3)
    taps = blocked.reshape(len(weight), channels * stride, kernel // stride)
    inputs = [moved, op.const(taps), optional_input(node, 2)]
    changes = {"kernel_shape": [kernel // stride], "strides": [1], "pads": [0, 0]}
    return op.copy(node, inputs, **changes)[0]
