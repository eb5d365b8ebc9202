"""What each operator makes of the intervals of its operands; `porting.legalize.ranges` asks."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np

from porting.legalize.interval import (
    ZERO,
    Range,
    absolute,
    add,
    divide,
    extremes,
    greater,
    hull,
    lesser,
    limits_of,
    multiply,
    negate,
    relu,
    remainder,
    sign,
    subtract,
    total,
)
from porting.model.dtypes import FLOATS, NAME_OF
from porting.model.graph import Graph, Node
from porting.model.value import Dim, Value

LONGEST = 2**31 - 1
"""Elements of an axis whose length is not known."""

Look: TypeAlias = Callable[[Graph, str], Range | None]
"""The interval of a value by name."""

Transfer: TypeAlias = Callable[[Node, Look], Sequence[Range | None]]
"""The intervals of a node's outputs; those that are missing are not known."""


def _range(node: Node, look: Look, index: int) -> Range | None:
    name = node.inputs[index] if index < len(node.inputs) else ""
    return look(node.graph, name) if name else None


_SELECTED: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(("CenterCropPad", "Trilu"), (0,)),
    **dict.fromkeys(("Compress", "DepthToSpace", "Expand", "Flatten", "Gather"), (0,)),
    **dict.fromkeys(("GatherElements", "GatherND", "Identity", "Reshape"), (0,)),
    **dict.fromkeys(("ReverseSequence", "Slice", "SpaceToDepth", "Split", "Squeeze"), (0,)),
    **dict.fromkeys(("Tile", "Transpose", "Unsqueeze", "Relu", "ReduceMax", "ReduceMin"), (0,)),
    **dict.fromkeys(("Scatter", "ScatterElements", "ScatterND"), (0, 2)),
    "OneHot": (2,),
    "Pad": (0, 2),
    "Where": (1, 2),
}
"""Inputs of which the outputs have elements, zeros aside; TopK and the variadic ones are below."""


def selected(node: Node) -> list[str] | None:
    """The inputs of which a node's first output has elements, and zeros; None if it computes."""
    if node.domain != "ai.onnx" or node.op_type not in {*_SELECTED, "Concat", "Max", "Min", "TopK"}:
        return None
    if node.attribute("reduction") not in {None, "none"} or node.attribute("value"):
        return None
    if node.op_type.startswith("Reduce") and not _is_full(node.input(0)):
        return None  # of nothing: the least or the greatest number of the type
    every = tuple(range(len(node.inputs)))
    positions = (0,) if node.op_type == "TopK" else _SELECTED.get(node.op_type, every)
    return [node.inputs[p] for p in positions if p < len(node.inputs) and node.inputs[p]]


def _is_full(value: Value | None) -> bool:
    return value is not None and value.is_static and bool(value.size)


def _moved(node: Node, look: Look) -> Sequence[Range | None]:
    names = selected(node)
    if not names:
        return []
    found = hull([look(node.graph, n) for n in names])
    filled = node.op_type in {"CenterCropPad", "Pad", "Trilu"}
    return [hull([found, ZERO]) if filled else found] * len(node.outputs)


def _cast(node: Node, look: Look) -> Sequence[Range | None]:
    to = node.attribute("to")
    name = NAME_OF.get(to) if isinstance(to, int) else None
    known, bounds = _range(node, look, 0), limits_of(name) if name else None
    if known is None or bounds is None or name == "bool" or not known.within(bounds):
        return [None]
    return [known if name in FLOATS else Range(known.low, known.high)]


def _dims(node: Node) -> tuple[Dim, ...]:
    value = node.input(0)
    return value.shape if value is not None and value.shape is not None else (None,)


def _length(dim: Dim) -> Range:
    return Range(dim, dim) if isinstance(dim, int) else Range(0, LONGEST)


def _same(node: Node, look: Look) -> Sequence[Range | None]:
    return [_range(node, look, 0)]


def _shape(node: Node, look: Look) -> Sequence[Range | None]:
    return [hull([_length(d) for d in _dims(node)] or [ZERO])]


def _position(node: Node, axis: int | None) -> Range:
    """Of an element along an axis, or along any where `axis` is None."""
    dims = _dims(node)
    if axis is None:
        longest = max((_length(d).high for d in dims), default=1)
    else:
        longest = _length(dims[axis]).high if -len(dims) <= axis < len(dims) else LONGEST
    return Range(0, max(longest - 1, 0))


def _axis(node: Node, default: int) -> int:
    axis = node.attribute("axis")
    return axis if isinstance(axis, int) else default


def _arg(node: Node, look: Look) -> Sequence[Range | None]:
    return [_position(node, _axis(node, 0))]


