from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules.spelled import declines_last, prove_last, spelled
from rules.support import FINITE, arrays, few, shapes

from porting.rules import spellings_constants as rules

X = arrays((2, 3, 4), FINITE)
EACH = np.array([1.0, 2.0, 3.0], np.float32).reshape(3, 1)
SUMS = [
    ("p = Add(x, a) y = Add(p, b)", {"a": 0.5, "b": EACH}),
    ("p = Add(a, x) y = Add(b, p)", {"a": EACH, "b": 0.5}),
    ("p = Sub(x, a) y = Add(p, b)", {"a": 0.5, "b": EACH}),
    ("p = Add(x, a) y = Sub(p, b)", {"a": EACH, "b": EACH}),
    ("p = Sub(x, a) q = Add(p, b) y = Add(q, c)", {"a": 1.0, "b": 2.0, "c": EACH}),
]


@pytest.mark.parametrize(("body", "constants"), SUMS)
@few
@given(x=X)
def test_constants_of_a_sum_are_one(body: str, constants: dict[str, Any], x: np.ndarray) -> None:
    case = spelled(body, {"x": x}, constants)
    made = prove_last(rules.constants_of_a_sum_joined, case, targets=(11, 17), absolute=1e-5)
    assert made == ["Add"]


@few
@given(x=arrays((2, 3), np.array([0.0]), "int32"), a=st.integers(0, 2**31 - 1))
def test_integers_of_a_sum_wrap_as_before(x: np.ndarray, a: int) -> None:
    constants = {"a": np.int32(a), "b": np.array([5, 2**31 - 1, -7], np.int32)}
    case = spelled("p = Sub(x, a) y = Add(p, b)", {"x": x}, constants)
    prove_last(rules.constants_of_a_sum_joined, case)


@pytest.mark.parametrize(
    ("body", "constants", "reason"),
    [
        ("p = Add(x, x) y = Add(p, a)", {"a": 1.0}, "not another sum"),
        ("p = Relu(x) y = Add(p, a)", {"a": 1.0}, "not another sum"),
        ("p = Sub(a, x) y = Add(p, a)", {"a": 1.0}, "not another sum"),
        ("p = Add(x, a) y = Add(p, x)", {"a": 1.0}, "no operand is a constant"),
        ("p = Add(x, a) y = Add(p, b)", {"a": 3e38, "b": 3e38}, "not finite"),
        ("p = Add(x, a) y = Add(p, b)", {"a": EACH, "b": np.ones(4, np.float32)}, "larger"),
    ],
)
def test_sums_that_stay(body: str, constants: dict[str, Any], reason: str) -> None:
    case = spelled(body, {"x": np.ones((2, 3, 4), np.float32)}, constants)
    declines_last(rules.constants_of_a_sum_joined, case, reason)


REPEATED = [
    ("e = Expand(x, s) y = Mul(e, c)", {"s": np.array([2, 3, 4])}),
    ("e = Expand(x, s) y = Mul(c, e)", {"s": np.array([5, 1, 3, 4])}),
    ("e = Tile(x, s) y = Mul(e, c)", {"s": np.array([2, 1])}),
    ("e = Tile(x, s) y = Div(e, c)", {"s": np.array([1, 3])}),
    ("e = Expand(x, s) y = Div(e, c)", {"s": np.array([2, 1, 1])}),
]
NUMBERS = [2.0, np.array([0.0], np.float32), np.full((1, 4), -np.inf, np.float32)]


@pytest.mark.parametrize(("body", "constants"), REPEATED)
@few
@given(x=arrays(st.sampled_from([(3, 4), (1, 4)])), index=st.integers(0, 1))
def test_a_number_scales_before_repetition(
    body: str, constants: dict[str, Any], x: np.ndarray, index: int
) -> None:
    case = spelled(body, {"x": x}, {**constants, "c": NUMBERS[index]})
    made = prove_last(rules.number_before_repetition, case, targets=(13, 17), rel=0, absolute=0)
    assert made[0] == ("Mul" if "Mul" in body else "Div")
    assert made[1:] == ["Expand" if "Expand" in body else "Tile"]


def test_equal_numbers_for_each_element_are_one_number() -> None:
    case = spelled(REPEATED[0][0], {"x": np.ones((3, 4), np.float32)}, {
        **REPEATED[0][1], "c": NUMBERS[2]
    })  # fmt: skip
    prove_last(rules.number_before_repetition, case)


