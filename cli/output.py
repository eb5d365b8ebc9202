"""Where reports go: standard output, or a file that is replaced in one step."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .summary import append_summary

if TYPE_CHECKING:
    from porting.gate.outcome import Report
    from porting.report.formats import Sink, View


def write_report(text: str, file: Path | None) -> None:
    """Writes a report to a file, or to standard output."""
    if file is None:
        click.echo(text, nl=not text.endswith("\n"))
    else:
        from porting.model.save import write_atomically

        write_atomically(file, text if text.endswith("\n") else text + "\n")


def to_json(data: Any) -> str:
    """The stable form of every JSON that port writes."""
    from porting.report.as_json import dumped

    return dumped(data)


def check_sinks(sinks: Iterable["Sink"]) -> None:
    """Refuses files that cannot be written, before the work for them is done.

    Raises:
        UsageError: As `porting.outputs.check_report_file`.
    """
    from porting.outputs import check_report_file

    for sink in sinks:
        if sink.file is not None:
            check_report_file(sink.file)


def write_reports(report: "Report", sinks: Iterable["Sink"], view: "View") -> None:
    """Writes a report in each format to where it goes; text to a terminal has colours."""
    from porting.report.formats import renderer

    for sink in sinks:
        if sink.file is None and sink.format == "text":
            from porting.report.terminal import console_for
            from porting.report.text import print_report

            print_report(console_for(sys.stdout), report, view)
        else:
            write_report(renderer(sink.format)(report, view), sink.file)
        if sink.format == "github":
            append_summary(report, view)


@contextmanager
def progress_line() -> Iterator[Callable[[str], None]]:
    """Something to tell of each step: a line on stderr that goes away, on terminals."""
    if not sys.stderr.isatty():
        yield lambda step: None
        return
    try:
        yield lambda step: click.echo(f"\r\x1b[2K{step} ...", nl=False, err=True)
    finally:
        click.echo("\r\x1b[2K", nl=False, err=True)


@contextmanager
def progress_bar() -> Iterator[Callable[[int, int, str], None]]:
    """Something to tell of each model that is done, of several: a bar on stderr, on terminals."""
    if not sys.stderr.isatty():
        yield lambda done, total, name: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from porting.report.safe import shortened

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}", markup=False))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", visible=False)

        def tell(done: int, total: int, name: str) -> None:
            visible = total > 1
            bar.update(
                task,
                completed=done,
                total=total,
                visible=visible,
                description=shortened(name, 48),
            )

        yield tell
