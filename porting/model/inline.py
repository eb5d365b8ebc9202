"""Replaces calls of model-local functions by their bodies."""

from collections.abc import Iterable, Iterator

from onnx import AttributeProto, ModelProto, NodeProto, checker, inliner

from porting.model import wire
from porting.model.load import LoadedModel


def inline_functions(model: LoadedModel) -> LoadedModel:
    """The model without local functions; the same object if it has none.

    A function that imports another opset than the model stays a call: the two do not mean the
    same, and the judge says so.

    Raises:
        ModelError: `model-function`: a function is not one that onnx can inline.
    """
    if not model.proto.functions:
        return model
    try:
        inlined: ModelProto = inliner.inline_local_functions(_with_defaults(model.proto))
    except checker.ValidationError as error:
        reason = str(error).strip().split("\n", 1)[0]
        raise wire.broken("model-function", f"functions cannot be inlined: {reason}") from None
    return LoadedModel(inlined, model.path, model.stamp)


def _with_defaults(proto: ModelProto) -> ModelProto:
    """The model with each call's defaults written, which onnx's inliner would leave out."""
    if not any(f.attribute_proto for f in proto.functions):
        return proto
    written = ModelProto()
    written.CopyFrom(proto)
    defaults = {(f.domain, f.name, f.overload): f.attribute_proto for f in written.functions}
    for nodes in (written.graph.node, *(f.node for f in written.functions)):
        for node in _walk(nodes):
            given = {a.name for a in node.attribute}
            for attribute in defaults.get((node.domain, node.op_type, node.overload), ()):
                if attribute.name not in given:
                    node.attribute.append(attribute)
    return written


def _walk(nodes: Iterable[NodeProto]) -> Iterator[NodeProto]:
    """All nodes, those of bodies included."""
    for node in nodes:
        yield node
        for attribute in node.attribute:
            if attribute.type == AttributeProto.GRAPH:
                yield from _walk(attribute.g.node)
            for body in attribute.graphs:
                yield from _walk(body.node)
