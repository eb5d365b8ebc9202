"""Lines on consoles of any width."""

from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

from porting.report.terminal import console_for_file, print_item

WORDS = st.lists(st.text("abcxyz", min_size=1, max_size=9), min_size=1, max_size=30)


def printed(width: int, label: str, text: str) -> list[str]:
    stream = StringIO()
    print_item(Console(file=stream, width=width, markup=False, highlight=False), label, text)
    return stream.getvalue().splitlines()


@given(WORDS, st.integers(12, 120), st.integers(0, 30))
def test_an_item_keeps_its_words_within_the_width_and_ends_no_line_in_blanks(words, width, label):
    lines = printed(width, "L" * label + " ", " ".join(words))
    said = " ".join(" ".join(lines).split())
    assert said.replace("L", "").split() == words
    assert all(len(line) <= max(width, label + 1) for line in lines)
    assert not any(line.endswith(" ") for line in lines if line.strip("L "))


def test_further_lines_begin_below_the_first_one():
    assert printed(36, "why    ", "one two three four five six seven") == [
        "why    one two three four five six",
        "       seven",
    ]


def test_where_the_label_leaves_no_room_the_text_goes_below_it():
    assert printed(30, "unsupported  ", "a word that is here") == [
        "unsupported  a word that is",
        "  here",
    ]


@pytest.mark.parametrize("width", [60, 20])
def test_the_labels_colour_is_the_labels_alone(width):
    stream = StringIO()
    console = Console(file=stream, width=width, force_terminal=True, color_system="standard")
    print_item(console, Text("unsupported  ", "red"), "word")
    assert stream.getvalue().startswith("\x1b[31munsupported  \x1b[0mword")


@pytest.mark.parametrize("name", ["FORCE_COLOR", "TTY_COMPATIBLE", "CLICOLOR_FORCE"])
def test_a_file_has_no_colours_and_one_width_whatever_the_environment_says(monkeypatch, name):
    monkeypatch.setenv(name, "1")
    monkeypatch.setenv("COLUMNS", "20")
    stream = StringIO()
    print_item(console_for_file(stream), "FAIL  ", "word " * 15)
    assert stream.getvalue() == "FAIL  " + " ".join(["word"] * 15) + "\n"
