"""Moving, picking and comparing elements in a type that holds the same numbers.

How the families work is told in `porting.legalize.retype`.
"""

from porting.legalize.interval import embeds
from porting.legalize.ops import Ops
from porting.legalize.ranges import fits
from porting.legalize.retype import in_type, proven
from porting.legalize.rule import known_dtype, require, rule
from porting.model.dtypes import INTEGERS
from porting.model.graph import Node
from porting.rules.common import text

KEYS: dict[str, tuple[int, ...]] = {
    "ArgMax": (0,),
    "ArgMin": (0,),
    "CenterCropPad": (0,),
    "Clip": (0,),
    "Compress": (0,),
    "Concat": (0,),
    "DepthToSpace": (0,),
    "Equal": (0,),
    "Expand": (0,),
    "Flatten": (0,),
    "Gather": (0,),
    "GatherElements": (0,),
    "GatherND": (0,),
    "GlobalMaxPool": (0,),
    "Greater": (0,),
    "GreaterOrEqual": (0,),
    "Hardmax": (0,),
    "Identity": (0,),
    "Less": (0,),
    "LessOrEqual": (0,),
    "Max": (0,),
    "MaxPool": (0,),
    "Min": (0,),
    "NonZero": (0,),
    "OneHot": (2,),
    "Pad": (0,),
    "ReduceMax": (0,),
    "ReduceMin": (0,),
    "Relu": (0,),
    "Reshape": (0,),
    "Resize": (0,),
    "ReverseSequence": (0,),
    "ScatterElements": (0,),
    "ScatterND": (0,),
    "Size": (0,),
    "Slice": (0,),
    "SpaceToDepth": (0,),
    "Split": (0,),
    "Squeeze": (0,),
    "Tile": (0,),
    "TopK": (0,),
    "Transpose": (0,),
    "Trilu": (0,),
    "Unique": (0,),
    "Unsqueeze": (0,),
    "Where": (1,),
}
"""Operators whose results depend on which numbers are there and on their order, and the input
that holds them: an order-preserving embedding of types goes through them."""


@rule(*KEYS, exactness="exact")
def held_in_int32(op: Ops, node: Node) -> list[str]:
    """f(x) = cast(f(cast(x, int32))) for bool, int8, uint8, int16 and uint16.

    Source: ONNX Cast-13: true is 1; every such number is one of int32, in the same order.
    """
    return _held(op, node, "int32")


@rule(*KEYS, exactness="exact")
def held_in_float32(op: Ops, node: Node) -> list[str]:
    """f(x) = cast(f(cast(x, float32))) for bool, integers of 8 and 16 bits, float16 and bfloat16.

    Source: ONNX Cast-13; IEEE 754: the 24 digits of float32 hold them all.
    """
    return _held(op, node, "float32")


@rule(*KEYS, exactness="exact")
def held_in_int64(op: Ops, node: Node) -> list[str]:
    """f(x) = cast(f(cast(x, int64))) for bool and narrower integers.

    Source: ONNX Cast-13.
    """
    return _held(op, node, "int64")


@rule(*KEYS, exactness="narrowing")
def proven_in_int32(op: Ops, node: Node) -> list[str]:
    """f(x) = cast(f(cast(x, int32))) for integers that are proven to be in the range of int32.

    Where f only moves elements, it is enough that those of the result are.

    Source: ONNX Cast-13; `porting.legalize.ranges` has the proofs.
    """
    dtype = _type(node)
    require(dtype in INTEGERS, f"it is for integers, the input is {dtype}")
    return _proven(op, node, "int32")


@rule(*KEYS, exactness="narrowing")
def proven_in_float32(op: Ops, node: Node) -> list[str]:
    """f(x) = cast(f(cast(x, float32))) for numbers that are proven to be ones of float32.

    Integers up to 2^24, or float64 that was float32 before.

    Source: ONNX Cast-13; IEEE 754; `porting.legalize.ranges` has the proofs.
    """
    dtype = _type(node)
    require(dtype in INTEGERS or dtype == "float64", f"the input is {dtype}")
    return _proven(op, node, "float32")


@rule(*KEYS, exactness="conditional")
def assumed_in_int32(op: Ops, node: Node) -> list[str]:
    """f(x) = cast(f(cast(x, int32))) for wider integers, unless one is beyond the range of int32.

    Source: ONNX Cast-13: what is beyond loses its upper bits.
    """
    dtype = _type(node)
    require(dtype in {"int64", "uint32", "uint64"}, f"the input is {dtype}")
    _means_the_same(node)
    return in_type(op, node, "int32", KEYS[node.op_type])


def _type(node: Node) -> str:
    return known_dtype(node.input(KEYS[node.op_type][0]), "the input")


def _held(op: Ops, node: Node, to: str) -> list[str]:
    dtype = _type(node)
    require(dtype != to, f"the input is {dtype} already")
    require(embeds(dtype, to), f"{to} does not hold every {dtype}")
    _means_the_same(node)
    return in_type(op, node, to, KEYS[node.op_type])


def _proven(op: Ops, node: Node, to: str) -> list[str]:
    require(not embeds(_type(node), to), f"{to} needs no proof")
    _means_the_same(node)
    # Elements that are not picked may lose their upper bits: nobody sees them.
    if node.op_type in _COMPARING or not fits(node.graph, node.outputs[0], to):
        proven(node, to, KEYS[node.op_type])
    return in_type(op, node, to, KEYS[node.op_type])


_COMPARING = frozenset(
    {"ArgMax", "ArgMin", "Clip", "Equal", "GlobalMaxPool", "Greater", "GreaterOrEqual", "Hardmax"}
    | {"Less", "LessOrEqual", "Max", "MaxPool", "Min", "NonZero", "ReduceMax", "ReduceMin", "Relu"}
    | {"ScatterElements", "ScatterND", "Size", "TopK", "Unique"}
)
"""Operators that look at the elements, or may, and do not only move them."""


def _means_the_same(node: Node) -> None:
    """Declines where the operator computes new numbers, or has limits of its own for each type."""
    if node.op_type == "Resize":
        require(text(node, "mode", "nearest") == "nearest", "it interpolates")
        frame = text(node, "coordinate_transformation_mode")
        require(frame != "tf_crop_and_resize", "it fills in a number of its own")
    reduction = text(node, "reduction", "none")
    require(reduction in {"none", "max", "min"}, f"it computes: the reduction is {reduction}")
    if node.op_type.startswith("Reduce"):
        value = node.input(0)
        full = value is not None and value.is_static and bool(value.size)
        require(full, "the input may be empty; the result is the type's own limit then")
