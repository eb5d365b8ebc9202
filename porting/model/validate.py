"""Refuses a model that breaks a rule of ONNX which the rest relies on, naming what breaks it."""

import heapq
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableSequence
from dataclasses import dataclass, replace
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
from porting.model.messages import Messages, Nodes, Written
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


@dataclass(frozen=True)
class _Scope:
    """What a graph or function body sees: imported domains, and values by enclosing graph."""

    locate: Locate
    imports: frozenset[str]
    values: tuple[Mapping[str, int], ...] = ()


def validate(proto: ModelProto, locate: Locate) -> Messages:
    """Checks the rules of ONNX that the rest relies on, and sorts nodes where they are not.

    Args:
        proto: The model; only the order of its nodes may change.
        locate: Finds the bytes of a tensor whose data is external, or raises.

    Returns:
        What the main graph says of nodes and weights.

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
    main, _ = _check_graph(proto.graph, _Scope(locate, imports))
    for function in proto.functions:
        _require_text(function.domain, function.name, function.overload)
        scope = _Scope(locate, imports | _imports(function.opset_import))
        values = _given(function.input, [])
        _check_nodes(Nodes.of(function.node), function.node, function.output, values, scope)
    check_calls(proto)
    for info in proto.training_info:
        for graph in (info.initialization, info.algorithm):
            _check_stored(graph, _Scope(locate, imports))
    return main


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


def _check_graph(graph: GraphProto, scope: _Scope) -> tuple[Messages, set[str]]:
    """Validates one graph and those inside it.

    Returns:
        What it says of nodes and weights, and the outer values that they use.
    """
    if len(scope.values) > wire.MAX_GRAPH_DEPTH:
        raise wire.too_deep()
    messages = Messages.of(graph)
    for tensor, _, data_type, dims in messages.weights:
        _check_tensor(tensor, data_type, dims, scope)
    _check_sparse(graph.sparse_initializer, scope)
    for info in (*graph.input, *graph.output, *graph.value_info):
        _check_type(info.name, info.type)
    values = _given([i.name for i in graph.input], messages.initializer_names)
    returned = [o.name for o in graph.output]
    nodes, used = _check_nodes(messages.nodes, graph.node, returned, values, scope)
    return replace(messages, nodes=nodes), used


def _given(inputs: Iterable[str], weights: Iterable[str]) -> dict[str, int]:
    """The values that a body begins with, each once; an initializer may be an input's default."""
    given = set[str]()
    for names in (tuple(filter(None, inputs)), tuple(filter(None, weights))):
        _require_text(*names)
        if len(set(names)) < len(names):
            name, _ = Counter(names).most_common(1)[0]
            raise _duplicate(name, "a second input or initializer")
        given.update(names)
    return dict.fromkeys(given, -1)


def _check_nodes(
    nodes: Nodes,
    stored: MutableSequence[NodeProto],
    outputs: Iterable[str],
    values: dict[str, int],
    scope: _Scope,
) -> tuple[Nodes, set[str]]:
    """Validates nodes and sorts them if they are not.

    Args:
        nodes: Of one body.
        stored: Where they are, to be sorted.
        outputs: Names that the body returns.
        values: What the body begins with, each -1; the nodes' outputs are added by their place.
        scope: Around the body.

    Returns:
        The nodes as they are now, and the outer values that they use.
    """
    late = _define(nodes, values, scope.imports)
    inner = _Scope(scope.locate, scope.imports, (*scope.values, values))
    for index, name in late:
        if name not in values:
            _require_value(name, f"as an input of {_label(index, nodes.protos[index])}", inner)
    held = _check_all_attributes(nodes, inner)
    results = set(filter(None, outputs))
    for name in results:
        _require_value(name, "as an output of the graph", inner)
    used = results.union((name for _, name in late), *held.values())
    in_order = all(name not in values for _, name in late) and all(
        values.get(name, -1) < index for index, names in held.items() for name in names
    )
    if not in_order:
        order = list(_order(nodes, values, held))
        del stored[:]
        stored.extend(order)
        nodes = Nodes.of(stored)
    return nodes, used - values.keys()


