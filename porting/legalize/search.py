"""The search for one node: which rules, one after the other, make of it what a chip takes.

Each rule for the node's operator is tried, what it produces is judged by the same table, and what
is still illegal is replaced in turn, so deep as `MAX_DEPTH`. Ways of few steps are searched before
longer ones; among those of the least depth that suffices, and one more, the cheapest result that is
legal throughout wins. A trial lives in a graph laid over the model's; giving it up leaves no trace.
"""

from dataclasses import dataclass, field, replace

from porting.capability.judge import Judge
from porting.capability.memory import Signature
from porting.conversion import Declined
from porting.legalize.apply import Names, Replacement, apply
from porting.legalize.cost import Cost, cost_of
from porting.legalize.policy import Policy
from porting.legalize.recipes import Recipe, Recipes, Refusal
from porting.legalize.rule import DeclinedError, Registry, Rule
from porting.legalize.template import Template, likeness_of
from porting.model.form import form_error
from porting.model.graph import Node
from porting.model.value import Value
from porting.results import VERDICTS, Verdict, worst

MAX_DEPTH = 6
MAX_TRIALS = 300
"""Replacements made for one node of the model, those for intermediate nodes included."""

LEGAL = frozenset({"supported", "fallback"})


@dataclass(frozen=True, slots=True)
class Step:
    """One rule of a solution, the operator that it replaced, and those that it produced."""

    rule: Rule
    key: str
    produced: tuple[str, ...]


@dataclass(eq=False)
class Solution:
    """A replacement with the solutions for those of its nodes that were not legal either.

    Attributes:
        replacement: What the outermost rule built.
        inner: By node of the replacement.
        cost: Of everything together.
        verdict: The worst verdict of its final nodes.
        steps: The rules, the outermost first.
        likeness: What nodes have in common that are rewritten like this; None for a lone one.
        by_context: Whether a rule looked at the node's surroundings.
    """

    replacement: Replacement
    inner: dict[Node, "Solution"]
    cost: Cost
    verdict: Verdict
    steps: tuple[Step, ...]
    likeness: Signature | None = None
    by_context: bool = False

    @property
    def rank(self) -> tuple[int, Cost, int]:
        """Legal throughout before undecided, then by cost, then the shortest way there."""
        undecided = 0 if self.verdict in LEGAL else VERDICTS.index(self.verdict)
        return undecided, self.cost, len(self.steps)

    @property
    def final(self) -> list[Node]:
        """The nodes that stay, in topological order."""
        nodes: list[Node] = []
        for node in self.replacement.nodes:
            nodes += self.inner[node].final if node in self.inner else [node]
        return nodes

    @property
    def constants(self) -> dict[str, Value]:
        """The new constants of all rules."""
        found = dict(self.replacement.constants)
        for solution in self.inner.values():
            found |= solution.constants
        return found

    @property
    def recipe(self) -> Recipe:
        """The rules, without the nodes."""
        steps = (
            (index, self.inner[node].recipe)
            for index, node in enumerate(self.replacement.nodes)
            if node in self.inner
        )
        return Recipe(self.replacement.rule, tuple(steps))


@dataclass
class Attempt:
    """The search for one node of the model.

    Attributes:
        node: What is to be replaced.
        verdict: Why; every node of the result must have a better one.
        declined: Why rules declined, as far as this depth.
        trials: Replacements made so far.
        depth: How many rules may follow each other for now.
    """

    node: Node
    verdict: Verdict
    declined: list[Refusal] = field(default_factory=list)
    trials: int = 0
    depth: int = 1


