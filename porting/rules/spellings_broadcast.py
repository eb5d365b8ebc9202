"""Broadcasting that is written out, operand by operand."""

import numpy as np

from porting.legalize.ops import Ops
from porting.legalize.rule import require, rule, static_shape
from porting.model.graph import Node
from porting.rules.common import product
from porting.rules.tracing import contents

ARITHMETIC = ("Add", "Sub", "Mul", "Div", "Max", "Min", "Pow", "Less", "Greater", "Equal")

LARGEST_CONSTANT = 2**22
"""Elements up to which a constant is repeated in the file."""


@rule(*ARITHMETIC, exactness="exact")
def first_operand_expanded(op: Ops, node: Node) -> str:
    """The first operand repeated to the shape of the result.

    Source: ONNX Broadcasting, Expand-8.
    """
    return _expanded(op, node, 0)


@rule(*ARITHMETIC, "PRelu", exactness="exact")
def second_operand_expanded(op: Ops, node: Node) -> str:
    """The second operand repeated to the shape of the result.

    Source: ONNX Broadcasting, Expand-8.
    """
    return _expanded(op, node, 1)


def _expanded(op: Ops, node: Node, index: int) -> str:
    require(len(node.inputs) == 2, "it has not two operands")
    name = node.inputs[index]
    before = static_shape(node.graph.value(name), "the operand")
    after = static_shape(node.output(), "the result")
    require(before != after, "the operand has the result's shape already")
    inputs: list[str | None] = [*node.inputs]
    array = contents(node.graph, name, LARGEST_CONSTANT)
    require(array is None or array.size != 1, "one constant number fits everything")
    if array is not None:
        require(product(after) <= LARGEST_CONSTANT, "the result is too large")
        inputs[index] = op.const(np.broadcast_to(array, after))
    else:
        inputs[index] = op.Expand(name, op.shape(after))
    return op.copy(node, inputs)[0]
