"""Doubles in float32 all at once, for chips that cannot even cast to and from float64.

Where they can, the rules of `porting.rules.types_floats` do it node by node. Where a Cast of
float64 is itself refused, casts at the borders of one node are no help: everything between the
first Cast and the last has to go over together. That is approximate, so it has to be allowed.
"""

import numpy as np

from porting.capability.judge import Judge
from porting.conversion import Rewrite
from porting.legalize import precision
from porting.legalize.casts import cancel_casts
from porting.legalize.normalise import clean
from porting.legalize.policy import Policy
from porting.legalize.precision import retype
from porting.legalize.search import LEGAL
from porting.model.graph import Graph, Node
from porting.model.value import Array


def singles(graph: Graph, judge: Judge, policy: Policy) -> list[Rewrite]:
    """Brings a main graph from float64 to float32 where its casts are refused, in place.

    Args:
        graph: Normalised.
        judge: Says which casts the chip takes.
        policy: Whether approximation is allowed.

    Returns:
        What was rewritten.
    """
    if "approximate" not in policy.classes or not any(
        _is_double_cast(node) and judge.verdict(node) not in LEGAL for _, node in graph.walk()
    ):
        return []
    done = retype(graph, "float64", "float32", precision.Policy(_beyond, _single, casts=True))
    cancel_casts(graph)
    clean(graph)
    return [
        Rewrite(n.origin or n.name, n.key, "singles", "approximate", (n.key,), n.graph.path)
        for n in (*done.changed, *done.moved)
    ]


def _is_double_cast(node: Node) -> bool:
    given, made = node.input(0), node.output()
    return node.op_type == "Cast" and "float64" in {v.dtype for v in (given, made) if v is not None}


def _beyond(node: Node) -> str:
    """A node with a constant that float32 does not hold stays."""
    for value in node.input_values():
        if value is None or not value.is_const or value.dtype != "float64":
            continue
        array = value.value()
        if array is not None and not np.array_equal(
            np.isfinite(array), np.isfinite(_single("", array))
        ):
            return f"'{value.name}' is beyond float32"
    return ""


def _single(name: str, array: Array) -> Array:
    with np.errstate(over="ignore"):
        return array.astype(np.float32)
