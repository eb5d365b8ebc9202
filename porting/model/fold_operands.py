"""What the functions that fold read: operands, attributes, and how large a constant may be."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeAlias

import numpy as np

from porting.model.graph import Node
from porting.model.value import SMALL, Array

Folder: TypeAlias = Callable[[Node, list[Array | None]], list[Array] | None]
"""Gives the outputs of a node from its inputs; None where runtimes differ or it is too large."""

_limit: ContextVar[int] = ContextVar("limit", default=SMALL)


@contextmanager
def limited_to(limit: int) -> Iterator[None]:
    """Within it, constants of up to `limit` elements are folded."""
    token = _limit.set(limit)
    try:
        yield
    finally:
        _limit.reset(token)


def most() -> int:
    """Elements that a constant may have, read or made."""
    return _limit.get()


def is_large(operands: list[Array]) -> bool:
    """Whether the operands, broadcast, have more elements than a constant may have."""
    return math.prod(np.broadcast_shapes(*(o.shape for o in operands))) > most()


def axes_of(node: Node, ins: list[Array | None], position: int = 1) -> tuple[int, ...] | None:
    """Axes as an input of later operator versions or an attribute of earlier ones."""
    given = ins[position] if len(ins) > position else None
    if given is not None:
        return tuple(int(a) for a in np.ravel(given))
    attribute = node.attribute("axes")
    return tuple(attribute) if isinstance(attribute, tuple) else None  # type: ignore[arg-type]


def first(ins: list[Array | None]) -> Array:
    """The first input, which every folder here requires."""
    if not ins or ins[0] is None:
        raise ValueError("the first input is missing")
    return ins[0]


def second(ins: list[Array | None]) -> Array:
    """The second input, where it is required."""
    if len(ins) < 2 or ins[1] is None:
        raise ValueError("the second input is missing")
    return ins[1]


def integer(node: Node, name: str, default: int = 0) -> int:
    """An attribute; the default where it is not an integer."""
    value = node.attribute(name)
    return value if isinstance(value, int) else default
