"""Wrong rewrites made of a correct one: one small change each to the nodes that a rewrite made.

The changes are the slips that people make who write rewrites by hand: operands in the wrong order,
a pad or an index off by one, an attribute forgotten, a wrong axis, an epsilon behind the root.
`mutations` lists all that can be tried; whether the result is a valid model, and whether it
differs at all, is for the caller to find out.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from mutants_graph import Around, Edit, Mutation, with_attribute, with_constant, with_inputs
from onnx import GraphProto, ModelProto, NodeProto, helper

Found = Iterator[tuple[str, Edit]]

MARK = "/port"
"""In the name of each node that a rewrite made."""

ORDERED = frozenset(
    {"Sub", "Div", "Pow", "Mod", "MatMul", "Gemm", "PRelu", "BitShift", "Concat", "Where"}
    | {"Less", "Greater", "LessOrEqual", "GreaterOrEqual"}
)
_PAIRS = (
    ("Add", "Sub"), ("Mul", "Div"), ("Max", "Min"), ("And", "Or"), ("Less", "Greater"),
    ("LessOrEqual", "GreaterOrEqual"), ("ReduceMax", "ReduceMin"), ("ReduceSum", "ReduceMean"),
    ("Floor", "Ceil"), ("Sigmoid", "Tanh"), ("Sin", "Cos"), ("ArgMax", "ArgMin"),
    ("MaxPool", "AveragePool"), ("GlobalMaxPool", "GlobalAveragePool"), ("Exp", "Log"),
)  # fmt: skip
OTHER = dict(_PAIRS) | {b: a for a, b in _PAIRS}
_TEXTS = {
    "mode": ("constant", "edge", "reflect", "nearest", "linear", "cubic"),
    "coordinate_transformation_mode": ("half_pixel", "asymmetric", "align_corners"),
    "nearest_mode": ("floor", "ceil", "round_prefer_floor", "round_prefer_ceil"),
    "direction": ("forward", "reverse", "LEFT", "RIGHT"),
    "reduction": ("none", "add", "mul", "max", "min"),
    "approximate": ("none", "tanh"),
    "padding_mode": ("zeros", "border", "reflection"),
    "auto_pad": ("SAME_UPPER", "SAME_LOWER"),
}
_WINDOW = ("kernel_shape", "strides", "dilations", "output_padding")
_TINY = 1e-3
"""Positive constants below it are taken for epsilons."""


def mutations(model: ModelProto) -> Iterator[Mutation]:
    """All changes to the nodes that rewrites made."""
    around = Around(model)
    for index, node in enumerate(model.graph.node):
        if MARK in node.name:
            for kind, find in KINDS.items():
                with np.errstate(all="ignore"):
                    found = list(find(around, index, node))
                for detail, edit in found:
                    yield Mutation(kind, node.name, f"{node.op_type}: {detail}", edit)


def _constants(around: Around, node: NodeProto, kinds: str) -> Iterator[tuple[int, np.ndarray]]:
    for position, name in enumerate(node.input):
        array = around.constants.get(name)
        if array is not None and array.dtype.kind in kinds and array.size:
            yield position, array


def _swapped(around: Around, index: int, node: NodeProto) -> Found:
    names = list(node.input)
    if node.op_type not in ORDERED or len(names) < 2:
        return
    if node.op_type == "Where":
        yield "branches swapped", with_inputs(index, [names[0], names[2], names[1]])
    elif names[0] != names[1]:
        yield "operands swapped", with_inputs(index, [names[1], names[0], *names[2:]])


def _other_operator(around: Around, index: int, node: NodeProto) -> Found:
    other = OTHER.get(node.op_type)
    if other is not None and not node.domain:

        def edit(graph: GraphProto) -> None:
            graph.node[index].op_type = other

        yield f"became {other}", edit


def _ints(node: NodeProto, name: str) -> list[int]:
    return next((list(a.ints) for a in node.attribute if a.name == name), [])


def _moved(pads: Sequence[int]) -> Iterator[tuple[str, list[int]]]:
    half = len(pads) // 2
    for axis in range(half):
        begin, end = axis, axis + half
        if not (pads[begin] or pads[end]):
            continue
        step = 1 if pads[begin] else -1
        moved = list(pads)
        moved[begin], moved[end] = moved[begin] - step, moved[end] + step
        yield f"one of axis {axis} at the other end", moved
        more = list(pads)
        more[begin] += 1
        yield f"one more before axis {axis}", more


def _pads(around: Around, index: int, node: NodeProto) -> Found:
    for detail, pads in _moved(_ints(node, "pads")):
        yield f"pads {detail}", with_attribute(index, "pads", pads)
    if node.op_type == "Pad" and len(node.input) > 1 and node.input[1] in around.constants:
        array = around.constants[node.input[1]]
        for detail, pads in _moved([int(v) for v in array]):
            yield f"pads {detail}", with_constant(index, 1, np.array(pads, array.dtype))


def _window(around: Around, index: int, node: NodeProto) -> Found:
    for name in _WINDOW:
        values = _ints(node, name)
        for axis in range(len(values)):
            for step in (1, -1):
                other = list(values)
                other[axis] += step
                if other[axis] > 0 or name == "output_padding":
                    yield f"{name} {other} for {values}", with_attribute(index, name, other)


def _dropped(around: Around, index: int, node: NodeProto) -> Found:
    for attribute in node.attribute:
        yield f"{attribute.name} dropped", with_attribute(index, attribute.name, None)
    if len(node.input) > 1 and node.op_type not in ("Concat", "Max", "Min", "Sum"):
        yield "last input dropped", with_inputs(index, list(node.input)[:-1])


def _changed(around: Around, index: int, node: NodeProto) -> Found:
    for a in node.attribute:
        if a.type == a.FLOAT and not 0 < a.f < _TINY:
            yield f"{a.name} {a.f:g} by a tenth", with_attribute(index, a.name, a.f * 1.1 or 0.1)
        elif a.type == a.INT and a.name not in ("axis", "to", "axes"):
            value = 1 - a.i if a.i in (0, 1) else a.i + 1
            yield f"{a.name} {value} for {a.i}", with_attribute(index, a.name, value)
        elif a.type == a.STRING:
            own = a.s.decode()
            for text in _TEXTS.get(a.name, ()):
                if text != own:
                    yield f"{a.name} {text} for {own}", with_attribute(index, a.name, text)


def _axis(around: Around, index: int, node: NodeProto) -> Found:
    rank = around.rank(node.input[0]) if node.input else None
    if not rank or rank < 2:
        return
    for a in node.attribute:
        if a.name == "axis" or (a.name == "axes" and len(a.ints) == 1):
            own = (a.i if a.name == "axis" else a.ints[0]) % rank
            for axis in {(own + 1) % rank, (own - 1) % rank}:
                value = axis if a.name == "axis" else [axis]
                yield f"{a.name} {axis} for {own}", with_attribute(index, a.name, value)
    position = {"Slice": 3, "CumSum": 1, "Pad": 3}.get(node.op_type, 1)
    takes = node.op_type.startswith("Reduce") or node.op_type in ("Slice", "CumSum", "Unsqueeze")
    if takes and len(node.input) > position and node.input[position] in around.constants:
        array = around.constants[node.input[position]]
        if array.size == 1:
            other = ((array + 1) % rank).astype(array.dtype)
            yield (
                f"axes {other.tolist()} for {array.tolist()}",
                with_constant(index, position, other),
            )


def _permutation(around: Around, index: int, node: NodeProto) -> Found:
    perm = _ints(node, "perm")
    for a in range(len(perm)):
        for b in range(a):
            other = list(perm)
            other[a], other[b] = other[b], other[a]
            yield f"perm {other} for {perm}", with_attribute(index, "perm", other)


def _epsilon(around: Around, index: int, node: NodeProto) -> Found:
    for a in node.attribute:
        if a.type == a.FLOAT and 0 < a.f < _TINY:
            for factor in (100.0, 0.0):
                yield f"{a.name} times {factor:g}", with_attribute(index, a.name, a.f * factor)
    for position, array in _constants(around, node, "f"):
        if array.size == 1 and 0 < array.flat[0] < _TINY:
            for factor in (100.0, 0.0):
                other = (array * factor).astype(array.dtype)
                yield f"epsilon times {factor:g}", with_constant(index, position, other)
            yield from _outside(around, index, node)


def _outside(around: Around, index: int, node: NodeProto) -> Found:
    """sqrt(v + eps) becomes sqrt(v) + eps: the two nodes change places."""
    for after, root in enumerate(around.graph.node):
        if node.op_type == "Add" and root.op_type == "Sqrt" and root.input[0] == node.output[0]:

            def edit(graph: GraphProto, after: int = after) -> None:
                first, second = graph.node[index], graph.node[after]
                second.op_type = "Add"
                small = next(i for i in first.input if i in around.constants)
                value = next(i for i in first.input if i != small)
                first.op_type = "Sqrt"
                del first.input[:]
                first.input.append(value)
                del second.input[:]
                second.input.extend([first.output[0], small])

            yield "epsilon outside the root", edit


def _number(around: Around, index: int, node: NodeProto) -> Found:
    for position, array in _constants(around, node, "f"):
        if array.size == 1 and 0 < array.flat[0] < _TINY:
            continue
        at = int(np.argmax(np.abs(np.where(np.isfinite(array), array, 0))))
        one = array.copy()
        one.flat[at] = one.flat[at] * 1.05 or 0.05
        yield f"input {position}: element {at} by a twentieth", with_constant(index, position, one)
        sign = array.copy()
        sign.flat[at] *= -1
        yield f"input {position}: sign of element {at}", with_constant(index, position, sign)
        scaled = (array * 1.02).astype(array.dtype)
        yield f"input {position}: times 1.02", with_constant(index, position, scaled)


def _off_by_one(around: Around, index: int, node: NodeProto) -> Found:
    for position, array in _constants(around, node, "iu"):
        for step in (1, -1):
            other = array.copy()
            other.reshape(-1)[:1] += np.array([step]).astype(array.dtype)
            yield f"input {position}: first number {step:+d}", with_constant(index, position, other)


def _order(around: Around, index: int, node: NodeProto) -> Found:
    for position, array in _constants(around, node, "iufb"):
        if array.size > 1 and not (array == array.flat[0]).all():
            other = array.copy()
            at = int(np.argmax(array.reshape(-1) != array.flat[0]))
            other.flat[0], other.flat[at] = array.flat[at], array.flat[0]
            yield (
                f"input {position}: elements 0 and {at} swapped",
                with_constant(index, position, other),
            )


def _other_operand(around: Around, index: int, node: NodeProto) -> Found:
    for position, name in enumerate(node.input):
        for other in around.like(name, index)[-2:]:
            names = list(node.input)
            names[position] = other
            yield f"input {position} is {other} for {name}", with_inputs(index, names)


def _bypassed(around: Around, index: int, node: NodeProto) -> Found:
    if len(node.output) != 1 or node.op_type == "Identity":
        return
    own = around.types.get(node.output[0])
    for position, name in enumerate(node.input):
        if own is not None and around.types.get(name) == own:

            def edit(graph: GraphProto, name: str = name) -> None:
                kept = graph.node[index]
                made = helper.make_node("Identity", [name], list(kept.output), name=kept.name)
                kept.CopyFrom(made)

            yield f"input {position} comes out as it is", edit


def _outputs(around: Around, index: int, node: NodeProto) -> Found:
    if len(node.output) > 1 and node.output[0] and node.output[1]:

        def edit(graph: GraphProto) -> None:
            output = graph.node[index].output
            output[0], output[1] = output[1], output[0]

        yield "first two outputs swapped", edit


KINDS: dict[str, Callable[[Around, int, NodeProto], Found]] = {
    "operands swapped": _swapped,
    "other operator": _other_operator,
    "pad moved": _pads,
    "window changed": _window,
    "attribute or input dropped": _dropped,
    "attribute changed": _changed,
    "wrong axis": _axis,
    "wrong permutation": _permutation,
    "epsilon": _epsilon,
    "number changed": _number,
    "index off by one": _off_by_one,
    "constants in another order": _order,
    "wrong operand": _other_operand,
    "node left out": _bypassed,
    "outputs swapped": _outputs,
}
