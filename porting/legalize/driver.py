"""The legalizer: finds for each node that a chip does not take an equivalent that it does.

The search is MLIR's dialect conversion in small; see `porting.legalize.search`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from porting.capability.judge import Judge
from porting.conversion import Declined, Rewrite
from porting.legalize.apply import adopt
from porting.legalize.exhibits import Exhibits
from porting.legalize.policy import DEFAULT, Policy
from porting.legalize.recipes import looks_around
from porting.legalize.rule import Registry
from porting.legalize.search import LEGAL, Search, Solution
from porting.model.graph import Graph, Node

MAX_PASSES = 3
"""Passes over the model: what is rewritten late may let an earlier node be rewritten, too."""


@dataclass(frozen=True)
class Outcome:
    """What happened to some nodes, in the order of the model."""

    rewrites: Sequence[Rewrite] = ()
    declined: Sequence[Declined] = ()


_NOTHING = Outcome()


def _joined(parts: Sequence[Outcome]) -> Outcome:
    if not parts:
        return _NOTHING
    return Outcome(
        [r for part in parts for r in part.rewrites], [d for part in parts for d in part.declined]
    )


class Legalizer:
    """Legalizes graphs against one table.

    Args:
        judge: Says what is legal.
        rules: The rewrite rules.
        policy: Which of them may be applied.
        exhibits: Takes a small model of each kind of rewrite; None makes none.
    """

    def __init__(
        self,
        judge: Judge,
        rules: Registry,
        policy: Policy = DEFAULT,
        exhibits: Exhibits | None = None,
    ) -> None:
        self._judge = judge
        self._search = Search(judge, rules, policy)
        self._exhibits = exhibits
        self._settled: set[Node] = set()  # legal whatever becomes of the nodes around them

    def run(self, graph: Graph) -> Outcome:
        """One pass over a graph and its bodies, in place.

        It goes from the back to the front, so that a pattern is seen before its inner nodes are,
        and what only a replaced node has read is left out.
        """
        if graph.is_frozen:
            return Outcome(declined=list(self._left_alone(graph)))
        parts: list[Outcome] = []
        needed = {o.name for o in graph.outputs}
        nodes: list[Node] = []
        for node in reversed(graph.nodes):
            if needed.isdisjoint(node.outputs):
                continue
            kept, its = self._visit(graph, node)
            for each in kept:
                needed.update(each.inputs)
                if each.subgraphs:
                    needed |= each.captured()
            needed.discard("")
            nodes += reversed(kept)
            if its is not _NOTHING:
                parts.append(its)
        graph.nodes = nodes[::-1]
        graph.changed()
        return _joined(parts[::-1])

    def _visit(self, graph: Graph, node: Node) -> tuple[list[Node], Outcome]:
        """What stands in the place of a node, and what happened to it and in its bodies."""
        parts = [self.run(body) for body in node.subgraphs.values()]
        if node in self._settled:
            return [node], _joined(parts)
        looks = looks_around(node)
        verdict = self._judge.verdict(node)
        if verdict in LEGAL:
            if looks_around(node) == looks:
                self._settled.add(node)
            return [node], _joined(parts)
        found = self._search.replace(node, verdict)
        if not isinstance(found, Solution):
            return [node], _joined([*parts, Outcome(declined=found)])
        if self._exhibits is not None:
            _exhibit(self._exhibits, node, found)
        rewrites = list(_rewrites(found, graph))
        nodes = _adopted(graph, found)
        if found.verdict in LEGAL and not found.by_context:
            self._settled.update(nodes)
        return nodes, _joined([*parts, Outcome(rewrites)])

    def _left_alone(self, graph: Graph) -> Iterator[Declined]:
        """What remains in a body that cannot run at the shapes at hand."""
        reason = "its body does not fit the shapes at hand and is left as it was"
        for owner, node in graph.walk():
            if self._judge.verdict(node) not in LEGAL:
                yield Declined(node.origin or node.name, node.key, "", reason, owner.path)


def _adopted(graph: Graph, solution: Solution) -> list[Node]:
    """Moves a solution into the graph; its nodes."""
    adopt(graph, solution.replacement)
    nodes: list[Node] = []
    for node in solution.replacement.nodes:
        inner = solution.inner.get(node)
        nodes += [node] if inner is None else _adopted(graph, inner)
    return nodes


def _rewrites(solution: Solution, graph: Graph) -> Iterator[Rewrite]:
    """The rules of a solution, the outermost first."""
    source = solution.replacement.node
    name = source.origin or source.name
    for step in solution.steps:
        yield Rewrite(
            name, step.key, step.rule.name, step.rule.exactness, step.produced, graph.path
        )


def _exhibit(exhibits: Exhibits, node: Node, solution: Solution) -> None:
    exhibits.add(
        solution.likeness,
        node,
        solution.final,
        solution.constants,
        [(s.rule.name, s.rule.exactness) for s in solution.steps],
        solution.by_context,
        node.graph.context,
    )


def legalize(
    graph: Graph,
    judge: Judge,
    rules: Registry,
    policy: Policy = DEFAULT,
    exhibits: Exhibits | None = None,
) -> tuple[Sequence[Rewrite], Sequence[Declined]]:
    """Legalizes a graph and its bodies in place.

    The pass is repeated while it changes something, `MAX_PASSES` times at most.

    Returns:
        The rewrites, and for the nodes that remain why each rule declined.
    """
    legalizer = Legalizer(judge, rules, policy, exhibits)
    rewrites: list[Rewrite] = []
    for _ in range(MAX_PASSES):
        outcome = legalizer.run(graph)
        rewrites += outcome.rewrites
        if not outcome.rewrites:
            break
    return rewrites, outcome.declined
