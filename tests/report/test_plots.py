import math

from hypothesis import given
from hypothesis import strategies as st

from porting.report.plots import WIDTH, bar, drift_dot, share_dot, signal_dot
from porting.results import VERDICTS

COUNTS = st.dictionaries(st.sampled_from(VERDICTS), st.integers(0, 10**9))
NUMBERS = st.floats(min_value=0) | st.just(math.nan)


@given(COUNTS)
def test_a_bar_shows_every_verdict_that_occurs_and_fills_its_width(counts):
    parts = bar(counts)
    assert {p.verdict for p in parts} == {v for v, n in counts.items() if n}
    assert all(p.width >= 2.9 for p in parts)
    if parts:
        assert math.isclose(sum(p.width for p in parts), WIDTH, abs_tol=0.5)


@given(st.none() | NUMBERS, st.none() | st.floats() | NUMBERS, st.none() | st.floats(1e-9, 10))
def test_every_mark_stands_on_its_axis(factor, level, tolerance):
    dots = [
        share_dot({"needed_factor": factor}),
        signal_dot({"snr_db": level}),
        drift_dot({"drift": factor}, tolerance),
    ]
    for dot in filter(None, dots):
        assert 0 <= dot.at <= WIDTH
        assert dot.limit is None or 0 <= dot.limit <= WIDTH
        assert dot.text


@given(st.floats(1e-5, 5), st.floats(1e-5, 5))
def test_more_of_the_tolerance_stands_further_right(one, other):
    less, more = sorted([one, other])
    assert share_dot({"needed_factor": less}).at <= share_dot({"needed_factor": more}).at


def test_a_mark_beyond_the_tolerance_is_another_mark_behind_the_limit():
    inside, outside = share_dot({"needed_factor": 0.5}), share_dot({"needed_factor": 2.0})
    assert (inside.beyond, outside.beyond) == (False, True)
    assert inside.at < inside.limit < outside.at
    assert share_dot({"needed_factor": None}).beyond
    assert drift_dot({"drift": 0.2}, 0.1).beyond
    assert not drift_dot({"drift": 0.2}, None).beyond


def test_equal_outputs_have_no_error_and_no_noise():
    assert share_dot({"needed_factor": 0.0}).text == "equal"
    assert signal_dot({"max_abs": 0, "snr_db": None}).at == WIDTH
    assert signal_dot({"max_abs": 1, "snr_db": None}) is None
