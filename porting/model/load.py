"""Reads a model without its weights, and refuses one that is broken with one clear line."""

import hashlib
import heapq
import math
import mmap
import os
import stat
from collections.abc import Iterable, Iterator, MutableSequence, Sequence
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError  # type: ignore[import-untyped, unused-ignore]
from onnx import FunctionProto, GraphProto, ModelProto, NodeProto, TensorProto

from porting.errors import ModelError
from porting.model import wire
from porting.model.schema import domain_name

_FIRST_BYTES = b"\x08\x12\x1a\x22\x28\x32\x3a\x42\x72"
"""Tags of the ModelProto fields that can come first in a file."""

_NEWEST = dict(zip(("ai.onnx", "ai.onnx.ml"), onnx.helper.VERSION_TABLE[-1][2:], strict=False))
"""Newest opset that onnx knows, by domain."""

_CHUNK = 1 << 20


@dataclass(frozen=True)
class LoadedModel:
    """A valid model whose nodes are in topological order.

    Args:
        proto: The model. Weights embedded in its file are external data that point into that file.
        path: The model file, or None if the model was given as an object.
        stamp: Size in bytes and modification time in ns of the file when it was read.
    """

    proto: ModelProto
    path: Path | None
    stamp: tuple[int, int] | None = None

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
        graphs = [self.proto.graph]
        graphs += [g for f in self.proto.functions for n in f.node for g in subgraphs(n)]
        total = 0
        while graphs:
            graph = graphs.pop()
            sparse = (s.values for s in graph.sparse_initializer)
            total += sum(math.prod(t.dims) for t in (*graph.initializer, *sparse))
            graphs += [nested for node in graph.node for nested in subgraphs(node)]
        return total

    @cached_property
    def input_names(self) -> list[str]:
        """Inputs that a caller must feed: an initializer listed as an input is not one."""
        given = set(initializer_names(self.proto.graph))
        return [value.name for value in self.proto.graph.input if value.name not in given]

    def is_embedded(self, tensor: TensorProto) -> bool:
        """Whether the values of external `tensor` lie in the model file itself."""
        return self.path is not None and wire.Reference.of(tensor).location == location_of(
            self.path
        )

    def locate(self, tensor: TensorProto) -> wire.Slice:
        """The file and byte range of external `tensor`; the file is looked at, not read.

        Raises:
            ModelError: `model-external-missing`, `model-external-outside`,
                `model-external-short`, `model-external-malformed`, `model-tensor-size`,
                `model-changed`.
        """
        reference = wire.Reference.of(tensor)
        length = wire.stored_bytes(tensor)
        if reference.length not in (None, length):
            raise wire.wrong_size(tensor, f"{reference.length} bytes of external data")
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

    def tensor(self, t: TensorProto, max_bytes: int | None = None) -> wire.Array:
        """The values of one tensor of this model, with the shape `t.dims`, read-only.

        External values are mapped from their file, not read, where numpy has such elements.

        Args:
            t: A tensor of `proto`.
            max_bytes: Refuse tensors that are stored in more bytes than this.

        Raises:
            ModelError: `model-tensor-too-large`, `model-tensor-size`, `model-tensor-type`,
                `model-tensor-dims`, or what `locate` raises.
        """
        length = wire.stored_bytes(t)
        if max_bytes is not None and length > max_bytes:
            raise ModelError(
                "model-tensor-too-large",
                f"tensor {t.name!r} holds {length} bytes, more than the {max_bytes} allowed here",
            )
        if t.data_location == TensorProto.EXTERNAL:
            return wire.map_values(t, self.locate(t))
        try:
            values = onnx.numpy_helper.to_array(t)
        except (ValueError, TypeError) as error:
            raise wire.wrong_size(t, "values that cannot be read") from error
        values.flags.writeable = False
        return values

    def _external_file(self, tensor: TensorProto, location: str) -> tuple[Path, os.stat_result]:
        """The file `location` names, which must be beside the model file or below it."""
        if self.path is None:
            raise wire.external_error(
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
                raise wire.external_error(
                    "outside", tensor, location, "is outside the model's folder"
                )
            found = file.stat()
        except (OSError, RuntimeError, ValueError) as error:  # missing, a link loop, a NUL byte
            raise wire.external_error("missing", tensor, location, "does not exist") from error
        if not stat.S_ISREG(found.st_mode):
            raise wire.external_error("missing", tensor, location, "is not a regular file")
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
    _validate(model)
    return model


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


def initializer_names(graph: GraphProto) -> list[str]:
    """Names of the dense and sparse initializers of one graph."""
    sparse = [s.values.name for s in graph.sparse_initializer]
    return [tensor.name for tensor in graph.initializer] + sparse


def subgraphs(node: NodeProto) -> Iterator[GraphProto]:
    """The bodies of a node: branches of If, bodies of Loop and Scan."""
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


@dataclass(frozen=True)
class _Scope:
    """What a graph or function body sees: imported domains, and values by enclosing graph."""

    model: LoadedModel
    imports: frozenset[str]
    values: tuple[set[str], ...] = ()


def _validate(model: LoadedModel) -> None:
    """Checks the rules of ONNX that the rest relies on, and sorts nodes where they are not."""
    proto = model.proto
    imports = _imports(proto.opset_import)
    if not imports:
        raise wire.broken("model-no-opset", "the model imports no operator set")
    _check_graph(proto.graph, _Scope(model, imports))
    for function in proto.functions:
        scope = _Scope(model, imports | _imports(function.opset_import))
        values = _define(function.input, [], function.node)
        _check_nodes(function.node, function.output, values, scope)
    _check_calls(proto.functions)


def _imports(opsets: Iterable[onnx.OperatorSetIdProto]) -> frozenset[str]:
    versions: dict[str, int] = {}
    for item in opsets:
        _require_text(item.domain)
        domain = domain_name(item.domain)
        if versions.setdefault(domain, item.version) != item.version:
            both = f"{versions[domain]} and {item.version}"
            raise wire.broken("model-opset-conflict", f"opsets {both} of {domain} are imported")
        newest = _NEWEST.get(domain, item.version)
        if not 1 <= item.version <= newest:
            raise ModelError(
                "model-opset-unknown",
                f"opset {item.version} of {domain} is not known, the newest is {newest}",
                "Export the model with an older opset, or update the onnx package.",
            )
    return frozenset(versions)


def _check_graph(graph: GraphProto, scope: _Scope) -> set[str]:
    """Validates one graph and those inside it; returns the outer values that they use."""
    if len(scope.values) > wire.MAX_GRAPH_DEPTH:
        raise wire.too_deep()
    _check_tensors(graph.initializer, scope)
    _check_sparse(graph.sparse_initializer, scope)
    values = _define([i.name for i in graph.input], initializer_names(graph), graph.node)
    return _check_nodes(graph.node, [o.name for o in graph.output], values, scope)


def _define(inputs: Iterable[str], weights: Iterable[str], nodes: Sequence[NodeProto]) -> set[str]:
    """The values a body defines, each once; an initializer may be the default of an input."""
    given, stored = set[str](), set[str]()
    for names, known in ((inputs, given), (weights, stored)):
        for name in filter(None, names):
            _require_text(name)
            if name in known:
                raise _duplicate(name, "a second input or initializer")
            known.add(name)
    values = given | stored
    for index, node in enumerate(nodes):
        for name in filter(None, node.output):
            if name in values:
                raise _duplicate(name, _label(index, node))
            values.add(name)
    return values


def _check_nodes(
    nodes: MutableSequence[NodeProto],
    outputs: Iterable[str],
    values: set[str],
    scope: _Scope,
) -> set[str]:
    inner = _Scope(scope.model, scope.imports, (*scope.values, values))
    needs = [_check_node(_label(index, node), node, inner) for index, node in enumerate(nodes)]
    results = set(filter(None, outputs))
    for name in results:
        _require_value(name, "as an output of the graph", inner)
    _sort(nodes, needs)
    return results.union(*needs) - values


def _check_node(label: str, node: NodeProto, scope: _Scope) -> set[str]:
    """Validates one node; returns every value that it or its bodies use."""
    _require_text(node.name, node.op_type, node.domain, node.overload, *node.input, *node.output)
    _require_text(*(attribute.name for attribute in node.attribute))
    domain = domain_name(node.domain)
    if domain not in scope.imports:
        raise ModelError(
            "model-domain-not-imported",
            f"{label} is of domain {domain!r}, which the model does not import",
            "Add the domain to the model's opset_import.",
        )
    names = set(filter(None, node.input))
    for name in names:
        _require_value(name, f"as an input of {label}", scope)
    for attribute in node.attribute:
        _check_tensors([attribute.t] if attribute.HasField("t") else attribute.tensors, scope)
        one = attribute.HasField("sparse_tensor")
        _check_sparse([attribute.sparse_tensor] if one else attribute.sparse_tensors, scope)
    return names.union(*(_check_graph(graph, scope) for graph in subgraphs(node)))


def _check_tensors(tensors: Iterable[TensorProto], scope: _Scope) -> None:
    for tensor in tensors:
        if tensor.data_location == TensorProto.EXTERNAL:
            scope.model.locate(tensor)
        else:
            wire.check_inline(tensor)


def _check_sparse(tensors: Iterable[onnx.SparseTensorProto], scope: _Scope) -> None:
    for tensor in tensors:
        _check_tensors((tensor.values, tensor.indices), scope)


def _require_text(*names: object) -> None:
    """Refuses names that are not UTF-8, which protobuf gives as bytes instead of text."""
    if not all(isinstance(name, str) for name in names):
        raise wire.broken("model-not-onnx", "a name in the model is not UTF-8 text")


def _require_value(name: str, use: str, scope: _Scope) -> None:
    if not any(name in values for values in reversed(scope.values)):
        message = f"value {name!r} is used {use}, and nothing defines it"
        raise wire.broken("model-undefined-value", message)


def _sort(nodes: MutableSequence[NodeProto], needs: list[set[str]]) -> None:
    """Sorts `nodes` topologically, in place and stably: as far as possible in their order."""
    producer = {name: index for index, node in enumerate(nodes) for name in node.output}
    before = [{producer[name] for name in names if name in producer} for names in needs]
    if all(max(indices, default=-1) < index for index, indices in enumerate(before)):
        return
    sorter = TopologicalSorter(dict(enumerate(before)))
    try:
        sorter.prepare()
    except CycleError as error:
        cycle = [_label(index, nodes[index]) for index in error.args[1][:-1]]
        message = f"nodes need each other's outputs: {_some(cycle)}"
        raise wire.broken("model-cycle", message) from error
    ready: list[int] = []
    order: list[NodeProto] = []
    while sorter.is_active():
        for index in sorter.get_ready():
            heapq.heappush(ready, index)
        order.append(nodes[ready[0]])
        sorter.done(heapq.heappop(ready))
    del nodes[:]
    nodes.extend(order)


def _check_calls(functions: Iterable[FunctionProto]) -> None:
    """Refuses functions that call themselves, directly or through others."""
    calls: dict[tuple[str, str, str], set[tuple[str, str, str]]] = {}
    for function in functions:
        _require_text(function.domain, function.name, function.overload)
        key = (domain_name(function.domain), function.name, function.overload)
        calls[key] = set()
        pending = list(function.node)
        while pending:
            node = pending.pop()
            calls[key].add((domain_name(node.domain), node.op_type, node.overload))
            pending += [inner for graph in subgraphs(node) for inner in graph.node]
    try:
        TopologicalSorter(calls).prepare()
    except CycleError as error:
        message = f"functions call each other: {_some(['::'.join(k[:2]) for k in error.args[1]])}"
        raise wire.broken("model-recursive-function", message) from error


def _some(names: list[str]) -> str:
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _label(index: int, node: NodeProto) -> str:
    return f"node {node.name!r} ({node.op_type})" if node.name else f"node {index} ({node.op_type})"


def _duplicate(name: str, where: str) -> ModelError:
    message = f"value {name!r} is defined twice, again by {where}"
    return wire.broken("model-duplicate-value", message)
