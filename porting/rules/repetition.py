"""Broadcasting that no compiler undoes."""

import numpy as np

from porting.legalize.ops import Ops
from porting.legalize.rule import known_dtype, require, rule, static_shape
from porting.model.dtypes import FLOATS
from porting.model.graph import Node
from porting.rules.common import product

LARGEST_ONES = 2**20


@rule("Add", "Sub", "Mul", "Div", exactness="exact")
def operand_times_ones(op: Ops, node: Node) -> str:
    """The first operand times ones of the result's shape, where both operands are broadcast.

    Source: ONNX Broadcasting; 1 * x = x, NaN and infinities included.
    """
    graph = node.graph
    first, second = (graph.value(i) for i in node.inputs)
    dtype, after = known_dtype(first, "the first operand"), static_shape(node.output(), "it")
    require(dtype in FLOATS, f"elements are {dtype}")
    shapes = [static_shape(v, "an operand") for v in (first, second)]
    require(after not in shapes, "one operand has the result's shape already")
    require(not first.is_const and not second.is_const, "an operand is constant")
    require(product(after) <= LARGEST_ONES, "the result is too large")
    repeated = op.Mul(node.inputs[0], op.const(np.ones(after), dtype))
    return op.copy(node, [repeated, node.inputs[1]])[0]
