"""What a stored answer depends on besides the model: the table, and the program that reads it."""

import hashlib
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import porting
from porting.capability.document import extended
from porting.capability.targets import available, find, shipped
from porting.errors import TableError

_LIBRARIES = ("numpy", "onnx", "protobuf")
"""Shapes, constants and schemas come from these."""
_DECIDING = ("capability/*.py", "model/*.py", "*.py", "gate/answers.py")
"""Our own files that take part in a verdict; an edit of one, too, makes another program."""
_EXTENDS = re.compile(rb"^extends: *([\w.-]+) *$", re.MULTILINE)


@cache
def program() -> str:
    """Hex digest of everything of port and its libraries that makes verdicts."""
    from importlib.metadata import version

    digest = hashlib.sha256(porting.__version__.encode())
    for name in _LIBRARIES:
        digest.update(f"\0{name} {version(name)}".encode())
    folder = Path(porting.__file__).parent
    for pattern in _DECIDING:
        for file in sorted(folder.glob(pattern)):
            digest.update(f"\0{file.name}\0".encode() + file.read_bytes())
    return digest.hexdigest()


def table(target: str, op_map: Path | None) -> str:
    """Hex digest of a target's table and of all that it extends.

    Raises:
        OSError: One cannot be read; TableError, UsageError: as `load_target`.
    """
    tables = available()
    path: Path | None = op_map if op_map is not None else tables[find(target, tables)]
    digest = hashlib.sha256()
    seen: set[Path] = set()
    while path is not None and path not in seen:
        seen.add(path)
        text = path.read_bytes()
        digest.update(len(text).to_bytes(8, "big") + text)
        path = _extended(path, text, tables)
    return digest.hexdigest()


def _extended(path: Path, text: bytes, tables: Mapping[str, Path]) -> Path | None:
    """The table that one extends."""
    if path.is_relative_to(_own_folder()):
        found = _EXTENDS.search(text)  # tests hold our own tables to this form
        name = found[1].decode() if found else None
    else:
        from porting.capability import yaml_reader

        name = yaml_reader.read(path).data.get("extends")
    if name is None:
        return None
    if not isinstance(name, str) or "/" in name:
        raise TableError("table-extends", f"{path}: cannot extend {name!r}")
    return extended(name, path, tables)


@cache
def _own_folder() -> Path:
    return next(iter(shipped().values())).parent.parent
