"""What a model does with an input, and so which values make it compute something.

An input is followed through casts, rearrangements, and sums and products with constants, to the
operators that ask something of it. Only the structure of the graph is needed, never the weights.
"""

import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
import onnx
from onnx import NodeProto

from porting.proof.constants import Constants, attribute
from porting.proof.shapes import declared_dims, evaluate, graphs

_REARRANGES = (
    "Identity", "Cast", "CastLike", "Reshape", "Squeeze", "Unsqueeze", "Transpose", "Flatten",
    "Expand", "Slice", "Split", "Tile", "Gather", "GatherElements", "GatherND",
)  # fmt: skip
_KEEPS_VALUES: dict[str, frozenset[int]] = {
    # operator -> inputs whose values come out as they went in
    **dict.fromkeys(_REARRANGES, frozenset({0})),
    "Concat": frozenset(range(1000)),
    "Where": frozenset({1, 2}),
}
_SIZE_INPUTS = {
    ("Slice", 1), ("Slice", 2), ("Slice", 4), ("Range", 0), ("Range", 1), ("Range", 2),
    ("TopK", 1), ("ConstantOfShape", 0), ("Expand", 1), ("Tile", 1), ("Resize", 3),
    ("NonMaxSuppression", 2), ("Reshape", 1), ("Trilu", 1), ("Div", 1), ("Mod", 1),
    ("BlackmanWindow", 0), ("HannWindow", 0), ("HammingWindow", 0), ("Loop", 0), ("OneHot", 1),
}  # fmt: skip
_TABLES: dict[tuple[str, int], tuple[int, str | int]] = {
    # operator and index input -> input that is indexed, and its axis or the axis' attribute
    ("Gather", 1): (0, "axis"), ("GatherElements", 1): (0, "axis"),
    ("ScatterElements", 1): (0, "axis"), ("Scatter", 1): (0, "axis"),
    ("ArrayFeatureExtractor", 1): (0, -1), ("RoiAlign", 2): (0, 0),
    ("NegativeLogLikelihoodLoss", 1): (0, 1), ("SoftmaxCrossEntropyLoss", 1): (0, 1),
    ("RotaryEmbedding", 3): (1, 0), ("com.microsoft::RotaryEmbedding", 1): (2, 0),
    ("com.microsoft::EmbedLayerNormalization", 0): (2, 0),
    ("com.microsoft::EmbedLayerNormalization", 1): (4, 0),
    ("com.microsoft::EmbedLayerNormalization", 8): (3, 0),
    ("com.microsoft::GatherBlockQuantized", 1): (0, "gather_axis"),
}  # fmt: skip
_COMPARES = frozenset({"Less", "LessOrEqual", "Greater", "GreaterOrEqual"})
_SPANS: dict[tuple[str, int], tuple[float, float]] = {
    # operator and input -> floats that it is meant for
    ("Log", 0): (0.001, 1.0), ("Bernoulli", 0): (0.0, 1.0),
    ("Sqrt", 0): (0.01, 4.0), ("Reciprocal", 0): (0.25, 2.0), ("Div", 1): (0.25, 2.0),
    ("Asin", 0): (-0.99, 0.99), ("Acos", 0): (-0.99, 0.99), ("Atanh", 0): (-0.99, 0.99),
    ("Acosh", 0): (1.0, 3.0), ("Dropout", 1): (0.0, 0.9),
    ("NonMaxSuppression", 3): (0.0, 1.0), ("NonMaxSuppression", 4): (0.0, 1.0),
}  # fmt: skip
_LARGE = 1e3
"""A factor from which on what it multiplies is a mask of attention, not a number."""
_DEEPEST = 64


