import numpy as np
import pytest
from hypothesis import given
from rules.harness import SPECIAL, single
from rules.support import arrays, declines, few, prove, shapes

from porting.rules import operand_order as rules


@pytest.mark.parametrize("op_type", ["Add", "Mul"])
@few
@given(c=arrays((3,), SPECIAL), x=arrays(shapes(0, 2).map(lambda s: (*s, 3)), SPECIAL))
def test_a_constant_goes_behind(op_type: str, c: np.ndarray, x: np.ndarray) -> None:
    case = single(op_type, [c, x], opset=13, constants=[0])
    made = prove(rules.constant_operand_last, case, op_type=op_type, targets=(7, 13, 14))
    assert made == [op_type]


@pytest.mark.parametrize("constants", [[], [1], [0, 1]])
def test_another_order_stays(constants: list[int]) -> None:
    x = np.ones(3, np.float32)
    case = single("Mul", [x, x], opset=13, constants=constants)
    declines(rules.constant_operand_last, case, "first operand alone", op_type="Mul")
