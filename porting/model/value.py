"""What is known of one tensor: its type, its dimensions, perhaps its contents."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy.typing as npt
from onnx import TensorProto, TypeProto, helper

from porting.model.dtypes import NAME_OF, NUMBER_OF

Dim: TypeAlias = int | str | None
"""A dimension: its size, its symbolic name, or None where nothing is known."""
Shape: TypeAlias = tuple[Dim, ...]
Array: TypeAlias = npt.NDArray[Any]

SMALL = 4096
"""Elements up to which a constant's contents are read and folded."""


@dataclass(slots=True, eq=False)
class Value:
    """What is known of one tensor.

    Attributes:
        name: Its name in the graph.
        dtype: Element type such as `float32`; None if not known.
        shape: Dimensions; None if not even the rank is known.
        is_const: Whether it is the same in every run: an initializer, a Constant, or folded.
        kind: `tensor`, `sequence`, `optional`, `map` or `sparse_tensor`.
        tensor: The initializer that holds the contents, which may lie in a file.
        contents: The contents, where they are known already.
    """

    name: str
    dtype: str | None = None
    shape: Shape | None = None
    is_const: bool = False
    kind: str = "tensor"
    tensor: TensorProto | None = None
    contents: Array | None = None
    read: Callable[[TensorProto], Array] | None = None
    type_proto: TypeProto | None = None

    @property
    def rank(self) -> int | None:
        """Number of dimensions; None if not known."""
        return None if self.shape is None else len(self.shape)

    @property
    def is_static(self) -> bool:
        """Whether every dimension is a number."""
        return self.shape is not None and all(isinstance(d, int) for d in self.shape)

    @property
    def size(self) -> int | None:
        """Number of elements; None if a dimension is not known."""
        if self.shape is None:
            return None
        total = 1
        for dim in self.shape:
            if not isinstance(dim, int):
                return None
            total *= dim
        return total

    def value(self, limit: int = SMALL) -> Array | None:
        """The contents of a constant of at most `limit` elements; None if there are none."""
        if self.contents is not None:
            return self.contents if self.contents.size <= limit else None
        if self.tensor is None or self.read is None or (self.size or 0) > limit:
            return None
        self.contents = self.read(self.tensor)
        return self.contents

    def to_type(self) -> TypeProto | None:
        """The ONNX type; None if the element type is not known."""
        if self.kind != "tensor":
            return self.type_proto
        if self.dtype is None:
            return None
        return helper.make_tensor_type_proto(NUMBER_OF[self.dtype], self.shape)

    def set_type(self, proto: TypeProto) -> None:
        """Takes over what an ONNX type says."""
        self.type_proto = proto
        kind = proto.WhichOneof("value")
        if kind in {"tensor_type", "sparse_tensor_type"}:
            self.kind = "tensor" if kind == "tensor_type" else "sparse_tensor"
            tensor = proto.tensor_type if kind == "tensor_type" else proto.sparse_tensor_type
            self.dtype = NAME_OF.get(tensor.elem_type, self.dtype)
            if tensor.HasField("shape"):
                self.shape = tuple(_dim(d) for d in tensor.shape.dim)
        elif kind is not None:
            self.kind = kind.removesuffix("_type")

    def named(self, name: str) -> "Value":
        """The same under another name; contents that were not read yet stay behind."""
        return Value(
            name,
            self.dtype,
            self.shape,
            self.is_const,
            self.kind,
            None,
            self.contents,
            None,
            self.type_proto,
        )


def typed(proto: TypeProto) -> Value:
    """A value of a type, without a name."""
    value = Value("")
    value.set_type(proto)
    return value


def _dim(dim: object) -> Dim:
    """A negative size is an exporter's way to write an unknown one."""
    size: int | None = dim.dim_value if dim.HasField("dim_value") else None  # type: ignore[attr-defined]
    if size is not None:
        return size if size >= 0 else None
    return dim.dim_param or None  # type: ignore[attr-defined]


def merge(value: Value, other: Value) -> None:
    """Takes from `other` what `value` lacks. Where both know a dimension, `value` wins."""
    value.dtype = value.dtype or other.dtype
    if value.type_proto is None and other.kind != "tensor":
        value.type_proto, value.kind = other.type_proto, other.kind
    if value.shape is None:
        value.shape = other.shape
    elif other.shape is not None and len(other.shape) == len(value.shape):
        value.shape = tuple(map(_better_dim, value.shape, other.shape))


def _better_dim(mine: Dim, theirs: Dim) -> Dim:
    if isinstance(mine, int):
        return mine
    return theirs if isinstance(theirs, int) else mine or theirs


def constant(name: str, array: Array) -> Value:
    """A value whose contents are `array`."""
    dtype = NAME_OF[helper.np_dtype_to_tensor_dtype(array.dtype)]
    return Value(name, dtype, tuple(array.shape), is_const=True, contents=array)
