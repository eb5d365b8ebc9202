"""From graphs back to protobuf messages, with the types that are known by now."""

from collections.abc import Iterator, Mapping

from onnx import (
    GraphProto,
    ModelProto,
    NodeProto,
    OperatorSetIdProto,
    TypeProto,
    ValueInfoProto,
    helper,
)

from porting.model.graph import Graph, Node
from porting.model.schema import domain_name, schema_domain
from porting.model.value import Shape

OLDEST_IR = 4
"""The first version in which an initializer need not be an input too."""


def write_model(graph: Graph, source: ModelProto, opsets: Mapping[str, int]) -> ModelProto:
    """The model of `graph`, with everything else (metadata, names, versions) of `source`.

    Args:
        graph: The main graph.
        source: The model it was read from; not changed.
        opsets: Operator set versions by domain name.

    Returns:
        A model whose untouched weights still refer to the source's file.
    """
    model = ModelProto()
    for descriptor, value in source.ListFields():
        if descriptor.name not in {"graph", "opset_import", "functions"}:
            if descriptor.is_repeated:
                getattr(model, descriptor.name).extend(value)
            else:
                setattr(model, descriptor.name, value)
    model.opset_import.extend(_ids(opsets))
    if opsets != _imported(source):
        # an importer that takes this opset may not know newer versions of the format
        usual = helper.find_min_ir_version_for(_ids(opsets), ignore_unknown=True)
        model.ir_version = min(model.ir_version, max(usual, OLDEST_IR))
    _write_into(model.graph, graph)
    inputs = {info.name for info in graph.inputs}
    if not inputs.issuperset(graph.initializers):
        model.ir_version = max(model.ir_version, OLDEST_IR)
    model.graph.doc_string = source.graph.doc_string
    model.graph.metadata_props.extend(source.graph.metadata_props)
    return model


def _ids(opsets: Mapping[str, int]) -> list[OperatorSetIdProto]:
    return [helper.make_opsetid(schema_domain(d), version) for d, version in opsets.items()]


def _imported(model: ModelProto) -> dict[str, int]:
    return {domain_name(o.domain): o.version for o in model.opset_import}


def write_graph(graph: Graph) -> GraphProto:
    """One graph and its bodies."""
    proto = GraphProto()
    _write_into(proto, graph)
    return proto


def _write_into(proto: GraphProto, graph: Graph) -> None:
    proto.name = graph.name or "graph"
    proto.node.extend(write_node(node) for node in graph.nodes)
    proto.initializer.extend(graph.initializers.values())
    proto.sparse_initializer.extend(graph.sparse)
    proto.input.extend(_typed(graph, info) for info in graph.inputs)
    proto.output.extend(_typed(graph, info) for info in graph.outputs)
    outputs = {info.name for info in graph.outputs}
    if graph.outer is None:  # a body that never runs at these shapes may not fit them
        add = proto.value_info.add  # to make messages and extend with them copies each once more
        for name, kind in _types(graph, outputs):
            add(name=name, type=kind)


def _types(graph: Graph, outputs: set[str]) -> Iterator[tuple[str, TypeProto]]:
    """What is known of values that nodes make and the graph does not return."""
    types: dict[tuple[str, Shape], TypeProto] = {}
    for node in graph.nodes:
        for name in node.outputs:
            value = graph.values.get(name)
            if not name or name in outputs or value is None or value.shape is None:
                continue
            kind = value.type_proto
            if value.kind == "tensor" and value.dtype is not None:
                key = (value.dtype, value.shape)
                if key not in types:
                    types[key] = value.to_type() or TypeProto()
                kind = types[key]
            if kind is not None:
                yield name, kind


def write_node(node: Node) -> NodeProto:
    """The node's message; its bodies, if it has any, as they are now."""
    if not node.subgraphs:
        return node.proto
    proto = NodeProto()
    proto.CopyFrom(node.proto)
    for attribute in proto.attribute:
        body = node.subgraphs.get(attribute.name)
        if body is not None:
            attribute.g.Clear()
            _write_into(attribute.g, body)
    return proto


def _typed(graph: Graph, info: ValueInfoProto) -> ValueInfoProto:
    """A graph input or output with its dimensions as they are known now."""
    value = graph.values.get(info.name)
    if value is None or value.kind != "tensor" or value.shape is None or value.dtype is None:
        return info
    kind = value.to_type()
    assert kind is not None
    result = helper.make_value_info(info.name, kind, info.doc_string)
    result.metadata_props.extend(info.metadata_props)
    return result
