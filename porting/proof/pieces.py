"""Parts of a model as models of their own that onnxruntime runs."""

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, TensorProto, TypeProto, helper, numpy_helper

from porting.proof.exchange import Array, one_line
from porting.proof.sessions import session_options

Types = Mapping[str, TypeProto]

_HANDED_AS_FLOAT32 = frozenset(
    number
    for name, number in TensorProto.DataType.items()
    if name == "BFLOAT16" or name.startswith(("FLOAT4", "FLOAT6", "FLOAT8", "INT4", "UINT4"))
    or name in ("INT2", "UINT2")
)  # fmt: skip
"""Types that onnxruntime computes with but does not take from Python; float32 holds them all."""
_NUMBER_OF = {
    "float": TensorProto.FLOAT,
    "double": TensorProto.DOUBLE,
    **{name.lower(): number for name, number in TensorProto.DataType.items() if number > 1},
}
_OLDEST_IR = 8


def captured(nodes: Iterable[NodeProto]) -> list[str]:
    """What the nodes, in order, read and do not make; what their bodies read included."""
    made: set[str] = set()
    read: dict[str, None] = {}
    for node in nodes:
        names = [name for name in node.input if name]
        for attribute in node.attribute:
            for body in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
                own = {value.name for value in body.input}
                own |= {tensor.name for tensor in body.initializer}
                outer = captured(body.node) + [o.name for o in body.output]
                inner = own | {name for each in body.node for name in each.output}
                names += [n for n in outer if n not in inner]
        read |= dict.fromkeys(name for name in names if name not in made)
        made |= set(node.output)
    return list(read)


def element(kind: TypeProto | None) -> int:
    """Element type of a tensor; 0 if it is none, or not known."""
    return kind.tensor_type.elem_type if kind is not None else 0


def shapeless(kind: TypeProto | None) -> TypeProto | None:
    """The type of a tensor without its dimensions; others as they are."""
    return helper.make_tensor_type_proto(element(kind), None) if element(kind) else kind


def opsets_of(model: ModelProto) -> dict[str, int]:
    """Domain to version, ONNX's own domain as the empty text."""
    ids = {each.domain: each.version for each in model.opset_import}
    if "ai.onnx" in ids:
        ids[""] = ids.pop("ai.onnx")
    return ids


class Runner:
    """A part of the model, loaded."""

    def __init__(
        self, session: Any, inputs: Mapping[str, tuple[str, bool]], outputs: Mapping[str, int]
    ) -> None:
        self._session = session
        self._inputs = inputs  # the session's name: the model's, and whether float32 is fed
        self._outputs = outputs  # the session's name: the type that float32 stands for, or 0

    def run(self, given: Mapping[str, Any]) -> list[Any]:
        """The outputs; `given` are values by the model's names.

        Raises:
            Exception: Whatever a kernel raises.
        """
        feeds = {
            outer: given[name].astype(np.float32) if cast else _array(given[name])
            for outer, (name, cast) in self._inputs.items()
        }
        made = self._session.run(list(self._outputs), feeds)
        return [
            value.astype(helper.tensor_dtype_to_np_dtype(number)) if number else value
            for value, number in zip(made, self._outputs.values(), strict=True)
        ]

    def types(self) -> list[TypeProto | None]:
        """Of the outputs, as onnxruntime infers them."""
        return [_type_of(output.type) for output in self._session.get_outputs()]


class Loader:
    """Makes runners of parts of a model.

    Attributes:
        opsets: Domain to version, as the model imports them.
    """

    def __init__(self, model: ModelProto) -> None:
        import onnxruntime

        self._ort = onnxruntime
        onnxruntime.set_default_logger_severity(4)
        self.opsets = opsets_of(model)
        self._ir = max(model.ir_version, _OLDEST_IR)
        self._newest = self.opsets.setdefault("", 1)
        self._find_versions()

    def _find_versions(self) -> None:
        """The newest format and opset, up to the model's, that onnxruntime loads."""
        node = helper.make_node("Identity", ["x"], ["y"])
        kind = {"x": helper.make_tensor_type_proto(TensorProto.FLOAT, None)}
        for ir in range(self._ir, _OLDEST_IR - 1, -1):
            for opset in range(self._newest, max(self._newest - 8, 0), -1):
                with suppress(Exception):
                    self._load(_model([node], kind, {}, [("y", None)], {"": opset}, ir))
                    self._ir, self._newest = ir, opset
                    return

    def refusal(self, node: NodeProto) -> str:
        """Why a node cannot be run at the opset that is used; empty if it can."""
        if node.domain or self._newest == self.opsets[""] or not onnx.defs.has(node.op_type):
            return ""
        wanted = onnx.defs.get_schema(node.op_type, self.opsets[""], "").since_version
        if wanted > self._newest:
            return f"onnxruntime has no opset {wanted}"
        return ""

    def load(
        self, nodes: Sequence[NodeProto], inputs: Types, weights: Mapping[str, Array],
        outputs: Sequence[tuple[str, TypeProto | None]],
    ) -> Runner:  # fmt: skip
        """A runner of nodes.

        Args:
            nodes: In order; those that the model does not have are named by their number.
            inputs: What is fed, with types; dimensions only where they are certain.
            weights: Initializers that become part of it.
            outputs: Names, and types if known.

        Raises:
            Exception: onnxruntime does not take it.
        """
        before, after = [], []
        float32 = helper.make_tensor_type_proto(TensorProto.FLOAT, None)
        fed: dict[str, tuple[str, bool]] = {}
        kinds: dict[str, TypeProto] = {}
        for name, kind in inputs.items():
            cast = element(kind) in _HANDED_AS_FLOAT32
            outer = f"{name}//fed" if cast else name
            fed[outer], kinds[outer] = (name, cast), float32 if cast else kind
            if cast:
                before.append(helper.make_node("Cast", [outer], [name], to=element(kind)))
        given: list[tuple[str, TypeProto | None]] = []
        made: dict[str, int] = {}
        for name, known in outputs:
            cast = element(known) in _HANDED_AS_FLOAT32
            outer = f"{name}//made" if cast else name
            given.append((outer, float32 if cast else known))
            made[outer] = element(known) if cast else 0
            if cast:
                after.append(helper.make_node("Cast", [name], [outer], to=TensorProto.FLOAT))
        opsets = self.opsets | {"": self._newest}
        model = _model([*before, *nodes, *after], kinds, weights, given, opsets, self._ir)
        return Runner(self._load(model), fed, made)

    def _load(self, model: ModelProto) -> Any:
        return self._ort.InferenceSession(
            model.SerializeToString(),
            session_options(self._ort),
            providers=["CPUExecutionProvider"],
        )


