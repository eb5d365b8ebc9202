"""A table file as validated data: what it extends is merged, the form is checked."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from porting.capability import yaml_reader
from porting.capability.document import Document, Path_, extended
from porting.capability.models import record
from porting.capability.record import Record
from porting.errors import TableError

_Form = TypeVar("_Form", bound=Record)


def validated(form: type[_Form], document: Document) -> _Form:
    """The document as an instance of its form.

    Raises:
        TableError: The first thing that is wrong, with file, line and field.
    """
    try:
        return record(form, document.data)
    except ValidationError as error:
        path, message = form_errors(error)[0]
        raise TableError(
            "table-invalid",
            f"{document.where(path)}: {_place(path)}: {message}",
            "see CONTRIBUTING for the form of a table",
        ) from None


def form_errors(error: ValidationError) -> list[tuple[Path_, str]]:
    """Everything that is wrong with a document: where, as keys, and what."""
    # a misspelt field shows twice, as missing and as unknown: the latter helps
    found = sorted(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
    return [(_yaml_path(tuple(e["loc"])), _reason(e)) for e in found]


def _yaml_path(path: Path_) -> Path_:
    return tuple(p for p in path if p != "function-before")


def _place(path: Path_) -> str:
    shown = [str(p) for p in path]
    if shown[:1] == ["ops"] and len(shown) > 1:
        return f"{shown[1]}: {'.'.join(shown[2:]) or 'entry'}"
    return ".".join(shown) or "table"


def _reason(error: Any) -> str:
    if error["type"] == "extra_forbidden":
        return "there is no such field"
    if error["type"] == "missing":
        return "this field is missing"
    message = str(error["msg"]).removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


def resolve(
    document: Document,
    path: Path,
    bases: Mapping[str, Path],
    seen: tuple[str, ...] = (),
    read: Callable[[Path], Document] = yaml_reader.read,
) -> Document:
    """Merges a document over the one that it extends.

    An operator's entry is merged field by field; `Cos: null` takes an operator away.
    """
    name = document.data.pop("extends", None)
    if name is None:
        return document
    where = document.where(("extends",))
    if not isinstance(name, str) or "/" in name or name in seen or len(seen) > 8:
        raise TableError("table-extends", f"{where}: cannot extend {name!r}")
    base_path = extended(name, path, bases)
    if not base_path.is_file():
        raise TableError("table-extends", f"{where}: there is no table {name} to extend")
    base = resolve(read(base_path), base_path, bases, (*seen, name), read)
    merged = Document(document.file, _merge(base.data, document.data, 0))
    merged.lines = {**base.lines, **document.lines}
    return merged


def _merge(base: Mapping[str, Any], own: Mapping[str, Any], depth: int) -> dict[str, Any]:
    """`own` over `base`: mappings are merged down to the fields of an operator, patterns added."""
    result = dict(base)
    for key, value in own.items():
        old = result.get(key)
        if value is None and depth == 1:
            result.pop(key, None)
        elif key == "patterns" and depth == 0 and isinstance(old, list) and isinstance(value, list):
            result[key] = [*old, *value]
        elif isinstance(old, dict) and isinstance(value, dict) and depth < 2:
            result[key] = _merge(old, value, depth + 1)
        else:
            result[key] = value
    return result
