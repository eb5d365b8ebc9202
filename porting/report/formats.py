"""The report formats by name; a new one is a module with `render` and a line here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TypeAlias

from porting.errors import UsageError
from porting.gate.outcome import Report

FORMATS: Mapping[str, str] = {
    "text": "porting.report.text",
    "json": "porting.report.as_json",
    "markdown": "porting.report.markdown",
    "html": "porting.report.html",
    "sarif": "porting.report.sarif",
    "junit": "porting.report.junit",
    "github": "porting.report.github",
    "gitlab": "porting.report.gitlab",
}
"""Format name to the module whose `render(report, view)` writes it."""

SUFFIXES: Mapping[str, str] = {
    ".json": "json",
    ".md": "markdown",
    ".html": "html",
    ".sarif": "sarif",
    ".xml": "junit",
    ".codequality.json": "gitlab",
}
"""End of a file's name to the format that it asks for; text for any other."""


@dataclass(frozen=True, slots=True)
class View:
    """How a report is shown; it changes no verdict.

    Attributes:
        every_node: Supported nodes are listed too, where a format lists nodes.
    """

    every_node: bool = False


Renderer: TypeAlias = Callable[[Report, View], str]


@dataclass(frozen=True, slots=True)
class Sink:
    """A format, and the file that it goes to; standard output if None."""

    format: str
    file: Path | None = None


def renderer(name: str) -> Renderer:
    """What writes a format; imported when it is asked for."""
    found: Renderer = import_module(FORMATS[name]).render
    return found


def format_of(file: Path) -> str:
    """The format that a file's name asks for."""
    name = file.name.lower()
    ends = [end for end in SUFFIXES if name.endswith(end)]
    return SUFFIXES[max(ends, key=len)] if ends else "text"


def require_format(name: str) -> str:
    """The name itself, if there is such a format.

    Raises:
        UsageError: There is none; it names the ones that there are.
    """
    if name not in FORMATS:
        known = ", ".join(FORMATS)
        raise UsageError("format-unknown", f"there is no report format '{name}'", f"one of {known}")
    return name
