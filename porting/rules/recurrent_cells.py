"""What LSTM, GRU and RNN share: the weights of a direction, their activations, and one step each.

A step works on `[1, batch, hidden]`, so that nothing has to be squeezed between matrix products.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from porting.legalize.ops import Ops
from porting.legalize.rule import decline, known_dtype, require
from porting.model.graph import Node
from porting.model.value import Array
from porting.rules.common import finite, integer, number, numbers, optional_input, text

GATES = {"LSTM": 4, "GRU": 3, "RNN": 1}
RECURRENT = tuple(GATES)
DEFAULTS = {"LSTM": ["Sigmoid", "Tanh", "Tanh"], "GRU": ["Sigmoid", "Tanh"], "RNN": ["Tanh"]}
FOLDED = 1 << 20
"""Elements of a weight up to which it is written anew, sliced and transposed, not computed so."""

_ALPHA = {"LeakyRelu": 0.01, "HardSigmoid": 0.2, "Elu": 1.0}
"""Functions with a parameter alpha whose default ONNX gives and runtimes agree on."""
_ONE = frozenset({*_ALPHA, "ThresholdedRelu"})
_TWO = frozenset({"Affine", "HardSigmoid", "ScaledTanh"})
_PLAIN = frozenset({"Relu", "Sigmoid", "Softplus", "Softsign", "Tanh"})
_KNOWN = _ONE | _TWO | _PLAIN


@dataclass(frozen=True, slots=True)
class Activation:
    """An activation function with its parameters, None for those that it does not have."""

    name: str
    alpha: float | None = None
    beta: float | None = None

    def write(self, op: Ops, x: str) -> str:
        """The function of `x`."""
        if self.name == "Affine":
            scaled = op.Mul(x, op.const(self.alpha or 0.0, like=x))
            return op.Add(scaled, op.const(self.beta or 0.0, like=x))
        if self.name == "ScaledTanh":
            inner = op.Tanh(op.Mul(x, op.const(self.beta or 0.0, like=x)))
            return op.Mul(inner, op.const(self.alpha or 0.0, like=x))
        return op.node(self.name, [x], alpha=self.alpha, beta=self.beta)[0]


def directions_of(node: Node) -> list[str]:
    """The directions in which a node runs, in the order of its weights."""
    direction = text(node, "direction", "forward")
    return ["forward", "reverse"] if direction == "bidirectional" else [direction]


def activations_of(node: Node) -> list[list[Activation]]:
    """The activation functions of each direction.

    Parameters belong to those functions that take some, in their order, as in onnxruntime; a list
    of another length leaves open what its numbers are for.
    """
    per, count = DEFAULTS[node.op_type], len(directions_of(node))
    given = node.attributes.get("activations")  # the default in RNN's schema is for two directions
    kinds = [str(n) for n in given] if isinstance(given, tuple) and given else per * count
    require(len(kinds) == len(per) * count, "activations has another length")
    unknown = sorted(set(kinds) - _KNOWN)
    require(not unknown, f"the activation {', '.join(unknown)} is not known")
    alphas = _parameters(node, "alpha", [k for k in kinds if k in _ONE | _TWO])
    betas = _parameters(node, "beta", [k for k in kinds if k in _TWO])
    found = [
        Activation(
            kind,
            next(alphas) if kind in _ONE | _TWO else None,
            next(betas) if kind in _TWO else None,
        )
        for kind in kinds
    ]
    return [found[i : i + len(per)] for i in range(0, len(found), len(per))]


def _parameters(node: Node, name: str, kinds: Sequence[str]) -> Iterator[float]:
    given = numbers(node, f"activation_{name}")
    if given:
        require(len(given) == len(kinds), f"activation_{name} has another length than is used")
        return iter(given)
    missing = [k for k in kinds if k not in _ALPHA]
    require(not missing, f"there is no agreed default for the {name} of {', '.join(missing)}")
    return iter([_ALPHA[k] if name == "alpha" else 0.5 for k in kinds])


@dataclass
class Direction:
    """One direction of a recurrent node, as its unrolling reads it.

    Attributes:
        op: Builds the replacement.
        node: What is unrolled.
        index: Position of the direction in the weights.
        activations: Its activation functions.
        hidden: The hidden size.
        clip: Bound of what enters an activation function; None without one.
    """

    op: Ops
    node: Node
    index: int
    activations: list[Activation]
    hidden: int = field(init=False)
    clip: float | None = field(init=False)
    _made: dict[tuple[int, str], str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.hidden = integer(self.node, "hidden_size")
        self.clip = number(self.node, "clip") if "clip" in self.node.attributes else None

    def weight(self, position: int, rows: slice = slice(None)) -> str:
        """Some rows of W or R, transposed so that values multiply them from the left."""
        key, op = (position, str(rows)), self.op
        if key not in self._made:
            array = self.node.const(position, FOLDED)
            if array is not None:
                self._made[key] = op.const(np.ascontiguousarray(array[self.index, rows].T))
            else:
                part = self._part(position, rows)
                self._made[key] = op.transpose(op.squeeze(part, [0]), [1, 0])
        return self._made[key]

    def vector(self, position: int, rows: slice) -> str | None:
        """Some elements of B or P as `[1, 1, n]`; None where the node has no such input."""
        if optional_input(self.node, position) is None:
            return None
        key, op = (position, str(rows)), self.op
        if key not in self._made:
            array = self.node.const(position, FOLDED)
            if array is not None:
                self._made[key] = op.const(array[self.index, rows].reshape(1, 1, -1))
            else:
                self._made[key] = op.unsqueeze(self._part(position, rows), [0])
        return self._made[key]

    def _part(self, position: int, rows: slice) -> str:
        name, count = self.node.inputs[position], len(directions_of(self.node))
        if rows.start is not None:
            starts, ends = [self.index, rows.start], [self.index + 1, rows.stop]
            return self.op.slice(name, starts, ends, [0, 1])
        return self.op.slice(name, [self.index], [self.index + 1], [0]) if count > 1 else name

    def bias(self, recurrent_gates: int) -> str:
        """The bias of the input's weights and that of the recurrent ones for the first gates."""
        op, size = self.op, self.hidden
        count, more = GATES[self.node.op_type] * size, recurrent_gates * size
        array = self.node.const(3, FOLDED)
        if array is not None:
            total = array[self.index, :count].copy()
            total[:more] += array[self.index, count : count + more]
            return op.const(total.reshape(1, 1, -1))
        recurrent = self._part(3, slice(count, count + more))
        if more < count:
            recurrent = op.pad(recurrent, [0, 0, 0, count - more])
        return op.unsqueeze(op.Add(self._part(3, slice(0, count)), recurrent), [0])

    def reset_bias(self) -> str | None:
        """The bias that a GRU resets together with the recurrent product of its last gate."""
        return self.vector(3, slice(5 * self.hidden, 6 * self.hidden))

    def state(self, position: int) -> str:
        """The initial state as `[1, batch, hidden]`; zeros as `[1, 1, hidden]`, which broadcast."""
        name = optional_input(self.node, position)
        if name is None:
            dtype = known_dtype(self.node.input(0), "the input")
            return self.op.const([[[0.0] * self.hidden]], dtype)
        if len(directions_of(self.node)) == 1:
            return name
        return self.op.slice(name, [self.index], [self.index + 1], [0])

    def recurrent(self, h: str | None, rows: slice = slice(None)) -> str | None:
        """The product h R^T; None where h is zero and R finite, so that the product is zero."""
        if h is None:
            array = self.node.const(2, FOLDED)
            if array is not None and finite(array):
                return None
            h = self.state(5)
        return self.op.MatMul(h, self.weight(2, rows))

    def activate(self, index: int, x: str) -> str:
        """An activation function of a gate, which the attribute clip bounds before."""
        bounded = x if self.clip is None else self.op.clip(x, -self.clip, self.clip)
        return self.activations[index].write(self.op, bounded)

    def total(self, *terms: str | None) -> str:
        """The sum of those terms that there are."""
        result, *rest = (t for t in terms if t is not None)
        for each in rest:
            result = self.op.Add(result, each)
        return result

    def gates(self, x: str, count: int) -> list[str]:
        """The parts of a value that belong to each gate."""
        return self.op.split(x, [self.hidden] * count, 2) if count > 1 else [x]


