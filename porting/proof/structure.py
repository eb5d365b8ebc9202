"""Which outputs are proved identical without running anything.

Value by value, in the order of the converted model: an input is what it was, an initializer with
the same contents too; a node that is the original's own, with inputs that are proved, gives what it
gave; and so does what exact rewrites have made of a node whose inputs are proved. Values keep their
names through all of this, so that the two models are compared name by name.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto

from porting.conversion import Rewrite
from porting.model.schema import domain_name

EXACT = frozenset({"exact", "narrowing"})
"""Classes that change no value; a narrowing rule has proved its range."""

_HOLDS_GRAPH = frozenset({AttributeProto.GRAPH, AttributeProto.GRAPHS})
_RANDOM = frozenset(
    {"Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform"}
    | {"RandomUniformLike", "Dropout"}
)


@dataclass(frozen=True)
class _Origin:
    """The original model, name by name."""

    producers: Mapping[str, NodeProto]
    initializers: Mapping[str, TensorProto]
    inputs: frozenset[str]
    aliases: Mapping[str, str]

    def resolved(self, name: str) -> str:
        """The value that a name stands for behind any number of Identity nodes."""
        seen: set[str] = set()
        while name in self.aliases and name not in seen:
            seen.add(name)
            name = self.aliases[name]
        return name


def unchanged_outputs(
    original: ModelProto, converted: ModelProto, rewrites: Iterable[Rewrite]
) -> tuple[str, ...]:
    """Names of the outputs whose computation is the same in both models.

    Args:
        original: The model as it was loaded.
        converted: What was made of it.
        rewrites: Everything that was done to it. Folding of constants and the removal of nodes
            that do nothing are exact and not among it.
    """
    origin = _origin(original.graph)
    exact = _exactly_rewritten(rewrites)
    proved = {i.name for i in converted.graph.input if i.name in origin.inputs}
    proved |= _constants(original.graph)
    for tensor in converted.graph.initializer:
        note = proved.add if _is_same_constant(tensor, origin) else proved.discard
        note(tensor.name)
    for node in converted.graph.node:
        for name in filter(None, node.output):
            same = _is_same(name, node, origin, exact, proved)
            note = proved.add if same else proved.discard
            note(name)
    return tuple(o.name for o in converted.graph.output if o.name in proved)


def _origin(graph: GraphProto) -> _Origin:
    producers = {o: n for n in graph.node for o in n.output if o}
    aliases = {
        o: n.input[0]
        for o, n in producers.items()
        if n.op_type == "Identity" and not n.domain and n.input
    }
    initializers = {t.name: t for t in graph.initializer}
    return _Origin(producers, initializers, frozenset(i.name for i in graph.input), aliases)


def _exactly_rewritten(rewrites: Iterable[Rewrite]) -> dict[str, bool]:
    """By node of the main graph, whether all that was done to it is exact."""
    found: dict[str, bool] = {}
    for rewrite in rewrites:
        exact = rewrite.exactness in EXACT
        found[rewrite.node] = found.get(rewrite.node, True) and exact
    return found


def _constants(graph: GraphProto) -> set[str]:
    """Values of the original that are the same in every run, those that may be folded included."""
    known = {t.name for t in graph.initializer}
    for node in graph.node:
        if not _may_differ_by_itself(node) and all(i in known for i in node.input if i):
            known.update(o for o in node.output if o)
    return known


def _is_same_constant(tensor: TensorProto, origin: _Origin) -> bool:
    """An initializer of the original, or a value that was folded."""
    before = origin.initializers.get(tensor.name)
    if before is None:
        return tensor.name in origin.producers
    return before is tensor or _contents(before) == _contents(tensor)


def _contents(tensor: TensorProto) -> bytes:
    copy = TensorProto()
    copy.CopyFrom(tensor)
    copy.name = copy.doc_string = ""
    contents: bytes = copy.SerializeToString(deterministic=True)
    return contents


def _is_same(
    name: str,
    node: NodeProto,
    origin: _Origin,
    exact: Mapping[str, bool],
    proved: set[str],
) -> bool:
    before = origin.producers.get(name)
    if before is None or _may_differ_by_itself(before):
        return False
    if not all(origin.resolved(i) in proved for i in before.input if i):
        return False
    before_name = before.name or next(o for o in before.output if o)
    if before_name in exact:
        return exact[before_name]
    return _key(before) == _key(node) and _inputs(before.input, origin) == _inputs(
        node.input, origin
    )


def _may_differ_by_itself(node: NodeProto) -> bool:
    """Random numbers differ from run to run; bodies read names of the graph around them."""
    return node.op_type in _RANDOM or any(a.type in _HOLDS_GRAPH for a in node.attribute)


def _key(node: NodeProto) -> tuple[str, str, tuple[bytes, ...]]:
    attributes = sorted(a.SerializeToString(deterministic=True) for a in node.attribute)
    return domain_name(node.domain), node.op_type, tuple(attributes)


def _inputs(names: Sequence[str], origin: _Origin) -> list[str]:
    given = [origin.resolved(n) if n else "" for n in names]
    while given and not given[-1]:
        given.pop()
    return given
