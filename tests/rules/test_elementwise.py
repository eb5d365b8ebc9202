from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules.harness import SPECIAL, single
from rules.support import FINITE, arrays, declines, few, prove, shapes

from porting.rules import elementwise as rules

X = arrays(shapes(smallest=0))
TARGETS = (11, 13, 18)


def scalar(value: float, dtype: str = "float32") -> np.ndarray:
    return np.array(value, dtype)


@few
@given(x=X, low=st.sampled_from([-1.0, 2.0]), high=st.sampled_from([0.5, 6.0, np.inf]))
@pytest.mark.parametrize("constants", [(), (1, 2)])
def test_clip_is_the_same_even_where_the_bounds_cross(
    constants: tuple[int, ...], x: np.ndarray, low: float, high: float
) -> None:
    case = single("Clip", [x, scalar(low), scalar(high)], opset=13, constants=constants)
    assert prove(rules.clip_to_min_max, case, targets=TARGETS) == ["Max", "Min"]


@few
@given(x=arrays(shapes(), SPECIAL[np.inf != SPECIAL]))
def test_clip_with_one_bound_is_the_same(x: np.ndarray) -> None:
    # onnxruntime turns +inf into the greatest number where there is no upper bound
    low = single("Clip", [x, scalar(-0.5)], opset=13, constants=[1])
    assert prove(rules.clip_to_min_max, low, targets=TARGETS) == ["Max"]
    zero = single("Clip", [x, scalar(0.0)], opset=13, constants=[1])
    assert prove(rules.clip_to_relu, zero, targets=TARGETS) == ["Relu"]
    six = single("Clip", [x, scalar(0.0), scalar(6.0)], opset=13, constants=[1, 2])
    assert prove(rules.clip_to_relu, six, targets=TARGETS) == ["Relu", "Min"]


@few
@given(x=arrays(shapes(), FINITE), side=st.sampled_from([1, 2]))
def test_an_absent_bound_is_written_out(x: np.ndarray, side: int) -> None:
    inputs = [x, scalar(0.5)] if side == 1 else [x, None, scalar(0.5)]
    case = single("Clip", inputs, opset=13, constants=[side])
    assert prove(rules.clip_with_both_bounds, case, targets=TARGETS) == ["Clip"]


def test_clip_of_old_has_its_bounds_as_attributes() -> None:
    x = np.array([-3.0, 0.5, 9.0], np.float32)
    case = single("Clip", [x], opset=10, min=-1.0, max=6.0)
    prove(rules.clip_to_min_max, case, targets=(11, 13), reference=False)


@few
@given(x=arrays(shapes(smallest=0), FINITE))
def test_clip_without_bounds_vanishes(x: np.ndarray) -> None:
    # onnxruntime makes the greatest number of +inf, which onnx's function body leaves alone
    case = single("Clip", [x], opset=13)
    assert prove(rules.clip_without_bounds, case) == ["Identity"]


def test_clip_that_has_another_form_is_declined() -> None:
    x = np.ones(3, np.float32)
    both = single("Clip", [x, scalar(-1), scalar(1)], opset=13, constants=[1, 2])
    none = single("Clip", [x], opset=13)
    declines(rules.clip_without_bounds, both, "it has a bound")
    declines(rules.clip_with_both_bounds, both, "it has both bounds already")
    declines(rules.clip_to_relu, both, "its lower bound is not 0")
    declines(rules.clip_to_min_max, none, "it has no bound")
    integers = single("Clip", [np.ones(3, np.int32), scalar(0, "int32")], opset=13, constants=[1])
    declines(rules.clip_to_min_max, integers, "Max of opset 11 does not take int32", opset=11)


@pytest.mark.parametrize(
    ("function", "op_type"),
    [
        (rules.sum_to_add, "Sum"),
        (rules.mean_to_add, "Mean"),
        (rules.extremum_of_two, "Max"),
        (rules.extremum_of_two, "Min"),
    ],
)
@few
@given(x=arrays((2, 1, 3)), y=arrays((4, 3)), count=st.sampled_from([1, 3, 4]))
def test_many_inputs_are_combined_two_by_two(
    function: Any, op_type: str, x: np.ndarray, y: np.ndarray, count: int
) -> None:
    inputs = [x, y, np.float32(0.5) * y, x][:count]
    case = single(op_type, inputs, opset=13)
    # onnx.reference does not broadcast in Mean
    prove(function, case, op_type=op_type, targets=TARGETS, reference=op_type != "Mean")


def test_two_inputs_of_max_are_left_alone() -> None:
    case = single("Max", [np.ones(2, np.float32)] * 2, opset=13)
    declines(rules.extremum_of_two, case, "it has two inputs already", op_type="Max")


@pytest.mark.parametrize(
    ("function", "op_type"),
    [
        (rules.reciprocal_to_div, "Reciprocal"),
        (rules.neg_to_mul, "Neg"),
        (rules.is_nan_to_equal, "IsNaN"),
    ],
)
@few
@given(x=X)
def test_function_of_one_number_is_the_same(function: Any, op_type: str, x: np.ndarray) -> None:
    prove(function, single(op_type, [x], opset=13), targets=TARGETS)


