"""What a replacement costs: the driver takes the cheapest legal one.

Compared in this order:

1. placement: nodes on the host CPU, because each one breaks the accelerator's graph in two;
2. work: elements that nodes read and write, and multiply-adds, of which an accelerator does
   `MACS_PER_ELEMENT` in the time of one element from memory;
3. the number of nodes.

What depends on a size that is not known counts as nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import prod

from porting.model.graph import Node
from porting.model.value import Value

MACS_PER_ELEMENT = 100
"""The order of magnitude for today's chips: tens of tera-operations over 100 GB/s or so."""

VIEWS = frozenset({"Flatten", "Identity", "Reshape", "Squeeze", "Unsqueeze"})
"""Operators that give the same memory another shape."""

PICKS = frozenset({"Gather", "GatherElements", "GatherND", "Slice", "Split"})
"""Operators that read only what they write."""


@dataclass(frozen=True, slots=True, order=True)
class Cost:
    """The cost of some nodes, smaller is better."""

    fallbacks: int
    work: int
    nodes: int

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            self.fallbacks + other.fallbacks,
            self.work + other.work,
            self.nodes + other.nodes,
        )


def cost_of(nodes: Sequence[Node], fallbacks: int) -> Cost:
    """The cost of nodes of which `fallbacks` run on the host."""
    work = sum(elements_moved(n) + multiply_adds(n) // MACS_PER_ELEMENT for n in nodes)
    return Cost(fallbacks, work, len(nodes))


def elements_moved(node: Node) -> int:
    """Elements that a node reads and writes."""
    if node.op_type in VIEWS:
        return 0
    written = sum(_size(node.output(i)) for i in range(len(node.outputs)))
    if node.op_type in PICKS:
        return 2 * written
    return written + sum(_size(node.graph.value(i)) for i in set(node.inputs) if i)


def multiply_adds(node: Node) -> int:
    """Multiplications with an addition that a node does; 0 for operators that are not products."""
    count = _PRODUCTS.get(node.op_type)
    return count(node) if count is not None else 0


def _size(value: Value | None) -> int:
    return (value.size or 0) if value is not None else 0


def _dims(value: Value | None) -> tuple[int, ...]:
    """The dimensions; 1 for those that are not known."""
    shape = value.shape if value is not None and value.shape is not None else ()
    return tuple(d if isinstance(d, int) else 1 for d in shape)


def _convolution(node: Node) -> int:
    """One product for each element of the result and each weight of its filter."""
    return _size(node.output()) * prod(_dims(node.input(1))[1:])


def _transposed(node: Node) -> int:
    """One product for each element of the input and each weight of its filter."""
    return _size(node.input(0)) * prod(_dims(node.input(1))[1:])


def _matrices(node: Node) -> int:
    return _size(node.output()) * (_dims(node.input(0)) or (1,))[-1]


def _gemm(node: Node) -> int:
    inner = 0 if node.attribute("transA") else -1
    return _size(node.output()) * (_dims(node.input(0)) or (1,))[inner]


_PRODUCTS: Mapping[str, Callable[[Node], int]] = {
    "Conv": _convolution,
    "ConvInteger": _convolution,
    "ConvTranspose": _transposed,
    "Gemm": _gemm,
    "MatMul": _matrices,
    "MatMulInteger": _matrices,
}
