"""What the messages of a graph say, taken out of protobuf once: it makes all anew each time."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter
from typing import TypeAlias

from onnx import AttributeProto, GraphProto, NodeProto, TensorProto

Written: TypeAlias = tuple[bytes, ...]
"""The attributes of a node, serialized in the order of the node."""

Row: TypeAlias = tuple[NodeProto, str, str, str, tuple[str, ...], tuple[str, ...], "Written | None"]
"""One node: itself, operator, domain, name, inputs, outputs, attributes."""

Weight: TypeAlias = tuple[TensorProto, str, int, tuple[int, ...]]
"""An initializer: itself, name, element type, dimensions."""

_MOST_WRITTEN = 1 << 16
"""Bytes up to which the attributes of a node are kept to be compared."""
_NOT_COMPARED = frozenset(
    {
        AttributeProto.GRAPH,
        AttributeProto.GRAPHS,
        AttributeProto.TENSORS,
        AttributeProto.SPARSE_TENSOR,
        AttributeProto.SPARSE_TENSORS,
    }
)
"""Kinds of attributes that hold more than a node's own constants."""


@dataclass(frozen=True, slots=True)
class Nodes:
    """The nodes of one graph, as they are written: a column for each field.

    Attributes:
        protos: The nodes themselves.
        op_types: Operator names.
        domains: Operator set domains; empty, or `ai.onnx`, for the default one.
        names: The nodes' own; may be empty.
        inputs: Names of values; the empty string for a skipped one.
        outputs: Names of values; the empty string for one that is not asked for.
        written: The attributes, equal ones the same object; None where there is a body or much.
    """

    protos: Sequence[NodeProto]
    op_types: Sequence[str]
    domains: Sequence[str]
    names: Sequence[str]
    inputs: Sequence[tuple[str, ...]]
    outputs: Sequence[tuple[str, ...]]
    written: Sequence[Written | None]

    @classmethod
    def of(cls, nodes: Iterable[NodeProto]) -> "Nodes":
        """What nodes say; a name that is not UTF-8 is bytes, which the loader refuses."""
        nodes = list(nodes)
        known: dict[Written, Written | None] = {}
        return cls(
            nodes,
            list(map(attrgetter("op_type"), nodes)),
            list(map(attrgetter("domain"), nodes)),
            list(map(attrgetter("name"), nodes)),
            [tuple(node.input[:]) for node in nodes],
            [tuple(node.output[:]) for node in nodes],
            [_written(node, known) for node in nodes],
        )

    def rows(self) -> Iterator[Row]:
        """Node by node."""
        columns = (self.protos, self.op_types, self.domains, self.names)
        return zip(*columns, self.inputs, self.outputs, self.written, strict=True)

    @property
    def is_text(self) -> bool:
        """Whether all names are text, and not bytes."""
        of_values = chain.from_iterable(chain(self.inputs, self.outputs))
        overloads = map(attrgetter("overload"), self.protos)
        try:
            "".join(chain(self.op_types, self.domains, self.names, overloads, of_values))
        except TypeError:
            return False
        return True


def row_of(node: NodeProto) -> Row:
    """One node's row."""
    reads, makes = tuple(node.input[:]), tuple(node.output[:])
    return (node, node.op_type, node.domain, node.name, reads, makes, _written(node, {}))


def _written(node: NodeProto, known: dict[Written, Written | None]) -> Written | None:
    """The attributes of a node; `known` has those of the nodes before it."""
    attributes = node.attribute
    if not attributes:
        return ()
    written = tuple(map(AttributeProto.SerializeToString, attributes))
    if written not in known:
        is_short = sum(map(len, written)) <= _MOST_WRITTEN
        known[written] = written if is_short and not any(map(_holds_more, attributes)) else None
    return known[written]


def _holds_more(attribute: AttributeProto) -> bool:
    has_body = attribute.HasField("g") or bool(attribute.graphs)
    return has_body or attribute.type in _NOT_COMPARED


@dataclass(frozen=True, slots=True)
class Messages:
    """A graph's nodes and initializers.

    Attributes:
        nodes: In order.
        weights: Dense initializers.
        sparse: Names of the sparse ones.
    """

    nodes: Nodes
    weights: Sequence[Weight]
    sparse: Sequence[str]

    @classmethod
    def of(cls, graph: GraphProto) -> "Messages":
        """What a graph says of them."""
        weights = [(t, t.name, t.data_type, tuple(t.dims[:])) for t in graph.initializer]
        sparse = [s.values.name for s in graph.sparse_initializer]
        return cls(Nodes.of(graph.node), weights, sparse)

    @property
    def initializer_names(self) -> list[str]:
        """Names of the dense and sparse initializers."""
        return [name for _, name, _, _ in self.weights] + list(self.sparse)
