"""Operators with a state that they carry on: LinearAttention and CausalConvWithState."""

from dataclasses import dataclass

from porting.legalize.ops import Ops
from porting.legalize.rule import known_rank, require, rule
from porting.model.graph import Node
from porting.rules.common import float_input, integer, number, optional_input, text
from porting.rules.heads import length_of, needed

LONGEST = 16
"""Steps up to which the recurrence is written out; each is some ten nodes."""


@rule("CausalConvWithState", "com.microsoft::CausalConvWithState", exactness="reordered")
def causal_convolution_to_conv(op: Ops, node: Node) -> list[str]:
    """A depthwise Conv over the past state and the input in a row; its end is the new state.

    Without a past state there are zeros before the input. silu multiplies the result by its
    sigmoid.

    Source: ONNX CausalConvWithState-27, onnxruntime's contrib operator of that name.
    """
    float_input(node)
    require(integer(node, "ndim", 1) == 1, "it has more than one axis")
    for name, usual in (("channels_last", 0), ("dilation", 1), ("state_window", 0)):
        require(integer(node, name, usual) == usual, f"{name} is set")
    activation = text(node, "activation", "none")
    require(activation in {"none", "silu", "swish"}, f"the activation {activation} is not known")
    require(known_rank(node.input(0), "the input") == 3, "the input has not three dimensions")
    x, weight = node.inputs[:2]
    channels = needed(length_of(op, weight, 0), "the number of channels")
    width = needed(length_of(op, weight, 2), "the width of the kernel")
    require(width > 1, "a kernel of one element leaves an empty state")
    require(op.value(x).size != 0, "the input is empty")
    past = optional_input(node, 3)
    whole = op.pad(x, [0, 0, width - 1, 0, 0, 0]) if past is None else op.Concat(past, x, axis=2)
    attributes = {"kernel_shape": [width], "group": channels}
    result = op.Conv(whole, weight, optional_input(node, 2), **attributes)
    if activation != "none":
        result = op.Mul(result, op.Sigmoid(result))
    return [result, op.slice(whole, [1 - width], [2**31 - 1], [2])]


@dataclass(frozen=True, slots=True)
class _Steps:
    """The inputs of each step, in which a group is a head of the keys.

    Attributes:
        queries: (batch, groups, heads of a group, key size).
        keys: (batch, groups, key size, 1).
        values: (batch, groups, 1, value size).
        decays: Factors of the state, which broadcast to it; none where it does not decay.
        rates: (batch, groups or 1, 1, 1); none where the update is not by difference.
    """

    queries: list[str]
    keys: list[str]
    values: list[str]
    decays: list[str]
    rates: list[str]


@rule("LinearAttention", "com.microsoft::LinearAttention", exactness="reordered")
def linear_attention_step_by_step(op: Ops, node: Node) -> list[str]:
    """S = e S' + k (beta (v - k^T e S'))^T and o = scale q^T S, for each of at most 16 steps.

    e is exp(decay) or 1. Where the rule has no difference, what is added is k v^T.

    Source: ONNX LinearAttention-27, onnxruntime's contrib operator of that name.
    """
    dtype = float_input(node)
    require(dtype == "float32", "only float32 is computed without more digits inside")
    require(not integer(node, "state_window", 0), "state_window is set")
    length = needed(length_of(op, node.inputs[0], 1), "the length of the sequence")
    require(0 < length <= LONGEST, f"the sequence is empty or longer than {LONGEST}")
    groups = integer(node, "kv_num_heads", 0)
    require(groups > 0, "the number of heads is not given")
    steps = _steps(op, node, length, groups)
    sizes = [length_of(op, steps.keys[0], 2), length_of(op, steps.values[0], 3)]
    depth, width = (needed(s, "the size of a head") for s in sizes)
    factor = number(node, "scale", 0.0) or depth**-0.5
    state, outputs = optional_input(node, 3), []
    for index in range(length):
        state = _next(op, steps, index, state)
        read = op.MatMul(steps.queries[index], state)
        heads = groups * needed(length_of(op, steps.queries[index], 2), "the heads of a group")
        outputs.append(op.reshape(read, [-1, 1, heads * width]))
    whole = outputs[0] if length == 1 else op.Concat(*outputs, axis=1)
    assert state is not None
    return [op.Mul(whole, op.const(factor, dtype)), state]


def _next(op: Ops, steps: _Steps, index: int, state: str | None) -> str:
    """The state after one more step; None stands for zeros."""
    key, value = steps.keys[index], steps.values[index]
    if state is not None and steps.decays:
        state = op.Mul(state, steps.decays[index])
    if steps.rates:
        if state is not None:
            value = op.Sub(value, op.MatMul(op.transpose(key, [0, 1, 3, 2]), state))
        value = op.Mul(value, steps.rates[index])
    added = op.Mul(key, value)
    return added if state is None else op.Add(state, added)


def _steps(op: Ops, node: Node, length: int, groups: int) -> _Steps:
    kind = text(node, "update_rule", "gated_delta")
    require(kind in {"linear", "gated", "delta", "gated_delta"}, f"update_rule {kind} is not known")
    heads = integer(node, "q_num_heads", 0)
    require(heads > 0 and heads % groups == 0, "the query heads are no multiple of the key heads")
    query, key, value = node.inputs[:3]
    decay, rate = optional_input(node, 4), optional_input(node, 5)
    require("gated" not in kind or decay is not None, "there is no decay")
    require("delta" not in kind or rate is not None, "there is no beta")
    return _Steps(
        _by_step(op, query, length, [groups, heads // groups, -1]),
        _by_step(op, key, length, [groups, -1, 1]),
        _by_step(op, value, length, [groups, 1, -1]),
        _by_step(op, op.Exp(decay or ""), length, [groups, -1, 1]) if "gated" in kind else [],
        _by_step(op, rate or "", length, [-1, 1, 1]) if "delta" in kind else [],
    )


def _by_step(op: Ops, x: str, length: int, shape: list[int]) -> list[str]:
    """(batch, length, ...) as one (batch, *shape) per step."""
    width = needed(length_of(op, x, 2), "the last dimension of an input")
    known = 1
    for size in shape:
        known *= max(size, 1)
    full = [width // known if size == -1 else size for size in shape]
    parts = [x] if length == 1 else op.split(x, [1] * length, 1)
    return [op.reshape(part, [-1, *full]) for part in parts]
