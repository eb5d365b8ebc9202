"""Facts about several nodes at once: a pattern written as ONNX, and what holds where it is found.

A pattern is a few nodes in ONNX's own text form. It is matched from its last node backwards, from
a value to the node that computes it. A name stands for one value wherever it occurs; a name that
no line computes stands for any value. The inputs of a node are matched one for one, those that
are left out included; of operators that commute, both orders are tried.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, NamedTuple

from onnx import AttributeProto, NodeProto
from onnx.parser import ParseError, parse_function

from porting.capability.expression import Expression
from porting.capability.facts import choices
from porting.capability.limits import Compiler, Limit, LimitError
from porting.capability.operand import Operand
from porting.capability.operations import equal
from porting.capability.record import changed
from porting.capability.schema import Condition, Pattern
from porting.model.graph import Node
from porting.model.schema import ONNX_DOMAIN, all_versions, decode_attribute, domain_name

MAX_NODES = 32
MAX_MATCHES = 64
MAX_STEPS = 10_000
"""Ways to read one place in a graph that are looked at, and nodes that are compared for it: the
orders of operands multiply. Beyond that, the pattern counts as not found."""

COMMUTATIVE = frozenset({"Add", "And", "Equal", "Max", "Mean", "Min", "Mul", "Or", "Sum", "Xor"})

GENERIC = frozenset({"opset", "precision"})
"""What the conditions of a pattern may name besides its values."""

Bindings = Mapping[str, str]


class Match(NamedTuple):
    """A pattern found in a graph.

    Attributes:
        anchor: The node that the pattern's last line stands for.
        values: Names of the graph by names of the pattern; empty for an input left out.
        nodes: Names of the first outputs of the nodes that it covers.
    """

    anchor: Node
    values: Bindings
    nodes: frozenset[str]


class CompiledPattern(NamedTuple):
    """A pattern ready to be looked for.

    Attributes:
        name: What the table calls it.
        nodes: In topological order; the last one is the anchor.
        limits: What must hold where it is found, each guarded by the pattern's own `when`.
        fuses: Whether the toolchain runs its nodes as one, so that none is judged by itself.
        guard: What tells the pattern apart, besides its nodes.
    """

    name: str
    nodes: tuple[NodeProto, ...]
    limits: tuple[Limit, ...]
    fuses: bool
    guard: Expression

    @property
    def anchor(self) -> str:
        """The operator of the last node, as tables write it."""
        return _key(self.nodes[-1])

    @property
    def operators(self) -> frozenset[str]:
        """The operators of all nodes."""
        return frozenset(map(_key, self.nodes))

    def matches(self, node: Node) -> Iterator[Match]:
        """The ways in which `node` can be the last node of the pattern."""
        found = _Search(self.nodes).node(node, len(self.nodes) - 1, {})
        for values in islice(found, MAX_MATCHES):
            covered = {values[next(o for o in n.output if o)] for n in self.nodes}
            yield Match(node, values, frozenset(covered))

    def around(self, node: Node) -> Iterator[Match]:
        """The places of the pattern of which `node` is a part."""
        own = next((o for o in node.outputs if o), "")
        front, seen = [node], set[int]()
        for _ in self.nodes:
            following: list[Node] = []
            for each in front:
                if id(each) in seen:
                    continue
                seen.add(id(each))
                if each.key == self.anchor:
                    yield from (m for m in self.matches(each) if own in m.nodes)
                following += [c for o in each.outputs if o for c in each.graph.consumers(o)]
            front = following


def compile_pattern(pattern: Pattern, compiler: Compiler) -> CompiledPattern:
    """Reads a pattern.

    Args:
        pattern: As the table has it.
        compiler: For conditions on every node, with the table's defaults.

    Raises:
        LimitError: The text is not a pattern, or a condition names what is not in it.
    """
    nodes = _parsed(pattern.match)
    known = {n for node in nodes for n in (*node.input, *node.output) if n} | GENERIC
    guard = compiler.expression(pattern.when or "True", ("when",))
    _check_names(guard.names - known, ("when",))
    limits = compiler.conditions([_guarded(c, pattern) for c in pattern.require])
    for index, limit in enumerate(limits):
        _check_names(limit.names - known, ("require", index))
    if pattern.verdict != "supported":
        if not pattern.why:
            raise LimitError(("verdict",), "one of its own needs a why")
        never = Condition(that="False", else_=pattern.verdict, why=pattern.why, help=pattern.help)
        limits += compiler.conditions([_guarded(never, pattern)])
    if not limits and not pattern.fuses:
        raise LimitError(("match",), "the pattern says nothing: give a verdict, require or fuses")
    limits = [limit._replace(code="pattern") for limit in limits]
    return CompiledPattern(pattern.name, nodes, tuple(limits), pattern.fuses, guard)


def _check_names(unknown: frozenset[str], field: tuple[str | int, ...]) -> None:
    if unknown:
        raise LimitError(field, f"the pattern has no {min(unknown)}")


def _guarded(condition: Condition, pattern: Pattern) -> Condition:
    """A condition that counts only where the pattern's own `when` holds."""
    guards = [f"({w})" for w in (pattern.when, condition.when) if w]
    wanted = f"write it as {pattern.want}" if pattern.want else ""
    return changed(
        condition,
        when=" and ".join(guards),
        source=condition.source or pattern.source,
        help=condition.help or wanted,
    )


