"""Which models and which targets: names and patterns become lists."""

import glob
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path

from porting.capability.targets import available, find, heads
from porting.errors import UsageError
from porting.gate.globs import is_glob

EVERY = "all"


def models(patterns: Iterable[str], folder: Path | None = None) -> list[Path]:
    """The files that names and patterns mean, each once: in their order, of each sorted.

    Args:
        patterns: Paths; with `*`, `?`, `[...]` or `**` a pattern of files.
        folder: What they are relative to; the working directory if None.

    Raises:
        UsageError: A pattern means no file.
    """
    return list(dict.fromkeys(p for text in patterns for p in _models(text, folder)))


def _models(text: str, folder: Path | None) -> list[Path]:
    path = folder / text if folder else Path(text)
    if not is_glob(text) or path.is_file():
        return [path]
    pattern = str(Path(glob.escape(str(folder))) / text) if folder else text
    # as in shells hidden files are left out, which Path.glob would not do
    names = glob.iglob(pattern, recursive=True)  # noqa: PTH207
    files = [p for p in map(Path, names) if p.is_file()]
    # a link to a folder shows every file below it again, perhaps without end: the file's own path
    # stays, which configurations name; else the shortest
    found: dict[Path, Path] = {}
    for path in sorted(files, key=lambda p: (_links(p), len(p.parts), p)):
        found.setdefault(path.resolve(), path)
    if not found:
        where = f" in {folder}" if folder else ""
        raise UsageError("model-none", f"no file matches '{text}'{where}", "** means any folder")
    return sorted(found.values())


def _links(path: Path) -> int:
    """How many of a path's parts are links."""
    return sum(each.is_symlink() for each in (path, *path.parents))


def targets(names: Iterable[str]) -> list[str]:
    """The target ids that names mean, each once: in their order, of each sorted.

    A name is that of one target, a unique part of it, a pattern such as `ascend-*`, a vendor's
    tables such as `huawei/*`, or `all`.

    Raises:
        UsageError: A name means none.
    """
    tables = available()
    return list(dict.fromkeys(t for name in names for t in _targets(name.strip(), tables)))


def _targets(name: str, tables: Mapping[str, Path]) -> list[str]:
    if name == EVERY:
        return list(tables)
    if "/" not in name and not is_glob(name):
        return [find(name, tables)]
    found = _grouped(name.lower(), tables)
    if not found:
        raise UsageError(
            "target-unknown", f"no target matches '{name}'", "port targets lists them with vendors"
        )
    return found


def _grouped(pattern: str, tables: Mapping[str, Path]) -> list[str]:
    """Targets by their id, by the folder of their table, or by their vendor."""
    if "/" not in pattern:
        return [t for t in tables if fnmatchcase(t, pattern)]
    found = [t for t, p in tables.items() if fnmatchcase(f"{p.parent.name.lower()}/{t}", pattern)]
    if found:
        return found
    vendors = {t: head.vendor.lower().replace(" ", "-") for t, head in heads(tables).items()}
    return [t for t, vendor in vendors.items() if fnmatchcase(f"{vendor}/{t}", pattern)]
