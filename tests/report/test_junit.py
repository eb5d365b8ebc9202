import xml.etree.ElementTree as ET

from hypothesis import given, settings
from report.support import NAMES, checked, converted, node, report_of, reports, standing

from porting.gate.evaluate import evaluate
from porting.gate.outcome import Report
from porting.report.formats import View
from porting.report.junit import legal, render


def parsed(report):
    return ET.fromstring(render(report, View()).encode())


def cases(report):
    (suite,) = parsed(report)
    return {case.get("name"): case for case in suite}


@given(NAMES)
def test_any_text_can_stand_in_xml(name):
    element = ET.Element("a", {"b": legal(name)})
    element.text = legal(name)
    read = ET.fromstring(ET.tostring(element, encoding="unicode").encode())
    assert (read.text or "") == legal(name)


@settings(max_examples=40)
@given(reports())
def test_every_report_is_well_formed_the_same_twice_and_counts_what_it_has(report):
    assert render(report, View()) == render(report, View())
    root = parsed(report)
    assert [suite.tag for suite in root] == ["testsuite"] * len(report.entries)
    for suite, entry in zip(root, report.entries, strict=True):
        assert suite.get("tests") == str(len(suite.findall("testcase")))
        assert suite.get("failures") == str(len(suite.findall("testcase/failure")))
        assert suite.get("skipped") == str(len(suite.findall("testcase/skipped")))
        assert (suite.get("failures") == "0") == entry.passed
        names = [case.get("name") for case in suite]
        assert len(names) == len(suite)
        assert {case.tag for case in suite} == {"testcase"}
    assert root.get("failures") == str(sum(int(s.get("failures")) for s in root))


def test_a_case_is_an_operator_that_passes_or_fails_with_the_reason():
    relu = node("r", "supported", op="Relu")
    found = cases(report_of(checked(node("a"), node("b"), relu)))
    assert list(found) == ["the model", "Conv", "Relu"]
    failure = found["Conv"].find("failure")
    assert failure.get("message") == "unsupported: Conv x2: too large"
    assert failure.get("type") == "unsupported"
    assert failure.text.splitlines()[1:] == [
        "  at: a, b",
        "  help: try harder",
        "  source: list (here)",
    ]
    assert len(found["Relu"]) == 0
    assert found["Conv"].get("classname") == "m.onnx on toy"


def test_known_and_waived_findings_skip_and_others_fail():
    nodes = (node("a"), node("b", op="Gelu"), node("c", "unknown", op="Erf"))
    entry = standing(evaluate(checked(*nodes)), "waived", "known", "passes", reason="by Ann")
    found = cases(Report((entry,)))
    skipped = found["Conv"].find("skipped")
    assert skipped.get("message") == "waived, unsupported: Conv: too large"
    assert "reason: by Ann" in skipped.text
    assert found["Gelu"].find("skipped").get("message").startswith("known, ")
    assert found["Erf"].find("failure") is None
    assert "unknown: Erf" in found["Erf"].find("system-out").text


def test_a_broken_limit_fails_the_model_and_a_failed_proof_the_proof():
    proof = {"status": "failed", "reason": "y differs", "outputs": []}
    entry = evaluate(converted(checked(), checked(), verification=proof))
    assert cases(Report((entry,)))["the proof"].find("failure").get("message") == "y differs"
    skipped = evaluate(converted(checked(), checked(), verification=proof | {"status": "skipped"}))
    assert cases(Report((skipped,)))["the proof"].find("skipped").get("message") == "y differs"
    passed = evaluate(converted(checked(), checked()))
    assert len(cases(Report((passed,)))["the proof"]) == 0
