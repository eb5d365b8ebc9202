"""What a replacement costs: the driver takes the cheapest legal one.

Compared in this order:

1. nodes on the host CPU, because each one breaks the accelerator's graph in two;
2. elements written, summed over all new values of known size, which stands for memory traffic;
3. the number of nodes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from porting.model.graph import Node


@dataclass(frozen=True, slots=True, order=True)
class Cost:
    """The cost of some nodes, smaller is better."""

    fallbacks: int
    elements: int
    nodes: int

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            self.fallbacks + other.fallbacks,
            self.elements + other.elements,
            self.nodes + other.nodes,
        )


FREE = Cost(0, 0, 0)


def cost_of(nodes: Sequence[Node], fallbacks: int) -> Cost:
    """The cost of nodes of which `fallbacks` run on the host."""
    elements = 0
    for node in nodes:
        for index in range(len(node.outputs)):
            value = node.output(index)
            elements += (value.size or 0) if value is not None else 0
    return Cost(fallbacks, elements, len(nodes))
