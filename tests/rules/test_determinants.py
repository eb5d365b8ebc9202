import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules.harness import single
from rules.support import declines, few, numbers, prove

from porting.rules import determinants as rules


@few
@given(
    lead=st.sampled_from([(), (3,), (2, 2)]),
    rows=st.integers(1, 4),
    seed=st.integers(0, 2**32 - 1),
    zeros=st.booleans(),
)
def test_determinants_are_products_of_pivots(
    lead: tuple[int, ...], rows: int, seed: int, zeros: bool
) -> None:
    random = np.random.default_rng(seed)
    x = random.standard_normal((*lead, rows, rows))
    if zeros:
        x = np.where(random.random(x.shape) < 0.4, 0, x)
    case = single("Det", [x.astype(np.float32)], opset=11)
    prove(rules.det_by_elimination, case, targets=(11, 13, 18), absolute=1e-5)


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e-30, 1e30])
@pytest.mark.parametrize("place", [(0, 0), (1, 0), (0, 1), (1, 1)])
def test_odd_elements(value: float, place: tuple[int, int]) -> None:
    x = np.array([[0, 2], [3, 4]], np.float32)
    x[place] = value
    # onnx.reference takes a column of 0 and NaN for one of zeros
    prove(rules.det_by_elimination, single("Det", [x], opset=11), reference=not np.isnan(value))


def test_nearly_singular_matrices_keep_their_digits() -> None:
    x = np.array([[1.0, 1.0], [1.0, 1.0 + 1e-6]], np.float32)
    prove(rules.det_by_elimination, single("Det", [x], opset=11), absolute=0, rel=1e-5)


def test_large_and_empty_matrices_are_declined() -> None:
    declines(rules.det_by_elimination, single("Det", [numbers(5, 5)], opset=11), "more than 4 rows")
    empty = single("Det", [numbers(0, 2, 2)], opset=11)
    declines(rules.det_by_elimination, empty, "there are no matrices")
