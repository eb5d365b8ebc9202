"""The verdict on a node: what the table says of it, with the node's own values."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from porting.capability.facts import NodeFacts, choices
from porting.capability.limits import Limit
from porting.capability.memory import Answer, Memory
from porting.capability.operand import Operand
from porting.capability.operations import ExpressionError
from porting.capability.patterns import CompiledPattern, Match, MatchFacts
from porting.capability.schema import Folding, Stage
from porting.capability.table import CapabilityTable, Operator
from porting.capability.unknown import Truth, Unknown
from porting.errors import UsageError
from porting.model.form import form_error
from porting.model.graph import Graph, Node
from porting.model.schema import all_versions
from porting.results import VERDICTS, Finding, Verdict, worst


@dataclass(frozen=True)
class Judge:
    """Holds nodes against one table.

    Attributes:
        table: The capability table.
        precision: Compute type; the table's default if empty.
        options: The user's choices by the names that the table gives them.

    Raises:
        UsageError: An option that the table does not name.
    """

    table: CapabilityTable
    precision: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    _memory: Memory = field(default_factory=Memory, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name in self.options:
            if name not in self.table.data.options:
                known = ", ".join(self.table.data.options) or "none"
                raise UsageError(
                    "option-unknown",
                    f"{self.table.data.target} has no option '{name}'",
                    f"it has: {known}",
                )

    def findings(self, node: Node) -> tuple[Finding, ...]:
        """Everything that the table says against a node, worst first; empty if nothing.

        A body of If, Loop or Scan is not looked into: its nodes are judged by themselves.
        """
        found: Answer = ()
        if node.key not in self.table.fusing or not self._is_fused(node):
            found = self._memory.recall(node, self._facts, self._of_node)
        if node.key in self.table.anchored:
            found = (*found, *self._of_patterns(node))
        return _worst_first(found)

    def _facts(self, node: Node) -> NodeFacts:
        return NodeFacts(node, self.precision or self.table.precision, self.options)

    def _of_node(self, facts: NodeFacts) -> Answer:
        """What the table says of the node by itself."""
        node = facts.node
        operator = self.table.operator(node.key)
        undefined = node.info is None and node.domain == "ai.onnx"
        # what no version of ONNX has may be the toolchain's own: the table knows best
        if undefined and (operator is None or all_versions(node.op_type)):
            return (_undefined(node),)
        if self._folds(node, operator):
            return ()
        if operator is None:
            return (self._absent(node),)
        found = [*self._base(operator, node), *self._opset(operator, node), *self._form(node)]
        found += self._limits((*operator.limits, *self.table.node_limits), facts)
        if worst([f.verdict for f in found]) == "fallback":
            host = (*operator.cpu_limits, *self.table.host_limits)
            found += self._limits(host, facts, "on the host CPU: ")
        found += self._advice(operator, facts)
        return tuple(found)

    def _of_patterns(self, node: Node) -> Iterator[Finding]:
        """What the table says of the patterns that the node ends."""
        for pattern in self.table.anchored.get(node.key, ()):
            places = [(self._is_there(pattern, m), m) for m in pattern.matches(node)]
            sure = [m for there, m in places if there is True]
            maybe = [m for there, m in places if isinstance(there, Unknown)]
            for match in (*sure, *maybe)[:1]:
                yield from self._limits(pattern.limits, self._match_facts(match))

    def _is_fused(self, node: Node) -> bool:
        """Whether the toolchain runs the node as a part of something else that it takes."""
        return any(
            self._is_there(pattern, match) is True
            and not any(self._limits(pattern.limits, self._match_facts(match)))
            for pattern in self.table.fusing.get(node.key, ())
            for match in pattern.around(node)
        )

    def _is_there(self, pattern: CompiledPattern, match: Match) -> Truth:
        try:
            return pattern.guard.holds(self._match_facts(match))
        except ExpressionError:
            return False

    def _match_facts(self, match: Match) -> MatchFacts:
        return MatchFacts(match, self.precision or self.table.precision, self.options)

    def verdict(self, node: Node) -> Verdict:
        """The worst of a node's findings."""
        found = self.findings(node)
        return worst([f.verdict for f in found]) if found else "supported"

    def model_findings(self, graph: Graph) -> tuple[Finding, ...]:
        """What the table says against the model as a whole."""
        rule = self.table.data.opset
        found: list[Finding] = []
        opset = graph.context.opset
        if "ai.onnx" in graph.context.opsets and opset not in rule.range:
            found.append(
                Finding(
                    self.table.data.else_.of("opset"),
                    "model-opset",
                    f"the model imports opset {opset}; the toolchain takes {rule.range}",
                    self.table.cite(rule.source or self.table.data.source),
                    f"port convert brings it to opset {rule.range.nearest(opset)}",
                )
            )
        facts = _ModelFacts(graph, self.precision or self.table.precision, self.options)
        found += self._limits(self.table.model_limits, facts)
        return _worst_first(found)

    def _absent(self, node: Node) -> Finding:
        data = self.table.data
        name = data.toolchain.name
        text = {
            "unsupported": f"{name} does not take {node.key}",
            "fallback": f"{node.key} is not listed for the accelerator and runs on the host CPU",
            "unknown": f"nothing is known about {node.key} on {name}",
        }[data.absent]
        return Finding(data.absent, "operator-absent", text, self.table.cite(data.source))

    def _folds(self, node: Node, operator: Operator | None) -> bool:
        """Whether the toolchain computes the node while it builds, so that it never runs."""
        own = operator.entry.folds if operator is not None else None
        rule = self.table.data.folds if own is None else own
        anything = False
        if isinstance(rule, Folding):
            anything, rule = rule.unlisted, rule.opset is None or node.opset in rule.opset
        if not rule or not (anything or self._has(operator)):
            return False
        outputs = [node.output(i) for i in range(len(node.outputs))]
        return all(o is None or o.is_const for o in outputs)

    def _has(self, operator: Operator | None) -> bool:
        return operator is not None and operator.entry.verdict in {"supported", "fallback"}

    def _base(self, operator: Operator, node: Node) -> Iterator[Finding]:
        entry = operator.entry
        if entry.verdict != "supported":
            code = f"operator-{entry.verdict}"
            source = self.table.cite(operator.source)
            stage = _when_it_fails(entry.verdict, entry.stage or self.table.data.stage)
            yield Finding(entry.verdict, code, entry.why + stage, source, entry.help)

    def _opset(self, operator: Operator, node: Node) -> Iterator[Finding]:
        rule = self.table.data.opset
        versions = operator.opset
        if versions is None:
            versions = rule.range if rule.match == "model" and node.domain == "ai.onnx" else None
        if versions is None:
            return
        version = node.opset
        if rule.match == "since" and node.info is not None:
            version = node.info.since
        if version not in versions:
            subject = "opset" if rule.match == "model" else f"version {node.op_type}-"
            shown = f"{subject} {version}" if rule.match == "model" else f"{subject}{version}"
            yield Finding(
                operator.otherwise.of("opset"),
                "opset",
                f"{node.key} is taken at {versions} only; the model has {shown}",
                self.table.cite(operator.source),
                "port convert changes the opset",
                f"not taken at the model's opset {node.opset}",
            )

    def _form(self, node: Node) -> Iterator[Finding]:
        reason = form_error(node)
        if reason:
            name = self.table.data.toolchain.name
            yield Finding(
                "unknown",
                "node-invalid",
                f"ONNX does not allow the node: {reason}; nothing is known of such on {name}",
                ("ONNX operator schemas",),
                "export the model again, with another opset",
            )

    def _limits(self, limits: tuple[Limit, ...], facts: Any, prefix: str = "") -> Iterator[Finding]:
        for limit in limits:
            finding = self._limit(limit, facts, prefix)
            if finding is not None:
                yield finding

    def _limit(self, limit: Limit, facts: Any, prefix: str) -> Finding | None:
        """The finding of a limit that is broken or cannot be decided."""
        source = self.table.cite(limit.source)
        try:
            guard = limit.when.holds(facts) if limit.when is not None else True
            if guard is False:
                return None
            held = limit.that.holds(facts)
        except ExpressionError as error:
            text = f"{prefix}the table's condition '{limit.that.text}' cannot be applied: {error}"
            return Finding("unknown", "condition-error", text, source)
        if held is True:
            return None
        if limit.verdict == "supported":
            return self._remark(limit, guard, held, source)
        undecided = [t for t in (guard, held) if isinstance(t, Unknown)]
        if undecided:
            missing = sorted(frozenset().union(*(u.missing for u in undecided)))
            known = ", ".join(m.what for m in missing)
            hints = " ".join(dict.fromkeys(m.hint for m in missing if m.hint))
            reason = f"{prefix}not decided: {limit.why}"
            text = f"{reason}; {known} is not known"
            help_ = f"give {hints}" if hints else ""
            return Finding("unknown", "undecided", text, source, help_, reason)
        shown = _shown_values(limit, facts)
        text = f"{prefix}{limit.why}{shown}"
        if limit.outlook == "not-yet":
            text += "; the vendor says: not yet"
        text += _when_it_fails(limit.verdict, limit.stage)
        return Finding(limit.verdict, limit.code, text, source, limit.help, limit.why)

    @staticmethod
    def _remark(limit: Limit, guard: Truth, held: Truth, source: tuple[str, ...]) -> Finding | None:
        """A condition whose `else` is `supported` is a remark, made where it surely counts."""
        if isinstance(guard, Unknown) or isinstance(held, Unknown):
            return None
        return Finding("supported", "advice", limit.why, source, limit.help, limit.why)

    def _advice(self, operator: Operator, facts: NodeFacts) -> Iterator[Finding]:
        for advice in operator.advice:
            try:
                holds = advice.when.holds(facts)
            except ExpressionError:
                continue
            if holds is True:
                yield Finding("supported", "advice", advice.say, self.table.cite(advice.source))


