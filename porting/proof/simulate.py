"""A model whose tensors are rounded to a chip's compute type, and which tells where that hurts.

Every float tensor that a node computes from the inputs is computed under another name, rounded,
and has its own name again, so that all its readers, bodies of If, Loop and Scan among them, get
what the chip stores. Constants are rounded where they meet such a tensor: what is made of constants
and shapes alone the chip's compiler computes in float32. Values that are sizes or scales of another
tensor are not rounded.

Beside its outputs the model gives one small matrix. For each float tensor of the main graph it has
the least and greatest finite value before rounding and whether there is NaN, so that the first
overflow is found without any tensor leaving the model.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

from porting.model.build import build
from porting.model.graph import Graph
from porting.model.inline import inline_functions
from porting.model.load import LoadedModel
from porting.proof.rounding import CONTRIB, FLOATS, Rounding

WATCH = "port/watch"
"""The output with a row for each watched tensor: least, greatest, and NaN if it holds that."""

_SIZES = {
    "Resize": {1, 2},
    "Upsample": {1},
    "Range": {0, 1, 2},
    "QuantizeLinear": {1},
    "DequantizeLinear": {1},
    "Dropout": {1},
}
"""Float inputs that are sizes or parameters, and not data."""

_SHAPES = frozenset({"Shape", "Size"})
_RANDOM = frozenset({"RandomNormal", "RandomUniform"})


@dataclass(frozen=True)
class Watched:
    """A tensor of the main graph that the model tells of.

    Attributes:
        name: Its name in the model.
        node: The node that computes it, or that reads it first if it is a constant; None for an
            input.
        constant: Whether it is one.
    """

    name: str
    node: NodeProto | None
    constant: bool = False


@dataclass
class Simulation:
    """A model that rounds.

    Attributes:
        proto: With weights where the loaded model has them.
        watched: In the order in which they come to be; the rows of `WATCH`.
        fed: Name of each input to the name under which it is fed now.
        unknown: Float tensors, as far as is known, that are not rounded.
        bodies: Bodies that are rounded inside and not watched.
    """

    proto: ModelProto
    watched: list[Watched]
    fed: dict[str, str]
    unknown: list[str] = field(default_factory=list)
    bodies: int = 0


def simulate(model: LoadedModel, rounding: Rounding) -> Simulation:
    """The model with every float tensor rounded.

    Args:
        model: A loaded model; it is not changed.
        rounding: To what.
    """
    inlined = inline_functions(model)
    proto = ModelProto()
    proto.CopyFrom(inlined.proto)
    result = Simulation(proto, [], {})
    scope = _Scope(proto.graph, build(inlined), rounding, result, None)
    scope.run()
    proto.graph.initializer.extend(rounding.initializers)
    if rounding.initializers and all(o.domain != CONTRIB for o in proto.opset_import):
        proto.opset_import.append(helper.make_opsetid(CONTRIB, 1))
    return result


class _Scope:
    """One graph, or one body."""

    def __init__(
        self,
        proto: GraphProto,
        graph: Graph,
        rounding: Rounding,
        result: Simulation,
        outer: "_Scope | None",
    ) -> None:
        self._proto = proto
        self._graph = graph
        self._rounding = rounding
        self._result = result
        self._outer = outer
        self._constants = {t.name for t in proto.initializer}
        self._constants |= {t.values.name for t in proto.sparse_initializer}
        self._computed: set[str] = set()
        self._forms: dict[tuple[str, str], str] = {}
        self._after: dict[str, list[NodeProto]] = {}
        self._raw: dict[str, str] = {}
        self._watching: list[list[NodeProto]] = []
        self._rows: list[str] = []
        self._seen: set[str] = set()
        self._told: set[str] = set()

    def run(self) -> None:
        """Rewrites the nodes in place."""
        nodes: list[NodeProto] = self._inputs()
        bodies = {_key(n.proto): n.subgraphs for n in self._graph.nodes}
        for node in self._proto.node:
            is_data = self._is_data(node)
            original = NodeProto()
            original.CopyFrom(node)
            for attribute in node.attribute:
                body = bodies.get(_key(node), {}).get(attribute.name)
                if attribute.HasField("g") and body is not None:
                    self._result.bodies += 1
                    _Scope(attribute.g, body, self._rounding, self._result, self).run()
            if is_data:
                self._read_rounded(node, original)
            nodes.append(node)
            nodes += self._written(node, original, is_data=is_data)
        ordered: list[NodeProto] = [*self._after.pop("", [])]
        for node in nodes:
            ordered.append(node)
            for name in node.output:
                ordered += self._after.pop(name, [])
        del self._proto.node[:]
        self._proto.node.extend([*ordered, *self._report()])

    def _inputs(self) -> list[NodeProto]:
        """Inputs of a body are rounded where they come from."""
        inputs = [i for i in self._proto.input if i.name not in self._constants]
        self._computed |= {i.name for i in inputs}
        nodes: list[NodeProto] = []
        for info in inputs if self._outer is None else ():
            name, dtype = info.name, self._graph.value(info.name).dtype
            self._result.fed[name] = name
            if dtype in FLOATS and self._graph.value(name).kind == "tensor":
                source = f"{name}/raw"
                made = self._rounding.computed(name, source, name, dtype)
                if made:
                    info.name = self._result.fed[name] = self._raw[name] = source
                    nodes += made
                    self._watch(Watched(name, None), source, dtype)
        return nodes

    def _is_data(self, node: NodeProto) -> bool:
        """Whether what the node computes depends on the inputs' contents."""
        if node.op_type in _SHAPES:
            return False
        names = {n for n in node.input if n}
        for attribute in node.attribute:
            if attribute.HasField("g"):
                names |= _captured(attribute.g)
        return node.op_type in _RANDOM or any(self._depends(n) for n in names)

    def _depends(self, name: str) -> bool:
        scope: _Scope | None = self
        while scope is not None:
            if name in scope._computed:
                return True
            scope = scope._outer
        return False

    def _read_rounded(self, node: NodeProto, original: NodeProto) -> None:
        """Lets a node read the rounded form of constants, and what is a size as it is."""
        exact = _SIZES.get(node.op_type, set())
        scales = node.op_type.startswith(("QLinear", "QGemm", "MatMulNBits", "ConvInteger"))
        for index, name in enumerate(node.input):
            scope = self._owner(name)
            if scope is None or not name:
                continue
            if index in exact or scales:
                node.input[index] = scope._raw.get(name, name)
            elif not scope._depends(name):
                node.input[index] = scope._form_of(name, original, index)

    def _owner(self, name: str) -> "_Scope | None":
        scope: _Scope | None = self
        while scope is not None and not scope._has(name):
            scope = scope._outer
        return scope

    def _has(self, name: str) -> bool:
        return name in self._constants or name in self._seen or name in self._computed

    def _form_of(self, name: str, reader: NodeProto, index: int) -> str:
        value = self._graph.value(name)
        if value.dtype not in FLOATS or value.kind != "tensor":
            return name
        form = self._rounding.form(name, reader, index)
        if form is None:
            return name
        if (name, form) not in self._forms:
            result = f"{name}/as/{form}"
            made = self._rounding.constant(name, form, result, value.dtype)
            self._after.setdefault("" if name in self._constants else name, []).extend(made)
            self._forms[name, form] = result
            self._watch(Watched(name, reader, constant=True), name, value.dtype)
        return self._forms[name, form]

    def _written(
        self, node: NodeProto, original: NodeProto, *, is_data: bool
    ) -> Iterator[NodeProto]:
        """What rounds the results of a node."""
        self._seen |= {name for name in node.output if name}
        if not is_data:
            return
        for index, name in enumerate(node.output):
            if not name:
                continue
            self._computed.add(name)
            value = self._graph.value(name)
            if value.kind != "tensor" or value.dtype not in FLOATS:
                if value.kind == "tensor" and value.dtype is None:
                    self._result.unknown.append(name)
                continue
            source = f"{name}/raw"
            made = self._rounding.computed(name, source, name, value.dtype)
            if made:
                node.output[index] = self._raw[name] = source
                yield from made
                self._watch(Watched(name, original), source, value.dtype)

    def _watch(self, watched: Watched, source: str, dtype: str) -> None:
        """A row of the report; constants that are as large as weights are told of as well."""
        if self._outer is not None or watched.name in self._told:
            return
        self._told.add(watched.name)
        row = f"{WATCH}/{len(self._rows)}"
        self._rows.append(row)
        self._result.watched.append(watched)
        size = self._graph.value(watched.name).size
        self._watching.append(_row(source, row, dtype, may_be_empty=not size))

    def _report(self) -> list[NodeProto]:
        if self._outer is not None:
            return []
        limits = {f"{WATCH}/inf": np.inf, f"{WATCH}/none": [[0.0]]}
        self._proto.initializer.extend(
            numpy_helper.from_array(np.array(v, np.float32), n) for n, v in limits.items()
        )
        self._proto.output.append(
            helper.make_tensor_value_info(WATCH, TensorProto.FLOAT, [len(self._rows), 3])
        )
        if not self._rows:
            empty = numpy_helper.from_array(np.zeros((0, 3), np.float32))
            return [helper.make_node("Constant", [], [WATCH], value=empty)]
        joined = helper.make_node("Concat", self._rows, [WATCH], axis=0)
        # onnxruntime runs what stands last first. A row that is made as soon as it can be lets go
        # of its tensor, so that memory does not grow with the number of tensors.
        return [*(node for row in reversed(self._watching) for node in row), joined]


