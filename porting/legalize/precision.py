"""A graph in another floating point type, with casts where nodes of the two types meet.

Which nodes stay as they are is asked of a policy, such as `porting.legalize.halve`. Nodes that
only move elements follow the type that they are given, so that a cast is not put behind a Reshape
and another before the next one. Bodies of If, Loop and Scan are changed inside; what goes in and
out of them, and of the graph itself, keeps its type.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from onnx import NodeProto, numpy_helper

from porting.legalize.rename import rename_in_body
from porting.legalize.transfers import selected
from porting.model.dtypes import NUMBER_OF
from porting.model.graph import Graph, Node
from porting.model.infer import infer
from porting.model.read import read_node
from porting.model.schema import ONNX_DOMAIN, make_node
from porting.model.value import Array, Value


@dataclass(frozen=True)
class Policy:
    """What becomes of what.

    Attributes:
        keep: Why a node stays as it is; empty if it need not.
        narrow: A constant's contents in the new type, by its name.
        casts: Whether a Cast of other types to the old one goes to the new one at once.
    """

    keep: Callable[[Node], str]
    narrow: Callable[[str, Array], Array]
    casts: bool = False


@dataclass(frozen=True)
class Retyped:
    """What became of the nodes that compute in the old type.

    Attributes:
        changed: They compute in the new one.
        moved: They only move elements, and follow.
        kept: They stay, and why.
    """

    changed: list[Node] = field(default_factory=list)
    moved: list[Node] = field(default_factory=list)
    kept: list[tuple[Node, str]] = field(default_factory=list)


def retype(graph: Graph, source: str, to: str, policy: Policy, *, keep_io: bool = True) -> Retyped:
    """Changes a main graph in place from one floating point type to another.

    Args:
        graph: Inferred; its values are inferred again.
        source: The old element type.
        to: The new one.
        policy: Which nodes go over, and how.
        keep_io: Whether inputs and outputs of the graph stay in the old type.
    """
    report = Retyped()
    _Level(graph, source, to, policy, report, None).run(keep_io=keep_io)
    infer(graph)
    return report


class _Level:
    """One graph, or one body.

    Attributes:
        here: Values of the old type that are in the new one now, by name.
    """

    def __init__(
        self,
        graph: Graph,
        source: str,
        to: str,
        policy: Policy,
        report: Retyped,
        outer: "_Level | None",
    ) -> None:
        self._graph = graph
        self._source = source
        self._to = to
        self._policy = policy
        self._report = report
        self._outer = outer
        self.here: set[str] = set()
        self._nodes: list[Node] = []
        self._casts: dict[tuple[str, str], str] = {}

    def run(self, *, keep_io: bool) -> None:
        """Rewrites the nodes in topological order."""
        if not keep_io:
            self._change_inputs()
        for node in self._graph.nodes:
            self._rewrite(node, keep_io=keep_io)
        for info in self._graph.outputs:
            if self._is_new(info.name) and not keep_io:
                info.type.tensor_type.elem_type = NUMBER_OF[self._to]
        for name in self.here:  # not before, or their readers would not be found
            self._graph.define(Value(name, self._to, self._graph.value(name).shape))
        self._graph.nodes = self._nodes
        self._graph.changed()

    def _change_inputs(self) -> None:
        for info in self._graph.inputs:
            value = self._graph.value(info.name)
            if value.dtype == self._source:
                info.type.tensor_type.elem_type = NUMBER_OF[self._to]
                self._becomes_new(info.name)

    def _becomes_new(self, name: str) -> None:
        self.here.add(name)
        self._graph.declared.pop(name, None)

    def _is_new(self, name: str) -> bool:
        level: _Level | None = self
        while level is not None:
            if name in level.here:
                return True
            level = level._outer
        return False

    def _rewrite(self, node: Node, *, keep_io: bool) -> None:
        if node.subgraphs:
            self._with_bodies(node)
            return
        inputs, outputs = _positions(node, self._source)
        if outputs and node.op_type == "Cast" and not inputs and self._policy.casts:
            self._put(node, [], outputs, new=True, keep_io=keep_io)
            return
        if not inputs:  # nothing of the old type goes in, though it may come out
            self._nodes.append(node)
            return
        if node.op_type == "Cast" or not outputs:
            self._reader(node, inputs)
            return
        reason = _impossible(node, self._to, inputs, outputs) or self._policy.keep(node)
        follows = _follows(node)
        new = not reason
        if follows and not any(self._is_new(node.inputs[i]) for i in inputs):
            new, reason = False, ""
        if reason:
            self._report.kept.append((node, reason))
        elif new:
            (self._report.moved if follows else self._report.changed).append(node)
        self._put(node, inputs, outputs, new=new, keep_io=keep_io)

    def _reader(self, node: Node, inputs: Sequence[int]) -> None:
        """A node whose results are of other types reads its operands in the type they have."""
        computed = [i for i in inputs if not self._graph.value(node.inputs[i]).is_const]
        takes = not _impossible(node, self._to, inputs, []) and not self._policy.keep(node)
        new = takes and bool(computed) and all(self._is_new(node.inputs[i]) for i in computed)
        self._put(node, inputs, [], new=new, keep_io=True)

    def _with_bodies(self, node: Node) -> None:
        inputs = [
            i for i, v in enumerate(node.input_values()) if v is not None and self._is_new(v.name)
        ]
        for body in node.subgraphs.values():
            if body.is_frozen:
                new = sorted(n for n in body.free_names() if self._is_new(n))
                rename_in_body(body, {n: self._in_type(n, self._source) for n in new})
            else:
                _Level(body, self._source, self._to, self._policy, self._report, self).run(
                    keep_io=True
                )
        self._put(node, inputs, [], new=False, keep_io=True)

    def _put(
        self,
        node: Node,
        inputs: Sequence[int],
        outputs: Sequence[int],
        *,
        new: bool,
        keep_io: bool,
    ) -> None:
        wanted = self._to if new else self._source
        proto = NodeProto()
        proto.CopyFrom(node.proto)
        if new and node.op_type == "Cast" and outputs:
            proto.attribute[0].i = NUMBER_OF[wanted]
        for index in inputs:
            proto.input[index] = self._in_type(node.inputs[index], wanted)
        after: list[Node] = []
        for index in outputs if new else ():
            name = node.outputs[index]
            if keep_io and self._graph.is_output(name):
                inner = f"{name}/port/{self._to}"
                proto.output[index] = inner
                self._graph.define(Value(inner, self._to, self._graph.value(name).shape))
                self._casts[name, self._to] = inner
                after.append(self._cast(inner, name, self._source))
            else:
                self._becomes_new(name)
        fresh = Node(proto, self._graph, node.origin)
        fresh.subgraphs = node.subgraphs
        self._nodes += [fresh, *after]

    def _in_type(self, name: str, wanted: str) -> str:
        """A value in the type that is wanted, cast or converted once for all its readers."""
        if (self._to if self._is_new(name) else self._source) == wanted:
            return name
        level: _Level | None = self
        while level is not None:
            if (name, wanted) in level._casts:
                return level._casts[name, wanted]
            level = level._outer
        other = f"{name}/port/{wanted}"
        array = self._contents(name)
        if array is not None:
            tensor = numpy_helper.from_array(self._policy.narrow(name, array), other)
            value = Value(other, wanted, tuple(array.shape), is_const=True, tensor=tensor)
            value.read = self._graph.context.read
            self._graph.initializers[other] = tensor
        else:
            self._nodes.append(self._cast(name, other, wanted))
            value = Value(other, wanted, self._graph.value(name).shape)
        self._graph.define(value)
        self._casts[name, wanted] = other
        return other

    def _contents(self, name: str) -> Array | None:
        """A weight, however large: it is written anew in the other type."""
        value = self._graph.value(name)
        if not value.is_const:
            return None
        if value.tensor is not None and value.read is not None:
            return np.asarray(value.read(value.tensor))
        return value.contents

    def _cast(self, name: str, output: str, to: str) -> Node:
        attributes: dict[str, Any] = {"to": NUMBER_OF[to]}
        proto = make_node("Cast", [name], [output], name=f"{output}/Cast", **attributes)
        return read_node(proto, self._graph)


def _positions(node: Node, dtype: str) -> tuple[list[int], list[int]]:
    """Inputs and outputs of a type that ONNX leaves open at their places."""
    if node.info is None or node.domain != ONNX_DOMAIN:
        return [], []
    schema = node.info.schema
    only = schema.inputs[0].type_str if node.op_type in _FIRST_ONLY else None

    def are_open(values: Sequence[Value | None], formals: Any) -> list[int]:
        found = []
        for index, value in enumerate(values):
            kind = formals[min(index, len(formals) - 1)].type_str
            is_open = not kind.startswith(("tensor(", "seq(", "optional(")) and only in {None, kind}
            if value is not None and value.kind == "tensor" and value.dtype == dtype and is_open:
                found.append(index)
        return found

    results = [node.output(i) for i in range(len(node.outputs))]
    return are_open(node.input_values(), schema.inputs), are_open(results, schema.outputs)


_FIRST_ONLY = frozenset({"GridSample", "Resize", "RoiAlign"})
"""Operators whose coordinates stay as they are: only what is sampled changes its type."""


def _impossible(node: Node, to: str, inputs: Sequence[int], outputs: Sequence[int]) -> str:
    """Why ONNX does not have the node in a type at the model's opset; empty if it has."""
    if node.info is None:
        return f"{node.key} is not known to ONNX"
    schema = node.info.schema
    wanted = f"tensor({_SPELLED.get(to, to)})"
    for places, formals in ((inputs, schema.inputs), (outputs, schema.outputs)):
        for index in places:
            if wanted not in formals[min(index, len(formals) - 1)].types:
                return f"{node.op_type} of opset {node.opset} does not take {to}"
    return ""


_SPELLED = {"float32": "float", "float64": "double"}


def _follows(node: Node) -> bool:
    """Whether a node computes nothing."""
    return node.op_type not in _PICKING and selected(node) is not None


_PICKING = frozenset({"Max", "Min", "ReduceMax", "ReduceMin", "Relu", "TopK"})
