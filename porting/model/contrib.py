"""Pieces of which the inference of onnxruntime's own operators is made: see `infer_contrib`."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx import shape_inference as onnx_inference

from porting.model.graph import Node
from porting.model.schema import ONNX_DOMAIN, make_node, op_info
from porting.model.value import Array, Dim, Shape, Value

Known: TypeAlias = tuple[str | None, Shape | None]
"""Element type and shape of one output, as far as they are known."""
Inference: TypeAlias = Callable[[Node], Sequence[Known]]

_STAND_IN_OPSET = 17
"""Where the operators of ONNX are looked up that stand in for contrib ones."""


def dtype_of(node: Node, index: int) -> str | None:
    """The element type of an input, where it is there and known."""
    value = node.input(index)
    return value.dtype if value is not None else None


def shape_of(node: Node, index: int) -> Shape | None:
    """The shape of an input, where it is there and known."""
    value = node.input(index)
    return value.shape if value is not None else None


def integer(node: Node, name: str, default: int = 0) -> int:
    """An attribute; ONNX has no default for it."""
    value = node.attributes.get(name)
    return value if isinstance(value, int) else default


def scaled(dim: Dim, times: int = 1, parts: int = 1) -> Dim:
    """A dimension times a number, or divided by one."""
    if times == parts:
        return dim
    return dim * times // parts if isinstance(dim, int) and parts else None


def in_a_row(first: Dim, second: Dim) -> Dim:
    """The length of two things in a row."""
    if isinstance(first, int) and isinstance(second, int):
        return first + second
    return first if second == 0 else second if first == 0 else None


def stand_in(
    op_type: str, shapes: Sequence[Shape | Array | None], attributes: dict[str, Any]
) -> Shape | None:
    """The shape that ONNX's operator gives for inputs of these shapes; an array is a constant."""
    info = op_info(op_type, ONNX_DOMAIN, _STAND_IN_OPSET)
    if info is None or any(s is None for s in shapes[:2]):
        return None
    names = ["" if s is None else f"in{i}" for i, s in enumerate(shapes)]
    given = {k: v for k, v in attributes.items() if k in info.attributes}
    types, data = {}, {}
    for name, item in zip(names, shapes, strict=True):
        if isinstance(item, np.ndarray):
            data[name] = numpy_helper.from_array(item, name)
            types[name] = helper.make_tensor_type_proto(data[name].data_type, item.shape)
        elif item is not None:
            types[name] = helper.make_tensor_type_proto(TensorProto.FLOAT, item)
    proto = make_node(op_type, names, ["out"], **given)
    opsets = [helper.make_opsetid("", _STAND_IN_OPSET)]
    try:
        found = onnx_inference.infer_node_outputs(
            info.schema, proto, types, data, opset_imports=opsets, ir_version=8
        )
    except (onnx_inference.InferenceError, onnx.checker.ValidationError, ValueError, RuntimeError):
        return None
    result = Value("out")
    if "out" in found:
        result.set_type(found["out"])
    return result.shape


def like(index: int = 0, outputs: int = 1, typed_by: int | None = None) -> Inference:
    """Outputs of the shape and type of an input, or of the type of another one."""
    of = index if typed_by is None else typed_by
    return lambda node: [(dtype_of(node, of), shape_of(node, index))] * outputs


def same_as(op_type: str, *inputs: int, typed_by: int | None = None) -> Inference:
    """The shape that ONNX's `op_type` has for these inputs and the node's attributes."""
    of = inputs[0] if typed_by is None else typed_by
    return lambda node: [
        (
            dtype_of(node, of),
            stand_in(op_type, [shape_of(node, i) for i in inputs], node.attributes),
        )
    ]


def broadcast(*inputs: int, typed_by: int | None = None) -> Inference:
    """The shape to which the inputs broadcast."""
    return same_as("Sum", *inputs, typed_by=typed_by)


def matmul(first: int, second: int, typed_by: int | None = None) -> Inference:
    """A product, whose operands may have their last two axes exchanged."""

    def infer(node: Node) -> list[Known]:
        shapes = []
        for index, side in ((first, "A"), (second, "B")):
            shape = shape_of(node, index)
            if shape is not None and len(shape) > 1:
                if integer(node, f"transBatch{side}"):
                    shape = (*shape[1:-1], shape[0], shape[-1])
                if integer(node, f"trans{side}"):
                    shape = (*shape[:-2], shape[-1], shape[-2])
            shapes.append(shape)
        of = first if typed_by is None else typed_by
        return [(dtype_of(node, of), stand_in("MatMul", shapes, {}))]

    return infer


def channels_last(op_type: str, *inputs: int, always: bool = False) -> Inference:
    """A convolution or pool whose input may have its channels at the end."""

    def infer(node: Node) -> list[Known]:
        last = always or bool(integer(node, "channels_last"))
        shapes = [shape_of(node, i) for i in inputs]
        first = shapes[0]
        if last and first is not None and len(first) > 1:
            shapes[0] = (first[0], first[-1], *first[1:-1])
        shape = stand_in(op_type, shapes, node.attributes)
        if last and shape is not None:
            shape = (shape[0], *shape[2:], shape[1])
        return [(dtype_of(node, inputs[0]), shape)]

    return infer
