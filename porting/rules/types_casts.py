"""Casts in other steps, and constants that are filled in another type."""

import numpy as np
from onnx import TensorProto, numpy_helper

from porting.legalize.casts import stands_for
from porting.legalize.interval import embeds
from porting.legalize.ops import Ops
from porting.legalize.ranges import fits
from porting.legalize.retype import cast_target
from porting.legalize.rule import decline, known_dtype, require, rule
from porting.model.dtypes import FLOATS, INTEGERS, NUMBER_OF, numpy_dtype
from porting.model.graph import Node
from porting.model.value import Array


@rule("Cast", exactness="narrowing")
def cast_of_cast(op: Ops, node: Node) -> str:
    """cast(cast(x, b), c) = cast(x, c) where type b holds every number that x can be.

    Source: ONNX Cast-13; `porting.legalize.ranges` has the proofs.
    """
    before = node.graph.producer(node.inputs[0])
    if before is None or before.op_type != "Cast":
        decline("its input is no Cast")
    source = before.inputs[0]
    between = known_dtype(node.input(0), "the input")
    same = stands_for(before.graph, source, between, cast_target(node))
    require(same, f"'{source}' may lose something in {between}")
    return op.cast(source, cast_target(node))


@rule("Cast", exactness="narrowing")
def cast_through_int32(op: Ops, node: Node) -> str:
    """cast(x, c) = cast(cast(x, int32), c) for whole numbers that int32 holds.

    Source: ONNX Cast-13; a number of less than 32 bits is the same in int32.
    """
    dtype = known_dtype(node.input(0), "the input")
    require(dtype in {*INTEGERS, "bool"}, f"it is for integers, the input is {dtype}")
    return _through(op, node, dtype, "int32")


@rule("Cast", exactness="narrowing")
def cast_through_float32(op: Ops, node: Node) -> str:
    """cast(x, c) = cast(cast(x, float32), c) for numbers that float32 holds.

    Source: ONNX Cast-13. To integers only where they hold x too: out of range, it is undefined.
    """
    dtype = known_dtype(node.input(0), "the input")
    to = cast_target(node)
    if dtype in INTEGERS and to in INTEGERS:
        require(fits(node.graph, node.inputs[0], to), f"{to} may not hold '{node.inputs[0]}'")
    return _through(op, node, dtype, "float32")


def _through(op: Ops, node: Node, dtype: str, between: str) -> str:
    to = cast_target(node)
    require(to in FLOATS | INTEGERS | {"bool"}, f"it is to {to}")
    require(between not in {dtype, to}, f"it is from or to {between} already")
    require(fits(node.graph, node.inputs[0], between), f"{between} may not hold every element")
    return op.cast(op.cast(node.inputs[0], between), to)


@rule("Cast", exactness="exact")
def cast_to_bool_by_comparison(op: Ops, node: Node) -> str:
    """cast(x, bool) = not (x = 0): true for NaN, false for -0.0.

    Source: ONNX Cast-13: every number but 0 is true.
    """
    require(cast_target(node) == "bool", "it is not to bool")
    dtype = known_dtype(node.input(0), "the input")
    require(dtype in FLOATS | INTEGERS, f"the input is {dtype}")
    return op.Not(op.Equal(node.inputs[0], op.const(0, dtype)))


@rule("Cast", exactness="exact")
def cast_from_bool_by_choice(op: Ops, node: Node) -> str:
    """cast(x, t) = x ? 1 : 0 for a bool x.

    Source: ONNX Cast-13, Where-9.
    """
    dtype, to = known_dtype(node.input(0), "the input"), cast_target(node)
    require(dtype == "bool" and to in FLOATS | INTEGERS, f"it is from {dtype} to {to}")
    return op.Where(node.inputs[0], op.const(1, to), op.const(0, to))


@rule("ConstantOfShape", exactness="exact")
def filled_in_float32(op: Ops, node: Node) -> str:
    """fill(shape, v) = cast(fill(shape, cast(v, float32))) where v is a number of float32.

    Source: ONNX ConstantOfShape-9, Cast-13.
    """
    return _filled(op, node, "float32")


@rule("ConstantOfShape", exactness="exact")
def filled_in_int32(op: Ops, node: Node) -> str:
    """fill(shape, v) = cast(fill(shape, cast(v, int32))) where v is a number of int32.

    Source: ONNX ConstantOfShape-9, Cast-13.
    """
    return _filled(op, node, "int32")


def _filled(op: Ops, node: Node, to: str) -> str:
    value = node.attribute("value")
    if value is None or isinstance(value, int | float | str | tuple):
        decline("the value is float32, ONNX's default")
    array: Array = np.asarray(node.graph.context.read(value))
    dtype = known_dtype(node.output(), "the output")
    require(dtype != to, f"the value is {dtype} already")
    with np.errstate(over="ignore", invalid="ignore"):
        held = array.astype(numpy_dtype(to))
        same = bool((held.astype(array.dtype) == array).all())
    lossless = embeds(dtype, to) or (same and not (to == "int32" and dtype in FLOATS))
    require(lossless, f"{to} does not hold the value")
    return op.cast(op.ConstantOfShape(node.inputs[0], value=_tensor(held)), dtype)


def _tensor(array: Array) -> TensorProto:
    return numpy_helper.from_array(array, "")


@rule("EyeLike", exactness="exact")
def eye_in_float32(op: Ops, node: Node) -> str:
    """eye(x) = cast(eye(x, float32), t): zeros and ones are the same in any type.

    Source: ONNX EyeLike-9.
    """
    dtype = known_dtype(node.output(), "the output")
    require(dtype != "float32", "it is float32 already")
    return op.cast(op.copy(node, dtype=NUMBER_OF["float32"])[0], dtype)
