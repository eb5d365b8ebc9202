"""`port op-map`: holds capability tables to their form, and writes that form as JSON Schema."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import options, output
from .options import Format

if TYPE_CHECKING:
    from porting.capability.lint import LintResult


@click.group()
def command() -> None:
    """Check capability tables, or write one's form."""


@command.command("lint")
@click.argument(
    "files",
    nargs=-1,
    type=options.PATH,
    help="Tables, or folders of them; those that come with port if none.",
)
@options.format_option
def lint(files: tuple[Path, ...], form: Format) -> int:
    """Check tables against their form, ONNX's operators and sense.

    Exit status: 0 no problem but warnings, 1 problems, 2 a file cannot be read.

    \b
    Examples:
      port op-map lint my-chip.yaml
      port op-map lint --format json
    """
    from porting.capability.lint import lint_files
    from porting.capability.targets import available, shipped
    from porting.report.safe import plain

    tables = {**shipped(), **available()}
    result = lint_files(_tables(files) or list(shipped().values()), tables)
    if form is Format.json:
        click.echo(output.to_json(result.to_dict()))
    else:
        for problem in result.problems:
            click.echo(plain(str(problem)))
        click.echo(_summary(result))
    if result.unreadable:
        raise result.unreadable[0]
    return 1 if any(not p.warning for p in result.problems) else 0


def _tables(files: Iterable[Path]) -> list[Path]:
    """The files, and the tables in the folders among them."""
    folders = (sorted(f.glob("**/*.yaml")) or [f] if f.is_dir() else [f] for f in files)
    return [table for found in folders for table in found]


def _summary(result: "LintResult") -> str:
    counts = Counter("warning" if p.warning else "problem" for p in result.problems)
    counts["unreadable file"] = len(result.unreadable)
    kinds = ("problem", "warning", "unreadable file")
    found = [_number(counts[kind], kind) for kind in kinds if counts[kind]]
    return f"{_number(result.files, 'table')}: {', '.join(found) or 'no problems'}"


def _number(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


@command.command("schema")
@options.schema_output_option
def schema(out: Path | None) -> int:
    """Write the JSON Schema of a capability table, with which an editor completes and checks one.

    \b
    Example:
      port op-map schema -o op-map.schema.json
    """
    from porting.capability.json_schema import table_schema

    output.write_report(output.to_json(table_schema()), out)
    return 0
