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


def _rounds(
    nodes: Iterable[onnx.NodeProto], facts: Facts, sure: frozenset[str] = frozenset()
) -> float:
    """The most rounds that a loop among nodes runs for certain, with what its body multiplies.

    `sure` are the conditions that are known to stay true around them.
    """
    most: float = 0
    for node in nodes:
        for body in (a.g for a in node.attribute if a.HasField("g")):
            own: float = 1
            inside = sure
            if node.op_type == "Loop" and _goes_on(node, body, facts, sure):
                own = _count(node, facts)
                inside = sure | _passed(body)
            inner = _rounds(body.node, facts, inside)
            most = max(most, inner, own * max(inner, 1) if own > 1 else 0)
    return most


def _goes_on(
    node: onnx.NodeProto, body: onnx.GraphProto, facts: Facts, sure: frozenset[str]
) -> bool:
    """Whether the condition of a loop is true at first, and then passed on as it is."""
    name = node.input[1] if len(node.input) > 1 else ""
    first = facts.constant(name) if name else None
    starts = not name or name in sure or (first is not None and bool(first.all()))
    return starts and bool(body.output) and body.output[0].name in _passed(body)


def _passed(body: onnx.GraphProto) -> frozenset[str]:
    """Names of the condition that a body is given, and of its copies."""
    names = {value.name for value in body.input[1:2]}
    for node in body.node:
        if node.op_type == "Identity" and node.input and node.input[0] in names:
            names.update(node.output)
    return frozenset(names)


def _count(node: onnx.NodeProto, facts: Facts) -> float:
    """Rounds that a loop is given; 1 where that is not known, endless where it is not limited."""
    name = node.input[0] if node.input else ""
    if not name:
        return math.inf
    count = facts.constant(name)
    return float(count.max()) if count is not None and count.size else 1
