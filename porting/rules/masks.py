"""Constants of masks that lie beyond half precision, wherever the mask is put together."""

import numpy as np

from porting.legalize.ops import Ops
from porting.legalize.rule import decline, require, rule
from porting.model.graph import Node
from porting.model.value import Array
from porting.rules.tracing import contents, leads_to_softmax

FILL = -1e4
"""A mask that every element type holds, together with a score beside it."""


@rule("Add", "Mul", "Where", exactness="conditional")
def mask_constant_of_ten_thousand(op: Ops, node: Node) -> str:
    """A constant below -10000 held above it, where it only keeps scores out of softmaxes.

    The exponential of a score that it is added to, or chosen for, is 0 all the same, unless a row
    is masked altogether, a masked score is greater by thousands than those that its row keeps, or
    what it is multiplied with is neither 0 nor 1.

    Source: ONNX Softmax-13.
    """
    index, array = masking_constant(node)
    inputs = list(node.inputs)
    inputs[index] = op.const(np.maximum(array, np.array(FILL, array.dtype)))
    return op.copy(node, inputs)[0]


def masking_constant(node: Node) -> tuple[int, Array]:
    """The input that is a mask's constant, and what it holds; declines where there is none."""
    for index in (1, 2) if node.op_type == "Where" else (0, 1):
        array = contents(node.graph, node.inputs[index])
        if array is None or array.size == 0 or array.dtype.kind in "biu":
            continue
        numbers = array.astype(np.float64)
        if numbers.min() < FILL and numbers.max() <= -FILL:  # false for NaN
            require(leads_to_softmax(node), "its result goes elsewhere than to a softmax")
            return index, array
    return decline("no constant of it is below -10000")
