"""Runs one rule on one node and makes of the result something that can stand in its place."""

from dataclasses import dataclass, field
from itertools import count

from onnx import numpy_helper

from porting.legalize.ops import Ops
from porting.legalize.rename import rewired
from porting.legalize.rule import Rule, decline
from porting.legalize.wellformed import require_wellformed
from porting.model.fold import fold_up_to
from porting.model.graph import Context, Graph, Node
from porting.model.read import read_node
from porting.model.schema import make_node
from porting.model.value import Array, Value, constant, merge


@dataclass(eq=False)
class Replacement:
    """Nodes that compute the outputs of `node` under the same names.

    Attributes:
        rule: What made it.
        node: What it replaces.
        nodes: In topological order, living in a trial graph over the node's own.
        constants: New initializers by name, each with its contents or a tensor.
    """

    rule: Rule
    node: Node
    nodes: list[Node]
    constants: dict[str, Value] = field(default_factory=dict)


class Names:
    """Prefixes for new nodes and values, unique in a model and made of the old node's name.

    A node has one prefix, whichever rules are tried on it: one replacement at most is adopted.

    Args:
        step: What happens to the nodes; steps that follow each other do not share names.
    """

    def __init__(self, step: str = "port") -> None:
        self._step = step
        self._taken: dict[str, count[int]] = {}

    def prefix(self, node: Node) -> str:
        """`conv1/port`, and `conv1/port.1` for another node of that name."""
        if not node.prefix:
            base = f"{node.name}/{self._step}"
            number = next(self._taken.setdefault(base, count()))
            node.prefix = f"{base}.{number}" if number else base
        return node.prefix


def apply(rule: Rule, node: Node, names: Names, context: Context | None = None) -> Replacement:
    """The replacement that `rule` builds for `node`; the graph is not changed.

    Args:
        rule: A rule for the node's operator.
        node: The node as it stands in its graph.
        names: Gives the new names.
        context: Opsets in which the replacement is written; those of the node by default.

    Raises:
        DeclinedError: The rule does not apply.
    """
    context = context or node.graph.context
    if context.opset < rule.since:
        decline(f"it needs opset {rule.since} or newer, the result is at {context.opset}")
    if rule.versions and (node.info is None or node.info.since not in rule.versions):
        decline(f"it reads another version of {node.op_type} than opset {node.opset} has")
    op = Ops(node.graph, node.origin or node.name, names.prefix(node), context)
    result = rule.function(op, node)
    results = [result] if isinstance(result, str) else list(result)
    wanted = [o for o in node.outputs if o]
    given = [r for o, r in zip(node.outputs, results, strict=False) if o]
    if len(given) < len(wanted):
        decline(f"it does not compute output '{wanted[len(given)]}'")
    return _finish(rule, node, op.trial, dict(zip(wanted, given, strict=True)))


def _finish(rule: Rule, node: Node, trial: Graph, results: dict[str, str]) -> Replacement:
    """Gives the results the names of the outputs they stand for, and drops what is not used."""
    _fold(trial, {r for o, r in results.items() if node.graph.is_output(o)})
    made = {o for n in trial.nodes for o in n.outputs}
    rename: dict[str, str] = {}
    aliases: list[tuple[str, str]] = []
    for output, result in results.items():
        if result in made and result not in rename:
            rename[result] = output
        else:
            aliases.append((output, result))
    for index, (output, result) in enumerate(aliases):
        name = f"{node.name}/port/Identity_{index}"
        proto = make_node("Identity", [rename.get(result, result)], [output], name=name)
        trial.nodes.append(read_node(proto, trial, node.origin))
    live = _live(trial.nodes, set(results.values()))
    require_wellformed(live)
    nodes = [rewired(n.proto, n, trial, rename) for n in live]
    for output, result in results.items():
        value = trial.value(result)
        new = type(value)(output, value.dtype, value.shape, value.is_const)
        merge(new, node.graph.value(output))
        trial.define(new)
        if value.contents is not None:
            trial.values[output].contents = value.contents
    used = {i for n in nodes for i in n.inputs} | {c for n in nodes for c in n.captured()}
    constants = {
        name: value
        for name, value in trial.values.items()
        if name in used and name not in made and name not in results and _is_stored(value)
    }
    trial.nodes = nodes
    trial.changed()
    return Replacement(rule, node, nodes, constants)


MOST_FOLDED = 2**20
"""Elements that a constant may have which a rule's nodes are computed to."""
GROWTH = 4
"""How many times as large as the largest input of its node it may be, if it is not small."""


def _fold(trial: Graph, kept: set[str]) -> None:
    """Computes nodes over constants; their results are constants of the trial, and they go.

    Args:
        trial: The replacement.
        kept: Results that stay computed, because toolchains refuse to return a constant.
    """
    for node in trial.nodes:
        values = [trial.values.get(o) for o in node.outputs if o]
        if any(v is not None and v.is_const and v.contents is None for v in values):
            largest = max((v.size or 0 for v in node.input_values() if v is not None), default=0)
            arrays = fold_up_to(min(MOST_FOLDED, GROWTH * largest), node) or ()
            for name, array in zip(node.outputs, arrays, strict=False):
                trial.define(constant(name, array))
    trial.nodes = [
        n
        for n in trial.nodes
        if n.op_type == "Constant"
        or not kept.isdisjoint(n.outputs)
        or not all(_is_held(trial.values.get(o)) for o in n.outputs if o)
    ]
    trial.changed()


def _is_held(value: Value | None) -> bool:
    held = value.contents if value is not None else None
    return held is not None and held.dtype != object


def _is_stored(value: Value) -> bool:
    return value.contents is not None or value.tensor is not None


def _live(nodes: list[Node], wanted: set[str]) -> list[Node]:
    """The nodes that lead to the wanted values; the Identity nodes at the end always do."""
    kept: list[Node] = []
    needed = set(wanted)
    for node in reversed(nodes):
        final = node.op_type == "Identity" and "/port/Identity_" in node.name
        if final or needed.intersection(node.outputs):
            kept.append(node)
            needed.update(i for i in node.inputs if i)
            needed.update(node.captured())
    return kept[::-1]


def splice(graph: Graph, replacements: dict[Node, Replacement]) -> None:
    """Puts replacements in the places of their nodes, in one pass over the graph."""
    nodes: list[Node] = []
    for node in graph.nodes:
        replacement = replacements.get(node)
        if replacement is None:
            nodes.append(node)
            continue
        adopt(graph, replacement)
        nodes.extend(replacement.nodes)
    graph.nodes = nodes
    graph.changed()


def adopt(graph: Graph, replacement: Replacement) -> None:
    """Moves a replacement's nodes, values and constants into `graph`."""
    for node in replacement.nodes:
        trial = node.graph
        node.graph = graph
        for body in node.subgraphs.values():
            body.outer = graph
        for name in node.outputs:
            if name in trial.values:
                graph.define(trial.values[name])
    for name, value in replacement.constants.items():
        if value.tensor is not None:
            graph.initializers[name] = value.tensor
            graph.define(value)
        elif value.contents is not None:
            add_constant(graph, name, value.contents)


def add_constant(graph: Graph, name: str, array: Array) -> None:
    """A new initializer."""
    tensor = numpy_helper.from_array(array, name)
    graph.initializers[name] = tensor
    value = constant(name, array)
    value.tensor = tensor
    graph.define(value)
