"""What is known of every value without running the model: types, shapes, constants.

Shapes come from ONNX's own inference, node by node in topological order, so that one pass sees
what folding has just found: a Reshape whose target was computed from a Shape gets its dimensions.
Where a dimension stays symbolic, ONNX's whole-model inference with data propagation helps.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
import onnx
from onnx import AttributeProto, TypeProto, helper, numpy_helper
from onnx import shape_inference as onnx_inference

from porting.model.control_flow import bind_inputs, collect_outputs
from porting.model.dtypes import NAME_OF
from porting.model.fold import FOLDED, fold
from porting.model.graph import Graph, Node
from porting.model.infer_contrib import infer_contrib
from porting.model.schema import decode_attribute
from porting.model.value import Array, Value, constant, merge

Hints: TypeAlias = Mapping[str, TypeProto]
"""Types that ONNX's whole-model inference gives, by value name."""
NO_HINTS: Hints = MappingProxyType({})


def infer(graph: Graph, hints: Hints = NO_HINTS) -> None:
    """Types, shapes and constants of every value of a graph and its bodies, in one pass."""
    graph.conflicts = 0
    for node in graph.nodes:
        infer_node(node, hints)


def infer_node(node: Node, hints: Hints = NO_HINTS) -> None:
    """Defines the outputs of one node in its graph from what is known of its inputs."""
    if node.key == "Constant":
        _define_constant(node)
        return
    graph, values = node.graph, node.input_values()
    outputs, answer = _outputs(node, values, hints)
    same = bool(values) and _same_in_every_run(node, values)
    for value in outputs:
        if value.name:
            if value.name in hints:
                merge(value, _declared(hints[value.name]))
                answer = None
            if value.name in graph.declared and (value.dtype is None or value.shape is None):
                _refine_declared(graph, value)
                answer = None
            value.is_const = same
            graph.values[value.name] = value
    folded = fold(node, values) if node.key in FOLDED else None
    if folded is not None:
        for name, array in zip(node.outputs, folded, strict=False):
            if name:
                graph.define(constant(name, array))
    elif answer and graph.outer is None:
        graph.cases[node] = id(answer)


def _outputs(
    node: Node, values: Sequence[Value | None], hints: Hints
) -> "tuple[list[Value], Answer | None]":
    """What the operator says of the outputs; and the answer, if it is the same for like nodes."""
    if not node.subgraphs and node.info is not None:
        answer, from_types = _infer_schema(node, values)
        if answer is not None:
            return list(map(_under, node.outputs, answer)), answer if from_types else None
        return [Value(name) for name in node.outputs], None
    outputs = [Value(name) for name in node.outputs]
    if node.subgraphs:
        bind_inputs(node)
        for body in node.subgraphs.values():
            infer(body, hints)
        collect_outputs(node, outputs)
    else:
        infer_contrib(node, outputs)
    return outputs, None


def _same_in_every_run(node: Node, values: Sequence[Value | None]) -> bool:
    """Whether a node computes from constants alone, though its results may be too large to fold."""
    given = 0
    for value in values:
        if value is not None:
            if not value.is_const:
                return False
            given += 1
    return bool(given) and not (node.info is None or node.subgraphs or node.op_type in _RANDOM)


_RANDOM = frozenset(
    {"Bernoulli", "Dropout", "Multinomial", "RandomNormalLike", "RandomUniformLike"}
)
"""Operators whose results differ from run to run; a Dropout that trains is one."""


def _refine_declared(graph: Graph, value: Value) -> None:
    """The file's own word on a value: the element type, and the shape where nothing is known."""
    hint = _declared(graph.declared[value.name])
    if value.shape is not None:
        hint.shape = None  # inference knows better: the declared shape may be another size's
    merge(value, hint)


def _define_constant(node: Node) -> None:
    """Constant-1..: one of `value`, `value_int(s)`, `value_float(s)`, `sparse_value`."""
    name = node.outputs[0] if node.outputs else ""
    for attribute in node.proto.attribute:
        if attribute.name == "value" and attribute.type == AttributeProto.TENSOR:
            t = attribute.t
            dtype = NAME_OF.get(t.data_type)
            node.graph.define(
                Value(name, dtype, tuple(t.dims), True, tensor=t, read=node.graph.context.read)
            )
            return
        array = _scalar_constant(attribute)
        if array is not None:
            node.graph.define(constant(name, array))
            return
    node.graph.define(Value(name, is_const=True))


