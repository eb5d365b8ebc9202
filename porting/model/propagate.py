"""onnx's inference over a whole model, with shapes computed from constants, within bounds."""

from collections.abc import Iterator

from onnx import GraphProto, ModelProto, shape_inference

from porting.model.calls import subgraphs

_MOST = 1 << 16
"""Elements of a list of sizes that are followed; onnx itself follows any number."""


def infer_with_data(model: ModelProto) -> ModelProto:
    """The model with the types of all values, as far as onnx finds them.

    Lists of sizes are followed through the arithmetic on them, unless they would take all memory:
    a list that is joined to itself forty times has a trillion elements.

    Raises:
        InferenceError: onnx finds a contradiction.
    """
    if _may_explode(model.graph):
        plain = shape_inference.infer_shapes(model)
        if any(_is_long(graph) for graph in _graphs(plain.graph)):
            return plain
    return shape_inference.infer_shapes(model, data_prop=True)


def _may_explode(graph: GraphProto) -> bool:
    """Whether values could be long if each were a list: only Concat makes lists longer."""
    sizes: dict[str, int] = {}
    for each in _graphs(graph):
        for node in each.node:
            known = [sizes.get(name, 1) for name in node.input]
            size = sum(known) if node.op_type == "Concat" else max(known, default=1)
            if size > _MOST:
                return True
            if size > 1:
                sizes.update(dict.fromkeys(node.output, size))
    return False


def _is_long(graph: GraphProto) -> bool:
    dims = (value.type.tensor_type.shape.dim for value in (*graph.value_info, *graph.output))
    return any(len(d) == 1 and d[0].dim_value > _MOST for d in dims)


def _graphs(graph: GraphProto) -> Iterator[GraphProto]:
    """The graph, and those inside its nodes at any depth."""
    yield graph
    for node in graph.node:
        for body in subgraphs(node):
            yield from _graphs(body)
