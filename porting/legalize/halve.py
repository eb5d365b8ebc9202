"""Half precision by request: a float32 model in float16 or bfloat16, where that is safe.

Chips compute in half by default and so decide by themselves what overflows. Here it is decided in
the model: what is prone to overflow or to lose its digits stays in float32, between casts, with the
reason for each node. The rest, and the weights, become halves. Sums of squares (statistics of
norms, as operators or spelled out), exponentials, powers, running sums and softmax stay; so do
nodes with constants that a half does not hold.

Masks are an exception. A constant such as -3.4e38 that is only added to scores before a softmax, or
chosen in their place, means "not at all", and becomes the type's lowest finite number, for which
the softmax is 0 as well. Only a row that is masked everywhere comes out differently.
"""

from dataclasses import dataclass

import numpy as np

from porting.legalize.precision import Policy, Retyped, retype
from porting.model.dtypes import numpy_dtype
from porting.model.graph import Graph, Node
from porting.model.value import Array
from porting.rules.common import limit_of
from porting.rules.tracing import leads_to_softmax

LEAST = {"float16": 2.0**-14, "bfloat16": 2.0**-126}
"""The smallest normal number."""


@dataclass(frozen=True)
class Halved:
    """What was done.

    Attributes:
        nodes: What computes in half now, and what does not and why.
        masks: Constants that were clamped to the type's lowest finite number.
    """

    nodes: Retyped
    masks: tuple[str, ...]


def halve(graph: Graph, to: str, *, keep_io: bool = True) -> Halved:
    """Brings a normalised main graph to half precision, in place.

    Args:
        graph: Inferred.
        to: `float16` or `bfloat16`.
        keep_io: Whether the graph's inputs and outputs stay float32.
    """
    masks: dict[str, None] = {}

    def narrow(name: str, array: Array) -> Array:
        limit = limit_of(to)
        if (np.isfinite(array) & (np.abs(array) > limit)).any():
            masks[name] = None
            array = np.where(np.isfinite(array), np.clip(array, -limit, limit), array)
        result: Array = array.astype(numpy_dtype(to))
        return result

    policy = Policy(lambda node: _reason(node, to), narrow)
    found = retype(graph, "float32", to, policy, keep_io=keep_io)
    return Halved(found, tuple(masks))


def _reason(node: Node, to: str) -> str:
    """Why a node stays in float32; empty if it need not."""
    fixed = _KEPT.get(node.op_type, "")
    if fixed and not (to == "bfloat16" and fixed == _RANGE):
        return fixed
    if node.op_type == "Sigmoid" and node.graph.is_output(node.outputs[0]):
        return "what it returns may be too small for a half"
    return _statistics(node) or _constants(node, to)


_RANGE = "its results may be beyond float16"
_SUM = "it adds up many terms, or squares"
_SOFTMAX = "its exponentials add up to more digits than a half has"
_DIGITS = "its digits matter more than a half has"

_KEPT: dict[str, str] = {
    **dict.fromkeys(("Cosh", "Exp", "Sinh", "Tan"), _RANGE),
    **dict.fromkeys(("CumSum", "LRN", "LpNormalization", "LpPool", "GlobalLpPool"), _SUM),
    **dict.fromkeys(("InstanceNormalization", "GroupNormalization", "LayerNormalization"), _SUM),
    **dict.fromkeys(("MeanVarianceNormalization", "RMSNormalization", "ReduceL1"), _SUM),
    **dict.fromkeys(("ReduceL2", "ReduceSum", "ReduceSumSquare", "ReduceProd", "Det"), _SUM),
    **dict.fromkeys(("LogSoftmax", "ReduceLogSum", "ReduceLogSumExp", "Softmax"), _SOFTMAX),
    **dict.fromkeys(("NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss"), _SOFTMAX),
    **dict.fromkeys(("Cos", "Mod", "Pow", "Range", "Reciprocal", "Sin", "Softplus"), _DIGITS),
    **dict.fromkeys(("DFT", "STFT", "RoiAlign", "MaxRoiPool"), _DIGITS),
    **dict.fromkeys(("DequantizeLinear", "QuantizeLinear"), "scales of integers stay exact"),
    **dict.fromkeys(("GRU", "LSTM", "RNN"), "what it rounds comes back at each step"),
}
"""Operators that stay, and why."""


def _statistics(node: Node) -> str:
    """Norms that are spelled out: squares, their mean, and what follows up to the root."""
    if _is_square(node):
        readers = node.graph.consumers(node.outputs[0])
        if readers and all(r.op_type in _MEANS for r in readers):
            return "it is the square of a norm"
    if node.op_type in _MEANS and _of_squares(node):
        return "it is a mean of squares"
    if node.op_type in _TO_THE_ROOT and _after_mean(node):
        return "it is part of a norm's statistics"
    return ""


_MEANS = frozenset({"ReduceMean", "ReduceSum", "GlobalAveragePool"})
_TO_THE_ROOT = frozenset({"Add", "Clip", "Div", "Max", "Mul", "Reciprocal", "Sqrt"})


def _is_square(node: Node | None) -> bool:
    if node is None:
        return False
    if node.op_type == "Mul":
        return node.inputs[0] == node.inputs[1]
    exponent = node.const(1) if node.op_type == "Pow" else None
    return exponent is not None and exponent.size == 1 and float(exponent.ravel()[0]) == 2.0


def _of_squares(node: Node) -> bool:
    return _is_square(node.graph.producer(node.inputs[0]))


def _after_mean(node: Node, depth: int = 4) -> bool:
    """Whether a node is one of the few between a mean of squares and its root, the root included.

    What the root is multiplied with or divides is no part of it.
    """
    computed = [
        v for v in node.input_values() if v is not None and not v.is_const and v.dtype is not None
    ]
    if len(computed) != 1 or not depth:
        return False
    before = node.graph.producer(computed[0].name)
    if before is None:
        return False
    if before.op_type in _MEANS:
        return _of_squares(before)
    return before.op_type in _TO_THE_ROOT and _after_mean(before, depth - 1)


def _constants(node: Node, to: str) -> str:
    """Constants that the type does not hold, unless they are masks."""
    for index, value in enumerate(node.input_values()):
        if value is None or not value.is_const or value.dtype != "float32":
            continue
        array = value.value(_READ)
        if array is None or not array.size:
            continue
        magnitude = np.abs(array[np.isfinite(array)])
        if (magnitude > limit_of(to)).any() and not _is_mask(node, index, array):
            return f"'{value.name}' is beyond {to}"
        tiny = magnitude[magnitude > 0]
        if tiny.size and tiny.max() < LEAST[to]:
            return f"'{value.name}' is too small for {to}"
    return ""


_READ = 2**24
"""Elements up to which a weight is looked at before it is converted."""


def _is_mask(node: Node, index: int, array: Array) -> bool:
    """Whether large numbers in a constant only keep scores out of a softmax."""
    if (array[np.isfinite(array)] > 1e4).any() or node.op_type not in {"Add", "Mul", "Where"}:
        return False
    if node.op_type == "Where" and index == 0:
        return False
    return leads_to_softmax(node, "LogSoftmax")
