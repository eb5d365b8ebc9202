"""How a model is stored: protobuf, walked in place so that weights stay unread.

A model file is a tree of length-prefixed messages. The walk follows only the branches that can
hold a tensor, hands each tensor to a function that may replace it, and copies all else untouched.
"""

import mmap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from onnx import TensorProto

from porting.errors import ModelError

Buffer = bytes | mmap.mmap

MAX_GRAPH_DEPTH = 30
"""Graphs inside graphs. protobuf reads 100 nested messages; a graph costs 3, its leaves a few."""

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5

_CHILDREN: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {
        5: "tensor",
        6: "graph",
        10: "tensor",
        11: "graph",
        22: "sparse",
        23: "sparse",
    },
    "sparse": {1: "tensor", 2: "tensor"},
}
"""`{message: {field number: message in that field}}`, for the messages that can hold a tensor."""

_MODEL_FIELDS = {
    **dict.fromkeys((1, 5), VARINT),
    **dict.fromkeys((2, 3, 4, 6, 7, 8, 14, 20, 25, 26), BYTES),
}
"""`{field number: wire type}` of ModelProto."""

_RAW_DATA = TensorProto.RAW_DATA_FIELD_NUMBER
_EXTERNAL_DATA = TensorProto.EXTERNAL_DATA_FIELD_NUMBER
_DATA_LOCATION = TensorProto.DATA_LOCATION_FIELD_NUMBER


class Field(NamedTuple):
    """One field of a message: its tag starts at `tag`, its value is `[start, end)`."""

    number: int
    wire: int
    tag: int
    start: int
    end: int


class Slice(NamedTuple):
    """Bytes `[start, end)` of a buffer or of a file."""

    source: Buffer | Path
    start: int
    end: int


Piece = bytes | Slice


def size(pieces: list[Piece]) -> int:
    """Bytes that `pieces` hold together."""
    return sum(p.end - p.start if isinstance(p, Slice) else len(p) for p in pieces)


def header(number: int, length: int) -> bytes:
    """Tag and length of field `number`, whose value is `length` bytes long."""
    return _encode_varint(number << 3 | BYTES) + _encode_varint(length)


def fields(data: Buffer, start: int, end: int) -> Iterator[Field]:
    """The fields of the message in bytes `[start, end)` of `data`, values unread.

    Raises:
        ModelError: `model-truncated` if a field runs past `end`; `model-not-onnx` if the bytes
            are no protobuf message.
    """
    return map(Field._make, _fields(data, start, end))


def _fields(data: Buffer, start: int, end: int) -> Iterator[tuple[int, int, int, int, int]]:
    """As `fields`; plain tuples, which take a fifth of the time to make."""
    position = start
    while position < end:
        tag, value = data[position], position + 1
        if tag >= 0x80:
            tag, value = _varint(data, position, end)
        wire = tag & 7
        if wire == BYTES:
            length = data[value] if value < end else 0x80
            if length >= 0x80:
                length, value = _varint(data, value, end)
            else:
                value += 1
            stop = value + length
        elif wire == VARINT:
            _, stop = _varint(data, value, end)
        elif wire in (FIXED32, FIXED64):
            stop = value + (4 if wire == FIXED32 else 8)
        else:
            raise _not_onnx(position)
        if stop > end:
            raise _truncated(position, stop - end)
        if tag < 8:
            raise _not_onnx(position)
        yield tag >> 3, wire, position, value, stop
        position = stop


@dataclass(frozen=True)
class Rewriter:
    """Rewrites the tensors of a serialized model.

    Args:
        data: The serialized ModelProto.
        replace: Given the range of a TensorProto in `data`, its new body, or None to keep it.
        enter: Whether the message in a range of `data` is worth walking; else it is copied.
    """

    data: Buffer
    replace: Callable[[int, int], list[Piece] | None]
    enter: Callable[[int, int], bool]

    def model(self) -> list[Piece]:
        """The whole model, rewritten.

        Raises:
            ModelError: `model-truncated`, `model-not-onnx` or `model-too-deep`.
        """
        end = len(self.data)
        return self._message("model", 0, end, -1) or [Slice(self.data, 0, end)]

    def _message(self, kind: str, start: int, end: int, depth: int) -> list[Piece] | None:
        """The message's new body, or None if nothing in it changes."""
        if kind == "tensor":
            return self.replace(start, end)
        depth += kind == "graph"
        if depth > MAX_GRAPH_DEPTH:
            raise too_deep()
        pieces: list[Piece] = []
        copied = start
        children, enter = _CHILDREN[kind], self.enter
        for number, wire, tag, value, stop in _fields(self.data, start, end):
            child = children.get(number) if wire == BYTES else None
            if child is None or not enter(value, stop):
                continue
            body = self._message(child, value, stop, depth)
            if body is None:
                continue
            pieces.append(Slice(self.data, copied, tag))
            pieces.append(header(number, size(body)))
            pieces.extend(body)
            copied = stop
        if copied == start:
            return None
        return [*pieces, Slice(self.data, copied, end)]


