"""Older forms of reductions, ArgMax, Softmax and TopK."""

from collections.abc import Sequence

from porting.legalize.ops import Ops
from porting.legalize.rule import known_dtype, known_rank, require, rule, static_shape
from porting.model.dtypes import FLOATS
from porting.model.graph import Node
from porting.rules.opset_common import REDUCTIONS, front_axis, integer, ints, optional_ints

_SIMPLE = frozenset({"ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum"})
"""Reductions that give a single element back as it is."""


def _reduced(op: Ops, node: Node) -> str:
    x, axes = node.inputs[0], optional_ints(node, "axes")
    keepdims = node.attribute("keepdims")
    if axes or not node.attribute("noop_with_empty_axes"):
        return op.node(node.op_type, [x], axes=axes or None, keepdims=keepdims)[0]
    if node.op_type in _SIMPLE:
        return x
    rank = known_rank(node.input(0), "data")
    return op.node(node.op_type, [op.unsqueeze(x, [rank])], axes=[rank], keepdims=0)[0]


@rule(
    *REDUCTIONS,
    exactness="exact",
    versions=(18,),
)
def opset_axes_attribute(op: Ops, node: Node) -> str:
    """The axes become an attribute; they have to be constant.

    With no axes and noop_with_empty_axes, one element is reduced: what remains of ReduceL1 is the
    absolute value, and so on. It is written as the reduction of a new axis of length 1.

    Source: ONNX Reduce*-18.
    """
    return _reduced(op, node)


@rule("ReduceSum", exactness="exact", versions=(13,))
def opset_sum_axes_attribute(op: Ops, node: Node) -> str:
    """The axes become an attribute; they have to be constant.

    Source: ONNX ReduceSum-13.
    """
    return _reduced(op, node)


@rule("ArgMax", "ArgMin", exactness="exact", versions=(12,))
def opset_last_index(op: Ops, node: Node) -> str:
    """The last index of the extreme is n - 1 minus the first one of the reversed axis.

    Source: ONNX ArgMax-12, select_last_index.
    """
    shape = static_shape(node.input(0), "data")
    axis = front_axis(node)
    length = shape[axis]
    ends, axes, steps = op.shape([-length - 1]), op.shape([axis]), op.shape([-1])
    backwards = op.Slice(node.inputs[0], op.shape([-1]), ends, axes, steps)
    index = op.copy(node, [backwards], axis=axis, select_last_index=None)[0]
    return op.Sub(op.const(length - 1, dtype="int64"), index)


@rule("Softmax", "LogSoftmax", "Hardmax", exactness="exact", versions=(13,))
def opset_softmax_last_axis(op: Ops, node: Node) -> str:
    """Brings the axis to the end: before opset 13 `axis` stands for all axes from there on.

    Source: ONNX Softmax-11, Softmax-13.
    """
    rank = known_rank(node.input(0), "input")
    axis = front_axis(node)
    perm = list(range(rank))
    perm[axis], perm[-1] = perm[-1], perm[axis]
    turned = op.transpose(node.inputs[0], perm)
    return op.transpose(op.node(node.op_type, [turned], axis=rank - 1)[0], perm)


@rule("TopK", exactness="exact", versions=(11,))
def opset_topk_largest(op: Ops, node: Node) -> Sequence[str]:
    """The smallest are the largest of the negated; sorted results are one of the unsorted ones.

    Source: ONNX TopK-11.
    """
    dtype = known_dtype(node.input(0), "X")
    require(dtype in FLOATS, f"TopK-10 does not take {dtype}")
    axis = integer(node, "axis")
    axis = axis if axis == -1 else front_axis(node)
    x, k = node.inputs
    largest = bool(node.attribute("largest"))
    found = op.node("TopK", [x if largest else op.Neg(x), k], outputs=2, axis=axis)
    return found if largest else [op.Neg(found[0]), found[1]]


@rule("TopK", exactness="exact", versions=(10,))
def opset_topk_k_attribute(op: Ops, node: Node) -> Sequence[str]:
    """The count becomes an attribute; it has to be constant.

    Source: ONNX TopK-10.
    """
    k = ints(node, 1)[0]
    return op.node("TopK", node.inputs[:1], outputs=2, axis=node.attribute("axis"), k=k)
