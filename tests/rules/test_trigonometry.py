import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from rules.harness import SPECIAL, rewrite, run_ort, single, the_rule
from rules.support import arrays, declines, few, prove, shapes

from porting.rules import error_function, hyperbolic, trigonometry

TARGETS = (11, 13, 18)
ODD = np.array([*SPECIAL, 1.0, -1.0, 0.5, 1.5, -2.0, 3.4e38, -3.4e38, 1e10, 20.0, -20.0, 2e19])
UNIT = np.array([np.nan, 1.0, -1.0, 0.0, -0.0, 1.5, -1.5, 0.999999, -0.999999, 1e-20, np.inf])
TURNS = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 100.0, -3000.0, 1e-20])

SAME = [
    ("Tanh", hyperbolic.tanh_to_sigmoid, ODD), ("Tanh", hyperbolic.tanh_to_exp, ODD),
    ("Sinh", hyperbolic.sinh_to_exp, ODD), ("Cosh", hyperbolic.cosh_to_exp, ODD),
    ("Asinh", hyperbolic.asinh_to_log, ODD), ("Acosh", hyperbolic.acosh_to_log, ODD),
    ("Atanh", hyperbolic.atanh_to_log, UNIT),
    ("Tan", trigonometry.tan_to_quotient, TURNS), ("Cos", trigonometry.cos_to_sin, TURNS),
    ("Asin", trigonometry.asin_to_atan, UNIT), ("Acos", trigonometry.acos_to_atan, UNIT),
    ("Acos", trigonometry.acos_to_asin, UNIT),
]  # fmt: skip


@pytest.mark.parametrize(("op_type", "function", "odd"), SAME)
@few
@given(data=arrays(shapes(smallest=0), SPECIAL[:0]), places=arrays((12,), SPECIAL[:0]))
def test_the_same_up_to_rounding(
    op_type: str, function: Any, odd: np.ndarray, data: np.ndarray, places: np.ndarray
) -> None:
    x = np.concatenate([data.reshape(-1), places, odd]).astype(np.float32)
    prove(function, single(op_type, [x], opset=13), targets=TARGETS, rel=2e-5, absolute=2e-6)
    alone = single(op_type, [np.asarray(data)], opset=13)
    prove(function, alone, targets=(13,), rel=2e-5, absolute=2e-6)


CLOSE: list[tuple[str, Any, float, Callable[[float], float], float]] = [
    ("Sin", trigonometry.sin_to_polynomial, 1000.0, math.sin, 2e-6),
    ("Sin", trigonometry.sin_to_polynomial, 50000.0, math.sin, 1e-4),
    ("Atan", trigonometry.atan_to_polynomial, 20.0, math.atan, 3e-7),
    ("Erf", error_function.erf_to_rational, 6.0, math.erf, 1e-6),
    ("Erf", error_function.erf_to_exp, 6.0, math.erf, 5e-7),
    ("Erf", error_function.erf_to_tanh, 6.0, math.erf, 3e-4),
]


@pytest.mark.parametrize(("op_type", "function", "reach", "true", "bound"), CLOSE)
def test_no_further_away_than_documented(
    op_type: str, function: Any, reach: float, true: Callable[[float], float], bound: float
) -> None:
    x = np.linspace(-reach, reach, 50_001, dtype=np.float32)
    model, feed = single(op_type, [x], opset=13)
    found = run_ort(rewrite(model, the_rule(function)), feed)[0]
    wanted = np.array([true(v) for v in x.astype(np.float64)])
    assert np.abs(found - wanted).max() <= bound


@pytest.mark.parametrize(("op_type", "function", "reach", "true", "bound"), CLOSE)
@few
@given(x=arrays(shapes(smallest=0), np.array([np.nan, -0.0, 1e-40, 5.5, -88.8, 1e-20])))
def test_close_wherever_it_is_drawn(
    op_type: str, function: Any, reach: float, true: Callable[[float], float], bound: float,
    x: np.ndarray,
) -> None:  # fmt: skip
    del reach, true
    prove(function, single(op_type, [x], opset=13), targets=TARGETS, absolute=2 * bound)


@pytest.mark.parametrize(("op_type", "function"), [(c[0], c[1]) for c in CLOSE[2:]])
def test_infinities_have_their_limits(op_type: str, function: Any) -> None:
    x = np.array([np.inf, -np.inf, 3e38, -3e38], np.float32)
    prove(function, single(op_type, [x], opset=13), targets=TARGETS, absolute=1e-6)


@pytest.mark.parametrize(
    ("op_type", "function"),
    [
        ("Sin", trigonometry.sin_to_polynomial), ("Atan", trigonometry.atan_to_polynomial),
        ("Erf", error_function.erf_to_rational), ("Erf", error_function.erf_to_exp),
        ("Asinh", hyperbolic.asinh_to_log), ("Acosh", hyperbolic.acosh_to_log),
    ],
)  # fmt: skip
def test_half_precision_is_declined(op_type: str, function: Any) -> None:
    case = single(op_type, [np.ones(3, np.float16)], opset=13)
    declines(function, case, "float16 has too few digits")
