"""Refuses a model that breaks a rule of ONNX which the rest relies on, naming what breaks it."""

import heapq
import re
from collections.abc import Callable, Iterable, Mapping, MutableSequence, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import TypeAlias

import onnx
from onnx import (
    AttributeProto,
    GraphProto,
    ModelProto,
    NodeProto,
    TensorProto,
    TypeProto,
)

from porting.errors import ModelError
from porting.model import wire
from porting.model.calls import check_calls, shown, some, subgraphs
from porting.model.dtypes import NAME_OF
from porting.model.schema import domain_name
from porting.model.stored import check_inline

_NEWEST = dict(zip(("ai.onnx", "ai.onnx.ml"), onnx.helper.VERSION_TABLE[-1][2:], strict=False))
"""Newest opset that onnx knows, by domain."""

Locate: TypeAlias = Callable[[TensorProto], object]

_EQUATION = re.compile(rb"[A-Za-z.,>\s-]*")
"""Characters of an Einsum's equation; onnx's inference goes on forever at some others."""
_BODIES = {"If": "then_branch", "Loop": "body", "Scan": "body", "SequenceMap": "body"}
"""The attribute that holds the graph, or the first one, which an operator runs."""
_TEXT = frozenset({str})
_TENSORS = frozenset({"tensor_type", "sparse_tensor_type"})


def initializer_names(graph: GraphProto) -> list[str]:
    """Names of the dense and sparse initializers of one graph."""
    sparse = [s.values.name for s in graph.sparse_initializer]
    return [tensor.name for tensor in graph.initializer] + sparse


@dataclass(frozen=True)
class _Scope:
    """What a graph or function body sees: imported domains, and values by enclosing graph."""

    locate: Locate
    imports: frozenset[str]
    values: tuple[Mapping[str, int], ...] = ()


def validate(proto: ModelProto, locate: Locate) -> None:
    """Checks the rules of ONNX that the rest relies on, and sorts nodes where they are not.

    Args:
        proto: The model; only the order of its nodes may change.
        locate: Finds the bytes of a tensor whose data is external, or raises.

    Raises:
        ModelError: A rule is broken; see the codes in this module.
    """
    if not 1 <= proto.ir_version <= onnx.IR_VERSION:
        raise ModelError(
            "model-ir-unknown",
            f"version {proto.ir_version} of the format is not known, the newest is "
            f"{onnx.IR_VERSION}",
            "Export the model again, or update the onnx package.",
        )
    imports = _imports(proto.opset_import)
    if not imports:
        raise wire.broken("model-no-opset", "the model imports no operator set")
    _check_graph(proto.graph, _Scope(locate, imports))
    for function in proto.functions:
        _require_text(function.domain, function.name, function.overload)
        scope = _Scope(locate, imports | _imports(function.opset_import))
        _check_nodes(function.node, function.output, _given(function.input, []), scope)
    check_calls(proto)
    for info in proto.training_info:
        for graph in (info.initialization, info.algorithm):
            _check_stored(graph, _Scope(locate, imports))


def _imports(opsets: Iterable[onnx.OperatorSetIdProto]) -> frozenset[str]:
    versions: dict[str, int] = {}
    for item in opsets:
        _require_text(item.domain)
        domain = domain_name(item.domain)
        if versions.setdefault(domain, item.version) != item.version:
            both = f"{versions[domain]} and {item.version}"
            raise wire.broken(
                "model-opset-conflict", f"opsets {both} of {shown(domain)} are imported"
            )
        newest = _NEWEST.get(domain, item.version)
        if not 1 <= item.version <= newest:
            raise ModelError(
                "model-opset-unknown",
                f"opset {item.version} of {shown(domain)} is not known, the newest is {newest}",
                "Export the model with an older opset, or update the onnx package.",
            )
    return frozenset(versions)


def _check_graph(graph: GraphProto, scope: _Scope) -> set[str]:
    """Validates one graph and those inside it; returns the outer values that they use."""
    if len(scope.values) > wire.MAX_GRAPH_DEPTH:
        raise wire.too_deep()
    _check_tensors(graph.initializer, scope)
    _check_sparse(graph.sparse_initializer, scope)
    for info in (*graph.input, *graph.output, *graph.value_info):
        _check_type(info.name, info.type)
    values = _given([i.name for i in graph.input], initializer_names(graph))
    return _check_nodes(graph.node, [o.name for o in graph.output], values, scope)


