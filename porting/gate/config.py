"""Finds, reads and validates the configuration of a repository."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from porting.errors import UsageError
from porting.suggest import did_you_mean

if TYPE_CHECKING:
    from porting.gate.settings import Settings

FILE = "port.toml"
PYPROJECT = "pyproject.toml"
MAX_BYTES = 1 << 20


class Config(NamedTuple):
    """A configuration and where it stands.

    Attributes:
        file: Where it was read.
        settings: What it says.
    """

    file: Path
    settings: "Settings"

    @property
    def folder(self) -> Path:
        """What its paths are relative to."""
        return self.file.parent

    def name_of(self, model: Path) -> str:
        """A model's path from that folder, with slashes."""
        try:
            return Path(os.path.relpath(model, self.folder)).as_posix()
        except ValueError:  # on another drive
            return model.as_posix()


def find() -> Config | None:
    """The nearest configuration in the working directory or above, up to the repository's root.

    In each folder `port.toml` is looked for first, then `[tool.port]` in `pyproject.toml`.

    Raises:
        UsageError: `config-invalid`.
    """
    for folder in _upwards(Path.cwd()):
        for name in (FILE, PYPROJECT):
            file = Path(os.path.relpath(folder / name))  # reports show paths that begin like it
            found = _read(file) if file.is_file() else None
            if found is not None:
                return _config(file, found)
    return None


def load(file: Path) -> Config:
    """The configuration in a file that was named.

    Raises:
        UsageError: `config-missing`, `config-invalid`.
    """
    if not file.is_file():
        raise UsageError("config-missing", f"there is no configuration {file}")
    found = _read(file)
    if found is None:
        raise UsageError("config-missing", f"{file} has no [tool.port]")
    return _config(file, found)


def _upwards(folder: Path) -> Iterator[Path]:
    for each in (folder, *folder.parents):
        yield each
        if (each / ".git").exists():
            return


def _read(file: Path) -> dict[str, Any] | None:
    """What a file says of port; None if it is another tool's alone."""
    import tomllib

    try:
        if file.stat().st_size > MAX_BYTES:
            raise _invalid(file, f"larger than {MAX_BYTES} bytes")
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise _invalid(file, str(error)) from None
    except UnicodeDecodeError:
        raise _invalid(file, "not UTF-8 text") from None
    except RecursionError:
        raise _invalid(file, "nested too deep") from None
    if file.name != PYPROJECT:
        return data
    tool = data.get("tool")
    found = tool.get("port") if isinstance(tool, dict) else None
    if found is not None and not isinstance(found, dict):
        raise _invalid(file, "tool.port is not a table")
    return found


def _config(file: Path, data: dict[str, Any]) -> Config:
    from pydantic import ValidationError

    from porting.gate.settings import Settings

    try:
        return Config(file, Settings.model_validate(data))
    except ValidationError as error:
        # a misspelt field shows as missing, too: that it is unknown says more
        first = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
        loc = [str(p) for p in first["loc"] if p != "function-before"]
        line = _line(file, loc)
        where = f"{file}:{line}" if line else str(file)
        why, help_ = _reason(first, loc)
        raise UsageError("config-invalid", f"{where}: {_named(loc)}: {why}", help_) from None


def _named(loc: list[str]) -> str:
    """A setting as a reader counts: `waiver 1, until`."""
    if loc[0] == "waiver" and len(loc) > 1:
        return ", ".join([f"waiver {int(loc[1]) + 1}", *loc[2:]])
    return ".".join(loc)


def _reason(error: Any, loc: list[str]) -> tuple[str, str]:
    """What is wrong, and what to write instead."""
    if error["type"] == "extra_forbidden":
        known = _fields(loc)
        if len(loc) > 1 and loc[-1] in _fields(loc[-1:]):
            return "there is no such setting", "it belongs above the first [section] of the file"
        guess = did_you_mean(loc[-1], known, 2, 0.5)
        return "there is no such setting", guess or f"there are {', '.join(known)}"
    if error["type"] == "missing":
        return "it is missing", "a waiver says why" if loc[-1] == "reason" else ""
    if error["type"].startswith("date"):
        return "it is not a date", "without quotes: until = 2030-12-31"
    if error["type"] == "string_too_short":
        return "it is empty", ""
    message = str(error["msg"]).removeprefix("Value error, ")
    return message[:1].lower() + message[1:], ""


def _fields(loc: list[str]) -> list[str]:
    """The settings that there are where one was looked for."""
    from porting.gate.settings import Section, Settings, WaiverForm

    fields = Settings.model_fields
    if len(loc) > 1:
        fields = {"model": Section.model_fields, "waiver": WaiverForm.model_fields}.get(
            loc[0], fields
        )
    return [field.alias or name for name, field in fields.items()]


def _line(file: Path, loc: list[str]) -> int:
    """The line of a setting; 0 where it is not plain which one is meant."""
    names = [name for name in loc if not name.isdigit()]
    key = re.escape(names[-1]) if names else ""
    pattern = re.compile(rf"^\s*[\[\w.\"'-]*\b{key}[\"']?\s*[=\].]")
    lines = file.read_text(encoding="utf-8").splitlines()
    found = [number for number, text in enumerate(lines, 1) if key and pattern.match(text)]
    return found[0] if len(found) == 1 else 0


def _invalid(file: Path, why: str) -> UsageError:
    return UsageError("config-invalid", f"{file}: {why}", "docs/gate.md describes the settings")
