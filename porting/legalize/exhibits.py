"""Small models of what was replaced and of what came in its place, to be run by themselves.

A model whose weights do not fit into memory cannot be run as a whole, but each kind of rewrite in
it can: one node, the shapes at hand, and random numbers where weights were.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from onnx import GraphProto, ModelProto, helper, numpy_helper

from porting.legalize.rule import EXACTNESS, Exactness
from porting.model.graph import Context, Graph, Node
from porting.model.schema import schema_domain
from porting.model.value import Value
from porting.model.write import write_node

MOST_ELEMENTS = 1 << 24
"""Elements of all operands of an exhibit together; larger ones are not made."""

MOST_BYTES = 1 << 28
"""Bytes that the constants of all exhibits take together."""

MOST_NODES = 24
"""Nodes of the model that an exhibit shows at most."""

UNKNOWN_SIZE = 3
"""Stands for a dimension that is not known."""

Key: TypeAlias = tuple[object, ...]


@dataclass(frozen=True)
class Exhibit:
    """One kind of rewrite.

    Attributes:
        node: The first node to which it happened.
        rules: Names of the rules, the outermost first.
        exactness: The weakest of theirs.
        before: The node, or the nodes, as they were.
        after: What stands there now; same names of inputs and outputs.
        by_context: Whether a rule looked at the node's surroundings, which are not shown.
    """

    node: str
    rules: tuple[str, ...]
    exactness: Exactness
    before: ModelProto
    after: ModelProto
    by_context: bool


@dataclass
class Exhibits:
    """All kinds of rewrites of one conversion.

    Attributes:
        items: By what tells kinds apart.
        counts: How many nodes each kind was applied to.
        missing: Node and reason for what cannot be shown.
    """

    items: dict[Key, Exhibit] = field(default_factory=dict)
    counts: dict[Key, int] = field(default_factory=dict)
    missing: list[tuple[str, str]] = field(default_factory=list)
    _bytes: int = 0

    def add(
        self,
        key: Key | None,
        node: Node,
        made: Sequence[Node],
        constants: Mapping[str, Value],
        rules: Sequence[tuple[str, Exactness]],
        by_context: bool,
        context: Context,
    ) -> None:
        """Notes that `made` stands in the place of `node`; call it while the graph is as it was.

        Args:
            key: What tells the kind apart; None for a node that is like no other.
            node: As it stands in the model.
            made: The nodes in its place.
            constants: What they read besides the model's own values.
            rules: Name and class of each rule.
            by_context: Whether a rule looked at the node's surroundings.
            context: The opsets of what was made.
        """
        key = key if key is not None else (id(node),)
        self.counts[key] = self.counts.get(key, 0) + 1
        if self.counts[key] > 1:
            return
        name = node.origin or node.name
        try:
            before, after = _Scene(node, made, constants).models(context)
        except _HiddenError as reason:
            self.missing.append((name, str(reason)))
            return
        self._bytes += before.ByteSize() + after.ByteSize()
        if self._bytes > MOST_BYTES:
            self.missing.append((name, "there are too many weights to keep"))
            return
        weakest = max((c for _, c in rules), key=EXACTNESS.index)
        names = tuple(n for n, _ in rules)
        self.items[key] = Exhibit(name, names, weakest, before, after, by_context)


class _HiddenError(Exception):
    """A rewrite that cannot be shown by itself; the message says why."""


class _Scene:
    """What belongs to one exhibit."""

    def __init__(self, node: Node, made: Sequence[Node], constants: Mapping[str, Value]) -> None:
        if node.subgraphs or any(n.subgraphs for n in made):
            raise _HiddenError("it has a body")
        self._node, self._made, self._constants = node, made, constants
        self._graph: Graph = node.graph
        self._sizes: dict[str, int] = {}
        self._elements = 0
        self._free_weights = False

    def models(self, context: Context) -> tuple[ModelProto, ModelProto]:
        """The model of what was, and of what is, which has a context of its own."""
        produced = {o for n in self._made for o in n.outputs}
        read = {i for n in self._made for i in n.inputs if i} - produced - set(self._constants)
        shown = self._shown(read)
        inner = {o for n in shown for o in n.outputs}
        names = sorted(({i for n in shown for i in n.inputs if i} - inner) | read)
        graph = GraphProto(name="exhibit")
        for name in names:
            self._add_operand(graph, self._graph.value(name))
        for name in self._node.outputs:
            if name:
                graph.output.append(self._info(self._graph.value(name)))
        before, after = GraphProto(), GraphProto()
        before.CopyFrom(graph)
        after.CopyFrom(graph)
        before.node.extend(write_node(n) for n in shown)
        after.node.extend(write_node(n) for n in self._made)
        for name, value in sorted(self._constants.items()):
            self._add_constant(after, name, value)
        return _model(before, self._graph.context), _model(after, context)

    def _shown(self, read: set[str]) -> list[Node]:
        """The node, and those before it as far as the rule has looked, in topological order."""
        if read <= set(self._node.inputs):
            return [self._node]
        found: dict[Node, None] = {}
        waiting = [self._node]
        while waiting:
            node = waiting.pop()
            if node in found:
                continue
            found[node] = None
            if len(found) > MOST_NODES or node.subgraphs:
                raise _HiddenError("the rule looks far back")
            for name in node.inputs:
                producer = self._graph.producer(name) if name and name not in read else None
                if producer is not None and not self._graph.value(name).is_const:
                    waiting.append(producer)
        order = {n: i for i, n in enumerate(self._graph.nodes) if n in found}
        if len(order) < len(found):
            raise _HiddenError("it reads values of the graph around it")
        return sorted(found, key=order.__getitem__)

    def _add_operand(self, graph: GraphProto, value: Value) -> None:
        array = value.value(MOST_ELEMENTS) if value.is_const else None
        if array is not None and array.dtype != object:
            self._count(array.size)
            graph.initializer.append(numpy_helper.from_array(array, value.name))
            return
        self._free_weights |= value.is_const
        info = self._info(value)
        if not info.type.tensor_type.HasField("shape"):
            raise _HiddenError(f"the shape of '{value.name}' is not known")
        graph.input.append(info)

    def _add_constant(self, graph: GraphProto, name: str, value: Value) -> None:
        if self._free_weights and (value.size or 0) > UNKNOWN_SIZE:
            raise _HiddenError("its weights are too large to read")
        array = value.value(MOST_ELEMENTS)
        if array is None or array.dtype == object:
            raise _HiddenError("a constant is too large to read")
        graph.initializer.append(numpy_helper.from_array(array, name))

    def _info(self, value: Value) -> helper.ValueInfoProto:  # type: ignore[name-defined]
        if value.kind != "tensor" or value.dtype is None:
            raise _HiddenError(f"the type of '{value.name}' is not known")
        shape = None if value.shape is None else [self._size(d) for d in value.shape]
        shown = Value(value.name, value.dtype, None if shape is None else tuple(shape))
        self._count(shown.size or 0)
        kind = shown.to_type()
        assert kind is not None
        return helper.make_value_info(value.name, kind)

    def _size(self, dim: int | str | None) -> int:
        if isinstance(dim, int):
            return dim
        return self._sizes.setdefault(dim or "", UNKNOWN_SIZE)

    def _count(self, elements: int) -> None:
        self._elements += elements
        if self._elements > MOST_ELEMENTS:
            raise _HiddenError("it is too large to run by itself")


def _model(graph: GraphProto, context: Context) -> ModelProto:
    opsets = [helper.make_opsetid(schema_domain(d), v) for d, v in context.opsets.items()]
    return helper.make_model(graph, opset_imports=opsets, ir_version=context.ir_version)
