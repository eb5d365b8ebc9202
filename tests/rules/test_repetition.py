import numpy as np
import pytest
from hypothesis import given
from rules.harness import SPECIAL, single
from rules.support import arrays, declines, few, prove

from porting.rules import repetition as rules


@pytest.mark.parametrize("op_type", ["Add", "Sub", "Mul", "Div"])
@few
@given(x=arrays((2, 3, 1), SPECIAL), y=arrays((4,), SPECIAL))
def test_an_operand_is_repeated_by_a_product(op_type: str, x: np.ndarray, y: np.ndarray) -> None:
    case = single(op_type, [x, y], opset=13)
    made = prove(rules.operand_times_ones, case, op_type=op_type, targets=(11, 13))
    assert made == ["Mul", op_type]


def test_what_needs_no_repetition() -> None:
    def add(*shapes: tuple[int, ...], dtype: str = "float32", **more: object):
        return single("Add", [np.ones(s, dtype) for s in shapes], opset=13, **more)

    function = rules.operand_times_ones
    declines(function, add((2, 3), (3,)), "the result's shape already", op_type="Add")
    declines(function, add((2, 1), (3,), dtype="int64"), "elements are int64", op_type="Add")
    declines(function, add((2, 1), (3,), constants=[1]), "is constant", op_type="Add")
    declines(function, add((2048, 1), (1024,)), "too large", op_type="Add")
