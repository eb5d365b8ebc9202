"""Older forms of QuantizeLinear and DequantizeLinear."""

import numpy as np

from porting.legalize.ops import Ops
from porting.legalize.rule import known_dtype, require, rule, static_shape
from porting.model.dtypes import INTEGERS, NAME_OF
from porting.model.graph import Node
from porting.rules.opset_common import front_axis, integer

_LIMITS = {name: np.iinfo(name) for name in ("int8", "uint8", "int16", "uint16")}


def _spread(op: Ops, node: Node, parameter: str) -> str:
    """A scale or zero point in a shape that multiplies with the first input."""
    value = op.value(parameter)
    if value.shape in ((), (1,)):
        return parameter if value.shape == () else op.reshape(parameter, [])
    shape = static_shape(node.input(0), "the input")
    axis = front_axis(node, 1)
    if value.rank == 1:
        return op.reshape(parameter, [-1, *[1] * (len(shape) - axis - 1)])
    block = integer(node, "block_size")
    parts = static_shape(value, "the scale")
    require(block > 0, "the block size is not given")
    wide = op.unsqueeze(parameter, [axis + 1])
    repeated = [*parts[: axis + 1], block, *parts[axis + 1 :]]
    wide = op.Expand(wide, op.shape(repeated))
    length = parts[axis] * block
    wide = op.reshape(wide, [*parts[:axis], length, *parts[axis + 1 :]])
    return wide if length == shape[axis] else op.slice(wide, [0], [shape[axis]], [axis])


@rule("DequantizeLinear", exactness="exact", versions=(13, 19, 21, 23))
def opset_dequantize(op: Ops, node: Node) -> str:
    """(x - zero point) * scale, in the type of the result.

    Differences of 8- and 16-bit integers are exact in float32. For a result in half precision the
    product is rounded from float32, in which it is exact for 8 bits.

    Source: ONNX DequantizeLinear-21.
    """
    dtype = known_dtype(node.input(0), "x")
    require(dtype in INTEGERS, f"there is no {dtype} below")
    result = known_dtype(node.output(), "y")
    require(result in {"float16", "float32"}, f"the result is {result}")
    require(dtype not in {"int32", "int64"} or result == "float32", f"{dtype} to {result}")
    x = op.cast(node.inputs[0], "float32")
    if node.input(2) is not None:
        zero = op.cast(node.inputs[2], "float32")
        x = op.Sub(x, _spread(op, node, zero))
    scale = _spread(op, node, op.cast(node.inputs[1], "float32"))
    return op.cast(op.Mul(x, scale), result)


@rule("QuantizeLinear", exactness="exact", versions=(13, 19, 21, 23))
def opset_quantize(op: Ops, node: Node) -> str:
    """Cast(Clip(Round(x / scale) + zero point)), the division in the type of the scale.

    Source: ONNX QuantizeLinear-21.
    """
    result = known_dtype(node.output(), "y")
    require(result in _LIMITS, f"there is no {result} below")
    kind = known_dtype(node.input(1), "y_scale")
    precision = NAME_OF.get(integer(node, "precision"), kind)
    require(kind == "float32" == precision, f"the division is in {precision}")
    x = op.cast(node.inputs[0], "float32")
    rounded = op.Round(op.Div(x, _spread(op, node, node.inputs[1])))
    if node.input(2) is not None:
        rounded = op.Add(rounded, _spread(op, node, op.cast(node.inputs[2], "float32")))
    limits = _LIMITS[result]
    return op.cast(op.clip(rounded, float(limits.min), float(limits.max)), result)
