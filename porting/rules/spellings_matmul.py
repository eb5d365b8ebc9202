"""Matrix products of other ranks, or with the operands in the other order."""

from porting.legalize.ops import Ops
from porting.legalize.rule import known_rank, require, rule, static_shape
from porting.model.graph import Node
from porting.rules.common import reshape_to, shape_of


def _ranks(node: Node) -> tuple[int, int]:
    first, second = (known_rank(node.input(i), f"operand {i}") for i in (0, 1))
    require(first > 1 and second > 1, "an operand is a vector")
    return first, second


@rule("MatMul", exactness="reordered")
def matmul_of_rows(op: Ops, node: Node) -> str:
    """A stack of matrices times one matrix: all rows of the stack as one matrix times it.

    Source: ONNX MatMul-1: each row of the result depends on one row of A.
    """
    first, second = _ranks(node)
    require(first > 2 and second == 2, "it is not a stack of matrices times one matrix")
    (*leading, depth), (_, width) = (shape_of(node.input(i)) for i in (0, 1))
    require(isinstance(depth, int) and depth > 0, "the length of a row is not known")
    require(isinstance(width, int) and width > 0, "the width of the matrix is not known")
    require(0 not in leading, "the stack is empty")
    rows = reshape_to(op, node.inputs[0], [None, depth])
    return reshape_to(op, op.MatMul(rows, node.inputs[1]), [*leading, width])


@rule("MatMul", exactness="exact")
def matmul_in_stacks(op: Ops, node: Node) -> str:
    """A B for two matrices as the product of two stacks of one; of a stack and a matrix likewise.

    Source: ONNX MatMul-1, numpy.matmul: leading axes of length 1 are repeated.
    """
    first, second = _ranks(node)
    require(first <= 3 and second == 2, "it is not a matrix behind a matrix or a stack")
    stack = op.unsqueeze(node.inputs[1], [0])
    if first == 3:
        return op.MatMul(node.inputs[0], stack)
    return op.squeeze(op.MatMul(op.unsqueeze(node.inputs[0], [0]), stack), [0])


@rule("MatMul", exactness="exact")
def matmul_of_rank_three(op: Ops, node: Node) -> str:
    """Stacks of several axes as stacks of one axis: Reshape, MatMul, Reshape.

    Both operands have the same leading axes.

    Source: ONNX MatMul-1, numpy.matmul.
    """
    require(max(_ranks(node)) > 3, "no stack has several axes")
    first, second = (static_shape(node.input(i), f"operand {i}") for i in (0, 1))
    require(first[:-2] == second[:-2], "the stacks have other axes")
    require(0 not in (*first, *second), "a stack is empty")
    a, b = (op.reshape(n, [-1, *s[-2:]]) for n, s in zip(node.inputs, (first, second), strict=True))
    return op.reshape(op.MatMul(a, b), [*first[:-1], second[-1]])


@rule("MatMul", exactness="reordered")
def matmul_transposed(op: Ops, node: Node) -> str:
    """A B = (B^T A^T)^T, where the first operand is a constant and the second is not.

    Source: ONNX MatMul-1.
    """
    ranks = _ranks(node)
    first, second = node.input_values()
    require(first is not None and first.is_const, "the first operand is not a constant")
    require(second is not None and not second.is_const, "both operands are constants")
    right, left = (_turned(op, n, r) for n, r in zip(node.inputs, ranks, strict=True))
    return _turned(op, op.MatMul(left, right), max(ranks))


def _turned(op: Ops, name: str, rank: int) -> str:
    """The last two axes exchanged."""
    return op.transpose(name, [*range(rank - 2), rank - 1, rank - 2])
