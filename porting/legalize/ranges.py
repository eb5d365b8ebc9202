"""Which whole numbers a value can hold: the proof that a narrower element type does for it.

An interval analysis in one pass over a graph, from constants, dimensions and indices through
arithmetic, remembered until the graph changes. `whole_range` answers for one value, `fits` whether
every element that it can have is a number of another element type.

Three facts are taken for granted. No axis is longer than 2^31 - 1: the toolchains count elements of
an axis in 32 bits. An index outside the axis that it indexes is an error, so that a value used as
one lies inside. And integers of an original do not overflow silently: where they might, the
interval is the whole type.
"""

import numpy as np

from porting.legalize.interval import Range, embeds, extremes, limits_of
from porting.legalize.transfers import LONGEST, TRANSFERS, selected
from porting.model.dtypes import FLOATS, INTEGERS, numpy_dtype
from porting.model.graph import Graph, Node
from porting.model.value import SMALL, Array, Value

READ = 2**16
"""Elements up to which a constant of integers is read for its extremes."""


def fits(graph: Graph, name: str, to: str) -> bool:
    """Whether every element that a value can have is a number of type `to`."""
    dtype = graph.value(name).dtype
    if dtype is None:
        return False
    if embeds(dtype, to):
        return True
    known, bounds = whole_range(graph, name), limits_of(to)
    if known is not None and bounds is not None and known.within(bounds):
        return to in FLOATS or not known.negative_zero
    return dtype in FLOATS and to in FLOATS and _holds(graph, name, to)


def _holds(graph: Graph, name: str, to: str, depth: int = 12) -> bool:
    """Whether a float value has come about in type `to` or a narrower one and was only moved."""
    memo: dict[tuple[str, str], bool] = graph.derived.setdefault("holds", {})
    key = (name, to)
    if key not in memo:
        memo[key] = False  # until it is proven
        value, node = graph.value(name), graph.producer(name)
        if value.is_const:
            memo[key] = _survives(value.value(), to)
        elif node is not None and node.op_type == "Cast":
            source = node.inputs[0]
            memo[key] = fits(node.graph, source, to) and fits(node.graph, source, value.dtype or "")
        elif node is not None and depth:
            moved = selected(node)
            memo[key] = moved is not None and all(
                value.dtype == node.graph.value(m).dtype and _holds(node.graph, m, to, depth - 1)
                for m in moved
            )
    return memo[key]


def _survives(array: Array | None, to: str) -> bool:
    if array is None or array.dtype == object:
        return False
    with np.errstate(over="ignore"):
        back = array.astype(numpy_dtype(to)).astype(array.dtype)
    return bool(np.array_equal(back, array, equal_nan=True))


def whole_range(graph: Graph, name: str) -> Range | None:
    """The interval of a value; None where it may hold anything but whole numbers.

    Args:
        graph: Where the name is looked up; its outer graphs count too.
        name: Of a value.
    """
    found: Range | None = None
    owner: Graph | None = graph
    while owner is not None:
        facts = _facts(owner)
        if name in facts:
            found = facts[name]
            break
        owner = owner.outer
    value = graph.value(name)
    if found is None and value.is_const:
        memo = graph.derived.setdefault("constants", {})
        if name not in memo:
            memo[name] = _of_constant(value)
        found = memo[name]
    return _bounded(found, value.dtype)


def _bounded(found: Range | None, dtype: str | None) -> Range | None:
    """An interval cut to what the type holds; the type's own where nothing is known."""
    bounds = limits_of(dtype) if dtype is not None else None
    if dtype in FLOATS:
        return found if found is not None and bounds is not None and found.within(bounds) else None
    if found is None or (bounds is not None and not found.within(bounds)):
        return bounds
    return Range(found.low, found.high)


def _facts(graph: Graph) -> dict[str, Range]:
    """The intervals of a graph's inputs and of what its nodes compute, by name."""
    facts: dict[str, Range] | None = graph.derived.get("ranges")
    if facts is None:
        # Kept before it is complete: each node finds those before it.
        facts = graph.derived["ranges"] = {}
        for info in graph.inputs:
            _note(graph, facts, info.name, None)
        for node in graph.nodes:
            transfer = TRANSFERS.get(node.op_type) if node.domain == "ai.onnx" else None
            found = transfer(node, whole_range) if transfer is not None else ()
            for index, name in enumerate(node.outputs):
                if name:
                    _note(graph, facts, name, found[index] if index < len(found) else None)
    return facts


def _note(graph: Graph, facts: dict[str, Range], name: str, found: Range | None) -> None:
    value = graph.value(name)
    if value.is_const:
        found = _of_constant(value) or found
    used = _as_index(graph, name) if value.dtype in {"int32", "int64"} else None
    result = _common(_bounded(found, value.dtype), used)
    if result is not None:
        facts[name] = result


def _common(a: Range | None, b: Range | None) -> Range | None:
    if a is None or b is None:
        return a or b
    low, high = max(a.low, b.low), min(a.high, b.high)
    return Range(low, high, a.negative_zero) if low <= high else a


def _of_constant(value: Value) -> Range | None:
    array = value.value(READ if value.dtype in INTEGERS else SMALL)
    return extremes(array) if array is not None and limits_of(value.dtype or "") else None


_KEEP_ALL = frozenset({"Identity", "Reshape", "Flatten", "Squeeze", "Transpose", "Unsqueeze"})
"""Operators whose result has every element of their input."""


def _as_index(graph: Graph, name: str, depth: int = 4) -> Range | None:
    """The interval in which every run that is no error has a value, because it is an index.

    A consumer in a body may never run, so that only nodes of the value's own graph count.
    """
    best: Range | None = None
    for node in graph.consumers(name):
        if node.domain != "ai.onnx" or node.graph is not graph:
            continue
        if node.op_type in _INDEXERS and node.inputs[1] == name and name not in node.inputs[:1]:
            size = _indexed(node)
            found = Range(-size, size - 1) if size else None
        elif node.op_type in _KEEP_ALL and depth and node.inputs[0] == name:
            found = _as_index(graph, node.outputs[0], depth - 1)
        else:
            continue
        best = _common(best, found)
    return best


_INDEXERS = frozenset({"Gather", "GatherElements", "ScatterElements"})


def _indexed(node: Node) -> int:
    """Elements of the axis that a node's indices count; 0 where that is not known."""
    data, axis = node.input(0), node.attribute("axis")
    if data is None or data.shape is None or not isinstance(axis, int):
        return 0
    if not -len(data.shape) <= axis < len(data.shape):
        return 0
    size = data.shape[axis]
    return size if isinstance(size, int) else LONGEST
