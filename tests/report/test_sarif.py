"""The schema is OASIS's own, as the package schemastore 0.2.3 carries it (Apache-2.0)."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from jsonschema import Draft7Validator
from report.support import checked, converted, finding, node, report_of, reports, standing

from porting.capability.codes import FINDINGS
from porting.gate.evaluate import evaluate
from porting.gate.outcome import Report
from porting.report.formats import View
from porting.report.sarif import render

SCHEMA = json.loads((Path(__file__).parent / "sarif-schema-2.1.0.json").read_text())
VALIDATOR = Draft7Validator(SCHEMA, format_checker=Draft7Validator.FORMAT_CHECKER)


def run_of(report):
    data = json.loads(render(report, View()))
    VALIDATOR.validate(data)
    (run,) = data["runs"]
    return run


@settings(max_examples=40)
@given(reports())
def test_every_report_is_valid_the_same_twice_and_points_to_its_rules(report):
    assert render(report, View()) == render(report, View())
    render(report, View()).encode()
    run = run_of(report)
    rules, artifacts = run["tool"]["driver"]["rules"], run["artifacts"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        place = result["locations"][0]["physicalLocation"]["artifactLocation"]
        assert artifacts[place["index"]]["location"]["uri"] == place["uri"]
        assert re.fullmatch(r"[\w./~%-]+|file:///[\w./~%-]*", place["uri"], re.ASCII)
        assert "](" not in result["message"]["text"]
        assert not re.search(r"(?<!\{)(\{\{)*\{(?!\{)", result["message"]["text"])


def test_the_schema_refuses_what_is_no_sarif():
    data = json.loads(render(report_of(checked(node("a"))), View()))
    data["runs"][0]["results"][0]["level"] = "fatal"
    assert not VALIDATOR.is_valid(data)


def test_rules_are_the_kinds_of_finding_with_help():
    rules = {r["id"]: r for r in run_of(report_of(checked()))["tool"]["driver"]["rules"]}
    assert FINDINGS.keys() - {"advice"} < rules.keys()
    for code in FINDINGS.keys() - {"advice"}:
        assert rules[code]["shortDescription"]["text"] == FINDINGS[code]
        assert rules[code]["help"]["text"].startswith(FINDINGS[code].replace("`", ""))


def test_a_result_says_what_where_and_which_rewrites_exist():
    gelu = node("act", op="Gelu", scope="block/then")
    (result,) = run_of(report_of(checked(gelu, path="my models/a:b.onnx")))["results"]
    assert result["level"] == "error"
    expected = "Gelu 'act' in 'block/then': unsupported on toy: too large. Help: try harder"
    assert result["message"]["text"] == expected
    (place,) = result["locations"]
    assert place["physicalLocation"]["artifactLocation"]["uri"] == "my%20models/a%3Ab.onnx"
    (logical,) = place["logicalLocations"]
    assert logical["fullyQualifiedName"] == "block/then/act"
    assert "gelu-to-erf" in result["properties"]["rewrites"]
    assert "fixes" not in result


@pytest.mark.parametrize(
    ("stands", "level", "state", "suppressed"),
    [
        ("fails", "error", "new", False),
        ("known", "warning", "unchanged", False),
        ("waived", "warning", None, True),
        ("passes", "warning", None, False),
    ],
)
def test_what_a_finding_is_to_the_gate_is_told(stands, level, state, suppressed):
    entry = standing(evaluate(checked(node("a"), node("b"))), stands, "known", reason="by Ann")
    result, _ = run_of(Report((entry,)))["results"]
    assert result["level"] == level
    assert result.get("baselineState") == state
    assert ("suppressions" in result) == suppressed
    if suppressed:
        assert result["suppressions"][0]["justification"] == "by Ann"


def test_results_that_a_site_would_refuse_are_left_out_and_counted(monkeypatch):
    monkeypatch.setattr("porting.report.sarif.MOST_RESULTS", 2)
    nodes = (node("a", "fallback"), node("b"), node("c", "unknown"), node("d"))
    run = run_of(report_of(checked(*nodes)))
    assert [r["properties"]["verdict"] for r in run["results"]] == ["unsupported"] * 2
    (note,) = run["invocations"][0]["toolExecutionNotifications"]
    assert note["message"]["text"] == "2 results of the least importance are left out"


def test_without_a_baseline_nothing_is_called_new():
    (result,) = run_of(report_of(checked(node("a"))))["results"]
    assert "baselineState" not in result


def test_undecided_and_host_nodes_are_no_errors():
    nodes = (node("a", "unknown"), node("b", "fallback"))
    levels = [r["level"] for r in run_of(report_of(checked(*nodes)))["results"]]
    assert levels == ["warning", "note"]


def test_fingerprints_stay_when_other_nodes_come():
    prints = [
        {r["partialFingerprints"]["port/v1"] for r in run_of(report_of(checked(*nodes)))["results"]}
        for nodes in ((node("a"), node("b")), (node("new"), node("b"), node("a")))
    ]
    assert len(prints[0]) == 2
    assert prints[0] < prints[1]


def test_github_tells_nodes_apart_and_hashes_no_line_of_a_model():
    results = run_of(report_of(checked(node("a"), node("b"))))["results"]
    prints = [r["partialFingerprints"] for r in results]
    assert len({p["primaryLocationLineHash"] for p in prints}) == 2
    assert all("region" not in r["locations"][0]["physicalLocation"] for r in results)


def test_broken_limits_and_failed_proofs_are_results_of_the_model():
    proof = {"status": "failed", "reason": "y differs", "outputs": []}
    entry = evaluate(converted(checked(path="in.onnx"), checked(), verification=proof))
    run = run_of(Report((replace(entry, broken=("9 nodes on the CPU",)),)))
    found = {r["ruleId"]: r["message"]["text"] for r in run["results"]}
    assert found == {"gate-limit": "toy: 9 nodes on the CPU", "proof-failed": "toy: y differs"}
    assert [a["location"]["uri"] for a in run["artifacts"]] == ["in.onnx"]


def test_several_targets_of_one_model_are_one_artifact_with_its_hash():
    other = checked(node("a"))
    other = replace(other, target=replace(other.target, id="other"))
    run = run_of(report_of(checked(node("a")), other))
    (artifact,) = run["artifacts"]
    assert artifact["hashes"] == {"sha-256": "0" * 64}
    assert len({r["partialFingerprints"]["port/v1"] for r in run["results"]}) == 2


def test_an_absolute_path_is_a_file_uri_and_notes_are_notifications():
    report = replace(report_of(checked(path="/x y/m.onnx", findings=(finding(),))), notes=("n",))
    run = run_of(report)
    assert run["artifacts"][0]["location"]["uri"] == "file:///x%20y/m.onnx"
    notes = run["invocations"][0]["toolExecutionNotifications"]
    assert [n["message"]["text"] for n in notes] == ["n"]
