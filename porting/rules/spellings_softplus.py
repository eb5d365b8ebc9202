"""Softplus as exporters guard it."""

from porting.legalize.ops import Ops
from porting.legalize.rule import decline, require, rule
from porting.model.graph import Node
from porting.rules.tracing import maker, one_number

ENOUGH = {"float64": 37.0, "float32": 17.0, "float16": 17.0, "bfloat16": 17.0}
"""From there on exp(-x) is less than half of what an element type can tell from x."""

GREATER = ("Greater", "GreaterOrEqual")
LESS = ("Less", "LessOrEqual")


@rule("Where", exactness="reordered")
def softplus_without_threshold(op: Ops, node: Node) -> str:
    """where(x > t, x, softplus(x)) = softplus(x) for t >= 17, or 37 in float64.

    softplus(x) = x + log(1 + exp(-x)), and the logarithm is lost beside so large an x.

    Source: ONNX Softplus-1; the threshold of torch.nn.functional.softplus.
    """
    graph = node.graph
    condition, first, second = node.inputs
    asked = maker(graph, condition, *GREATER, *LESS)
    if asked is None:
        decline("its condition is no comparison")
    large, small = (first, second) if asked.op_type in GREATER else (second, first)
    softplus = maker(graph, small, "Softplus")
    if softplus is None:
        decline("it does not choose a Softplus")
    require(softplus.inputs[0] == large == asked.inputs[0], "it is not about the input of Softplus")
    threshold = one_number(graph, asked.inputs[1], large)
    least = ENOUGH.get(graph.value(large).dtype or "")
    require(threshold is not None and least is not None, "the threshold is not one number")
    assert threshold is not None
    assert least is not None
    require(threshold >= least, f"{threshold:g} is not far enough")
    return op.copy(softplus)[0]
