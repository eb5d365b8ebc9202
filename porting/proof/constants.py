"""Values that a graph's structure says: initializers, Constant nodes, and what is made of them."""

import numpy as np
import onnx
from onnx import helper, numpy_helper

from porting.proof.exchange import Array
from porting.proof.shapes import graphs

_KEEPS_VALUES = frozenset(
    {"Identity", "Cast", "CastLike", "Reshape", "Squeeze", "Unsqueeze", "Transpose", "Flatten",
     "Expand", "Slice", "Split", "Tile", "Gather", "GatherElements", "GatherND"}
)  # fmt: skip
_DEEPEST = 64


class Constants:
    """Of a graph and its subgraphs."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self._makers: dict[str, onnx.NodeProto] = {}
        self._tensors: dict[str, onnx.TensorProto] = {}
        for graph in graphs(model.graph):
            self._tensors |= {tensor.name: tensor for tensor in graph.initializer}
            for node in graph.node:
                self._makers |= dict.fromkeys(node.output, node)

    def shape(self, name: str) -> tuple[int, ...] | None:
        """Of an initializer."""
        return tuple(self._tensors[name].dims) if name in self._tensors else None

    def maker(self, name: str) -> onnx.NodeProto | None:
        """The node that makes it."""
        return self._makers.get(name)

    def value(self, name: str) -> Array | None:
        """The value of `name` if it is constant, rearranged or not."""
        for _ in range(_DEEPEST):
            if name in self._tensors:
                return _value_of(self._tensors[name])
            node = self._makers.get(name)
            if node is None:
                return None
            if node.op_type == "Constant":
                return _value_of_constant(node)
            if node.op_type == "Range":
                return self._range(node)
            if node.op_type not in _KEEPS_VALUES:
                return None
            name = node.input[0]
        return None

    def _range(self, node: onnx.NodeProto) -> Array | None:
        ends = [self.value(name) for name in node.input]
        if any(end is None or end.size != 1 for end in ends):
            return None
        start, stop, step = (end.item() for end in ends if end is not None)
        return np.arange(start, stop, step) if step and (stop - start) / step < 1e6 else None


def attribute(node: onnx.NodeProto, name: str, default: int) -> int:
    """An integer attribute of the node."""
    return next((a.i for a in node.attribute if a.name == name), default)


def _value_of(tensor: onnx.TensorProto) -> Array | None:
    if tensor.data_location == onnx.TensorProto.EXTERNAL:
        return None
    try:
        return np.asarray(numpy_helper.to_array(tensor))
    except (ValueError, TypeError):  # a tensor with fewer values than its shape says
        return None


def _value_of_constant(node: onnx.NodeProto) -> Array | None:
    attribute = node.attribute[0] if node.attribute else None
    if attribute is None:
        return None
    if attribute.name == "value":
        return _value_of(attribute.t)
    if attribute.name in ("value_int", "value_ints", "value_float", "value_floats"):
        return np.asarray(helper.get_attribute_value(attribute))
    return None
