"""A change to one node of a model, and what has to be known of the model to think of one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import GraphProto, ModelProto, helper, numpy_helper

Edit = Callable[[GraphProto], None]


@dataclass(frozen=True)
class Mutation:
    """A change to one node.

    Attributes:
        kind: What sort of slip.
        node: Name of the node.
        detail: What exactly.
        edit: Makes it, in a copy of the graph that was looked at.
    """

    kind: str
    node: str
    detail: str
    edit: Edit

    def applied(self, model: ModelProto) -> ModelProto:
        """A copy of the model with the change."""
        copy = ModelProto()
        copy.CopyFrom(model)
        self.edit(copy.graph)
        return copy


class Around:
    """The graph that the changes are for."""

    def __init__(self, model: ModelProto) -> None:
        self.graph = model.graph
        self.constants = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
        self.types: dict[str, tuple[int, tuple[int | str, ...]]] = {}
        try:
            inferred = onnx.shape_inference.infer_shapes(model)
        except Exception:  # noqa: BLE001 - then less is known, and less is tried
            inferred = model
        values = inferred.graph
        for value in (*values.input, *values.value_info, *values.output):
            tensor = value.type.tensor_type
            if tensor.HasField("shape"):
                dims = tuple(d.dim_value or d.dim_param for d in tensor.shape.dim)
                self.types[value.name] = tensor.elem_type, dims
        for tensor in model.graph.initializer:
            self.types[tensor.name] = tensor.data_type, tuple(tensor.dims)

    def rank(self, name: str) -> int | None:
        """Of a value, where it is known."""
        return len(self.types[name][1]) if name in self.types else None

    def like(self, name: str, index: int) -> list[str]:
        """Other values of the same type and shape that are there before node `index`."""
        if name not in self.types:
            return []
        known = [v.name for v in self.graph.input]
        known += [o for node in self.graph.node[:index] for o in node.output if o]
        known += list(self.constants)
        return [k for k in known if k != name and self.types.get(k) == self.types[name]]


def with_inputs(index: int, names: Sequence[str]) -> Edit:
    """Gives node `index` other inputs."""

    def edit(graph: GraphProto) -> None:
        del graph.node[index].input[:]
        graph.node[index].input.extend(names)

    return edit


def with_attribute(index: int, name: str, value: object) -> Edit:
    """Gives node `index` another attribute; None takes it away."""

    def edit(graph: GraphProto) -> None:
        node = graph.node[index]
        kept = [a for a in node.attribute if a.name != name]
        if value is not None:
            kept.append(helper.make_attribute(name, value))
        del node.attribute[:]
        node.attribute.extend(kept)

    return edit


def with_constant(index: int, position: int, array: np.ndarray) -> Edit:
    """Gives node `index` a constant of its own at one input."""

    def edit(graph: GraphProto) -> None:
        node = graph.node[index]
        name = f"{node.input[position]}/mutant"
        graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        node.input[position] = name

    return edit
