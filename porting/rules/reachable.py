"""What can be said of numbers that are computed, from the nodes that lead to them.

Both answers are about arithmetic on finite inputs that does not overflow: where it does, a model's
numbers mean nothing, and a sum of products is taken to be finite.
"""

import math
from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from porting.legalize.rule import decline
from porting.model.dtypes import FLOATS
from porting.model.graph import Graph, Node
from porting.model.value import Array
from porting.rules.common import limit_of
from porting.rules.tracing import contents, same_number

Interval: TypeAlias = tuple[float, float]

EVERYTHING: Interval = (-math.inf, math.inf)
MOST_STEPS = 24
"""Nodes behind one another that are looked at."""

_FINITE = """
    MatMul Gemm Conv ConvTranspose Einsum Attention com.microsoft::FusedMatMul
    Softmax Sigmoid HardSigmoid Tanh Erf Sin Cos Gelu Relu Elu HardSwish Swish Mish Softplus
    LayerNormalization RMSNormalization BatchNormalization InstanceNormalization
    GroupNormalization ReduceSum ReduceMean Exp Sqrt Abs
"""
FINITE = frozenset(_FINITE.split())
"""What gives finite numbers of finite ones, and no -inf of others as a mask has it."""

_MOVED = "Reshape Transpose Squeeze Unsqueeze Flatten Identity Slice Expand Tile Gather Split"
MOVED = frozenset(_MOVED.split())
"""What gives elements of its first input."""

BOUNDED: dict[str, Interval] = {
    "Tanh": (-1.0, 1.0),
    "Erf": (-1.0, 1.0),
    "Sin": (-1.0, 1.0),
    "Cos": (-1.0, 1.0),
    "Sigmoid": (0.0, 1.0),
    "HardSigmoid": (0.0, 1.0),
    "Softmax": (0.0, 1.0),
}


def hidden(graph: Graph, name: str, most: int = MOST_STEPS) -> Array | None:
    """Where scores are -inf because a mask says so: None for nowhere, else a mask to broadcast.

    Declines where that is not known before the model runs.
    """
    value = graph.value(name)
    if value.is_const:
        return _hidden_constant(contents(graph, name))
    node = graph.producer(name)
    if node is None:
        decline("the scores, or a mask beside them, are an input of the graph, which may hold -inf")
    if node.key in FINITE or not most:
        return None if most else decline("what leads to the scores is too long to be looked at")
    found = _hidden_result(node, most - 1)
    return found if found is not None and found.any() else None


def _hidden_constant(array: Array | None) -> Array | None:
    if array is None:
        decline("a constant beside the scores is too large to be read")
    numbers = array.astype(np.float64)
    if np.isnan(numbers).any() or np.isposinf(numbers).any():
        decline("a constant beside the scores holds NaN or +inf")
    below = np.isneginf(numbers)
    return below if below.any() else None


def _hidden_result(node: Node, most: int) -> Array | None:
    """`hidden` for what a node computes."""
    if node.key == "Where":
        return _hidden_choice(node, most)
    if node.key == "Cast" and not _keeps_finite(node):
        decline("a Cast in front of Softmax may overflow")
    if node.key == "Cast" and _dtype(node.graph, node.inputs[0]) not in FLOATS:
        return None
    if node.key not in {"Add", "Sum", "Sub", "Mul", "Div", "Cast", "Concat", "Max", "Min", *MOVED}:
        decline(f"{node.key} in front of Softmax may give -inf")
    read = node.inputs[:1] if node.key in MOVED else node.inputs
    if node.key == "Div":
        low, high = interval(node.graph, node.inputs[1])
        if low <= 0 <= high:
            decline("a divisor in front of Softmax may be 0")
    masks = [m for m in (hidden(node.graph, i, most) for i in read) if m is not None]
    if not masks:
        return None
    if node.key in {"Add", "Sum"}:
        return _joined(masks)
    if node.key in {"Cast", "Identity", "Expand"}:
        return masks[0]
    if node.key == "Mul" and any((same_number(node.graph, i) or 0.0) > 0 for i in node.inputs):
        return masks[0]
    return decline(f"-inf goes through {node.key} in front of Softmax")


