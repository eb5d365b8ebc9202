"""Makes a graph plain before it is legalized: constants are initializers, dead code is gone.

Nothing here depends on a target. What the given shapes make constant is folded, an If whose
condition is known becomes the branch that runs, and nodes that lead nowhere are dropped.
"""

from porting.legalize.apply import add_constant
from porting.legalize.rename import rename_node
from porting.model.graph import Graph, Node
from porting.model.infer import Hints, infer
from porting.model.read import read_graph, read_node
from porting.model.schema import make_node
from porting.model.write import write_graph


def normalise(graph: Graph) -> None:
    """Folds, inlines and cleans a graph and its bodies, in place. Values stay inferred."""
    _normalise_bodies(graph)
    _plain(graph)
    clean(graph)


def _normalise_bodies(graph: Graph) -> None:
    """Normalises every body; one that contradicts itself stays as it was.

    A branch that never runs at the shapes at hand may not fit them. As long as its own choices
    are open that does not show, and runtimes load it.
    """
    for node in graph.nodes:
        for name, body in node.subgraphs.items():
            before = write_graph(body)
            _normalise_bodies(body)
            _plain(body)
            if body.conflicts:
                fresh = read_graph(before, body.context, graph, body.path)
                fresh.is_frozen = True
                infer(fresh, Hints({}))
                node.subgraphs[name] = fresh


def _plain(graph: Graph) -> None:
    """Inlines and folds at one level."""
    while _inline_branches(graph):
        infer(graph, Hints({}))
    fold_constants(graph)


def fold_constants(graph: Graph) -> None:
    """Turns Constant nodes and everything whose contents are known into initializers.

    A value that the graph itself returns stays the output of a node: several toolchains refuse
    a model that returns a constant.
    """
    kept: list[Node] = []
    for node in graph.nodes:
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


def _inline_branches(graph: Graph) -> bool:
    """Replaces each If whose condition is known by the branch that runs.

    Returns:
        Whether there was one, so that more may be known now.
    """
    nodes: list[Node] = []
    changed = False
    for node in graph.nodes:
        branch = _taken_branch(node)
        if branch is None:
            nodes.append(node)
        else:
            changed = True
            nodes.extend(_inlined(graph, node, branch))
    if changed:
        graph.nodes = nodes
        graph.changed()
    return changed


def _taken_branch(node: Node) -> Graph | None:
    if node.op_type != "If" or node.domain != "ai.onnx":
        return None
    condition = node.const(0)
    if condition is None or condition.size != 1:
        return None
    return node.subgraphs.get("then_branch" if condition.ravel()[0] else "else_branch")


def _inlined(graph: Graph, node: Node, branch: Graph) -> list[Node]:
    """The branch's nodes in the outer graph, its values under names that cannot collide."""
    defined = [o for n in branch.nodes for o in n.outputs if o] + list(branch.initializers)
    names = {name: f"{node.name}/{name}" for name in defined}
    aliases: list[tuple[str, str]] = []
    for result, output in zip(branch.outputs, node.outputs, strict=False):
        if not output:
            continue
        produced = result.name in names and result.name not in branch.initializers
        if produced and names[result.name] not in node.outputs:
            names[result.name] = output
        else:
            aliases.append((names.get(result.name, result.name), output))
    for name, tensor in branch.initializers.items():
        tensor.name = names[name]
        graph.initializers[names[name]] = tensor
        value = branch.values[name]
        value.name, value.tensor = names[name], tensor
        graph.define(value)
    moved = [_moved(n, names, graph) for n in branch.nodes]
    return moved + [_identity(graph, node, *alias) for alias in aliases]


def _moved(node: Node, names: dict[str, str], graph: Graph) -> Node:
    fresh = rename_node(node, names)
    fresh.graph = graph
    for body in fresh.subgraphs.values():
        body.outer = graph
    return fresh


def _identity(graph: Graph, node: Node, source: str, output: str) -> Node:
    proto = make_node("Identity", [source], [output], name=f"{node.name}/{output}")
    return read_node(proto, graph, node.origin)


def clean(graph: Graph) -> None:
    """Drops Identity nodes, nodes whose results nobody reads, and unused initializers."""
    _drop_identities(graph)
    _drop_dead(graph)


def _drop_identities(graph: Graph) -> None:
    names: dict[str, str] = {}
    kept: list[Node] = []
    for node in graph.nodes:
        current = rename_node(node, names) if _touches(node, names) else node
        for body in current.subgraphs.values():
            _drop_identities(body)
        plain = current.op_type == "Identity" and current.domain == "ai.onnx"
        if plain and not graph.is_output(current.outputs[0]):
            names[current.outputs[0]] = current.inputs[0]
        else:
            kept.append(current)
    graph.nodes = kept
    graph.changed()


def _touches(node: Node, names: dict[str, str]) -> bool:
    if not names:
        return False
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
        needed.update(i for i in node.inputs if i)
        needed.update(node.captured())
    graph.nodes = kept[::-1]
    graph.initializers = {n: t for n, t in graph.initializers.items() if n in needed}
    graph.changed()
