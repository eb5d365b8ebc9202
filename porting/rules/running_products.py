"""Running products."""

from porting.legalize.ops import Ops
from porting.legalize.rule import decline, known_constant, known_rank, require, rule
from porting.model.graph import Node
from porting.rules.common import axis_in, integer, shape_of

LONGEST = 2**16
"""The longest axis: 16 products."""


@rule("CumProd", exactness="reordered")
def cum_prod_by_doubling(op: Ops, node: Node) -> str:
    """Products of 1, 2, 4, ... neighbours: p(2n, i) = p(n, i) * p(n, i - n), 1 before the start.

    An exclusive product is that of the elements one place further on. No element is multiplied
    with anything that does not belong to its product but with ones, so infinities and NaN stay
    where they are.

    Source: ONNX CumProd-26; Hillis and Steele, CACM 29 (1986).
    """
    rank = known_rank(node.input(0), "the input")
    axis = axis_in(int(known_constant(node, 1).reshape(-1)[0]), rank)
    length = shape_of(node.input(0))[axis]
    if not isinstance(length, int):
        decline("the size of the axis is not known; give it with --shape or --dim")
    require(0 < length <= LONGEST, f"the axis is empty or longer than {LONGEST}")
    backwards = bool(integer(node, "reverse", 0))
    result = node.inputs[0]
    if integer(node, "exclusive", 0):
        result = _further(op, result, 1, axis, length, backwards)
    step = 1
    while step < length:
        result = op.Mul(result, _further(op, result, step, axis, length, backwards))
        step *= 2
    return result


def _further(op: Ops, x: str, by: int, axis: int, length: int, backwards: bool) -> str:
    """Every element `by` places further on, or back, with ones coming in."""
    rank = known_rank(op.value(x), "the input")
    pads = [0] * (2 * rank)
    pads[axis + rank if backwards else axis] = by
    bounds = ([by], [length]) if backwards else ([0], [length - by])
    return op.pad(op.slice(x, *bounds, [axis]), pads, 1.0)
