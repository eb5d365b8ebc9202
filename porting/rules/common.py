"""What rules read from nodes again and again, typed, and declining where it is not there."""

import math
from collections.abc import Sequence

import numpy as np

from porting.legalize.ops import Ops
from porting.legalize.rule import decline, known_dtype, known_rank, require
from porting.model.dtypes import FLOATS, INTEGERS
from porting.model.graph import Node
from porting.model.value import Array, Dim, Shape, Value

HALVES = frozenset({"float16", "bfloat16"})
"""Types in which sums of squares overflow or lose their digits."""


def integer(node: Node, name: str, default: int | None = None) -> int:
    """An integer attribute; declines where neither the node nor ONNX gives one."""
    value = node.attribute(name)
    value = default if value is None else value
    if not isinstance(value, int):
        decline(f"attribute {name} is missing")
    return value


def number(node: Node, name: str, default: float | None = None) -> float:
    """A float attribute; declines where neither the node nor ONNX gives one."""
    value = node.attribute(name)
    value = default if value is None else value
    if not isinstance(value, int | float):
        decline(f"attribute {name} is missing")
    return float(value)


def text(node: Node, name: str, default: str = "") -> str:
    """A string attribute."""
    value = node.attribute(name)
    return value if isinstance(value, str) else default


def integers(node: Node, name: str) -> tuple[int, ...] | None:
    """A list of integers; None where there is none."""
    value = node.attribute(name)
    return tuple(int(v) for v in value) if isinstance(value, tuple) else None


def numbers(node: Node, name: str) -> tuple[float, ...] | None:
    """A list of floats; None where there is none."""
    value = node.attribute(name)
    return tuple(float(v) for v in value) if isinstance(value, tuple) else None


def optional_input(node: Node, index: int) -> str | None:
    """The name of an input; None where the node leaves it out."""
    name = node.inputs[index] if index < len(node.inputs) else ""
    return name or None


def wants(node: Node, index: int) -> bool:
    """Whether the node's output at this position is produced."""
    return index < len(node.outputs) and bool(node.outputs[index])


def float_input(node: Node, index: int = 0) -> str:
    """The element type of an input; declines unless it is floating point."""
    dtype = known_dtype(node.input(index), f"input {index}")
    require(dtype in FLOATS, f"it is for floating point, the input is {dtype}")
    return dtype


def integer_input(node: Node, index: int = 0) -> str:
    """The element type of an input; declines unless it is of integers."""
    dtype = known_dtype(node.input(index), f"input {index}")
    require(dtype in INTEGERS, f"it is for integers, the input is {dtype}")
    return dtype


def axis_in(axis: int, rank: int) -> int:
    """A possibly negative axis, counted from the front; declines outside the rank."""
    require(-rank <= axis < rank, f"axis {axis} is outside rank {rank}")
    return axis % rank


def axes_in(axes: Sequence[int], rank: int) -> list[int]:
    """Axes counted from the front, in ascending order."""
    return sorted({axis_in(a, rank) for a in axes})


def widened(dtype: str) -> str:
    """The type in which statistics are computed: half precision goes to float32."""
    return "float32" if dtype in HALVES else dtype


def limit_of(dtype: str) -> float:
    """The largest finite number of a floating-point type."""
    if dtype == "bfloat16":
        return float(np.uint32(0x7F7F0000).view(np.float32))
    return float(np.finfo(np.dtype(dtype)).max)


def spatial_rank(node: Node) -> int:
    """How many axes the first input has after batch and channels."""
    spatial = known_rank(node.input(0), "the input") - 2
    require(spatial >= 1, "the input has no spatial axes")
    return spatial


def spatial_shape(value: Value | None, what: str = "the input") -> list[int]:
    """The dimensions after batch and channels, all known; declines otherwise."""
    known_rank(value, what)
    assert value is not None
    assert value.shape is not None
    sizes = [d for d in value.shape[2:] if isinstance(d, int)]
    if len(sizes) != len(value.shape) - 2:
        decline(f"the spatial shape of {what} is not static; give it with --shape or --dim")
    return sizes


def shape_of(value: Value | None, what: str = "the input") -> Shape:
    """The dimensions, known or not; declines where the rank is not known."""
    known_rank(value, what)
    assert value is not None
    assert value.shape is not None
    return value.shape


def finite(array: Array) -> bool:
    """Whether no element is infinite or NaN."""
    return bool(np.isfinite(array.astype(np.float64)).all())


def small(array: Array | None, what: str) -> Array:
    """The contents of a constant; declines where they cannot be read."""
    if array is None:
        decline(f"{what} is not a constant that can be read")
    return array


def reshape_to(op: Ops, x: str, shape: Sequence[Dim], source: Sequence[int | None] = ()) -> str:
    """Reshape to a shape of which parts are not known.

    Args:
        op: Builds the node.
        x: What to reshape.
        shape: Wanted dimensions. One unknown one becomes -1.
        source: For each wanted dimension the axis of `x` that it equals, None if none. An unknown
            dimension at the same position in both becomes 0, which copies it.
    """
    target: list[int] = []
    for index, dim in enumerate(shape):
        same = index < len(source) and source[index] == index
        if isinstance(dim, int):
            require(dim > 0 or same, "a dimension is empty")
            target.append(dim)
        else:
            target.append(0 if same else -1)
    require(target.count(-1) <= 1, "more than one dimension of the result is not known")
    require(0 not in shape or -1 not in target, "a dimension is empty")
    return op.reshape(x, target)


def restore_shape(op: Ops, x: str, like: str) -> str:
    """Reshape `x` to the shape that `like` has, computed at run time where it is not known."""
    value = op.value(like)
    if value.is_static and value.size:
        assert value.shape is not None
        return op.reshape(x, [int(d) for d in value.shape if isinstance(d, int)])
    result = op.Reshape(x, op.Shape(like))
    op.value(result).shape = value.shape  # which inference does not see through Shape
    return result


def product(dims: Sequence[int]) -> int:
    """The product of dimensions, 1 for none."""
    return math.prod(dims)


def along_channels(op: Ops, node: Node, index: int, rank: int) -> str:
    """A `[C]` input as `[C, 1, ..., 1]`, so that it broadcasts against `[N, C, ...]`."""
    array = node.const(index)
    if array is not None:
        return op.const(array.reshape(-1, *[1] * (rank - 2)))
    return op.unsqueeze(node.inputs[index], range(1, rank - 1)) if rank > 2 else node.inputs[index]


def known_rank_of(op: Ops, name: str) -> int:
    """The rank of a value by name; declines where it is not known."""
    return known_rank(op.value(name), "the input")


def full_precision(node: Node) -> str:
    """The element type; declines in half precision, whose digits do not carry what follows."""
    dtype = float_input(node)
    require(dtype not in HALVES, f"{dtype} has too few digits")
    return dtype


def polynomial(op: Ops, x: str, coefficients: Sequence[float]) -> str:
    """The polynomial with these coefficients, the constant one first, by Horner's scheme."""
    result = op.const(coefficients[-1], like=x)
    for coefficient in reversed(coefficients[:-1]):
        result = op.Add(op.Mul(result, x), op.const(coefficient, like=x))
    return result
