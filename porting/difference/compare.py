"""What became of nodes, initializers, inputs and outputs between two graphs and their bodies."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Literal, TypeAlias

from onnx import ValueInfoProto

from porting.difference.fingerprint import Known, inside
from porting.difference.match import Matching, Side, match
from porting.difference.outcome import (
    Difference,
    NodeChange,
    NodeRef,
    Nodes,
    Parameters,
    Split,
    TensorRef,
    differences,
)
from porting.difference.tensors import Held, is_same, pair, tensors_of
from porting.model.graph import Graph, Node
from porting.model.value import Dim, Value
from porting.results import InputInfo

Owner: TypeAlias = tuple[Node, Node, str]
PortKind: TypeAlias = Literal["inputs", "outputs"]


@dataclass(frozen=True)
class Overlay:
    """Two graphs, their nodes and initializers matched.

    Attributes:
        matching: Of the nodes.
        tensors: Initializers of the old and of the new graph by name.
        pairs: Old name to new name of initializers.
        owner: The matched nodes whose bodies they are, and of which attribute.
    """

    matching: Matching
    tensors: tuple[dict[str, Held], dict[str, Held]]
    pairs: dict[str, str]
    owner: Owner | None = None

    def returned(self) -> Iterator[Difference]:
        """Outputs that come from another value."""
        found = self.matching
        pairs = list(found.outputs.items())
        for number, (old, new) in enumerate(pairs):
            if not found.is_same(old, new):
                label = f"{self.owner[2]} output {number}" if self.owner else new
                made = _source(found.old.graph, old), _source(found.new.graph, new)
                yield Difference(label, *made)


def overlays(
    old: Side,
    new: Side,
    values: Mapping[str, str] | None = None,
    owner: Owner | None = None,
) -> Iterator[Overlay]:
    """The graphs, then the bodies of their matched nodes.

    Args:
        old: The old graph.
        new: The new graph.
        values: Old name to new name of values of the graphs around that are the same.
        owner: The matched nodes whose bodies they are, and of which attribute.
    """
    found = match(old, new, by_position=owner is not None, values=values)
    tensors = tensors_of(old), tensors_of(new)
    pairs = pair(found, *tensors)
    found.values.update(pairs)
    yield Overlay(found, tensors, pairs, owner)
    for a, b in found.nodes.items():
        for name in sorted(a.subgraphs.keys() & b.subgraphs.keys()):
            first = _body(old, a, name, found.known[0])
            second = _body(new, b, name, found.known[1])
            yield from overlays(first, second, found.values, (a, b, name))


def _body(side: Side, node: Node, attribute: str, known: Known) -> Side:
    body = node.subgraphs[attribute]
    sparse = [
        s for a in node.proto.attribute if a.name == attribute for s in a.g.sparse_initializer
    ]
    return Side(body, side.contents, sparse, inside(body, known))


def nodes_of(laid: Sequence[Overlay]) -> Nodes:
    """Nodes that came, went or changed, in the models' order."""
    added, removed, changed = [], [], []
    matched = renamed = 0
    returned: dict[Node, list[Difference]] = {}
    for overlay in laid:
        if overlay.owner is not None:
            returned.setdefault(overlay.owner[0], []).extend(overlay.returned())
    for overlay in laid:
        found = overlay.matching
        taken = set(found.nodes.values())
        removed += _refs(n for n in found.old.graph.nodes if n not in found.nodes)
        added += _refs(n for n in found.new.graph.nodes if n not in taken)
        place = {node: i for i, node in enumerate(found.new.graph.nodes)}
        for old, new in sorted(found.nodes.items(), key=lambda pair: place[pair[1]]):
            removed += _bodies_alone(old, new)
            added += _bodies_alone(new, old)
            matched += 1
            renamed += old.name != new.name
            change = _change(found, old, new, returned.get(old, []))
            if change is not None:
                changed.append(change)
    return Nodes(tuple(added), tuple(removed), tuple(changed), matched, renamed)


def parameters_of(laid: Sequence[Overlay]) -> Parameters:
    """Initializers that came, went or changed."""
    added: list[TensorRef] = []
    removed: list[TensorRef] = []
    changed: list[tuple[TensorRef, TensorRef]] = []
    unread: list[TensorRef] = []
    renamed = 0
    for overlay in laid:
        old, new = overlay.tensors
        taken = set(overlay.pairs.values())
        removed += [held.ref for name, held in old.items() if name not in overlay.pairs]
        added += [held.ref for name, held in new.items() if name not in taken]
        for a, b in overlay.pairs.items():
            renamed += a != b
            same = is_same(old[a], new[b])
            if same is None:
                unread.append(new[b].ref)
            elif not same:
                changed.append((old[a].ref, new[b].ref))
    split = Split(tuple(added), tuple(removed), tuple(changed))
    return Parameters(split, renamed, tuple(unread))


