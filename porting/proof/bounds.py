"""What running a model may take: a small file can ask for any amount of memory or time."""

import math
from collections.abc import Iterable

import onnx

from porting.proof.domains import Facts

LARGEST = 1 << 30
"""Elements that one value may have; 4 GB of float32."""
ROUNDS = 10**7
"""Rounds that a loop may run, those of the loops inside it counted."""


def refusal(model: onnx.ModelProto, facts: Facts) -> str:
    """Why a model is not run at some sizes; empty where nothing is known against it.

    Args:
        model: Structure of the graph; weights may be absent.
        facts: Of the model at those sizes.
    """
    for name, shape in facts.shapes().items():
        count = math.prod(d for d in shape if d is not None)
        if count > LARGEST:
            return f"{name} would have {count} elements, more than the {LARGEST} that are run"
    rounds = _rounds(model.graph.node, facts)
    if rounds > ROUNDS:
        shown = "without end" if math.isinf(rounds) else f"{rounds:.0f} rounds"
        return f"its loops run {shown}, more than the {ROUNDS} rounds that are run"
    return ""


def _rounds(nodes: Iterable[onnx.NodeProto], facts: Facts) -> float:
    """The most rounds that a loop among nodes runs for certain, with what its body multiplies."""
    most: float = 0
    for node in nodes:
        for body in (a.g for a in node.attribute if a.HasField("g")):
            inner = _rounds(body.node, facts)
            if node.op_type == "Loop":
                inner = _of_loop(node, body, facts) * max(inner, 1)
            most = max(most, inner)
    return most


def _of_loop(node: onnx.NodeProto, body: onnx.GraphProto, facts: Facts) -> float:
    """How often a loop runs whose condition only passes through; 0 where that is not known."""
    named = [*node.input, "", ""][:2]
    count, condition = (facts.constant(name) if name else None for name in named)
    passes = {value.name for value in body.input[1:2]}
    for inner in body.node:
        if inner.op_type == "Identity" and inner.input[0] in passes:
            passes.update(inner.output)
    last = [value.name for value in body.output[:1]]
    always = last and (last[0] in passes) and (condition is None or bool(condition.all()))
    if not always or (named[1] and condition is None) or (named[0] and count is None):
        return 0
    return float(count.max()) if count is not None and count.size else math.inf
