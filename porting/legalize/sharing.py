"""Stores equal constants once: the same mask for every layer of a model is one mask."""

from collections.abc import Iterator

from porting.legalize.rename import rename_node
from porting.model.graph import Graph
from porting.model.value import Array, Value

LARGE = 1024
"""Bytes from which on it is worth it; small ones stay beside the node that they belong to."""


def share_constants(graph: Graph) -> None:
    """Lets the nodes of a graph read one of several equal initializers that rules have made.

    Initializers of the loaded model are left as they are, and so are those that only a body has.
    """
    first: dict[tuple[str, tuple[int, ...], bytes], str] = {}
    names: dict[str, str] = {}
    for value, array in _made(graph):
        key = (str(array.dtype), array.shape, array.tobytes())
        kept = first.setdefault(key, value.name)
        if kept != value.name:
            names[value.name] = kept
    if not names:
        return
    graph.nodes = [
        rename_node(n, names) if names.keys() & {*n.inputs, *n.captured()} else n
        for n in graph.nodes
    ]
    for name in names:
        del graph.initializers[name]
    graph.changed()


def _made(graph: Graph) -> Iterator[tuple[Value, Array]]:
    """Large initializers whose names say that a rule made them."""
    for name in graph.initializers:
        array = graph.value(name).contents
        is_made = "/port" in name and not graph.is_output(name)
        if is_made and array is not None and array.nbytes > LARGE:
            yield graph.value(name), array
