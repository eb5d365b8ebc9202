"""What is fuzzed, for the coverage-guided fuzzer and for hypothesis alike.

Each target takes bytes that anybody may have written. It may refuse them with the error that it
documents; any other exception is a bug.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path

from hostile.case import Case
from hostile.corpus import MODELS
from hostile.tables import TABLES

from porting.capability import expression, yaml_reader
from porting.capability.form import validated
from porting.capability.operations import ExpressionError
from porting.capability.schema import Table
from porting.capability.targets import shipped
from porting.errors import ModelError, PortError, TableError
from porting.model.build import build
from porting.model.inline import inline_functions
from porting.model.load import load
from porting.model.save import save

MOST = 1 << 16
"""Bytes of a seed."""


def loader(data: bytes, folder: Path) -> None:
    """A model is read, its functions are inlined, its values inferred, and it is written again."""
    path = folder / "m.onnx"
    path.write_bytes(data)
    try:
        model = load(path)
        build(inline_functions(model))
    except ModelError as error:
        one_line(error)
        return
    try:
        save(model.proto, folder / "out.onnx", source=model)
    except PortError as error:
        one_line(error)
        return
    again = load(folder / "out.onnx")
    assert again.proto.graph.node == model.proto.graph.node


def table(data: bytes, folder: Path) -> None:
    """A table is read and held to its form."""
    del folder
    try:
        document = yaml_reader.parse(data.decode("utf-8", "replace"), "t.yaml")
        validated(Table, document)
    except TableError as error:
        one_line(error)


def condition(data: bytes, folder: Path) -> None:
    """An expression is compiled, and evaluated where names are unknown, numbers, text or lists."""
    del folder
    try:
        compiled = expression.parse(data.decode("utf-8", "replace"))
    except ExpressionError as error:
        one_line(error)
        return
    for value in (None, 3, -1.5, "text", (1, 2, 3), ()):
        try:
            compiled.holds(lambda name, value=value: value)
        except ExpressionError as error:
            one_line(error)


def one_line(error: Exception) -> None:
    """An error is told in one line that is not endless."""
    message = str(error)
    assert message
    assert "\n" not in message, repr(message)


TARGETS: Mapping[str, Callable[[bytes, Path], None]] = {
    "loader": loader,
    "table": table,
    "expression": condition,
}


def seeds(name: str) -> Iterator[bytes]:
    """Bytes to start from: the corpus of hostile input, and what is right."""
    if name == "loader":
        for case in MODELS:
            if not case.slow:
                yield from _made(case)
    elif name == "table":
        for table_case in TABLES:
            with tempfile.TemporaryDirectory() as folder:
                path = table_case.make(Path(folder))
                if path.is_file() and path.stat().st_size <= MOST:
                    yield path.read_bytes()
        yield from (path.read_bytes()[:MOST] for path in shipped().values())
    else:
        yield from _conditions()


def _made(case: Case) -> Iterator[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        inner = Path(folder) / "model"
        inner.mkdir()
        path = case.make(inner)
        if path.is_file() and path.stat().st_size <= MOST:
            yield path.read_bytes()


def _conditions() -> Iterator[bytes]:
    """The conditions of the tables that come with port."""
    found: set[str] = set()
    front: list[object] = [yaml_reader.read(path).data for path in shipped().values()]
    while front:
        each = front.pop()
        if isinstance(each, dict):
            found.update(str(each[key]) for key in ("that", "when", "if") if key in each)
            front += each.values()
        elif isinstance(each, list):
            front += each
    yield from (text.encode() for text in sorted(found))


@cache
def mutations(name: str) -> list[bytes]:
    """Seeds that hypothesis starts from: few, and small."""
    return [seed for seed in seeds(name) if 0 < len(seed) < 4000][:400]
