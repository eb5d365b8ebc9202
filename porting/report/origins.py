"""Which rewrites made a node of a converted model, by the names that the legalizer gives."""

from collections.abc import Iterator, Sequence, Set

from porting.conversion import Rewrite
from porting.results import NodeResult

Place = tuple[str, str]
"""Scope and name."""

MOST_STEPS = 64
"""Of a name's path that are looked at."""


def place_of(node: NodeResult) -> Place:
    """Where a node stands."""
    return node.scope, node.name


def origins(
    nodes: Sequence[NodeResult], rewrites: Sequence[Rewrite], loaded: Set[Place]
) -> dict[int, tuple[int, ...]]:
    """For each node that a rewrite made or changed, the rewrites of the node it stands for.

    A new node is named after the one that it replaces, `conv1/port/Mul_0`. A node that was not
    in the loaded model and is named after no rewritten node has an empty tuple.

    Args:
        nodes: Of the loaded model, or of the one that was made.
        rewrites: Rules that were applied.
        loaded: Places of the loaded model's nodes.
    """
    placed: dict[Place, list[int]] = {}
    named: dict[str, list[int]] = {}
    for number, rewrite in enumerate(rewrites):
        placed.setdefault((rewrite.scope, rewrite.node), []).append(number)
        named.setdefault(rewrite.node, []).append(number)
    found: dict[int, tuple[int, ...]] = {}
    for number, node in enumerate(nodes):
        if place_of(node) in loaded:
            if place_of(node) in placed:
                found[number] = tuple(placed[place_of(node)])
            continue
        stems = list(_stems(node.name))
        # A body may have been inlined since: the place decides, else the name.
        hits = [placed[node.scope, s] for s in stems if (node.scope, s) in placed]
        hits = hits or [named[s] for s in stems if s in named]
        found[number] = tuple(hits[0]) if hits else ()
    return found


def _stems(name: str) -> Iterator[str]:
    """The name, and what stands before each `/`, longest first."""
    for _ in range(MOST_STEPS):
        yield name
        name, slash, _rest = name.rpartition("/")
        if not slash:
            return
