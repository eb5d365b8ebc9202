"""Arithmetic in another element type.

How the families work is told in `porting.legalize.retype`. A sum or product of integers is the
same in any type that holds it; modulo 2^n in a wider one, because a Cast to fewer bits drops the
upper ones.
"""

from porting.legalize.interval import embeds
from porting.legalize.ops import Ops
from porting.legalize.retype import in_type, proven
from porting.legalize.rule import known_dtype, require, rule
from porting.model.graph import Node
from porting.rules.common import integer_input

BYTES = ("Abs", "Add", "BitwiseAnd", "BitwiseOr", "BitwiseXor", "Div", "Mod", "Mul", "Neg", "Sign")
"""Operators that ONNX has for integers of 8 and 16 bits, and Sub."""

MODULAR = (*BYTES, "CumSum", "MatMul", "ReduceSum", "Sub")
"""Operators on integers of which the lower bits are the same in a wider type."""

WHOLE = ("Abs", "Add", "CumSum", "Div", "MatMul", "Mul", "Neg", "Range", "ReduceSum", "Sign", "Sub")
"""Operators on integers whose results are whole numbers, Div's after the Cast has cut it off."""

ROUNDED_ONCE = ("Abs", "Add", "Ceil", "Div", "Floor", "Mul", "Neg", "Round", "Sqrt", "Sub")
"""Operators for which float32 and then float16 round as float16 alone does."""


@rule(*BYTES, "Sub", exactness="exact")
def computed_in_int32(op: Ops, node: Node) -> list[str]:
    """f(x) = cast(f(cast(x, int32))) for integers of 8 and 16 bits, modulo 2^n where they overflow.

    Source: ONNX Cast-13: upper bits are discarded, so that sums and products agree modulo 2^n.
    """
    return _modular(op, node, "int32")


@rule(*MODULAR, exactness="exact")
def computed_in_int64(op: Ops, node: Node) -> list[str]:
    """f(x) = cast(f(cast(x, int64))) for narrower integers, modulo 2^n where they overflow.

    Source: ONNX Cast-13: upper bits are discarded, so that sums and products agree modulo 2^n.
    """
    return _modular(op, node, "int64")


@rule(*WHOLE, "Mod", exactness="narrowing")
def proven_computed_in_int32(op: Ops, node: Node) -> list[str]:
    """f(x) = cast(f(cast(x, int32))) for integers that are proven to fit, the result among them.

    Source: ONNX Cast-13; `porting.legalize.ranges` has the proofs.
    """
    dtype = integer_input(node)
    require(not embeds(dtype, "int32"), f"every {dtype} fits into int32")
    proven(node, "int32", (0,), result=True)
    return in_type(op, node, "int32")


@rule(*WHOLE, exactness="narrowing")
def proven_computed_in_float32(op: Ops, node: Node) -> list[str]:
    """f(x) = cast(f(cast(x, float32))) for integers up to 2^24, the result among them.

    A quotient a / b is at least 1 / |b| away from the next whole number, which is more than its
    rounding error |a / b| * 2^-24, so that Cast cuts it off where the integer division does.

    Source: IEEE 754: sums and products below 2^24 are exact; ONNX Cast-13 and Div-14 truncate.
    """
    integer_input(node)
    proven(node, "float32", (0,), result=True)
    return in_type(op, node, "float32")


@rule(*WHOLE, "Mod", exactness="conditional")
def assumed_computed_in_int32(op: Ops, node: Node) -> list[str]:
    """f(x) = cast(f(cast(x, int32))) for wider integers, unless one is beyond the range of int32.

    Source: ONNX Cast-13: what is beyond loses its upper bits.
    """
    dtype = integer_input(node)
    require(dtype in {"int64", "uint32", "uint64"}, f"the input is {dtype}")
    return in_type(op, node, "int32")


@rule(*ROUNDED_ONCE, exactness="exact")
def halves_computed_in_float32(op: Ops, node: Node) -> list[str]:
    """f(x) = cast(f(cast(x, float32)), float16): 24 digits are enough to round 11 as at once.

    Source: S. A. Figueroa, When is double rounding innocuous?, 1995: p' >= 2p + 2.
    """
    dtype = known_dtype(node.input(0), "the input")
    require(dtype == "float16", f"it is for float16, the input is {dtype}")
    return in_type(op, node, "float32")


def _modular(op: Ops, node: Node, to: str) -> list[str]:
    dtype = integer_input(node)
    require(dtype != to, f"the input is {dtype} already")
    require(embeds(dtype, to), f"{to} does not hold every {dtype}")
    if node.op_type == "Mul" and dtype == "uint16":
        require(to != "int32", "the product of two uint16 is beyond int32")
    return in_type(op, node, to)