def _hidden_choice(node: Node, most: int) -> Array | None:
    """Where picks -inf where its condition, a constant, says so."""
    graph, (condition, *choices) = node.graph, node.inputs
    masks = [hidden(graph, c, most) for c in choices]
    if masks == [None, None]:
        return None
    chosen = contents(graph, condition) if graph.value(condition).is_const else None
    if chosen is None:
        decline("which scores are -inf is known at run time only")
    none = np.zeros((), bool)
    shown = [none if m is None else m for m in masks]
    chosen, first, second = _alike([chosen, *shown])
    return (first & chosen) | (second & ~chosen)


def _joined(masks: list[Array]) -> Array:
    total: Array = np.logical_or.reduce(_alike(masks))
    return total


def _alike(masks: list[Array]) -> list[Array]:
    """The masks at one shape."""
    try:
        return list(np.broadcast_arrays(*masks))
    except ValueError:
        decline("the masks do not fit each other")


def _dtype(graph: Graph, name: str) -> str | None:
    return graph.value(name).dtype


def _keeps_finite(node: Node) -> bool:
    """Whether every finite number of the input's type is one of the output's."""
    source, target = _dtype(node.graph, node.inputs[0]), _dtype(node.graph, node.outputs[0])
    if source is None or target not in FLOATS:
        return False
    if source not in FLOATS:
        return source == "bool" or target != "float16"
    return limit_of(source) <= limit_of(target)


def interval(graph: Graph, name: str, most: int = MOST_STEPS) -> Interval:
    """Bounds of all elements of a value, NaN aside; infinite where nothing is known."""
    if graph.value(name).is_const:
        array = contents(graph, name)
        if array is None or array.size == 0 or np.isnan(array.astype(np.float64)).any():
            return EVERYTHING
        return float(array.min()), float(array.max())
    if _dtype(graph, name) == "bool":
        return 0.0, 1.0
    node = graph.producer(name)
    if node is None or not most or _dtype(graph, name) not in FLOATS:
        return EVERYTHING
    if node.key in BOUNDED:
        return BOUNDED[node.key]
    if node.key == "Cast" and not _keeps_finite(node):
        return EVERYTHING
    read = {"Clip": node.inputs[:3], "Where": node.inputs[1:]}.get(node.key, node.inputs)
    if node.key in MOVED or node.key == "Cast":
        read = node.inputs[:1]
    elif node.key not in {*_COMBINED, "Clip", "Where", "Concat"}:
        return EVERYTHING
    bounds = [interval(graph, i, most - 1) if i else EVERYTHING for i in read]
    if node.key == "Clip":
        return _clipped(bounds)
    found = _COMBINED.get(node.key, _union)(*bounds)
    return EVERYTHING if any(math.isnan(f) for f in found) else found


def _union(*bounds: Interval) -> Interval:
    return min(low for low, _ in bounds), max(high for _, high in bounds)


def _clipped(bounds: list[Interval]) -> Interval:
    """Of Clip: where both bounds are known, nothing else counts."""
    low = bounds[1][0] if len(bounds) > 1 else -math.inf
    high = bounds[2][1] if len(bounds) > 2 else math.inf
    first = bounds[0]
    return min(max(first[0], low), high), min(max(first[1], low), high)


def _times(a: Interval, b: Interval) -> Interval:
    products = [x * y for x in a for y in b]
    unknown = any(math.isnan(p) for p in products)
    return EVERYTHING if unknown else (min(products), max(products))


def _over(a: Interval, b: Interval) -> Interval:
    return _times(a, (1 / b[1], 1 / b[0])) if b[0] > 0 or b[1] < 0 else EVERYTHING


_COMBINED: dict[str, Callable[..., Interval]] = {
    "Add": lambda a, b: (a[0] + b[0], a[1] + b[1]),
    "Sub": lambda a, b: (a[0] - b[1], a[1] - b[0]),
    "Mul": _times,
    "Div": _over,
    "Neg": lambda a: (-a[1], -a[0]),
    "Relu": lambda a: (max(a[0], 0.0), max(a[1], 0.0)),
    "Max": lambda *s: (max(i[0] for i in s), max(i[1] for i in s)),
    "Min": lambda *s: (min(i[0] for i in s), min(i[1] for i in s)),
}
