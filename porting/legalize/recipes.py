"""Remembers which rules were the answer for a node, for the next one like it.

A recipe is only where the search starts: it is applied anew, and its result is judged anew. That
there was no answer is remembered, too, but only where the search looked at nothing besides what is
compared: type and shape of the operands, whether the graph returns the results, the contents of
small constants, and which constant a medium-sized one is. Rules that read larger constants do so to
compute with them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from porting.capability.memory import Signature, signature_of
from porting.conversion import DeclinedKind
from porting.legalize.rule import Rule
from porting.legalize.template import COMPARED
from porting.model.graph import Graph, Node
from porting.model.value import SMALL
from porting.results import Verdict


@dataclass(frozen=True)
class Recipe:
    """A rule, and recipes for those of its nodes that are replaced in turn, by their position."""

    rule: Rule
    inner: tuple[tuple[int, "Recipe"], ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why one rule made nothing of a node; see `porting.conversion.Declined`."""

    rule: str
    reason: str
    kind: DeclinedKind = "form"


@dataclass
class Recipes:
    """What was found so far, for one model and one table."""

    _solved: dict[Signature, Recipe] = field(default_factory=dict)
    _failed: dict[Signature, Sequence[Refusal]] = field(default_factory=dict)

    def case(self, node: Node, verdict: Verdict) -> "Case":
        """What is known of nodes like this one."""
        known = signature_of(node)
        if known is None:
            return Case(self, node, None, None)
        returned = tuple(node.graph.is_output(o) for o in node.outputs)
        likeness = (verdict, known, tuple(_contents(node)))
        return Case(self, node, likeness, (likeness, returned, tuple(_names(node))))


@dataclass
class Case:
    """One node's place in what is remembered.

    Attributes:
        likeness: What nodes with the same recipe have in common; None if nothing is remembered.
        identity: What nodes without any answer have in common.
    """

    _recipes: Recipes
    _node: Node
    likeness: Signature | None
    identity: Signature | None
    _looks: int = 0

    def __post_init__(self) -> None:
        self._looks = looks_around(self._node)

    @property
    def looked_around(self) -> bool:
        """Whether the search has asked for what stands around the node."""
        return looks_around(self._node) != self._looks

    def recipe(self) -> Recipe | None:
        """What was the answer before."""
        return self._recipes._solved.get(self.likeness) if self.likeness is not None else None

    def failure(self) -> list[Refusal] | None:
        """The reasons why there is no answer, if that is known."""
        reasons = self._recipes._failed.get(self.identity) if self.identity is not None else None
        return list(reasons) if reasons is not None else None

    def solved(self, recipe: Recipe) -> None:
        """Notes the answer."""
        if self.likeness is not None:
            self._recipes._solved[self.likeness] = recipe

    def failed(self, reasons: Sequence[Refusal]) -> None:
        """Notes that there is none, unless the search looked at the node's surroundings."""
        if self.identity is not None and not self.looked_around:
            self._recipes._failed[self.identity] = tuple(reasons)


def _contents(node: Node) -> Iterator[tuple[int, bytes]]:
    """The contents of small constants, by position."""
    for index, value in enumerate(node.input_values()):
        if value is not None and value.is_const and (value.size or 0) <= COMPARED:
            array = value.value(COMPARED)
            if array is not None and array.dtype != object:
                yield index, array.tobytes()


def _names(node: Node) -> Iterator[tuple[int, str]]:
    """The names of constants whose contents rules may look at."""
    for index, value in enumerate(node.input_values()):
        if value is not None and value.is_const and COMPARED < (value.size or 0) <= SMALL:
            yield index, value.name


def looks_around(node: Node) -> int:
    """How often anything asked for what stands around a node, up to now."""
    count = 0
    graph: Graph | None = node.graph
    while graph is not None:
        count += graph.looks
        graph = graph.outer
    return count