def _array(value: Any) -> Any:
    """A tensor as onnxruntime takes it; sequences as they are."""
    return np.asarray(value) if isinstance(value, np.generic) else value


def culprit(error: BaseException) -> str:
    """Name of the node that an error is about, or that it stands for; empty if it is not said."""
    found = re.search(r"Name:'([^':]*)", str(error))
    return found.group(1) if found else ""


def _model(
    nodes: Sequence[NodeProto], inputs: Types, weights: Mapping[str, Array],
    outputs: Sequence[tuple[str, TypeProto | None]], opsets: Mapping[str, int], ir: int,
) -> ModelProto:  # fmt: skip
    graph = helper.make_graph(
        list(nodes),
        "part",
        [helper.make_value_info(name, kind) for name, kind in inputs.items()],
        [_output(name, kind) for name, kind in outputs],
        [numpy_helper.from_array(array, name) for name, array in weights.items()],
    )
    ids = [helper.make_opsetid(domain, version) for domain, version in opsets.items()]
    return helper.make_model(graph, opset_imports=ids, ir_version=ir)


def _output(name: str, kind: TypeProto | None) -> onnx.ValueInfoProto:
    return onnx.ValueInfoProto(name=name) if kind is None else helper.make_value_info(name, kind)


def _type_of(text: str) -> TypeProto | None:
    """`tensor(float)` or `seq(tensor(float))` as ONNX has it."""
    if text.startswith("seq("):
        inner = _type_of(text[4:-1])
        return None if inner is None else helper.make_sequence_type_proto(inner)
    number = _NUMBER_OF.get(text.removeprefix("tensor(").removesuffix(")"))
    return None if number is None else helper.make_tensor_type_proto(number, None)


def in_float32(node: NodeProto, types: Types) -> list[NodeProto]:
    """The node in float32 between casts; empty where it has bodies or unknown output types."""
    wide = (TensorProto.BFLOAT16, TensorProto.DOUBLE)
    if any(a.HasField("g") or a.graphs for a in node.attribute):
        return []
    copy = NodeProto()
    copy.CopyFrom(node)
    before, after = [], []
    for index, name in enumerate(node.input):
        if element(types.get(name)) in wide:
            copy.input[index] = f"{name}//{node.name}i{index}"
            before.append(_cast(node, name, copy.input[index], TensorProto.FLOAT))
    for index, name in enumerate(node.output):
        if name and name not in types:
            return []
        number = element(types.get(name))
        if name and number in wide:
            copy.output[index] = f"{name}//{node.name}o{index}"
            after.append(_cast(node, copy.output[index], name, number))
    for attribute in copy.attribute:
        if attribute.name in ("to", "dtype", "output_dtype") and attribute.i in wide:
            attribute.i = TensorProto.FLOAT
    return [*before, copy, *after]


def batch_in_the_middle(node: NodeProto) -> list[NodeProto]:
    """A recurrent node of layout 1 by means of layout 0; empty for other nodes."""
    layout = next((a.i for a in node.attribute if a.name == "layout"), 0)
    if node.domain or node.op_type not in ("RNN", "GRU", "LSTM") or layout != 1:
        return []
    copy = NodeProto()
    copy.CopyFrom(node)
    copy.ClearField("attribute")
    copy.attribute.extend(a for a in node.attribute if a.name != "layout")
    before, after = [], []
    for index in (0, 5, 6):  # X; initial_h, initial_c: [batch, ...] becomes [..., batch, ...]
        if index < len(node.input) and node.input[index]:
            name = copy.input[index] = f"{node.input[index]}//{node.name}l{index}"
            before.append(_transpose(node, node.input[index], name, [1, 0, 2]))
    for index, order in ((0, [2, 0, 1, 3]), (1, [1, 0, 2]), (2, [1, 0, 2])):
        if index < len(node.output) and node.output[index]:
            name = copy.output[index] = f"{node.output[index]}//{node.name}m{index}"
            after.append(_transpose(node, name, node.output[index], order))
    return [*before, copy, *after]


def _cast(node: NodeProto, source: str, target: str, to: int) -> NodeProto:
    return helper.make_node("Cast", [source], [target], name=f"{node.name}:{target}", to=to)


def _transpose(node: NodeProto, source: str, target: str, order: list[int]) -> NodeProto:
    name = f"{node.name}:{target}"
    return helper.make_node("Transpose", [source], [target], name=name, perm=order)


def why_not(loader: Loader, nodes: Sequence[NodeProto], *parts: Any) -> tuple[str, list[Any]]:
    """Why onnxruntime does not load the nodes, empty if it does, and its output types then."""
    try:
        return "", loader.load(nodes, *parts).types()
    except Exception as error:  # noqa: BLE001 - it has many ways to refuse
        return one_line(error), []
