"""What adapters read off nodes."""

import numpy as np

from porting.legalize.ops import Ops
from porting.legalize.rule import known_constant, known_rank, require
from porting.model.graph import Node

REDUCTIONS = (
    "ReduceL1",
    "ReduceL2",
    "ReduceLogSum",
    "ReduceLogSumExp",
    "ReduceMax",
    "ReduceMean",
    "ReduceMin",
    "ReduceProd",
    "ReduceSumSquare",
)
"""Reductions whose axes became an input at opset 18; ReduceSum's did at 13."""


def ints(node: Node, formal: str | int) -> list[int]:
    """A constant input as whole numbers; declines where it is not constant."""
    return [int(v) for v in np.ravel(known_constant(node, formal))]


def optional_ints(node: Node, formal: str | int) -> list[int]:
    """The same; empty where the input is left out."""
    return ints(node, formal) if node.input(formal) is not None else []


def integer(node: Node, name: str, default: int = 0) -> int:
    """A whole-number attribute."""
    value = node.attribute(name)
    return value if isinstance(value, int) else default


def integers(node: Node, name: str) -> list[int] | None:
    """An attribute of whole numbers; None where it has neither value nor default."""
    value = node.attribute(name)
    return [int(v) for v in value] if isinstance(value, tuple) else None


def number(node: Node, name: str, default: float = 0.0) -> float:
    """A real attribute."""
    value = node.attribute(name)
    return value if isinstance(value, float) else default


def text(node: Node, name: str) -> str:
    """A string attribute."""
    return str(node.attribute(name) or "")


def front_axis(node: Node, default: int = 0) -> int:
    """The attribute `axis` of the first input, counted from the front."""
    return integer(node, "axis", default) % known_rank(node.input(0), "the input")


def only_for(condition: bool) -> None:
    """Declines without words where an adapter is for other nodes."""
    require(condition, "")


def below_zero(op: Ops, x: str) -> str:
    """Whether the elements of an integer tensor are negative."""
    return op.Less(x, op.const(0, like=x))
