"""Whether nodes are ONNX at their opset, so that no rule has to know all of it.

An operator may be younger than the opset, or have gained an attribute, a mode, an input or an
element type only later: Max takes integers from 12 on, AveragePool dilations from 19 on.
"""

from collections.abc import Sequence
from functools import cache

from onnx.defs import OpSchema

from porting.legalize.rule import decline
from porting.model.dtypes import NAME_OF
from porting.model.graph import Node
from porting.model.schema import ONNX_DOMAIN, op_info
from porting.model.value import Value

_SINGLE = OpSchema.FormalParameterOption.Single

_LATER_MODES: dict[str, dict[str, tuple[frozenset[str], int]]] = {
    "Pad": {"mode": (frozenset({"wrap"}), 19)},
    "Resize": {"coordinate_transformation_mode": (frozenset({"half_pixel_symmetric"}), 19)},
    "ScatterElements": {"reduction": (frozenset({"max", "min"}), 18)},
    "ScatterND": {"reduction": (frozenset({"max", "min"}), 18)},
}
"""Values that an attribute may have only from an opset on, which no schema says."""

_SPELLED = {"float32": "float", "float64": "double"}


def require_wellformed(nodes: Sequence[Node]) -> None:
    """Declines nodes of the default domain that their opset does not have in this form."""
    for node in nodes:
        if node.domain == ONNX_DOMAIN:
            _check_attributes(node)
            _check_operands(node)


def _check_attributes(node: Node) -> None:
    info, at = node.info, _at(node)
    if info is None or info.deprecated:
        decline(f"there is no {at}")
    unknown = sorted({a.name for a in node.proto.attribute} - set(info.attributes))
    if unknown:
        decline(f"{at} has no attribute {unknown[0]}")
    for name, (modes, since) in _LATER_MODES.get(node.op_type, {}).items():
        if node.opset < since and node.attribute(name) in modes:
            decline(f"{at} has no {name} {node.attribute(name)}")


def _check_operands(node: Node) -> None:
    info, at = node.info, _at(node)
    assert info is not None
    if len(node.inputs) > info.max_inputs:
        decline(f"{at} has no input {len(node.inputs)}")
    for index, formal in enumerate(info.schema.inputs):
        given = index < len(node.inputs) and node.inputs[index]
        if formal.option == _SINGLE and not given:
            decline(f"{at} needs input {formal.name}")
    taken, given_back = _types(node.op_type, node.opset)
    for value, types in _paired(node.input_values(), taken):
        if not _admitted(value, types):
            decline(f"{at} does not take {value.dtype}")
    outputs = [node.output(i) for i in range(len(node.outputs))]
    if node.op_type == "Cast":  # inference says nothing of a type that the version does not have
        outputs = [Value("", _cast_to(node))]
    for value, types in _paired(outputs, given_back):
        if not _admitted(value, types):
            decline(f"{at} does not give {value.dtype}")


def _cast_to(node: Node) -> str | None:
    number = node.attribute("to")
    return NAME_OF.get(number) if isinstance(number, int) else None


def _at(node: Node) -> str:
    return f"{node.op_type} of opset {node.opset}"


def _paired(
    values: Sequence[Value | None], types: Sequence[frozenset[str]]
) -> list[tuple[Value, frozenset[str]]]:
    """Each operand with the types of its formal; the last formal may stand for several."""
    pairs = ((v, types[min(i, len(types) - 1)]) for i, v in enumerate(values) if types)
    return [(v, t) for v, t in pairs if v is not None]


def _admitted(value: Value, types: frozenset[str]) -> bool:
    if value.kind != "tensor" or value.dtype is None:
        return True
    return f"tensor({_SPELLED.get(value.dtype, value.dtype)})" in types


@cache
def _types(op_type: str, opset: int) -> tuple[tuple[frozenset[str], ...], ...]:
    """What formal inputs and outputs admit, as ONNX spells it: `tensor(float)`."""
    info = op_info(op_type, ONNX_DOMAIN, opset)
    if info is None:
        return (), ()
    schema = info.schema
    return tuple(
        tuple(frozenset(f.types) for f in formals) for formals in (schema.inputs, schema.outputs)
    )
