"""Determinants by elimination."""

from dataclasses import dataclass

from porting.legalize.ops import Ops
from porting.legalize.rule import require, rule, static_shape
from porting.model.graph import Node
from porting.rules.common import float_input

MOST_ROWS = 4


@dataclass
class _Rows:
    """Matrices during their elimination.

    Attributes:
        op: Builds the nodes.
        rows: Each row, as its elements from the column at hand on: `[..., 1, k]`.
        axis: That of the columns.
    """

    op: Ops
    rows: list[str]
    axis: int

    def first(self, row: str) -> str:
        """The first element of a row."""
        return self.op.slice(row, [0], [1], [self.axis])

    def order(self, index: int, sign: str) -> str:
        """Brings the larger first element of row 0 and another to row 0; the sign after that."""
        op, top, other = self.op, self.rows[0], self.rows[index]
        sizes = [op.Abs(self.first(row)) for row in (other, top)]
        swapped = op.Greater(*sizes)
        self.rows[0] = op.Where(swapped, other, top)
        self.rows[index] = op.Where(swapped, top, other)
        return op.Where(swapped, op.Neg(sign), sign)

    def eliminate(self) -> None:
        """Subtracts multiples of row 0 from the others, and drops it and the first column."""
        op, (top, *others) = self.op, self.rows
        width = len(self.rows)
        pivot = self.first(top)
        zero = op.const(0.0, like=pivot)
        divisor = op.Where(op.Equal(pivot, zero), op.const(1.0, like=pivot), pivot)
        rest = op.slice(top, [1], [width], [self.axis])
        self.rows = []
        for row in others:  # where the pivot is 0, so is the first element of every row
            factor = op.Div(self.first(row), divisor)
            own = op.slice(row, [1], [width], [self.axis])
            self.rows.append(op.Sub(own, op.Mul(factor, rest)))


@rule("Det", exactness="reordered")
def det_by_elimination(op: Ops, node: Node) -> str:
    """The product of the pivots of Gauss's elimination, as runtimes compute it, for up to 4 rows.

    Of each column the largest element is the pivot; the sign changes with every two rows that
    change places.

    Source: Golub and Van Loan, Matrix Computations, 3.4; ONNX Det-11.
    """
    float_input(node)
    *lead, count, columns = static_shape(node.input(0), "the matrices")
    require(count == columns and count >= 1, "the matrices are not square, or empty")
    require(count <= MOST_ROWS, f"the matrices have more than {MOST_ROWS} rows")
    require(0 not in lead, "there are no matrices")
    rank = len(lead) + 2
    parts = op.split(node.inputs[0], [1] * count, rank - 2) if count > 1 else [node.inputs[0]]
    matrix = _Rows(op, parts, rank - 1)
    result = op.const(1.0, like=node.inputs[0])
    for left in range(count, 0, -1):
        for index in range(1, left):
            result = matrix.order(index, result)
        result = op.Mul(result, matrix.first(matrix.rows[0]))
        if left > 1:
            matrix.eliminate()
    return op.squeeze(result, [rank - 2, rank - 1])
