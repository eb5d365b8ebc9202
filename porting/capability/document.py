"""A table's file: its text, which is bounded, and where in it the entries stand."""

import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from porting.errors import TableError

MAX_BYTES = 4_000_000

Path_: TypeAlias = tuple[str | int, ...]
"""The keys that lead to an entry."""

_OPERATORS = re.compile(r"^ops:", re.MULTILINE)


class Document:
    """A table as plain data.

    Attributes:
        file: Where it was read.
        data: The mapping at the top.
        lines: Line number by the path of keys that leads to an entry.
    """

    def __init__(self, file: str, data: dict[str, Any]) -> None:
        self.file = file
        self.data = data
        self.lines: dict[Path_, tuple[str, int]] = {}

    def where(self, path: Path_) -> str:
        """`FILE:LINE` of the entry at `path`, or of the nearest one around it."""
        while path:
            if path in self.lines:
                file, line = self.lines[path]
                return f"{file}:{line}"
            path = path[:-1]
        return self.file


def text_of(path: Path) -> str:
    """The text of a file.

    Raises:
        TableError: It cannot be read, or is too large.
    """
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode) and not stat.S_ISDIR(found.st_mode):
            raise TableError("table-unreadable", f"{path}: not a regular file")
        if found.st_size > MAX_BYTES:
            raise TableError("table-too-large", f"{path}: larger than {MAX_BYTES} bytes")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise TableError("table-unreadable", f"{path}: {reason}") from None
    return text


def before_operators(text: str) -> str:
    """What stands before the operators, which are the last and longest field of a table."""
    return _OPERATORS.split(text, maxsplit=1)[0]


def extended(name: str, path: Path, tables: Mapping[str, Path]) -> Path:
    """The file that the table at `path` means where it extends `name`."""
    return tables.get(name, path.with_name(f"{name}.yaml"))
