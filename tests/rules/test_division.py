import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules.harness import SPECIAL, single
from rules.support import arrays, declines, few, prove, shapes

from porting.rules import division as rules


@pytest.mark.parametrize("dtype", ["int32", "int64", "uint8"])
@few
@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.sampled_from([(4,), (2, 4), (2, 1), (0, 4)]),
    divisors=st.lists(st.sampled_from([1, 2, 3, 7, 100]), min_size=4, max_size=4),
)
def test_each_divisor_is_a_division(
    dtype: str, seed: int, shape: tuple[int, ...], divisors: list[int]
) -> None:
    info = np.iinfo(dtype)
    random = np.random.default_rng(seed)
    a = random.integers(info.min, info.max, shape, dtype, endpoint=True)
    b = np.array(divisors, dtype)
    if dtype != "uint8":
        b = b * random.choice(np.array([-2, 1], dtype), 4)
    case = single("Div", [a, b], opset=14, constants=[1])
    if len(np.unique(b)) == 1:
        declines(rules.division_by_each_number, case, "it has one divisor")
        return
    # onnx.reference rounds quotients of integers down
    operators = prove(rules.division_by_each_number, case, reference=False, targets=(14, 18))
    assert operators.count("Div") == len(np.unique(b))


@few
@given(x=arrays(shapes(least=1).map(lambda s: (*s, 3)), SPECIAL))
def test_equal_divisors_are_one(x: np.ndarray) -> None:
    case = single("Div", [x, np.full(3, 1.5, np.float32)], opset=13, constants=[1])
    assert prove(rules.division_by_equal_numbers, case, targets=(11, 18)) == ["Div"]


def test_divisors_that_are_computed_many_or_zero_are_declined() -> None:
    each, equal = rules.division_by_each_number, rules.division_by_equal_numbers
    a = np.arange(40, dtype=np.int32)
    for rule in (each, equal):
        declines(rule, single("Div", [a, a + 1], opset=14), "not a constant")
    declines(each, single("Div", [a, a + 1], opset=14, constants=[1]), "more than 32")
    declines(each, single("Div", [a[:2], a[:2]], opset=14, constants=[1]), "a divisor is 0")
    declines(each, single("Div", [a, a[1:2]], opset=14, constants=[1]), "one number already")
    floats = single("Div", [np.ones(2, np.float32)] * 2, opset=14, constants=[1])
    declines(each, floats, "it is for integers")
    wider = single("Div", [np.ones(1, np.float32), np.ones(2, np.float32)], opset=14, constants=[1])
    declines(equal, wider, "it may widen the shape")
    other = single("Div", [np.ones(2, np.float32), np.float32([1, 2])], opset=14, constants=[1])
    declines(equal, other, "one number repeated")


@pytest.mark.parametrize("dtype", ["int32", "int64", "uint8", "int8"])
@few
@given(seed=st.integers(0, 2**32 - 1), shape=shapes(smallest=0))
def test_the_remainder_gets_the_sign_of_the_divisor(
    dtype: str, seed: int, shape: tuple[int, ...]
) -> None:
    info, random = np.iinfo(dtype), np.random.default_rng(seed)
    most = min(info.max, 2**53)  # onnxruntime computes fmod of int64 in double precision
    a = random.integers(max(info.min, -most), most, shape, dtype, endpoint=True)
    b = random.integers(max(info.min + 1, -9), 9, shape, dtype, endpoint=True)
    case = single("Mod", [a, np.where(b == 0, 5, b).astype(dtype)], opset=13)
    narrow = dtype == "int8"  # before opset 14 there are sums of 32 and 64 bits only
    prove(rules.mod_by_fmod, case, targets=(14,) if narrow else (11, 14))


@few
@given(a=arrays((8,), SPECIAL), b=arrays((8,), SPECIAL))
def test_remainders_of_floats_get_the_sign_too(a: np.ndarray, b: np.ndarray) -> None:
    case = single("Mod", [a, b], opset=28, ir_version=13)
    prove(rules.mod_by_fmod, case, ort=False)  # which has no opset 28


def test_what_is_fmod_already_stays() -> None:
    case = single("Mod", [np.ones(2, np.float32)] * 2, opset=13, fmod=1)
    declines(rules.mod_by_fmod, case, "fmod is set")
