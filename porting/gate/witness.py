"""Which bytes beside the model's own file a check depended on, and whether they are the same now.

A check reads no weights, but it looks whether data files are there and long enough, and reads
small tensors, such as a shape, where a condition asks for their values.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from onnx import ModelProto, TensorProto

from porting.errors import ModelError
from porting.gate.answers import DataFile, Extent
from porting.model import stored, wire
from porting.model.load import LoadedModel

_CHUNK = 1 << 20


@dataclass(frozen=True)
class Watched(LoadedModel):
    """A model that notes down which tensors of data files are read."""

    read: dict[tuple[str, int, int], str] = field(default_factory=dict)

    def tensor(self, t: TensorProto, max_bytes: int | None = None) -> stored.Array:
        """The values of one tensor; see LoadedModel."""
        values = super().tensor(t, max_bytes)
        if t.data_location == TensorProto.EXTERNAL and not self.is_embedded(t):
            place = self.locate(t)
            key = (stored.Reference.of(t).location, place.start, place.end)
            if key not in self.read:
                self.read[key] = _digest(place)
        return values


def data_files(model: LoadedModel, read: dict[tuple[str, int, int], str]) -> tuple[DataFile, ...]:
    """What a check of `model` depended on, by data file.

    Args:
        model: As it was loaded, functions and all: loading looked for the data of each tensor.
        read: What `Watched` noted down.
    """
    extents: dict[str, list[Extent]] = {}
    for (location, start, end), digest in sorted(read.items()):
        extents.setdefault(location, []).append(Extent(start, end, digest))
    return tuple(
        DataFile(x, end, tuple(extents.get(x, ()))) for x, end in sorted(model.data.items())
    )


def unchanged(path: Path, files: Iterable[DataFile]) -> bool:
    """Whether a check of the model at `path` would find the same in its data files."""
    model = LoadedModel(ModelProto(), path)
    try:
        return all(_same(model, file) for file in files)
    except (ModelError, OSError):
        return False


def _same(model: LoadedModel, file: DataFile) -> bool:
    model.locate(_stretch(file.location, 0, file.end))
    return all(
        _digest(model.locate(_stretch(file.location, e.start, e.end))) == e.sha256
        for e in file.read
    )


def _stretch(location: str, start: int, end: int) -> TensorProto:
    """A tensor of just those bytes, for the loader to find and to refuse as it would a weight."""
    tensor = wire.external_entries(location, start, end - start)
    tensor.data_type = TensorProto.UINT8
    tensor.dims.append(end - start)
    return tensor


def _digest(place: wire.Slice) -> str:
    assert isinstance(place.source, Path)
    digest, left = hashlib.sha256(), place.end - place.start
    with place.source.open("rb") as file:
        file.seek(place.start)
        while chunk := file.read(min(left, _CHUNK)):
            digest.update(chunk)
            left -= len(chunk)
    return digest.hexdigest()
