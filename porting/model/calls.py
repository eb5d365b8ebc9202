"""How the functions of a model call each other, and what they come to when they are inlined."""

from collections import Counter
from collections.abc import Iterable, Iterator
from graphlib import CycleError, TopologicalSorter
from typing import TypeAlias

from onnx import GraphProto, ModelProto, NodeProto

from porting.errors import ModelError
from porting.model import wire
from porting.model.schema import domain_name

MAX_CALL_DEPTH = 100
"""Functions inside functions; onnx inlines no more."""
MAX_INLINED = 250_000
"""Nodes that the calls of functions may stand for: few functions can stand for billions."""

_Function: TypeAlias = tuple[str, str, str]
"""Domain, name and overload."""


def subgraphs(node: NodeProto) -> Iterator[GraphProto]:
    """The bodies of a node: branches of If, bodies of Loop and Scan."""
    for attribute in node.attribute:
        if attribute.HasField("g"):
            yield attribute.g
        yield from attribute.graphs


def check_calls(proto: ModelProto) -> None:
    """Refuses functions of one name or that call themselves, and calls too deep or many to inline.

    Raises:
        ModelError: `model-duplicate-function`, `model-recursive-function`,
            `model-functions-too-deep` or `model-functions-too-large`.
    """
    calls: dict[_Function, Counter[_Function]] = {}
    for function in proto.functions:
        key = (domain_name(function.domain), function.name, function.overload)
        if key in calls:
            name = "::".join(key[:2])
            raise wire.broken("model-duplicate-function", f"function {name!r} is defined twice")
        calls[key] = _called(function.node)
    try:
        order = list(TopologicalSorter(calls).static_order())
    except CycleError as error:
        message = f"functions call each other: {some(['::'.join(k[:2]) for k in error.args[1]])}"
        raise wire.broken("model-recursive-function", message) from error
    depth: Counter[_Function] = Counter()
    nodes: Counter[_Function] = Counter()
    for key in (k for k in order if k in calls):
        depth[key] = 1 + max((depth[k] for k in calls[key]), default=0)
        nodes[key] = _inlined(calls[key], nodes)
    if max(depth.values(), default=0) > MAX_CALL_DEPTH:
        raise ModelError(
            "model-functions-too-deep",
            f"functions call each other more than {MAX_CALL_DEPTH} levels deep",
            "Inline the functions of the model, or export it without them.",
        )
    if calls and _inlined(_called(proto.graph.node), nodes) > MAX_INLINED:
        raise ModelError(
            "model-functions-too-large",
            f"calls of functions stand for more than {MAX_INLINED} nodes",
            "Export the model without functions that call functions.",
        )


def _called(nodes: Iterable[NodeProto]) -> "Counter[_Function]":
    """How often each operator or function is called in nodes and their bodies."""
    found: Counter[_Function] = Counter()
    pending = list(nodes)
    while pending:
        node = pending.pop()
        found[(domain_name(node.domain), node.op_type, node.overload)] += 1
        pending += [inner for graph in subgraphs(node) for inner in graph.node]
    return found


def _inlined(calls: "Counter[_Function]", nodes: "Counter[_Function]") -> int:
    """Nodes that calls come to, each function being so many; what is no function is one."""
    return sum(count * nodes.get(key, 1) for key, count in calls.items())


def shown(name: str) -> str:
    """A name as a message has it: quoted where it would not stay in one line."""
    return name if name.isprintable() else repr(name)


def some(names: list[str]) -> str:
    """The first of many names."""
    return ", ".join(map(shown, names[:5])) + (
        f" and {len(names) - 5} more" if len(names) > 5 else ""
    )
