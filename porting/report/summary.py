"""Several models and targets at a glance, for the terminal."""

from collections.abc import Callable, Mapping, Sequence

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from porting.gate.outcome import Entry, Report
from porting.report.lots import subject
from porting.report.safe import plain
from porting.results import VERDICTS

_COLUMNS: Mapping[str, Callable[[Entry], int]] = {
    **{v: lambda entry, v=v: entry.result.counts[v] for v in reversed(VERDICTS)},  # type: ignore[misc]
    "known": lambda entry: _standing(entry, "known"),
    "waived": lambda entry: _standing(entry, "waived"),
}
"""Nodes by verdict, findings by standing."""

_WIDEST = 10_000


def print_summary(console: Console, report: Report) -> None:
    """Prints a row for each model and target; counts that are zero throughout are left out."""
    counts = {name: [count(e) for e in report.entries] for name, count in _COLUMNS.items()}
    shown = {name: c for name, c in counts.items() if any(c) or name == "supported"}
    table = _table(report, shown)
    if _width(console, table) <= console.width:
        console.print(table)
    else:
        _list(console, report, shown)
    failed = sum(not entry.passed for entry in report.entries)
    total = len(report.entries)
    console.print()
    if failed:
        models = len({_model(e) for e in report.entries if not e.passed})
        said = f"  {failed} of {total} checks fail, of {models} model{'' if models == 1 else 's'}"
        console.print(Text.assemble(("FAIL", "bold red"), said))
    else:
        console.print(Text.assemble(("PASS", "bold green"), f"  all {total} checks pass"))


def _width(console: Console, table: Table) -> int:
    """Columns that a table takes where nothing is left out."""
    wide = console.options.update(width=_WIDEST)
    return console.measure(table, options=wide).maximum


def _table(report: Report, counts: Mapping[str, Sequence[int]]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("", "model", "target"):
        table.add_column(name, no_wrap=True)
    for name in counts:
        table.add_column(name, justify="right", no_wrap=True)
    for number, entry in enumerate(report.entries):
        numbers = (str(column[number]) for column in counts.values())
        table.add_row(_word(entry), _model(entry), entry.result.target.id, *numbers)
    return table


def _list(console: Console, report: Report, counts: Mapping[str, Sequence[int]]) -> None:
    """The same for a narrow terminal."""
    for number, entry in enumerate(report.entries):
        console.print(_word(entry) + Text(f"  {_model(entry)} on {entry.result.target.id}"))
        numbers = [f"{c[number]} {name}" for name, c in counts.items() if c[number]]
        console.print(Padding(Text(", ".join(numbers) or "no nodes"), (0, 0, 0, 6), expand=False))


def _word(entry: Entry) -> Text:
    return Text("PASS", "green") if entry.passed else Text("FAIL", "red")


def _model(entry: Entry) -> str:
    return plain(subject(entry).model.path) or "model"


def _standing(entry: Entry, standing: str) -> int:
    return sum(judged.standing == standing for judged in entry.judged)
