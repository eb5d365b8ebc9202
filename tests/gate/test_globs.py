import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from porting.gate.globs import is_glob, matches_path


@pytest.mark.parametrize(
    ("path", "pattern"),
    [
        ("m.onnx", "m.onnx"),
        ("a/b/m.onnx", "*.onnx"),
        ("a/m.onnx", "a/*.onnx"),
        ("a/m.onnx", "./a/*.onnx"),
        ("m.onnx", "**/m.onnx"),
        ("a/b/m.onnx", "**/m.onnx"),
        ("a/b/c/m.onnx", "a/**/m.onnx"),
        ("a/m.onnx", "a/**/m.onnx"),
        ("a/b/m.onnx", "a/**"),
        ("a/m1.onnx", "a/m[0-9].onnx"),
        ("a/mx.onnx", "a/m[!0-9].onnx"),
        ("a/m.onnx", "a/?.onnx"),
        ("a/[z-a].onnx", "a/[z-a].onnx"),
        ("a/[.onnx", "a/[.onnx"),
    ],
)
def test_a_pattern_takes(path, pattern):
    assert matches_path(path, pattern)


@pytest.mark.parametrize(
    ("path", "pattern"),
    [
        ("a/b/m.onnx", "a/*.onnx"),
        ("b/m.onnx", "a/**"),
        ("ab/m.onnx", "a*/x/m.onnx"),
        ("a/m.onnx.bak", "a/*.onnx"),
        ("xa/m.onnx", "a/m.onnx"),
        ("a/m1.onnx", "a/m[!0-9].onnx"),
        ("a/mxonnx", "a/m.onnx"),
    ],
)
def test_a_pattern_leaves_out(path, pattern):
    assert not matches_path(path, pattern)


NAME = st.text(st.characters(exclude_characters="/", exclude_categories=["Cs"]), min_size=1)


@given(st.lists(NAME, min_size=2, max_size=4).map("/".join))
def test_any_text_is_a_pattern_and_two_stars_take_every_path(path):
    assert matches_path(path, "**")
    matches_path("a/b.onnx", path)
    if not is_glob(path) and not path.startswith("./"):
        assert matches_path(path, path)
        assert not matches_path(path + "x", path)


@given(st.lists(st.text("ab", min_size=1), min_size=1, max_size=4), st.integers(0, 3))
def test_one_star_stays_in_its_folder(parts, at):
    pattern = "./" + "/".join("*" if i == at else p for i, p in enumerate(parts))
    if at < len(parts) and len(parts) > 1:
        assert matches_path("/".join(parts), pattern)
        parts[at] += "/c"
        assert not matches_path("/".join(parts), pattern)


def test_what_is_a_glob():
    assert [t for t in ("a", "a*", "a?", "[a]", "a/**") if not is_glob(t)] == ["a"]
    assert not is_glob(re.escape("a.onnx"))
