"""Casts of floats to integers in steps that compilers keep, and casts behind one another."""

from porting.legalize.ops import Ops
from porting.legalize.ranges import whole_range
from porting.legalize.rule import decline, known_dtype, require, rule
from porting.model.dtypes import FLOATS, INTEGERS, NUMBER_OF
from porting.model.graph import Node
from porting.rules.tracing import maker

NARROW = frozenset({"int8", "uint8", "int16", "uint16"})


@rule("Cast", exactness="conditional")
def cast_through_narrow_integers(op: Ops, node: Node) -> str:
    """cast(cast(x)) = cast(x) for integers x, unless one is out of the range of the type between.

    Source: ONNX Cast-13.
    """
    inner = maker(node.graph, node.inputs[0], "Cast")
    if inner is None:
        decline("its input is not a Cast")
    types = (
        known_dtype(inner.input(0), "the first input"),
        known_dtype(node.input(0), "the input"),
    )
    require(set(types) <= INTEGERS, "they are not integers")
    return op.Cast(inner.inputs[0], to=NUMBER_OF[known_dtype(node.output(), "the output")])


def _float_to_integer(node: Node) -> str:
    """The integer type that floats are cast to."""
    source, target = (
        known_dtype(node.input(0), "the input"),
        known_dtype(node.output(), "the output"),
    )
    require(source in FLOATS and target in INTEGERS, "it does not make integers of floats")
    return target


@rule("Cast", exactness="exact")
def cast_of_whole_numbers(op: Ops, node: Node) -> str:
    """Floats are cut to whole numbers, sign(x) * floor(|x|), and cast then.

    Source: ONNX Cast-13: the fraction is dropped.
    """
    target, x = _float_to_integer(node), node.inputs[0]
    whole = op.Mul(op.Sign(x), op.Floor(op.Abs(x)))
    return op.Cast(whole, to=NUMBER_OF[target])


@rule("Cast", exactness="exact")
def cast_behind_floor(op: Ops, node: Node) -> str:
    """Floats are cut to whole numbers, floor(max(x, min(ceil(x), 0))), and cast right behind.

    Where x is proven whole, floor(x) does: it changes nothing, but says so to compilers.

    Source: ONNX Cast-13: the fraction is dropped.
    """
    target, x = _float_to_integer(node), node.inputs[0]
    require(maker(node.graph, x, "Floor", "Ceil") is None, "its input is rounded right before it")
    if whole_range(node.graph, x) is None:
        x = op.Max(x, op.Min(op.Ceil(x), op.const(0, like=x)))
    return op.Cast(op.Floor(x), to=NUMBER_OF[target])


@rule("Cast", exactness="exact")
def cast_to_narrow_integer_by_int32(op: Ops, node: Node) -> str:
    """Floats to integers of 8 or 16 bits through int32.

    Source: ONNX Cast-13, which leaves open what becomes of a number out of range.
    """
    target = _float_to_integer(node)
    require(target in NARROW, f"{target} is not of 8 or 16 bits")
    return op.Cast(op.Cast(node.inputs[0], to=NUMBER_OF["int32"]), to=NUMBER_OF[target])
