"""What a rule reads when it looks back from a node over those that lead to it.

A rule for a pattern is registered for the pattern's last operator, and builds anew from the
values that enter the pattern. Nodes between that nobody else reads are dead afterwards.
"""

from collections.abc import Iterator

from porting.legalize.rule import known_rank
from porting.model.graph import Graph, Node
from porting.model.value import Array

LARGEST_MASK = 2**24
"""Elements up to which a constant mask is read."""


def maker(graph: Graph, name: str, *op_types: str) -> Node | None:
    """The node that computes a value, where it is one of these operators of ONNX."""
    node = graph.producer(name)
    return node if node is not None and node.key in op_types else None


def contents(graph: Graph, name: str, limit: int = LARGEST_MASK) -> Array | None:
    """What a constant holds; None where the value is computed, left out or larger."""
    value = graph.value(name)
    return value.value(limit) if name and value.is_const else None


def one_number(graph: Graph, name: str, beside: str) -> float | None:
    """The number that a constant holds alone, and that leaves the shape of `beside` as it is."""
    array = contents(graph, name, 1)
    if array is None or array.size != 1 or array.dtype == bool:
        return None
    if array.ndim and array.ndim > known_rank(graph.value(beside), "an operand"):
        return None
    return float(array.reshape(()))


def same_number(graph: Graph, name: str) -> float | None:
    """The number that all elements of a constant have in common."""
    array = contents(graph, name)
    if array is None or array.size == 0 or array.dtype == bool:
        return None
    first = array.reshape(-1)[0]
    return float(first) if bool((array == first).all()) else None


def with_number(node: Node) -> Iterator[tuple[str, float]]:
    """The ways in which a node of two inputs has a constant number for one: the other, the number.

    Of Sub and Div only the number behind counts.
    """
    left, right = node.inputs[0], node.inputs[1]
    orders = [(left, right)]
    if node.op_type in {"Add", "Mul"}:
        orders.append((right, left))
    for operand, number in orders:
        found = one_number(node.graph, number, operand)
        if found is not None:
            yield operand, found


def pairs(node: Node) -> Iterator[tuple[str, str]]:
    """Both orders of the operands of a node of two inputs that commute."""
    left, right = node.inputs[0], node.inputs[1]
    yield left, right
    yield right, left


_ON_THE_WAY = frozenset(
    {"Add", "Concat", "Expand", "Gather", "Identity", "Reshape", "Slice", "Squeeze", "Tile"}
    | {"Transpose", "Unsqueeze", "Where", "Max"}
)


def leads_to_softmax(node: Node, *others: str, depth: int = 12) -> bool:
    """Whether every reader of a node's result, and theirs, is on the way to a softmax.

    Args:
        node: Gives the result.
        others: Operators that count beside Softmax.
        depth: Nodes that may lie between.
    """
    readers = [r for o in node.outputs for r in node.graph.consumers(o)]
    if not readers or not depth or any(node.graph.is_output(o) for o in node.outputs):
        return False
    return all(
        r.op_type in {"Softmax", *others}
        or (r.op_type in _ON_THE_WAY and leads_to_softmax(r, *others, depth=depth - 1))
        for r in readers
    )
