"""How an expression sees the inputs and outputs of a node."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from porting.capability.unknown import Unknown
from porting.model.graph import Graph
from porting.model.value import Dim, Value

VALUE_LIMIT = 65536
"""Elements up to which a condition may look at a constant's contents."""


@dataclass(frozen=True, slots=True)
class Operand:
    """An input or output: `X.rank`, `X.shape[1]`, `B.is_const`, `pads.values`.

    Attributes:
        label: Its formal name, for messages.
        source: What is known of it.
        graph: Where its producer and consumers are found.
        note: Told of each property that does not follow from type and shape.
    """

    label: str
    source: Value
    graph: Graph
    note: Callable[[str], None] = lambda name: None

    @property
    def rank(self) -> int | Unknown:
        """Number of dimensions."""
        rank = self.source.rank
        return self._no_shape() if rank is None else rank

    @property
    def shape(self) -> "tuple[int | Unknown, ...] | Unknown":
        """Dimensions; those that are not known are unknown one by one."""
        if self.source.shape is None:
            return self._no_shape()
        return tuple(self._dim(i, d) for i, d in enumerate(self.source.shape))

    @property
    def dtype(self) -> str | Unknown:
        """Element type such as `float32`."""
        return self.source.dtype or Unknown.of(f"the element type of {self.label}")

    @property
    def kind(self) -> str:
        """`tensor`, `sequence`, `optional`, `map` or `sparse_tensor`."""
        return self.source.kind

    @property
    def is_static(self) -> bool:
        """Whether every dimension is a number: true or false, never unknown."""
        return self.source.is_static

    @property
    def is_const(self) -> bool:
        """Whether it is an initializer, a Constant, or computed from such alone."""
        return self.source.is_const

    @property
    def size(self) -> int | Unknown:
        """Number of elements."""
        size = self.source.size
        if size is not None:
            return size
        if self.source.shape is None:
            return self._no_shape()
        unknown = [self._dim(i, d) for i, d in enumerate(self.source.shape)]
        missing = frozenset(m for u in unknown if isinstance(u, Unknown) for m in u.missing)
        return Unknown(missing)

    @property
    def values(self) -> tuple[object, ...] | Unknown:
        """The contents, flat."""
        self.note("values")
        array = self.source.value(VALUE_LIMIT) if self.source.is_const else None
        if array is None:
            why = "which is large" if self.source.is_const else "which is computed at run time"
            return Unknown.of(f"the contents of {self.label}, {why}")
        return tuple(array.ravel().tolist())

    @property
    def value(self) -> object:
        """The contents: a number where there is one element, else as `values`."""
        values = self.values
        return values[0] if isinstance(values, tuple) and len(values) == 1 else values

    @property
    def producer(self) -> str | None:
        """Operator that computes it; None for inputs of the graph and initializers."""
        self.note("producer")
        node = self.graph.producer(self.source.name)
        return node.key if node is not None else None

    @property
    def consumers(self) -> tuple[str, ...]:
        """Operators that read it."""
        self.note("consumers")
        return tuple(n.key for n in self.graph.consumers(self.source.name))

    @property
    def is_graph_output(self) -> bool:
        """Whether the graph returns it."""
        self.note("is_graph_output")
        return self.graph.is_output(self.source.name)

    def __iter__(self) -> Iterator[object]:
        raise TypeError("iterate over the values of a tensor, or over its shape")

    def _no_shape(self) -> Unknown:
        return Unknown.of(f"the shape of {self.label}", "--shape INPUT=1,3,224,224")

    def _dim(self, index: int, dim: Dim) -> int | Unknown:
        if isinstance(dim, int):
            return dim
        what = f"dimension {index} of {self.label}"
        if dim is None or not self._is_given(dim):  # a name that inference made up says nothing
            return Unknown.of(what, "--shape INPUT=1,3,224,224")
        return Unknown.of(f"{what} ('{dim}')", f"--dim {dim}=SIZE")

    def _is_given(self, symbol: str) -> bool:
        """Whether an input of the model has this dimension, so that its size may be given."""
        graph = self.graph
        while graph.outer is not None:
            graph = graph.outer
        return any(symbol in (graph.value(i.name).shape or ()) for i in graph.inputs)


PROPERTIES = frozenset(
    {
        "consumers",
        "dtype",
        "is_const",
        "is_graph_output",
        "is_static",
        "kind",
        "producer",
        "rank",
        "shape",
        "size",
        "value",
        "values",
    }
)
"""What may stand behind the dot."""
