"""What ONNX itself says of an operator: names, defaults and versions, read once per operator."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeAlias

import onnx
from onnx import AttributeProto, NodeProto, TensorProto, helper, numpy_helper
from onnx.defs import OpSchema

ONNX_DOMAIN = "ai.onnx"

AttributeValue: TypeAlias = (
    int | float | str | tuple[int, ...] | tuple[float, ...] | tuple[str, ...] | TensorProto | None
)
"""A decoded attribute. Graphs are not values: they are `Node.subgraphs`."""


def domain_name(domain: str) -> str:
    """`ai.onnx` for the default domain's two spellings, any other domain as it is."""
    return domain or ONNX_DOMAIN


def schema_domain(domain: str) -> str:
    """The spelling that ONNX's own registry uses: the empty string for the default domain."""
    return "" if domain == ONNX_DOMAIN else domain


@dataclass(frozen=True, slots=True)
class OpInfo:
    """One version of one operator, from `onnx.defs`.

    Attributes:
        since: Opset in which this version was introduced.
        inputs: Formal input names, in order.
        outputs: Formal output names, in order.
        variadic: Whether the last input repeats.
        required_inputs: How many leading inputs a node must have.
        max_inputs: The most inputs that a node may have.
        attributes: Every attribute name with its default, None where there is none.
        required: Names of the attributes without which a node is invalid.
    """

    schema: OpSchema
    since: int
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    variadic: bool
    required_inputs: int
    max_inputs: int
    attributes: dict[str, AttributeValue]
    required: frozenset[str]
    deprecated: bool


@cache
def op_info(op_type: str, domain: str, opset: int) -> OpInfo | None:
    """The version of `domain::op_type` in force at `opset`; None if ONNX has no such operator."""
    try:
        schema = onnx.defs.get_schema(op_type, opset, schema_domain(domain))
    except onnx.defs.SchemaError:
        return None
    return _read(schema)


@cache
def all_versions(op_type: str, domain: str = ONNX_DOMAIN) -> tuple[OpInfo, ...]:
    """Every version of an operator that ONNX defines, oldest first; empty if it defines none."""
    newest = onnx.defs.onnx_opset_version() + 1 if domain == ONNX_DOMAIN else 1000
    found: list[OpInfo] = []
    info = op_info(op_type, domain, newest)
    while info is not None:
        found.append(info)
        info = op_info(op_type, domain, info.since - 1) if info.since > 1 else None
    return tuple(reversed(found))


def _read(schema: OpSchema) -> OpInfo:
    inputs = list(schema.inputs)
    variadic = bool(inputs) and inputs[-1].option == OpSchema.FormalParameterOption.Variadic
    return OpInfo(
        schema=schema,
        since=schema.since_version,
        inputs=tuple(i.name for i in inputs),
        outputs=tuple(o.name for o in schema.outputs),
        variadic=variadic,
        required_inputs=schema.min_input,
        max_inputs=schema.max_input,
        attributes={
            name: decode_attribute(a.default_value) if a.default_value.name else None
            for name, a in schema.attributes.items()
        },
        required=frozenset(name for name, a in schema.attributes.items() if a.required),
        deprecated=schema.deprecated,
    )


def decode_attribute(attribute: AttributeProto) -> AttributeValue:
    """The value of an attribute in Python's types; None for a graph."""
    decode = _DECODERS.get(attribute.type)
    return decode(attribute) if decode is not None else None


_DECODERS: dict[int, Callable[[AttributeProto], AttributeValue]] = {
    AttributeProto.INT: lambda a: int(a.i),
    AttributeProto.FLOAT: lambda a: float(a.f),
    AttributeProto.STRING: lambda a: a.s.decode("utf-8", "replace"),
    AttributeProto.INTS: lambda a: tuple(a.ints),
    AttributeProto.FLOATS: lambda a: tuple(a.floats),
    AttributeProto.STRINGS: lambda a: tuple(s.decode("utf-8", "replace") for s in a.strings),
    AttributeProto.TENSOR: lambda a: a.t,
}


def spatial_default(op_type: str, attribute: str, spatial: int) -> tuple[int, ...] | None:
    """The default that ONNX states in prose only: ones and zeros along each spatial axis.

    Args:
        op_type: A convolution or pooling operator.
        attribute: `strides`, `dilations`, `pads` or `output_padding`.
        spatial: How many spatial axes the first input has.
    """
    if op_type not in SPATIAL_OPERATORS:
        return None
    if attribute in {"strides", "dilations"}:
        return (1,) * spatial
    if attribute == "pads":
        return (0,) * (2 * spatial)
    if attribute == "output_padding":
        return (0,) * spatial
    return None


SPATIAL_OPERATORS = frozenset(
    {
        "AveragePool",
        "Conv",
        "ConvInteger",
        "ConvTranspose",
        "DeformConv",
        "LpPool",
        "MaxPool",
        "MaxUnpool",
        "QLinearConv",
    }
)
"""Operators whose `strides`, `dilations` and `pads` default to ones and zeros."""


def make_node(
    op_type: str,
    inputs: Sequence[str],
    outputs: Sequence[str],
    *,
    name: str = "",
    domain: str = ONNX_DOMAIN,
    **attributes: Any,
) -> NodeProto:
    """A node; attributes that are None are left out, numpy arrays become tensors."""
    given = {
        key: numpy_helper.from_array(value) if hasattr(value, "dtype") else value
        for key, value in attributes.items()
        if value is not None
    }
    return helper.make_node(
        op_type, inputs, outputs, name=name, domain=schema_domain(domain), **given
    )
