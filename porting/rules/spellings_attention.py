"""What stands around the Softmax of an attention: guards against NaN, and masks of huge numbers."""

import math
from dataclasses import dataclass

import numpy as np

from porting.legalize.ops import Ops
from porting.legalize.rule import decline, known_rank, require, rule
from porting.model.graph import Node
from porting.model.value import Array
from porting.rules.common import axis_in, integer
from porting.rules.reachable import hidden, interval
from porting.rules.tracing import contents, maker, one_number

FILL = -1e4
"""A mask that every element type holds, together with a score beside it."""

HUGE = -1e30
"""What is added to hide a score in bfloat16 and wider: beside it, any score is nothing."""

FAR = 512.0
"""exp(-104) is 0 in float32 and in narrower types; the rest is for rounding in the narrowest."""


@rule("Where", exactness="reordered")
def guard_of_kept_rows(op: Ops, node: Node) -> str:
    """where(isnan(s), 0, s) = s for s = softmax(x), where each row of x keeps a finite number.

    A row of Softmax is NaN only where all of its scores are -inf, or one is NaN or +inf. The graph
    shows that masks leave something of each row; the scores themselves are sums of products, and
    those are finite unless the arithmetic overflows.

    Source: ONNX Softmax-13; the guard that PyTorch writes for scaled_dot_product_attention.
    """
    softmax = _guarded(node)
    _require_kept_rows(softmax, hidden(node.graph, softmax.inputs[0]))
    return op.copy(softmax)[0]


@rule("Where", exactness="conditional")
def guard_of_softmax(op: Ops, node: Node) -> str:
    """where(isnan(s), 0, s) = s for s = softmax(x), unless a whole row of x is -inf.

    Source: ONNX Softmax-13; the guard that PyTorch writes for scaled_dot_product_attention.
    """
    return op.copy(_guarded(node))[0]


def _guarded(node: Node) -> Node:
    """The Softmax whose NaN a Where replaces; declines where it does not."""
    graph = node.graph
    condition, first, second = node.inputs
    source = graph.producer(condition)
    negated = source is not None and source.key == "Not"
    if source is not None and negated:
        source = graph.producer(source.inputs[0])
    if source is None or source.key not in {"IsNaN", "Equal"}:
        decline("its condition does not ask for NaN")
    asked = source.inputs[0]
    if source.key == "Equal":
        require(source.inputs[1] == asked, "its condition does not ask for NaN")
        negated = not negated
    kept, filler = (first, second) if negated else (second, first)
    require(kept == asked, "what it keeps is not what it asks about")
    require(one_number(graph, filler, kept) is not None, "it does not put one number for NaN")
    softmax = maker(graph, kept, "Softmax")
    return softmax if softmax is not None else decline("it does not guard a Softmax")


def _require_kept_rows(softmax: Node, mask: Array | None) -> None:
    """Declines unless each row that Softmax normalises has an entry that is not hidden."""
    if mask is None:
        return
    axis = _row_axis(softmax)
    whole = mask.ndim < -axis or bool(mask.all(axis=axis).any())
    require(not whole, "a row may be masked altogether")


def _row_axis(softmax: Node) -> int:
    """The axis of the rows, counted from the back."""
    rank = known_rank(softmax.input(0), "the scores")
    axis = axis_in(integer(softmax, "axis"), rank)
    since = softmax.info.since if softmax.info is not None else 0
    require(since >= 13 or axis == rank - 1, "rows run over several axes below opset 13")
    return axis - rank


@rule("Softmax", exactness="exact")
def mask_of_bounded_scores(op: Ops, node: Node) -> str:
    """softmax(x + m) with m held above -10000, where the graph bounds the scores x.

    A masked score then stays so far below a kept one of its row that its exponential is 0 before
    and after. Each row must keep one. The same goes for scores that a Where replaces by m.

    Source: ONNX Softmax-13; exp(-104) is below the smallest float32.
    """
    mask = _mask(node)
    low, high = interval(node.graph, mask.scores)
    require(math.isfinite(high - low), "the graph does not show bounds of the scores")
    highest = high + FILL if mask.is_added else FILL
    apart = low + _least_kept(node, mask) - highest
    require(apart > FAR, "a row may be masked altogether, or a masked score come near a kept one")
    return _remasked(op, node, mask)


