"""Writes a model whose weights still lie in another model's files; all of it or nothing.

Weights go from file to file in chunks and are never held in memory together.
"""

import os
import re
import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from google.protobuf.message import EncodeError  # type: ignore[import-untyped, unused-ignore]
from onnx import ModelProto, TensorProto

from porting.errors import ModelError, PortError, UsageError
from porting.model import wire
from porting.model.load import LoadedModel
from porting.outputs import check_model_file, is_stream

INLINE_LIMIT = 2**31 - 1
"""Largest file in bytes that protobuf reads as one message."""

_ALIGNMENT = 64
_SYNCED = 100 << 20
"""Bytes up to which a file is on the disk before it is put in place, should the power fail.

To wait for gigabytes takes longer than all else; they can be made again.
"""
_CHUNK = 1 << 20
_TEMPORARY = re.compile(r"\.port-[0-9a-f]{16}\.tmp")
_LEFT = 24 * 3600
"""Seconds after which a temporary file that nobody writes to is one that a killed run left."""


def save(proto: ModelProto, out: Path, *, source: LoadedModel) -> None:
    """Writes `proto`, made from the model `source`, to `out`; replaces an earlier file.

    Weights embedded in the source's file are copied into `out`, or into `<out>.data` if the model
    would pass 2 GB. Those in data files stay there if `out` is in the source's folder; else they
    are copied into `<out>.data`.

    Raises:
        UsageError: `output-is-input`, `output-folder-missing`, `output-not-a-file` or
            `output-unwritable`.
        ModelError: `model-too-large`, or what LoadedModel.locate raises for a tensor.
    """
    check_model_file(out)
    data = out.with_name(out.name + ".data")
    serialized = serialize(proto, out)
    if source.path is not None:
        _refuse_input(out, source.path)
    plan = _Plan(serialized, source, out, embed=True)
    pieces = plan.model()
    if wire.size(pieces) > INLINE_LIMIT:
        plan = _Plan(serialized, source, out, embed=False)
        pieces = plan.model()
    written = [(out, pieces)] if not plan.data else [(data, plan.data), (out, pieces)]
    for target, _ in written:
        for used in plan.files:
            _refuse_input(target, used)
    _write_all(written)


def serialize(proto: ModelProto, out: Path) -> bytes:
    """The bytes of a message that is to be written to `out`.

    Raises:
        ModelError: `model-too-large`.
    """
    try:
        serialized: bytes = proto.SerializeToString()
    except (EncodeError, ValueError) as error:
        raise ModelError(
            "model-too-large",
            f"{out} cannot be written: the model passes 2 GB without the weights it refers to",
            "Keep the weights of the model in an external data file.",
        ) from error
    return serialized


def write_atomically(path: Path, content: str | bytes) -> None:
    """Writes a file so that readers see the old content or the new, and nothing in between.

    Args:
        path: The file; a link is followed, a device or pipe is written to as it is.
        content: Its bytes, or its text to be encoded as UTF-8.

    Raises:
        UsageError: `output-folder-missing`, `output-not-a-file` or `output-unwritable`.
    """
    data = content.encode() if isinstance(content, str) else content
    target = path.resolve()
    if is_stream(target):
        with _writable(path):
            target.write_bytes(data)
        return
    check_model_file(target)
    _write_all([(target, [data])])


