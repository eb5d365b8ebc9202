from hypothesis import given
from hypothesis import strategies as st

from porting.suggest import closest, did_you_mean

NAMES = st.text("abcXYZ-", min_size=1, max_size=6)


@given(NAMES, st.sets(NAMES, max_size=8), st.integers(1, 4), st.floats(0, 1))
def test_what_is_suggested_is_known_and_no_more_than_asked_for(name, known, most, likeness):
    close = closest(name, known, most, likeness)
    assert set(close) <= known
    assert len(close) == len(set(close)) <= most


@given(NAMES, st.sets(NAMES, max_size=8))
def test_a_name_in_other_letters_is_found_first(name, known):
    close = closest(name.swapcase(), known | {name}, 1, 1.0)
    assert [c.lower() for c in close] == [name.lower()]


def test_the_question_names_the_closest_first():
    known = ["gelu-to-erf", "gelu-to-tanh", "split-conv"]
    assert did_you_mean("Gelu-to-er", known) == "did you mean gelu-to-erf or gelu-to-tanh?"
    assert did_you_mean("gelu-to-er", known, most=1) == "did you mean gelu-to-erf?"


def test_nothing_is_asked_where_nothing_is_close():
    assert did_you_mean("softmax", ["split-conv"]) == ""
    assert did_you_mean("softmax", []) == ""