@pytest.mark.parametrize(
    ("function", "op_type"),
    [
        (rules.sub_to_add, "Sub"),
        (rules.greater_or_equal_to_or, "GreaterOrEqual"),
        (rules.less_or_equal_to_or, "LessOrEqual"),
        (rules.less_to_greater, "Less"),
    ],
)
@few
@given(x=arrays((2, 1, 3)), y=arrays((4, 3)))
def test_function_of_two_numbers_is_the_same(
    function: Any, op_type: str, x: np.ndarray, y: np.ndarray
) -> None:
    y = np.where(y > 1, x[0, 0, 0], y)  # some equal ones
    prove(function, single(op_type, [x, y], opset=13), targets=TARGETS)


def test_unsigned_differences_are_declined() -> None:
    case = single("Sub", [np.ones(2, np.uint32)] * 2, opset=13)
    declines(rules.sub_to_add, case, "uint32 has no negative numbers")


@few
@given(x=X, divisor=st.sampled_from([3.0, -0.01, 1e20]))
def test_division_by_a_constant_is_a_product(x: np.ndarray, divisor: float) -> None:
    case = single("Div", [x, scalar(divisor)], opset=13, constants=[1])
    assert prove(rules.div_by_constant_to_mul, case) == ["Mul"]


def test_division_by_zero_or_a_tiny_or_computed_number_is_declined() -> None:
    x = np.ones(2, np.float32)
    for divisor in (0.0, 1e-39, 1e38):
        case = single("Div", [x, scalar(divisor)], opset=13, constants=[1])
        declines(rules.div_by_constant_to_mul, case, "is not an ordinary number")
    declines(rules.div_by_constant_to_mul, single("Div", [x, x], opset=13), "not a constant")
    half = [np.ones(2, np.float16), np.array(3e4, np.float16)]
    case = single("Div", half, opset=13, constants=[1])
    declines(rules.div_by_constant_to_mul, case, "subnormal")


@few
@given(x=X, signs=st.sampled_from([(1, 1), (1, 0), (0, 1)]))
def test_is_inf_is_the_same_for_each_sign(x: np.ndarray, signs: tuple[int, int]) -> None:
    attributes = dict(zip(("detect_positive", "detect_negative"), signs, strict=True))
    prove(rules.is_inf_to_equal, single("IsInf", [x], opset=13, **attributes), targets=TARGETS)


def test_is_inf_of_neither_sign_is_declined() -> None:
    case = single("IsInf", [np.ones(2, np.float32)], opset=13, detect_positive=0, detect_negative=0)
    declines(rules.is_inf_to_equal, case, "detects neither infinity")


@few
@given(shape=shapes(2, 3), seed=st.integers(0, 99))
def test_logic_is_the_same_for_every_truth_value(shape: tuple[int, ...], seed: int) -> None:
    random = np.random.default_rng(seed)
    a, b = random.random(shape) < 0.5, random.random(shape[1:]) < 0.5
    prove(rules.not_to_equal, single("Not", [a], opset=13), targets=TARGETS)
    prove(rules.xor_to_equal, single("Xor", [a, b], opset=13), targets=TARGETS)


@pytest.mark.parametrize("dtype", ["int32", "int64"])
@pytest.mark.parametrize("fmod", [0, 1])
@few
@given(
    a=st.lists(st.integers(-50, 50), min_size=5, max_size=5),
    b=st.lists(st.integers(-7, 7).filter(bool), min_size=5, max_size=5),
)
def test_integer_remainder_is_the_same_for_every_sign(
    dtype: str, fmod: int, a: list[int], b: list[int]
) -> None:
    case = single("Mod", [np.array(a, dtype), np.array(b, dtype)], opset=13, fmod=fmod)
    prove(rules.mod_to_div, case, targets=TARGETS)


@few
@given(a=st.lists(st.integers(-50, 50), min_size=5, max_size=5))
def test_float_remainder_of_moderate_numbers_is_the_same(a: list[int]) -> None:
    inputs = [np.array(a, np.float32) + np.float32(0.25), np.full(5, 4, np.float32)]
    case = single("Mod", inputs, opset=13, fmod=1)
    prove(rules.mod_to_truncation, case, targets=TARGETS, absolute=1e-5)


def test_each_remainder_declines_the_other_type() -> None:
    floats = single("Mod", [np.ones(2, np.float32)] * 2, opset=13, fmod=1)
    declines(rules.mod_to_div, floats, "it is for integers, the input is float32")
    integers = single("Mod", [np.ones(2, np.int32)] * 2, opset=13)
    declines(rules.mod_to_truncation, integers, "it is for floating point")


@pytest.mark.parametrize("axis", [0, 1, -1])
@few
@given(x=arrays((2, 3, 4), np.array([0.0, -0.0, 5.0, -np.inf])))
def test_hardmax_marks_the_first_maximum(axis: int, x: np.ndarray) -> None:
    case = single("Hardmax", [x], opset=13, axis=axis)
    prove(rules.hardmax_to_one_hot, case, targets=TARGETS)
