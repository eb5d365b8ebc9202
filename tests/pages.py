"""The examples of a page: commands, what they print, and files."""

import re
import shlex
from pathlib import Path

from porting.cli.app import run

DOCS = Path(__file__).parent.parent / "docs"


def blocks(page: str, *kinds: str) -> list[tuple[str, str]]:
    """Kind and text of the fenced blocks of some kinds, in order."""
    found = re.findall(r"^```(\w+)\n(.*?)^```", (DOCS / page).read_text("utf-8"), re.M | re.S)
    return [(kind, text) for kind, text in found if kind in kinds]


def assert_prints(block: str, capsys) -> None:
    """Runs the command of a `console` block; the lines that it shows must be printed in order.

    `...` stands for any lines, and the last one is the status: `[exit 0]`.
    """
    command, *lines = block.removeprefix("$ port ").strip().splitlines()
    status = run(shlex.split(command))
    printed = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines[-1] == f"[exit {status}]", printed
    at = 0
    for line in filter(None, lines[:-1]):
        if line != "...":
            assert line in printed[at:], (line, printed)
            at += printed[at:].index(line) + 1
