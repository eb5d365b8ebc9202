"""Ranges of whole numbers as tables write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from porting.capability.versions import parse_versions


@pytest.mark.parametrize(
    ("text", "inside", "outside"),
    [
        ("8..18", [8, 13, 18], [7, 19]),
        ("8, 12..18", [8, 12, 18], [7, 9, 11, 19]),
        ("11..", [11, 99], [10]),
        ("..16", [-5, 0, 16], [17]),
        ("..3, 7, 9..", [1, 3, 7, 9, 50], [4, 6, 8]),
        (13, [13], [12, 14]),
        ([8, "12..18"], [8, 12, 18], [9]),
        ("-1..1", [-1, 0, 1], [-2, 2]),
        (" 8 .. 9 ", [8, 9], [7, 10]),
    ],
)
def test_a_range_holds_its_numbers_and_no_others(text, inside, outside):
    versions = parse_versions(text)
    assert all(n in versions for n in inside)
    assert not any(n in versions for n in outside)
    assert "8" not in versions


@pytest.mark.parametrize(
    "value",
    [
        *["", "..", "a", "8-18", "8...18", "1.5", "18..8", "8..18, 12", "12, 8", "8.., 12"],
        *["1, ..5", "1 2", [], True, 1.5, None, {"from": 8}, [[1]]],
    ],
)
def test_what_is_not_a_range_is_refused(value):
    with pytest.raises(ValueError, match=r"range|empty|overlap"):
        parse_versions(value)


def test_ends_and_the_nearest_member():
    versions = parse_versions("8, 12..18")
    assert (versions.lowest, versions.highest) == (8, 18)
    assert [versions.nearest(n) for n in (1, 8, 9, 10, 11, 15, 99)] == [8, 8, 8, 8, 12, 15, 18]
    assert parse_versions("11..").highest is None
    assert parse_versions("..11").lowest is None
    assert parse_versions("..11").nearest(20) == 11


@given(
    st.lists(st.integers(-50, 50), min_size=2, max_size=8, unique=True).map(sorted),
    st.integers(-60, 60),
)
def test_a_range_is_written_as_it_is_read(ends, number):
    pairs = list(zip(ends[::2], ends[1::2], strict=False))
    versions = parse_versions([f"{a}..{b}" for a, b in pairs])
    again = parse_versions(str(versions))
    assert again == versions
    assert (number in again) == any(a <= number <= b for a, b in pairs)
    assert again.nearest(number) in again
