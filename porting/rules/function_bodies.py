"""Operators that ONNX itself defines by others: their function bodies, written in their places.

A body is used where it is right and no rule of its own is better. Not used, because they are not:
AffineGrid-20 squeezes away a batch of one, Bernoulli-15 gives 1 with the probability of 0, and
Range-11 is a Loop. Relu and Shrink have bodies that ask for newer opsets than their nodes.
"""

from collections.abc import Mapping
from typing import Any

import onnx
from onnx import AttributeProto, FunctionProto, GraphProto, NodeProto, helper

from porting.legalize.inline_body import BodyCopier
from porting.legalize.ops import Ops
from porting.legalize.rule import decline, require, rule
from porting.model.dtypes import FLOATS, INTEGERS, NAME_OF, NUMBER_OF
from porting.model.graph import Node
from porting.model.infer import infer
from porting.model.read import read_graph
from porting.model.schema import ONNX_DOMAIN, domain_name, op_info
from porting.model.value import Value
from porting.rules.common import float_input, integer


def expanded(op: Ops, node: Node) -> list[str]:
    """The outputs of a node, computed by the function body that ONNX gives for it."""
    function = body_of(node, op.opset)
    attributes = _bound(node)
    proto = GraphProto(name=node.op_type)
    proto.node.extend(_with_attributes(each, attributes) for each in function.node)
    proto.input.extend(helper.make_empty_tensor_value_info(name) for name in function.input)
    proto.output.extend(helper.make_empty_tensor_value_info(name) for name in function.output)
    body = read_graph(proto, op.trial.context, None, "")
    given = [*node.inputs, *[""] * len(function.input)][: len(function.input)]
    for formal, name in zip(function.input, given, strict=True):
        body.define(_apart(op, formal, name))
    infer(body)
    return BodyCopier(op, body, "body").copy(given)


def _apart(op: Ops, formal: str, name: str) -> Value:
    """What is known of an input, under its formal name."""
    value = op.value(name) if name else Value(formal)
    return Value(formal, value.dtype, value.shape, kind=value.kind, type_proto=value.type_proto)


def body_of(node: Node, opset: int) -> FunctionProto:
    """The newest body of a node's operator for an opset; declines where there is none."""
    if node.info is None:
        decline("ONNX does not define the operator")
    schema: Any = node.info.schema  # its stubs lack the functions
    plain = [v for v in schema.function_opset_versions if v <= opset]
    built = [v for v in schema.context_dependent_function_opset_versions if v <= opset]
    if not plain and not built:
        decline(f"its function body is for a newer opset than {opset}")
    function = FunctionProto()
    if plain:
        function.ParseFromString(schema.get_function_with_opset_version(max(plain)))
    else:
        function.ParseFromString(_built(node, max(built)))
    for each in function.opset_import:
        fits = domain_name(each.domain) == ONNX_DOMAIN and each.version <= opset
        require(fits, f"its function body needs opset {each.version} of '{each.domain}'")
    return function


def _built(node: Node, version: int) -> bytes:
    """The body that ONNX makes for the types and attributes of a node."""
    assert node.info is not None
    whole = NodeProto()
    whole.CopyFrom(node.proto)
    del whole.attribute[:]
    whole.attribute.extend(_bound(node).values())
    types = []
    for value in node.input_values():
        proto = onnx.TypeProto() if value is None else value.to_type()
        if proto is None:
            decline("the element type of an input is not known")
        types.append(proto.SerializeToString())
    schema: Any = node.info.schema
    try:
        body: bytes = schema.get_context_dependent_function_with_opset_version(
            version, whole.SerializeToString(), types
        )
    except RuntimeError:
        decline("ONNX makes no function body for a node of this form")
    return body


def _bound(node: Node) -> dict[str, AttributeProto]:
    """The attributes of a node by name, those at their default among them."""
    given = {a.name: a for a in node.proto.attribute}
    defaults = node.info.schema.attributes if node.info is not None else {}
    for name, formal in defaults.items():
        if formal.default_value.name:
            given.setdefault(name, formal.default_value)
    return given


def _with_attributes(node: NodeProto, attributes: Mapping[str, AttributeProto]) -> NodeProto:
    """A node of a body with the values of the attributes that it refers to."""
    fresh = NodeProto()
    fresh.CopyFrom(node)
    del fresh.attribute[:]
    for each in node.attribute:
        source = attributes.get(each.ref_attr_name) if each.ref_attr_name else each
        if source is None:
            continue  # neither the node nor the operator has a value for it
        own = fresh.attribute.add()
        own.CopyFrom(source)
        own.name = each.name
        if own.type == AttributeProto.GRAPH:
            inner = [_with_attributes(n, attributes) for n in own.g.node]
            del own.g.node[:]
            own.g.node.extend(inner)
    return fresh


@rule(
    "CausalConvWithState",
    "CenterCropPad",
    "LinearAttention",
    "NegativeLogLikelihoodLoss",
    "SoftmaxCrossEntropyLoss",
    "SwiGLU",
    exactness="reordered",
)
def function_body(op: Ops, node: Node) -> list[str]:
    """The function by which ONNX defines the operator, with the node's attributes and types.

    What the shapes make known is computed beforehand.

    Source: the function bodies in ONNX's schemas.
    """
    return expanded(op, node)


@rule("Bernoulli", exactness="approximate")
def bernoulli_to_uniform(op: Ops, node: Node) -> str:
    """1 where a uniform random number is below the input, else 0.

    The numbers are as probable, but not the same ones: each runtime draws its own.

    Source: ONNX Bernoulli-15; its function body has it the other way round.
    """
    dtype = float_input(node)
    seed = node.attribute("seed")
    drawn = op.RandomUniformLike(node.inputs[0], low=0.0, high=1.0, seed=seed)
    target = NAME_OF.get(integer(node, "dtype", NUMBER_OF[dtype]), dtype)
    return op.cast(op.Less(drawn, node.inputs[0]), target)


@rule("CastLike", exactness="exact")
def cast_like_to_cast(op: Ops, node: Node) -> str:
    """Cast to the element type of the second input, which must be known.

    Source: ONNX CastLike-15.
    """
    target = node.input(1)
    if target is None or target.dtype is None:
        decline("the element type of the second input is not known")
    ends = [v.dtype for v in node.input_values() if v is not None]
    plain = FLOATS | INTEGERS | {"bool", "string"}
    require(plain.issuperset(ends), "floats of 8 and 4 bits and narrow integers are not covered")
    info = op_info("Cast", ONNX_DOMAIN, op.opset)
    spelled = {"float32": "float", "float64": "double"}.get(target.dtype, target.dtype)
    known = info is not None and f"tensor({spelled})" in info.schema.outputs[0].types
    require(known, f"Cast of opset {op.opset} does not make {target.dtype}")
    return op.Cast(node.inputs[0], to=NUMBER_OF[target.dtype])
