"""Normalization of each pixel by its neighbours along the channels."""

from porting.legalize.ops import Ops
from porting.legalize.rule import decline, require, rule
from porting.model.graph import Node
from porting.rules.common import HALVES, float_input, integer, number, restore_shape, shape_of

MOST_SLICES = 32


@rule("LRN", exactness="reordered")
def lrn_to_average_pool(op: Ops, node: Node) -> str:
    """X / (bias + alpha * mean(x^2))^beta: the mean of a window along the channels, as of an image.

    Source: ONNX LRN-1: channels beyond the first and the last count as zeros.
    """
    rank, dtype = len(shape_of(node.input(0))), float_input(node)
    require(rank >= 3, "it has no pixels")
    require(dtype not in HALVES, "squares overflow in half precision")
    size = integer(node, "size")
    before = (size - 1) // 2
    square = op.Mul(node.inputs[0], node.inputs[0])
    flat = op.unsqueeze(op.reshape(square, [0, 0, -1]) if rank > 3 else square, [1])
    mean = op.AveragePool(
        flat,
        kernel_shape=[size, 1],
        strides=[1, 1],
        pads=[before, 0, size - 1 - before, 0],
        count_include_pad=1,
    )
    total = op.squeeze(mean, [1])
    if rank > 3:
        total = restore_shape(op, total, node.inputs[0])
    return _normalized(op, node, total, 1.0, dtype)


@rule("LRN", exactness="reordered")
def lrn_to_slices(op: Ops, node: Node) -> str:
    """X / (bias + alpha / size * sum(x^2))^beta, the sum of slices of the padded channels.

    Source: ONNX LRN-1: channels beyond the first and the last count as zeros.
    """
    shape, dtype, size = shape_of(node.input(0)), float_input(node), integer(node, "size")
    channels = shape[1] if len(shape) > 1 else None
    require(dtype not in HALVES, "squares overflow in half precision")
    if not isinstance(channels, int):
        decline("the number of channels is not known")
    require(size <= MOST_SLICES, f"the window has more than {MOST_SLICES} channels")
    before, rank = (size - 1) // 2, len(shape)
    pads = [0] * (2 * rank)
    pads[1], pads[1 + rank] = before, size - 1 - before
    square = op.Mul(node.inputs[0], node.inputs[0])
    padded = op.pad(square, pads) if size > 1 else square
    total = ""
    for start in range(size):
        part = op.slice(padded, [start], [start + channels], [1])
        total = op.Add(total, part) if total else part
    return _normalized(op, node, total, 1.0 / size, dtype)


def _normalized(op: Ops, node: Node, total: str, share: float, dtype: str) -> str:
    """The input over (bias + alpha * share * total)^beta."""
    alpha, beta, bias = (number(node, name) for name in ("alpha", "beta", "bias"))
    base = op.Add(op.Mul(total, op.const(alpha * share, dtype)), op.const(bias, dtype))
    return op.Div(node.inputs[0], op.Pow(base, op.const(beta, dtype)))
