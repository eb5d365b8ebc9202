"""SARIF 2.1.0, the form in which sites that scan code take findings."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from porting import __version__
from porting.capability.codes import FINDINGS, GATE
from porting.gate.outcome import Entry, Judged, Report
from porting.report.as_json import dumped
from porting.report.formats import View
from porting.report.lots import Trouble, sentence, subject, troubles
from porting.report.paths import uri_of
from porting.report.safe import plain
from porting.results import Verdict
from porting.rules import registry

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
FINGERPRINTS = ("port/v1", "primaryLocationLineHash")
"""The second is the one by which GitHub tells findings of one rule in one file apart."""
MOST_RESULTS = 25_000
"""GitHub refuses a run with more."""

LEVELS: Mapping[Verdict, str] = {
    "supported": "none",
    "fallback": "note",
    "unknown": "warning",
    "deviates": "warning",
    "unsupported": "warning",
}
"""Of findings that do not fail the gate; those that do are errors, and a site may act on these."""


def render(report: Report, view: View) -> str:
    """One run with every finding on every target."""
    rules = _rules(report)
    artifacts = list(dict.fromkeys(uri_of(entry) for entry in report.entries))
    places = {uri: number for number, uri in enumerate(artifacts)}
    found = [r for entry in report.entries for r in _results(entry, list(rules), places)]
    results = sorted(found, key=_importance)[:MOST_RESULTS]
    words = list(report.notes)
    if len(found) > len(results):
        words.append(f"{len(found) - len(results)} results of the least importance are left out")
    notes = [{"level": "note", "message": {"text": _text(note)}} for note in words]
    run = {
        # No informationUri: the project has no page of its own.
        "tool": {"driver": {"name": "port", "version": __version__, "rules": [*rules.values()]}},
        "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": notes}],
        "artifacts": [_artifact(uri, report) for uri in artifacts],
        "results": results,
    }
    return dumped({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _importance(result: Mapping[str, Any]) -> int:
    return ("error", "warning", "note", "none").index(result["level"])


def _text(words: str) -> str:
    """A message: SARIF reads braces as places to fill, and brackets before a `(` as a link."""
    words = plain(words).replace("{", "{{").replace("}", "}}")
    return words.replace("](", "]\\(") or " "


def _rules(report: Report) -> dict[str, dict[str, Any]]:
    """Every kind of finding with what it means, whether or not this run has any."""
    meant = {c: words for c, words in FINDINGS.items() if c != "advice"} | GATE
    for entry in report.entries:
        for judged in entry.judged:
            meant.setdefault(judged.finding.code, "A kind of finding that has no description.")
    return {code: _rule(code, words) for code, words in meant.items()}


def _rule(code: str, words: str) -> dict[str, Any]:
    help_ = (
        f"{words}\n\nWhat the target takes instead stands in the message, where it is known. "
        "`port convert` rewrites what can be rewritten and proves that the result is the same; "
        "a result's `rewrites` are the rules that exist for its operator."
    )
    return {
        "id": code,
        "shortDescription": {"text": words},
        "help": {"text": help_.replace("`", ""), "markdown": help_},
    }


def _artifact(uri: str, report: Report) -> dict[str, Any]:
    sums = {subject(e).model.sha256 for e in report.entries if uri_of(e) == uri} - {""}
    found: dict[str, Any] = {"location": {"uri": uri}, "roles": ["analysisTarget"]}
    return found | ({"hashes": {"sha-256": sums.pop()}} if len(sums) == 1 else {})


def _results(
    entry: Entry, rules: Sequence[str], places: Mapping[str, int]
) -> Iterator[dict[str, Any]]:
    compared = any(j.standing == "known" for j in entry.judged)
    for trouble in troubles(entry):
        yield _trouble(entry, trouble, rules, places)
    for judged in entry.judged:
        if judged.finding.verdict == "supported":
            continue
        result = {
            **_head(judged.finding.code, _level(judged), rules),
            "message": {"text": _message(judged, entry.result.target.id)},
            "locations": [_location(entry, places) | _logical(judged)],
            "partialFingerprints": dict.fromkeys(FINGERPRINTS, judged.fingerprint),
        }
        if judged.standing == "waived":
            excuse = {"kind": "external", "status": "accepted"}
            result["suppressions"] = [excuse | {"justification": plain(judged.reason)}]
        if compared and judged.standing in {"known", "fails"}:
            result["baselineState"] = "unchanged" if judged.standing == "known" else "new"
        yield result | {"properties": _properties(entry, judged)}


def _head(code: str, level: str, rules: Sequence[str]) -> dict[str, Any]:
    return {"ruleId": code, "ruleIndex": rules.index(code), "level": level}


def _level(judged: Judged) -> str:
    return "error" if judged.standing == "fails" else LEVELS[judged.finding.verdict]


def _message(judged: Judged, target: str) -> str:
    expired = judged.reason if judged.standing == "fails" else ""
    help_ = f"Help: {judged.finding.help}" if judged.finding.help else ""
    return _text(". ".join(w for w in (sentence(judged, target), help_, expired) if w))


def _location(entry: Entry, places: Mapping[str, int]) -> dict[str, Any]:
    uri = uri_of(entry)
    # No region: a model has no lines. GitHub takes the finding for one on the whole file.
    return {"physicalLocation": {"artifactLocation": {"uri": uri, "index": places[uri]}}}


def _logical(judged: Judged) -> dict[str, Any]:
    node = judged.node
    if node is None:
        return {}
    name = plain(node.name)
    path = f"{plain(node.scope)}/{name}" if node.scope else name
    return {"logicalLocations": [{"name": name, "fullyQualifiedName": path, "kind": "node"}]}


def _properties(entry: Entry, judged: Judged) -> dict[str, Any]:
    """What SARIF has no place for.

    Rewrites are here and not in `fixes`: a fix of SARIF's replaces regions of files, and what
    `port convert` writes is another model.
    """
    node = judged.node
    rules = registry().for_operator(node.key) if node is not None else ()
    return {
        "target": entry.result.target.id,
        "verdict": judged.finding.verdict,
        "standing": judged.standing,
        "operator": plain(node.key) if node is not None else "",
        "sources": [plain(source) for source in judged.finding.sources],
        "rewrites": [rule.name for rule in rules],
    }


def _trouble(
    entry: Entry, trouble: Trouble, rules: Sequence[str], places: Mapping[str, int]
) -> dict[str, Any]:
    target = entry.result.target.id
    return {
        **_head(trouble.code, "error", rules),
        "message": {"text": _text(f"{target}: {trouble.text}")},
        "locations": [_location(entry, places)],
        "partialFingerprints": dict.fromkeys(FINGERPRINTS, trouble.fingerprint),
        "properties": {"target": target},
    }
