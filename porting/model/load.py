"""Reads a model without its weights, and refuses one that is broken with one clear line."""

import hashlib
import math
import mmap
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped, unused-ignore]
from onnx import GraphProto, ModelProto, TensorProto

from porting.errors import ModelError
from porting.model import stored, wire
from porting.model.calls import subgraphs
from porting.model.messages import Messages
from porting.model.schema import domain_name
from porting.model.validate import validate

_FIRST_BYTES = b"\x08\x12\x1a\x22\x28\x32\x3a\x42\x72"
"""Tags of the ModelProto fields that can come first in a file."""

_CHUNK = 1 << 20


@dataclass(frozen=True)
class LoadedModel:
    """A valid model whose nodes are in topological order.

    Args:
        proto: The model. Weights embedded in its file are external data that point into that file.
        path: The model file, or None if the model was given as an object.
        stamp: Size in bytes and modification time in ns of the file when it was read.
        data: Data files that tensors refer to, and how many bytes each has to have.
        checked: What the main graph says of nodes and weights, where validation has read it.
    """

    proto: ModelProto
    path: Path | None
    stamp: tuple[int, int] | None = None
    data: Mapping[str, int] = field(default_factory=dict)
    checked: Messages | None = None

    @cached_property
    def messages(self) -> Messages:
        """What the main graph says of nodes and weights."""
        return self.checked or Messages.of(self.proto.graph)

    @cached_property
    def sha256(self) -> str:
        """Hex digest of the file's bytes; of the serialized `proto` if there is no file."""
        if self.path is None:
            return hashlib.sha256(self.proto.SerializeToString(deterministic=True)).hexdigest()
        digest = hashlib.sha256()
        with self.path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
        return digest.hexdigest()

    @cached_property
    def opsets(self) -> dict[str, int]:
        """`{domain: version}`, the default domain as `ai.onnx`."""
        return {domain_name(item.domain): item.version for item in self.proto.opset_import}

    @cached_property
    def parameters(self) -> int:
        """Elements of all initializers, those of nested graphs included, Constant nodes not."""
        total = sum([math.prod(dims) for _, _, _, dims in self.messages.weights])
        total += _sparse_elements(self.proto.graph)
        nodes = [row[0] for row in self.messages.nodes.rows() if row[-1] is None]
        nodes += [n for f in self.proto.functions for n in f.node]
        while nodes:
            graphs = [nested for node in nodes for nested in subgraphs(node)]
            for graph in graphs:
                total += _sparse_elements(graph) + sum(math.prod(t.dims) for t in graph.initializer)
            nodes = [node for graph in graphs for node in graph.node]
        return total

    @cached_property
    def input_names(self) -> list[str]:
        """Inputs that a caller must feed: an initializer listed as an input is not one."""
        given = set(self.messages.initializer_names)
        return [value.name for value in self.proto.graph.input if value.name not in given]

    def is_embedded(self, tensor: TensorProto) -> bool:
        """Whether the values of external `tensor` lie in the model file itself."""
        return self.path is not None and stored.Reference.of(tensor).location == location_of(
            self.path
        )

    def locate(self, tensor: TensorProto) -> wire.Slice:
        """The file and byte range of external `tensor`; the file is looked at, not read.

        Raises:
            ModelError: `model-external-missing`, `model-external-outside`,
                `model-external-short`, `model-external-malformed`, `model-tensor-size`,
                `model-changed`.
        """
        reference = stored.Reference.of(tensor)
        length = stored.stored_bytes(tensor)
        if reference.length not in (None, length):
            raise stored.wrong_size(tensor, f"{reference.length} bytes of external data")
        file, found = self._external_file(tensor, reference.location)
        end = reference.offset + length
        if end > found.st_size:
            raise ModelError(
                "model-external-short",
                f"tensor {tensor.name!r} needs bytes {reference.offset} to {end} of "
                f"{reference.location!r}, which has {found.st_size}",
                "The data file is incomplete or belongs to another model: download it again.",
            )
        return wire.Slice(file, reference.offset, end)

    def tensor(self, t: TensorProto, max_bytes: int | None = None) -> stored.Array:
        """The values of one tensor of this model, with the shape `t.dims`, read-only.

        External values are mapped from their file, not read, where numpy has such elements.

        Args:
            t: A tensor of `proto`.
            max_bytes: Refuse tensors that are stored in more bytes than this.

        Raises:
            ModelError: `model-tensor-too-large`, `model-tensor-size`, `model-tensor-type`,
                `model-tensor-dims`, or what `locate` raises.
        """
        length = stored.stored_bytes(t)
        if max_bytes is not None and length > max_bytes:
            raise ModelError(
                "model-tensor-too-large",
                f"tensor {t.name!r} holds {length} bytes, more than the {max_bytes} allowed here",
            )
        if t.data_location == TensorProto.EXTERNAL:
            return stored.map_values(t, self.locate(t))
        try:
            values = onnx.numpy_helper.to_array(t)
        except (ValueError, TypeError) as error:
            raise stored.wrong_size(t, "values that cannot be read") from error
        values.flags.writeable = False
        return values

    def _external_file(self, tensor: TensorProto, location: str) -> tuple[Path, os.stat_result]:
        """The file `location` names, which must be beside the model file or below it."""
        if self.path is None:
            raise stored.external_error(
                "missing", tensor, location, "is unknown to a model without a path"
            )
        if location == location_of(self.path):
            found = self.path.stat()
            if self.stamp != (found.st_size, found.st_mtime_ns):
                raise ModelError("model-changed", f"{self.path} changed while it was in use")
            return self.path, found
        try:
            file = (self.path.parent / location).resolve()
            # A model that is itself a link, as in a download cache, has its data beside either end.
            homes = {self.path.parent.resolve(), self.path.resolve().parent}
            absolute = Path(location).is_absolute()
            if absolute or not any(file.is_relative_to(home) for home in homes):
                raise stored.external_error(
                    "outside", tensor, location, "is outside the model's folder"
                )
            found = file.stat()
        except (OSError, RuntimeError, ValueError) as error:  # missing, a link loop, a NUL byte
            raise stored.external_error("missing", tensor, location, "does not exist") from error
        if not stat.S_ISREG(found.st_mode):
            raise stored.external_error("missing", tensor, location, "is not a regular file")
        return file, found