@dataclass
class Search:
    """Finds replacements.

    Attributes:
        judge: Says what is legal.
        rules: The rewrite rules.
        policy: Which of them may be applied.
        names: Gives new nodes their names.
    """

    judge: Judge
    rules: Registry
    policy: Policy
    names: Names = field(default_factory=Names)
    _recipes: Recipes = field(default_factory=Recipes)
    _known: dict[Signature, tuple[Template, Solution]] = field(default_factory=dict)

    def replace(self, node: Node, verdict: Verdict) -> Solution | list[Declined]:
        """The best replacement of a node, or why there is none.

        That of a node that is equal in all that a search can ask for is copied.
        """
        likeness = likeness_of(node)
        key = (verdict, likeness) if likeness is not None else None
        template, model = self._known.get(key, (None, None)) if key is not None else (None, None)
        if template is not None and model is not None:
            return replace(model, replacement=template.fill(node, self.names), inner={})
        found = self._search(node, verdict)
        if key is not None and isinstance(found, Solution) and not found.by_context:
            made = Replacement(found.replacement.rule, node, found.final, found.constants)
            template = Template.of(made, node.graph.context)
            if template is not None:
                self._known[key] = template, found
        return found

    def _search(self, node: Node, verdict: Verdict) -> Solution | list[Declined]:
        """What was found for a similar node is tried first; it has to hold for this one, too."""
        wrong = form_error(node)
        if wrong:  # whatever a rule made of it would be a guess
            text = f"ONNX does not allow the node: {wrong}"
            return [Declined(node.origin or node.name, node.key, "", text, node.graph.path)]
        attempt = Attempt(node, verdict)
        case = self._recipes.case(node, verdict)
        recipe = case.recipe()
        solution = self._follow(recipe, node, attempt) if recipe is not None else None
        reasons = case.failure() if solution is None else None
        if reasons is not None:
            return _declined(node, reasons)
        solution = solution or self._deepen(attempt)
        if solution is None:
            case.failed(attempt.declined)
            return _declined(node, attempt.declined)
        case.solved(solution.recipe)
        if case.likeness is not None:
            solution.likeness = (case.likeness, solution.recipe)
        solution.by_context = case.looked_around
        return solution

    def _follow(self, recipe: Recipe, node: Node, attempt: Attempt) -> Solution | None:
        """What a recipe makes of a node; None where the result is not legal throughout."""
        try:
            replacement = apply(recipe.rule, node, self.names)
        except DeclinedError:
            return None
        inner: dict[Node, Solution] = {}
        final: dict[Node, Verdict] = {}
        steps = dict(recipe.inner)
        for index, new in enumerate(replacement.nodes):
            if index in steps:
                solution = self._follow(steps[index], new, attempt)
                if solution is None:
                    return None
                inner[new] = solution
                continue
            final[new] = self._verdict(new)
            if not _better(final[new], attempt.verdict):
                return None
        return _rated(replacement, inner, final)

    def _deepen(self, attempt: Attempt) -> Solution | None:
        """The best replacement of a node, looked for ever deeper; None if there is none."""
        best: Solution | None = None
        enough = MAX_DEPTH
        while attempt.depth <= enough and attempt.trials < MAX_TRIALS:
            attempt.declined.clear()
            found = self._solve(attempt.node, attempt, ())
            if found is not None and (best is None or found.rank < best.rank):
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
        rules = self.rules.for_operator(node.key)
        for rule in rules:
            found = self._try(rule, node, attempt, above)
            if isinstance(found, Refusal):
                if not above:
                    attempt.declined.append(found)
            elif best is None or found.rank < best.rank:
                best = found
        if not rules and not above:
            attempt.declined.append(Refusal("", "no rule rewrites it"))
        return best

    def _try(
        self,
        rule: Rule,
        node: Node,
        attempt: Attempt,
        above: tuple[Rule, ...],
    ) -> Solution | Refusal:
        """What one rule makes of a node, or why it makes nothing."""
        refusal = self.policy.refusal(rule)
        if refusal:
            return Refusal(rule.name, refusal, "policy")
        if rule in above:
            return Refusal(rule.name, "it would apply to its own result")
        if attempt.trials >= MAX_TRIALS:
            return Refusal(rule.name, f"the search ended after {MAX_TRIALS} trials")
        try:
            replacement = apply(rule, node, self.names)
        except DeclinedError as declined:
            return Refusal(rule.name, str(declined))
        attempt.trials += 1
        return self._complete(replacement, attempt, (*above, rule))

    def _complete(
        self,
        replacement: Replacement,
        attempt: Attempt,
        above: tuple[Rule, ...],
    ) -> Solution | Refusal:
        """A replacement in which each illegal node is replaced in turn."""
        inner: dict[Node, Solution] = {}
        final: dict[Node, Verdict] = {}
        for new in replacement.nodes:
            its = self._verdict(new)
            deeper = its not in LEGAL and len(above) < attempt.depth
            solution = self._solve(new, attempt, above) if deeper else None
            if solution is not None:
                inner[new] = solution
            elif not _better(its, attempt.verdict):
                reason = f"its result needs {new.key}, {self._why(new)}"
                return Refusal(replacement.rule.name, reason, "result")
            else:
                final[new] = its
        return _rated(replacement, inner, final)

    def _verdict(self, node: Node) -> Verdict:
        """The verdict on a new node; one that will not be there in the end is legal."""
        return "supported" if _vanishes(node) else self.judge.verdict(node)

    def _why(self, node: Node) -> str:
        findings = self.judge.findings(node)
        first = findings[0] if findings else None
        return f"which is {first.verdict}: {first.message}" if first else "which is not legal"


def _rated(
    replacement: Replacement, inner: dict[Node, Solution], final: dict[Node, Verdict]
) -> Solution:
    """A solution with its cost and verdict, from the verdicts of the nodes that stay."""
    staying = {n: v for n, v in final.items() if not _vanishes(n)}
    verdicts = list(staying.values())
    cost = cost_of(list(staying), verdicts.count("fallback"))
    for solution in inner.values():
        cost += solution.cost
    verdicts += [s.verdict for s in inner.values()]
    produced = tuple(n.key for n in replacement.nodes)
    step = Step(replacement.rule, replacement.node.key, produced)
    steps = (step, *(s for solution in inner.values() for s in solution.steps))
    return Solution(replacement, inner, cost, worst(verdicts), steps)


def _vanishes(node: Node) -> bool:
    """Whether a node only gives a value another name, which cleaning up makes undone."""
    return node.key == "Identity" and not node.graph.is_output(node.outputs[0])


def _better(verdict: Verdict, than: Verdict) -> bool:
    return VERDICTS.index(verdict) < VERDICTS.index(than)


def _declined(node: Node, reasons: list[Refusal]) -> list[Declined]:
    name = node.origin or node.name
    path = node.graph.path
    return [Declined(name, node.key, r.rule, r.reason, path, r.kind) for r in reasons]
