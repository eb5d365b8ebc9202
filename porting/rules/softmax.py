"""Softmax, LogSoftmax and Hardmax: along the last axis, over rows as of old, or spelled out."""

from porting.legalize.ops import Ops
from porting.legalize.rule import decline, known_rank, require, rule
from porting.model.graph import Node
from porting.rules.common import axis_in, float_input, integer, restore_shape

FAMILY = ("Softmax", "LogSoftmax", "Hardmax")


def _axis(node: Node) -> tuple[int, int]:
    rank = known_rank(node.input(0), "the input")
    require(rank > 0, "the input is a scalar")
    return axis_in(integer(node, "axis"), rank), rank


@rule(*FAMILY, exactness="exact", versions=(13,))
def softmax_along_last_axis(op: Ops, node: Node) -> str:
    """The axis is swapped with the last one, and swapped back afterwards.

    Source: ONNX Softmax-13; along the last axis its older versions mean the same.
    """
    axis, rank = _axis(node)
    require(axis != rank - 1, "the axis is the last one already")
    perm = list(range(rank))
    perm[axis], perm[-1] = perm[-1], perm[axis]
    swapped = op.transpose(node.inputs[0], perm)
    result = op.node(node.op_type, [swapped], axis=rank - 1)[0]
    return op.transpose(result, perm)


@rule(*FAMILY, exactness="exact", versions=(1, 11))
def softmax_of_rows(op: Ops, node: Node) -> str:
    """Flatten to two dimensions at the axis, along the last axis, and back to the shape.

    Source: ONNX Softmax-1 and -11: the input is coerced to two dimensions, and each row sums to 1.
    """
    axis, rank = _axis(node)
    x = node.inputs[0]
    require(rank != 2 or axis != 1, "it is along the rows of a matrix already")
    if axis == rank - 1:
        return op.node(node.op_type, [x], axis=axis)[0]
    rows = op.node(node.op_type, [op.Flatten(x, axis=axis)], axis=1)[0]
    return restore_shape(op, rows, x)


@rule("LogSoftmax", exactness="reordered", versions=(13,))
def log_softmax_to_log_sum_exp(op: Ops, node: Node) -> str:
    """(x - m) - log(sum(exp(x - m))), with m the maximum along the axis.

    Never log(softmax(x)), which is -inf where the exponential underflows.

    Source: the function body of ONNX LogSoftmax-13; Blanchard, Higham and Higham (2021).
    """
    axis, shifted = _shifted(op, node)
    total = op.reduce("ReduceSum", op.Exp(shifted), [axis])
    return op.Sub(shifted, op.Log(total))


@rule("Softmax", exactness="reordered", versions=(13,))
def softmax_to_exp(op: Ops, node: Node) -> str:
    """exp(x - m) / sum(exp(x - m)), with m the maximum along the axis.

    Source: the function body of ONNX Softmax-13.
    """
    axis, shifted = _shifted(op, node)
    powers = op.Exp(shifted)
    return op.Div(powers, op.reduce("ReduceSum", powers, [axis]))


def _shifted(op: Ops, node: Node) -> tuple[int, str]:
    """The axis, and the input less its maximum along it."""
    x = node.inputs[0]
    float_input(node)
    axis, _ = _axis(node)
    if node.graph.value(x).size == 0:
        decline("the input is empty")
    return axis, op.Sub(x, op.reduce("ReduceMax", x, [axis]))
