"""Makes a graph plain before it is legalized: constants are initializers, dead code is gone.

Nothing here depends on a target. What the given shapes make constant is folded, an If whose
condition is known becomes the branch that runs, a Loop or Scan of known length becomes copies of
its body where they are few, a sequence whose elements are known becomes these, and nodes that lead
nowhere are dropped.
"""

from collections.abc import Callable, Sequence

from porting.legalize.apply import Names, Replacement, add_constant, apply, splice
from porting.legalize.ops import Ops
from porting.legalize.rename import rename_node
from porting.legalize.rule import DeclinedError, Registry, Rule, RuleFunction, collect
from porting.model.graph import Graph, Node
from porting.model.infer import infer
from porting.model.read import read_graph
from porting.model.write import write_graph
from porting.rules import sequences
from porting.rules.control_flow import (
    FEW_NODES,
    MOST_NODES,
    if_to_branch,
    unroll_loop,
    unroll_scan,
)


def normalise(graph: Graph) -> None:
    """Folds, inlines and cleans a graph and its bodies, in place. Values stay inferred."""
    names = Names("inlined")
    _normalise_bodies(graph, names)
    _plain(graph, names)
    clean(graph)


def _normalise_bodies(graph: Graph, names: Names) -> None:
    """Normalises every body; one that contradicts itself stays as it was.

    A branch that never runs at the shapes at hand may not fit them. As long as its own choices
    are open that does not show, and runtimes load it.
    """
    for node in graph.nodes:
        for name, body in node.subgraphs.items():
            before = write_graph(body)
            _normalise_bodies(body, names)
            _plain(body, names)
            if body.conflicts:
                fresh = read_graph(before, body.context, graph, body.path)
                fresh.is_frozen = True
                infer(fresh)
                node.subgraphs[name] = fresh


def _plain(graph: Graph, names: Names) -> None:
    """Resolves and folds at one level; bodies are looked at again once they have been copied."""
    while _resolve(graph, names):
        infer(graph)
        _normalise_bodies(graph, names)
    fold_constants(graph)


def fold_constants(graph: Graph) -> None:
    """Turns Constant nodes and everything whose contents are known into initializers.

    A value that the graph itself returns stays the output of a node: several toolchains refuse
    a model that returns a constant.
    """
    kept: list[Node] = []
    for node in graph.nodes:
        first = graph.values.get(node.outputs[0]) if node.outputs else None
        if first is not None and not first.is_const:
            kept.append(node)
            continue
        values = [graph.values.get(o) for o in node.outputs if o]
        known = bool(values) and all(v is not None and v.is_const for v in values)
        if not known or any(graph.is_output(o) for o in node.outputs):
            kept.append(node)
            continue
        if not _to_initializers(graph, node):
            kept.append(node)
    graph.nodes = kept
    graph.changed()


def _to_initializers(graph: Graph, node: Node) -> bool:
    """Makes a node's outputs initializers; False, and nothing done, where one is not known."""
    names = [o for o in node.outputs if o]
    values = [graph.values[n] for n in names]
    if node.op_type == "Constant" and values[0].tensor is not None:
        tensor = type(values[0].tensor)()
        tensor.CopyFrom(values[0].tensor)
        tensor.name = names[0]
        graph.initializers[names[0]] = tensor
        values[0].tensor = tensor
        return True
    arrays = [v.contents for v in values if v.contents is not None and v.contents.dtype != object]
    if len(arrays) < len(names):
        return False
    for name, array in zip(names, arrays, strict=True):
        add_constant(graph, name, array)
    return True


def _resolve(graph: Graph, names: Names) -> bool:
    """Replaces control flow and sequences of which everything is known by what they compute.

    Returns:
        Whether there was any, so that more may be known now.
    """
    found: dict[Node, Replacement] = {}
    for node in graph.nodes:
        for rule in _RESOLVED.for_operator(node.key):
            try:
                found[node] = apply(rule, node, names)
            except DeclinedError:
                continue
            break
    splice(graph, found)
    return bool(found)


def _few_copies(unroll: Callable[[Ops, Node, int], Sequence[str]]) -> RuleFunction:
    """Unrolls what gives few nodes, or more where a list is filled: only copies tell with what."""

    def run(op: Ops, node: Node) -> Sequence[str]:
        fills = any(v is not None and v.kind == "sequence" for v in node.input_values())
        return unroll(op, node, MOST_NODES if fills else FEW_NODES)

    return run


_RESOLVED = Registry(
    [
        Rule("if-to-branch", "If", "exact", if_to_branch),
        Rule("loop-unrolled", "Loop", "exact", _few_copies(unroll_loop)),
        Rule("scan-unrolled", "Scan", "exact", _few_copies(unroll_scan)),
        *collect([sequences]),
    ]
)


def clean(graph: Graph) -> None:
    """Drops Identity nodes, nodes whose results nobody reads, and unused initializers."""
    _drop_identities(graph)
    _drop_last_identities(graph)
    _drop_dead(graph)


def _drop_identities(graph: Graph) -> None:
    names: dict[str, str] = {}
    kept: list[Node] = []
    for node in graph.nodes:
        current = rename_node(node, names) if names and _touches(node, names) else node
        for body in current.subgraphs.values():
            _drop_identities(body)
        if current.key == "Identity" and not graph.is_output(current.outputs[0]):
            names[current.outputs[0]] = current.inputs[0]
        else:
            kept.append(current)
    graph.nodes = kept
    graph.changed()


def _drop_last_identities(graph: Graph) -> None:
    """A node whose result an output only renames gives the output itself."""
    last: list[Node] = []
    for node in graph.nodes:
        for body in node.subgraphs.values():
            _drop_last_identities(body)
        if node.key == "Identity" and graph.is_output(node.outputs[0]):
            last.append(node)
    made = {o for node in graph.nodes for o in node.outputs if o} if last else set()
    names: dict[str, str] = {}
    dropped: set[Node] = set()
    for node in last:
        source = node.inputs[0] if node.inputs else ""
        if source in made and not graph.is_output(source) and source not in names:
            names[source] = node.outputs[0]
            dropped.add(node)
    if names:
        kept = [node for node in graph.nodes if node not in dropped]
        graph.nodes = [
            rename_node(n, names)
            if _touches(n, names) or not names.keys().isdisjoint(n.outputs)
            else n
            for n in kept
        ]
        graph.changed()


def _touches(node: Node, names: dict[str, str]) -> bool:
    return any(i in names for i in node.inputs) or any(c in names for c in node.captured())


def _drop_dead(graph: Graph) -> None:
    """Keeps what leads to an output of the graph."""
    needed = {o.name for o in graph.outputs}
    kept: list[Node] = []
    for node in reversed(graph.nodes):
        if needed.isdisjoint(node.outputs):
            continue
        for body in node.subgraphs.values():
            _drop_dead(body)
        kept.append(node)
        needed.update(node.inputs)
        if node.subgraphs:
            needed |= node.captured()
        needed.discard("")
    graph.nodes = kept[::-1]
    graph.initializers = {n: t for n, t in graph.initializers.items() if n in needed}
    graph.changed()
