import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules.spelled import Case, declines_last, prove_last, rewrite_last, spelled
from rules.support import MODEST, arrays, few

from porting.rules import spellings_attention as rules

GUARDS = [
    "n = IsNaN(s) y = Where(n, zero, s)",
    "n = IsNaN(s) m = Not(n) y = Where(m, s, zero)",
    "n = Equal(s, s) y = Where(n, s, zero)",
    "n = Equal(s, s) m = Not(n) y = Where(m, zero, s)",
]
SCORES = "p = MatMul(q, k) a = Div(p, root)"
CAUSAL = np.tril(np.ones((4, 4), bool))
HIDING = np.where(CAUSAL, 0, -np.inf).astype(np.float32)
LOWEST = np.where(CAUSAL, 0, np.finfo(np.float32).min).astype(np.float32)
WHOLE_ROW = np.where(np.arange(4)[:, None] == 1, -np.inf, HIDING).astype(np.float32)


def attention(body: str, opset: int = 17, **constants: object) -> Case:
    """Scores `a` of two small matrices, and what comes behind them."""
    random = np.random.default_rng(3)
    q, k = (random.standard_normal((2, 4, 4)).astype(np.float32) for _ in range(2))
    given = {"q": q, "k": k}
    if "b" in constants:
        given["b"] = constants.pop("b")  # type: ignore[assignment]
    return spelled(f"{SCORES} {body}", given, {"root": 2.0, **constants}, opset=opset)


@pytest.mark.parametrize("guard", GUARDS)
@few
@given(x=arrays((2, 4, 4), MODEST))
def test_a_guard_behind_bounded_scores_goes(guard: str, x: np.ndarray) -> None:
    case = spelled(f"t = Tanh(x) s = Softmax(t) {guard}", {"x": x}, {"zero": 0.0})
    assert prove_last(rules.guard_of_kept_rows, case, targets=(13, 17)) == ["Tanh", "Softmax"]
    assert prove_last(rules.guard_of_softmax, case, targets=(13, 17)) == ["Tanh", "Softmax"]


KEPT = {
    "no mask": ("s = Softmax(a)", {}),
    "a finite mask": ("m = Add(a, c) s = Softmax(m)", {"c": LOWEST}),
    "a mask that leaves each row something": ("m = Add(c, a) s = Softmax(m)", {"c": HIDING}),
    "the same, chosen": ("m = Where(d, a, low) s = Softmax(m)", {"d": CAUSAL, "low": -math.inf}),
    "and the other way": ("m = Where(d, low, a) s = Softmax(m)", {"d": ~CAUSAL, "low": -math.inf}),
    "a finite number at run time": (
        "z = Cast <to = 1> (b) w = Sub(one, z) f = Mul(w, low) m = Add(a, f) s = Softmax(m)",
        {"b": np.array([True, False, True, True]), "one": 1.0, "low": -1e30},
    ),
    "a mask made of a constant": (
        "e = Where(d, zero, low) f = Unsqueeze(e, axes) m = Add(a, f) s = Softmax(m)",
        {"d": CAUSAL, "low": -1e30, "axes": np.array([0])},
    ),
    "two masks": (
        "m = Add(a, c) w = Add(m, e) s = Softmax(w)",
        {"c": HIDING, "e": np.array([0, -np.inf, 0, 0], np.float32)},
    ),
    "a scaled mask": (
        "m = Add(a, c) w = Mul(m, two) s = Softmax(w)",
        {"c": HIDING, "two": np.array([2.0], np.float32)},
    ),
    "another axis": ("m = Add(a, c) s = Softmax <axis = 1> (m)", {"c": HIDING}),
}


@pytest.mark.parametrize("name", KEPT)
def test_a_guard_behind_rows_that_keep_something_goes(name: str) -> None:
    body, constants = KEPT[name]
    case = attention(f"{body} {GUARDS[0]}", zero=0.0, **constants)
    assert prove_last(rules.guard_of_kept_rows, case)[-1] == "Softmax"


