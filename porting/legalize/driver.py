"""The legalizer: finds for each node that a chip does not take an equivalent that it does.

The search is MLIR's dialect conversion in small: each rule for the node's operator is tried, what
it produces is judged by the same table, and what is still illegal is legalized in turn, so deep
as `MAX_DEPTH`. Ways of few steps are searched before longer ones; among those of the least depth
that suffices, and one more, the cheapest result that is legal throughout wins. A trial lives in a
graph laid over the model's; giving it up leaves no trace.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from porting.capability.judge import Judge
from porting.legalize.apply import Names, Replacement, adopt, apply
from porting.legalize.cost import Cost, cost_of
from porting.legalize.policy import DEFAULT, Policy
from porting.legalize.rule import DeclinedError, Registry, Rule
from porting.model.graph import Graph, Node
from porting.results import VERDICTS, Declined, Rewrite, Verdict, worst

MAX_DEPTH = 6
MAX_TRIALS = 300
"""Rules tried for one node of the model, those for intermediate nodes included."""


@dataclass(eq=False)
class Solution:
    """A replacement with the solutions for those of its nodes that were not legal either.

    Attributes:
        replacement: What the outermost rule built.
        inner: By node of the replacement.
        cost: Of everything together.
        verdict: The worst verdict of its final nodes.
    """

    replacement: Replacement
    inner: dict[Node, "Solution"]
    cost: Cost
    verdict: Verdict

    @property
    def rewrites(self) -> int:
        """How many rules it takes."""
        return 1 + sum(s.rewrites for s in self.inner.values())


@dataclass
class Attempt:
    """The search for one node of the model.

    Attributes:
        node: What is to be replaced.
        verdict: Why; every node of the result must have a better one.
        declined: Why rules declined, as far as this depth.
        trials: Rules tried so far.
        depth: How many rules may follow each other for now.
    """

    node: Node
    verdict: Verdict
    declined: list[Declined] = field(default_factory=list)
    trials: int = 0
    depth: int = 1


class Legalizer:
    """Legalizes graphs against one table.

    Args:
        judge: Says what is legal.
        rules: The rewrite rules.
        policy: Which rules may be applied.
        names: Gives new nodes their names.
    """

    def __init__(
        self,
        judge: Judge,
        rules: Registry,
        policy: Policy = DEFAULT,
        names: Names | None = None,
    ) -> None:
        self._judge = judge
        self._rules = rules
        self._policy = policy
        self._names = names or Names()
        self.rewrites: list[Rewrite] = []
        self.declined: list[Declined] = []

    def run(self, graph: Graph) -> bool:
        """One pass over a graph and its bodies, in place.

        Returns:
            Whether anything was rewritten. `rewrites` and `declined` grow by what happened.
        """
        if graph.is_frozen:
            self.declined += list(self._left_alone(graph))
            return False
        changed = False
        nodes: list[Node] = []
        for node in graph.nodes:
            for body in node.subgraphs.values():
                changed |= self.run(body)
            verdict = self._judge.verdict(node)
            if verdict in _LEGAL:
                nodes.append(node)
                continue
            attempt = Attempt(node, verdict)
            solution = self._search(attempt)
            if solution is None:
                self.declined += attempt.declined
                nodes.append(node)
                continue
            changed = True
            nodes += self._adopt(graph, solution)
        graph.nodes = nodes
        graph.changed()
        return changed

    def _left_alone(self, graph: Graph) -> Iterator[Declined]:
        """What remains in a body that cannot run at the shapes at hand."""
        reason = "its body does not fit the shapes at hand and is left as it was"
        for owner, node in graph.walk():
            if self._judge.verdict(node) not in _LEGAL:
                yield Declined(node.origin or node.name, node.key, "", reason, owner.path)

    def _search(self, attempt: Attempt) -> Solution | None:
        """The best replacement of a node, looked for ever deeper; None if there is none."""
        best: Solution | None = None
        enough = MAX_DEPTH
        while attempt.depth <= enough and attempt.trials < MAX_TRIALS:
            attempt.declined.clear()
            found = self._solve(attempt.node, attempt, ())
            if found is not None and (best is None or _rank(found) < _rank(best)):
                best = found
                enough = min(enough, attempt.depth + 1)
            attempt.depth += 1
        return best

    def _solve(self, node: Node, attempt: Attempt, above: tuple[Rule, ...]) -> Solution | None:
        """The cheapest legal replacement of a node; None if there is none.

        Args:
            node: A node of the model, or one that a rule has produced.
            attempt: The search that this is part of.
            above: Rules whose products led here; none is applied twice.
        """
        best: Solution | None = None
        for rule in self._rules.for_operator(node.key):
            found = self._try(rule, node, attempt, above)
            if isinstance(found, str):
                if not above:
                    attempt.declined.append(self._decline(attempt.node, rule, found))
            elif best is None or _rank(found) < _rank(best):
                best = found
        if best is None and not above and not self._rules.for_operator(node.key):
            attempt.declined.append(
                Declined(
                    node.origin or node.name, node.key, "", "no rule rewrites it", node.graph.path
                )
            )
        return best

    def _try(
        self,
        rule: Rule,
        node: Node,
        attempt: Attempt,
        above: tuple[Rule, ...],
    ) -> Solution | str:
        """What one rule makes of a node, or why it makes nothing."""
        refusal = self._policy.refusal(rule)
        if refusal:
            return refusal
        if rule in above:
            return "it would apply to its own result"
        attempt.trials += 1
        if attempt.trials > MAX_TRIALS:
            return f"the search ended after {MAX_TRIALS} trials"
        try:
            replacement = apply(rule, node, self._names)
        except DeclinedError as declined:
            return str(declined)
        return self._complete(replacement, attempt, (*above, rule))

    def _complete(
        self,
        replacement: Replacement,
        attempt: Attempt,
        above: tuple[Rule, ...],
    ) -> Solution | str:
        """A replacement in which each illegal node is replaced in turn."""
        inner: dict[Node, Solution] = {}
        final: list[Node] = []
        verdicts: list[Verdict] = []
        for new in replacement.nodes:
            its = self._judge.verdict(new)
            deeper = its not in _LEGAL and len(above) < attempt.depth
            solution = self._solve(new, attempt, above) if deeper else None
            if solution is not None:
                inner[new] = solution
                verdicts.append(solution.verdict)
            elif _better(its, attempt.verdict):
                final.append(new)
                verdicts.append(its)
            else:
                return f"its result needs {new.key}, {self._why(new)}"
        cost = cost_of(final, verdicts.count("fallback"))
        for solution in inner.values():
            cost += solution.cost
        return Solution(replacement, inner, cost, worst(verdicts))

    def _why(self, node: Node) -> str:
        findings = self._judge.findings(node)
        first = findings[0] if findings else None
        return f"which is {first.verdict}: {first.message}" if first else "which is not legal"

    def _decline(self, node: Node, rule: Rule, reason: str) -> Declined:
        return Declined(node.origin or node.name, node.key, rule.name, reason, node.graph.path)

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


_LEGAL = frozenset({"supported", "fallback"})


def _better(verdict: Verdict, than: Verdict) -> bool:
    return VERDICTS.index(verdict) < VERDICTS.index(than)


def _rank(solution: Solution) -> tuple[int, Cost, int]:
    """Legal throughout before undecided, then by cost, then the shortest way there."""
    undecided = 0 if solution.verdict in _LEGAL else VERDICTS.index(solution.verdict)
    return undecided, solution.cost, solution.rewrites


def legalize(
    graph: Graph,
    judge: Judge,
    rules: Registry,
    policy: Policy = DEFAULT,
) -> tuple[Sequence[Rewrite], Sequence[Declined]]:
    """Legalizes a graph and its bodies in place.

    What is rewritten late may let an earlier node be rewritten too, so the pass is repeated while
    it changes something, a few times at most.

    Returns:
        The rewrites, and for the nodes that remain why each rule declined.
    """
    legalizer = Legalizer(judge, rules, policy)
    for _ in range(3):
        legalizer.declined.clear()
        if not legalizer.run(graph):
            break
    return legalizer.rewrites, legalizer.declined
