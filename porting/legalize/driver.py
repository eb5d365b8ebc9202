"""The legalizer: finds for each node that a chip does not take an equivalent that it does.

The search is MLIR's dialect conversion in small; see `porting.legalize.search`.
"""

from collections.abc import Iterator, Sequence

from porting.capability.judge import Judge
from porting.legalize.apply import adopt
from porting.legalize.exhibits import Exhibits
from porting.legalize.policy import DEFAULT, Policy
from porting.legalize.rule import Registry
from porting.legalize.search import LEGAL, Search, Solution
from porting.model.graph import Graph, Node
from porting.results import Declined, Rewrite

MAX_PASSES = 3
"""Passes over the model: what is rewritten late may let an earlier node be rewritten, too."""


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
        self.rewrites: list[Rewrite] = []
        self.declined: list[Declined] = []

    def run(self, graph: Graph) -> bool:
        """One pass over a graph and its bodies, in place.

        Returns:
            Whether anything was rewritten. `rewrites` and `declined` grow by what happened.
        """
        if graph.is_frozen:
            self.declined += self._left_alone(graph)
            return False
        changed = False
        nodes: list[Node] = []
        for node in graph.nodes:
            for body in node.subgraphs.values():
                changed |= self.run(body)
            verdict = self._judge.verdict(node)
            if verdict in LEGAL:
                nodes.append(node)
                continue
            found = self._search.replace(node, verdict)
            if isinstance(found, Solution):
                changed = True
                if self._exhibits is not None:
                    _exhibit(self._exhibits, node, found)
                nodes += self._adopt(graph, found)
            else:
                self.declined += found
                nodes.append(node)
        graph.nodes = nodes
        graph.changed()
        return changed

    def _left_alone(self, graph: Graph) -> Iterator[Declined]:
        """What remains in a body that cannot run at the shapes at hand."""
        reason = "its body does not fit the shapes at hand and is left as it was"
        for owner, node in graph.walk():
            if self._judge.verdict(node) not in LEGAL:
                yield Declined(node.origin or node.name, node.key, "", reason, owner.path)

    def _adopt(self, graph: Graph, solution: Solution) -> list[Node]:
        """Moves a solution into the graph and notes which rules made it."""
        replacement = solution.replacement
        source = replacement.node
        adopt(graph, replacement)
        self.rewrites.append(
            Rewrite(
                source.origin or source.name,
                source.key,
                replacement.rule.name,
                replacement.rule.exactness,
                tuple(n.key for n in replacement.nodes),
                graph.path,
            )
        )
        nodes: list[Node] = []
        for node in replacement.nodes:
            inner = solution.inner.get(node)
            nodes += [node] if inner is None else self._adopt(graph, inner)
        return nodes


def _exhibit(exhibits: Exhibits, node: Node, solution: Solution) -> None:
    exhibits.add(
        solution.likeness,
        node,
        solution.final,
        solution.constants,
        [(r.name, r.exactness) for r in solution.applied],
        solution.by_context,
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
    for _ in range(MAX_PASSES):
        legalizer.declined.clear()
        if not legalizer.run(graph):
            break
    return legalizer.rewrites, legalizer.declined
