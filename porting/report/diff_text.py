"""`port diff` on a terminal."""

from io import StringIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from porting.difference.outcome import DiffResult
from porting.report.diff import Section, models, outcome, sections
from porting.report.safe import plain, shortened
from porting.report.terminal import console_for_file, print_item

MOST_ROWS = 20
WIDEST = 300


def render(result: DiffResult) -> str:
    """The report without colours, for a file."""
    stream = StringIO()
    print_diff(console_for_file(stream), result)
    return stream.getvalue()


def print_diff(console: Console, result: DiffResult) -> None:
    """Prints which models are compared, what changed, and whether something new fails."""
    for side, path in models(result):
        console.print(Text.assemble((side, "dim"), "  ", (plain(path), "bold")))
    if result.target is not None:
        console.print(Text.assemble(("on", "dim"), f"   {result.target.id}  {result.target.name}"))
    for section in sections(result):
        _section(console, section)
    unread = len(result.parameters.unread)
    if unread:
        note = f"\n{unread} parameters lie in data files that were not read; --external reads them"
        console.print(Text(note, style="yellow"))
    word, style = ("PASS", "bold green") if result.passed else ("FAIL", "bold red")
    label = Text(f"{word}  ", style) if result.target is not None else Text("DIFF  ", "bold")
    console.print()
    print_item(console, label, outcome(result))


def _section(console: Console, section: Section) -> None:
    console.print()
    console.print(Text(section.title, style="bold"))
    table = Table(box=None, padding=(0, 2), header_style="dim", pad_edge=True)
    for title in section.header:
        table.add_column(title, overflow="fold")
    for row in section.rows[:MOST_ROWS]:
        table.add_row(*(Text(shortened(cell, WIDEST)) for cell in row))
    console.print(table)
    more = len(section.rows) - MOST_ROWS
    if more > 0:
        console.print(Text(f"  and {more} more, which --format json lists", style="dim"))