def ports_of(old: Graph, new: Graph, kind: PortKind, pairs: Mapping[str, str]) -> Split[InputInfo]:
    """Inputs or outputs of the models that came, went or are of another type.

    Args:
        old: The old main graph.
        new: The new main graph.
        kind: `inputs` or `outputs`.
        pairs: Old name to new name of those of both.
    """
    first, second = ({v.name: _info(g, v.name) for v in _ports(g, kind)} for g in (old, new))
    taken = set(pairs.values())
    both = [(first[a], second[b]) for a, b in pairs.items()]
    return Split(
        tuple(info for name, info in second.items() if name not in taken),
        tuple(info for name, info in first.items() if name not in pairs),
        tuple((a, b) for a, b in both if (a != b if kind == "inputs" else _contradict(a, b))),
    )


def _contradict(old: InputInfo, new: InputInfo) -> bool:
    """Whether two outputs differ in what is known: how much that is depends on the exporter."""
    if old.name != new.name or (old.dtype and new.dtype and old.dtype != new.dtype):
        return True
    if old.shape is None or new.shape is None:
        return False
    if len(old.shape) != len(new.shape):
        return True
    pairs = zip(old.shape, new.shape, strict=True)
    return any(a is not None and b is not None and a != b for a, b in pairs)


def _ports(graph: Graph, kind: PortKind) -> Sequence[ValueInfoProto]:
    return graph.inputs if kind == "inputs" else graph.outputs


def _info(graph: Graph, name: str) -> InputInfo:
    """What is known of an input or output; symbols that inference made up say nothing."""
    value = graph.value(name)
    if value.shape is None:
        return InputInfo(name, value.dtype, None)
    declared = {
        d.dim_param
        for port in (*graph.inputs, *graph.outputs)
        for d in port.type.tensor_type.shape.dim
    }
    shape = tuple(d if isinstance(d, int) or d in declared else None for d in value.shape)
    return InputInfo(name, value.dtype, shape)


def _refs(nodes: Iterable[Node]) -> list[NodeRef]:
    """Nodes with those of their bodies."""
    found = []
    for node in nodes:
        found.append(_ref(node))
        for body in node.subgraphs.values():
            found += [_ref(inner) for _, inner in body.walk()]
    return found


def _ref(node: Node) -> NodeRef:
    return NodeRef(node.name, node.key, node.graph.path)


def _bodies_alone(node: Node, other: Node) -> list[NodeRef]:
    """The nodes of bodies that only one of two matched nodes has."""
    alone = [body for name, body in node.subgraphs.items() if name not in other.subgraphs]
    return [_ref(inner) for body in alone for _, inner in body.walk()]


def _change(
    found: Matching, old: Node, new: Node, returned: Sequence[Difference]
) -> NodeChange | None:
    before = _shared(found.old.contents.attributes(old), old, new)
    attributes = differences(before, _shared(found.new.contents.attributes(new), new, old))
    read = zip_longest(old.inputs, new.inputs, fillvalue="")
    inputs = [
        Difference(_formal(old, new, i), *_told_apart(found, *pair))
        for i, pair in enumerate(read)
        if not found.is_same(*pair)
    ]
    made = zip_longest(old.outputs, new.outputs, fillvalue="")
    values = ((found.old.graph.value(a), found.new.graph.value(b)) for a, b in made)
    outputs = tuple(
        Difference(str(i), _type(a), _type(b)) for i, (a, b) in enumerate(values) if _differ(a, b)
    )
    if not (attributes or inputs or outputs or returned):
        return None
    return NodeChange(_ref(old), _ref(new), attributes, (*inputs, *returned), outputs)


def _shared(texts: Mapping[str, str], node: Node, other: Node) -> Mapping[str, str]:
    """Attributes but for defaults of those that the other's version of the operator lacks.

    ONNX gives a new attribute a default with which the operator does what it did without.
    """
    if node.info is None or other.info is None or node.info is other.info:
        return texts
    told = {a.name for a in node.proto.attribute} | other.info.attributes.keys()
    return {
        name: text
        for name, text in texts.items()
        if name in told or name not in node.info.attributes
    }


def _told_apart(found: Matching, old: str, new: str) -> tuple[str, str]:
    """The values by name; by the nodes that make them where the names are equal."""
    if old != new:
        return old, new
    return _source(found.old.graph, old), _source(found.new.graph, new)


def _formal(old: Node, new: Node, position: int) -> str:
    """ONNX's name of an input, or its number."""
    for node in (new, old):
        names = node.info.inputs if node.info else ()
        if position < len(names):
            return names[position]
    return str(position)


def _differ(old: Value, new: Value) -> bool:
    """Whether two values are of another type, as far as both are known."""
    if bool(old.name) != bool(new.name):
        return True
    if old.kind != new.kind or (old.dtype and new.dtype and old.dtype != new.dtype):
        return True
    if old.shape is None or new.shape is None:
        return False
    if len(old.shape) != len(new.shape):
        return True
    return any(map(_other, old.shape, new.shape))


def _other(old: Dim, new: Dim) -> bool:
    """Another size; a symbol may stand for any."""
    return isinstance(old, int) and isinstance(new, int) and old != new


def _type(value: Value) -> str:
    if not value.name:
        return ""
    if value.kind != "tensor":
        return value.kind
    dims = "..." if value.shape is None else ",".join(str(d or "?") for d in value.shape)
    return f"{value.dtype or '?'}[{dims}]"


def _source(graph: Graph, name: str) -> str:
    """The node that makes a value, or the value itself."""
    producer = graph.producer(name)
    return producer.name if producer is not None else name