@dataclass
class Domain:
    """What consumers ask of an input's values."""

    low: int = 0
    limit: int | None = None
    """Values are indices from `low`, below `limit`."""
    longest: int | None = None
    """Values are lengths, from 1 up to it."""
    choices: set[int] = field(default_factory=set)
    """Constants that the values are compared with."""
    thresholds: set[float] = field(default_factory=set)
    """Constants that the values are more or less than."""
    span: tuple[float, float] | None = None
    """Values are numbers between the two."""
    mask: bool = False
    size: bool = False
    """Values are sizes, ends, counts or divisors: positive."""
    scaled: bool = False
    """Values are divided by something like 255, or a mean as large is taken away."""


@dataclass(frozen=True)
class _Trace:
    """A value that is `factor * input + offset`, where `offset` lies between two numbers."""

    name: str
    is_float: bool
    factor: float = 1.0
    least: float = 0.0
    most: float = 0.0

    @property
    def plain(self) -> bool:
        return (self.factor, self.least, self.most) == (1.0, 0.0, 0.0)

    def source(self, low: float, high: float) -> tuple[float, float]:
        """Inputs for which the value is between the two whatever the offset."""
        ends = ((low - self.least) / self.factor, (high - self.most) / self.factor)
        return min(ends), max(ends)


