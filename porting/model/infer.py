"""What is known of every value without running the model: types, shapes, constants.

Shapes come from ONNX's own inference, node by node in topological order, so that one pass sees
what folding has just found: a Reshape whose target was computed from a Shape gets its dimensions.
Where a dimension stays symbolic, ONNX's whole-model inference with data propagation helps.
"""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
import onnx
from onnx import AttributeProto, TypeProto, helper, numpy_helper
from onnx import shape_inference as onnx_inference

from porting.model.control_flow import bind_inputs, collect_outputs
from porting.model.dtypes import NAME_OF
from porting.model.fold import fold
from porting.model.graph import Array, Graph, Node, Value, constant, merge
from porting.model.infer_contrib import infer_contrib
from porting.model.schema import decode_attribute

Types: TypeAlias = dict[str, TypeProto]


class Hints:
    """Types that ONNX's whole-model inference or the file itself gives, by value name."""

    def __init__(self, types: Types) -> None:
        self.types = types

    def refine(self, value: Value) -> None:
        """Fills in what is missing in a value of `types`; what is known stays."""
        hint = Value(value.name)
        hint.set_type(self.types[value.name])
        merge(value, hint)


NO_HINTS = Hints({})


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
    values = node.input_values()
    outputs = [Value(name) for name in node.outputs]
    if node.subgraphs:
        bind_inputs(node)
        for body in node.subgraphs.values():
            infer(body, hints)
        collect_outputs(node, outputs)
    else:
        _infer_schema(node, values, outputs)
    graph, same = node.graph, _same_in_every_run(node, values)
    for value in outputs:
        if value.name:
            if value.name in hints.types:
                hints.refine(value)
            if value.name in graph.declared:
                _refine_declared(graph, value)
            value.is_const = same
            graph.define(value)
    folded = fold(node, values)
    if folded is not None:
        for name, array in zip(node.outputs, folded, strict=False):
            if name:
                node.graph.define(constant(name, array))


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
    if value.dtype is not None and value.shape is not None:
        return
    proto = graph.declared[value.name]
    hint = Value(value.name)
    hint.set_type(proto)
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


def _infer_schema(node: Node, values: Sequence[Value | None], outputs: list[Value]) -> None:
    """ONNX's inference for one node; what it cannot tell stays unknown."""
    if node.info is None:
        infer_contrib(node, outputs)
        return
    data: dict[str, Array] = {}
    for value in values:
        if value is None:
            continue
        if (value.dtype if value.kind == "tensor" else value.type_proto) is None:
            return
        if value.is_const and (contents := _deciding(value)) is not None:
            data[value.name] = contents
    known = node.graph.context.inferred
    key = _question(node, values, data)
    found = known.get(key) if key is not None else None
    if found is None:
        found = _ask(node, [v for v in values if v is not None], data)
        if key is not None:
            known[key] = found
    if found is _CONFLICT:
        node.graph.conflicts += 1
        return
    for output, seen in zip(outputs, found, strict=True):
        if seen is not None:
            output.dtype, output.shape, output.kind = seen.dtype, seen.shape, seen.kind
            output.type_proto = seen.type_proto


Answer: TypeAlias = tuple[Value | None, ...]
"""What is known of each output, None for one of which ONNX says nothing."""

_CONFLICT: Answer = (None,)
"""The answer, this very tuple, where a node makes no sense."""


def _question(
    node: Node, values: Sequence[Value | None], data: Mapping[str, Array]
) -> tuple[object, ...] | None:
    """All that the answer depends on; None for a node that cannot be compared."""
    if node.written is None:
        return None
    inputs: list[object] = []
    for value in values:
        if value is None:
            inputs.append(None)
        elif value.kind == "tensor":
            contents = data.get(value.name) if data else None
            inputs += (value.dtype, value.shape)
            inputs.append(None if contents is None else contents.tobytes())
        else:
            inputs.append(value.type_proto.SerializeToString() if value.type_proto else None)
    outputs = "" not in node.outputs or tuple(map(bool, node.outputs))
    return (node.key, node.opset, node.written, tuple(inputs), len(node.outputs), outputs)


def _ask(node: Node, given: Sequence[Value], data: Mapping[str, Array]) -> Answer:
    """What ONNX's own inference says of a node."""
    assert node.info is not None
    types = {v.name: t for v in given if (t := v.to_type()) is not None}
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
    return tuple(_seen(found[name]) if name in found else None for name in node.outputs)


def _seen(proto: TypeProto) -> Value:
    value = Value("")
    value.set_type(proto)
    return value


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
