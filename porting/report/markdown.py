"""Markdown for a comment on a pull request: the verdict first, what is long folded away."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from porting.conversion import ConvertResult, Declined
from porting.gate.outcome import Entry, Report, Standing
from porting.report.errors import comparison_cells, tolerance_lines
from porting.report.evidence import evidence_lines
from porting.report.formats import View
from porting.report.lots import (
    STANDINGS,
    Lot,
    lots,
    outcome,
    rewrites_by_kind,
    rules_by_reason,
    subject,
)
from porting.report.next_steps import next_steps
from porting.report.safe import plain, shortened
from porting.report.sources import Footnotes
from porting.results import VERDICTS, CheckResult

MOST_CHARACTERS = 60_000
"""GitHub refuses a comment of more than 65,536."""
MOST_ROWS = 200
MOST_LOTS = 25
NODES_SHOWN = 3
REASONS_SHOWN = 5
NAME_WIDTH = 80
TEXT_WIDTH = 600

_BREAK = "\u200b"
_SPECIAL = re.compile(r"([\\`*_\[\]~$^])")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;"}
# Sites look for these in the finished text, where escapes are gone: mentions, references to
# issues, emoji and addresses. A space of no width keeps them from being found.
_REFERENCE = re.compile(r"[@#!%:~$^&](?=\S)|(?<=www)\.", re.IGNORECASE)


def render(report: Report, view: View) -> str:
    """The report as Markdown; sections that a comment has no room for are counted."""
    head = "\n".join(_head(report))
    sections, left = [], MOST_CHARACTERS - len(head)
    for number, entry in enumerate(sorted(report.entries, key=lambda e: e.passed)):
        section = "\n".join(_section(entry, view))
        if len(section) > left:
            more = len(report.entries) - number
            sections.append(f"\n{more} more sections do not fit; the JSON report has all.\n")
            break
        sections.append(section)
        left -= len(section)
    return head + "".join(sections)


def text(words: str) -> str:
    """Any text as it is: no markup, no HTML, no link, no mention; fit for a cell of a table."""
    words = _REFERENCE.sub(lambda m: m.group() + _BREAK, shortened(words, TEXT_WIDTH))
    return "".join(_ENTITIES.get(c, c) for c in _SPECIAL.sub(r"\\\1", words))


def code(name: str, width: int = NAME_WIDTH) -> str:
    """A name in a code span, in which nothing has a meaning; not for tables."""
    name = shortened(name, width)
    if not name.strip():
        return "(no name)"
    runs = re.findall("`+", name)
    fence = "`" * (max(map(len, runs), default=0) + 1)
    room = " " if name[0] in "` " or name[-1] in "` " else ""
    return f"{fence}{room}{name}{room}{fence}"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], numbers: int) -> Iterator[str]:
    """A table; the last columns hold numbers."""
    left = len(header) - numbers
    yield _row(header)
    yield _row(["---"] * left + ["---:"] * numbers)
    yield from (_row(row) for row in rows[:MOST_ROWS])
    yield ""
    if len(rows) > MOST_ROWS:
        yield from (f"{len(rows) - MOST_ROWS} more rows are left out.", "")


def _word(passed: bool) -> str:
    return "PASS" if passed else "FAIL"


def _head(report: Report) -> Iterator[str]:
    verdict = "the gate passes" if report.passed else "the gate fails"
    yield from (f"## port: {verdict}", "")
    counts = tuple(reversed(VERDICTS))
    header = ("verdict", "model", "target", *counts)
    rows = [
        (
            _word(entry.passed),
            text(shortened(_path(subject(entry)), NAME_WIDTH)),
            text(entry.result.target.id),
            *(_count(entry, verdict) for verdict in counts),
        )
        for entry in report.entries
    ]
    yield from _table(header, rows, len(counts))
    for note in report.notes:
        yield from (f"Note: {text(note)}", "")


def _count(entry: Entry, verdict: str) -> str:
    """The number of nodes, for a conversion before and after."""
    counts = [dict(entry.result.counts)]
    if entry.conversion is not None:
        counts.insert(0, dict(entry.conversion.before.counts))
    numbers = [str(c[verdict]) for c in counts]  # type: ignore[index]
    return " → ".join(dict.fromkeys(numbers))


def _path(result: CheckResult) -> str:
    return result.model.path or "model"


def _section(entry: Entry, view: View) -> Iterator[str]:
    result, notes = subject(entry), Footnotes()
    target = result.target
    yield from ("", f"### {code(_path(result))} on {code(target.id)}", "")
    yield from (f"**{_word(entry.passed)}**: {text(outcome(entry))}", "")
    shown = lots(entry.judged)
    declined = entry.conversion.declined if entry.conversion is not None else ()
    for standing in STANDINGS:
        members = [lot for lot in shown if lot.first.standing == standing]
        lines = [line for lot in members[:MOST_LOTS] for line in _lot(lot, notes, declined)]
        if len(members) > MOST_LOTS:
            lines.append(f"- {len(members) - MOST_LOTS} more kinds of finding are left out")
        if lines and standing == "fails":
            yield from (*lines, "")
        elif lines:
            count = sum(len(lot.judged) for lot in members)
            yield from _folded(f"{count} {_FOLDED[standing]}", lines)
    if entry.gone:
        gone = [f"- {text(clause)}" for clause in entry.gone[:MOST_ROWS]]
        yield from _folded(f"{len(entry.gone)} gone since the baseline", gone)
    if entry.conversion is not None:
        yield from _conversion(entry.conversion)
    else:
        for step in next_steps(entry):
            words, _, command = step.partition(": ")
            yield from (f"Next, {words}: {code(command, TEXT_WIDTH)}", "")
    yield from _sources(notes, result)


_FOLDED: Mapping[Standing, str] = {
    "known": "known from the baseline",
    "waived": "waived",
    "passes": "reported, not failing",
}


def _lot(lot: Lot, notes: Footnotes, declined: Sequence[Declined]) -> Iterator[str]:
    finding = lot.first.finding
    title, cited = code(lot.title, TEXT_WIDTH), notes.cite(finding.sources).replace("[", "\\[")
    yield f"- **{finding.verdict}** {title}: {text(lot.message)}{cited}"
    if lot.nodes:
        places = [_place(n.scope, n.name) for n in lot.nodes[:NODES_SHOWN]]
        more = len(lot.nodes) - NODES_SHOWN
        yield f"  - at {', '.join(places)}" + (f" and {more} more" if more > 0 else "")
    if finding.help:
        yield f"  - {text(finding.help)}"
    if lot.first.reason:
        label = "waived: " if lot.first.standing == "waived" else ""
        yield f"  - {label}{text(lot.first.reason)}"
    names = {(n.scope, n.name) for n in lot.nodes}
    about = [d for d in declined if (d.scope, d.node) in names]
    for reason, rules in list(rules_by_reason(about).items())[:REASONS_SHOWN]:
        by = f"{', '.join(code(r) for r in rules)}: " if rules else ""
        yield f"  - tried {by}{text(reason)}"


def _place(scope: str, name: str) -> str:
    return f"{code(name)} in {code(scope)}" if scope else code(name)


def _folded(summary: str, lines: Iterable[str]) -> Iterator[str]:
    """Lines that are shown on demand; the summary is text of our own."""
    yield from (f"<details><summary>{summary}</summary>", "", *lines, "", "</details>", "")


def _conversion(result: ConvertResult) -> Iterator[str]:
    kinds = rewrites_by_kind(result.rewrites)
    if kinds:
        rows = [
            (
                text(k[0].op_type),
                text(", ".join(dict.fromkeys(k[0].produced)) or "nothing"),
                text(k[0].rule),
                k[0].exactness,
                str(len(k)),
            )
            for k in kinds
        ]
        header = ("operator", "became", "by", "class", "nodes")
        yield from _folded(f"{len(result.rewrites)} rewrites", _table(header, rows, 1))
    old, new = (r.model.opsets.get("ai.onnx") for r in (result.before, result.after))
    if old != new:
        yield from (f"Opset {old} became {new}.", "")
    yield from _proof(result)
    if result.simulation is not None:
        yield from (f"Simulated: {text(str(result.simulation['reason']))}", "")
    if result.output is not None:
        yield from (f"Wrote {code(result.output.path)}.", "")
    else:
        yield from ("Wrote nothing.", "")


def _proof(result: ConvertResult) -> Iterator[str]:
    proof = result.verification
    status = {"passed": "Proved", "failed": "Differs"}.get(str(proof.get("status")), "Not verified")
    yield from (f"{status}: {text(str(proof.get('reason', '')))}", "")
    outputs = proof.get("outputs") or []
    lines: list[str] = []
    if outputs:
        columns, rows = comparison_cells(outputs)
        cells = [[text(shortened(r[0], NAME_WIDTH)), *r[1:]] for r in rows]
        lines += _table(columns, cells, len(columns) - 2)
        lines += [f"- {text(line)}" for line in tolerance_lines(proof)]
    lines += [f"- {text(f'{label} {line}'.strip())}" for label, line in evidence_lines(proof)]
    lines += [f"- warning: {text(str(w))}" for w in proof.get("warnings") or []]
    if lines:
        yield from _folded("the proof in numbers", lines)


def _sources(notes: Footnotes, result: CheckResult) -> Iterator[str]:
    target = result.target
    table = f"{target.toolchain}, evidence: {target.evidence}"
    lines = [f"- \\[{number}] {text(source)}" for number, source in notes.items()]
    lines.append(f"- {text(plain(target.name))}: {text(table)}")
    yield from _folded("sources", lines)