OPEN = {
    "a row may be masked": ("m = Add(a, c) s = Softmax(m)", {"c": WHOLE_ROW}),
    "a row may be masked altogether": (
        "m = Add(a, c) s = Softmax(m)",
        {"c": np.array([[0.0], [-np.inf], [0], [0]], np.float32)},
    ),
    "at run time only": (
        "m = Where(b, a, low) s = Softmax(m)",
        {"low": -math.inf, "b": np.array([True, False, True, True])},
    ),
    "an input of the graph": (
        "m = Add(a, b) s = Softmax(m)",
        {"b": np.zeros(4, np.float32)},
    ),
    "Log in front of Softmax": (
        "z = Log(b) m = Add(a, z) s = Softmax(m)",
        {"b": np.ones(4, np.float32)},
    ),
    r"holds NaN or \+inf": ("m = Add(a, c) s = Softmax(m)", {"c": math.inf}),
    "Cast in front": (
        "z = Cast <to = 10> (b) m = Cast <to = 1> (z) w = Add(a, m) s = Softmax(w)",
        {"b": np.zeros(4, np.float32)},
    ),
    "goes through Sub": ("m = Sub(a, c) s = Softmax(m)", {"c": HIDING}),
    "a divisor": (
        "m = Div(a, z) s = Softmax(m)",
        {"z": np.zeros(1, np.float32)},
    ),
}


@pytest.mark.parametrize("reason", OPEN)
def test_a_guard_that_may_be_needed_stays_unless_it_is_allowed(reason: str) -> None:
    body, constants = OPEN[reason]
    case = attention(f"{body} {GUARDS[0]}", zero=0.0, **constants)
    declines_last(rules.guard_of_kept_rows, case, reason)
    assert rewrite_last(case[0], rules.guard_of_softmax).graph.node[-1].op_type == "Softmax"


def test_below_opset_13_rows_run_over_several_axes() -> None:
    body = f"m = Add(a, c) s = Softmax <axis = 1> (m) {GUARDS[0]}"
    case = attention(body, opset=11, c=HIDING, zero=0.0)
    declines_last(rules.guard_of_kept_rows, case, "below opset 13")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("s = Softmax(x) y = Where(c, zero, s)", "does not ask for NaN"),
        ("s = Softmax(x) n = IsNaN(x) y = Where(n, zero, s)", "not what it asks about"),
        ("s = Softmax(x) n = IsNaN(s) y = Where(n, s, zero)", "not what it asks about"),
        ("s = Softmax(x) n = IsNaN(s) y = Where(n, x, s)", "one number for NaN"),
        ("s = Softmax(x) n = IsNaN(s) y = Where(n, more, s)", "one number for NaN"),
        ("s = Exp(x) n = IsNaN(s) y = Where(n, zero, s)", "does not guard a Softmax"),
        ("s = Softmax(x) n = Equal(s, x) y = Where(n, s, zero)", "does not ask for NaN"),
    ],
)
def test_what_is_no_guard_of_softmax(body: str, reason: str) -> None:
    constants = {"zero": 0.0, "more": np.zeros((1, 1, 1), np.float32), "c": np.array([True])}
    used = {n: c for n, c in constants.items() if n in body.replace("Where", "").split("=", 1)[1]}
    case = spelled(body, {"x": np.ones((2, 3), np.float32)}, used)
    declines_last(rules.guard_of_softmax, case, reason)


MASKS = [
    ("m = Add(t, c)", {"c": LOWEST}),
    ("m = Add(c, t)", {"c": HIDING}),
    ("m = Where(d, t, low)", {"d": CAUSAL, "low": -3.4e38}),
    ("m = Where(d, low, t)", {"d": ~CAUSAL, "low": -math.inf}),
]


@pytest.mark.parametrize(("mask", "constants"), MASKS)
@few
@given(x=arrays((2, 4, 4), MODEST), scale=st.sampled_from([0.5, 30.0]))
def test_a_mask_of_bounded_scores_is_ten_thousand(
    mask: str, constants: dict[str, object], x: np.ndarray, scale: float
) -> None:
    body = f"h = Tanh(x) t = Mul(h, scale) {mask} y = Softmax(m)"
    case = spelled(body, {"x": x}, {"scale": scale, **constants})
    for function in (rules.mask_of_bounded_scores, rules.mask_of_ten_thousand):
        prove_last(function, case, targets=(13, 17), rel=0, absolute=0)


BIASED = np.where(CAUSAL, -np.arange(4.0), -1e30).astype(np.float32)


