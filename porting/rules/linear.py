"""Gemm and MatMul in each other's terms, with scalings and transpositions written out."""

import numpy as np

from porting.legalize.ops import Ops
from porting.legalize.rule import decline, known_dtype, known_rank, require, rule
from porting.model.dtypes import FLOATS
from porting.model.graph import Node
from porting.rules.common import float_input, integer, number, optional_input


@rule("Gemm", exactness="reordered")
def gemm_without_scales(op: Ops, node: Node) -> str:
    """`alpha * A B + beta * C` with alpha and beta at 1, the factors moved into constants.

    alpha goes into B, or into a product after Gemm where B cannot be read; beta goes into C.

    Source: ONNX Gemm-7.
    """
    alpha, beta, bias = _scales(node)
    require(alpha != 1.0 or (bias is not None and beta != 1.0), "alpha and beta are 1 already")
    float_input(node)
    a, b = node.inputs[:2]
    forms = {name: integer(node, name) or None for name in ("transA", "transB")}
    scaled_bias = None if bias is None else _times(op, node, 2, beta)
    if alpha == 1.0 or node.const(1) is not None:
        bias_given = scaled_bias or _no_bias(op, node)
        return op.Gemm(a, _times(op, node, 1, alpha), bias_given, **forms)
    result = op.Mul(op.Gemm(a, b, _no_bias(op, node), **forms), op.const(alpha, like=a))
    return result if scaled_bias is None else op.Add(result, scaled_bias)


def _no_bias(op: Ops, node: Node) -> str | None:
    """C may be left out from opset 11 on; a zero before."""
    return None if op.opset >= 11 else op.const([0.0], like=node.inputs[0])


def _scales(node: Node) -> tuple[float, float, str | None]:
    """alpha, beta and C; a zero factor keeps infinities out, which a product would not."""
    alpha, beta, bias = number(node, "alpha"), number(node, "beta"), optional_input(node, 2)
    require(alpha != 0.0, "alpha is 0")
    require(beta != 0.0 or bias is None, "beta is 0")
    return alpha, beta, bias


def _times(op: Ops, node: Node, index: int, factor: float) -> str:
    """An input times a number; a new constant where its contents can be read."""
    name = node.inputs[index]
    if factor == 1.0:
        return name
    dtype, array = known_dtype(node.input(index), f"input {index}"), node.const(index)
    if array is None:
        return op.Mul(name, op.const(factor, dtype))
    with np.errstate(over="ignore"):
        return op.const(array.astype(np.float64) * factor, dtype)


@rule("Gemm", exactness="exact")
def gemm_without_transposes(op: Ops, node: Node) -> str:
    """`transA` and `transB` as Transpose.

    Source: ONNX Gemm-7.
    """
    flags = [bool(integer(node, name)) for name in ("transA", "transB")]
    require(any(flags), "it transposes nothing")
    a, b = (_turned(op, node, index, flag) for index, flag in enumerate(flags))
    return op.copy(node, [a, b, *node.inputs[2:]], transA=None, transB=None)[0]


def _turned(op: Ops, node: Node, index: int, flag: bool) -> str:
    """A matrix, transposed if asked for; a constant that can be read is transposed now."""
    if not flag:
        return node.inputs[index]
    array = node.const(index)
    if array is not None:
        return op.const(np.ascontiguousarray(array.T))
    return op.transpose(node.inputs[index], [1, 0])


@rule("Gemm", exactness="reordered")
def gemm_to_matmul(op: Ops, node: Node) -> str:
    """`alpha * A B + beta * C` as Transpose, MatMul, Mul and Add.

    Source: ONNX Gemm-7.
    """
    alpha, beta, bias = _scales(node)
    dtype = known_dtype(node.input(0), "the input")
    require(dtype in FLOATS or alpha == beta == 1.0, "a matrix of integers is scaled")
    a, b = (
        _turned(op, node, i, bool(integer(node, n))) for i, n in enumerate(("transA", "transB"))
    )
    result = op.MatMul(a, b)
    if alpha != 1.0:
        result = op.Mul(result, op.const(alpha, dtype))
    return result if bias is None else op.Add(result, _times(op, node, 2, beta))


@rule("MatMul", exactness="exact")
def matmul_of_vectors(op: Ops, node: Node) -> str:
    """A vector on the left is a row, one on the right a column; their axis is dropped afterwards.

    Source: ONNX MatMul-1, numpy.matmul.
    """
    ranks = [known_rank(node.input(index), f"input {index}") for index in (0, 1)]
    require(1 in ranks, "neither operand is a vector")
    a = op.unsqueeze(node.inputs[0], [0]) if ranks[0] == 1 else node.inputs[0]
    b = op.unsqueeze(node.inputs[1], [1]) if ranks[1] == 1 else node.inputs[1]
    # counted from the front, which an attribute needs before opset 11
    rank = max(2, *ranks)
    dropped = [rank - 2] * (ranks[0] == 1) + [rank - 1] * (ranks[1] == 1)
    return op.squeeze(op.MatMul(a, b), dropped)


@rule("MatMul", exactness="reordered")
def matmul_to_gemm(op: Ops, node: Node) -> str:
    """A product of two matrices is Gemm with alpha = 1 and no C.

    Source: ONNX Gemm-11.
    """
    if op.opset < 11:
        decline("C of Gemm is not optional below opset 11")
    for index in (0, 1):
        require(known_rank(node.input(index), f"input {index}") == 2, "an operand is no matrix")
    return op.Gemm(*node.inputs)


@rule("com.microsoft::FusedMatMul", exactness="reordered")
def ms_fused_matmul_to_matmul(op: Ops, node: Node) -> str:
    """`alpha * A B`, either operand with its last two axes exchanged first.

    Source: onnxruntime's contrib operators, com.microsoft.FusedMatMul.
    """
    dtype, alpha = float_input(node), number(node, "alpha", 1.0)
    for name in ("transBatchA", "transBatchB"):
        require(not integer(node, name, 0), f"{name} is set")
    operands = []
    for index, name in enumerate(("transA", "transB")):
        operand = node.inputs[index]
        rank = known_rank(node.input(index), f"input {index}")
        if integer(node, name, 0) and rank >= 2:
            operand = op.transpose(operand, [*range(rank - 2), rank - 1, rank - 2])
        operands.append(operand)
    result = op.MatMul(*operands)
    return result if alpha == 1.0 else op.Mul(result, op.const(alpha, dtype))
