import re
from dataclasses import replace

from hypothesis import given, settings
from report.support import NAMES, checked, node, report_of, reports, standing

from porting.gate.evaluate import evaluate
from porting.gate.outcome import Report
from porting.report.formats import View
from porting.report.github import MOST_OF_A_LEVEL, as_data, as_property, render
from porting.report.safe import plain

COMMAND = re.compile(r"::(error|warning|notice) file=([^,:\r\n]*),title=([^,:\r\n]*)::(.*)")


def unescaped(text, *, is_property=False):
    """As the runner reads it."""
    for code, character in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ",")):
        if is_property or code in {"%0D", "%0A"}:
            text = text.replace(code, character)
    return text.replace("%25", "%")


def commands(report):
    *lines, last = render(report, View()).splitlines()
    assert not last.startswith("::")
    return [COMMAND.fullmatch(line) for line in lines], last


@given(NAMES)
def test_the_runner_reads_back_what_was_written(name):
    assert unescaped(as_data([name, name])) == f"{plain(name)}\n{plain(name)}"
    assert unescaped(as_property(name), is_property=True) == plain(name)
    assert not re.search(r"[\r\n:,]", as_property(name))


@settings(max_examples=40)
@given(reports())
def test_no_name_forges_a_command(report):
    assert render(report, View()) == render(report, View())
    render(report, View()).encode()
    found, last = commands(report)
    assert all(found)
    assert re.fullmatch(r"port: the gate (passes|fails)(; not shown: [\w ,]+)?", last)
    assert any(m[1] == "error" for m in found) == (not report.passed)


def test_what_fails_is_an_error_what_is_undecided_a_warning_and_the_rest_notices():
    nodes = (node("a"), node("b", "unknown"), node("c", "fallback"), node("d", op="Gelu"))
    entry = standing(
        evaluate(checked(*nodes)), "fails", "passes", "passes", "waived", reason="by Ann"
    )
    found, _ = commands(Report((entry,)))
    assert [m[1] for m in found] == ["error", "warning", "notice", "notice"]
    assert found[0][0] == (
        "::error file=m.onnx,title=toy%3A Conv unsupported::too large%0Aat a%0Atry harder"
    )
    assert any("waived: by Ann" in m[0] for m in found)


def test_equal_findings_are_one_annotation_and_only_as_many_as_are_shown():
    nodes = [node(f"n{i}", message=f"m{i}", reason=f"m{i}") for i in range(14)]
    warned = [node(f"w{i}", "unknown") for i in range(9)]
    found, last = commands(report_of(checked(*nodes, *warned)))
    assert [m[1] for m in found] == ["error"] * MOST_OF_A_LEVEL + ["warning"]
    assert "and 6 more" in found[-1][4]
    assert last == "port: the gate fails; not shown: 4 more errors"


def test_what_breaks_for_the_whole_model_comes_first():
    entry = replace(evaluate(checked(node("a"))), broken=("too much on the CPU",))
    found, _ = commands(Report((entry,)))
    assert found[0][4] == "too much on the CPU"


def test_a_waiver_that_expired_is_told():
    entry = evaluate(checked(node("a")))
    (judged,) = entry.judged
    found, _ = commands(Report((replace(entry, judged=(judged._replace(reason="expired"),)),)))
    assert "%0Aexpired%0A" in found[0][0]
