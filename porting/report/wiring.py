"""Which node reads what another makes, by the names of values."""

from collections.abc import Iterator, Sequence

from porting.results import NodeResult


def edges_of(nodes: Sequence[NodeResult]) -> list[tuple[int, int]]:
    """Maker and reader of each value that a node makes, by their places in `nodes`.

    A body sees the values of the graphs around it; a name that it makes itself comes first.
    """
    makers: dict[str, dict[str, int]] = {}
    for number, node in enumerate(nodes):
        made = makers.setdefault(node.scope, {})
        for value in filter(None, node.outputs):
            made.setdefault(value, number)
    around = {scope: [makers[s] for s in _enclosing(scope, makers)] for scope in makers}
    found: dict[tuple[int, int], None] = {}
    for reader, node in enumerate(nodes):
        for value in filter(None, node.inputs):
            maker = next((m[value] for m in around[node.scope] if value in m), reader)
            if maker != reader:
                found[maker, reader] = None
    return list(found)


def _enclosing(scope: str, known: dict[str, dict[str, int]]) -> Iterator[str]:
    """The scope and those around it, innermost first; a path's steps may hold `/` themselves."""
    while scope:
        if scope in known:
            yield scope
        scope = scope.rpartition("/")[0]
    if "" in known:
        yield ""
