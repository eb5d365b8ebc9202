"""JUnit's XML, as GitLab and Jenkins read it: a suite for a model and target, a case an operator.

A case keeps its name from run to run, so that a site can tell which operators began to fail.
"""

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence

from porting.gate.outcome import Entry, Judged, Report
from porting.report.formats import View
from porting.report.lots import Lot, lots, troubles
from porting.report.paths import path_of
from porting.report.safe import plain

NODES_SHOWN = 10
MODEL_CASE = "the model"
PROOF_CASE = "the proof"

_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def render(report: Report, view: View) -> str:
    """The report as XML; without times, which would differ between runs."""
    suites = [_suite(entry) for entry in report.entries]
    root = ET.Element("testsuites", {"name": "port", **_totals(suites)})
    root.extend(suites)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def legal(text: str) -> str:
    """Text with only characters that XML 1.0 can hold; lines stay lines."""
    lines = (plain(line) for line in text.split("\n"))
    return _ILLEGAL.sub(lambda m: f"\\u{ord(m.group()):04x}", "\n".join(lines))


def _suite(entry: Entry) -> ET.Element:
    name = legal(f"{plain(path_of(entry))} on {entry.result.target.id}")
    suite = ET.Element("testsuite", {"name": name})
    judged: dict[str, list[Judged]] = {}
    for each in entry.judged:
        judged.setdefault(each.node.key if each.node is not None else MODEL_CASE, []).append(each)
    operators = dict.fromkeys(node.key for node in entry.result.nodes)
    broken = [t.text for t in troubles(entry) if t.code == "gate-limit"]
    _case(suite, MODEL_CASE, judged.pop(MODEL_CASE, []), broken)
    for operator in sorted(operators):
        _case(suite, operator, judged.get(operator, []), [])
    if entry.conversion is not None:
        _proof(suite, entry)
    suite.attrib |= _counts(suite)
    return suite


def _case(suite: ET.Element, name: str, judged: Sequence[Judged], broken: Sequence[str]) -> None:
    """A case that fails with its findings, is skipped with those let pass, or passes."""
    case = _new_case(suite, name)
    found = lots(judged)
    failing = [lot for lot in found if lot.first.standing == "fails"]
    excused = [lot for lot in found if lot.first.standing in {"known", "waived"}]
    if failing or broken:
        words = [*map(plain, broken), *(line for lot in failing for line in _lines(lot))]
        _outcome(case, "failure", words, failing[0].first.finding.verdict if failing else "limit")
    elif excused:
        _outcome(case, "skipped", [line for lot in excused for line in _lines(lot)])
    rest = [line for lot in found if lot.first.standing == "passes" for line in _lines(lot)]
    if rest:
        ET.SubElement(case, "system-out").text = legal("\n".join(rest))


def _new_case(suite: ET.Element, name: str) -> ET.Element:
    # GitLab shows the class as the suite, and takes cases of one name and class for one.
    return ET.SubElement(
        suite, "testcase", {"classname": suite.get("name", ""), "name": legal(name)}
    )


def _outcome(case: ET.Element, kind: str, lines: Sequence[str], type_: str = "") -> None:
    attributes = {"message": legal(plain(lines[0]))} | ({"type": type_} if type_ else {})
    ET.SubElement(case, kind, attributes).text = legal("\n".join(lines))


def _lines(lot: Lot) -> Iterator[str]:
    finding, first = lot.first.finding, lot.first
    excuse = f"{first.standing}, " if first.standing in {"known", "waived"} else ""
    yield f"{excuse}{finding.verdict}: {plain(lot.title)}: {plain(lot.message)}"
    if first.reason:
        yield f"  reason: {plain(first.reason)}"
    names = [plain(f"{n.name} in {n.scope}" if n.scope else n.name) for n in lot.nodes]
    if names:
        more = len(names) - NODES_SHOWN
        yield f"  at: {', '.join(names[:NODES_SHOWN])}" + (f" and {more} more" if more > 0 else "")
    if finding.help:
        yield f"  help: {plain(finding.help)}"
    if finding.sources:
        yield f"  source: {plain(finding.source)}"


def _proof(suite: ET.Element, entry: Entry) -> None:
    """The numerical proof as a case of its own; one that was not made is skipped."""
    case = _new_case(suite, PROOF_CASE)
    failed = [plain(t.text) for t in troubles(entry) if t.code == "proof-failed"]
    if failed:
        _outcome(case, "failure", failed, "proof")
    elif entry.conversion is not None and not entry.conversion.verified:
        _outcome(case, "skipped", [plain(str(entry.conversion.verification.get("reason", "")))])


def _counts(suite: ET.Element) -> dict[str, str]:
    return {
        "tests": str(len(suite)),
        "failures": str(len(suite.findall("testcase/failure"))),
        "errors": "0",
        "skipped": str(len(suite.findall("testcase/skipped"))),
    }


def _totals(suites: Sequence[ET.Element]) -> dict[str, str]:
    names = ("tests", "failures", "errors", "skipped")
    return {name: str(sum(int(s.get(name, "0")) for s in suites)) for name in names}