def _row(source: str, row: str, dtype: str, *, may_be_empty: bool) -> list[NodeProto]:
    """Least and greatest finite value, and a sum that is infinite or NaN if a value is.

    Written in operators of opset 9 that take any float32, scalars too. In the sum all finite
    values are 0 and all infinities positive, so that they do not cancel.
    """
    nodes: list[NodeProto] = []

    def add(op_type: str, inputs: Sequence[str], tag: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(op_type, inputs, [f"{row}/{tag}"], **attributes))
        return f"{row}/{tag}"

    none = f"{WATCH}/none"
    if dtype != "float32":
        source = add("Cast", [source], "float32", to=TensorProto.FLOAT)
    flat = add("Flatten", [source], "flat", axis=0)
    if may_be_empty:
        flat = add("Concat", [flat, none], "more", axis=1)
    size = add("Abs", [flat], "size")
    is_finite = add("Less", [size, f"{WATCH}/inf"], "is_finite")
    finite = add("Where", [is_finite, flat, none], "finite")
    others = add("Where", [is_finite, none, size], "others")
    numbers = [
        add("ReduceMin", [finite], "least"),
        add("ReduceMax", [finite], "greatest"),
        add("ReduceSum", [others], "sum"),
    ]
    nodes.append(helper.make_node("Concat", numbers, [row], axis=1))
    return nodes


def _key(node: NodeProto) -> str:
    return next((name for name in node.output if name), node.name)


def _captured(graph: GraphProto) -> set[str]:
    """Names that a body, or one inside it, reads from around."""
    inner = {i.name for i in graph.input} | {t.name for t in graph.initializer}
    used: set[str] = {o.name for o in graph.output}
    for node in graph.node:
        used |= {name for name in node.input if name}
        inner |= set(node.output)
        for attribute in node.attribute:
            if attribute.HasField("g"):
                used |= _captured(attribute.g)
    return used - inner
