"""What a model that is taken apart is known to hold: nodes, types, weights."""

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, TypeProto, helper

from porting.model.load import LoadedModel
from porting.proof.exchange import Array
from porting.proof.pieces import captured, element

_EMBEDDED = 1024
"""Elements up to which an initializer becomes part of a piece; a larger one is fed to it."""


class Weights:
    """The model's initializers, mapped from their files when they are needed."""

    def __init__(self, loaded: LoadedModel) -> None:
        self._loaded = loaded
        self._tensors = {tensor.name: tensor for tensor in loaded.proto.graph.initializer}

    def array(self, name: str) -> Array:
        """The values of one."""
        return self._loaded.tensor(self._tensors[name])

    def types(self, names: Sequence[str]) -> dict[str, TypeProto]:
        """Of those of the names that are initializers."""
        found = {name: self._tensors[name] for name in names if name in self._tensors}
        return {
            name: helper.make_tensor_type_proto(tensor.data_type, list(tensor.dims))
            for name, tensor in found.items()
        }

    def parts(self, names: Sequence[str]) -> tuple[dict[str, Array], dict[str, TypeProto]]:
        """Those of the names that are initializers: the small ones, and types of the others."""
        types = self.types(names)
        small = [n for n in types if np.prod(self._tensors[n].dims, dtype=np.int64) <= _EMBEDDED]
        arrays = {name: self.array(name) for name in small}
        return arrays, {name: kind for name, kind in types.items() if name not in arrays}


def numbered(model: ModelProto) -> list[NodeProto]:
    """The nodes, each named by its number, by which onnxruntime's errors then name it."""
    nodes = []
    for number, node in enumerate(model.graph.node):
        copy = NodeProto()
        copy.CopyFrom(node)
        copy.name = str(number)
        nodes.append(copy)
    return nodes


def inferred(model: ModelProto) -> dict[str, TypeProto]:
    """Types of the main graph's values, with dimensions where they follow from the inputs'."""
    copy = ModelProto()
    copy.CopyFrom(model)
    for value in (*copy.graph.value_info, *copy.graph.output):  # which may be declared wrongly
        if element(value.type):
            value.type.tensor_type.ClearField("shape")
    weights = {tensor.name for tensor in copy.graph.initializer}
    graph = onnx.shape_inference.infer_shapes(copy).graph
    types = {}
    for value in (*graph.value_info, *graph.output, *graph.input):
        if value.name in weights or value.type.WhichOneof("value") is None:
            continue
        for dim in value.type.tensor_type.shape.dim if element(value.type) else ():
            dim.ClearField("dim_param")
        types[value.name] = value.type
    return types


def types_within(
    nodes: Sequence[NodeProto], types: Mapping[str, TypeProto]
) -> dict[str, TypeProto]:
    """Types with those of the values that Transpose nodes among the nodes add."""
    found = dict(types)
    for node in nodes:
        source, target = node.input[0], node.output[0]
        if node.op_type == "Transpose":
            known = found.get(source) or found.get(target)
            if known is not None:
                found |= {source: known, target: known}
    return found


def likeness(node: NodeProto, kinds: Mapping[str, TypeProto]) -> bytes:
    """The same for nodes that onnxruntime has a kernel for or has not alike."""
    copy = NodeProto()
    copy.CopyFrom(node)
    for field_name in ("name", "doc_string", "input", "output"):
        copy.ClearField(field_name)
    bodies = any(a.HasField("g") or a.graphs for a in node.attribute)

    def show(name: str) -> str:
        if name not in kinds:
            return str(bool(name))
        return str(kinds[name]) if bodies or not element(kinds[name]) else str(element(kinds[name]))

    shown = [show(name) for name in node.input]
    outer = sorted(show(name) for name in captured([node])) if bodies else []
    return repr((copy.SerializeToString(), shown, outer, [bool(n) for n in node.output])).encode()
