import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules.spelled import Case, declines_last, prove_last, rewrite_last, spelled
from rules.support import MODEST, arrays, few, shapes

from porting.rules import spellings_gelu as rules

X = arrays(shapes(smallest=0))
CONSTANTS = {
    "half": 0.5,
    "one": 1.0,
    "two": 2.0,
    "s": math.sqrt(2),
    "r": math.sqrt(0.5),
    "k": math.sqrt(2 / math.pi),
    "c": 0.044715,
    "kc": math.sqrt(2 / math.pi) * 0.044715,
    "three": 3.0,
    "square": 2.0,
}
ERF = "d = Div(x, s) e = Erf(d) o = Add(e, one)"
BY_ERF = [
    f"{ERF} h = Mul(o, half) y = Mul(x, h)",
    f"{ERF} h = Mul(half, o) y = Mul(h, x)",
    f"{ERF} h = Mul(x, half) y = Mul(h, o)",
    f"{ERF} h = Mul(x, o) y = Mul(half, h)",
    f"{ERF} h = Mul(x, o) y = Div(h, two)",
    f"{ERF} h = Div(o, two) y = Mul(x, h)",
    "d = Mul(x, r) e = Erf(d) o = Add(one, e) h = Mul(x, half) y = Mul(o, h)",
    "d = Mul(r, x) e = Erf(d) f = Mul(e, half) o = Add(f, half) y = Mul(x, o)",
]
CUBE = "b = Pow(x, three) d = Mul(b, c) i = Add(x, d)"
TANH = "t = Mul(i, k) e = Tanh(t) o = Add(e, one)"
HALVED = f"{TANH} h = Mul(x, half) y = Mul(h, o)"
BY_TANH = [
    f"{CUBE} {HALVED}",
    f"{CUBE} {TANH} h = Mul(o, half) y = Mul(x, h)",
    f"{CUBE} {TANH} h = Mul(x, o) y = Mul(half, h)",
    f"p = Mul(x, x) b = Mul(p, x) d = Mul(c, b) i = Add(d, x) {HALVED}",
    f"p = Mul(c, x) b = Mul(p, x) d = Mul(b, x) i = Add(d, x) {HALVED}",
    "p = Pow(x, square) d = Mul(p, c) i = Add(d, one) t = Mul(x, i) u = Mul(t, k) e = Tanh(u)"
    " f = Add(e, one) h = Mul(x, half) y = Mul(h, f)",
    "p = Mul(x, x) d = Mul(p, c) i = Add(one, d) u = Mul(x, k) t = Mul(u, i) e = Tanh(t)"
    " f = Add(one, e) h = Mul(x, f) y = Mul(half, h)",
]


def gelu(body: str, x: np.ndarray, opset: int = 17, **changed: float) -> Case:
    used = {n: v for n, v in (CONSTANTS | changed).items() if f"({n}," in body or f" {n})" in body}
    return spelled(body, {"x": x}, used, opset=opset)


@pytest.mark.parametrize("body", BY_ERF)
@few
@given(x=X)
def test_each_order_of_a_gelu_by_erf_becomes_the_one_that_is_fused(
    body: str, x: np.ndarray
) -> None:
    made = prove_last(rules.gelu_respelled, gelu(body, x), targets=(13, 17))
    assert made == ["Div", "Erf", "Add", "Mul", "Mul"]


def test_a_half_stands_first_in_half_precision() -> None:
    x = np.array([60000, -60000, 1, -1], np.float16)
    case = gelu(BY_ERF[2], x)
    # onnxruntime has no such kernel
    prove_last(rules.gelu_respelled, case, ort=False, rel=2e-3)
    *_, halved, last = rewrite_last(case[0], rules.gelu_respelled).graph.node
    assert "x" in halved.input
    assert halved.output[0] in last.input


