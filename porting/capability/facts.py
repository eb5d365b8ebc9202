"""What an expression may ask about a node: its attributes, operands and surroundings, by name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias

from onnx import TensorProto, numpy_helper
from onnx.defs import OpSchema

from porting.capability.operand import VALUE_LIMIT, Operand
from porting.capability.unknown import Unknown
from porting.model.dtypes import NAME_OF
from porting.model.graph import Node
from porting.model.schema import all_versions
from porting.model.value import Value

_VARIADIC = OpSchema.FormalParameterOption.Variadic
TYPE_ATTRIBUTES = frozenset({"dtype", "output_dtype", "stash_type", "to"})
"""Attributes that hold the number of an element type; tables write its name."""

Asked: TypeAlias = tuple[int, str]
"""A property and the place of its operand: inputs from 0 on, outputs from -1 on downwards."""


@dataclass
class NodeFacts:
    """Looks names up for one node.

    Attributes:
        node: The node, its values inferred.
        precision: Compute type that the user asked for, or the table's default.
        options: Choices of the user that the table names, such as operators run elsewhere.
        asked: What was asked that does not follow from operator, attributes, types and shapes.
    """

    node: Node
    precision: str = ""
    options: Mapping[str, str] = field(default_factory=dict)
    asked: set[Asked] = field(default_factory=set)

    def __call__(self, name: str) -> Any:
        """The value of a name; None for what the node does not have."""
        question, colon, attribute = name.partition(":")
        if colon:
            return self._about(question, attribute)
        info, generic = self.node.info, _GENERIC.get(name)
        if info is not None:
            if name in info.attributes:
                return self._attribute(name)
            if name in info.inputs:
                return self._input(info.inputs.index(name), name)
            if name in info.outputs:
                return self._output(info.outputs.index(name), name)
        if generic is not None:
            return generic(self)
        return self._renamed(name) if info is not None else self._attribute(name)

    def _about(self, question: str, attribute: str) -> Any:
        if question == "option":
            return choices(self.options, attribute)
        if question == "explicit":
            return attribute in self.node.attributes
        info = self.node.info
        return _plain(attribute, info.attributes.get(attribute)) if info else None

    def _attribute(self, name: str) -> Any:
        value = self.node.attribute(name)
        if value is None and name == "kernel_shape" and self.node.op_type.startswith("Conv"):
            return Unknown.of("kernel_shape, which follows from the shape of the weights")
        return _plain(name, value)

    def _input(self, index: int, label: str) -> Any:
        info = self.node.info
        if info is not None and info.variadic and index == len(info.inputs) - 1:
            count = len(self.node.inputs)
            found = [self.operand(i, f"{label}[{i - index}]") for i in range(index, count)]
            return tuple(o for o in found if o is not None)
        return self.operand(index, label)

    def _output(self, index: int, label: str) -> Any:
        info = self.node.info
        if info is not None and info.schema.outputs[index].option == _VARIADIC:
            count = len(self.node.outputs)
            found = [self.operand(~i, f"{label}[{i - index}]") for i in range(index, count)]
            return tuple(o for o in found if o is not None)
        return self.operand(~index, label)

    def _renamed(self, name: str) -> Any:
        """An input that another version of the operator calls by this name, at the same place."""
        info = self.node.info
        for version in reversed(all_versions(self.node.op_type, self.node.domain)):
            if info is not None and name in version.inputs:
                index = version.inputs.index(name)
                if index < len(info.inputs) and info.inputs[index] not in version.inputs:
                    return self._input(index, name)
        return None

    def operand(self, place: int, label: str) -> Operand | None:
        """How expressions see the value at a place; None where it is absent."""
        value = self._value(place)
        if value is None:
            return None
        return Operand(label, value, self.node.graph, partial(self._note, place))

    def _value(self, place: int) -> Value | None:
        return self.node.input(place) if place >= 0 else self.node.output(~place)

    def _note(self, place: int, name: str) -> None:
        self.asked.add((place, name))

    def node_name(self) -> str:
        """The node's name, which few conditions look at."""
        self._note(0, "node_name")
        return self.node.name

    def answer(self, asked: Asked) -> object:
        """What the node answers to something asked, in a form that can be compared."""
        place, name = asked
        if name == "node_name":
            return self.node.name
        value = self._value(place)
        if value is None:
            return None
        if name == "values":
            array = value.value(VALUE_LIMIT) if value.is_const else None
            return array.tobytes() if array is not None else None
        answer: object = getattr(Operand("", value, self.node.graph), name)
        return answer

    def all_inputs(self) -> tuple[Operand, ...]:
        """Every input that is there."""
        names = self.node.info.inputs if self.node.info else ()
        found = []
        for index in range(len(self.node.inputs)):
            label = names[min(index, len(names) - 1)] if names else f"input {index}"
            found.append(self.operand(index, label))
        return tuple(o for o in found if o is not None)

    def all_outputs(self) -> tuple[Operand, ...]:
        """Every output that is there."""
        names = self.node.info.outputs if self.node.info else ()
        found = []
        for index in range(len(self.node.outputs)):
            label = names[min(index, len(names) - 1)] if names else f"output {index}"
            found.append(self.operand(~index, label))
        return tuple(o for o in found if o is not None)

    def blank_outputs(self) -> int:
        """Optional outputs that are left out by an empty name, as `["", "Y_h"]` does."""
        return sum(1 for name in self.node.outputs if not name)

    def dim(self, letter: str) -> Any:
        """N, C, H or W: a dimension of the first input, where that has four."""
        first = self.operand(0, "the first input")
        if first is None:
            return None
        shape = first.shape
        if isinstance(shape, Unknown):
            return shape
        if len(shape) != 4:
            return Unknown.of(f"{letter}, which is stated for inputs of rank 4 only")
        return shape["NCHW".index(letter)]


def choices(options: Mapping[str, str], name: str) -> tuple[str, ...]:
    """What the user says under an option's name, separated by commas; empty if nothing."""
    return tuple(c for c in map(str.strip, options.get(name, "").split(",")) if c)


def _plain(name: str, value: Any) -> Any:
    """An attribute in the language's types."""
    if isinstance(value, TensorProto):
        array = numpy_helper.to_array(value) if value.data_location == 0 else None
        if array is None or array.size > 65536:
            return Unknown.of(f"the contents of {name}, which is large")
        return tuple(array.ravel().tolist())
    if name in TYPE_ATTRIBUTES and isinstance(value, int):
        return NAME_OF.get(value, "undefined")
    return value


_GENERIC: Mapping[str, Callable[[NodeFacts], Any]] = {
    "inputs": NodeFacts.all_inputs,
    "outputs": NodeFacts.all_outputs,
    "blank_outputs": NodeFacts.blank_outputs,
    "node_name": NodeFacts.node_name,
    "op_type": lambda f: f.node.op_type,
    "opset": lambda f: f.node.opset,
    "since": lambda f: f.node.info.since if f.node.info else 0,
    "precision": lambda f: f.precision,
    "N": lambda f: f.dim("N"),
    "C": lambda f: f.dim("C"),
    "H": lambda f: f.dim("H"),
    "W": lambda f: f.dim("W"),
}
