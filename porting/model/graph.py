"""The model as `port` works on it: graphs of nodes over values, weights left in their files.

A `Graph` is mutable: legalizing replaces its nodes. Nodes are thin views of `NodeProto`; values
hold what is known of a tensor without running the model. Names are the identity of values, as
in ONNX, and a body of If, Loop or Scan sees the values of the graphs around it.
"""

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from onnx import (
    AttributeProto,
    NodeProto,
    SparseTensorProto,
    TensorProto,
    ValueInfoProto,
)

from porting.model.messages import Row, Written, row_of
from porting.model.schema import (
    AttributeValue,
    OpInfo,
    decode_attribute,
    domain_name,
    op_info,
    spatial_default,
)
from porting.model.value import SMALL, Array, Value


@dataclass(frozen=True, slots=True)
class Context:
    """What all graphs of one model share.

    Attributes:
        opsets: Operator set version by domain name, `ai.onnx` for the default domain.
        ir_version: Of the model.
        read: Reads one tensor's contents, wherever they lie.
        answers: What ONNX's inference said of nodes, for others of which the same is known.
        numbers: Of types, so that they are compared quickly; see `porting.model.ask`.
    """

    opsets: Mapping[str, int]
    ir_version: int
    read: Callable[[TensorProto], Array]
    answers: dict[Any, Any] = field(default_factory=dict, compare=False, repr=False)
    numbers: dict[Any, int] = field(default_factory=dict, compare=False, repr=False)

    @property
    def opset(self) -> int:
        """Version of the default domain; 1 where the model imports none."""
        return self.opsets.get("ai.onnx", 1)


class Node:
    """A view of one `NodeProto` in its graph; the message is not changed any more.

    Attributes:
        proto: The node itself; its attributes' graphs are superseded by `subgraphs`.
        graph: Where its names are looked up.
        op_type: Operator name.
        name: The node's name, or its first output where it has none.
        domain: Operator set domain, `ai.onnx` for the default one.
        key: The operator's name in tables and reports: `Conv`, `com.microsoft::Gelu`.
        inputs: Names of the inputs; the empty string for a skipped one.
        outputs: Names of the outputs; the empty string for one that is not asked for.
        subgraphs: Bodies by attribute name, one each (ONNX has no operator with a list of them).
        origin: Name of the node of the loaded model that it stands for.
        prefix: Start of the names of what replaces it, once there is such.
        written: The attributes in a form to compare; None where there is a body or much.
    """

    __slots__ = (
        "__dict__",
        "_info",
        "_info_of",
        "domain",
        "graph",
        "inputs",
        "key",
        "name",
        "op_type",
        "origin",
        "outputs",
        "prefix",
        "proto",
        "subgraphs",
        "written",
    )

    def __init__(
        self, proto: NodeProto, graph: "Graph", origin: str = "", row: Row | None = None
    ) -> None:
        _, op_type, domain, name, inputs, outputs, written = row or row_of(proto)
        self.proto = proto
        self.graph = graph
        self.op_type = op_type
        self.domain = domain = domain_name(domain)
        self.key = op_type if domain == "ai.onnx" else f"{domain}::{op_type}"
        self.inputs = inputs
        self.outputs = outputs
        self.name = name or next(filter(None, outputs), op_type)
        self.subgraphs: dict[str, Graph] = {}
        self.origin = origin
        self.prefix = ""
        self.written: Written | None = written
        self._info: OpInfo | None = None
        self._info_of: Context | None = None

    @property
    def opset(self) -> int:
        """The version of the node's domain that the model imports; 0 if it imports none."""
        return self.graph.context.opsets.get(self.domain, 0)

    @property
    def info(self) -> OpInfo | None:
        """ONNX's definition of the operator at the model's opset; None if there is none."""
        context = self.graph.context
        if self._info_of is not context:  # conversions of opsets give a graph another context
            self._info = op_info(self.op_type, self.domain, self.opset)
            self._info_of = context
        return self._info

    @cached_property
    def attributes(self) -> dict[str, AttributeValue]:
        """The attributes written on the node, without bodies."""
        return {
            a.name: decode_attribute(a)
            for a in self.proto.attribute
            if a.type not in {AttributeProto.GRAPH, AttributeProto.GRAPHS}
        }

    def attribute(self, name: str) -> AttributeValue:
        """An attribute as ONNX understands the node: the default where it is not written."""
        if name in self.attributes:
            return self.attributes[name]
        default = self.info.attributes.get(name) if self.info else None
        return default if default is not None else self._prose_default(name)

    def _prose_default(self, name: str) -> AttributeValue:
        """Defaults that depend on a rank or shape, which ONNX states in prose."""
        first = self.input(0)
        if first is None or first.rank is None:
            return None
        if name == "perm" and self.op_type == "Transpose":
            return tuple(reversed(range(first.rank)))
        if name == "kernel_shape" and self.op_type in {"Conv", "ConvTranspose"}:
            weight = self.input(1)
            if weight is not None and weight.is_static and weight.shape is not None:
                return tuple(int(d or 0) for d in weight.shape[2:])
            return None
        return spatial_default(self.op_type, name, max(first.rank - 2, 0))

    def input(self, index: int | str) -> Value | None:
        """An input by position or formal name; None where the node leaves it out."""
        position = self.position(index) if isinstance(index, str) else index
        if position is None or position >= len(self.inputs) or not self.inputs[position]:
            return None
        return self.graph.value(self.inputs[position])

    def position(self, formal: str) -> int | None:
        """Where the input of this formal name stands at the model's opset."""
        names = self.info.inputs if self.info else ()
        return names.index(formal) if formal in names else None

    def input_values(self) -> list[Value | None]:
        """Every input in order, None for a skipped one."""
        value, here = self.graph.value, self.graph.values.get
        return [here(n) or value(n) if n else None for n in self.inputs]

    def output(self, index: int = 0) -> Value | None:
        """An output by position; None where the node does not produce it."""
        if index >= len(self.outputs) or not self.outputs[index]:
            return None
        return self.graph.value(self.outputs[index])

    def const(self, index: int | str, limit: int = SMALL) -> Array | None:
        """The contents of a constant input; None if absent, computed or above `limit` elements."""
        value = self.input(index)
        return value.value(limit) if value is not None and value.is_const else None

    def captured(self) -> set[str]:
        """Names that the bodies take from the graphs around them."""
        if not self.subgraphs:
            return set()
        return set().union(*(g.free_names() for g in self.subgraphs.values()))


