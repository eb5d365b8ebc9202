"""Whether a node means the same at a neighbouring version of its operator, and the node as such.

Two kinds of difference are looked at: what the schemas say (attributes, counts, element types),
and what only the text says, which `opset_history` knows for every version.
"""

from collections.abc import Iterator
from typing import TypeAlias

from onnx import NodeProto, TypeProto, helper
from onnx.defs import OpSchema

from porting.model.dtypes import NAME_OF
from porting.model.graph import Graph, Node
from porting.model.schema import AttributeValue, OpInfo
from porting.model.value import Value
from porting.rules.opset_history import OTHER, SAME, WIDER

Changes: TypeAlias = dict[str, AttributeValue]
"""Attributes to write on a node; None removes one."""

_ELEMENT = {"float32": "float", "float64": "double"}


def check_step(node: Node, old: OpInfo, new: OpInfo, changes: Changes) -> str:
    """Why `node` cannot be taken from version `old` to `new` as it is; empty if it can.

    Args:
        node: The node, at any version between which and `old` nothing changed for it.
        old: The version it has been taken to.
        new: The next version, newer or older.
        changes: Gets what has to be written on the node, or left out, to keep its meaning.
    """
    if new.deprecated:
        return f"{node.op_type} is deprecated in opset {new.since}"
    later = max(old.since, new.since)
    key = (node.op_type, later)
    if key not in SAME and key not in OTHER and key not in WIDER:
        return f"version {later} of {node.op_type} is not known here"
    meaning = OTHER.get(key) or (WIDER.get(key) if new.since < old.since else None)
    return (
        (meaning(node) if meaning is not None else "")
        or _check_attributes(node, old, new, changes)
        or _check_counts(node, new)
        or _check_types(node, new)
    )


def check_form(node: Node) -> str:
    """Why a node is invalid at the version it has; empty if it is valid."""
    info = node.info
    if info is None or info.deprecated:
        return f"there is no {node.op_type} in opset {node.opset}"
    written = set(node.attributes) | set(node.subgraphs)
    unknown, missing = sorted(written - set(info.attributes)), sorted(info.required - written)
    if unknown or missing:
        word = "has no" if unknown else "needs its"
        return f"{_at(node, info)} {word} attribute {(unknown or missing)[0]}"
    return _check_counts(node, info) or _check_types(node, info)


def _check_attributes(node: Node, old: OpInfo, new: OpInfo, changes: Changes) -> str:
    """Attributes that one version lacks may go if they are at their default."""
    written = set(node.attributes) | set(node.subgraphs) | set(changes)
    written -= {name for name, value in changes.items() if value is None}
    for name in sorted(written - set(new.attributes)):
        value = changes.get(name, node.attributes.get(name))
        if not _is_default(name, value, old):
            return f"attribute {name}={_shown(value)} does not exist in {_at(node, new)}"
        changes[name] = None
    for name, default in new.attributes.items():
        if name in written or name not in old.attributes:
            missing = name in new.required and name not in written
            if missing:
                return f"attribute {name} is required in {_at(node, new)}"
            continue
        before = old.attributes[name]
        if _same(before, default) and name not in new.required:
            continue
        if before is None:
            return f"attribute {name} has a default in {_at(node, new)} only"
        changes.setdefault(name, before)
    return ""


def _is_default(name: str, value: AttributeValue, info: OpInfo) -> bool:
    if name == "dilations" and isinstance(value, tuple):
        return all(d == 1 for d in value)
    return value is not None and _same(info.attributes.get(name), value)


def _same(a: AttributeValue, b: AttributeValue) -> bool:
    if hasattr(a, "SerializeToString") or hasattr(b, "SerializeToString"):
        return False
    return a == b


def _shown(value: AttributeValue) -> str:
    if hasattr(value, "SerializeToString") or value is None:
        return "..."
    return str(list(value)) if isinstance(value, tuple) else str(value)


def _at(node: Node, info: OpInfo) -> str:
    return f"{node.op_type}-{info.since}"


def _check_counts(node: Node, new: OpInfo) -> str:
    given = len(node.inputs)
    if given > new.max_inputs:
        return f"{_at(node, new)} takes at most {new.max_inputs} inputs"
    if given < new.required_inputs:
        return f"{_at(node, new)} needs {new.required_inputs} inputs"
    for formal, name in zip(new.schema.inputs, node.inputs, strict=False):
        if not name and formal.option == OpSchema.FormalParameterOption.Single:
            return f"{_at(node, new)} needs its input {formal.name}"
    if len(node.outputs) > new.schema.max_output:
        return f"{_at(node, new)} has at most {new.schema.max_output} outputs"
    return ""


def _check_types(node: Node, new: OpInfo) -> str:
    """Element types, where they are known, against the constraints; one letter means one type."""
    allowed = {t.type_param_str: set(t.allowed_type_strs) for t in new.schema.type_constraints}
    bound: dict[str, str] = {}
    for formal, value in _operands(node, new):
        given = type_string(value)
        if not given:
            continue
        letter = formal.type_str
        if given not in allowed.get(letter, {letter}):
            return f"{_at(node, new)} does not take {given} for {formal.name}"
        if formal.option == OpSchema.FormalParameterOption.Variadic and not formal.is_homogeneous:
            continue
        if bound.setdefault(letter, given) != given:
            return f"{_at(node, new)} takes one type for {formal.name} and others"
    return ""


def _operands(node: Node, info: OpInfo) -> Iterator[tuple[OpSchema.FormalParameter, Value]]:
    """Every input and output that the node has, with its formal parameter."""
    for names, formals in (
        (node.inputs, info.schema.inputs),
        (node.outputs, info.schema.outputs),
    ):
        for index, name in enumerate(names):
            if name and formals:
                yield formals[min(index, len(formals) - 1)], node.graph.value(name)


def type_string(value: Value) -> str:
    """The type as schemas write it, `seq(tensor(float))`; empty where it is not known."""
    if value.kind == "tensor":
        return f"tensor({_ELEMENT.get(value.dtype, value.dtype)})" if value.dtype else ""
    return proto_type_string(value.type_proto) if value.type_proto is not None else ""


def proto_type_string(proto: TypeProto) -> str:
    """The same of a type in a message."""
    kind = proto.WhichOneof("value")
    if kind == "tensor_type":
        name = NAME_OF.get(proto.tensor_type.elem_type, "")
        return f"tensor({_ELEMENT.get(name, name)})" if name else ""
    if kind == "sequence_type":
        element = proto_type_string(proto.sequence_type.elem_type)
        return f"seq({element})" if element else ""
    if kind == "optional_type":
        element = proto_type_string(proto.optional_type.elem_type)
        return f"optional({element})" if element else ""
    return ""


def restamped(node: Node, changes: Changes, graph: Graph) -> Node:
    """A copy of the node in `graph` with some attributes written or left out; bodies are shared."""
    proto = NodeProto()
    proto.CopyFrom(node.proto)
    kept = [a for a in node.proto.attribute if a.name not in changes]
    del proto.attribute[:]
    proto.attribute.extend(kept)
    for name, value in sorted(changes.items()):
        if value is not None:
            proto.attribute.append(helper.make_attribute(name, value))
    fresh = Node(proto, graph, node.origin)
    fresh.subgraphs = node.subgraphs
    return fresh