@dataclass
class State:
    """Hidden and cell state; the hidden one is None while it is zero."""

    h: str | None
    c: str | None = None


def lstm_step(to: Direction, x: str, state: State) -> State:
    """One step; gates in ONNX's order: input, output, forget, cell."""
    op = to.op
    i, o, f, g = to.gates(to.total(x, to.recurrent(state.h)), 4)
    assert state.c is not None
    peepholes = [to.vector(7, slice(k * to.hidden, (k + 1) * to.hidden)) for k in range(3)]
    i = to.activate(0, _peeped(op, i, peepholes[0], state.c))
    if integer(to.node, "input_forget", 0):
        f = op.Sub(op.const(1.0, like=x), i)
    else:
        f = to.activate(0, _peeped(op, f, peepholes[2], state.c))
    c = op.Add(op.Mul(f, state.c), op.Mul(i, to.activate(1, g)))
    o = to.activate(0, _peeped(op, o, peepholes[1], c))
    return State(op.Mul(o, to.activations[2].write(op, c)), c)


def _peeped(op: Ops, gate: str, peephole: str | None, c: str) -> str:
    return gate if peephole is None else op.Add(gate, op.Mul(peephole, c))


def gru_step(to: Direction, x: str, state: State) -> State:
    """One step; gates in ONNX's order: update, reset, hidden."""
    op, size = to.op, to.hidden
    h = state.h or to.state(5)
    if integer(to.node, "linear_before_reset", 0):
        xs = to.gates(x, 3)
        product = to.recurrent(state.h)
        hs = to.gates(product, 3) if product is not None else [None] * 3
        z, r = (to.activate(0, to.total(xs[k], hs[k])) for k in range(2))
        inner = [t for t in (hs[2], to.reset_bias()) if t is not None]
        reset = [op.Mul(r, to.total(*inner))] if inner else []
        n = to.activate(1, to.total(xs[2], *reset))
    else:
        both, last = op.split(x, [2 * size, size], 2)
        z, r = to.gates(
            to.activate(0, to.total(both, to.recurrent(state.h, slice(0, 2 * size)))), 2
        )
        kept = None if state.h is None else op.Mul(r, state.h)
        n = to.activate(1, to.total(last, to.recurrent(kept, slice(2 * size, 3 * size))))
    return State(op.Add(op.Mul(op.Sub(op.const(1.0, like=x), z), n), op.Mul(z, h)))


def rnn_step(to: Direction, x: str, state: State) -> State:
    """One step of the simple network."""
    return State(to.activate(0, to.total(x, to.recurrent(state.h))))


STEPS = {"LSTM": lstm_step, "GRU": gru_step, "RNN": rnn_step}


def lengths_of(node: Node, length: int) -> Array | None:
    """Constant lengths of the sequences; None where they are computed."""
    array = node.const(4)
    if array is not None and not ((array >= 0) & (array <= length)).all():
        decline("a sequence is longer than the input")
    return array