def _given(inputs: Iterable[str], weights: Iterable[str]) -> dict[str, int]:
    """The values that a body begins with, each once; an initializer may be an input's default."""
    given, stored = set[str](), set[str]()
    for names, known in ((inputs, given), (weights, stored)):
        for name in filter(None, names):
            _require_text(name)
            if name in known:
                raise _duplicate(name, "a second input or initializer")
            known.add(name)
    return dict.fromkeys(given | stored, -1)


def _check_nodes(
    nodes: MutableSequence[NodeProto],
    outputs: Iterable[str],
    values: dict[str, int],
    scope: _Scope,
) -> set[str]:
    """Validates nodes and sorts them if they are not; returns the outer values that they use.

    Args:
        nodes: Of one body.
        outputs: Names that the body returns.
        values: What the body begins with, each -1; the nodes' outputs are added by their place.
        scope: Around the body.
    """
    late, holders = _define(nodes, values, scope.imports)
    inner = _Scope(scope.locate, scope.imports, (*scope.values, values))
    for index, name in late:
        if name not in values:
            _require_value(name, f"as an input of {_label(index, nodes[index])}", inner)
    held = {index: _check_attributes(index, nodes[index], inner) for index in holders}
    results = set(filter(None, outputs))
    for name in results:
        _require_value(name, "as an output of the graph", inner)
    used = results.union((name for _, name in late), *held.values())
    in_order = all(name not in values for _, name in late) and all(
        values.get(name, -1) < index for index, names in held.items() for name in names
    )
    if not in_order:
        _sort(nodes, values, held)
    return used - values.keys()


def _define(
    nodes: Sequence[NodeProto], values: dict[str, int], imports: frozenset[str]
) -> tuple[list[tuple[int, str]], list[int]]:
    """Adds what nodes make to `values`, in one pass over names: it is what takes time.

    Returns:
        Inputs of nodes that no input, initializer or earlier node gives; and the nodes that have
        attributes or need one, by their places.
    """
    known = imports | {""} if "ai.onnx" in imports else imports
    late: list[tuple[int, str]] = []
    holders: list[int] = []
    for index, node in enumerate(nodes):
        op_type, domain = node.op_type, node.domain
        reads, makes = node.input[:], node.output[:]
        try:
            "".join((node.name, op_type, domain, node.overload, *reads, *makes))
        except TypeError:
            raise _not_text() from None
        if domain not in known:
            raise ModelError(
                "model-domain-not-imported",
                f"{_label(index, node)} is of domain {domain_name(domain)!r}, which the model "
                "does not import",
                "Add the domain to the model's opset_import.",
            )
        for name in reads:
            if name and name not in values:
                late.append((index, name))
        for name in makes:
            if name:
                if name in values:
                    raise _duplicate(name, _label(index, node))
                values[name] = index
        if node.attribute or op_type in _BODIES:
            holders.append(index)
    return late, holders


def _check_attributes(index: int, node: NodeProto, scope: _Scope) -> set[str]:
    """Validates a node's attributes; returns every value that its bodies use."""
    names = set[str]()
    if node.op_type in _BODIES and domain_name(node.domain) == "ai.onnx":
        _require_body(index, node)
    for attribute in node.attribute:
        _require_text(attribute.name)
        _check_attribute(attribute, scope)
        if attribute.name == "equation" and not _EQUATION.fullmatch(attribute.s):
            raise wire.broken(
                "model-equation", f"{_label(index, node)} has an equation that is none"
            )
        if attribute.HasField("g"):
            names |= _check_graph(attribute.g, scope)
        for body in attribute.graphs:
            names |= _check_graph(body, scope)
    return names


def _require_body(index: int, node: NodeProto) -> None:
    name = _BODIES[node.op_type]
    for attribute in node.attribute:
        if attribute.name == name and attribute.type == AttributeProto.GRAPH:
            return
    raise wire.broken("model-body-missing", f"{_label(index, node)} has no graph {name}")


