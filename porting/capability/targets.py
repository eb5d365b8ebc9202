"""Finds capability tables: those that come with the package and those that the user brings."""

import os
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from porting.capability import stored
from porting.capability.document import before_operators
from porting.capability.schema import TableHead
from porting.capability.stored import Files
from porting.errors import TableError, UsageError
from porting.suggest import closest, question

if TYPE_CHECKING:
    from porting.capability.table import CapabilityTable

VARIABLE = "PORT_OP_MAPS"
"""Environment variable: more tables, files or folders, separated as in PATH."""


@cache
def shipped() -> Mapping[str, Path]:
    """The package's own tables by target id, in alphabetical order."""
    from porting import op_maps  # importlib.resources would take longer than the tables

    root = Path(op_maps.__path__[0])
    found = {p.stem: p for p in root.glob("*/*.yaml")}
    return dict(sorted(found.items()))


def available() -> dict[str, Path]:
    """Every table by target id; the user's own win. Bases (`_family`) are not targets.

    Raises:
        TableError: The environment variable names something that is not there.
    """
    tables = dict(shipped())
    for entry in filter(None, os.environ.get(VARIABLE, "").split(os.pathsep)):
        path = Path(entry)
        if path.is_dir():
            tables.update({p.stem: p for p in sorted(path.glob("**/*.yaml"))})
        elif path.is_file():
            tables[path.stem] = path
        else:
            raise TableError("table-not-found", f"{VARIABLE}: there is no {entry}")
    return {name: path for name, path in sorted(tables.items()) if not name.startswith("_")}


def heads(tables: Mapping[str, Path]) -> dict[str, TableHead]:
    """What every table says before its operators, by target id.

    Raises:
        TableError: One is broken, with file, line and field.
    """
    files = Files(tables.values(), tables, before_operators)
    found = stored.recalled("heads", TableHead, files)
    if found is None:
        from porting.capability.form import validated

        found = [validated(TableHead, files.document(path)) for path in files.tables]
        stored.keep("heads", found, files)
    return dict(zip(tables, found, strict=True))


def find(name: str, tables: Mapping[str, Path]) -> str:
    """The target id that a name means: the id itself, a part of it that is unique, or an alias.

    Raises:
        UsageError: No target or several have that name; the message says which are close.
    """
    wanted = name.lower().removesuffix(".yaml")
    if wanted in tables:
        return wanted
    ending = [t for t in tables if t.endswith(f"-{wanted}")]
    if len(ending) == 1:
        return ending[0]
    containing = [t for t in tables if wanted and wanted in t]
    if len(containing) == 1:
        return containing[0]
    if containing:
        shown = ", ".join(containing[:8])
        raise UsageError("target-ambiguous", f"'{name}' is not unique", f"it may be: {shown}")
    there = {t: p for t, p in tables.items() if p.is_file()}
    called = [t for t, head in heads(there).items() if wanted in head.aliases]
    if len(called) == 1:
        return called[0]
    raise UsageError("target-unknown", f"there is no target '{name}'", _guess(wanted, tables))


def _guess(name: str, tables: Mapping[str, Path]) -> str:
    """The closest ids, by the whole name or by one of its parts."""
    parts: dict[str, str] = {}
    for target in tables:
        for part in (target, *target.split("-")[1:]):
            parts.setdefault(part, target)
    close = dict.fromkeys(parts[p] for p in closest(name, parts, 3, 0.5))
    return question(close) or "targets: " + ", ".join(tables)


def load_target(name: str, op_map: Path | None = None) -> "CapabilityTable":
    """The table of a target.

    Args:
        name: A target id or a unique part of one; ignored if `op_map` is given and empty.
        op_map: A table file of the user's, validated in full.

    Raises:
        UsageError: The name is unknown or ambiguous.
        TableError: The table is broken, with file, line, operator and field.
    """
    if op_map is not None:
        if not op_map.is_file():
            raise TableError("table-not-found", f"{op_map}: there is no such file")
        table = _table_of_user(op_map, available())
        table.op_map = str(op_map)
        return table
    tables = available()
    target = find(name, tables)
    if tables[target] == shipped().get(target):
        return _shipped_table(target)
    return _table_of_user(tables[target], tables)


@cache
def _shipped_table(target: str) -> "CapabilityTable":
    """A table of the package, read once: many models may be checked in one process."""
    from porting.capability.table import read_table, recalled_table

    files = Files([shipped()[target]], shipped())
    table = recalled_table("shipped", files)
    if table is None:
        table = read_table(files)
        stored.keep("shipped", [table.data], files)
    return table


def _table_of_user(path: Path, tables: Mapping[str, Path]) -> "CapabilityTable":
    """A table every entry of which is well formed."""
    from onnx import __version__  # which knows the names that the entries may use

    from porting.capability.table import read_table, recalled_table

    kind, files = f"sound for onnx {__version__}", Files([path], tables)
    table = recalled_table(kind, files)
    if table is None:
        table = read_table(files)
        table.validate()
        stored.keep(kind, [table.data], files)
    return table
