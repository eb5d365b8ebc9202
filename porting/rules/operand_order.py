"""Operands in the order that a compiler reads rightly."""

from porting.legalize.ops import Ops
from porting.legalize.rule import require, rule
from porting.model.graph import Node


@rule("Add", "Mul", exactness="exact")
def constant_operand_last(op: Ops, node: Node) -> str:
    """A constant goes behind: c + x = x + c and c * x = x * c.

    Source: ONNX Add-7, Mul-7.
    """
    first, second = node.inputs
    graph = node.graph
    ahead = graph.value(first).is_const and not graph.value(second).is_const
    require(ahead, "its first operand alone is not a constant")
    return op.copy(node, [second, first])[0]