@dataclass(frozen=True)
class _ModelFacts:
    """Looks names up for the model as a whole."""

    graph: Graph
    precision: str
    options: Mapping[str, str]

    def __call__(self, name: str) -> Any:
        graph = self.graph
        if name.startswith("option:"):
            return choices(self.options, name.removeprefix("option:"))
        if name == "inputs":
            return tuple(Operand(i.name, graph.value(i.name), graph) for i in graph.inputs)
        if name == "outputs":
            return tuple(Operand(o.name, graph.value(o.name), graph) for o in graph.outputs)
        if name == "opset":
            return graph.context.opset
        return self.precision if name == "precision" else None


def _worst_first(findings: Sequence[Finding]) -> Answer:
    if len(findings) < 2:
        return tuple(findings)
    return tuple(sorted(findings, key=lambda f: -VERDICTS.index(f.verdict)))


def _undefined(node: Node) -> Finding:
    return Finding(
        "unsupported",
        "operator-undefined",
        f"ONNX has no operator {node.op_type} at opset {node.opset}",
        ("ONNX operator schemas",),
        "export the model again with an opset that has it",
    )


def _when_it_fails(verdict: Verdict, stage: Stage | None) -> str:
    """What a toolchain that notices late does first; empty where the build itself fails."""
    if verdict != "unsupported" or stage is None:
        return ""
    return {
        "build": "",
        "load": "; it builds and fails when it is loaded",
        "run": "; it builds and fails at run time",
    }[stage]


def _shown_values(limit: Limit, facts: Any) -> str:
    """The node's own values of what the condition names: ` (alpha=0.5, C absent)`."""
    parts = []
    for name in sorted(limit.names - {"inputs", "outputs", "op_type", "since", "node_name"}):
        shown = _shown(name, facts(name))
        if shown:
            parts.append(shown)
    return f" ({', '.join(parts[:5])})" if parts else ""


def _shown(name: str, value: Any) -> str:
    if value is None:
        return f"{name} absent"
    if isinstance(value, Unknown):
        return f"{name} not known"
    if isinstance(value, Operand):
        return f"{name} {_operand(value)}"
    if isinstance(value, tuple) and value and isinstance(value[0], Operand):
        return f"{name} {', '.join(_operand(v) for v in value[:4])}"
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return f"{name}={text if len(text) <= 60 else text[:57] + '...'}"


def _operand(operand: Operand) -> str:
    """`float32[1,3,?,224]`, `constant int64[4]`."""
    source = operand.source
    dims = (
        "?"
        if source.shape is None
        else ",".join(str(d or "?") if d != 0 else "0" for d in source.shape)
    )
    kind = "constant " if source.is_const else ""
    return f"{kind}{source.dtype or '?'}[{dims}]"