@pytest.mark.parametrize(
    ("body", "constants", "reason"),
    [
        ("e = Expand(x, s) y = Mul(e, c)", {"c": np.ones((1, 1, 1), np.float32)}, "widens"),
        ("e = Expand(x, s) y = Mul(e, c)", {"c": EACH}, "does not scale"),
        ("e = Expand(x, s) y = Div(c, e)", {"c": 2.0}, "does not scale"),
        ("e = Relu(x) y = Mul(e, c)", {"c": 2.0}, "does not scale"),
    ],
)
def test_repetitions_that_stay(body: str, constants: dict[str, Any], reason: str) -> None:
    shape = {"s": np.array([3, 4])} if "Expand" in body else {}
    case = spelled(body, {"x": np.ones((3, 4), np.float32)}, {**constants, **shape})
    declines_last(rules.number_before_repetition, case, reason)


@few
@given(
    a=arrays((2, 3), FINITE[:0]),
    c=arrays(st.sampled_from([(4,), (1, 4), (2, 4), (2, 1), (1,)]), FINITE[:0]),
    factor=st.sampled_from([2.0, -0.25, 0.0]),
    beta=st.sampled_from([1.0, 0.5]),
)
def test_the_bias_of_a_product_comes_behind_its_factor(
    a: np.ndarray, c: np.ndarray, factor: float, beta: float
) -> None:
    b = np.linspace(-1, 1, 12, dtype=np.float32).reshape(4, 3)
    body = f"g = Gemm <transB = 1, alpha = 0.5, beta = {beta}> (a, b, c) y = Mul(g, f)"
    case = spelled(body, {"a": a, "b": b, "c": c}, {"f": np.array([factor], np.float32)})
    made = prove_last(rules.bias_behind_factor, case, targets=(11, 17), absolute=1e-5)
    assert made == ["Gemm", "Mul", "Mul", "Add"]


def test_products_that_keep_their_bias() -> None:
    given = {"a": np.ones((2, 2), np.float32), "c": np.ones(2, np.float32)}
    for body, factor, reason in [
        ("g = Gemm(a, a, c) y = Mul(g, f)", np.inf, "not finite"),
        ("g = Gemm(a, a) y = Mul(g, f)", 2.0, "no C"),
        ("g = Gemm <beta = 0.0> (a, a, c) y = Mul(g, f)", 2.0, "beta is 0"),
        ("g = MatMul(a, a) y = Mul(g, f)", 2.0, "does not multiply a Gemm"),
        ("g = Gemm(a, a, c) y = Mul(g, c)", 2.0, "does not multiply a Gemm"),
    ]:
        declines_last(rules.bias_behind_factor, spelled(body, given, {"f": factor}), reason)


@few
@given(
    x=arrays((1, 2, 5, 5), FINITE[:0]),
    factor=st.sampled_from([2.0, -0.25, 0.0]),
    bias=st.booleans(),
)
def test_a_factor_comes_before_a_convolution(x: np.ndarray, factor: float, bias: bool) -> None:
    random = np.random.default_rng(5)
    given = {"x": x, "w": random.standard_normal((3, 2, 3, 3)).astype(np.float32)}
    given |= {"b": np.ones(3, np.float32)} if bias else {}
    body = f"g = Conv <pads = [1, 1, 1, 1]> (x, w{', b' if bias else ''}) y = Mul(f, g)"
    case = spelled(body, given, {"f": factor})
    made = prove_last(rules.factor_before_convolution, case, targets=(11, 17), absolute=1e-4)
    assert made == ["Mul", *["Mul"] * bias, "Conv"]


def test_a_factor_for_each_channel_stays() -> None:
    given = {"x": np.ones((1, 2, 3, 3), np.float32), "w": np.ones((2, 2, 1, 1), np.float32)}
    case = spelled("g = Conv(x, w) y = Mul(g, f)", given, {"f": np.ones((2, 1, 1), np.float32)})
    declines_last(rules.factor_before_convolution, case, "does not multiply a Conv")


@few
@given(shape=shapes(least=1))
def test_a_sum_of_any_shape(shape: tuple[int, ...]) -> None:
    x = np.ones(shape, np.float32)
    prove_last(
        rules.constants_of_a_sum_joined,
        spelled("p = Add(x, a) y = Add(p, b)", {"x": x}, {"a": 1.0, "b": x * 2}),
    )
