"""Annotations on GitHub: commands that a workflow's runner reads from standard output."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

from porting.gate.outcome import Entry, Report
from porting.report.formats import View
from porting.report.lots import STANDINGS, Lot, lots, troubles
from porting.report.paths import path_of
from porting.report.safe import plain, shortened

MOST_OF_A_LEVEL = 10
"""What GitHub shows of one step; it drops the rest without a word."""
NODES_SHOWN = 3
TEXT_WIDTH = 1000

Level: TypeAlias = Literal["error", "warning", "notice"]
LEVELS: tuple[Level, ...] = ("error", "warning", "notice")


@dataclass(frozen=True, slots=True)
class Annotation:
    """What is shown at a file.

    Attributes:
        level: How it is shown.
        rank: What comes first among those of a level, lower ones do.
        file: Path of the model.
        title: Its head.
        lines: Its text.
    """

    level: Level
    rank: int
    file: str
    title: str
    lines: tuple[str, ...]

    def command(self) -> str:
        """The line for the runner."""
        place = f"file={as_property(self.file)},title={as_property(self.title)}"
        return f"::{self.level} {place}::{as_data(self.lines)}"


def render(report: Report, view: View) -> str:
    """Commands, the worst first, as many as are shown; then how many more there are."""
    found = [each for entry in report.entries for each in _annotations(entry)]
    found.sort(key=lambda a: (LEVELS.index(a.level), a.rank))
    counts: Counter[str] = Counter()
    lines = []
    for each in found:
        counts[each.level] += 1
        if counts[each.level] <= MOST_OF_A_LEVEL:
            lines.append(each.command())
    verdict = "passes" if report.passed else "fails"
    # No text of a model's stands in this line: the runner looks for commands in every line.
    lines.append(f"port: the gate {verdict}{_left_out(counts)}")
    return "\n".join(lines) + "\n"


def _left_out(counts: Counter[str]) -> str:
    hidden = [(counts[level] - MOST_OF_A_LEVEL, level) for level in LEVELS]
    texts = [f"{n} more {level}{'s' if n > 1 else ''}" for n, level in hidden if n > 0]
    return f"; not shown: {', '.join(texts)}" if texts else ""


def as_data(lines: Sequence[str]) -> str:
    """Text after the second `::`; lines stay lines."""
    return _escaped("\n".join(plain(line) for line in lines))


def as_property(text: str) -> str:
    """Text of a property, which ends at a comma or colon."""
    return _escaped(plain(text)).replace(":", "%3A").replace(",", "%2C")


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _annotations(entry: Entry) -> Iterator[Annotation]:
    file, target = path_of(entry), entry.result.target.id
    for trouble in troubles(entry):
        words = shortened(trouble.text, TEXT_WIDTH)
        yield Annotation("error", 0, file, f"{target}: {trouble.code}", (words,))
    for lot in lots(entry.judged):
        rank = 1 + STANDINGS.index(lot.first.standing)
        title = shortened(f"{target}: {lot.title} {lot.first.finding.verdict}", 200)
        yield Annotation(_level(lot), rank, file, title, tuple(_lines(lot)))


def _level(lot: Lot) -> Level:
    if lot.first.standing == "fails":
        return "error"
    undecided = lot.first.standing == "passes" and lot.first.finding.verdict != "fallback"
    return "warning" if undecided else "notice"


def _lines(lot: Lot) -> Iterator[str]:
    first = lot.first
    yield shortened(lot.message, TEXT_WIDTH)
    excused = [first.standing] if first.standing in {"known", "waived"} else []
    if excused or first.reason:
        yield ": ".join(filter(None, [*excused, shortened(first.reason, TEXT_WIDTH)]))
    names = [shortened(n.name, 80) for n in lot.nodes[:NODES_SHOWN]]
    if names:
        more = len(lot.nodes) - NODES_SHOWN
        yield f"at {', '.join(names)}" + (f" and {more} more" if more > 0 else "")
    if first.finding.help:
        yield shortened(first.finding.help, TEXT_WIDTH)
