"""Hashes of nodes that do not depend on names.

Forward, a node is what it computes from the model's inputs; backward, what becomes of its
outputs. Two nodes with equal hashes do the same in their models, whatever an exporter calls them.
"""

import hashlib
from collections import ChainMap
from collections.abc import Callable, Iterable, Mapping, MutableMapping
from typing import TypeAlias

from onnx import TensorProto

from porting.model.graph import Graph, Node

Label: TypeAlias = Callable[[TensorProto], str]
Described: TypeAlias = Callable[[Node], str]
Known: TypeAlias = MutableMapping[str, str]
"""Value name to what stands for it."""


def forward(graph: Graph, known: Known, label: Label, described: Described) -> dict[Node, str]:
    """Every node of a graph by what it computes from; `known` gains every value of the graph.

    Args:
        graph: Without its bodies' nodes, which count for the node that holds them.
        known: What stands for inputs, and for the values of graphs around.
        label: What stands for a tensor.
        described: The node's attributes as text.
    """
    for name, tensor in graph.initializers.items():
        known[name] = label(tensor)
    found = {}
    for node in graph.nodes:
        values = (_of(graph, known, name) for name in node.inputs)
        bodies = _bodies(node, known, label, described)
        found[node] = digest = digest_of(node.key, described(node), *values, *bodies)
        for position, name in enumerate(node.outputs):
            if name:
                known[name] = f"{digest}.{position}"
    return found


def backward(
    graph: Graph, ends: Mapping[str, str], label: Label, described: Described
) -> dict[Node, str]:
    """Every node of a graph by what becomes of its outputs.

    Args:
        graph: Without its bodies' nodes.
        ends: What stands for the outputs of the graph.
        label: What stands for a tensor.
        described: The node's attributes as text.
    """
    uses: dict[str, list[str]] = {name: [mark] for name, mark in ends.items()}
    found = {}
    for node in reversed(graph.nodes):
        made = (",".join(sorted(uses.get(name, ()))) for name in node.outputs)
        constants = (_constant(graph, name, label) for name in node.inputs)
        bodies = _bodies(node, {}, label, described)
        digest = digest_of(node.key, described(node), *made, *constants, *bodies)
        found[node] = digest
        for position, name in enumerate(node.inputs):
            if name:
                uses.setdefault(name, []).append(f"{digest}.{position}")
        for name in node.captured():
            uses.setdefault(name, []).append(f"{digest}.body")
    return found


def digest_of(*parts: str) -> str:
    """A hash of texts; where one ends and the next begins counts."""
    text = "\0".join(f"{len(part)}:{part}" for part in parts)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def inside(body: Graph, known: Known) -> Known:
    """What is known in a body: its inputs by position, and what is known around it."""
    chain = known if isinstance(known, ChainMap) else ChainMap(known)
    depth = len(chain.maps)
    return chain.new_child({v.name: f"input {depth}.{i}" for i, v in enumerate(body.inputs)})


def _bodies(node: Node, known: Known, label: Label, described: Described) -> Iterable[str]:
    for name, body in sorted(node.subgraphs.items()):
        here = inside(body, known)
        forward(body, here, label, described)
        yield digest_of(name, *(here.get(o.name, "?") for o in body.outputs))


def _of(graph: Graph, known: Known, name: str) -> str:
    if not name:
        return ""
    found = known.get(name)
    if found is None:
        value = graph.value(name)
        found = f"? {value.dtype} {value.shape}" if value.is_const else "?"
    return found


def _constant(graph: Graph, name: str, label: Label) -> str:
    tensor = graph.initializers.get(name)
    return label(tensor) if tensor is not None else ""
