"""Logic on the bits of integers of any type and range."""

import numpy as np

from porting.legalize.ops import Ops
from porting.legalize.rule import decline, known_rank, require, rule
from porting.model.dtypes import numpy_dtype
from porting.model.graph import Node
from porting.rules.common import integer_input

MOST_BITS = 2**24
"""Largest number of truth values for which room is made."""

HALF = 32

LOGIC = {"BitwiseAnd": "And", "BitwiseOr": "Or", "BitwiseXor": "Xor"}


@rule("BitwiseNot", exactness="exact")
def bitwise_not_to_sub(op: Ops, node: Node) -> str:
    """`not x` = -1 - x of signed numbers, max - x of others: every bit is taken from a 1.

    Source: ONNX BitwiseNot-18; two's complement.
    """
    dtype = integer_input(node)
    ones = -1 if dtype.startswith("int") else np.iinfo(dtype).max
    return op.Sub(op.const(ones, dtype), node.inputs[0])


@rule(*LOGIC, exactness="exact")
def bitwise_by_truth_values(op: Ops, node: Node) -> str:
    """Logic on truth values: bit k of x is floor(x / 2^k) mod 2, and they are added as 2^k again.

    The bits get an axis of their own at the end. A negative number is divided as the unsigned one
    with its bits, and sums out of range keep their low bits. Of 64 bits the halves are added
    apart, because onnxruntime adds whole numbers as floats of 53 bits.

    Source: ONNX BitwiseAnd-18, Cast-13.
    """
    dtype = integer_input(node)
    count = numpy_dtype(dtype).itemsize * 8
    _require_room(op, node, count)
    a, b = (_bits(op, node, index, count) for index in (0, 1))
    result = op.node(LOGIC[node.op_type], [a, b])[0]
    return op.cast(_added(op, node, result, count, "int64"), dtype)


@rule(*LOGIC, exactness="exact")
def bitwise_of_signed(op: Ops, node: Node) -> str:
    """Logic on the signs, and on the other bits of x, or of x - min where x is negative.

    All in the type itself, int32 or int64: bit k is floor(x / 2^k) less twice floor(x / 2^(k+1)).
    The least number, min, is added where the result is negative.

    Source: ONNX BitwiseAnd-18; two's complement.
    """
    dtype = integer_input(node)
    require(dtype in {"int32", "int64"}, f"it is for int32 and int64, the input is {dtype}")
    count = np.iinfo(dtype).bits - 1
    _require_room(op, node, count)
    zero, least = op.const(0, dtype), op.const(np.iinfo(dtype).min, dtype)
    places = op.const(np.left_shift(np.int64(1), np.arange(count)), dtype)
    two, one = op.const(2, dtype), op.const(1, dtype)
    signs, bits = [], []
    for index, x in enumerate(node.inputs):
        signs.append(op.Less(x, zero))
        rest = op.Where(signs[-1], op.Sub(x, least), x)
        column = op.unsqueeze(rest, [known_rank(node.input(index), f"input {index}")])
        shifted = op.Div(column, places)
        bits.append(op.Equal(op.Sub(shifted, op.Mul(op.Div(shifted, two), two)), one))
    logic = LOGIC[node.op_type]
    total = _added(op, node, op.node(logic, bits)[0], count, dtype)
    return op.Add(total, op.Where(op.node(logic, signs)[0], least, zero))


def _require_room(op: Ops, node: Node, count: int) -> None:
    size = op.value(node.outputs[0]).size
    if size is None:
        decline("the size of the result is not known; give it with --shape or --dim")
    require(size * count <= MOST_BITS, f"it has more than {MOST_BITS} bits")


def _added(op: Ops, node: Node, bits: str, count: int, dtype: str) -> str:
    """The numbers whose bits are the truth values along the last axis, the lowest first."""
    axis = known_rank(node.output(), "the result")
    total = ""
    for start in range(0, count, HALF):
        end = min(start + HALF, count)
        part = bits if count <= HALF else op.slice(bits, [start], [end], [axis])
        places = op.const(np.left_shift(np.int64(1), np.arange(end - start)), dtype)
        terms = op.Where(part, places, op.const(0, dtype))
        added = op.reduce("ReduceSum", terms, [axis], keepdims=False)
        total = op.Add(total, op.Mul(added, op.const(2**start, dtype))) if total else added
    return total


def _bits(op: Ops, node: Node, index: int, count: int) -> str:
    """The bits of an input as truth values along a last axis, the lowest first."""
    x = op.cast(node.inputs[index], "uint64")
    column = op.unsqueeze(x, [known_rank(node.input(index), f"input {index}")])
    places = np.left_shift(np.uint64(1), np.arange(count, dtype=np.uint64))
    shifted = op.Div(column, op.const(places))
    return op.cast(op.Mod(shifted, op.const(2, "uint64")), "bool")
