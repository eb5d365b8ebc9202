"""Several models and targets at a glance, for the terminal."""

from collections.abc import Callable, Mapping

from rich.console import Console
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


def print_summary(console: Console, report: Report) -> None:
    """Prints a row for each model and target; columns that are zero throughout are left out."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("")
    table.add_column("model", overflow="fold")
    table.add_column("target", overflow="fold")
    counts = {name: [count(e) for e in report.entries] for name, count in _COLUMNS.items()}
    shown = [name for name, column in counts.items() if any(column) or name == "supported"]
    for name in shown:
        table.add_column(name, justify="right", overflow="fold")
    for number, entry in enumerate(report.entries):
        table.add_row(
            Text("PASS", "green") if entry.passed else Text("FAIL", "red"),
            plain(subject(entry).model.path) or "model",
            entry.result.target.id,
            *(str(counts[name][number]) for name in shown),
        )
    console.print(table)
    failed = sum(not entry.passed for entry in report.entries)
    total = len(report.entries)
    console.print()
    if failed:
        models = len({subject(e).model.path for e in report.entries if not e.passed})
        said = f"  {failed} of {total} checks fail, of {models} model{'' if models == 1 else 's'}"
        console.print(Text.assemble(("FAIL", "bold red"), said))
    else:
        console.print(Text.assemble(("PASS", "bold green"), f"  all {total} checks pass"))


def _standing(entry: Entry, standing: str) -> int:
    return sum(judged.standing == standing for judged in entry.judged)