@pytest.mark.parametrize(("mask", "constants"), [*MASKS, ("m = Add(t, c)", {"c": BIASED})])
@few
@given(scale=st.sampled_from([0.5, 30.0, 1e6, 1e20]), seed=st.integers(0, 99))
def test_a_mask_of_any_scores_is_below_their_row(
    mask: str, constants: dict[str, object], scale: float, seed: int
) -> None:
    random = np.random.default_rng(seed)
    q, k = (random.standard_normal((2, 4, 4)).astype(np.float32) for _ in range(2))
    body = f"p = MatMul(q, k) t = Mul(p, scale) {mask} y = Softmax <axis = -1> (m)"
    case = spelled(body, {"q": q, "k": k}, {"scale": scale, **constants})
    made = prove_last(rules.mask_below_its_row, case, targets=(11, 13, 17, 18), rel=1e-6)
    assert made[-6:] == ["ReduceMin", "Abs", "Sub", "Sub", "Where", "Softmax"]


def test_a_mask_of_numbers_of_64_bits_is_further_below() -> None:
    x = np.linspace(-9, 9, 16).reshape(4, 4)
    case = spelled("t = Tanh(x) m = Add(t, c) y = Softmax(m)", {"x": x}, {"c": -1e300 * ~CAUSAL})
    prove_last(rules.mask_below_its_row, case, rel=0, absolute=0)


@pytest.mark.parametrize(
    ("body", "constants", "reason"),
    [
        ("m = Add(x, c) y = Softmax(m)", {"c": LOWEST}, "an input of the graph"),
        ("t = Tanh(x) m = Add(t, c) y = Softmax(m)", {"c": WHOLE_ROW}, "masked altogether"),
        ("t = Tanh(x) m = Add(t, c) y = Softmax(m)", {"c": -1e30}, "masked altogether"),
        ("t = Tanh(x) m = Add(t, c) y = Softmax(m)", {"c": LOWEST / 1e30}, "neither huge"),
        ("t = Tanh(x) n = Not(e) m = Where(n, c, t) y = Softmax(m)", {"c": -1e30}, "run time only"),
        ("t = Tanh(x) m = Where(d, c, t) y = Softmax(m)", {"c": BIASED, "d": ~CAUSAL}, "other num"),
        ("t = Tanh(x) u = Add(t, c) m = Add(u, c) y = Softmax(m)", {"c": HIDING}, "masked before"),
        ("t = Tanh(x) m = Add(t, c) y = Softmax(m)", {"c": LOWEST[None, None]}, "another rank"),
    ],
)
def test_a_mask_that_cannot_be_put_below_stays(body: str, constants: dict, reason: str) -> None:
    inputs = {"x": np.ones((4, 4), np.float32)}
    if "(e)" in body:
        inputs["e"] = CAUSAL
    declines_last(rules.mask_below_its_row, spelled(body, inputs, constants), reason)


@pytest.mark.parametrize(
    ("body", "constants", "reason"),
    [
        ("m = Add(x, c) y = Softmax(m)", {"c": LOWEST}, "does not show bounds"),
        ("t = Tanh(x) m = Add(t, c) y = Softmax(m)", {"c": WHOLE_ROW}, "masked altogether"),
        ("t = Tanh(x) m = Add(t, c) y = Softmax(m)", {"c": -1e30}, "masked altogether"),
        ("h = Tanh(x) t = Mul(h, f) m = Add(t, c) y = Softmax(m)", {"c": LOWEST, "f": 5e3}, "near"),
        ("y = Softmax(x)", {}, "nothing masks"),
        ("m = Add(x, c) y = Softmax(m)", {"c": -1e4}, "no constant mask"),
        ("m = Add(x, c) y = Softmax(m)", {"c": math.nan}, "no constant mask"),
        ("t = Tanh(x) n = Not(e) m = Where(n, c, t) y = Softmax(m)", {"c": -1e9}, "run time only"),
    ],
)
def test_a_mask_that_may_matter_stays(body: str, constants: dict, reason: str) -> None:
    inputs = {"x": np.ones((4, 4), np.float32)}
    if "(e)" in body:
        inputs["e"] = CAUSAL
    declines_last(rules.mask_of_bounded_scores, spelled(body, inputs, constants), reason)


def test_numbers_of_half_precision_become_finite() -> None:
    x = np.linspace(-4, 4, 16, dtype=np.float16).reshape(4, 4)
    body = "m = Add(x, c) y = Softmax(m)"
    case = spelled(body, {"x": x}, {"c": HIDING.astype(np.float16)})
    prove_last(rules.mask_of_ten_thousand, case, rel=1e-2)
