from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules.harness import SPECIAL, single
from rules.support import MODEST, arrays, declines, few, prove, shapes

from porting.rules import rounding as rules

TARGETS = (11, 13, 18)
NEAR = np.array([*SPECIAL, 0.5, 1.5, 2.5, -0.5, -1.5, 8388609.5, 16777217.0, -1e-8, 0.49999997])
X = arrays(shapes(smallest=0), NEAR)


@pytest.mark.parametrize(
    ("op_type", "function"),
    [
        ("Abs", rules.abs_to_relu),
        ("Abs", rules.abs_to_max),
        ("Ceil", rules.ceil_to_floor),
        ("Floor", rules.floor_to_ceil),
        ("Floor", rules.floor_to_round),
        ("Round", rules.round_to_floor),
    ],
)
@few
@given(x=X)
def test_the_same_numbers(op_type: str, function: Any, x: np.ndarray) -> None:
    prove(function, single(op_type, [x], opset=13), targets=TARGETS)


@few
@given(x=arrays(shapes(), np.array([-0.0, 0.5, -0.5, 1.5, 2e9, -2e9, -1e-40])))
def test_floor_by_a_cast(x: np.ndarray) -> None:
    case = single("Floor", [x], opset=13)
    prove(rules.floor_to_truncation, case, targets=TARGETS)


@few
@given(x=arrays(shapes(), SPECIAL), whole=st.booleans())
def test_sign_is_a_choice_or_a_difference(x: np.ndarray, whole: bool) -> None:
    numbers = np.asarray(np.nan_to_num(x, posinf=np.inf, neginf=-np.inf))
    if whole:
        x = numbers = np.asarray(numbers.clip(-9, 9).astype(np.int32))
    prove(rules.sign_to_choices, single("Sign", [x], opset=13), targets=TARGETS)
    prove(rules.sign_to_comparisons, single("Sign", [numbers], opset=13), targets=TARGETS)


@few
@given(seed=st.integers(0, 99), dtype=st.sampled_from(["int8", "int32", "int64"]))
def test_absolute_value_of_integers_is_a_maximum(seed: int, dtype: str) -> None:
    limits = np.iinfo(dtype)
    x = np.random.default_rng(seed).integers(limits.min, limits.max, (3, 4), dtype)
    x[0, 0] = limits.min
    prove(rules.abs_to_max, single("Abs", [x], opset=13), targets=(12, 13))


def test_unsigned_integers_have_no_sign() -> None:
    x = np.ones(3, np.uint8)
    declines(rules.abs_to_max, single("Abs", [x], opset=13), "no negative numbers")
    for function in (rules.sign_to_comparisons, rules.sign_to_choices):
        declines(function, single("Sign", [x], opset=13), "no negative numbers")
    declines(rules.abs_to_relu, single("Abs", [x], opset=13), "it is for floating point")


@pytest.mark.parametrize("op_type", ["Max", "Min"])
@few
@given(a=arrays((3, 4), SPECIAL), b=arrays((4,), SPECIAL))
def test_extremes_of_floats(op_type: str, a: np.ndarray, b: np.ndarray) -> None:
    case = single(op_type, [a, b], opset=13)
    prove(rules.extremum_to_where, case, op_type=op_type, targets=(12, 13, 18))
    prove(rules.extremum_to_opposite, case, op_type=op_type, targets=TARGETS)


@pytest.mark.parametrize("op_type", ["Max", "Min"])
@few
@given(seed=st.integers(0, 99), dtype=st.sampled_from(["int32", "int64", "uint32", "uint64"]))
def test_extremes_of_integers(op_type: str, seed: int, dtype: str) -> None:
    limits, random = np.iinfo(dtype), np.random.default_rng(seed)
    a, b = (random.integers(limits.min, limits.max, (3, 4), dtype) for _ in range(2))
    case = single(op_type, [a, b], opset=13)
    # onnxruntime compares no unsigned integers of 64 bits
    prove(rules.extremum_to_where, case, op_type=op_type, targets=(12, 13), ort=dtype[0] == "i")


@pytest.mark.parametrize("op_type", ["Max", "Min"])
@few
@given(a=arrays((3, 4), MODEST), b=arrays((4,), MODEST))
def test_extremes_by_relu(op_type: str, a: np.ndarray, b: np.ndarray) -> None:
    case = single(op_type, [a, b], opset=13)
    prove(rules.extremum_to_relu, case, op_type=op_type, targets=TARGETS, absolute=1e-4)


def test_other_numbers_of_operands_are_declined() -> None:
    x = np.ones(3, np.float32)
    three = single("Max", [x, x, x], opset=13)
    declines(rules.extremum_to_where, three, "it has not two inputs", op_type="Max")
    declines(rules.extremum_to_relu, three, "it has not two inputs", op_type="Max")
    whole = single("Min", [x.astype(np.int32)] * 2, opset=13)
    declines(rules.extremum_to_opposite, whole, "it is for floating point", op_type="Min")