def _top_k(node: Node, look: Look) -> Sequence[Range | None]:
    return [_range(node, look, 0), _position(node, _axis(node, -1))]


def _non_zero(node: Node, look: Look) -> Sequence[Range | None]:
    return [_position(node, None)]


def _fill(node: Node, look: Look) -> Sequence[Range | None]:
    value = node.attribute("value")
    if value is None:
        return [ZERO]
    array = np.asarray(node.graph.context.read(value))  # type: ignore[arg-type]
    return [extremes(array)]


def _two(function: Callable[[Range, Range], Range], *, integers: bool = False) -> Transfer:
    """Of two operands; `integers` where the result for floats is no whole number."""

    def transfer(node: Node, look: Look) -> Sequence[Range | None]:
        a = _range(node, look, 0) if not (integers and _is_float(node)) else None
        b = _range(node, look, 1) if a is not None else None
        return [function(a, b) if a is not None and b is not None else None]

    return transfer


def _one(function: Callable[[Range], Range]) -> Transfer:
    def transfer(node: Node, look: Look) -> Sequence[Range | None]:
        a = _range(node, look, 0)
        return [function(a) if a is not None else None]

    return transfer


def _is_float(node: Node) -> bool:
    value = node.output()
    return value is None or value.dtype is None or value.dtype in FLOATS


def _folded(step: Callable[[Range, Range], Range]) -> Transfer:
    """Over all inputs, two at a time."""

    def transfer(node: Node, look: Look) -> Sequence[Range | None]:
        result = _range(node, look, 0)
        for index in range(1, len(node.inputs)):
            other = _range(node, look, index) if result is not None else None
            result = step(result, other) if result is not None and other is not None else None
        return [result]

    return transfer


def _clip(node: Node, look: Look) -> Sequence[Range | None]:
    """Max with the lower, then Min with the upper bound; without a bound it is the input's."""
    result = _range(node, look, 0)
    for index, step in ((1, greater), (2, lesser)):
        if result is not None and index < len(node.inputs) and node.inputs[index]:
            bound = _range(node, look, index)
            result = step(result, bound) if bound is not None else None
    older = node.info is not None and node.info.since < 11
    return [None if older else result]


def _sum(node: Node, look: Look) -> Sequence[Range | None]:
    """As many terms as the whole input has at most."""
    a, value = _range(node, look, 0), node.input(0)
    count = value.size if value is not None and value.size is not None else LONGEST
    return [total(a, count) if a is not None else None]


def _product(node: Node, look: Look) -> Sequence[Range | None]:
    """MatMul: sums of as many products as the last axis of the first operand is long."""
    a, size = _range(node, look, 0), _dims(node)[-1] if _dims(node) else None
    b = _range(node, look, 1) if a is not None else None
    if a is None or b is None or not isinstance(size, int):
        return [None]
    return [total(multiply(a, b), size)]


def _sequence(node: Node, look: Look) -> Sequence[Range | None]:
    """Range: from `start` towards `limit`, which is not reached."""
    start, limit, delta = (_range(node, look, i) for i in range(3))
    if start is None or limit is None or delta is None:
        return [None]
    return [hull([start, limit])]


def _branches(node: Node, look: Look) -> Sequence[Range | None]:
    """If: what either branch returns."""
    bodies = list(node.subgraphs.values())
    names = [[o.name for o in body.outputs] for body in bodies]
    if len(bodies) != 2 or len(names[0]) != len(names[1]):
        return []
    return [
        hull([look(body, name) for body, name in zip(bodies, pair, strict=True)])
        for pair in zip(*names, strict=True)
    ]


TRANSFERS: dict[str, Transfer] = dict.fromkeys((*_SELECTED, "Concat"), _moved) | {
    "Abs": _one(absolute),
    "Add": _two(add),
    "ArgMax": _arg,
    "ArgMin": _arg,
    "Cast": _cast,
    "Ceil": _same,
    "Clip": _clip,
    "ConstantOfShape": _fill,
    "CumSum": _sum,
    "Div": _two(divide, integers=True),
    "Floor": _same,
    "If": _branches,
    "MatMul": _product,
    "Max": _folded(greater),
    "Min": _folded(lesser),
    "Mod": _two(remainder, integers=True),
    "Mul": _two(multiply),
    "Neg": _one(negate),
    "NonZero": _non_zero,
    "Range": _sequence,
    "ReduceSum": _sum,
    "Relu": _one(relu),
    "Round": _same,
    "Shape": _shape,
    "Sign": _one(sign),
    "Sub": _two(subtract),
    "Sum": _folded(add),
    "TopK": _top_k,
}
"""By operator of the default domain, the intervals of its outputs; what is absent has no proof."""
