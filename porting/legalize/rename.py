"""Gives values new names, everywhere they are used."""

from collections.abc import Mapping

from onnx import NodeProto

from porting.model.graph import Graph, Node


def rename_node(node: Node, names: Mapping[str, str]) -> Node:
    """The node with its inputs and outputs renamed; bodies follow where they capture them."""
    proto = type(node.proto)()
    proto.CopyFrom(node.proto)
    return rewired(proto, node, node.graph, names)


def rewired(proto: NodeProto, node: Node, graph: Graph, names: Mapping[str, str]) -> Node:
    """A view of `proto`, in which names are replaced, made anew because views cache them.

    Args:
        proto: Changed in place: the node's own, or a copy.
        node: Has the bodies and the origin.
        graph: Where the new view stands.
        names: Old name to new name.
    """
    for field in (proto.input, proto.output):
        for index, name in enumerate(field):
            if name in names:
                field[index] = names[name]
    fresh = Node(proto, graph, node.origin)
    fresh.subgraphs = node.subgraphs
    for body in fresh.subgraphs.values():
        rename_in_body(body, names)
    return fresh


def rename_in_body(body: Graph, names: Mapping[str, str]) -> None:
    """Renames what a body takes from outside. ONNX forbids a body to hide an outer name."""
    if not any(name in names for name in body.free_names()):
        return
    body.nodes = [rename_node(n, names) for n in body.nodes]
    for output in body.outputs:
        output.name = names.get(output.name, output.name)
    body.changed()