@dataclass(eq=False)
class Graph:
    """Nodes over values: the main graph, a body, or a trial replacement laid over a graph.

    Attributes:
        context: What all graphs of the model share.
        path: Where it is: empty for the main graph, else `If_3.then_branch/...`.
        outer: The graph whose values this one sees.
        nodes: In topological order.
        inputs: Names and types, as the file declares them; initializers are not among them.
        outputs: Names and types, as the file declares them.
        initializers: By name. Their data may lie in a file.
        sparse: Sparse initializers, which are kept as they are.
        values: Everything known of the values defined here.
        declared: Types that the file states for values defined here.
        conflicts: Nodes that ONNX's inference could make no sense of at the shapes at hand.
        is_frozen: Whether the shapes at hand contradict it, so that it is better left alone.
        is_trial: Whether it is a replacement that may be given up, not a graph of the model.
        looks: How often a producer or the consumers of a value were asked for.
        cases: For nodes of a main graph as it was inferred, equal things for nodes of which equal
            things are known; `changed` forgets them.
    """

    context: Context
    path: str = ""
    outer: "Graph | None" = None
    name: str = ""
    nodes: list[Node] = field(default_factory=list)
    inputs: list[ValueInfoProto] = field(default_factory=list)
    outputs: list[ValueInfoProto] = field(default_factory=list)
    initializers: dict[str, TensorProto] = field(default_factory=dict)
    sparse: list[SparseTensorProto] = field(default_factory=list)
    values: dict[str, Value] = field(default_factory=dict)
    declared: dict[str, ValueInfoProto] = field(default_factory=dict)
    conflicts: int = 0
    is_frozen: bool = False
    is_trial: bool = False
    looks: int = 0
    cases: "dict[Node, Hashable]" = field(default_factory=dict)

    def value(self, name: str) -> Value:
        """What is known of a name, here or outside; an unknown name gives an empty value."""
        graph: Graph | None = self
        while graph is not None:
            found = graph.values.get(name)
            if found is not None:
                return found
            graph = graph.outer
        return Value(name)

    def define(self, value: Value) -> None:
        """Adds or replaces a value."""
        self.values[value.name] = value

    def is_output(self, name: str) -> bool:
        """Whether the graph itself returns the value."""
        if self.is_trial and self.outer is not None:
            return self.outer.is_output(name)
        return name in self._output_names

    @cached_property
    def _output_names(self) -> frozenset[str]:
        return frozenset(o.name for o in self.outputs)

    @cached_property
    def _producers(self) -> dict[str, Node]:
        return {o: n for n in self.nodes for o in n.outputs if o}

    @cached_property
    def _consumers(self) -> dict[str, list[Node]]:
        found: dict[str, list[Node]] = {}
        for node in self.nodes:
            names = {n for n in node.inputs if n} | node.captured()
            for name in sorted(names):
                found.setdefault(name, []).append(node)
        return found

    @cached_property
    def derived(self) -> dict[str, Any]:
        """What analyses remember of the nodes as they are; `changed` forgets it."""
        return {}

    def producer(self, name: str) -> Node | None:
        """The node that computes a value; None for inputs and initializers."""
        graph: Graph | None = self
        while graph is not None:
            graph.looks += not graph.is_trial
            if name in graph._producers:
                return graph._producers[name]
            graph = graph.outer
        return None

    def consumers(self, name: str) -> list[Node]:
        """The nodes that read a value, those whose bodies capture it among them."""
        graph: Graph | None = self
        while graph is not None:
            graph.looks += not graph.is_trial
            if name in graph._consumers or (name in graph.values and not graph.is_trial):
                return graph._consumers.get(name, [])
            graph = graph.outer
        return []

    def changed(self) -> None:
        """Forgets what was derived from `nodes`; call it after changing them."""
        for name in ("_producers", "_consumers", "_output_names", "derived"):
            self.__dict__.pop(name, None)
        self.cases.clear()

    def free_names(self) -> set[str]:
        """Names that are used here and defined in a graph around."""
        defined = {i.name for i in self.inputs} | set(self.initializers)
        used = {o.name for o in self.outputs}
        for node in self.nodes:
            used.update(n for n in node.inputs if n)
            used.update(node.captured())
            defined.update(node.outputs)
        return used - defined

    def walk(self) -> "Iterator[tuple[Graph, Node]]":
        """Every node with its graph, bodies right after the node that holds them."""
        for node in self.nodes:
            yield self, node
            for body in node.subgraphs.values():
                yield from body.walk()
