from pathlib import Path

import pytest
from hypothesis import given, settings
from report.support import reports

from porting.errors import UsageError
from porting.report.formats import FORMATS, SUFFIXES, View, format_of, renderer, require_format


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_writes_any_report_the_same_twice_and_as_utf_8(name):
    render = renderer(name)

    @settings(max_examples=10)
    @given(reports())
    def holds(report):
        text = render(report, View(every_node=True))
        assert text == render(report, View(every_node=True))
        assert text.encode()
        assert not {"\x1b", "\x00", "\u202e"} & set(text)

    holds()


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("out.SARIF", "sarif"),
        ("a.b.md", "markdown"),
        ("junit.xml", "junit"),
        ("report.json", "json"),
        ("gl.codequality.json", "gitlab"),
        ("notes.txt", "text"),
        ("json", "text"),
    ],
)
def test_the_end_of_a_files_name_asks_for_a_format(name, form):
    assert format_of(Path("folder.json") / name) == form


def test_every_end_asks_for_a_format_that_there_is():
    assert set(SUFFIXES.values()) <= set(FORMATS)


def test_an_unknown_format_is_an_error_that_names_the_known():
    with pytest.raises(UsageError, match="yaml") as caught:
        require_format("yaml")
    assert "sarif" in caught.value.help