def _check_type(name: str, declared: TypeProto) -> None:
    """Refuses an element type that onnx does not know; none at all is left to inference."""
    kind = declared.WhichOneof("value")
    while kind in {"sequence_type", "optional_type", "map_type"}:
        inside = getattr(declared, kind)
        declared = inside.value_type if kind == "map_type" else inside.elem_type
        kind = declared.WhichOneof("value")
    number = getattr(declared, kind).elem_type if kind in _TENSORS else 0
    if number and number not in NAME_OF:
        raise wire.broken(
            "model-value-type",
            f"value {name!r} is declared with element type {number}, which onnx does not know",
        )


def _check_stored(graph: GraphProto, scope: _Scope) -> None:
    """Validates the tensors of a graph that is kept and never run, at any depth."""
    pending = [graph]
    while pending:
        graph = pending.pop()
        _check_tensors(graph.initializer, scope)
        _check_sparse(graph.sparse_initializer, scope)
        for node in graph.node:
            for attribute in node.attribute:
                _check_attribute(attribute, scope)
            pending += subgraphs(node)


def _check_attribute(attribute: AttributeProto, scope: _Scope) -> None:
    """Validates the tensors in an attribute; one that says two things at once may hold more."""
    if attribute.type == AttributeProto.TENSOR or attribute.HasField("t"):
        _check_tensors((attribute.t,), scope)
    if attribute.HasField("sparse_tensor"):
        _check_sparse((attribute.sparse_tensor,), scope)
    _check_tensors(attribute.tensors, scope)
    _check_sparse(attribute.sparse_tensors, scope)


def _check_tensors(tensors: Iterable[TensorProto], scope: _Scope) -> None:
    for tensor in tensors:
        if tensor.data_location == TensorProto.EXTERNAL:
            scope.locate(tensor)
        else:
            check_inline(tensor)


def _check_sparse(tensors: Iterable[onnx.SparseTensorProto], scope: _Scope) -> None:
    for tensor in tensors:
        _check_tensors((tensor.values, tensor.indices), scope)
        count, rank = list(tensor.values.dims), len(tensor.dims)
        of_axes = list(tensor.indices.dims) == [*count, rank]
        in_all = tensor.indices.dims == tensor.values.dims
        if len(count) != 1 or not (of_axes or in_all) or any(d < 0 for d in tensor.dims):
            raise wire.broken(
                "model-sparse-tensor",
                f"sparse tensor {tensor.values.name!r} has {count} values, indices "
                f"{list(tensor.indices.dims)} and shape {list(tensor.dims)}, which do not agree",
            )


def _require_text(*names: object) -> None:
    """Refuses names that are not UTF-8, which protobuf gives as bytes instead of text."""
    if not _TEXT.issuperset(map(type, names)):
        raise _not_text()


def _not_text() -> ModelError:
    return wire.broken("model-not-onnx", "a name in the model is not UTF-8 text")


def _require_value(name: str, use: str, scope: _Scope) -> None:
    if not any(name in values for values in reversed(scope.values)):
        message = f"value {name!r} is used {use}, and nothing defines it"
        raise wire.broken("model-undefined-value", message)


def _sort(
    nodes: MutableSequence[NodeProto], values: Mapping[str, int], held: Mapping[int, set[str]]
) -> None:
    """Sorts `nodes` topologically, in place and stably: as far as possible in their order."""
    before = [
        {
            place
            for name in (*node.input, *held.get(index, ()))
            if (place := values.get(name, -1)) >= 0
        }
        for index, node in enumerate(nodes)
    ]
    sorter = TopologicalSorter(dict(enumerate(before)))
    try:
        sorter.prepare()
    except CycleError as error:
        cycle = [_label(index, nodes[index]) for index in error.args[1][:-1]]
        message = f"nodes need each other's outputs: {some(cycle)}"
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


def _label(index: int, node: NodeProto) -> str:
    kind = shown(node.op_type)
    return f"node {node.name!r} ({kind})" if node.name else f"node {index} ({kind})"


def _duplicate(name: str, where: str) -> ModelError:
    message = f"value {name!r} is defined twice, again by {where}"
    return wire.broken("model-duplicate-value", message)
