"""Which node of one model is which of another: by what it does, by its name, by its place."""

from collections import ChainMap
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias, TypeVar

from onnx import SparseTensorProto, ValueInfoProto

from porting.difference.contents import Contents, type_of
from porting.difference.fingerprint import Known, Label, backward, forward
from porting.model.graph import Graph, Node

T = TypeVar("T")
Key: TypeAlias = Callable[[Node], Hashable | None]

_ROUNDS = 8
"""How far matches spread from neighbour to neighbour."""


@dataclass(frozen=True)
class Side:
    """One graph of one of the models.

    Attributes:
        graph: The main graph or a body.
        contents: What the model's tensors hold.
        sparse: Its sparse initializers.
        around: What stands for the values of graphs around.
    """

    graph: Graph
    contents: Contents
    sparse: Sequence[SparseTensorProto] = ()
    around: Known = field(default_factory=dict)


@dataclass
class Matching:
    """Two graphs laid over each other.

    Attributes:
        old: The old graph.
        new: The new graph.
        inputs: Names of inputs that are the same.
        outputs: Names of outputs that are the same.
        nodes: Old node to new node.
        values: Old name to new name of values that are the same.
        known: What stands for each value of the old and of the new graph, contents counted.
    """

    old: Side
    new: Side
    inputs: dict[str, str]
    outputs: dict[str, str]
    nodes: dict[Node, Node] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    known: tuple[Known, Known] = field(default_factory=lambda: ({}, {}))

    def is_same(self, old: str, new: str) -> bool:
        """Whether two values are the same thing in both models, as far as nodes are matched."""
        if not old or not new:
            return old == new
        first, second = self.known[0].get(old), self.known[1].get(new)
        return self.values.get(old) == new or (first is not None and first == second)


def match(
    old: Side,
    new: Side,
    *,
    by_position: bool = False,
    values: Mapping[str, str] | None = None,
) -> Matching:
    """Matches the nodes of two graphs; those of their bodies are left to another call.

    Args:
        old: The old graph.
        new: The new graph.
        by_position: Whether inputs and outputs are told by position alone, as those of bodies are.
        values: Old name to new name of values of the graphs around that are the same.
    """
    first, second = old.graph, new.graph
    inputs = _named(first.inputs, second.inputs, by_position)
    outputs = _named(first.outputs, second.outputs, by_position)
    found = Matching(old, new, inputs, outputs, values={**(values or {}), **inputs})
    for keys in _by_structure(found):
        _extend_evenly(found, *keys)
    _extend(found, _name, _name)
    _spread(found)
    _extend(found, _operator, _operator)
    for a, b in found.nodes.items():
        found.values.update(p for p in zip(a.outputs, b.outputs, strict=False) if all(p))
    return found


def _named(
    old: Sequence[ValueInfoProto], new: Sequence[ValueInfoProto], by_position: bool
) -> dict[str, str]:
    """Pairs of equal names, then of what is left, in order."""
    first, second = ([v.name for v in side] for side in (old, new))
    if by_position:
        return dict(zip(first, second, strict=False))
    shared = set(first) & set(second)
    rest = ([n for n in side if n not in shared] for side in (first, second))
    return {n: n for n in first if n in shared} | dict(zip(*rest, strict=False))


def _by_structure(found: Matching) -> Iterator[tuple[Key, Key]]:
    """Hashes of both sides: with the contents of tensors, then with their types alone."""
    sides = (found.old, found.new)
    texts = [_Texts(side.contents) for side in sides]
    for labels in ([s.contents.label for s in sides], [type_of, type_of]):
        knowns = [ChainMap({}, side.around) for side in sides]
        starts, ends = _marks(found.inputs), _marks(found.outputs)
        made: list[list[Mapping[Node, str]]] = [[], []]
        for i, side in enumerate(sides):
            label: Label = labels[i]
            knowns[i].update(starts[i])
            made[0].append(forward(side.graph, knowns[i], label, texts[i]))
            made[1].append(backward(side.graph, ends[i], label, texts[i]))
        if labels[0] is not type_of:
            found.known = (knowns[0], knowns[1])
        for first, second in made:
            yield first.get, second.get


