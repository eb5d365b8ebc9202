"""`port diff` as a comment on a pull request."""

from collections.abc import Iterable, Iterator

from porting.difference.outcome import DiffResult
from porting.report.diff import Section, models, outcome, sections
from porting.report.markdown import MOST_CHARACTERS, code, text

MOST_ROWS = 50


def render(result: DiffResult) -> str:
    """The report as Markdown; what a comment has no room for is left out and counted."""
    parts = ["\n".join(_head(result))]
    left = MOST_CHARACTERS - len(parts[0])
    waiting = list(sections(result))
    for number, section in enumerate(waiting):
        part = "\n".join(_section(section))
        if len(part) > left:
            parts.append(f"{len(waiting) - number} more tables do not fit; the JSON has all.\n")
            break
        parts.append(part)
        left -= len(part)
    return "\n".join(parts)


def _head(result: DiffResult) -> Iterator[str]:
    title = "what changed"
    if result.target is not None:
        title = "nothing new fails" if result.passed else "something new fails"
    yield from (f"## port diff: {title}", "")
    (_, old), (_, new) = models(result)
    on = f" on {code(result.target.id)}" if result.target is not None else ""
    yield from (f"{code(old)} → {code(new)}{on}: {text(outcome(result))}", "")
    unread = len(result.parameters.unread)
    if unread:
        note = f"{unread} parameters lie in data files that were not read."
        yield from (note, "")


def _section(section: Section) -> Iterator[str]:
    summary = f"{section.title}: {len(section.rows)}"
    yield from (f"<details open><summary>{summary}</summary>", "")
    yield _row(section.header)
    yield _row("---" for _ in section.header)
    yield from (_row(map(text, row)) for row in section.rows[:MOST_ROWS])
    more = len(section.rows) - MOST_ROWS
    if more > 0:
        yield from ("", f"{more} more rows are left out.")
    yield from ("", "</details>", "")


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
