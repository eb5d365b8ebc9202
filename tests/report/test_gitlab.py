import json
from dataclasses import replace

from hypothesis import given, settings
from report.support import checked, node, report_of, reports, standing

from porting.gate.evaluate import evaluate
from porting.gate.outcome import Report
from porting.report.formats import View
from porting.report.gitlab import render
from porting.report.safe import plain

SEVERITIES = {"info", "minor", "major", "critical", "blocker"}


def issues(report):
    return json.loads(render(report, View()))


@settings(max_examples=40)
@given(reports())
def test_every_issue_has_what_gitlab_wants_and_a_fingerprint_of_its_own(report):
    assert render(report, View()) == render(report, View())
    found = issues(report)
    for issue in found:
        assert plain(issue["description"]) == issue["description"]
        assert issue["severity"] in SEVERITIES
        assert issue["location"]["path"]
        assert issue["location"]["lines"] == {"begin": 1}
    if len({e.result.model.path for e in report.entries}) == len(report.entries):
        assert len({issue["fingerprint"] for issue in found}) == len(found)
    assert any(i["severity"] == "blocker" for i in found) == (not report.passed)


def test_an_issue_names_node_target_and_kind():
    (issue,) = issues(report_of(checked(node("a"), path="./models/m.onnx")))
    assert issue["description"] == "Conv 'a': unsupported on toy: too large"
    assert issue["check_name"] == "condition"
    assert issue["severity"] == "blocker"
    assert issue["location"]["path"] == "models/m.onnx"


def test_what_is_waived_or_known_is_no_issue():
    nodes = (node("a"), node("b"), node("c", "unknown"))
    entry = standing(evaluate(checked(*nodes)), "waived", "known", "passes")
    assert [i["severity"] for i in issues(Report((entry,)))] == ["minor"]


def test_a_broken_limit_is_one():
    entry = replace(evaluate(checked()), broken=("too much on the CPU",))
    (issue,) = issues(Report((entry,)))
    assert issue["description"] == "toy: too much on the CPU"
    assert issue["check_name"] == "gate-limit"