class Facts:
    """Who consumes what, and the constants and shapes around it, over all subgraphs.

    Names in two branches of one If may coincide; the union of their consumers is then taken,
    which can only make an input's values tamer.

    Args:
        model: Structure of the graph; weights may be absent.
        inputs: Input name to shape.
        bound: Symbolic dimension name to size.
    """

    def __init__(
        self,
        model: onnx.ModelProto,
        inputs: Mapping[str, tuple[int, ...]],
        bound: Mapping[str, int],
    ) -> None:
        self._model = model
        self._inputs = inputs
        self._bound = bound
        self._constants = Constants(model)
        self._consumers: dict[str, list[tuple[NodeProto, int]]] = {}
        self._shapes: dict[str, tuple[int | None, ...]] | None = None
        self._domains: dict[tuple[str, int, bool], Domain] = {}
        for graph in graphs(model.graph):
            for node in graph.node:
                for index, name in enumerate(node.input):
                    self._consumers.setdefault(name, []).append((node, index))

    def domain(self, name: str, rank: int, is_float: bool = False) -> Domain:
        """What the consumers of input `name`, of that rank, ask of its values."""
        if (name, rank, is_float) not in self._domains:
            self._domains[name, rank, is_float] = self._find(name, rank, is_float)
        return self._domains[name, rank, is_float]

    def _find(self, name: str, rank: int, is_float: bool) -> Domain:
        domain = Domain()
        todo, later, seen = [_Trace(name, is_float)], list[_Trace](), {name}
        while todo or later:
            trace = todo.pop() if todo else later.pop(0)
            for node, index in self._consumers.get(trace.name, ()):
                becomes_float = trace.is_float and not is_float
                if becomes_float and rank >= 2 and node.op_type in ("Mul", "Sub"):
                    domain.mask = True
                self._ask(domain, node, index, trace, is_float)
                for following in self._follow(node, index, trace):
                    if following.name in seen:
                        continue
                    seen.add(following.name)
                    if abs(following.factor) >= _LARGE and rank >= 2:
                        domain.mask = True
                    offset = max(abs(following.least), abs(following.most))
                    if is_float and (0 < following.factor <= 0.02 or 16 <= offset < _LARGE):
                        domain.scaled = True
                    # What comes as it is says more than what arithmetic made of it.
                    (todo if following.plain else later).append(following)
                if _cast_name(node) == "bool" and index == 0:
                    domain.mask = True
        return domain

    def _follow(self, node: NodeProto, index: int, trace: _Trace) -> list[_Trace]:
        """The node's outputs as functions of the input, where they are simple ones."""
        becomes = _cast_name(node)
        is_float = trace.is_float or becomes.startswith(("float", "bfloat"))
        factor, least, most = trace.factor, trace.least, trace.most
        if index not in _KEEPS_VALUES.get(node.op_type, ()):
            changed = self._arithmetic(node, index, trace)
            if changed is None:
                return []
            factor, least, most = changed
        return [_Trace(output, is_float, factor, least, most) for output in node.output if output]

    def _arithmetic(
        self, node: NodeProto, index: int, trace: _Trace
    ) -> tuple[float, float, float] | None:
        factor, least, most = trace.factor, trace.least, trace.most
        if node.op_type == "Neg":
            return -factor, -most, -least
        if node.op_type not in ("Add", "Sub", "Mul", "Div") or len(node.input) != 2:
            return None
        found = self._constants.value(node.input[1 - index])
        if found is None or found.size == 0 or found.dtype.kind not in "iuf":
            return None
        low, high = float(found.min()), float(found.max())
        if not math.isfinite(low) or not math.isfinite(high):
            return None
        if node.op_type == "Add":
            return factor, least + low, most + high
        if node.op_type == "Sub":
            if index == 0:
                return factor, least - high, most - low
            return -factor, low - most, high - least
        if low != high or low == 0 or (node.op_type == "Div" and index == 1):
            return None
        by = low if node.op_type == "Mul" else 1 / low
        ends = sorted((least * by, most * by))
        return factor * by, ends[0], ends[1]

    def _ask(
        self, domain: Domain, node: NodeProto, index: int, trace: _Trace, is_float: bool
    ) -> None:
        op_type = f"{node.domain}::{node.op_type}" if node.domain else node.op_type
        kind = (op_type, index)
        limit = self._limit(node, kind)
        if limit is not None:
            low, high = trace.source(0, limit - 1)
            top = math.floor(high + 1e-9) + 1
            domain.limit = top if domain.limit is None else min(domain.limit, top)
            domain.low = max(domain.low, math.ceil(low - 1e-9))
        elif op_type == "Equal":
            self._compared(domain, node.input[1 - index], trace)
        elif op_type in _COMPARES:
            self._bounded(domain, node.input[1 - index], trace)
        elif kind in {("RNN", 4), ("GRU", 4), ("LSTM", 4), ("ReverseSequence", 1)}:
            axis = attribute(node, "time_axis", 0) or attribute(node, "layout", 0)
            longest = self._size(node.input[0], axis)
            domain.longest = min(longest, domain.longest or longest)
        elif is_float and (kind in _SPANS or self._is_root(node, index)):
            low, high = trace.source(*_SPANS.get(kind, (0.01, 4.0)))
            if domain.span is not None:
                low, high = max(low, domain.span[0]), min(high, domain.span[1])
            if low < high:
                domain.span = low, high
        elif kind in _SIZE_INPUTS:
            domain.size = True

    def _limit(self, node: NodeProto, kind: tuple[str, int]) -> int | None:
        """How many entries the table has that the node's input indexes; None if it is no index."""
        if kind in _TABLES:
            table, axis = _TABLES[kind]
            at = attribute(node, axis, 0) if isinstance(axis, str) else axis
            return self._size(node.input[table], at) if table < len(node.input) else None
        if kind in {("GatherND", 1), ("ScatterND", 1)}:
            return self._table_size(node)
        if kind == ("OneHot", 0):
            depth = self._constants.value(node.input[1])
            return int(depth.flat[0]) if depth is not None and depth.size else 1
        return None

    def _is_root(self, node: NodeProto, index: int) -> bool:
        if node.op_type != "Pow" or index != 0:
            return False
        exponent = self._constants.value(node.input[1])
        return exponent is not None and bool((exponent != np.rint(exponent)).any())

    def _compared(self, domain: Domain, other: str, trace: _Trace) -> None:
        found = self._constants.value(other)
        if found is not None and found.dtype.kind in "iuf" and trace.plain:
            domain.choices |= {int(v) for v in np.unique(found)[:4096] if v == int(v)}

    def _bounded(self, domain: Domain, other: str, trace: _Trace) -> None:
        """A comparison with a Range is one of lengths, with a constant one that goes both ways."""
        counted = self._counted(other)
        if counted is not None and trace.plain:
            domain.longest = min(counted, domain.longest or counted)
            return
        found = self._constants.value(other)
        if found is not None and found.size and found.dtype.kind in "iuf":
            ends = trace.source(float(found.min()), float(found.max()))
            domain.thresholds |= {end for end in ends if math.isfinite(end) and abs(end) < 1e6}

    def _counted(self, name: str) -> int | None:
        """How far a value counts that comes from a Range from 0 in steps of 1."""
        for _ in range(_DEEPEST):
            node = self._constants.maker(name)
            if node is None or (0 not in _KEEPS_VALUES.get(node.op_type, ())):
                break
            name = node.input[0]
        if node is None or node.op_type != "Range":
            return None
        ends = [self._constants.value(each) for each in (node.input[0], node.input[2])]
        if [None if end is None or end.size != 1 else end.item() for end in ends] != [0, 1]:
            return None
        return self._extent(node.input[1])

    def _extent(self, name: str) -> int | None:
        """A number that is constant or a dimension of a value, if it is positive."""
        found = self._constants.value(name)
        if found is not None and found.size == 1:
            return int(found.item()) if found.item() > 0 else None
        for _ in range(_DEEPEST):
            node = self._constants.maker(name)
            if node is None:
                return None
            maker = self._constants.maker(node.input[0]) if node.input else None
            if node.op_type == "Gather" and maker is not None and maker.op_type == "Shape":
                axis = self._constants.value(node.input[1])
                if axis is None or axis.size != 1:
                    return None
                size = self._size(maker.input[0], int(axis.item()))
                return size if size > 1 else None
            if node.op_type not in ("Squeeze", "Unsqueeze", "Reshape", "Cast", "Identity"):
                return None
            name = node.input[0]
        return None

    def _table_size(self, node: NodeProto) -> int:
        """Smallest dimension that the indices of a GatherND or ScatterND may index."""
        axis = attribute(node, "batch_dims", 0)
        indices, known = self._shape(node.input[1]), self._shape(node.input[0])
        depth = indices[-1] if indices else None
        if known is None or depth is None:
            return 1
        return min((size or 1 for size in known[axis : axis + depth]), default=1)

    def _size(self, name: str, axis: int) -> int:
        shape = self._shape(name)
        if shape is None or not -len(shape) <= axis < len(shape):
            return 1
        return shape[axis] or 1

    def _shape(self, name: str) -> tuple[int | None, ...] | None:
        known = self._constants.shape(name)
        if known is not None:
            return known
        if self._shapes is None:
            self._shapes = self._infer()
        return self._shapes.get(name)

    def _infer(self) -> dict[str, tuple[int | None, ...]]:
        inferred = onnx.ModelProto()
        inferred.CopyFrom(self._model)
        for value in inferred.graph.input:
            if value.name in self._inputs:
                shape = value.type.tensor_type.shape
                shape.Clear()
                for size in self._inputs[value.name]:
                    shape.dim.add().dim_value = size
        with suppress(Exception):  # what it cannot infer is merely not known
            inferred = onnx.shape_inference.infer_shapes(inferred, data_prop=True)
        shapes = {}
        for graph in graphs(inferred.graph):
            for value in (*graph.input, *graph.value_info, *graph.output):
                dims = declared_dims(value)
                if dims is not None:
                    shapes[value.name] = tuple(
                        evaluate(dim, self._bound) if isinstance(dim, str) else dim for dim in dims
                    )
        return shapes


def _cast_name(node: NodeProto) -> str:
    """Name of the type that a Cast casts to; empty for other operators."""
    if node.op_type != "Cast":
        return ""
    number = attribute(node, "to", 0)
    return onnx.helper.tensor_dtype_to_np_dtype(number).name if number else ""
