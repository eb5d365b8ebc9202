"""GitLab's code quality report: a list of findings for the widget of a merge request."""

from collections.abc import Iterator, Mapping
from typing import Any

from porting.gate.outcome import Entry, Report
from porting.report.as_json import dumped
from porting.report.formats import View
from porting.report.lots import sentence, troubles
from porting.report.paths import path_of
from porting.report.safe import plain
from porting.results import Verdict

SEVERITIES: Mapping[Verdict, str] = {
    "unsupported": "critical",
    "deviates": "critical",
    "unknown": "minor",
    "fallback": "info",
    "supported": "info",
}
"""Of findings that do not fail the gate; those that do are blockers."""


def render(report: Report, view: View) -> str:
    """Every finding that is neither waived nor known."""
    return dumped([issue for entry in report.entries for issue in _issues(entry)])


def _issues(entry: Entry) -> Iterator[dict[str, Any]]:
    target = entry.result.target.id
    for trouble in troubles(entry):
        words = f"{target}: {trouble.text}"
        yield _issue(entry, words, trouble.code, trouble.fingerprint, "blocker")
    for judged in entry.judged:
        if judged.standing in {"fails", "passes"} and judged.finding.verdict != "supported":
            fails = judged.standing == "fails"
            severity = "blocker" if fails else SEVERITIES[judged.finding.verdict]
            words = sentence(judged, target)
            yield _issue(entry, words, judged.finding.code, judged.fingerprint, severity)


def _issue(entry: Entry, words: str, check: str, fingerprint: str, severity: str) -> dict[str, Any]:
    return {
        "description": plain(words),
        "check_name": check,
        "fingerprint": fingerprint,
        "severity": severity,
        # A model is no text; GitLab wants a line all the same.
        "location": {"path": plain(path_of(entry)), "lines": {"begin": 1}},
    }
