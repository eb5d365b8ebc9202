"""Whether a node is one that ONNX allows, by itself."""

import re
from collections.abc import Mapping

import onnx
from onnx import NodeProto, TensorProto

from porting.model.graph import Node

_ABOUT = (
    (re.compile(r"^Node ?\([^)]*\)'s "), "its "),
    (re.compile(r"^Node ?(\([^)]*\))? ?(with schema\([^)]*\))? ?"), "it "),
    (re.compile(r"'[^']* : (\w+)'"), r"'\1'"),
)
"""How ONNX's checker names the node, and what stands for that."""


def form_error(node: Node) -> str:
    """What ONNX's checker says against a node, without its name; empty if nothing.

    Of a node with a body only the attributes that it must have are looked at, and nothing of one
    that is unknown to ONNX, deprecated, or holds a large tensor.
    """
    info = node.info
    if info is None or info.deprecated:
        return ""
    if node.subgraphs:
        missing = sorted(info.required - {a.name for a in node.proto.attribute})
        return f"attribute {missing[0]} is missing" if missing else ""
    if node.written is None:
        return ""
    bare = NodeProto()
    bare.CopyFrom(node.proto)
    bare.name = ""
    for attribute in bare.attribute:
        if attribute.HasField("t"):
            leave_data(attribute.t)
    return refusal(bare, node.graph.context.ir_version, {node.proto.domain: node.opset})


def refusal(node: NodeProto, ir_version: int, opsets: Mapping[str, int]) -> str:
    """What ONNX's checker says against a node, as a clause about it; empty if nothing.

    Args:
        node: Without a body, for whose values the checker would look.
        ir_version: Of the model.
        opsets: Versions by domain, the default one's name being empty.
    """
    context = onnx.checker.DEFAULT_CONTEXT.__class__()
    context.ir_version, context.opset_imports = ir_version, dict(opsets)
    try:
        onnx.checker.check_node(node, context)
    except onnx.checker.ValidationError as error:
        return _clause(error)
    return ""


def _clause(error: onnx.checker.ValidationError) -> str:
    said = str(error).strip().split("\n", 1)[0].rstrip(". ")
    for pattern, instead in _ABOUT:
        said = pattern.sub(instead, said)
    return said


def leave_data(tensor: TensorProto) -> None:
    """Empties a tensor whose data lies in a file, for a checker that would look for the file."""
    if tensor.data_location == TensorProto.EXTERNAL:
        name, kind = tensor.name, tensor.data_type
        tensor.Clear()
        tensor.name, tensor.data_type = name, kind
        tensor.dims.append(0)
