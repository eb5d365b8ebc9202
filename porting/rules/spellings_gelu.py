"""A GELU that is written out, in the order of operations that compilers look for.

What exporters write differs in where the half stands, in whether x is divided by a root or
multiplied by its inverse, and in the order of the factors. Which of these is run as one
instruction depends on the compiler.

Source of the function: Hendrycks and Gimpel, arXiv 1606.08415.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from porting.legalize.ops import Ops
from porting.legalize.rule import decline, known_dtype, require, rule
from porting.model.dtypes import FLOATS
from porting.model.graph import Graph, Node
from porting.rules.gelu import gelu_by_erf, gelu_by_tanh
from porting.rules.tracing import maker, one_number, pairs, with_number

SLACK = {"float16": 2e-3, "bfloat16": 1e-2}
"""How far a stored constant may be from the number that is meant, relatively; else 1e-6."""

MOST_FACTORS = 4


@dataclass(frozen=True)
class _Gelu:
    """x * (1 + f(...)) / 2 as it was found.

    Attributes:
        x: Its input.
        curve: `Erf` or `Tanh`.
        root: What x is divided by in front of Erf.
    """

    x: str
    curve: str
    root: float


@rule("Mul", "Div", exactness="reordered")
def gelu_respelled(op: Ops, node: Node) -> str:
    """`x * (0.5 * (1 + erf(x / s)))` and its other orders as (x * (1 + erf(x / s))) * 0.5.

    In half precision the half comes first, since twice the greatest number is not representable.

    Source: ONNX Erf-9; the factors of one product in another order.
    """
    found = _gelu(node)
    require(found.curve == "Erf", "it is a GELU by tanh")
    return gelu_by_erf(op, found.x, found.root)


@rule("Mul", "Div", exactness="reordered", since=20)
def gelu_joined(op: Ops, node: Node) -> str:
    """A GELU that is written out, by erf or by tanh, as the operator Gelu.

    Source: the function body of ONNX Gelu-20.
    """
    found = _gelu(node)
    slack = SLACK.get(known_dtype(node.graph.value(found.x), "the input"), 1e-6)
    if found.curve == "Tanh":
        return op.Gelu(found.x, approximate="tanh")
    require(math.isclose(found.root, math.sqrt(2.0), rel_tol=slack), "it does not divide by sqrt 2")
    return op.Gelu(found.x)


@rule("Mul", "Div", exactness="reordered")
def gelu_by_tanh_respelled(op: Ops, node: Node) -> str:
    """0.5 * x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3))) with the cube as products.

    x is held within +-10 in front of the cube, where tanh is 1 already, so that it does not
    overflow in half precision.

    Source: the function body of ONNX Gelu-20 with approximate="tanh".
    """
    found = _gelu(node)
    require(found.curve == "Tanh", "it is a GELU by erf")
    return gelu_by_tanh(op, found.x)


def _gelu(node: Node) -> _Gelu:
    """The GELU that a product ends; declines where it ends none."""
    if known_dtype(node.output(), "the result") not in FLOATS:
        decline("it is for floating point")
    for factors, number in _products(node, MOST_FACTORS):
        if len(factors) != 2:
            continue
        for x, gate in (factors, factors[::-1]):
            found = _gate(node.graph, gate, x)
            if found is not None and number * found[1] == 0.5:
                return found[0]
    return decline("it is not the last product of a GELU")


def _products(node: Node, most: int) -> Iterator[tuple[tuple[str, ...], float]]:
    """The ways to read a node as a product of values and one number."""
    graph = node.graph
    for operand, number in with_number(node):
        factor = number if node.op_type == "Mul" else 1 / number if number else math.nan
        yield (operand,), factor
        inner = maker(graph, operand, "Mul", "Div")
        if inner is not None and most > 1:
            for factors, more in _products(inner, most - 1):
                yield factors, factor * more
    if node.op_type != "Mul":
        return
    yield node.inputs, 1.0
    for opened, kept in pairs(node):
        inner = maker(graph, opened, "Mul", "Div")
        if inner is not None and most > 1:
            for factors, more in _products(inner, most - 1):
                yield (*factors, kept), more


def _gate(graph: Graph, name: str, x: str) -> tuple[_Gelu, float] | None:
    """`k * (1 + f(x))` with f one of the two curves: the GELU and k."""
    total = maker(graph, name, "Add")
    if total is None:
        return None
    for rest, number in with_number(total):
        for curve, factor in _scaled(graph, rest):
            found = _curve(graph, curve, x) if factor == number else None
            if found is not None:
                return found, number
    return None


def _scaled(graph: Graph, name: str) -> Iterator[tuple[str, float]]:
    """A value as it is, and as the number times the value that computes it."""
    yield name, 1.0
    product = maker(graph, name, "Mul")
    if product is not None:
        yield from with_number(product)


def _curve(graph: Graph, name: str, x: str) -> _Gelu | None:
    curve = maker(graph, name, "Erf", "Tanh")
    if curve is None:
        return None
    if curve.op_type == "Tanh":
        return _Gelu(x, "Tanh", 0.0) if _is_cubic(graph, curve.inputs[0], x) else None
    scaled = maker(graph, curve.inputs[0], "Div", "Mul")
    for operand, number in with_number(scaled) if scaled is not None else ():
        if operand == x and number > 0 and scaled is not None:
            return _Gelu(x, "Erf", number if scaled.op_type == "Div" else 1 / number)
    return None


def _is_cubic(graph: Graph, name: str, x: str) -> bool:
    """Whether a value is sqrt(2 / pi) * (x + 0.044715 * x^3), in one of its orders."""
    slack = SLACK.get(known_dtype(graph.value(x), "the input"), 1e-6)
    node = maker(graph, name, "Mul")
    for factors, number in _products(node, MOST_FACTORS) if node is not None else ():
        if not math.isclose(number, math.sqrt(2.0 / math.pi), rel_tol=slack):
            continue
        if len(factors) == 1 and _is_sum(graph, factors[0], x, 3, slack):
            return True
        for one, other in (factors, factors[::-1]) if len(factors) == 2 else ():
            if one == x and _is_sum(graph, other, x, 2, slack):
                return True
    return False


def _is_sum(graph: Graph, name: str, x: str, power: int, slack: float) -> bool:
    """Whether a value is x + 0.044715 * x^3, or for power 2, 1 + 0.044715 * x^2."""
    total = maker(graph, name, "Add")
    for first, second in pairs(total) if total is not None else ():
        if first != x if power == 3 else one_number(graph, first, second) != 1.0:
            continue
        product = maker(graph, second, "Mul")
        for factors, number in _products(product, MOST_FACTORS) if product is not None else ():
            found = sum(_exponent(graph, f, x) for f in factors)
            if found == power and math.isclose(number, 0.044715, rel_tol=slack):
                return True
    return False


def _exponent(graph: Graph, name: str, x: str, most: int = 2) -> float:
    """Which power of x a value is; NaN where it is none, or more than `most` products make it."""
    if name == x:
        return 1
    power = maker(graph, name, "Pow")
    if power is not None and power.inputs[0] == x:
        number = one_number(graph, power.inputs[1], x)
        return math.nan if number is None else number
    product = maker(graph, name, "Mul")
    if product is None or not most:
        return math.nan
    return sum(_exponent(graph, f, x, most - 1) for f in product.inputs)
