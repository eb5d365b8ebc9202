"""Powers and roots, as products, square roots and exponentials."""

import math

import numpy as np

from porting.legalize.ops import Ops
from porting.legalize.rule import decline, known_dtype, known_rank, require, rule
from porting.model.dtypes import FLOATS, INTEGERS
from porting.model.graph import Graph, Node
from porting.rules.common import float_input, full_precision

LARGEST_EXPONENT = 16
"""Up to here a power is written as products: six of them at most."""


def _exponent(node: Node) -> float:
    """The one number that is the exponent of all elements."""
    exponent = node.const(1)
    if exponent is None:
        decline("the exponent is not a constant")
    require(exponent.size == 1, "there is more than one exponent")
    if exponent.ndim:
        rank = known_rank(node.input(0), "the input")
        require(rank >= exponent.ndim, "the exponent widens the result")
    return float(exponent.reshape(-1)[0])


@rule("Pow", exactness="reordered")
def pow_to_products(op: Ops, node: Node) -> str:
    """`x^n` by squaring, for whole n from 1 to 16; 1 / x multiplied for negative n.

    Of integers modulo 2^bits, as in the product. 1 / x comes first, which neither overflows nor
    loses digits where x^-n is an ordinary number.

    Source: Knuth, The Art of Computer Programming, 4.6.3; ONNX Pow-7.
    """
    exponent, dtype = _exponent(node), known_dtype(node.input(0), "the input")
    power = abs(int(exponent)) if math.isfinite(exponent) else 0
    require(power == abs(exponent) and power >= 1, "the exponent is not a whole number but 0")
    require(power <= LARGEST_EXPONENT, f"the exponent is above {LARGEST_EXPONENT}")
    base = node.inputs[0]
    if exponent < 0:
        require(dtype in FLOATS, f"{dtype} has no reciprocals")
        base = op.Reciprocal(base)
    require(dtype in FLOATS | INTEGERS, f"the input is {dtype}")
    return _power(op, base, power)


def _power(op: Ops, base: str, power: int) -> str:
    """The squares whose exponents make up `power`, multiplied."""
    result: str | None = None
    while True:
        if power & 1:
            result = base if result is None else op.Mul(result, base)
        power >>= 1
        if not power:
            assert result is not None
            return result
        base = op.Mul(base, base)


@rule("Pow", exactness="reordered")
def pow_to_roots(op: Ops, node: Node) -> str:
    """`x^(n/2)` = sqrt(x) * x^((n-1)/2) for odd n from 1 to 7, and the reciprocal for -n.

    Only for x whose sign bit is proven to be clear: the power of -inf is infinite, and that of
    -0 is +0, while the roots are NaN and -0.

    Source: ONNX Pow-7, Sqrt-6; C99 F.9.4.4.
    """
    require(never_negative(node.graph, node.inputs[0]), "the base may be -inf or -0")
    return _rooted(op, node)


@rule("Pow", exactness="conditional")
def pow_to_roots_assuming_positive(op: Ops, node: Node) -> str:
    """`x^(n/2)` by roots for odd n from -7 to 7, unless x is -inf, or -0 with a negative exponent.

    Source: ONNX Pow-7, Sqrt-6; C99 F.9.4.4.
    """
    return _rooted(op, node)


def _rooted(op: Ops, node: Node) -> str:
    float_input(node)
    exponent = _exponent(node)
    halves = abs(exponent) * 2
    require(halves in (1, 3, 5, 7), "the exponent is not an odd number of halves, up to 7")
    x, whole = node.inputs[0], int(halves) // 2
    if exponent < 0 and whole:
        x = op.Reciprocal(x)
    result = op.Sqrt(x)
    if whole:
        return op.Mul(result, _power(op, x, whole))
    return op.Reciprocal(result) if exponent < 0 else result


@rule("Pow", exactness="reordered")
def pow_to_exponential(op: Ops, node: Node) -> str:
    """`x^y` = exp(y * log(x)) for a constant y but 0, and x whose sign bit is proven to be clear.

    The relative error is that of y * log(x) in absolute terms: at most 1e-5 in float32, where the
    result is an ordinary number.

    Source: the definition of powers; ONNX Pow-7.
    """
    full_precision(node)
    exponent = _exponent(node)
    require(exponent != 0 and math.isfinite(exponent), "the exponent is 0 or not finite")
    require(never_negative(node.graph, node.inputs[0]), "the base may be negative")
    x = node.inputs[0]
    return op.Exp(op.Mul(op.Log(x), op.const(exponent, like=x)))


@rule("Pow", exactness="reordered")
def pow_of_constant_to_exponential(op: Ops, node: Node) -> str:
    """`c^y` = exp(y * log(c)) for constants c above 0 other than 1.

    Source: the definition of powers; ONNX Pow-7.
    """
    dtype, base = full_precision(node), node.const(0)
    require(known_dtype(node.input(1), "the exponent") == dtype, "the exponent has another type")
    if base is None:
        decline("the base is not a constant")
    ordinary = bool(((base > 0) & (base != 1) & np.isfinite(base)).all())
    require(ordinary, "a base is 1, infinite or not above 0")
    return op.Exp(op.Mul(node.inputs[1], op.const(np.log(base.astype(np.float64)), dtype)))


@rule("Sqrt", exactness="conditional")
def sqrt_to_pow(op: Ops, node: Node) -> str:
    """sqrt(x) = x^0.5, unless x is -inf, of which the power is infinite; -0 becomes +0.

    Source: ONNX Sqrt-6, Pow-7; C99 F.9.4.4.
    """
    float_input(node)
    return op.Pow(node.inputs[0], op.const(0.5, like=node.inputs[0]))


_CLEAR = frozenset({"Abs", "Exp", "ReduceL1", "ReduceL2", "ReduceSumSquare", "Sigmoid"})
"""Operators whose results have a clear sign bit, or are NaN."""
_KEPT = frozenset(
    {"Concat", "Expand", "Flatten", "Gather", "GlobalAveragePool", "Identity",
     "ReduceMean", "ReduceMin", "ReduceSum", "Reshape", "Slice", "Split", "Sqrt",
     "Squeeze", "Tile", "Transpose", "Unsqueeze", "Reciprocal"}
)  # fmt: skip
"""Operators whose results have one where the inputs that they compute with do."""


def never_negative(graph: Graph, name: str, depth: int = 12) -> bool:
    """Whether each element of a value is proven to be +0, positive or NaN."""
    value, node = graph.value(name), graph.producer(name)
    if value.is_const:
        array = value.value()
        return array is not None and not np.signbit(array).any()
    if node is None or node.domain != "ai.onnx" or not depth:
        return False
    if node.op_type in _CLEAR:
        return True
    if node.op_type == "Mul" and node.inputs[0] == node.inputs[1]:
        return True
    if node.op_type == "Pow":
        exponent = node.const(1)
        return exponent is not None and bool((exponent % 2 == 0).all())
    if node.op_type in {"Add", "Mul", "Div", "Max"}:
        return all(never_negative(node.graph, i, depth - 1) for i in node.inputs)
    if node.op_type in _KEPT:
        count = len(node.inputs) if node.op_type == "Concat" else 1
        return all(never_negative(node.graph, i, depth - 1) for i in node.inputs[:count])
    return False
