"""onnxruntime's mixture of experts, with every expert at work on every row."""

import numpy as np

from porting.legalize.ops import Ops
from porting.legalize.rule import known_rank, require, rule
from porting.model.graph import Node
from porting.rules.common import float_input, integer, optional_input, restore_shape, text
from porting.rules.gelu import gelu_by_tanh
from porting.rules.heads import length_of, needed

MOST_EXPERTS = 64
"""Experts up to which all of them are computed: the work grows by experts / k."""


@rule("com.microsoft::MoE", exactness="conditional")
def ms_experts_to_matmul(op: Ops, node: Node) -> str:
    """The sum over experts of w (W2 act(W1 x + b1) + b2), w the router's softmax at its k largest.

    The same, unless experts of equal score compete for the last place, of which runtimes take
    different ones. The weights of the others are 0, so that their results, if finite, drop out.

    Source: onnxruntime's contrib operators, com.microsoft.MoE, without a third matrix and SwiGLU.
    """
    float_input(node)
    for index in (6, 7):
        require(optional_input(node, index) is None, "it has a third matrix")
    require(not integer(node, "use_sparse_mixer", 0), "use_sparse_mixer is set")
    count = needed(length_of(op, node.inputs[2], 0), "the number of experts")
    require(0 < count <= MOST_EXPERTS, f"it has more than {MOST_EXPERTS} experts")
    width = needed(length_of(op, node.inputs[0], -1), "the width of a row")
    require(op.value(node.inputs[0]).size != 0, "the input is empty")
    x = node.inputs[0]
    rows = x if known_rank(node.input(0), "the input") == 2 else op.reshape(x, [-1, width])
    hidden = _activated(op, text(node, "activation_type", "relu"), _expert(op, node, rows, 2))
    results = _expert(op, node, hidden, 4)
    weights = op.unsqueeze(op.transpose(_weights(op, node, count), [1, 0]), [2])
    total = op.reduce("ReduceSum", op.Mul(results, weights), [0], keepdims=False)
    return total if rows == x else restore_shape(op, total, x)


def _expert(op: Ops, node: Node, x: str, index: int) -> str:
    """Rows times the matrix of each expert, plus its bias."""
    product = op.MatMul(x, op.transpose(node.inputs[index], [0, 2, 1]))
    bias = optional_input(node, index + 1)
    return product if bias is None else op.Add(product, op.unsqueeze(bias, [1]))


def _activated(op: Ops, kind: str, x: str) -> str:
    require(kind in {"relu", "silu", "gelu", "identity"}, f"the activation {kind} is not covered")
    if kind == "gelu":
        return gelu_by_tanh(op, x)
    if kind == "silu":
        return op.Mul(x, op.Sigmoid(x))
    return op.Relu(x) if kind == "relu" else x


def _weights(op: Ops, node: Node, count: int) -> str:
    """What each row takes of each expert: (rows, experts)."""
    k = integer(node, "k", 1)
    require(0 < k <= count, "k is not among the number of experts")
    scores = op.Softmax(node.inputs[1], axis=1)
    _, chosen = op.node("TopK", [scores, op.shape([k])], outputs=2, axis=1)
    places = op.const(np.arange(count), "int64")
    dtype = str(op.value(scores).dtype)
    marks = op.cast(op.Equal(op.unsqueeze(chosen, [2]), places), dtype)
    weights = op.Mul(scores, op.reduce("ReduceSum", marks, [1], keepdims=False))
    if integer(node, "normalize_routing_weights", 0):
        weights = op.Div(weights, op.reduce("ReduceSum", weights, [1]))
    return weights
