import re
from io import StringIO

import pytest
from gate.support import finding, node, result
from rich.cells import cell_len

from porting.gate.evaluate import Policy, evaluate
from porting.gate.outcome import Report
from porting.gate.waivers import Waiver
from porting.report.formats import View
from porting.report.terminal import console_for
from porting.report.text import print_report, render


def report(*names, notes=()):
    nodes = [node("a", finding()), node("b", finding("fallback")), node("c")]
    failing = [evaluate(result(nodes, name, "toy-a")) for name in names]
    passing = [evaluate(result(nodes[1:], name, "toy-b")) for name in names]
    return Report((*failing, *passing), notes)


class Terminal(StringIO):
    def isatty(self):
        return True


def shown_on_a_terminal(shown, monkeypatch, width, **variables):
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", "xterm-256color")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    stream = Terminal()
    print_report(console_for(stream), shown, View())
    return stream.getvalue()


def test_several_checks_end_in_a_table_and_only_those_that_fail_are_told_at_length():
    text = render(report("m.onnx", "n.onnx"), View())
    assert text.count("unsupported  Tan") == 2
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert lines[-8:] == [
        "",
        "model target unsupported fallback supported",
        "FAIL m.onnx toy-a 1 1 1",
        "FAIL n.onnx toy-a 1 1 1",
        "PASS m.onnx toy-b 0 1 1",
        "PASS n.onnx toy-b 0 1 1",
        "",
        "FAIL 2 of 4 checks fail, of 2 models",
    ]


def test_what_is_waived_is_told_though_the_check_passes():
    waived = Policy(waivers=(Waiver("the reason", ops=("Tan",)),))
    entries = [evaluate(result([node("a", finding())], n), waived) for n in ("m", "n")]
    text = render(Report(tuple(entries)), View())
    assert text.count("the reason") == 2
    assert "PASS  all 2 checks pass" in text
    assert "waived" in text.splitlines()[-5]


@pytest.mark.parametrize("width", [20, 40, 80, 200])
@pytest.mark.parametrize("variables", [{}, {"NO_COLOR": "1"}])
def test_every_width_shows_every_model_and_no_colour_where_none_is_wanted(
    monkeypatch, width, variables
):
    shown = report("one.onnx", "two.onnx", notes=("a note",))
    text = shown_on_a_terminal(shown, monkeypatch, width, **variables)
    assert ("\x1b[3" in text) == (not variables)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    assert plain.endswith("note  a note\n")
    table = plain[plain.rindex("next") :].partition("\n")[2]
    if width >= 40:
        assert all(cell_len(line) <= width for line in table.splitlines())
        assert table.count("one.onnx") == table.count("two.onnx") == 2
        assert table.count("1 unsupported") == (2 if width < 60 else 0)


def test_names_cannot_move_the_cursor():
    evil = "m\x1b[2J\r\n::error::x\u202e.onnx"
    text = render(report(evil, "n.onnx", notes=(f"about {evil}",)), View())
    assert not {"\x1b", "\r", "\u202e"} & set(text)
    assert "\n::error" not in text


def test_one_check_has_no_table_but_the_notes():
    text = render(Report((evaluate(result([node("a")])),), ("a note",)), View())
    assert "checks" not in text
    assert text.endswith("note  a note\n")
