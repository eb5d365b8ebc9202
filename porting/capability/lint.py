"""Holds a table to its form, to ONNX's schemas and to sense, and reports everything at once.

What is merely unlikely is a warning: it does not fail the table.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from porting.capability import lint_yaml, yaml_reader
from porting.capability.document import Document, Path_, text_of
from porting.capability.form import form_errors, resolve
from porting.capability.lint_onnx import opsets_in
from porting.capability.lint_table import TableLinter
from porting.capability.models import record
from porting.capability.schema import OpsetRule, Table
from porting.errors import TableError

_BASE: Mapping[str, Any] = {
    "schema": 1,
    "target": "base",
    "name": "base",
    "vendor": "base",
    "class": "edge",
    "toolchain": {"name": "base", "version": "0"},
    "evidence": "inferred",
    "absent": "unknown",
    "opset": {"range": "1.."},
    "sources": {},
    "ops": {},
}
"""What the table of a family, which only others extend, may leave to them."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """Something wrong with a table.

    Attributes:
        file: Where it was read.
        line: Line number; 0 if the file as a whole is meant.
        place: Operator and field, such as `Conv.require.0.that`.
        code: Kind of problem, as `port explain` tells it.
        message: What is wrong.
        warning: Whether the table may be right all the same.
    """

    file: str
    line: int
    place: str
    code: str
    message: str
    warning: bool = False

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        kind = "warning: " if self.warning else ""
        return f"{where}: {self.code} {self.place}: {kind}{self.message}"

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "file": self.file,
            "line": self.line,
            "code": self.code,
            "place": self.place,
            "message": self.message,
            "severity": "warning" if self.warning else "error",
        }


@dataclass(frozen=True, slots=True)
class LintResult:
    """What was found in several tables.

    Attributes:
        files: Number of tables.
        problems: In the order of files and lines.
        unreadable: Files that could not be looked at.
    """

    files: int
    problems: list[Problem]
    unreadable: list[TableError]

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "schema": "port.lint/1",
            "files": self.files,
            "errors": sum(not p.warning for p in self.problems),
            "warnings": sum(p.warning for p in self.problems),
            "problems": [p.to_dict() for p in self.problems],
            "unreadable": [e.message for e in self.unreadable],
        }


def lint_files(paths: Sequence[Path], tables: Mapping[str, Path]) -> LintResult:
    """Everything that is wrong with some tables; see `lint`."""
    problems: list[Problem] = []
    unreadable: list[TableError] = []
    for path in paths:
        try:
            problems += lint(path, tables)
        except TableError as error:
            unreadable.append(error)
    return LintResult(len(paths) - len(unreadable), problems, unreadable)


def lint(path: Path, tables: Mapping[str, Path]) -> list[Problem]:
    """Everything that is wrong with a table, in the order of its lines.

    Of a table that extends another one, only its own lines are reported, unless the two together
    are not a table.

    Args:
        path: The YAML file.
        tables: Files by target id, for `extends`.

    Raises:
        TableError: The file cannot be read.
    """
    text = text_of(path)
    try:
        merged = resolve(yaml_reader.parse(text, str(path)), path, tables)
        heirs = list(_heirs(path, tables))
    except TableError as error:
        return [_of_error(error, path)]
    found = [p for p in _lint(merged, heirs, path) if p.file == str(path) or p.code == "lint-form"]
    found += [Problem(str(path), n, "yaml", "lint-yaml", m) for n, m in lint_yaml.traps(text)]
    line = lint_yaml.behind_operators(text)
    if line is not None:
        message = "ops is the last field of a table: a list of chips reads up to there"
        found.append(Problem(str(path), line, "ops", "lint-form", message))
    return sorted(_once(found))


def _lint(document: Document, heirs: Iterable[Document], path: Path) -> list[Problem]:
    """What is wrong with the data of a table, by itself and as others extend it."""
    problems: list[Problem] = []

    def add(keys: Path_, code: str, message: str, warning: bool = False) -> None:
        file, _, line = document.where(keys).rpartition(":")
        if not line.isdigit():
            file, line = document.file, "0"
        shown = keys[1:] if keys[:1] == ("ops",) else keys
        place = ".".join(map(str, shown)) or "table"
        problems.append(Problem(file, int(line), place, code, message, warning))

    data = document.data
    if path.stem.startswith("_"):
        data = {**_BASE, **data}
    try:
        table = record(Table, data)
    except ValidationError as error:
        for keys, message in form_errors(error):
            add(keys, "lint-form", message)
        return problems
    documents = [data, *(h.data for h in heirs)]
    cited = frozenset[str]().union(*map(_cited, documents))
    opsets = frozenset[int]().union(*map(_opsets, documents))
    TableLinter(table, cited, opsets, add).run()
    return problems


def _once(problems: Iterable[Problem]) -> Iterator[Problem]:
    """An entry that others repeat by alias is reported once."""
    seen = set()
    for problem in problems:
        key = (problem.file, problem.line, problem.code, problem.message)
        if key not in seen:
            seen.add(key)
            yield problem


def _of_error(error: TableError, path: Path) -> Problem:
    match = re.match(r"(.*?):(\d+): (.*)", error.message)
    if match is None:
        return Problem(str(path), 0, "table", "lint-form", error.message.removeprefix(f"{path}: "))
    return Problem(match[1], int(match[2]), "table", "lint-form", match[3])


def _cited(data: Any) -> frozenset[str]:
    """Every source that is named anywhere, be it in the words of a note."""
    found: set[str] = set()
    front = [("", data)]
    while front:
        key, value = front.pop()
        if isinstance(value, dict):
            front += value.items()
        elif key == "source":
            references = value if isinstance(value, list) else [value]
            found.update((str(r).split(None, 1) or [""])[0] for r in references)
        elif isinstance(value, list):
            front += [(key, v) for v in value]
        elif isinstance(value, str):
            found.update(re.findall(r"[(\[]([\w.-]+)", value))
    return frozenset(found)


def _opsets(data: Mapping[str, Any]) -> frozenset[int]:
    """The opsets that a table is about; none where its rule is malformed."""
    try:
        return opsets_in(record(OpsetRule, data.get("opset")).range)
    except ValidationError:
        return frozenset()


def _heirs(path: Path, tables: Mapping[str, Path]) -> Iterator[Document]:
    """The tables that extend this one, directly or not, each with all that it inherits."""
    front, near = {path.stem}, {p for p in tables.values() if p != path}
    while front:
        heirs = {p for p in near if _extended(p) in front}
        for heir in sorted(heirs):
            yield resolve(yaml_reader.read(heir), heir, tables)
        near, front = near - heirs, {p.stem for p in heirs}


def _extended(path: Path) -> str:
    match = re.search(r"^extends:\s*(\S+)", text_of(path), re.MULTILINE)
    return match[1] if match else ""
