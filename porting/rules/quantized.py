"""The arithmetic of quantised numbers, shared by the rules and the adapters between opsets."""

import numpy as np

from porting.legalize.ops import Ops
from porting.legalize.rule import decline, known_dtype, known_rank, require, static_shape
from porting.model.dtypes import INTEGERS, NAME_OF
from porting.model.graph import Node
from porting.model.value import Array, Value
from porting.rules.rounding import to_even

LIMITS = {name: np.iinfo(name) for name in ("int8", "uint8", "int16", "uint16")}
"""The integer types whose numbers and differences float32 holds."""


WEIGHTS = 2**26
"""Elements up to which a constant of integers is written as floats: 256 MiB of them."""


def as_float(op: Ops, name: str) -> str:
    """A value in float32; a constant is converted here and now."""
    value = op.value(name)
    array = value.value(WEIGHTS) if value.is_const else None
    if array is not None and value.dtype != "float32":
        return op.const(array.astype(np.float32))
    return op.cast(name, "float32")


def divided_in_float32(node: Node) -> None:
    """Declines a QuantizeLinear that divides in another type than float32."""
    kind = known_dtype(node.input(1), "y_scale")
    chosen = node.attribute("precision")
    precision = NAME_OF.get(chosen, kind) if isinstance(chosen, int) else kind
    require(kind == "float32" == precision, f"the division is in {precision}")


def quantized(
    op: Ops,
    x: str,
    scale: str | None,
    zero: str | None,
    result: str,
    axis: int = 1,
    block: int = 0,
) -> str:
    """Cast(Clip(Round(x / scale) + zero point)): ties go to even, and Cast never overflows.

    Args:
        op: Builds the nodes.
        x: What to quantise; divided in float32.
        scale: One number, one per index of an axis, or one per block; None for 1.
        zero: The zero point in the form of the scale; None for 0.
        result: Element type of the result.
        axis: Axis of the scale.
        block: Length of a block, 0 for none.
    """
    if result not in LIMITS:
        decline(f"there is no arithmetic here for the result {result}")
    like = op.value(x)
    steps = op.cast(x, "float32")
    if scale is not None:
        steps = op.Div(steps, spread(op, scale, like, axis, block))
    rounded = op.Round(steps) if op.opset >= 11 else to_even(op, steps)
    if zero is not None and not _is_zero(op, zero):
        rounded = op.Add(rounded, spread(op, as_float(op, zero), like, axis, block))
    limits = LIMITS[result]
    return op.cast(op.clip(rounded, float(limits.min), float(limits.max)), result)


def dequantized(
    op: Ops,
    x: str,
    scale: str,
    zero: str | None,
    result: str = "float32",
    axis: int = 1,
    block: int = 0,
) -> str:
    """(x - zero point) * scale. Differences of 8- and 16-bit integers are exact in float32.

    For a result in half precision the product is rounded from float32.
    """
    like = op.value(x)
    dtype = known_dtype(like, "x")
    require(dtype in INTEGERS, f"there is no arithmetic here for {dtype}")
    require(result in {"float16", "float32"}, f"the result is {result}")
    shift = zero is not None and not _is_zero(op, zero)
    if dtype not in LIMITS:
        require(result == "float32", f"{dtype} to {result}")
        require(not shift, f"a difference of {dtype} is not exact in float32")
    number = as_float(op, x)
    if shift:
        assert zero is not None
        number = op.Sub(number, spread(op, as_float(op, zero), like, axis, block))
    factor = spread(op, as_float(op, scale), like, axis, block)
    return op.cast(op.Mul(number, factor), result)


def scaled_bias(op: Ops, bias: str, x_scale: str, w_scale: str) -> str:
    """A bias of int32, which counts in steps of x_scale * w_scale, as floats."""
    arrays = [op.value(n).value() if op.value(n).is_const else None for n in (x_scale, w_scale)]
    number = as_float(op, bias)
    held = op.value(number).value() if op.value(number).is_const else None
    if held is None or arrays[0] is None or arrays[1] is None:
        return op.Mul(number, op.Mul(x_scale, w_scale))
    return op.const(held * (arrays[0].reshape(-1) * arrays[1].reshape(-1)))


def spread(op: Ops, parameter: str, like: Value, axis: int, block: int = 0) -> str:
    """A scale or zero point in a shape that broadcasts against `like`."""
    value = op.value(parameter)
    if value.shape == ():
        return parameter
    if value.shape == (1,):
        return _reshaped(op, parameter, [])
    axis %= max(known_rank(like, "the input"), 1)
    if known_rank(value, "the scale") == 1 and not block:
        rank = known_rank(like, "the input")
        return _reshaped(op, parameter, [-1, *[1] * (rank - axis - 1)])
    require(block > 0, "the block size is not given")
    length, parts = static_shape(like, "the input")[axis], static_shape(value, "the scale")
    wide = op.unsqueeze(parameter, [axis + 1])
    wide = op.Expand(wide, op.shape([*parts[: axis + 1], block, *parts[axis + 1 :]]))
    whole = parts[axis] * block
    wide = op.reshape(wide, [*parts[:axis], whole, *parts[axis + 1 :]])
    return wide if whole == length else op.slice(wide, [0], [length], [axis])


def spread_array(parameter: Array, shape: tuple[int, ...], axis: int, block: int) -> Array:
    """The same for contents: `parameter` in a shape that broadcasts against `shape`."""
    if parameter.size == 1:
        return parameter.reshape(())
    if parameter.ndim == 1 and not block:
        return parameter.reshape(-1, *[1] * (len(shape) - axis - 1))
    require(parameter.ndim == len(shape) and block > 0, "the block size is not given")
    return np.repeat(parameter, block, axis).take(range(shape[axis]), axis)


def _reshaped(op: Ops, name: str, shape: list[int]) -> str:
    value = op.value(name)
    array = value.value() if value.is_const else None
    return op.const(array.reshape(shape)) if array is not None else op.reshape(name, shape)


def _is_zero(op: Ops, name: str) -> bool:
    value = op.value(name)
    array = value.value() if value.is_const else None
    return array is not None and not array.astype(np.int64).any()
