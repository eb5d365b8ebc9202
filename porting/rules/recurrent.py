"""LSTM, GRU and RNN: one layout, single directions, forward only, and step by step."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from porting.legalize.ops import Ops
from porting.legalize.rule import decline, require, rule
from porting.model.graph import Node
from porting.rules.common import integer, number, optional_input, shape_of, text
from porting.rules.recurrent_cells import (
    FOLDED,
    GATES,
    RECURRENT,
    STEPS,
    Activation,
    Direction,
    State,
    activations_of,
    directions_of,
    lengths_of,
)

MOST_STEPS = 256
"""Steps of all directions together up to which a node is unrolled."""

VERSIONS = (7, 14, 22)


@rule(*RECURRENT, exactness="exact", versions=(14, 22))
def batch_first_to_time_first(op: Ops, node: Node) -> Sequence[str]:
    """Layout 1 as layout 0, its input, states and outputs transposed.

    Source: ONNX LSTM-14, GRU-14, RNN-14: the shapes of both layouts.
    """
    require(integer(node, "layout", 0) == 1, "layout is 0")
    inputs: list[str | None] = [i or None for i in node.inputs]
    for index in (0, 5, 6):
        if index < len(inputs) and inputs[index] is not None:
            inputs[index] = op.transpose(node.inputs[index], [1, 0, 2])
    y, *states = op.copy(node, inputs, layout=None)
    return [op.transpose(y, [2, 0, 1, 3]), *(op.transpose(s, [1, 0, 2]) for s in states)]


@rule(*RECURRENT, exactness="exact", versions=VERSIONS)
def bidirectional_to_single_directions(op: Ops, node: Node) -> Sequence[str]:
    """Two nodes, one for each direction, and their outputs side by side.

    Source: ONNX LSTM-7, GRU-7, RNN-7: weights and states have an axis of directions.
    """
    require(text(node, "direction", "forward") == "bidirectional", "it has one direction")
    require(integer(node, "layout", 0) == 0, "layout is 1")
    functions = activations_of(node)
    parts = [_of_directions(op, node, i) for i in range(len(node.inputs))]
    results = []
    for index, direction in enumerate(("forward", "reverse")):
        written = _written(functions[index]) if "activations" in node.attributes else {}
        results.append(op.copy(node, [p[index] for p in parts], direction=direction, **written))
    pairs = zip(*results, strict=True)
    return [op.Concat(*p, axis=0 if i else 1) for i, p in enumerate(pairs)]


def _of_directions(op: Ops, node: Node, index: int) -> list[str | None]:
    """An input for each direction: its own part, or the same for both."""
    name = optional_input(node, index)
    if name is None or index in {0, 4}:
        return [name, name]
    array = node.const(index, FOLDED)
    if array is not None:
        return [op.const(array[i : i + 1]) for i in range(2)]
    return [*op.split(name, [1, 1], 0)]


def _written(functions: Sequence[Activation]) -> dict[str, Any]:
    """Activation functions as attributes, with all of their parameters."""
    alphas = [f.alpha for f in functions if f.alpha is not None]
    betas = [f.beta for f in functions if f.beta is not None]
    return {
        "activations": [f.name for f in functions],
        "activation_alpha": alphas or None,
        "activation_beta": betas or None,
    }


@rule(*RECURRENT, exactness="exact", versions=VERSIONS, since=10)
def reverse_to_forward(op: Ops, node: Node) -> Sequence[str]:
    """The node run forward on the steps in reverse order, and what it gives in reverse again.

    Only where sequence_lens is left out.

    Source: ONNX LSTM-7, GRU-7, RNN-7; Slice-10.
    """
    require(text(node, "direction", "forward") == "reverse", "its direction is another one")
    require(integer(node, "layout", 0) == 0, "layout is 1")
    inputs: list[str | None] = [i or None for i in node.inputs]
    require(optional_input(node, 4) is None, "the sequences may end before the input")
    inputs[0] = _flipped(op, node.inputs[0])
    y, *states = op.copy(node, inputs, direction=None)
    return [_flipped(op, y), *states]


def _flipped(op: Ops, x: str) -> str:
    first = op.shape([np.iinfo(np.int64).min])
    return op.Slice(x, op.shape([-1]), first, op.shape([0]), op.shape([-1]))


@rule(*RECURRENT, exactness="exact", versions=VERSIONS)
def full_lengths_to_none(op: Ops, node: Node) -> Sequence[str]:
    """The node without sequence_lens, where these say that every sequence is as long as the input.

    Source: ONNX LSTM-7, GRU-7, RNN-7: the default of sequence_lens.
    """
    lengths, length = node.const(4), shape_of(node.input(0))[integer(node, "layout", 0)]
    full = lengths is not None and bool((lengths == length).all())
    require(full, "the sequences may end before the input, or have no lengths")
    return op.copy(node, [None if k == 4 else i or None for k, i in enumerate(node.inputs)])


@rule(*RECURRENT, exactness="exact", versions=VERSIONS)
def all_outputs_named(op: Ops, node: Node) -> Sequence[str]:
    """The node with every output that it can have, read or not.

    Source: ONNX LSTM-7, GRU-7, RNN-7: all outputs are optional.
    """
    count = 3 if node.op_type == "LSTM" else 2
    named = len([o for o in node.outputs if o])
    require(named < count, "all outputs have names")
    attributes: dict[str, Any] = dict(node.attributes)
    return op.node(node.op_type, [i or None for i in node.inputs], outputs=count, **attributes)


@rule(*RECURRENT, exactness="reordered", versions=VERSIONS)
def unrolled_steps(op: Ops, node: Node) -> Sequence[str]:
    """Each step written out; the products of all inputs with W are one product before the first.

    Sequences that end before the input keep their last state, and give zeros from there on; as in
    onnxruntime a sequence of length 0 has a state of zeros. At most `MOST_STEPS` steps of all
    directions together, and so the length of the input has to be known.

    Source: the equations of ONNX LSTM-7, GRU-7 and RNN-7. What clip bounds is said loosely there:
    here as in onnxruntime it is the gates, not the cell state on its way to the output.
    """
    require(integer(node, "layout", 0) == 0, "layout is 1")
    require("clip" not in node.attributes or number(node, "clip") > 0, "clip is not positive")
    length, names = shape_of(node.input(0))[0], directions_of(node)
    if not isinstance(length, int):
        decline("the number of steps is not known; give it with --shape or --dim")
    require(0 < length * len(names) <= MOST_STEPS, f"it has 0 steps, or over {MOST_STEPS}")
    masks = _masks(op, node, length)
    parts = [
        _walk(
            Direction(op, node, i, functions),
            range(length)[:: -1 if name == "reverse" else 1],
            masks,
        )
        for i, (name, functions) in enumerate(zip(names, activations_of(node), strict=True))
    ]
    y = _together(op, [y for y, _ in parts], 1)
    states = [(s.h or "", s.c or "") for _, s in parts]
    return [y, *(_together(op, list(s), 0) for s in zip(*states, strict=True) if s[0])]


def _together(op: Ops, parts: list[str], axis: int) -> str:
    return op.Concat(*parts, axis=axis) if len(parts) > 1 else parts[0]


def _masks(op: Ops, node: Node, length: int) -> list[str | None]:
    """For each step which sequences have it, as `[1, batch, 1]`; None where all have."""
    name = optional_input(node, 4)
    if name is None:
        return [None] * length
    known = lengths_of(node, length)
    if known is not None:
        rows = [(known > step).reshape(1, -1, 1) for step in range(length)]
        return [None if r.all() else op.const(r) for r in rows]
    ends = op.unsqueeze(name, [0, 2])
    return [op.Less(op.const([[[step]]], like=name), ends) for step in range(length)]


def _walk(to: Direction, steps: range, masks: list[str | None]) -> tuple[str, State]:
    """Y of one direction as `[length, 1, batch, hidden]`, and the state at the end."""
    op, node = to.op, to.node
    state, ys = _initial(to, masks[0]), [""] * len(steps)
    slices = _products(to, len(steps))
    zero = op.const(0.0, like=node.inputs[0])
    for step in steps:
        new, mask = STEPS[node.op_type](to, slices[step], state), masks[step]
        ys[step] = str(new.h)
        if mask is not None:
            ys[step] = op.Where(mask, str(new.h), zero)
            old = state.h or to.state(5)
            cell = None if new.c is None else op.Where(mask, new.c, str(state.c))
            new = State(op.Where(mask, str(new.h), old), cell)
        state = new
    return op.unsqueeze(_together(op, ys, 0), [1]), state


def _initial(to: Direction, mask: str | None) -> State:
    """The state before the first step, zero for sequences that have no step at all."""
    op, node = to.op, to.node
    h = to.state(5) if optional_input(node, 5) is not None else None
    c = to.state(6) if node.op_type == "LSTM" else None
    if mask is not None:
        zero = op.const(0.0, like=node.inputs[0])
        h = None if h is None else op.Where(mask, h, zero)
        c = op.Where(mask, c, zero) if c is not None and optional_input(node, 6) else c
    return State(h, c)


def _products(to: Direction, length: int) -> list[str]:
    """The sum x W^T + b for each step, `[1, batch, gates * hidden]`.

    The bias of the recurrent weights is added here too, but for that of a GRU's last gate where
    it is reset with the product.
    """
    op, node = to.op, to.node
    apart = node.op_type == "GRU" and integer(node, "linear_before_reset", 0)
    product = op.MatMul(node.inputs[0], to.weight(1))
    if optional_input(node, 3) is not None:
        product = op.Add(product, to.bias(2 if apart else GATES[node.op_type]))
    return op.split(product, [1] * length, 0) if length > 1 else [product]