@dataclass
class _Plan:
    """Where each external tensor of a serialized model goes.

    Attributes:
        embed: Whether weights of the source's own file go into the model, not into a data file.
        data: What the data file will hold; no file if there is nothing.
        files: The files that are read, or that the new model will refer to.
    """

    serialized: bytes
    source: LoadedModel
    out: Path
    embed: bool
    data: list[wire.Piece] = field(default_factory=list)
    files: set[Path] = field(default_factory=set)
    _size: int = 0
    _places: dict[wire.Slice, int] = field(default_factory=dict)

    def model(self) -> list[wire.Piece]:
        """The bytes of the new model file."""
        # Every reference to external data contains the word: all else is skipped at memory speed.
        find = self.serialized.find
        rewriter = wire.Rewriter(
            self.serialized, self._place, lambda start, end: find(b"location", start, end) >= 0
        )
        return rewriter.model()

    def _place(self, start: int, end: int) -> list[wire.Piece] | None:
        tensor = TensorProto.FromString(self.serialized[start:end])
        if tensor.data_location != TensorProto.EXTERNAL:
            return None
        where = self.source.locate(tensor)
        assert isinstance(where.source, Path)
        self.files.add(where.source)
        embedded = self.source.is_embedded(tensor)
        if not embedded and self._beside_source():
            return None
        del tensor.external_data[:]
        tensor.ClearField("data_location")
        tensor.ClearField("raw_data")
        length = where.end - where.start
        if embedded and self.embed:
            head = wire.header(TensorProto.RAW_DATA_FIELD_NUMBER, length)
            return [tensor.SerializeToString() + head, where]
        offset = self._append(where)
        reference = wire.external_entries(self.out.name + ".data", offset, length)
        return [tensor.SerializeToString() + reference.SerializeToString()]

    def _beside_source(self) -> bool:
        path = self.source.path
        return path is not None and path.parent.resolve() == self.out.parent.resolve()

    def _append(self, where: wire.Slice) -> int:
        """Offset in the data file of the bytes `where`; bytes that tensors share go in once."""
        if where not in self._places:
            padding = -self._size % _ALIGNMENT
            self._places[where] = self._size + padding
            self.data += [bytes(padding), where]
            self._size += padding + where.end - where.start
        return self._places[where]


def _refuse_input(target: Path, used: Path) -> None:
    same = target.resolve() == used.resolve()
    if same or (target.exists() and used.exists() and target.samefile(used)):
        raise UsageError(
            "output-is-input",
            f"{target} would overwrite a file of the model that is read",
            "Choose another name for the output.",
        )


def _write_all(files: list[tuple[Path, list[wire.Piece]]]) -> None:
    """Writes every file under a temporary name, then puts all in place, or leaves nothing."""
    new = [target for target, _ in files if not target.exists()]
    temporary = [p.with_name(f".port-{secrets.token_hex(8)}.tmp") for p, _ in files]
    complete = False
    for folder in {target.parent for target, _ in files}:
        _clear(folder)
    try:
        for (target, pieces), name in zip(files, temporary, strict=True):
            with _writable(target):
                _write(name, pieces)
        for (target, _), name in zip(files, temporary, strict=True):
            with _writable(target):
                os.replace(name, target)  # noqa: PTH105  Path.replace says nothing of atomicity
        complete = True
    finally:
        for name in temporary:
            name.unlink(missing_ok=True)
        for target in [] if complete else new:
            target.unlink(missing_ok=True)


def _clear(folder: Path) -> None:
    """Removes what earlier runs have left that were killed."""
    for file in folder.glob(".port-*.tmp"):
        with suppress(OSError):
            if _TEMPORARY.fullmatch(file.name) and time.time() - file.stat().st_mtime > _LEFT:
                file.unlink()


def _write(name: Path, pieces: Iterable[wire.Piece]) -> None:
    with name.open("xb") as file:
        for piece in pieces:
            if not isinstance(piece, wire.Slice):
                file.write(piece)
            elif isinstance(piece.source, Path):
                file.flush()
                _copy(piece.source, piece.start, piece.end, file.fileno())
                file.seek(0, os.SEEK_END)
            else:
                file.write(piece.source[piece.start : piece.end])
        file.flush()
        if file.tell() <= _SYNCED:
            os.fsync(file.fileno())


def _copy(source: Path, start: int, end: int, out: int) -> None:
    """Appends bytes of a file to the file `out`, by the kernel where it can."""
    with source.open("rb") as file:
        by_kernel = hasattr(os, "copy_file_range")
        while start < end:
            count = 0
            if by_kernel:
                try:
                    count = os.copy_file_range(file.fileno(), out, end - start, start)
                except OSError:  # not between these file systems
                    by_kernel = False
            if not count:
                chunk = os.pread(file.fileno(), min(end - start, _CHUNK), start)
                if not chunk:
                    raise ModelError("model-changed", f"{source} changed while it was in use")
                count = os.write(out, chunk)
            start += count


@contextmanager
def _writable(target: Path) -> Iterator[None]:
    try:
        yield
    except PortError:
        raise
    except OSError as error:
        raise UsageError(
            "output-unwritable",
            f"{target} cannot be written: {error.strerror or error}",
            "Check the folder's permissions and free space.",
        ) from error
