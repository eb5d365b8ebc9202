"""onnx.reference, node by node, and where it is known to be wrong.

It follows the definition of an operator but has mistakes of its own, all found with onnx 1.23. A
model is rather not run than called different because of them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import onnx
from onnx import GraphProto, ModelProto, NodeProto, helper

Opsets = Mapping[str, int]


class _Use:
    """A node, as the table below asks about it."""

    def __init__(self, node: NodeProto, opset: int) -> None:
        self.opset = opset
        self._node = node
        self._attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}

    def get(self, name: str, default: Any = None) -> Any:
        value = self._attributes.get(name, default)
        return value.decode() if isinstance(value, bytes) else value

    def has_input(self, index: int) -> bool:
        return index < len(self._node.input) and bool(self._node.input[index])

    def has_output(self, index: int) -> bool:
        return index < len(self._node.output) and bool(self._node.output[index])

    def any_but(self, name: str, usual: int) -> bool:
        """Whether a list attribute has another entry than the usual one."""
        return any(value != usual for value in self.get(name) or ())


def _recurrent(use: _Use) -> str:
    if use.has_input(4):
        return "it ignores sequence_lens"
    return "it gives layout 1 other shapes" if use.get("layout", 0) else ""


def _attention(use: _Use) -> str:
    if use.get("softcap", 0.0) and use.has_output(3) and not use.get("qk_matmul_output_mode", 0):
        return "it gives the scores after the softcap"
    return ""


def _transposed(use: _Use) -> str:
    if use.get("group", 1) != 1 or use.get("output_shape"):
        return "it knows no groups, and splits the padding of a wanted shape otherwise"
    return "it pads otherwise" if use.get("auto_pad", "NOTSET").startswith("SAME") else ""


def _pooled(use: _Use) -> str:
    if use.any_but("dilations", 1) or use.get("ceil_mode", 0):
        return "it counts padding otherwise where there are dilations or a ceil_mode"
    return ""


def _scan(use: _Use) -> str:
    names = ("scan_input_axes", "scan_input_directions",
             "scan_output_axes", "scan_output_directions")  # fmt: skip
    if use.opset < 9 or any(use.any_but(name, 0) for name in names):
        return "it knows no axes or directions but the first"
    return ""


def _always(why: str) -> Callable[[_Use], str]:
    return lambda use: why


_ROUNDS = _always("it adds the zero point before it rounds, in eight bits that wrap around")

_DOUBTS: Mapping[str, Callable[[_Use], str]] = {
    "Attention": _attention,
    "AveragePool": _pooled,
    "BatchNormalization": lambda u: "it takes it for training" if u.opset < 14 else "",
    "ConvInteger": _ROUNDS,
    "ConvTranspose": _transposed,
    "GRU": _recurrent,
    "GatherND": lambda u: "it takes no batches" if u.get("batch_dims", 0) else "",
    "LRN": _always("it loops over the batch in place of the channels"),
    "LSTM": _recurrent,
    "LogSoftmax": _always("it underflows"),
    "Loop": _always("it stacks numbers as columns"),
    "LpNormalization": lambda u: "it forgets the absolute value" if u.get("p", 2) == 1 else "",
    "MatMulInteger": _ROUNDS,
    "Mean": _always("it does not broadcast"),
    "MeanVarianceNormalization": lambda u: "" if u.get("axes") else "it reduces every axis",
    "OneHot": _always("it wraps indices that are out of range"),
    "QLinearConv": _ROUNDS,
    "QLinearMatMul": _ROUNDS,
    "RNN": _recurrent,
    "Resize": _always("it has coordinates of its own"),
    "Scan": _scan,
    "Upsample": _always("it takes it for a newer operator"),
}


def distrust(node: NodeProto, opsets: Opsets) -> str:
    """Why onnx.reference is not to be believed about a node or its bodies; empty if it is."""
    for each in _within([node]):
        doubt = _DOUBTS.get(each.op_type) if each.domain in ("", "ai.onnx") else None
        why = doubt(_Use(each, opsets.get("", 1))) if doubt is not None else ""
        if why:
            return why if each is node else f"{each.op_type} in a body: {why}"
    return ""


def distrusted(model: ModelProto) -> str:
    """The first node about which onnx.reference is not to be believed, and why."""
    opsets = {each.domain: each.version for each in model.opset_import}
    graphs: list[Sequence[NodeProto]] = [model.graph.node, *(f.node for f in model.functions)]
    for nodes in graphs:
        for node in nodes:
            why = distrust(node, opsets)
            if why:
                return f"{node.op_type} {node.name or ' '.join(node.output)}: {why}"
    return ""


def evaluator(node: NodeProto, opsets: Opsets, inputs: Sequence[str]) -> Any:
    """onnx.reference for one node.

    Raises:
        Exception: It has no such operator.
    """
    from onnx.reference import ReferenceEvaluator

    graph = GraphProto(name="node")
    graph.node.append(node)
    graph.input.extend(onnx.ValueInfoProto(name=name) for name in inputs)
    graph.output.extend(onnx.ValueInfoProto(name=name) for name in node.output if name)
    ids = [helper.make_opsetid(domain, version) for domain, version in opsets.items()]
    return ReferenceEvaluator(helper.make_model(graph, opset_imports=ids, ir_version=10))


def _within(nodes: Sequence[NodeProto]) -> Iterator[NodeProto]:
    for node in nodes:
        yield node
        for attribute in node.attribute:
            if attribute.HasField("g"):
                yield from _within(attribute.g.node)
            for body in attribute.graphs:
                yield from _within(body.node)
