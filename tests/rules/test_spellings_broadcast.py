import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules.harness import single
from rules.support import arrays, declines, few, prove

from porting.rules import spellings_broadcast as rules

SHAPES = [((2, 1, 4), (3, 1)), ((3, 1), (2, 3, 4)), ((1,), (2, 2)), ((1, 3), (2, 1)), ((), (2,))]
BOTH = [rules.first_operand_expanded, rules.second_operand_expanded]


@pytest.mark.parametrize("op_type", rules.ARITHMETIC)
@few
@given(data=st.data(), shapes=st.sampled_from(SHAPES), constant=st.integers(0, 2))
def test_an_operand_is_repeated_to_the_shape_of_the_result(
    op_type: str, data: st.DataObject, shapes: tuple[tuple[int, ...], ...], constant: int
) -> None:
    case = single(op_type, [data.draw(arrays(s)) for s in shapes], opset=13, constants=[constant])
    after = np.broadcast_shapes(*shapes)
    for index, function in enumerate(BOTH):
        if shapes[index] == after:
            declines(function, case, "result's shape already", op_type=op_type)
        elif index == constant and np.prod(shapes[index]) == 1:
            declines(function, case, "one constant number", op_type=op_type)
        else:
            prove(function, case, op_type=op_type, targets=(13, 17))


@few
@given(x=arrays((2, 3, 4)), slope=arrays(st.sampled_from([(3, 1), (1, 4), (4,)])))
def test_a_slope_is_repeated_to_the_shape_of_the_input(x: np.ndarray, slope: np.ndarray) -> None:
    case = single("PRelu", [x, slope], opset=13, constants=[1])
    prove(rules.second_operand_expanded, case, op_type="PRelu", targets=(11, 17))


def test_constants_are_repeated_in_the_file() -> None:
    case = single(
        "Add", [np.ones((2, 3), np.float32), np.ones(3, np.float32)], opset=13, constants=[1]
    )
    assert prove(rules.second_operand_expanded, case, op_type="Add") == ["Add"]


def test_shapes_must_be_known() -> None:
    model, feed = single("Add", [np.ones((2, 3), np.float32), np.ones(3, np.float32)], opset=13)
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "n"
    declines(rules.second_operand_expanded, (model, feed), "not static", op_type="Add")


def test_other_numbers_of_operands_are_declined() -> None:
    case = single("Max", [np.ones(3, np.float32)], opset=13)
    declines(rules.first_operand_expanded, case, "not two operands", op_type="Max")