def load(source: str | os.PathLike[str] | ModelProto) -> LoadedModel:
    """Reads and validates a model. Large weights stay in the file; an object is copied.

    Raises:
        ModelError: the model cannot be read or breaks a rule of ONNX; `code` says which.
    """
    try:
        model = _copy(source) if isinstance(source, ModelProto) else _read(Path(source))
    except DecodeError as error:  # protobuf, too, bounds how deeply messages nest
        raise wire.too_deep() from error
    if not model.proto.HasField("graph"):
        raise ModelError(
            "model-not-onnx",
            f"{model.path or 'the model'} holds no graph",
            "Give an ONNX model; a single tensor or an empty model cannot be checked.",
        )
    data: dict[str, int] = {}

    def find(tensor: TensorProto) -> None:
        place = model.locate(tensor)
        if place.source != model.path:
            location = stored.Reference.of(tensor).location
            data[location] = max(place.end, data.get(location, 0))

    checked = validate(model.proto, find)
    return replace(model, data=data, checked=checked)


def _sparse_elements(graph: GraphProto) -> int:
    return sum(math.prod(s.values.dims) for s in graph.sparse_initializer)


def _copy(proto: ModelProto) -> LoadedModel:
    copied = ModelProto()
    copied.CopyFrom(proto)
    return LoadedModel(copied, None)


def _read(path: Path) -> LoadedModel:
    stamp = _stat(path)
    proto = ModelProto()
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            _require_binary(data[:64])
            try:
                proto.ParseFromString(wire.skim(data, location_of(path)))
            except DecodeError as error:
                wire.skim(data, location_of(path), 0)  # names the cause if it is length or depth
                raise _not_onnx("its fields are not those of a model") from error
    except OSError as error:
        raise _unreadable(path, str(error.strerror)) from error
    except ModelError as error:
        raise ModelError(error.code, f"{path}: {error.message}", error.help) from error
    return LoadedModel(proto, path, stamp)


def _require_binary(head: bytes) -> None:
    """Names the files that are most often taken for a model, by their first bytes."""
    if head.startswith(b"version https://git-lfs"):
        raise ModelError(
            "model-not-onnx",
            "this is a Git LFS pointer, not the model it stands for",
            "Fetch the model: git lfs pull.",
        )
    if all(byte in b"\t\n\r" or 32 <= byte < 127 for byte in head):
        raise _not_onnx("this is a text file")
    if head[0] not in _FIRST_BYTES:
        raise _not_onnx("its first byte starts no field of a model")


def _stat(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise ModelError(
            "model-not-found", f"{path} does not exist", "Check the path of the model."
        ) from error
    except OSError as error:
        raise _unreadable(path, str(error.strerror)) from error
    if stat.S_ISDIR(found.st_mode):
        raise ModelError(
            "model-is-directory", f"{path} is a folder", "Give the .onnx file inside it."
        )
    if not stat.S_ISREG(found.st_mode):
        raise _unreadable(path, "not a regular file")
    if found.st_size == 0:
        raise wire.broken("model-empty", f"{path} is empty")
    return found.st_size, found.st_mtime_ns


def _not_onnx(why: str) -> ModelError:
    return ModelError(
        "model-not-onnx",
        f"not an ONNX model: {why}",
        "Give a .onnx file; export other formats to ONNX first.",
    )


def _unreadable(path: Path, why: str) -> ModelError:
    return ModelError(
        "model-unreadable", f"{path} cannot be read: {why}", "Check the file and its permissions."
    )


def location_of(path: Path) -> str:
    """The name by which a model file refers to itself in external data."""
    return os.fsencode(path.name).decode("utf-8", "replace")
