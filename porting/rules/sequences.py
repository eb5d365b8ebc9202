"""Sequences and optionals of which every element is known: tensors, without the container.

A sequence is followed back to what made it. What then reads one element reads the tensor itself,
and the nodes that built the sequence lead nowhere. `porting.legalize.normalise` applies all of
these rules at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from porting.legalize.inline_body import BodyCopier
from porting.legalize.ops import Ops
from porting.legalize.rule import decline, known_rank, require, rule, static_shape
from porting.model.graph import Graph, Node
from porting.model.value import Array
from porting.rules.common import axis_in, integer, optional_input

MOST_ELEMENTS = 4096
MOST_NODES = 4096
"""Nodes that may take the place of one SequenceMap."""


@dataclass(frozen=True, slots=True)
class Element:
    """An element of a sequence: a value, or a part of one along an axis.

    Attributes:
        value: Name of the tensor.
        axis: Along which it is cut.
        start: First index of the part; None if the element is the whole tensor.
        stop: The index behind the last one.
        size: Of the tensor along the axis; None if that is not known.
        drops_axis: Whether the part, of size 1, is without the axis.
    """

    value: str
    axis: int = 0
    start: int | None = None
    stop: int = 0
    size: int | None = None
    drops_axis: bool = False

    def write(self, op: Ops) -> str:
        """The element as a value."""
        if self.start is None:
            return self.value
        whole = self.start == 0 and self.stop == self.size
        part = self.value
        if not whole:
            part = op.slice(part, [self.start], [self.stop], [self.axis])
        return op.squeeze(part, [self.axis]) if self.drops_axis else part


def elements_of(graph: Graph, name: str) -> list[Element]:
    """What a sequence consists of; declines where that is not known beforehand."""
    edits: list[Node] = []
    while True:
        source = graph.producer(name)
        if source is None or source.domain != "ai.onnx":
            decline("the sequence is not made in the model")
        if source.op_type in _EDITS:
            edits.append(source)
        elif source.op_type not in _WRAPPERS or not source.inputs:
            break
        name = source.inputs[0]
    elements = _root(source)
    for each in reversed(edits):
        elements = _edited(elements, each)
    require(len(elements) <= MOST_ELEMENTS, f"the sequence has over {MOST_ELEMENTS} elements")
    return elements


_EDITS = frozenset({"SequenceErase", "SequenceInsert"})
_WRAPPERS = frozenset({"Identity", "Optional", "OptionalGetElement"})


def _root(node: Node) -> list[Element]:
    if node.op_type == "SequenceEmpty":
        return []
    if node.op_type == "SequenceConstruct":
        return [Element(name) for name in node.inputs]
    require(node.op_type == "SplitToSequence", f"the sequence is made by a {node.op_type}")
    return _pieces(node)


def _pieces(node: Node) -> list[Element]:
    """The elements of a SplitToSequence: parts of given sizes, or one for each index."""
    data = node.input(0)
    rank = known_rank(data, "what is split")
    axis = axis_in(integer(node, "axis", 0), rank)
    size = data.shape[axis] if data is not None and data.shape is not None else None
    known = size if isinstance(size, int) else None
    drops = False
    if optional_input(node, 1) is None:
        require(known is not None, "the length of what is split is not known")
        sizes, drops = [1] * (known or 0), not integer(node, "keepdims", 1)
    else:
        sizes = _sizes(node.const(1), known)
    require(len(sizes) <= MOST_ELEMENTS, f"the sequence has over {MOST_ELEMENTS} elements")
    ends = [int(e) for e in np.cumsum([0, *sizes])]
    return [Element(node.inputs[0], axis, a, b, known, drops) for a, b in pairwise(ends)]


def _sizes(split: Array | None, length: int | None) -> list[int]:
    """The sizes of parts: all of them, or one that each but the last one has."""
    if split is None:
        decline("the sizes of the parts are not constants")
    if split.ndim:
        sizes = [int(s) for s in split]
        require(length is None or sum(sizes) == length, "the parts do not add up to the whole")
        return sizes
    part = int(split)
    if length is None:
        decline("the length of what is split is not known")
    require(part > 0, "the size of a part is not positive")
    rest = [length % part] if length % part else []
    return [part] * (length // part) + rest


def _edited(elements: list[Element], node: Node) -> list[Element]:
    """A sequence after an element has been put in or taken out; the end where none is named."""
    inserts = node.op_type == "SequenceInsert"
    given = optional_input(node, 2 if inserts else 1)
    count = len(elements)
    last = count if inserts else count - 1
    at = last if given is None else _position(node.const(2 if inserts else 1), count, last)
    require(0 <= at <= last, "a position is outside of the sequence")
    if inserts:
        return [*elements[:at], Element(node.inputs[1]), *elements[at:]]
    return [*elements[:at], *elements[at + 1 :]]


def _position(content: Array | None, count: int, last: int) -> int:
    """A position in a sequence of `count` elements; negative ones count from its end."""
    if content is None or content.size != 1:
        decline("a position is not a constant")
    at = int(content.item())
    require(-count <= at <= last, "a position is outside of the sequence")
    return at + count if at < 0 else at


@rule("SequenceAt", exactness="exact")
def sequence_at_to_element(op: Ops, node: Node) -> str:
    """The element at a position that is known, cut out of what the sequence was made of.

    Source: ONNX SequenceAt-11, SequenceConstruct-11, SequenceInsert-11, SequenceErase-11,
    SplitToSequence-11 and -24.
    """
    elements = elements_of(node.graph, node.inputs[0])
    at = _position(node.const(1), len(elements), len(elements) - 1)
    return elements[at].write(op)


@rule("SequenceAt", exactness="exact")
def sequence_at_to_gather(op: Ops, node: Node) -> str:
    """Gather along a new axis of all elements, which have one shape, the position being computed.

    Source: ONNX SequenceAt-11, Gather-1: negative indices count from the end in both.
    """
    require(node.const(1) is None, "the position is a constant")
    elements = elements_of(node.graph, node.inputs[0])
    require(bool(elements), "the sequence is empty")
    parts = [e.write(op) for e in elements]
    shapes = {static_shape(op.value(p), "an element") for p in parts}
    require(len(shapes) == 1, "the elements have different shapes")
    return op.Gather(_joined(op, parts, 0, new_axis=True), op.reshape(node.inputs[1], []), axis=0)


@rule("SequenceLength", exactness="exact")
def sequence_length_to_constant(op: Ops, node: Node) -> str:
    """The number of elements, known from what the sequence was made of.

    Source: ONNX SequenceLength-11.
    """
    return op.const(len(elements_of(node.graph, node.inputs[0])), "int64")


@rule("ConcatFromSequence", exactness="exact")
def concat_from_sequence_to_concat(op: Ops, node: Node) -> str:
    """Concat of the elements, along an axis that each has or, with new_axis, gets first.

    All parts of one tensor, in order, are that tensor.

    Source: ONNX ConcatFromSequence-11.
    """
    elements = elements_of(node.graph, node.inputs[0])
    require(bool(elements), "the sequence is empty")
    first = elements[0]
    new_axis = bool(integer(node, "new_axis", 0))
    rank = known_rank(op.value(first.value), "an element") - int(first.drops_axis)
    axis = axis_in(integer(node, "axis"), rank + int(new_axis))
    if axis == first.axis and new_axis == first.drops_axis and _is_whole(elements):
        return first.value
    return _joined(op, [e.write(op) for e in elements], axis, new_axis=new_axis)


def _is_whole(elements: Sequence[Element]) -> bool:
    """Whether the elements are all parts of one tensor in its order."""
    first, last = elements[0], elements[-1]
    if first.start != 0 or last.stop != first.size:
        return False
    return all(b == replace(a, start=a.stop, stop=b.stop) for a, b in pairwise(elements))


def _joined(op: Ops, parts: Sequence[str], axis: int, *, new_axis: bool) -> str:
    given = [op.unsqueeze(p, [axis]) for p in parts] if new_axis else list(parts)
    return op.Concat(*given, axis=axis) if len(given) > 1 else given[0]


@rule("SequenceMap", exactness="exact")
def sequence_map_unrolled(op: Ops, node: Node) -> Sequence[str]:
    """One copy of the body for each element, its results as sequences.

    Source: ONNX SequenceMap-17.
    """
    body = node.subgraphs.get("body")
    if body is None:
        decline("it has no body")
    inputs = [
        elements_of(node.graph, name)
        if value is not None and value.kind == "sequence"
        else Element(name)
        for name, value in zip(node.inputs, node.input_values(), strict=True)
    ]
    first = inputs[0]
    require(isinstance(first, list), "its first input is no sequence")
    count = len(first) if isinstance(first, list) else 0
    copier = BodyCopier(op, body)
    require(count * max(copier.size, 1) <= MOST_NODES, f"it would have over {MOST_NODES} nodes")
    shortest = min(len(i) for i in inputs if isinstance(i, list))
    require(shortest == count, "a sequence is shorter than the first one")
    results: list[list[str]] = [[] for _ in body.outputs]
    for index in range(count):
        given = [i[index] if isinstance(i, list) else i for i in inputs]
        for result, made in zip(results, copier.copy([g.write(op) for g in given]), strict=True):
            result.append(made)
    require(not body.is_frozen and not op.trial.conflicts, "its body does not fit the shapes")
    require(count > 0, "it maps an empty sequence")
    return [op.SequenceConstruct(*r) for r in results]


@rule("OptionalHasElement", exactness="exact")
def optional_has_element_to_constant(op: Ops, node: Node) -> str:
    """Whether there is an element, known where the optional is made in the model or is none.

    Source: ONNX OptionalHasElement-15 and -18.
    """
    return op.const(_optional(node.graph, optional_input(node, 0)) is not None, "bool")


@rule("OptionalGetElement", exactness="exact")
def optional_get_element_to_element(op: Ops, node: Node) -> str:
    """The tensor or sequence that was made an optional.

    Source: ONNX OptionalGetElement-15 and -18.
    """
    found = _optional(node.graph, node.inputs[0])
    if found is None:
        decline("the optional is empty")
    return found


def _optional(graph: Graph, name: str | None) -> str | None:
    """What an optional holds, None if it is empty; a tensor or sequence holds itself."""
    while name is not None:
        source = graph.producer(name)
        kind = graph.value(name).kind
        if source is not None and source.op_type == "Optional" and source.domain == "ai.onnx":
            return optional_input(source, 0)
        if source is not None and source.op_type == "Identity" and source.domain == "ai.onnx":
            name = source.inputs[0]
            continue
        known = kind == "sequence" or (kind == "tensor" and graph.value(name).dtype is not None)
        require(known, "whether the optional is empty is not known")
        return name
    return None
