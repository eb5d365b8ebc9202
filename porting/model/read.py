"""From protobuf messages to graphs and nodes; nothing is inferred here."""

from onnx import AttributeProto, GraphProto, NodeProto

from porting.model.dtypes import NAME_OF
from porting.model.graph import Context, Graph, Node
from porting.model.messages import Messages
from porting.model.value import Value


def read_graph(
    proto: GraphProto,
    context: Context,
    outer: Graph | None,
    path: str,
    messages: Messages | None = None,
) -> Graph:
    """Builds the graph and its bodies. The loader has bounded the nesting.

    Args:
        proto: The graph.
        context: What all graphs of the model share.
        outer: The graph around it.
        path: Where it is.
        messages: What it says of nodes and weights, where that was read already.
    """
    graph = Graph(context, path, outer, proto.name)
    messages = messages or Messages.of(proto)
    graph.initializers = {name: tensor for tensor, name, _, _ in messages.weights}
    graph.inputs = [i for i in proto.input if i.name not in graph.initializers]
    graph.outputs = list(proto.output)
    graph.declared = {v.name: v for v in (*proto.value_info, *proto.output)}
    for tensor, name, data_type, dims in messages.weights:
        dtype = NAME_OF.get(data_type)
        graph.define(Value(name, dtype, dims, is_const=True, tensor=tensor, read=context.read))
    graph.sparse = list(proto.sparse_initializer)
    for sparse in graph.sparse:
        dtype = NAME_OF.get(sparse.values.data_type)
        value = Value(sparse.values.name, dtype, tuple(sparse.dims), is_const=True)
        value.kind = "sparse_tensor"
        graph.define(value)
    for info in graph.inputs:
        value = Value(info.name)
        value.set_type(info.type)
        graph.define(value)
    for row in messages.nodes.rows():
        node = Node(row[0], graph, row[3], row)
        graph.nodes.append(node)
        if node.written is None:
            _read_bodies(node)
    return graph


def read_node(proto: NodeProto, graph: Graph, origin: str = "") -> Node:
    """A node of `graph` with its bodies."""
    node = Node(proto, graph, origin or proto.name)
    _read_bodies(node)
    return node


def _read_bodies(node: Node) -> None:
    graph = node.graph
    for attribute in node.proto.attribute:
        if attribute.type == AttributeProto.GRAPH:
            step = f"{node.name}.{attribute.name}"
            path = f"{graph.path}/{step}" if graph.path else step
            node.subgraphs[attribute.name] = read_graph(attribute.g, graph.context, graph, path)
