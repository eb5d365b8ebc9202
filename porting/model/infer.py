"""What is known of every value without running the model: types, shapes, constants.

Shapes come from ONNX's own inference, node by node in topological order, so that one pass sees
what folding has just found: a Reshape whose target was computed from a Shape gets its dimensions.
Where a dimension stays symbolic, ONNX's whole-model inference with data propagation helps.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TypeAlias

import numpy as np
from onnx import AttributeProto, TypeProto

from porting.model.ask import Answer, Numbers, ask
from porting.model.control_flow import bind_inputs, collect_outputs
from porting.model.dtypes import NAME_OF
from porting.model.fold import fold
from porting.model.graph import Graph, Node
from porting.model.infer_contrib import infer_contrib
from porting.model.schema import decode_attribute
from porting.model.value import Array, Value, constant, merge, typed

Hints: TypeAlias = Mapping[str, TypeProto]
"""Types that ONNX's whole-model inference gives, by value name."""
NO_HINTS: Hints = MappingProxyType({})


def infer(graph: Graph, hints: Hints = NO_HINTS) -> None:
    """Types, shapes and constants of every value of a graph and its bodies, in one pass."""
    graph.conflicts = 0
    graph.cases.clear()
    numbers = Numbers(graph)
    numbers.take_weights()
    for node in graph.nodes:
        _infer(node, hints, numbers)


def infer_node(node: Node) -> None:
    """Defines the outputs of one node in its graph from what is known of its inputs."""
    _infer(node, NO_HINTS, Numbers(node.graph))


def _infer(node: Node, hints: Hints, numbers: Numbers) -> None:
    if node.key == "Constant":
        _define_constant(node)
        return
    graph, question = node.graph, numbers.question(node)
    answer: Answer | None = graph.context.answers.get(question)
    if answer is None:
        if node.subgraphs or node.info is None:
            _define(node, _without_schema(node, hints), hints)
            return
        answer = ask(node)
        if question is not None:
            graph.context.answers[question] = answer
    if answer.is_final and not hints:
        for name, value, number in zip(node.outputs, answer.outputs, answer.numbers, strict=True):
            graph.values[name] = value.named(name)
            numbers[name] = number
    else:
        outputs = [v.named(name) for name, v in zip(node.outputs, answer.outputs, strict=True)]
        graph.conflicts += answer.is_conflict
        if _define(node, outputs, hints):
            return
    if question is not None and graph.outer is None:
        graph.cases[node] = answer


def _without_schema(node: Node, hints: Hints) -> list[Value]:
    """What is known of the outputs of a node with bodies, or one that ONNX does not define."""
    outputs = [Value(name) for name in node.outputs]
    if node.subgraphs:
        bind_inputs(node)
        for body in node.subgraphs.values():
            infer(body, hints)
        collect_outputs(node, outputs)
    else:
        infer_contrib(node, outputs)
    return outputs


def _define(node: Node, outputs: Sequence[Value], hints: Hints) -> bool:
    """Defines outputs in the graph; returns whether more could be said of them than was known."""
    graph, is_more = node.graph, False
    for value in outputs:
        if value.name:
            before = (value.dtype, value.shape, value.kind)
            if value.name in hints:
                merge(value, typed(hints[value.name]))
            if value.name in graph.declared and (value.dtype is None or value.shape is None):
                _refine_declared(graph, value)
            is_more |= before != (value.dtype, value.shape, value.kind)
            graph.values[value.name] = value
    folded = fold(node)
    if folded is None:
        return is_more
    for name, array in zip(node.outputs, folded, strict=False):
        if name:
            graph.define(constant(name, array))
    return True


def _refine_declared(graph: Graph, value: Value) -> None:
    """The file's own word on a value: the element type, and the shape where nothing is known."""
    hint = typed(graph.declared[value.name].type)
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