@rule("Softmax", exactness="reordered")
def mask_below_its_row(op: Ops, node: Node) -> str:
    """softmax(x + m) = softmax(where(hidden, l - |l| - 256, x)) with l the least x of each row.

    A hidden score is then lower than all others by 256 and by their size, so that its exponential
    is 0, as it is with -1e30 or -inf added; yet no number is huge. Each row must keep a score, and
    scores must be finite, which sums of products are unless the arithmetic overflows. What m adds
    to the others stays.

    Source: ONNX Softmax-13; exp(-104) is below the smallest float32.
    """
    mask, graph = _mask(node), node.graph
    scores, axis = mask.scores, _row_axis(node)
    rank = known_rank(node.input(0), "the masked scores")
    require(known_rank(graph.value(scores), "the scores") == rank, "the scores have another rank")
    require(hidden(graph, scores) is None, "the scores are masked before")
    numbers = mask.array.astype(np.float64)
    covered = numbers <= HUGE
    if mask.is_added:
        rest = np.where(covered, 0.0, numbers)
        if rest.any():
            scores = op.Add(scores, op.const(rest, like=scores))
    else:
        require(bool(covered.all()), "it puts other numbers for scores, too")
        chosen = contents(graph, mask.source.inputs[0])
        if chosen is None:
            decline("which scores are masked is known at run time only")
        covered = chosen if mask.index == 1 else ~chosen
    between = (numbers < FILL) & (numbers > HUGE)
    require(not between.any(), "a mask is neither huge nor modest")
    _require_kept_rows(node, covered)
    depth = op.const(1024.0 if op.value(scores).dtype == "float64" else 256.0, like=scores)
    least = op.reduce("ReduceMin", scores, [rank + axis])
    lower = op.Sub(op.Sub(least, op.Abs(least)), depth)
    return op.copy(node, [op.Where(op.const(covered), lower, scores)])[0]


@rule("Softmax", exactness="conditional")
def mask_of_ten_thousand(op: Ops, node: Node) -> str:
    """softmax(x + m) with m held above -10000: the exponential of a masked score is 0 all the same.

    Unless a row is masked altogether, or a masked score is greater by thousands than all those
    that its row keeps.

    Source: ONNX Softmax-13.
    """
    return _remasked(op, node, _mask(node))


@dataclass(frozen=True)
class _Mask:
    """A constant with a number below -10000 that is added to scores, or chosen in their place.

    Attributes:
        source: The Add or Where.
        index: Which of its inputs the mask is.
        array: What the mask holds.
    """

    source: Node
    index: int
    array: Array

    @property
    def is_added(self) -> bool:
        return self.source.op_type == "Add"

    @property
    def scores(self) -> str:
        return self.source.inputs[(1 if self.is_added else 3) - self.index]


def _mask(node: Node) -> _Mask:
    """The mask of a Softmax's input; declines where there is none that is too low."""
    graph = node.graph
    source = maker(graph, node.inputs[0], "Add", "Where")
    if source is None:
        decline("nothing masks its input")
    for index in (0, 1) if source.op_type == "Add" else (1, 2):
        array = contents(graph, source.inputs[index])
        if array is None or array.size == 0 or array.dtype.kind in "biu":
            continue
        numbers = array.astype(np.float64)
        if numbers.min() < FILL and numbers.max() < math.inf:  # false for NaN
            return _Mask(source, index, array)
    return decline("no constant mask is below -10000")


def _least_kept(node: Node, mask: _Mask) -> float:
    """What at least one score of each row gets added; -inf where a row keeps none."""
    axis, numbers = _row_axis(node), mask.array.astype(np.float64)
    if not mask.is_added:
        condition = mask.source.inputs[0]
        chosen = contents(node.graph, condition)
        if chosen is None:
            decline("which scores are masked is known at run time only")
        numbers = np.where(chosen, *((-math.inf, 0.0) if mask.index == 1 else (0.0, -math.inf)))
    require(numbers.ndim >= -axis, "a row may be masked altogether")
    return float(numbers.max(axis=axis).min())


def _remasked(op: Ops, node: Node, mask: _Mask) -> str:
    """Softmax of the same scores behind a mask of -10000."""
    inputs = list(mask.source.inputs)
    inputs[mask.index] = op.const(np.maximum(mask.array, np.array(FILL, mask.array.dtype)))
    return op.copy(node, [op.node(mask.source.op_type, inputs)[0]])[0]
