"""What operators ask of the values that they read, and the domain that follows for an input."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import ml_dtypes
import numpy as np
from onnx import NodeProto, TensorProto, helper

from porting.proof.constants import Constants, attribute
from porting.proof.exchange import Array

_REARRANGES = (
    "Identity", "Cast", "CastLike", "Reshape", "Squeeze", "Unsqueeze", "Transpose", "Flatten",
    "Expand", "Slice", "Split", "Tile", "Gather", "GatherElements", "GatherND",
)  # fmt: skip
KEEPS_VALUES: dict[str, frozenset[int]] = {
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
_POSITIVE = (0.01, 4.0)
_BOXES = (0.05, 1.0)
"""Centres and sizes of boxes: a negative size is no box."""
_SPECIAL: dict[str, set[float]] = {"IsInf": {math.inf, -math.inf}, "IsNaN": {math.nan}}
_BEYOND = 0.125
"""Share of a quantizer's span that is added at each of its ends."""
_FAR = 1e6
"""From this magnitude on a constant stands for infinity."""
_TIMES = 5
"""Divisors that a dividend is long at most."""
_MOST_NEAR = 1 << 16
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
    near: list[Array] = field(default_factory=list)
    """Constants that the values are held against, element by element where the shapes allow it."""
    special: set[float] = field(default_factory=set)
    """Infinities and NaN that an operator looks for."""
    distinct: int | None = None
    """Axis along which no index may come twice, since it would be written twice."""
    tuples: int = 0
    """Likewise: the last axis holds this many indices of one place."""


@dataclass(frozen=True)
class Trace:
    """A value that is `factor * input + offset`, where `offset` lies between two numbers."""

    name: str
    is_float: bool
    factor: float = 1.0
    least: float = 0.0
    most: float = 0.0

    @property
    def plain(self) -> bool:
        """Whether the value is the input itself."""
        return (self.factor, self.least, self.most) == (1.0, 0.0, 0.0)

    def source(self, low: float, high: float) -> tuple[float, float]:
        """Inputs for which the value is between the two whatever the offset."""
        ends = ((low - self.least) / self.factor, (high - self.most) / self.factor)
        return min(ends), max(ends)


