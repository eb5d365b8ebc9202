import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules.spelled import declines_last, prove_last, spelled
from rules.support import MODEST, arrays, few

from porting.rules import spellings_softplus as rules

TAME = MODEST[np.abs(MODEST) < 88]
"""Beyond it onnx.reference overflows in exp, and gives inf for what is large."""
FORMS = {
    "Greater": "g = Greater(x, t) y = Where(g, x, s)",
    "GreaterOrEqual": "g = GreaterOrEqual(x, t) y = Where(g, x, s)",
    "Less": "g = Less(x, t) y = Where(g, s, x)",
    "LessOrEqual": "g = LessOrEqual(x, t) y = Where(g, s, x)",
}


@pytest.mark.parametrize("form", FORMS)
@few
@given(
    x=arrays((3, 4), TAME),
    shift=st.sampled_from([0.0, 17.0, 20.0, 40.0]),
    threshold=st.sampled_from([17.0, 20.0]),
)
def test_softplus_needs_no_threshold(
    form: str, x: np.ndarray, shift: float, threshold: float
) -> None:
    body = f"s = Softplus(x) {FORMS[form]}"
    case = spelled(body, {"x": (x + shift).astype(np.float32)}, {"t": threshold})
    made = prove_last(rules.softplus_without_threshold, case, targets=(13, 17), rel=1e-6)
    assert made == ["Softplus"]


def test_double_precision_asks_for_more() -> None:
    x = np.linspace(10, 80, 64)
    body = f"s = Softplus(x) {FORMS['Greater']}"
    case = spelled(body, {"x": x}, {"t": 40.0})
    # onnxruntime has no Softplus of float64
    prove_last(rules.softplus_without_threshold, case, ort=False, rel=1e-14)
    near = spelled(body, {"x": x}, {"t": 20.0})
    declines_last(rules.softplus_without_threshold, near, "20 is not far enough")


@pytest.mark.parametrize(
    ("body", "threshold", "reason"),
    [
        (FORMS["Greater"], 10.0, "10 is not far enough"),
        (FORMS["Greater"], np.full((1, 1, 1), 20, np.float32), "not one number"),
        ("g = Greater(x, t) y = Where(g, s, x)", 20.0, "does not choose a Softplus"),
        ("g = Greater(s, t) y = Where(g, x, s)", 20.0, "not about the input"),
        ("m = Mul(x, x) g = Greater(m, t) y = Where(g, m, s)", 20.0, "not about the input"),
        ("g = Equal(x, t) y = Where(g, x, s)", 20.0, "no comparison"),
    ],
)
def test_what_is_no_guard_of_softplus(body: str, threshold: object, reason: str) -> None:
    case = spelled(f"s = Softplus(x) {body}", {"x": np.ones((2, 3), np.float32)}, {"t": threshold})
    declines_last(rules.softplus_without_threshold, case, reason)
