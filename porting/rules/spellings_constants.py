"""Constants beside sums, repetitions and products, moved to where compilers keep them right."""

import math

import numpy as np

from porting.legalize.ops import Ops
from porting.legalize.rule import decline, require, rule, static_shape
from porting.model.graph import Node
from porting.model.value import Array
from porting.rules.common import float_input, number, optional_input
from porting.rules.tracing import contents, maker, one_number, pairs, same_number

MOST_JOINED = 8
"""Constants that are added one behind the other and joined."""


@rule("Add", "Sub", exactness="reordered")
def constants_of_a_sum_joined(op: Ops, node: Node) -> str:
    """(x + a) + b = x + (a + b) for constants a and b, and likewise with differences.

    Source: ONNX Add-7, Sub-7. The constants are added in double precision.
    """
    x, total = _term(node)
    if total is None:
        decline("no operand is a constant that can be read")
    dtype, largest, joined = total.dtype, total.size, 1
    while joined < MOST_JOINED:
        inner = maker(node.graph, x, "Add", "Sub")
        before, term = _term(inner) if inner is not None else (x, None)
        if term is None:
            break
        x, largest, joined = before, max(largest, term.size), joined + 1
        with np.errstate(all="ignore"):
            total = np.asarray(_wide(total) + _wide(term))
    require(joined > 1, "what it adds to is not another sum with a constant")
    require(total.size <= largest, "the constants together are larger than each of them")
    with np.errstate(all="ignore"):
        narrow = total.astype(dtype)
    require(bool(np.isfinite(_wide(narrow)).all()), "the sum of the constants is not finite")
    return op.Add(x, op.const(narrow))


def _wide(array: Array) -> Array:
    """Integers as they are, so that they wrap as the operator's do."""
    return array if array.dtype.kind in "iu" else array.astype(np.float64)


def _term(node: Node) -> tuple[str, Array | None]:
    """The computed operand of a sum, and the constant that is added to it."""
    left, right = node.inputs
    for operand, constant in [(left, right)] if node.op_type == "Sub" else pairs(node):
        array = contents(node.graph, constant)
        if array is not None and not node.graph.value(operand).is_const:
            return operand, np.negative(array) if node.op_type == "Sub" else array
    return left, None


@rule("Mul", "Div", exactness="exact")
def number_before_repetition(op: Ops, node: Node) -> str:
    """expand(x) * c = expand(x * c) for a number c, and so for Tile and for a division.

    Source: ONNX Expand-8, Tile-6: every element of the result is one of x.
    """
    graph = node.graph
    for repeated, constant in pairs(node) if node.op_type == "Mul" else [node.inputs[:2]]:
        source = maker(graph, repeated, "Expand", "Tile")
        if source is None or same_number(graph, constant) is None:
            continue
        if one_number(graph, constant, repeated) is None:
            before, after = graph.value(repeated), node.output()
            shapes = (static_shape(before, "the operand"), static_shape(after, "the result"))
            require(shapes[0] == shapes[1], "the constant widens the shape")
        array = contents(graph, constant)
        assert array is not None
        single = op.const(array.reshape(-1)[0])
        changed = op.node(node.op_type, [source.inputs[0], single])[0]
        return op.copy(source, [changed, *source.inputs[1:]])[0]
    return decline("it does not scale what is repeated by a number")


@rule("Mul", exactness="reordered")
def bias_behind_factor(op: Ops, node: Node) -> str:
    """(A B + beta C) * f = (A B) * f + C * (beta * f) for a finite number f.

    Source: ONNX Gemm-11, whose C may be left out.
    """
    source, factor = _scaled(node, "Gemm")
    bias, beta = optional_input(source, 2), number(source, "beta")
    if bias is None:
        decline("it has no C")
    require(beta != 0.0, "beta is 0")
    product = op.copy(source, source.inputs[:2], beta=None)[0]
    scaled = op.Mul(product, op.const(factor, like=product))
    return op.Add(scaled, op.Mul(bias, op.const(beta * factor, like=product)))


@rule("Mul", exactness="reordered")
def factor_before_convolution(op: Ops, node: Node) -> str:
    """(x * W + b) f = (f x) * W + f b for a convolution and a finite number f.

    Source: ONNX Conv-1: linear in x.
    """
    source, factor = _scaled(node, "Conv")
    constant = op.const(factor, like=source.inputs[0])
    bias = optional_input(source, 2)
    inputs: list[str | None] = [op.Mul(source.inputs[0], constant), source.inputs[1]]
    if bias is not None:
        inputs.append(op.Mul(bias, constant))
    return op.copy(source, inputs)[0]


def _scaled(node: Node, op_type: str) -> tuple[Node, float]:
    """The node of an operator whose result is multiplied by a number, and the number."""
    float_input(node)
    for product, constant in pairs(node):
        source = maker(node.graph, product, op_type)
        factor = one_number(node.graph, constant, product)
        if source is not None and factor is not None:
            require(math.isfinite(factor), "the factor is not finite")
            return source, factor
    return decline(f"it does not multiply a {op_type} by one number")
