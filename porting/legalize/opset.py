"""Brings a graph from its model's opset to another one, operator by operator.

A node is taken from one version of its operator to the next, down or up. Where both versions give
the node the same meaning it is kept as it is (`restamp`); where they do not, an adapter writes the
form of the other version; where there is no other version, a rewrite rule expresses the operator
by others. What adapters and rules produce is converted in turn. Nothing is changed unless every
node can be converted.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, pairwise

from porting.capability.memory import Signature, signature_of
from porting.conversion import Declined, Rewrite
from porting.legalize.apply import Names, Replacement, apply, splice
from porting.legalize.exhibits import Exhibits
from porting.legalize.policy import Policy
from porting.legalize.recipes import looks_around
from porting.legalize.rule import DeclinedError, Exactness, Registry, Rule, collect
from porting.legalize.template import Template, likeness_of
from porting.model.graph import Context, Graph, Node
from porting.model.schema import ONNX_DOMAIN, OpInfo, all_versions, op_info
from porting.model.value import Value
from porting.rules import (
    opset_attention,
    opset_indexing,
    opset_nn,
    opset_quantize,
    opset_raise,
    opset_raise_nn,
    opset_reductions,
    opset_resize,
    opset_shapes,
    opset_types,
)
from porting.rules.opset_history import NO_OLDER_FORM
from porting.rules.opset_restamp import Changes, check_form, check_step, restamped

OLDEST, NEWEST = 7, 28
"""The opsets whose operators have been read and compared, both included."""

LOWERING = collect(
    [
        opset_attention,
        opset_indexing,
        opset_nn,
        opset_quantize,
        opset_reductions,
        opset_resize,
        opset_shapes,
        opset_types,
    ]
)
"""Adapters that read one version of an operator and write an older form."""

RAISING = collect([opset_raise, opset_raise_nn])
"""Adapters that read one version of an operator and write a newer form."""


def adapters() -> Iterator[Rule]:
    """Every adapter, for those who name one."""
    return chain(LOWERING, RAISING)


AS_WRITTEN = Policy(frozenset({"exact", "reordered"}))
"""What a conversion may do unless it is told otherwise: nothing is narrowed."""

_DEPTH = 12


@dataclass(frozen=True)
class Blocker:
    """A node that the target opset cannot express.

    Attributes:
        node: As it stands in the graph.
        path: The graph it is in: empty for the main graph.
        reason: Why, with what every adapter and rule said.
    """

    node: Node
    path: str
    reason: str


@dataclass(frozen=True)
class Applied:
    """One rewrite.

    Attributes:
        node: Name of the node of the graph for which it was made.
        op_type: Operator that was rewritten; of an intermediate node where rewrites follow
            each other.
        rule: Name of the adapter or rule, `opset-restamp` where only attributes at their default
            were written or left out.
        exactness: The rule's claim.
        produced: Operators that stand in its place, before they are rewritten in turn.
    """

    node: str
    op_type: str
    rule: str
    exactness: Exactness
    produced: tuple[str, ...]


@dataclass(frozen=True)
class OpsetResult:
    """What a conversion did, or why it did nothing."""

    graph: Graph
    rewrites: list[Applied] = field(default_factory=list)
    blockers: list[Blocker] = field(default_factory=list)

    def reported_rewrites(self) -> list[Rewrite]:
        """The rewrites as results list them."""
        return [Rewrite(r.node, r.op_type, r.rule, r.exactness, r.produced) for r in self.rewrites]

    def reported_blockers(self, target: int) -> list[Declined]:
        """The blockers as results list them, for the opset that was asked for."""
        return [
            Declined(b.node.origin or b.node.name, b.node.key, f"opset-{target}", b.reason, b.path)
            for b in self.blockers
        ]


class _BlockedError(Exception):
    """A node cannot be converted; the message is the reason."""


def convert_opset(
    graph: Graph,
    target: int,
    rules: Registry,
    policy: Policy = AS_WRITTEN,
    exhibits: Exhibits | None = None,
) -> OpsetResult:
    """Rewrites a graph and its bodies in place for another version of the default domain.

    Nodes of other domains are left alone.

    Args:
        graph: The main graph; unchanged if there are blockers.
        target: The opset, from `OLDEST` to `NEWEST`.
        rules: Rewrites of operators that the target does not have.
        policy: Which rules may be used.
        exhibits: Takes a small model of each kind of rewrite; None makes none.

    Raises:
        ValueError: The graph's opset or the target is outside of what has been reviewed.
    """
    for opset in (graph.context.opset, target):
        if not OLDEST <= opset <= NEWEST:
            raise ValueError(f"opset {opset} is outside of {OLDEST}..{NEWEST}")
    if graph.context.opset == target:
        return OpsetResult(graph)
    converter = _Converter(graph.context, target, rules, policy)
    replacements: dict[Graph, dict[Node, Replacement]] = {}
    blockers: list[Blocker] = []
    for owner, node in graph.walk():
        try:
            replacement = converter.convert(node)
        except _BlockedError as error:
            blockers.append(Blocker(node, owner.path, str(error)))
            continue
        if replacement is not None:
            replacements.setdefault(owner, {})[node] = replacement
    if blockers:
        return OpsetResult(graph, [], blockers)
    if exhibits is not None:
        _exhibit(exhibits, replacements, converter)
    for owner, changes in replacements.items():
        splice(owner, changes)
    enter_context(graph, converter.at(target))
    return OpsetResult(graph, converter.rewrites)


def _exhibit(
    exhibits: Exhibits, replacements: Mapping[Graph, Mapping[Node, Replacement]], by: "_Converter"
) -> None:
    """Shows what came in the place of each node, with the rules that are noted for it."""
    rules: dict[str, list[tuple[str, Exactness]]] = {}
    for each in by.rewrites:
        rules.setdefault(each.node, []).append((each.rule, each.exactness))
    for changes in replacements.values():
        for node, made in changes.items():
            known = signature_of(node)
            key = ("opset", by.target, known) if known is not None else None
            names = rules.get(node.name, [(made.rule.name, made.rule.exactness)])
            context = by.at(by.target)
            exhibits.add(key, node, made.nodes, made.constants, names, True, context)


def enter_context(graph: Graph, context: Context) -> None:
    """Gives a graph and its bodies their new context; nodes look their operators up again."""
    graph.context = context
    for node in graph.nodes:
        for body in node.subgraphs.values():
            enter_context(body, context)


class _Converter:
    """Finds the replacements for one conversion."""

    def __init__(self, context: Context, target: int, rules: Registry, policy: Policy) -> None:
        self.rewrites: list[Applied] = []
        self._context = context
        self.target = target
        self._rules = rules
        self._policy = policy
        self._names = Names()
        self._known: dict[Signature, tuple[Template, Sequence[Applied]]] = {}
        self._adapters = LOWERING if target < context.opset else RAISING

    def at(self, opset: int) -> Context:
        """The model's context with another version of the default domain."""
        return replace(self._context, opsets={**self._context.opsets, ONNX_DOMAIN: opset})

    def convert(self, node: Node) -> Replacement | None:
        """What stands for `node` at the target; None if the node itself does.

        Raises:
            _BlockedError: Nothing does.
        """
        if self._is_the_same(node):
            return None
        done, looks = len(self.rewrites), looks_around(node)
        likeness = likeness_of(node)
        known = self._known.get(likeness) if likeness is not None else None
        if known is not None:
            template, steps = known
            self.rewrites += [replace(step, node=node.name) for step in steps]
            return template.fill(node, self._names)
        try:
            made = self._convert(node, node.name, 0)
        except _BlockedError:
            del self.rewrites[done:]
            raise
        if made is not None and likeness is not None and looks_around(node) == looks:
            copied = Template.of(made, self.at(self.target))
            if copied is not None:
                self._known[likeness] = copied, self.rewrites[done:]
        return made

    def _is_the_same(self, node: Node) -> bool:
        """Whether the target has the very version of the operator that the model's opset has."""
        if node.domain != ONNX_DOMAIN:
            return True
        here, there = node.info, op_info(node.op_type, ONNX_DOMAIN, self.target)
        return here is not None and there is not None and here.since == there.since

    def _convert(self, node: Node, origin: str, depth: int) -> Replacement | None:
        if node.domain != ONNX_DOMAIN:
            return None
        versions = all_versions(node.op_type)
        if not versions:
            raise _BlockedError(f"ONNX defines no operator {node.op_type}")
        if depth > _DEPTH:
            raise _BlockedError("the rewrites of rewrites do not come to an end")
        changes: Changes = {}
        adapted = node
        newer = versions[0].since > self.target
        first = f"{node.op_type} is new in opset {versions[0].since}"
        first = NO_OLDER_FORM.get(node.op_type, first)
        for old, new in _steps(node, versions, self.target):
            reason = check_step(node, old, new, changes)
            if reason:
                adapted = self._view(node, changes, old, new)
                return self._rewrite(node, adapted, origin, depth, [first] * newer + [reason])
        if node.info is not None and not newer:
            invalid = check_form(node) if depth and node.opset == self.target else ""
            if invalid:
                return self._rewrite(node, node, origin, depth, [invalid])
            return self._restamp(node, changes, origin)
        if node.info is not None:
            adapted = self._view(node, changes, versions[0], versions[0])
        return self._rewrite(node, adapted, origin, depth, [first])

    def _restamp(self, node: Node, changes: Changes, origin: str) -> Replacement | None:
        """The node itself, with other attributes written where the versions' defaults differ."""
        if not changes:
            return None
        fresh = restamped(node, changes, node.graph)
        rule = Rule("opset-restamp", node.op_type, "exact", lambda op, _: [])
        self._record(rule, node, origin, [fresh])
        return Replacement(rule, node, [fresh])

    def _view(self, node: Node, changes: Changes, old: OpInfo, new: OpInfo) -> Node:
        """The node as it stands at the version from which an adapter has to take it."""
        if node.info is old:
            return node
        rising = new.since > old.since
        context = self.at(new.since - 1 if rising else old.since)
        trial = Graph(context, node.graph.path, node.graph, is_trial=True)
        return restamped(node, changes, trial)

    def _rewrite(
        self, node: Node, adapted: Node, origin: str, depth: int, reasons: list[str]
    ) -> Replacement:
        """The first adapter or rule whose result can be converted in turn."""
        for rule, subject, opset in self._attempts(node, adapted):
            refusal = self._policy.refusal(rule)
            if refusal:
                reasons.append(f"{rule.name}: {refusal}")
                continue
            done = len(self.rewrites)
            try:
                return self._attempt(rule, subject, opset, origin, depth)
            except DeclinedError as error:  # without words: the rule is for other nodes
                if str(error) and (not rule.versions or _reads(rule, subject)):
                    reasons.append(f"{rule.name}: {error}")
            except _BlockedError as error:
                reasons.append(f"{rule.name} gives what is no better: {error}")
            del self.rewrites[done:]
        raise _BlockedError("; ".join(dict.fromkeys(reasons)))

    def _attempts(self, node: Node, adapted: Node) -> Iterator[tuple[Rule, Node, int]]:
        """Rules with what they are applied to and the opset in which they write.

        A rule that cannot write at the target may write at the node's own opset what adapters
        then take on.
        """
        adapters = self._adapters.for_operator(node.op_type)
        for each in adapters:
            yield each, adapted, self._next_opset(adapted)
        rules = [r for r in self._rules.for_operator(node.key) if r not in adapters]
        for opset in dict.fromkeys((self.target, node.opset)):
            for each in rules:
                yield each, node, opset

    def _attempt(self, rule: Rule, node: Node, opset: int, origin: str, depth: int) -> Replacement:
        """Applies a rule, then converts what it gives."""
        made = apply(rule, node, self._names, self.at(opset))
        self._record(rule, node, origin, made.nodes)
        nodes: list[Node] = []
        constants = dict(made.constants)
        for each in made.nodes:
            self._convert_bodies(each, origin, depth + 1)
            inner = self._convert(each, origin, depth + 1)
            nodes.extend([each] if inner is None else inner.nodes)
            constants.update(inner.constants if inner is not None else {})
        return Replacement(rule, node, nodes, _used(nodes, constants))

    def _convert_bodies(self, node: Node, origin: str, depth: int) -> None:
        """Converts the bodies of a node that a rule has just made."""
        for body in node.subgraphs.values():
            changes: dict[Node, Replacement] = {}
            for each in body.nodes:
                self._convert_bodies(each, origin, depth)
                inner = self._convert(each, origin, depth)
                if inner is not None:
                    changes[each] = inner
            splice(body, changes)

    def _next_opset(self, node: Node) -> int:
        """Where an adapter writes: the nearest opset that has another version of the operator.

        What it writes besides is at home there, too, and is taken on from there.
        """
        if node.info is None:
            return self.target
        if self.target < self._context.opset:
            return max(self.target, node.info.since - 1)
        newer = (v.since for v in all_versions(node.op_type) if v.since > node.info.since)
        return min(next(newer, self.target), self.target)

    def _record(self, rule: Rule, node: Node, origin: str, made: Sequence[Node]) -> None:
        produced = tuple(n.op_type for n in made)
        self.rewrites.append(Applied(origin, node.op_type, rule.name, rule.exactness, produced))


def _reads(rule: Rule, node: Node) -> bool:
    """Whether a rule is for the version of the operator that the node has."""
    return node.info is not None and node.info.since in rule.versions


def _used(nodes: Sequence[Node], constants: dict[str, Value]) -> dict[str, Value]:
    """The constants that the final nodes read."""
    names = {i for n in nodes for i in n.inputs} | {c for n in nodes for c in n.captured()}
    return {name: value for name, value in constants.items() if name in names}


def _steps(
    node: Node, versions: tuple[OpInfo, ...], target: int
) -> Iterator[tuple[OpInfo, OpInfo]]:
    """The versions to go through, each with the next.

    An operator that is newer than the target is taken to its first version.
    """
    if node.info is None:
        return iter(())
    start = node.info.since
    final = max((v.since for v in versions if v.since <= target), default=versions[0].since)
    between = [v for v in versions if min(start, final) <= v.since <= max(start, final)]
    return pairwise(between if start < final else between[::-1])
