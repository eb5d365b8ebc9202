"""Older forms of QuantizeLinear and DequantizeLinear."""

from porting.legalize.ops import Ops
from porting.legalize.rule import known_dtype, require, rule
from porting.model.dtypes import INTEGERS
from porting.model.graph import Node
from porting.rules.opset_common import integer
from porting.rules.quantized import LIMITS, dequantized, divided_in_float32, quantized


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
    x, scale, zero = [*node.inputs, ""][:3]
    axis, block = integer(node, "axis", 1), integer(node, "block_size")
    return dequantized(op, x, scale, zero or None, result, axis, block)


@rule("QuantizeLinear", exactness="exact", versions=(13, 19, 21, 23))
def opset_quantize(op: Ops, node: Node) -> str:
    """Cast(Clip(Round(x / scale) + zero point)), the division in the type of the scale.

    Source: ONNX QuantizeLinear-21.
    """
    result = known_dtype(node.output(), "y")
    require(result in LIMITS, f"there is no {result} below")
    divided_in_float32(node)
    x, scale, zero = [*node.inputs, ""][:3]
    axis, block = integer(node, "axis", 1), integer(node, "block_size")
    return quantized(op, x, scale, zero or None, result, axis, block)
