"""What a chip's compute type keeps of a tensor, as ONNX nodes that round it and give it back.

A half is a Cast there and back, which rounds to nearest, ties to even, and overflows to infinity.
An 8-bit integer is QuantizeLinear and DequantizeLinear. Those are onnxruntime's own, which it has
at every opset and with an axis.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from onnx import NodeProto, TensorProto, helper, numpy_helper

Array = npt.NDArray[Any]

KINDS = ("float16", "bfloat16", "int8")
"""Compute types that can be simulated."""

LARGEST = {"float16": 65504.0, "bfloat16": float(np.finfo(np.float32).max) * (1 - 2.0**-9)}
"""The largest finite number, of bfloat16 up to the last digits."""

OVERFLOWS = {"float16": 65520.0, "bfloat16": (2.0 - 2.0**-8) * 2.0**127}
"""The least magnitude that is rounded to infinity."""

VANISHES = {"float16": 2.0**-25, "bfloat16": 2.0**-134}
"""The greatest magnitude that is rounded to zero."""

FLOATS = {
    "float16": TensorProto.FLOAT16,
    "bfloat16": TensorProto.BFLOAT16,
    "float32": TensorProto.FLOAT,
    "float64": TensorProto.DOUBLE,
}

CONTRIB = "com.microsoft"


class Rounding(Protocol):
    """How tensors of one compute type are made."""

    initializers: list[TensorProto]
    """What the nodes read; for the main graph."""

    def computed(self, value: str, source: str, result: str, dtype: str) -> list[NodeProto]:
        """Nodes that round what is computed; none where it stays as it is.

        Args:
            value: The tensor's name in the model.
            source: The name under which it is computed.
            result: The name for the rounded tensor.
            dtype: Its element type.
        """

    def form(self, name: str, reader: NodeProto, index: int) -> str | None:
        """Which rounded form of constant `name` an input takes; None for the constant itself."""

    def constant(self, name: str, form: str, result: str, dtype: str) -> list[NodeProto]:
        """Nodes that make one of the forms."""


@dataclass
class AsIs:
    """Nothing is rounded: what a model is watched with before it is simulated."""

    initializers: list[TensorProto] = field(default_factory=list)

    def computed(self, value: str, source: str, result: str, dtype: str) -> list[NodeProto]:
        """The tensor itself."""
        return [helper.make_node("Identity", [source], [result])]

    def form(self, name: str, reader: NodeProto, index: int) -> str | None:
        """The constant itself."""
        return None

    def constant(self, name: str, form: str, result: str, dtype: str) -> list[NodeProto]:
        """The constant under another name."""
        return self.computed(name, name, result, dtype)


@dataclass
class Half:
    """float16 or bfloat16.

    Attributes:
        kind: Which.
    """

    kind: str
    initializers: list[TensorProto] = field(default_factory=list)

    def computed(self, value: str, source: str, result: str, dtype: str) -> list[NodeProto]:
        """There and back; a tensor that is a half already is only named."""
        if dtype == self.kind:
            return [helper.make_node("Identity", [source], [result])]
        narrow = f"{result}/{self.kind}"
        return [
            helper.make_node("Cast", [source], [narrow], to=FLOATS[self.kind]),
            helper.make_node("Cast", [narrow], [result], to=FLOATS[dtype]),
        ]

    def form(self, name: str, reader: NodeProto, index: int) -> str | None:
        """There is one form for all readers."""
        return self.kind

    def constant(self, name: str, form: str, result: str, dtype: str) -> list[NodeProto]:
        """There and back."""
        return self.computed(name, name, result, dtype)


@dataclass
class Int8:
    """8-bit integers: weights symmetric and by channel, all else asymmetric by tensor.

    Attributes:
        ranges: Least and greatest finite value of each computed tensor, zero among them.
        read: Gives the contents of constants by name; None for those that are not stored.
    """

    ranges: Mapping[str, tuple[float, float]]
    read: Mapping[str, Array]
    initializers: list[TensorProto] = field(default_factory=list)
    _done: set[str] = field(default_factory=set)

    def computed(self, value: str, source: str, result: str, dtype: str) -> list[NodeProto]:
        """To the 256 steps between the least and the greatest value seen."""
        if value not in self.ranges:
            return []
        scale, zero = asymmetric(*self.ranges[value])
        return self._steps(source, result, dtype, np.float32(scale), np.int8(zero), None)

    def form(self, name: str, reader: NodeProto, index: int) -> str | None:
        """By the channel of the reader; biases and what norms are given stay as they are."""
        if (reader.op_type, index) in _KEPT or name not in self.read:
            return None
        axis = _channel(reader, index, self.read[name].ndim)
        return "int8" if axis is None else f"int8.{axis}"

    def constant(self, name: str, form: str, result: str, dtype: str) -> list[NodeProto]:
        """To 127 steps on each side of zero."""
        array = np.asarray(self.read[name]).astype(np.float32)
        axis = int(form.partition(".")[2]) if "." in form else None
        scale = symmetric(array, axis)
        return self._steps(name, result, dtype, scale, np.zeros(scale.shape, np.int8), axis)

    def _steps(
        self, source: str, result: str, dtype: str, scale: Any, zero: Any, axis: int | None
    ) -> list[NodeProto]:
        names = f"{result}/scale", f"{result}/zero"
        if result not in self._done:
            self._done.add(result)
            self.initializers += [
                numpy_helper.from_array(np.asarray(value), name)
                for name, value in zip(names, (scale, zero), strict=True)
            ]
        along: dict[str, Any] = {} if axis is None else {"axis": axis}
        wide = source if dtype == "float32" else f"{result}/float32"
        back = result if dtype == "float32" else f"{result}/steps"
        nodes = [
            helper.make_node("QuantizeLinear", [wide, *names], [f"{result}/int8"], domain=CONTRIB,
                             **along),
            helper.make_node("DequantizeLinear", [f"{result}/int8", *names], [back],
                             domain=CONTRIB, **along),
        ]  # fmt: skip
        if dtype != "float32":
            nodes.insert(0, helper.make_node("Cast", [source], [wide], to=FLOATS["float32"]))
            nodes.append(helper.make_node("Cast", [back], [result], to=FLOATS[dtype]))
        return nodes


def asymmetric(low: float, high: float) -> tuple[float, int]:
    """Scale and zero point of 256 steps from `low` to `high`, of which zero is one."""
    low, high = min(low, 0.0), max(high, 0.0)
    scale = float(np.float32((high - low) / 255.0))
    if not scale or not np.isfinite(scale):
        return 1.0, 0
    return scale, int(np.clip(np.rint(-128.0 - low / scale), -128, 127))


def symmetric(array: Array, axis: int | None) -> npt.NDArray[np.float32]:
    """Scales of 127 steps on each side of zero, one for each index of `axis` or one for all."""
    finite = np.where(np.isfinite(array), np.abs(array), 0)
    others = None if axis is None else tuple(i for i in range(array.ndim) if i != axis)
    largest = np.asarray(finite.max(axis=others, initial=0.0), np.float64)
    scale = (largest / 127.0).astype(np.float32)
    return np.where(scale > 0, scale, np.float32(1.0)).astype(np.float32)


_KEPT = {
    ("Conv", 2), ("ConvTranspose", 2), ("Gemm", 2),
    *(("BatchNormalization", i) for i in range(1, 5)),
    *((norm, i) for norm in ("LayerNormalization", "InstanceNormalization", "GroupNormalization")
      for i in (1, 2)),
    ("RMSNormalization", 1),
}  # fmt: skip
"""Biases, which chips add as 32-bit integers, and parameters of norms, which are folded."""


def _channel(reader: NodeProto, index: int, rank: int) -> int | None:
    """The axis of a weight along which each index has a scale of its own."""
    if rank < 2:
        return None
    if reader.op_type == "Conv":
        return 0 if index == 1 else None
    if reader.op_type == "MatMul":
        return rank - 1 if index == 1 else rank - 2
    if reader.op_type == "Gemm":
        name = "transB" if index == 1 else "transA"
        turned = any(a.name == name and a.i for a in reader.attribute)
        return (0 if turned else 1) if index == 1 else (1 if turned else 0)
    if reader.op_type == "ConvTranspose":
        grouped = any(a.name == "group" and a.i > 1 for a in reader.attribute)
        return 1 if index == 1 and not grouped else None
    return None