def _marks(pairs: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """What stands for the inputs or outputs of both graphs: the number of their pair."""
    marks: tuple[dict[str, str], dict[str, str]] = ({}, {})
    for number, names in enumerate(pairs.items()):
        for side, name in zip(marks, names, strict=True):
            side[name] = f"end {number}"
    return marks


class _Texts:
    """The attributes of nodes as one text each, made once."""

    def __init__(self, contents: Contents) -> None:
        self._contents = contents
        self._made: dict[Node, str] = {}

    def __call__(self, node: Node) -> str:
        if node not in self._made:
            self._made[node] = repr(self._contents.attributes(node))
        return self._made[node]


def _extend(found: Matching, old_key: Key, new_key: Key) -> bool:
    """Matches nodes that are left and have equal keys; says whether any did."""
    pairs = dict(paired(*_left(found), old_key, new_key, _written_name))
    found.nodes.update(pairs)
    return bool(pairs)


def _extend_evenly(found: Matching, old_key: Key, new_key: Key) -> None:
    """Likewise, but not where one model has more such nodes: which of them is new is not known."""
    for first, second in _groups(*_left(found), old_key, new_key):
        if len(first) == len(second):
            found.nodes.update(_laid_out(first, second, _written_name))


def _left(found: Matching) -> tuple[list[Node], list[Node]]:
    """Nodes that are not matched."""
    taken = set(found.nodes.values())
    old = [n for n in found.old.graph.nodes if n not in found.nodes]
    return old, [n for n in found.new.graph.nodes if n not in taken]


def _written_name(node: Node) -> str:
    return str(node.proto.name)


def paired(
    old: Sequence[T],
    new: Sequence[T],
    old_key: Callable[[T], Hashable | None],
    new_key: Callable[[T], Hashable | None],
    name: Callable[[T], str],
) -> Iterator[tuple[T, T]]:
    """Pairs of things with equal keys: those of equal name first, then in order.

    A thing whose key is None is left out.
    """
    for first, second in _groups(old, new, old_key, new_key):
        yield from _laid_out(first, second, name)


def _groups(
    old: Iterable[T],
    new: Iterable[T],
    old_key: Callable[[T], Hashable | None],
    new_key: Callable[[T], Hashable | None],
) -> Iterable[tuple[list[T], list[T]]]:
    """Things with equal keys, in order."""
    groups: dict[Hashable, tuple[list[T], list[T]]] = {}
    for side, things, key in ((0, old, old_key), (1, new, new_key)):
        for thing in things:
            found = key(thing)
            if found is not None:
                groups.setdefault(found, ([], []))[side].append(thing)
    return groups.values()


def _laid_out(first: list[T], second: list[T], name: Callable[[T], str]) -> Iterator[tuple[T, T]]:
    """Pairs of equal name, then of what is left, in order."""
    named: dict[str, list[T]] = {}
    for thing in reversed(second):
        named.setdefault(name(thing), []).append(thing)
    rest = []
    for thing in first:
        same = named.get(name(thing))
        if same:
            yield thing, same.pop()
        else:
            rest.append(thing)
    left = {id(t) for things in named.values() for t in things}
    yield from zip(rest, [t for t in second if id(t) in left], strict=False)


def _name(node: Node) -> Hashable | None:
    return (node.key, node.proto.name) if node.proto.name else None


def _operator(node: Node) -> Hashable:
    return node.key


def _spread(found: Matching) -> None:
    """Matches nodes whose neighbours are matched, on both ends or on one."""
    for _ in range(_ROUNDS):
        numbers = _numbers(found)
        grown = False
        for ends in ((True, True), (True, False), (False, True)):
            keys = [
                _neighbours(s.graph, n, *ends) for s, n in zip(_sides(found), numbers, strict=True)
            ]
            grown |= _extend(found, *keys)
        if not grown:
            return


def _sides(found: Matching) -> tuple[Side, Side]:
    return found.old, found.new


def _numbers(found: Matching) -> tuple[dict[Node, int], dict[Node, int]]:
    """The number of its pair for each matched node."""
    pairs = list(enumerate(found.nodes.items()))
    return {a: i for i, (a, _) in pairs}, {b: i for i, (_, b) in pairs}


def _neighbours(graph: Graph, numbers: Mapping[Node, int], before: bool, after: bool) -> Key:
    """Nodes by operator and by the matched nodes that they read from, or that read them."""

    def key(node: Node) -> Hashable | None:
        read = [numbers.get(p, -1) if (p := graph.producer(n)) else -1 for n in node.inputs if n]
        made = [numbers[c] for o in node.outputs if o for c in graph.consumers(o) if c in numbers]
        sources = tuple(read) if before else ()
        uses = tuple(sorted(made)) if after else ()
        return (node.key, sources, uses) if any(i >= 0 for i in (*sources, *uses)) else None

    return key
