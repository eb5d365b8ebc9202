"""What ONNX's own inference says of a node, asked once for all nodes of which the same is known.

Two nodes get the same answer if they are equal in operator, opset, attributes and the types of
their inputs, which have numbers to be compared quickly, and in the contents of constants where the
operator's inference reads them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from onnx import TypeProto, helper, numpy_helper
from onnx import shape_inference as onnx_inference
from onnx.checker import ValidationError

from porting.model.fold import may_fold
from porting.model.graph import Context, Graph, Node
from porting.model.value import Array, Value, typed

Question: TypeAlias = tuple[object, ...]
"""All of a node on which an answer depends, in a form to compare."""


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What is known of a node's outputs from its inputs and attributes.

    Attributes:
        outputs: In order, without names; of some nothing may be known.
        numbers: Of the outputs, as `Numbers` has them.
        is_conflict: Whether the node makes no sense.
        is_final: Whether neither folding nor what the file declares could add to it.
    """

    outputs: tuple[Value, ...]
    numbers: tuple[int | None, ...]
    is_conflict: bool
    is_final: bool


class Numbers(dict[str, int | None]):
    """Of the types of values that the nodes of one graph read, by name: equal ones for equal types.

    None for a value of whose type too little is known to ask. It is taken when the value is first
    read, and has to be inferred by then.
    """

    def __init__(self, graph: Graph) -> None:
        super().__init__({"": 0})
        self._graph = graph

    def take_weights(self) -> None:
        """Takes those of all initializers, which is quicker than one by one."""
        context, values = self._graph.context, self._graph.values
        for name in self._graph.initializers:
            if name and (value := values.get(name)) is not None:
                self[name] = _number(value, context)

    def __missing__(self, name: str) -> int | None:
        number = self[name] = _number(self._graph.value(name), self._graph.context)
        return number

    def question(self, node: Node) -> Question | None:
        """All on which the answer depends; None where that cannot be compared."""
        types = tuple(map(self.get, node.inputs))
        if None in types:  # it has none, or was not read yet
            types = tuple([self[name] for name in node.inputs])
        written, made = node.written, node.outputs
        if written is None or None in types:
            return None
        contents = _contents(node) if node.key in READ else ()
        named = len(made) if "" not in made else tuple(map(bool, made))
        return (node.key, node.opset, written, types, contents, named)


def _number(value: Value, context: Context) -> int | None:
    known: object = value.dtype
    if value.kind != "tensor":
        known = value.type_proto and value.type_proto.SerializeToString()
    if known is None:
        return None
    numbers = context.numbers
    return numbers.setdefault((known, value.shape, value.is_const), len(numbers) + 1)


def _contents(node: Node) -> tuple[bytes | None, ...]:
    """The inputs' contents, as far as an answer may depend on them."""
    found = [None if v is None else _deciding(v) for v in node.input_values()]
    return tuple([None if array is None else array.tobytes() for array in found])


def ask(node: Node) -> Answer:
    """What ONNX says of a node that it defines, and that has no bodies."""
    given = [v for v in node.input_values() if v is not None]
    types = {v.name: t for v in given if (t := v.to_type()) is not None}
    found: Mapping[str, TypeProto] = {}
    is_conflict = False
    if all(v.name in types for v in given):
        try:
            found = _inferred(node, types, given)
        except _INVALID_NODE:
            is_conflict = True
    is_const = bool(given) and all(v.is_const for v in given) and node.op_type not in _RANDOM
    outputs = tuple(typed(found[n]) if n in found else Value("") for n in node.outputs)
    for output in outputs:
        output.is_const = is_const
    is_complete = all(o.dtype is not None and o.shape is not None for o in outputs)
    is_final = is_complete and "" not in node.outputs and not may_fold(node, is_const=is_const)
    numbers = tuple(_number(o, node.graph.context) for o in outputs)
    return Answer(outputs, numbers, is_conflict, is_final)


def _inferred(
    node: Node, types: dict[str, TypeProto], given: Sequence[Value]
) -> Mapping[str, TypeProto]:
    assert node.info is not None
    read = given if node.key in READ else ()
    return onnx_inference.infer_node_outputs(
        node.info.schema,
        node.proto,
        types,
        {
            v.name: numpy_helper.from_array(contents, v.name)
            for v in read
            if (contents := _deciding(v)) is not None
        },
        opset_imports=[helper.make_opsetid(node.proto.domain, node.opset)],
        ir_version=node.graph.context.ir_version,
    )


def _deciding(value: Value) -> Array | None:
    """The contents of a constant on which shapes may depend: a target, axes, sizes, scales.

    No operator takes a shape from more floating-point numbers than there are scales.
    """
    if not value.is_const or value.kind != "tensor" or value.dtype not in _SHAPE_DTYPES:
        return None
    if value.dtype == "float32" and (value.size or 0) > _MOST_SCALES:
        return None
    return value.value()


READ = frozenset(
    {
        *("AffineGrid", "BlackmanWindow", "CenterCropPad", "Col2Im", "ConstantOfShape", "DFT"),
        *("Expand", "HammingWindow", "HannWindow", "MelWeightMatrix", "OneHot", "Pad", "Range"),
        *("ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceMax", "ReduceMean"),
        *("ReduceMin", "ReduceProd", "ReduceSum", "ReduceSumSquare", "Reshape", "Resize", "STFT"),
        *("Slice", "Split", "SplitToSequence", "Squeeze", "Tile", "TopK", "Unsqueeze", "Upsample"),
    }
)
"""Operators whose inference reads contents of inputs (source: onnx/defs of onnx 1.23)."""
_SHAPE_DTYPES = frozenset({"int64", "int32", "float32", "bool"})
_MOST_SCALES = 64

_RANDOM = frozenset(
    {"Bernoulli", "Dropout", "Multinomial", "RandomNormalLike", "RandomUniformLike"}
)
"""Operators whose results differ from run to run; a Dropout that trains is one."""

_INVALID_NODE = (
    onnx_inference.InferenceError,
    ValidationError,  # an attribute or input that this version of the operator lacks
    ValueError,
    RuntimeError,
    TypeError,
)
"""What ONNX's inference raises for a node it cannot make sense of."""
