"""Where reports go: standard output, or a file that is replaced in one step."""

import json
import sys
from pathlib import Path
from typing import Any

import typer


def write_report(text: str, file: Path | None) -> None:
    """Writes a report to a file, or to standard output."""
    if file is None:
        typer.echo(text, nl=not text.endswith("\n"))
    else:
        from porting.model.save import write_atomically

        write_atomically(file, text if text.endswith("\n") else text + "\n")


def to_json(data: Any) -> str:
    """The stable form: keys in the schema's order, two spaces, non-ASCII kept."""
    return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False)


def progress(step: str) -> None:
    """Says on stderr what is being done, on terminals only."""
    if sys.stderr.isatty():
        typer.echo(f"\r\x1b[2K{step} ...", nl=False, err=True)


def progress_end() -> None:
    """Clears the line of `progress`."""
    if sys.stderr.isatty():
        typer.echo("\r\x1b[2K", nl=False, err=True)