def _parsed(text: str) -> tuple[NodeProto, ...]:
    if "{" in text or "}" in text:
        raise LimitError(("match",), "a pattern has no bodies")
    try:
        function = parse_function(f'<domain: "p", opset_import: ["": 17]> p () => () {{ {text} }}')
    except ParseError as error:
        message = error.args[0]
        shown = message.decode() if isinstance(message, bytes) else str(message)
        reason = shown.strip().splitlines()[-1]
        raise LimitError(("match",), f"not ONNX's text form: {reason}") from None
    nodes = tuple(function.node)
    if not 2 <= len(nodes) <= MAX_NODES:
        raise LimitError(("match",), f"a pattern has 2 to {MAX_NODES} nodes")
    for node in nodes:
        if domain_name(node.domain) == ONNX_DOMAIN and not all_versions(node.op_type):
            raise LimitError(("match",), f"ONNX has no operator {node.op_type} in any version")
    used: set[str] = set(nodes[-1].input)
    for node in reversed(nodes[:-1]):
        if used.isdisjoint(node.output):
            name = ", ".join(node.output)
            raise LimitError(("match",), f"{name} does not lead to the last node")
        used.update(node.input)
    return nodes


def _key(node: NodeProto) -> str:
    domain = domain_name(node.domain)
    return node.op_type if domain == ONNX_DOMAIN else f"{domain}::{node.op_type}"


class _Search:
    """Looks for the nodes of one pattern, a bounded number of steps."""

    def __init__(self, nodes: Sequence[NodeProto]) -> None:
        self._nodes = nodes
        self._steps = 0
        self._producers = {
            o: (index, place)
            for index, node in enumerate(nodes)
            for place, o in enumerate(node.output)
            if o
        }

    def node(self, node: Node, index: int, values: Bindings) -> Iterator[Bindings]:
        """The bindings under which `node` is the pattern's node number `index`."""
        self._steps += 1
        wanted = self._nodes[index]
        given = _without_tail(node.inputs)
        if self._steps > MAX_STEPS or node.key != _key(wanted):
            return
        if len(given) != len(_without_tail(wanted.input)):
            return
        if not all(_attribute_fits(node, a) for a in wanted.attribute):
            return
        bound = _bind_all(values, wanted.output, node.outputs)
        if bound is None:
            return
        orders = [given]
        if wanted.op_type in COMMUTATIVE and len(given) == 2 and given[0] != given[1]:
            orders.append((given[1], given[0]))
        for order in orders:
            pairs = list(zip(wanted.input, order, strict=False))
            yield from self._values(node, pairs, bound)

    def _values(
        self, node: Node, pairs: Sequence[tuple[str, str]], values: Bindings
    ) -> Iterator[Bindings]:
        """The bindings under which names of the pattern stand for these values, all of them."""
        if not pairs:
            yield values
            return
        (name, value), *rest = pairs
        if not name or name in values or name not in self._producers:
            bound = _bind_all(values, [name], [value])
            if bound is not None:
                yield from self._values(node, rest, bound)
            return
        index, place = self._producers[name]
        producer = node.graph.producer(value) if value else None
        if producer is None or place >= len(producer.outputs) or producer.outputs[place] != value:
            return
        for inner in self.node(producer, index, values):
            yield from self._values(node, rest, inner)


def _bind_all(
    values: Bindings, names: Sequence[str], found: Sequence[str]
) -> dict[str, str] | None:
    """`values` with more names; None where one stands for something else already."""
    bound = dict(values)
    for index, name in enumerate(names):
        value = found[index] if index < len(found) else ""
        if name and bound.setdefault(name, value) != value:
            return None
        if bool(name) != bool(value) and (name or value):
            return None
    return bound


def _without_tail(names: Sequence[str]) -> tuple[str, ...]:
    """Inputs without those that are left out at the end, which may as well not be written."""
    kept = list(names)
    while kept and not kept[-1]:
        kept.pop()
    return tuple(kept)


def _attribute_fits(node: Node, wanted: AttributeProto) -> bool:
    return equal(node.attribute(wanted.name), decode_attribute(wanted)) is True


class MatchFacts:
    """Looks up the names of a pattern where it was found."""

    def __init__(self, match: Match, precision: str, options: Mapping[str, str]) -> None:
        self.match = match
        self.precision = precision
        self.options = options

    def __call__(self, name: str) -> Any:
        """The value behind a name, as an operand; None for one that is left out."""
        if name.startswith("option:"):
            return choices(self.options, name.removeprefix("option:"))
        if name in self.match.values:
            value, graph = self.match.values[name], self.match.anchor.graph
            return Operand(name, graph.value(value), graph) if value else None
        return self.precision if name == "precision" else self.match.anchor.opset
