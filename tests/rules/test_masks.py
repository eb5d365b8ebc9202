"""Constants of masks that lie beyond half precision."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules.spelled import spelled
from rules.support import arrays, declines, few, prove

from porting.rules import masks as rules

SCORES = arrays((2, 3, 4), np.array([-0.0, 30.0, -30.0]))
KEPT = np.eye(3, 4, dtype=bool)
"""What a row keeps at least."""

BODIES = {
    "Mul": "f = Mul(w, low) g = Unsqueeze(f, axes) m = Add(x, g) y = Softmax(m)",
    "Add": "m = Add(x, c) y = Softmax(m)",
    "Where": "m = Where(b, low, x) t = Transpose(m) u = Transpose(t) y = Softmax(u)",
}


@st.composite
def hidden(draw: st.DrawFn) -> np.ndarray:
    """Which scores are masked."""
    bits = draw(st.integers(1, 2**12 - 1))
    found = np.array([bits >> i & 1 for i in range(12)], bool).reshape(3, 4) & ~KEPT
    return found if found.any() else ~KEPT


@pytest.mark.parametrize("low", [-1e9, -1e30, float(np.finfo(np.float32).min), -np.inf])
@pytest.mark.parametrize("op_type", sorted(BODIES))
@few
@given(x=SCORES, mask=hidden())
def test_what_is_masked_stays_masked(op_type: str, low: float, x: np.ndarray, mask: Any) -> None:
    if op_type == "Mul" and low == -np.inf:
        return  # zero times infinity
    masked = np.where(mask, np.float32(low), np.float32(0))
    feeds, constants = {
        "Mul": ({"w": mask.astype(np.float32)}, {"low": low, "axes": np.array([0])}),
        "Add": ({}, {"c": masked}),
        "Where": ({"b": mask}, {"low": low}),
    }[op_type]
    case = spelled(BODIES[op_type], {"x": x, **feeds}, constants)
    prove(rules.mask_constant_of_ten_thousand, case, op_type=op_type, targets=(13, 17))


ONES = np.ones((2, 3, 4), np.float32)


@pytest.mark.parametrize(
    ("body", "constant", "reason"),
    [
        ("m = Add(x, c) y = Relu(m)", -1e9, "elsewhere than to a softmax"),
        ("m = Add(x, c) y = LogSoftmax(m)", -1e9, "elsewhere than to a softmax"),
        ("y = Add(x, c)", -1e9, "elsewhere than to a softmax"),
        ("m = Add(x, c) y = Softmax(m)", -1e4, "no constant of it"),
        ("m = Add(x, c) y = Softmax(m)", np.array([[-1e9], [1e9], [0]], "f"), "no constant of it"),
        ("m = Add(x, c) y = Softmax(m)", np.array([[-1e9], [np.nan], [0]], "f"), "no constant"),
    ],
)
def test_it_declines_what_is_no_mask(body: str, constant: Any, reason: str) -> None:
    rule = rules.mask_constant_of_ten_thousand
    declines(rule, spelled(body, {"x": ONES}, {"c": constant}), reason, op_type="Add")