def test_another_root_is_kept() -> None:
    x = np.linspace(-3, 3, 13, dtype=np.float32)
    prove_last(rules.gelu_respelled, gelu(BY_ERF[0], x, s=1.7))
    declines_last(rules.gelu_joined, gelu(BY_ERF[0], x, s=1.7), "sqrt 2", opset=20)


@pytest.mark.parametrize("body", BY_ERF + BY_TANH)
@few
@given(x=arrays(shapes(smallest=0), MODEST))
def test_a_gelu_that_is_written_out_is_the_operator(body: str, x: np.ndarray) -> None:
    case = gelu(body, x, opset=20)
    assert prove_last(rules.gelu_joined, case, targets=(20, 22)) == ["Gelu"]


@pytest.mark.parametrize("body", BY_TANH)
@few
@given(x=arrays(shapes(smallest=0), MODEST))
def test_each_order_of_a_gelu_by_tanh_is_written_with_products(body: str, x: np.ndarray) -> None:
    made = prove_last(rules.gelu_by_tanh_respelled, gelu(body, x), targets=(11, 17))
    assert "Pow" not in made


@few
@given(
    changed=st.sampled_from(
        [{"half": 0.25}, {"one": 2.0}, {"half": -0.5}, {"two": 1.0}, {"s": -1.0}, {"s": math.nan}]
    ),
    body=st.sampled_from(BY_ERF[:6]),
)
def test_other_constants_are_no_gelu(body: str, changed: dict[str, float]) -> None:
    x = np.ones((2, 3), np.float32)
    if any(f"({n}," in body or f" {n})" in body for n in changed):
        declines_last(rules.gelu_respelled, gelu(body, x, **changed), "not the last product")


@pytest.mark.parametrize("body", BY_TANH[::2])
@pytest.mark.parametrize("changed", [{"c": 0.04}, {"k": 0.8}, {"half": 1.0}, {"one": 1.5}])
def test_other_constants_are_no_gelu_by_tanh(body: str, changed: dict[str, float]) -> None:
    case = gelu(body, np.ones(3, np.float32), **changed)
    declines_last(rules.gelu_by_tanh_respelled, case, "not the last product")


def test_a_part_of_a_gelu_is_none() -> None:
    x = np.ones(3, np.float32)
    for body in (f"{ERF} y = Mul(x, o)", "y = Mul(x, half)", "z = Relu(x) y = Mul(x, z)"):
        declines_last(rules.gelu_respelled, gelu(body, x), "not the last product")
    two = spelled(
        f"{ERF} h = Mul(z, o) y = Mul(h, half)",
        {"x": x, "z": x},
        {n: CONSTANTS[n] for n in ("s", "one", "half")},
    )
    declines_last(rules.gelu_respelled, two, "not the last product")
    whole = spelled("y = Mul(x, x)", {"x": np.ones(2, np.int64)})
    declines_last(rules.gelu_respelled, whole, "floating point")


def test_a_constant_that_widens_the_shape_is_no_factor() -> None:
    case = gelu(f"{ERF} h = Mul(x, o) y = Mul(h, half)", np.ones(3, np.float32))
    wide = spelled(
        f"{ERF} h = Mul(x, o) y = Mul(h, half)",
        case[1],
        {"s": math.sqrt(2), "one": 1.0, "half": np.full((1, 1), 0.5, np.float32)},
    )
    declines_last(rules.gelu_respelled, wide, "not the last product")


def test_the_other_curve_is_declined() -> None:
    x = np.ones(3, np.float32)
    declines_last(rules.gelu_respelled, gelu(BY_TANH[0], x), "by tanh")
    declines_last(rules.gelu_by_tanh_respelled, gelu(BY_ERF[0], x), "by erf")


def test_what_others_read_of_the_pattern_stays() -> None:
    x = np.ones(3, np.float32)
    case = gelu(f"{ERF} h = Mul(o, half) y = Mul(x, h)", x)
    case[0].graph.output.add().name = "e"
    result = rewrite_last(case[0], rules.gelu_respelled)
    assert [n.op_type for n in result.graph.node].count("Erf") == 2