def skim(data: Buffer, location: str, threshold: int = 1024) -> bytes:
    """A serialized ModelProto whose large weights stay where they are in `data`.

    The `raw_data` of every tensor with more than `threshold` bytes of it is replaced by external
    data entries that point into `location`, at the offset where those bytes lie in `data`.

    Args:
        data: The bytes of a model file.
        location: Base name of that file.
        threshold: Largest `raw_data` that stays inline, in bytes.

    Raises:
        ModelError: `model-truncated`, `model-not-onnx` or `model-too-deep`.
    """
    for field in fields(data, 0, len(data)):
        if _MODEL_FIELDS.get(field.number, field.wire) != field.wire:
            raise _not_onnx(field.tag)
    rewriter = Rewriter(
        data,
        lambda start, end: _unembed(data, start, end, location, threshold),
        lambda start, end: end - start > threshold,
    )
    parts = (data[p.start : p.end] if isinstance(p, Slice) else p for p in rewriter.model())
    return b"".join(parts)


_PAGES = 1 << 20
"""Bytes of weights from which on the pages around a tensor are given back."""


def _forget(data: Buffer) -> None:
    """Takes the pages read so far out of memory: the kernel maps up to 2 MB for a single byte."""
    if isinstance(data, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
        data.madvise(mmap.MADV_DONTNEED)


def _unembed(
    data: Buffer, start: int, end: int, location: str, threshold: int
) -> list[Piece] | None:
    raw: Field | None = None
    external = False
    for field in fields(data, start, end):
        if field.number == _RAW_DATA and field.wire == BYTES:
            raw = field  # of a repeated field the last one counts
        elif field.number == _DATA_LOCATION and field.wire == VARINT:
            external = data[field.start] == TensorProto.EXTERNAL
    if raw is None or external or raw.end - raw.start <= threshold:
        return None
    reference = external_entries(location, raw.start, raw.end - raw.start)
    dropped = (_RAW_DATA, _EXTERNAL_DATA, _DATA_LOCATION)
    pieces: list[Piece] = [
        data[f.tag : f.end] if f.end - f.tag <= threshold else Slice(data, f.tag, f.end)
        for f in fields(data, start, end)
        if f.number not in dropped
    ]
    if raw.end - raw.start > _PAGES:
        _forget(data)
    return [*pieces, reference.SerializeToString()]


def external_entries(location: str, offset: int, length: int) -> TensorProto:
    """A TensorProto with only the fields that refer to `length` bytes of file `location`."""
    tensor = TensorProto(data_location=TensorProto.EXTERNAL)
    for key, value in (("location", location), ("offset", offset), ("length", length)):
        tensor.external_data.add(key=key, value=str(value))
    return tensor


def broken(code: str, message: str) -> ModelError:
    """An error of the model itself, which only its producer can mend."""
    return ModelError(code, message, "Export the model again, or download it again.")


def too_deep() -> ModelError:
    """The error for graphs nested deeper than MAX_GRAPH_DEPTH."""
    return ModelError(
        "model-too-deep",
        f"graphs are nested more than {MAX_GRAPH_DEPTH} levels deep",
        "Flatten the control flow (If, Loop, Scan) of the model.",
    )


def _varint(data: Buffer, position: int, end: int) -> tuple[int, int]:
    """The number at `position`, and the position after it."""
    value = shift = 0
    for i in range(position, min(position + 10, end)):
        byte = data[i]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, i + 1
        shift += 7
    raise _truncated(position, 1) if position + 10 > end else _not_onnx(position)


def _encode_varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _truncated(position: int, missing: int) -> ModelError:
    return ModelError(
        "model-truncated",
        f"the model ends early: the field at byte {position} lacks at least {missing} bytes",
        "The file is incomplete: download or export it again.",
    )


def _not_onnx(position: int) -> ModelError:
    return ModelError(
        "model-not-onnx",
        f"not an ONNX model: byte {position} starts no field that ONNX defines",
        "Give a .onnx file; export other formats to ONNX first.",
    )
