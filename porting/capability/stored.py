"""Tables as they were read and validated before, for as long as their files say the same.

An entry of the cache names the digests of all that its data was read from. It is taken for data of
the right form, or not at all: nothing in it is run.
"""

import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Any, Literal, TypeAlias, TypeVar, Union, get_args, get_origin

import porting
from porting.cache import Cache, folder, key_of, sealed, unsealed
from porting.capability.document import Document, Path_, extended, text_of
from porting.capability.record import Record, hints_of
from porting.capability.versions import Versions, parse_versions
from porting.errors import TableError

_R = TypeVar("_R", bound=Record)
_Reader: TypeAlias = Callable[[Any], Any]


class Files:
    """The files of tables with those that they extend, each read once.

    Args:
        tables: Paths of the tables.
        bases: Files by target id, for `extends`.
        part: What is looked at of the text of each.
    """

    def __init__(
        self,
        tables: Iterable[Path],
        bases: Mapping[str, Path],
        part: Callable[[str], str] = str,
    ) -> None:
        self.tables = tuple(tables)
        self._bases = bases
        self._part = part
        self._texts: dict[Path, str] = {}
        self._digests: dict[Path, str] = {}
        self._extends: dict[Path, str | None] = {}

    def document(self, table: Path) -> Document:
        """What a table says, merged over what it extends.

        Raises:
            TableError: As `form.resolve`.
        """
        from porting.capability.form import resolve

        return resolve(self._read(table), table, self._bases, read=self._read)

    def where(self, table: Path, keys: Path_) -> str:
        """`FILE:LINE` of an entry of a table."""
        return self.document(table).where(keys)

    def digest(self, file: Path) -> str:
        """Hex digest of the part of a file's text that is looked at.

        Raises:
            TableError: It cannot be read, or is too large.
        """
        if file not in self._digests:
            self._digests[file] = hashlib.sha256(self._text(file).encode()).hexdigest()
        return self._digests[file]

    def chain(self, table: Path) -> list[list[str | None]]:
        """Of a table that was read and of each that it extends: the digest, and what it extends."""
        name = self._extends[table]
        link = [self.digest(table), name]
        if name is None:
            return [link]
        return [link, *self.chain(extended(name, table, self._bases))]

    def match(self, table: Path, chain: Iterable[Any]) -> bool:
        """Whether a chain is that of a table."""
        path: Path | None = table
        for digest, name in chain:
            if path is None or self.digest(path) != digest:
                return False
            path = extended(name, path, self._bases) if name is not None else None
        return path is None

    def _read(self, file: Path) -> Document:
        from porting.capability import yaml_reader

        document = yaml_reader.parse(self._text(file), str(file))
        self._extends[file] = document.data.get("extends")
        return document

    def _text(self, file: Path) -> str:
        if file not in self._texts:
            self._texts[file] = self._part(text_of(file))
        return self._texts[file]


def recalled(kind: str, form: type[_R], files: Files) -> list[_R] | None:
    """The tables of some files in their order; None if they were not kept, or say otherwise now.

    Args:
        kind: What `keep` was told.
        form: What each of them is.
        files: Where they would be read.

    Raises:
        TableError: One of the tables' own files cannot be read.
    """
    place = folder()
    if place is None:
        return None
    key = _key(kind, files)
    return _loaded(Cache(place).get(key) or b"", key, form, files)


def keep(kind: str, tables: list[_R], files: Files) -> None:
    """Keeps what was read from files, if it can be told from what is kept.

    Args:
        kind: What it is, and what it rests on beside the files.
        tables: One for each of the files' tables.
        files: Where they were read.
    """
    place = folder()
    if place is None:
        return
    key = _key(kind, files)
    chains = [files.chain(t) for t in files.tables]
    entry = {"key": key, "chains": chains, "tables": tables}
    data = sealed(json.dumps(entry, default=_plain).encode())
    if _loaded(data, key, type(tables[0]), files) == tables:
        kept = Cache(place)
        kept.put(key, data)
        kept.trim()


def _key(kind: str, files: Files) -> str:
    return key_of("table", _program(), kind, *map(files.digest, files.tables))


@cache
def _program() -> str:
    """Hex digest of what makes data of tables; an edit of ours, too, makes another program."""
    digest = hashlib.sha256(f"{porting.__version__} {sys.version}".encode())
    for file in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(f"\0{file.name}\0".encode() + file.read_bytes())
    return digest.hexdigest()


def _loaded(data: bytes, key: str, form: type[_R], files: Files) -> list[_R] | None:
    """The tables of an entry; None if it is anything else than `keep` would keep now."""
    text = unsealed(data)
    if text is None:
        return None
    try:
        entry = json.loads(text)
        same = map(files.match, files.tables, entry["chains"])
        if entry["key"] != key or len(entry["chains"]) != len(files.tables) or not all(same):
            return None
        found: list[_R] = _reader(list[form])(entry["tables"])  # type: ignore[valid-type]
    except (AttributeError, LookupError, RecursionError, TableError, TypeError, ValueError):
        return None
    return found if len(found) == len(files.tables) else None


def _plain(value: Any) -> Any:
    """A record or a range as JSON has it."""
    return str(value) if isinstance(value, Versions) else vars(value)


@cache
def _reader(hint: Any) -> _Reader:
    """What makes an instance of a type from JSON, or raises an error."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        return lambda value: value
    if origin is Literal:
        return _of(arguments)
    if origin in (Union, UnionType):
        return _first([_reader(a) for a in arguments])
    if origin is list:
        return _items(_reader(arguments[0]))
    if origin is dict:
        return _values(_reader(arguments[1]))
    if issubclass(hint, Record):
        return _record(hint)
    return _versions if hint is Versions else _exactly(hint)


def _exactly(kind: type) -> _Reader:
    def read(value: Any) -> Any:
        if type(value) is not kind:
            raise TypeError
        return value

    return read


def _of(values: tuple[Any, ...]) -> _Reader:
    def read(value: Any) -> Any:
        return values[values.index(value)]

    return read


def _first(readers: Iterable[_Reader]) -> _Reader:
    def read(value: Any) -> Any:
        for reader in readers:
            try:
                return reader(value)
            except (LookupError, TypeError, ValueError):
                continue
        raise TypeError

    return read


def _items(item: _Reader) -> _Reader:
    def read(value: Any) -> Any:
        if type(value) is not list:
            raise TypeError
        return [item(v) for v in value]

    return read


def _values(item: _Reader) -> _Reader:
    def read(value: Any) -> Any:
        if type(value) is not dict:
            raise TypeError
        return {name: item(v) for name, v in value.items()}

    return read


def _record(form: type[Record]) -> _Reader:
    readers = {name: _reader(hint) for name, hint in hints_of(form).items()}
    needed = {name for name in readers if not hasattr(form, name)}

    def read(value: Any) -> Record:
        if type(value) is not dict or not needed <= value.keys():
            raise TypeError
        return form(**{name: readers[name](v) for name, v in value.items()})

    return read


@cache
def _versions(text: Any) -> Versions:
    """A table has the same few ranges again and again."""
    if type(text) is not str:
        raise TypeError
    return parse_versions(text)