def _define(nodes: Nodes, values: dict[str, int], imports: frozenset[str]) -> list[tuple[int, str]]:
    """Adds what nodes make to `values`, in one pass over names: it is what takes time.

    Returns:
        Inputs of nodes, by their places, that no input, initializer or earlier node gives.
    """
    if not nodes.is_text:
        raise _not_text()
    foreign = set(map(domain_name, nodes.domains)) - imports
    if foreign:
        index = next(i for i, d in enumerate(nodes.domains) if domain_name(d) in foreign)
        raise ModelError(
            "model-domain-not-imported",
            f"{_label(index, nodes.protos[index])} is of domain "
            f"{domain_name(nodes.domains[index])!r}, which the model does not import",
            "Add the domain to the model's opset_import.",
        )
    late: list[tuple[int, str]] = []
    for index, (reads, makes) in enumerate(zip(nodes.inputs, nodes.outputs, strict=True)):
        for name in reads:
            if name not in values and name:
                late.append((index, name))
        for name in makes:
            if name:
                if name in values:
                    raise _duplicate(name, _label(index, nodes.protos[index]))
                values[name] = index
    return late


def _check_all_attributes(nodes: Nodes, scope: _Scope) -> dict[int, set[str]]:
    """Validates attributes, equal ones once; returns what the bodies of nodes use, by place."""
    held: dict[int, set[str]] = {}
    seen = set[Written]()
    for index, (op_type, written) in enumerate(zip(nodes.op_types, nodes.written, strict=True)):
        if written is None:
            held[index] = _check_attributes(index, nodes.protos[index], scope)
        elif written not in seen or op_type in _BODIES:
            _check_attributes(index, nodes.protos[index], scope)
            seen.add(written)
    return held


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
            names |= _check_graph(attribute.g, scope)[1]
        for body in attribute.graphs:
            names |= _check_graph(body, scope)[1]
    return names


def _require_body(index: int, node: NodeProto) -> None:
    name = _BODIES[node.op_type]
    for attribute in node.attribute:
        if attribute.name == name and attribute.type == AttributeProto.GRAPH:
            return
    raise wire.broken("model-body-missing", f"{_label(index, node)} has no graph {name}")


def _check_type(name: str, declared: TypeProto) -> None:
    """Refuses an element type that onnx does not know; none at all is left to inference."""
    if declared.tensor_type.elem_type in NAME_OF:  # so it is with most
        return
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
        _check_tensor(tensor, tensor.data_type, tuple(tensor.dims[:]), scope)


def _check_tensor(
    tensor: TensorProto, data_type: int, dims: tuple[int, ...], scope: _Scope
) -> None:
    if tensor.data_location == TensorProto.EXTERNAL:
        scope.locate(tensor)
    else:
        check_inline(tensor, data_type, dims)


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


def _order(
    nodes: Nodes, values: Mapping[str, int], held: Mapping[int, set[str]]
) -> Iterator[NodeProto]:
    """Nodes sorted topologically and stably: as far as possible in their order."""
    before = {
        index: {
            place for name in (*reads, *held.get(index, ())) if (place := values.get(name, -1)) >= 0
        }
        for index, reads in enumerate(nodes.inputs)
    }
    sorter = TopologicalSorter(before)
    try:
        sorter.prepare()
    except CycleError as error:
        cycle = [_label(index, nodes.protos[index]) for index in error.args[1][:-1]]
        message = f"nodes need each other's outputs: {some(cycle)}"
        raise wire.broken("model-cycle", message) from error
    ready: list[int] = []
    while sorter.is_active():
        for index in sorter.get_ready():
            heapq.heappush(ready, index)
        yield nodes.protos[ready[0]]
        sorter.done(heapq.heappop(ready))


def _label(index: int, node: NodeProto) -> str:
    kind = shown(node.op_type)
    return f"node {node.name!r} ({kind})" if node.name else f"node {index} ({kind})"


def _duplicate(name: str, where: str) -> ModelError:
    message = f"value {name!r} is defined twice, again by {where}"
    return wire.broken("model-duplicate-value", message)
