"""Removes casts that are nothing: what stands between neighbours that were legalized one by one.

A Cast there and back is dropped where the type between holds every number that can come: by type,
or because `porting.legalize.ranges` proves it. Two casts in a row become one if that one is legal,
and a value that is cast twice to one type is cast once.
"""

from collections.abc import Callable
from typing import Any

from porting.legalize.ranges import fits
from porting.model.dtypes import FLOATS, INTEGERS, NAME_OF, NUMBER_OF
from porting.model.graph import Graph, Node
from porting.model.read import read_node
from porting.model.schema import make_node


def cancel_casts(graph: Graph, legal: Callable[[Node], bool] = lambda node: False) -> None:
    """Makes Identity nodes, which `clean` drops, of casts that are nothing; in bodies, too.

    Args:
        graph: The main graph or a body, inferred.
        legal: Whether the chip takes a node; asked of a Cast that stands for two.
    """
    if graph.is_frozen:
        return
    _Casts(graph, legal).run()
    for node in graph.nodes:
        for body in node.subgraphs.values():
            cancel_casts(body, legal)


class _Casts:
    """One level of a graph.

    Attributes:
        same: By name of a value, the earlier one that it equals.
        made: The result of a Cast by its source and type.
    """

    def __init__(self, graph: Graph, legal: Callable[[Node], bool]) -> None:
        self._graph = graph
        self._legal = legal
        self.same: dict[str, str] = {}
        self.made: dict[tuple[str, str], str] = {}

    def run(self) -> None:
        """Goes through the graph once, in topological order."""
        self._graph.nodes[:] = [
            self._simpler(node) if _is_cast(node) else node for node in self._graph.nodes
        ]
        self._graph.changed()

    def _simpler(self, node: Node) -> Node:
        to, output = _target(node), node.outputs[0]
        source = self._lossless_source(self.same.get(node.inputs[0], node.inputs[0]), to)
        if self._graph.is_output(output) or not to:
            return node
        earlier = source if self._dtype(source) == to else self.made.get((source, to))
        if earlier is not None:
            self.same[output] = earlier
            return _replaced(node, "Identity", earlier)
        direct = _replaced(node, "Cast", source)
        if source != node.inputs[0] and not self._legal(direct):
            return node
        self.made[source, to] = output
        return direct if source != node.inputs[0] else node

    def _lossless_source(self, name: str, to: str) -> str:
        """Back through casts that lose nothing; as far as a value of type `to` if there is one."""
        seen = [name]
        while True:
            node = self._graph.producer(seen[-1])
            if node is None or not _is_cast(node):
                break
            source = self.same.get(node.inputs[0], node.inputs[0])
            if not stands_for(self._graph, source, self._dtype(seen[-1]), to):
                break
            seen.append(source)
        return next((s for s in seen if self._dtype(s) == to), seen[-1])

    def _dtype(self, name: str) -> str:
        return self._graph.value(name).dtype or ""


def stands_for(graph: Graph, source: str, between: str, to: str) -> bool:
    """Whether casting a value to `to` is the same as casting it to `between` first.

    An integer that is too large loses its upper bits in a Cast, a float gives anything.
    """
    dtype = graph.value(source).dtype or ""
    wraps = between in INTEGERS and to in INTEGERS
    if dtype in FLOATS and wraps and not fits(graph, source, to):
        return False
    return fits(graph, source, between)


def _is_cast(node: Node) -> bool:
    return node.op_type == "Cast" and node.domain == "ai.onnx"


def _target(node: Node) -> str:
    to = node.attribute("to")
    return NAME_OF.get(to, "") if isinstance(to, int) else ""


def _replaced(node: Node, op_type: str, source: str) -> Node:
    attributes: dict[str, Any] = {"to": NUMBER_OF[_target(node)]} if op_type == "Cast" else {}
    proto = make_node(op_type, [source], list(node.outputs), name=node.name, **attributes)
    return read_node(proto, node.graph, node.origin)