def _scalar_constant(attribute: AttributeProto) -> Array | None:
    value = decode_attribute(attribute)
    dtypes: dict[str, type[np.generic]] = {
        "value_float": np.float32,
        "value_floats": np.float32,
        "value_int": np.int64,
        "value_ints": np.int64,
    }
    if attribute.name in dtypes:
        try:
            return np.array(value, dtype=dtypes[attribute.name])
        except (TypeError, ValueError):
            return None  # of another type than its name says
    if attribute.name in {"value_string", "value_strings"}:
        return np.array(value, dtype=object)
    return None


def _infer_schema(node: Node, values: Sequence[Value | None]) -> "tuple[Answer | None, bool]":
    """ONNX's inference for one node.

    Returns:
        The answer, None if there is none; and whether it is the very same for every node with equal
        attributes and types.
    """
    asked: list[object] = []
    data: dict[str, Array] = {}
    for value in values:
        if value is None:
            asked.append(None)
        elif value.kind == "tensor":
            if value.dtype is None:
                return None, False
            if value.is_const and (contents := _deciding(value)) is not None:
                data[value.name] = contents
                asked += (value.dtype, value.shape, contents.tobytes())
            else:
                asked += (value.dtype, value.shape, value.is_const)
        else:
            if value.type_proto is None:
                return None, False
            asked += (value.type_proto.SerializeToString(), value.is_const)
    found = _answer(node, values, tuple(asked), data)
    if found is _CONFLICT:
        node.graph.conflicts += 1
        return None, False
    return found, not data and node.written is not None


def _under(name: str, seen: Value | None) -> Value:
    """What was seen, as the value of that name."""
    if seen is None:
        return Value(name)
    return Value(name, seen.dtype, seen.shape, kind=seen.kind, type_proto=seen.type_proto)


Answer: TypeAlias = tuple[Value | None, ...]
"""What is known of each output, None for one of which ONNX says nothing."""

_CONFLICT: Answer = (None,)
"""The answer, this very tuple, where a node makes no sense."""


def _answer(
    node: Node,
    values: Sequence[Value | None],
    asked: tuple[object, ...],
    data: Mapping[str, Array],
) -> Answer:
    """What ONNX says of a node, from memory where it was asked the same before.

    Args:
        node: The node.
        values: Its inputs.
        asked: All of them on which the answer depends.
        data: Contents of constants that decide shapes.
    """
    written = node.written
    if written is None:  # it cannot be compared
        return _ask(node, values, data)
    names = "" not in node.outputs or tuple(map(bool, node.outputs))
    context = node.graph.context
    key = (node.key, node.opset, written, asked, len(node.outputs), names)
    found: Answer | None = context.inferred.get(key)
    if found is None:
        found = context.inferred[key] = _ask(node, values, data)
    return found


def _declared(proto: TypeProto) -> Value:
    """A value of a type, without a name."""
    value = Value("")
    value.set_type(proto)
    return value


def _ask(node: Node, values: Sequence[Value | None], data: Mapping[str, Array]) -> Answer:
    """What ONNX's own inference says of a node."""
    assert node.info is not None
    types = {v.name: t for v in values if v is not None and (t := v.to_type()) is not None}
    try:
        found = onnx_inference.infer_node_outputs(
            node.info.schema,
            node.proto,
            types,
            {name: numpy_helper.from_array(array, name) for name, array in data.items()},
            opset_imports=[helper.make_opsetid(node.proto.domain, node.opset)],
            ir_version=node.graph.context.ir_version,
        )
    except _INVALID_NODE:
        return _CONFLICT
    return tuple(_declared(found[name]) if name in found else None for name in node.outputs)


def _deciding(value: Value) -> Array | None:
    """The contents of a constant on which shapes may depend: a target, axes, sizes, scales.

    No operator takes a shape from more floating-point numbers than there are scales.
    """
    if value.dtype not in _SHAPE_DTYPES:
        return None
    if value.dtype == "float32" and (value.size or 0) > _MOST_SCALES:
        return None
    return value.value()


_SHAPE_DTYPES = frozenset({"int64", "int32", "float32", "bool"})
_MOST_SCALES = 64

_INVALID_NODE = (
    onnx_inference.InferenceError,
    onnx.checker.ValidationError,  # an attribute or input that this version of the operator lacks
    ValueError,
    RuntimeError,
    TypeError,
)
"""What ONNX's inference raises for a node it cannot make sense of."""
