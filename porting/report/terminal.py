"""Consoles, and lines that stay readable where a terminal is narrow."""

from typing import IO

from rich.console import Console
from rich.text import Text

PLAIN_WIDTH = 100
_LEAST = 24
"""Columns that a text needs beside its label."""
_STEP = 2


def console_for(stream: IO[str]) -> Console:
    """A console for standard output; it never interprets what models contain.

    Colours go to terminals only, or where the environment asks for them (FORCE_COLOR).
    """
    width = None if stream.isatty() else PLAIN_WIDTH
    return Console(file=stream, highlight=False, markup=False, emoji=False, width=width)


def console_for_file(stream: IO[str]) -> Console:
    """A console for a report in a file: no colours and one width, whatever the environment says."""
    return Console(
        file=stream,
        highlight=False,
        markup=False,
        emoji=False,
        width=PLAIN_WIDTH,
        color_system=None,
        force_terminal=False,
        no_color=True,
        legacy_windows=False,
    )


def print_item(console: Console, label: Text | str, text: Text | str) -> None:
    """Prints a label and a text beside it, whose further lines begin below the first."""
    head = Text(label) if isinstance(label, str) else label
    body = Text(text) if isinstance(text, str) else text
    indent = head.cell_len
    if console.width - indent < _LEAST:
        head, body, indent = Text(), Text.assemble(head, body), _STEP
    for number, line in enumerate(body.wrap(console, console.width - indent) or [Text()]):
        line.rstrip()
        start = Text(" " * indent) if number else head
        console.print(Text.assemble(start, line), soft_wrap=True)