@dataclass(frozen=True)
class Asks:
    """Reads the consumers of an input.

    Args:
        constants: Of the graph.
        shape: Shape of a value by name; None if it is not known.
    """

    constants: Constants
    shape: Callable[[str], tuple[int | None, ...] | None]

    def ask(
        self, domain: Domain, node: NodeProto, index: int, trace: Trace, is_float: bool
    ) -> None:
        """Adds to the domain what the node asks of its input of that number.

        Args:
            domain: Of the graph's input, changed in place.
            node: The consumer.
            index: Which of its inputs is read.
            trace: How what is read follows from the graph's input.
            is_float: Whether the graph's input is of a float type.
        """
        op_type = f"{node.domain}::{node.op_type}" if node.domain else node.op_type
        kind = (op_type, index)
        limit = self._limit(node, kind)
        if limit is not None:
            low, high = trace.source(0, limit - 1)
            top = math.floor(high + 1e-9) + 1
            domain.limit = top if domain.limit is None else min(domain.limit, top)
            domain.low = max(domain.low, math.ceil(low - 1e-9))
            self._written(domain, node, trace)
        elif op_type == "Equal":
            self._compared(domain, node.input[1 - index], trace)
        elif op_type in _COMPARES:
            self._bounded(domain, node.input[1 - index], trace)
        elif kind in {("RNN", 4), ("GRU", 4), ("LSTM", 4), ("ReverseSequence", 1)}:
            axis = attribute(node, "time_axis", 0) or attribute(node, "layout", 0)
            longest = self._size(node.input[0], axis)
            domain.longest = min(longest, domain.longest or longest)
        elif op_type in _SPECIAL:
            domain.special |= _SPECIAL[op_type]
        elif op_type in ("Max", "Min", "Mod"):
            self._held_against(domain, node, index, trace)
            domain.size |= kind in _SIZE_INPUTS
        elif is_float and (ends := self._span(node, index, kind)) is not None:
            low, high = trace.source(*ends)
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
            depth = self.constants.value(node.input[1])
            return int(depth.flat[0]) if depth is not None and depth.size else 1
        return None

    def _written(self, domain: Domain, node: NodeProto, trace: Trace) -> None:
        """What is written twice depends on the order, which is not defined."""
        if not trace.plain:
            return
        if node.op_type in ("ScatterElements", "Scatter"):
            domain.distinct = attribute(node, "axis", 0)
        elif node.op_type == "ScatterND":
            indices = self.shape(node.input[1])
            domain.tuples = indices[-1] or 0 if indices else 0

    def _held_against(self, domain: Domain, node: NodeProto, index: int, trace: Trace) -> None:
        for other in (name for i, name in enumerate(node.input) if i != index):
            found = self.constants.value(other)
            if found is None or not trace.plain:
                continue
            if node.op_type != "Mod":
                self._near(domain, found)
            elif index == 0:  # multiples leave no rest
                for times in (-2, -1, 1, 2):
                    self._near(domain, np.multiply(found, times))
                if found.dtype.kind == "f" and found.size:
                    # Not halves: 21 is ten times 2.1 or not as the quotient is rounded.
                    far = _TIMES * float(np.abs(found).max())
                    domain.span = domain.span or (-far, far)

    @staticmethod
    def _near(domain: Domain, found: Array) -> None:
        usual = found.dtype.kind in "iuf" and 0 < found.size <= _MOST_NEAR
        if usual and bool((np.abs(found.astype(np.float64)) < _FAR).all()):
            domain.near.append(found)

    def _span(
        self, node: NodeProto, index: int, kind: tuple[str, int]
    ) -> tuple[float, float] | None:
        """Floats between which the node's input is meant to lie; None where all will do."""
        if self._is_root(node, index):
            return _POSITIVE
        if kind == ("NonMaxSuppression", 0) and attribute(node, "center_point_box", 0):
            return _BOXES
        if kind == ("QuantizeLinear", 0):
            return self._quantized(node)
        return _SPANS.get(kind)

    def _quantized(self, node: NodeProto) -> tuple[float, float] | None:
        """What the integers can hold, and a part more, so that saturation is tried."""
        scale = self.constants.value(node.input[1])
        if len(node.input) > 2:
            zero = self.constants.value(node.input[2])
        else:
            number = attribute(node, "output_dtype", 0) or TensorProto.UINT8
            zero = np.zeros((), helper.tensor_dtype_to_np_dtype(number))
        if (
            scale is None
            or zero is None
            or not (scale.size and zero.size)
            or "int" not in zero.dtype.name
        ):
            return None
        limits = integer_limits(zero.dtype)
        largest = float(np.abs(scale.astype(np.float64)).max())
        zeros = zero.astype(np.float64)
        low, high = limits[0] - zeros.max(), limits[1] - zeros.min()
        more = _BEYOND * (high - low)
        ends = (low - more) * largest, (high + more) * largest
        return ends if math.isfinite(ends[1] - ends[0]) else None

    def _is_root(self, node: NodeProto, index: int) -> bool:
        if node.op_type != "Pow" or index != 0:
            return False
        exponent = self.constants.value(node.input[1])
        return exponent is not None and bool((exponent != np.rint(exponent)).any())

    def _compared(self, domain: Domain, other: str, trace: Trace) -> None:
        found = self.constants.value(other)
        if found is not None and found.dtype.kind in "iuf" and trace.plain:
            domain.choices |= {int(v) for v in np.unique(found)[:4096] if v == int(v)}
            self._near(domain, found)

    def _bounded(self, domain: Domain, other: str, trace: Trace) -> None:
        """A comparison with a Range is one of lengths, with a constant one that goes both ways."""
        counted = self._counted(other)
        if counted is not None and trace.plain:
            domain.longest = min(counted, domain.longest or counted)
            return
        found = self.constants.value(other)
        if found is not None and found.size and found.dtype.kind in "iuf":
            ends = trace.source(float(found.min()), float(found.max()))
            domain.thresholds |= {end for end in ends if math.isfinite(end) and abs(end) < _FAR}
            if trace.plain:
                self._near(domain, found)

    def _counted(self, name: str) -> int | None:
        """How far a value counts that comes from a Range from 0 in steps of 1."""
        for _ in range(_DEEPEST):
            node = self.constants.maker(name)
            if node is None or (0 not in KEEPS_VALUES.get(node.op_type, ())):
                break
            name = node.input[0]
        if node is None or node.op_type != "Range":
            return None
        ends = [self.constants.value(each) for each in (node.input[0], node.input[2])]
        if [None if end is None or end.size != 1 else end.item() for end in ends] != [0, 1]:
            return None
        return self._extent(node.input[1])

    def _extent(self, name: str) -> int | None:
        """A number that is constant or a dimension of a value, if it is positive."""
        found = self.constants.value(name)
        if found is not None and found.size == 1:
            return int(found.item()) if found.item() > 0 else None
        for _ in range(_DEEPEST):
            node = self.constants.maker(name)
            if node is None:
                return None
            maker = self.constants.maker(node.input[0]) if node.input else None
            if node.op_type == "Gather" and maker is not None and maker.op_type == "Shape":
                axis = self.constants.value(node.input[1])
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
        indices, known = self.shape(node.input[1]), self.shape(node.input[0])
        depth = indices[-1] if indices else None
        if known is None or depth is None:
            return 1
        return min((size or 1 for size in known[axis : axis + depth]), default=1)

    def _size(self, name: str, axis: int) -> int:
        """Of that axis of a value; 1 if it is not known."""
        shape = self.shape(name)
        if shape is None or not -len(shape) <= axis < len(shape):
            return 1
        return shape[axis] or 1


def integer_limits(dtype: np.dtype[Any]) -> tuple[int, int]:
    """The lowest and the highest number of an integer type, those of 4 bits included."""
    limits: Any = ml_dtypes.iinfo(dtype)  # type: ignore[no-untyped-call]
    return int(limits.min), int(limits.max)
