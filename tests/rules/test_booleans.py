from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules.harness import SPECIAL, single
from rules.support import FINITE, arrays, declines, few, prove, shapes

from porting.rules import booleans as rules

TARGETS = (11, 13, 18)
seeds = st.integers(0, 2**32 - 1)


def bits(shape: tuple[int, ...], seed: int) -> np.ndarray:
    return np.asarray(np.random.default_rng(seed).random(shape) < 0.5)


LOGIC = [
    ("And", rules.and_to_product), ("And", rules.and_to_or), ("Or", rules.or_to_sum),
    ("Or", rules.or_to_and), ("Xor", rules.xor_to_difference), ("Xor", rules.xor_to_or),
    ("Equal", rules.equal_of_booleans),
]  # fmt: skip


@pytest.mark.parametrize(("op_type", "function"), LOGIC)
@few
@given(shape=shapes(smallest=0), seed=seeds, wide=st.booleans())
def test_logic_is_the_same(
    op_type: str, function: Any, shape: tuple[int, ...], seed: int, wide: bool
) -> None:
    other = shape[1:] if wide else shape
    case = single(op_type, [bits(shape, seed), bits(other, seed + 1)], opset=13)
    prove(function, case, targets=TARGETS)


@few
@given(shape=shapes(smallest=0), seed=seeds)
def test_negation_is_a_difference(shape: tuple[int, ...], seed: int) -> None:
    case = single("Not", [bits(shape, seed)], opset=13)
    assert prove(rules.not_to_difference, case, targets=TARGETS) == ["Cast", "Sub", "Cast"]


@few
@given(shape=shapes(smallest=0), seed=seeds)
def test_choice_between_booleans(shape: tuple[int, ...], seed: int) -> None:
    inputs = [bits(shape, seed + i) for i in range(3)]
    case = single("Where", inputs, opset=13)
    prove(rules.where_of_booleans, case, targets=TARGETS, ort=False)  # which has no such kernel


@few
@given(
    shape=shapes(smallest=0), seed=seeds, values=st.tuples(
        st.sampled_from([0.0, 1.5, -1e4]), st.sampled_from([0.0, 2.5, -1e30])
    ),
)  # fmt: skip
def test_choice_between_finite_constants(
    shape: tuple[int, ...], seed: int, values: tuple[float, float]
) -> None:
    inputs = [bits(shape, seed), *(np.array(v, np.float32) for v in values)]
    case = single("Where", inputs, opset=13, constants=(1, 2))
    prove(rules.where_of_constants, case, targets=TARGETS)


@few
@given(shape=shapes(), seed=seeds, dtype=st.sampled_from(["int32", "int64"]))
def test_choice_between_integers(shape: tuple[int, ...], seed: int, dtype: str) -> None:
    random = np.random.default_rng(seed)
    limits = np.iinfo(dtype)
    branches = [np.asarray(random.integers(limits.min, limits.max, shape, dtype)) for _ in range(2)]
    case = single("Where", [bits(shape, seed), *branches], opset=13)
    prove(rules.where_of_constants, case, targets=TARGETS)


@few
@given(x=arrays((2, 3), FINITE), y=arrays((3,), FINITE), seed=seeds)
def test_choice_between_finite_numbers(x: np.ndarray, y: np.ndarray, seed: int) -> None:
    case = single("Where", [bits((2, 3), seed), x, y], opset=13)
    prove(rules.where_to_masks, case, targets=TARGETS)


def test_a_branch_that_may_be_infinite_is_no_mask() -> None:
    inputs = [bits((3,), 0), np.ones(3, np.float32), np.array(-np.inf, np.float32)]
    case = single("Where", inputs, opset=13, constants=(2,))
    declines(rules.where_of_constants, case, "not a finite constant")
    declines(rules.where_to_masks, case, "a constant branch is not finite")
    declines(rules.where_of_booleans, case, "the branches are not bool")


NUMBERS = ["int8", "uint8", "int32", "int64", "uint64", "float32"]
COMPARED = [
    ("Equal", rules.equal_to_order), ("Greater", rules.greater_to_less),
    ("GreaterOrEqual", rules.greater_or_equal_to_less_or_equal),
    ("LessOrEqual", rules.less_or_equal_to_greater_or_equal),
]  # fmt: skip
OF_INTEGERS = [
    ("Equal", rules.equal_to_difference),
    ("GreaterOrEqual", rules.greater_or_equal_of_integers),
    ("LessOrEqual", rules.less_or_equal_of_integers),
]


def numbers(dtype: str, shape: tuple[int, ...], seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    if dtype == "float32":
        return np.asarray(random.choice(SPECIAL, shape), np.float32)
    limits = np.iinfo(dtype)
    odd = np.array([limits.min, limits.max, 0, 1, limits.max - 1], dtype)
    return np.asarray(random.choice(odd, shape))


@pytest.mark.parametrize(("op_type", "function"), [*COMPARED, *OF_INTEGERS])
@few
@given(shape=shapes(), seed=seeds, data=st.data())
def test_comparisons_are_the_same(
    op_type: str, function: Any, shape: tuple[int, ...], seed: int, data: st.DataObject
) -> None:
    whole = (op_type, function) in OF_INTEGERS
    dtype = data.draw(st.sampled_from(NUMBERS[:-1] if whole else NUMBERS))
    case = single(op_type, [numbers(dtype, shape, seed), numbers(dtype, shape, seed + 1)], opset=17)
    targets = (13, 17) if op_type.endswith("Equal") else TARGETS
    if function is rules.equal_to_difference and dtype in {"int8", "uint8"}:
        targets = (14, 17)
    # onnxruntime has no such comparisons of unsigned and 16-bit integers
    prove(function, case, targets=targets, ort=dtype not in {"uint64", "int8", "uint8"})


def test_comparisons_of_floats_are_not_those_of_integers() -> None:
    x = np.ones(3, np.float32)
    for op_type, function in OF_INTEGERS:
        declines(function, single(op_type, [x, x], opset=13), "it is for integers")
    declines(rules.equal_of_booleans, single("Equal", [x, x], opset=13), "it is for bool")
    yes = np.array([True])
    declines(rules.equal_to_order, single("Equal", [yes, yes], opset=13), "bool has no order")


@pytest.mark.parametrize("detect", [(1, 1), (1, 0), (0, 1)])
@few
@given(x=arrays(shapes()))
def test_infinity_is_beyond_every_number(detect: tuple[int, int], x: np.ndarray) -> None:
    case = single("IsInf", [x], opset=13, detect_positive=detect[0], detect_negative=detect[1])
    prove(rules.is_inf_to_order, case, targets=TARGETS)


def test_neither_infinity_is_declined() -> None:
    case = single("IsInf", [np.ones(2, np.float32)], opset=13, detect_positive=0, detect_negative=0)
    declines(rules.is_inf_to_order, case, "detects neither infinity")
