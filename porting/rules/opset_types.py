"""Older forms where only element types are in the way, and of constants, casts, comparisons."""

from collections.abc import Sequence

import numpy as np
from onnx import TensorProto

from porting.legalize.ops import Ops
from porting.legalize.rule import decline, known_dtype, require, rule
from porting.model.dtypes import FLOATS, INTEGERS, NUMBER_OF
from porting.model.graph import Node
from porting.model.value import Array
from porting.rules.integers import signed_shift_to_mul_or_div
from porting.rules.opset_common import below_zero, integer, only_for

_FLOAT8 = ("float8e", "float4e", "float6e")
_BITS = {"int8": 8, "int16": 16, "int32": 32, "int64": 64}
_SMALL_INTEGERS = frozenset({"int8", "int16", "uint8", "uint16"})


def _through(op: Ops, node: Node, narrow: frozenset[str], wide: str) -> list[str]:
    """The node with operands of the narrow types cast to the wide one, and back."""
    only_for(any(v is not None and v.dtype in narrow for v in node.input_values()))
    inputs = [
        op.cast(name, wide) if value is not None and value.dtype in narrow else name
        for name, value in zip(node.inputs, node.input_values(), strict=True)
    ]
    results = op.copy(node, inputs)
    outputs = [node.output(i) for i in range(len(node.outputs))]
    return [
        op.cast(r, str(v.dtype)) if v is not None and v.dtype in narrow else r
        for r, v in zip(results, outputs, strict=True)
    ]


@rule("Add", "Div", "Mul", "Sub", exactness="exact", versions=(14,))
def opset_small_integers(op: Ops, node: Node) -> Sequence[str]:
    """Computes with 32 bits and cuts to 8 or 16, which is what wrapping around means.

    Source: ONNX Add-14; Cast-13 on integers out of range.
    """
    return _through(op, node, _SMALL_INTEGERS, "int32")


@rule("ReduceMax", "ReduceMin", exactness="exact", versions=(12,))
def opset_bytes_reduced(op: Ops, node: Node) -> Sequence[str]:
    """The extreme of 8-bit integers, found with 32 bits.

    Source: ONNX ReduceMax-12.
    """
    return _through(op, node, _SMALL_INTEGERS, "int32")


@rule("ReduceMax", "ReduceMin", exactness="exact", versions=(20,))
def opset_booleans_reduced(op: Ops, node: Node) -> Sequence[str]:
    """Any and all are the extremes of zeros and ones.

    Of no elements they are the smallest and the largest number, hence the comparison with 0.

    Source: ONNX ReduceMax-20.
    """
    only_for(known_dtype(node.input(0), "data") == "bool")
    numbers = op.cast(node.inputs[0], "int32")
    extreme = op.copy(node, [numbers, *node.inputs[1:]])[0]
    return [op.Greater(extreme, op.const(0, dtype="int32"))]


@rule("MaxPool", exactness="exact", versions=(12,))
def opset_bytes_pooled(op: Ops, node: Node) -> Sequence[str]:
    """The largest of 8-bit integers, found among floats, which hold them exactly.

    Source: ONNX MaxPool-12.
    """
    return _through(op, node, _SMALL_INTEGERS, "float32")


@rule("CumSum", exactness="reordered", versions=(14,))
def opset_half_sums(op: Ops, node: Node) -> Sequence[str]:
    """Sums in float32, rounded to half precision at the end instead of at each step.

    Source: ONNX CumSum-14.
    """
    return _through(op, node, frozenset({"float16", "bfloat16"}), "float32")


@rule("Range", exactness="reordered", versions=(27,))
def opset_half_range(op: Ops, node: Node) -> Sequence[str]:
    """Counts in float32, as stash_type=1 says.

    Source: ONNX Range-27.
    """
    require(integer(node, "stash_type", 1) == 1, "stash_type is not float32")
    wide = [op.cast(i, "float32") for i in node.inputs]
    return [op.cast(op.Range(*wide), known_dtype(node.input(0), "start"))]


@rule("IsInf", exactness="exact", versions=(20,))
def opset_half_infinities(op: Ops, node: Node) -> Sequence[str]:
    """Float32 keeps infinities.

    Source: ONNX IsInf-20.
    """
    return _through(op, node, frozenset({"float16", "bfloat16"}), "float32")


@rule(
    "Acos",
    "Acosh",
    "Asin",
    "Asinh",
    "Atan",
    "Atanh",
    "AveragePool",
    "Conv",
    "ConvTranspose",
    "Cos",
    "Cosh",
    "DeformConv",
    "Elu",
    "GRU",
    "GlobalAveragePool",
    "GlobalLpPool",
    "GlobalMaxPool",
    "GridSample",
    "HardSigmoid",
    "HardSwish",
    "InstanceNormalization",
    "LSTM",
    "LpNormalization",
    "LpPool",
    "MaxPool",
    "Mish",
    "RNN",
    "Round",
    "Selu",
    "Sin",
    "Sinh",
    "Softplus",
    "Softsign",
    "Tan",
    "ThresholdedRelu",
    exactness="reordered",
    versions=(22,),
)
def opset_bfloat16(op: Ops, node: Node) -> Sequence[str]:
    """Computes in float32 and rounds the result to bfloat16.

    Source: ONNX, these operators' versions 22, which take bfloat16.
    """
    return _through(op, node, frozenset({"bfloat16"}), "float32")


@rule("Celu", "Einsum", exactness="reordered", versions=(28,))
def opset_narrow_28(op: Ops, node: Node) -> Sequence[str]:
    """Computes in float32 and rounds the result.

    Source: ONNX Celu-28, Einsum-28.
    """
    return _through(op, node, frozenset({"float16", "bfloat16"}), "float32")


@rule("LeakyRelu", "PRelu", exactness="reordered", versions=(16,))
def opset_bfloat16_slope(op: Ops, node: Node) -> Sequence[str]:
    """Multiplies in float32 and rounds the result to bfloat16.

    Source: ONNX LeakyRelu-16, PRelu-16.
    """
    return _through(op, node, frozenset({"bfloat16"}), "float32")


@rule("GreaterOrEqual", "LessOrEqual", "Where", exactness="exact", versions=(16,))
def opset_bfloat16_chosen(op: Ops, node: Node) -> Sequence[str]:
    """Compares and selects the same numbers as float32.

    Source: ONNX Where-16.
    """
    return _through(op, node, frozenset({"bfloat16"}), "float32")


@rule("Compress", "OneHot", "ReverseSequence", "Unique", exactness="exact", versions=(28,))
def opset_bfloat16_moved(op: Ops, node: Node) -> Sequence[str]:
    """Moves the same numbers as float32.

    Source: ONNX Compress-28.
    """
    return _through(op, node, frozenset({"bfloat16"}), "float32")


@rule("QLinearMatMul", exactness="reordered", versions=(21,))
def opset_half_scales(op: Ops, node: Node) -> Sequence[str]:
    """Computes with the scales as float32, which holds them exactly.

    Source: ONNX QLinearMatMul-21.
    """
    return _through(op, node, frozenset({"float16", "bfloat16"}), "float32")


@rule("TopK", exactness="exact", versions=(24,))
def opset_bfloat16_topk(op: Ops, node: Node) -> Sequence[str]:
    """Orders the same numbers as float32.

    Source: ONNX TopK-24.
    """
    return _through(op, node, frozenset({"bfloat16"}), "float32")


@rule("Relu", exactness="exact", versions=(14,))
def opset_integer_relu(op: Ops, node: Node) -> str:
    """Where(x < 0, 0, x) for integers.

    Source: ONNX Relu-14.
    """
    x = node.inputs[0]
    only_for(known_dtype(node.input(0), "X") in INTEGERS)
    return op.Where(below_zero(op, x), op.const(0, like=x), x)


@rule("Clip", exactness="exact", versions=(12,))
def opset_integer_clip(op: Ops, node: Node) -> str:
    """Compares and selects; where the bounds cross, the upper one wins.

    Source: ONNX Clip-12, Clip-13.
    """
    only_for(known_dtype(node.input(0), "input") in INTEGERS)
    low, high = [*node.inputs[1:], "", ""][:2]
    x = node.inputs[0]
    x = op.Where(op.Less(x, low), low, x) if low else x
    return op.Where(op.Greater(x, high), high, x) if high else x


@rule("Max", "Min", exactness="exact", versions=(12,))
def opset_integer_extremes(op: Ops, node: Node) -> str:
    """Compares and selects, one input after the other.

    Source: ONNX Max-12.
    """
    only_for(known_dtype(node.input(0), "data_0") in INTEGERS)
    compare = op.Greater if node.op_type == "Max" else op.Less
    result, *others = node.inputs
    for other in others:
        result = op.Where(compare(result, other), result, other)
    return result


@rule("Pow", exactness="exact", versions=(12,))
def opset_pow_one_type(op: Ops, node: Node) -> str:
    """Takes a constant exponent over into the type of the base.

    Source: ONNX Pow-12.
    """
    base = known_dtype(node.input(0), "X")
    require(base in FLOATS, f"Pow-7 does not take {base}")
    exponent = node.const(1)
    require(exponent is not None, "the exponent is not a constant")
    kept = op.const(np.asarray(exponent), dtype=base)
    require(
        bool((np.asarray(exponent, np.float64) == np.asarray(op.value(kept).contents)).all()),
        f"the exponent is not exact as {base}",
    )
    return op.Pow(node.inputs[0], kept)


@rule("BitShift", exactness="exact", versions=(28,))
def opset_signed_shift(op: Ops, node: Node) -> str | Sequence[str]:
    """Shifts the bits as unsigned ones; a negative number is shifted right as its complement.

    -1 - ((-1 - x) >> y) fills with ones from the left. Shifts by as many bits as there are, or by
    negative numbers, are cut off, which versions before 28 leave undefined. By constants it is
    done with products and quotients, as far as there are such of the type.

    Source: ONNX BitShift-28.
    """
    dtype = known_dtype(node.input(0), "X")
    require(dtype in _BITS, f"{dtype} is not signed")
    if node.const(1) is not None and (op.opset >= 14 or _BITS[dtype] >= 32):
        return signed_shift_to_mul_or_div(op, node)
    x, y = node.inputs
    unsigned, direction = "u" + dtype, str(node.attribute("direction"))
    negative, ones = below_zero(op, x), op.const(-1, dtype=dtype)
    amount = op.const(_BITS[dtype], dtype=dtype)
    outside = op.Or(below_zero(op, y), op.Not(op.Less(y, amount)))
    safe = op.cast(op.Where(outside, op.const(0, dtype=dtype), y), unsigned)
    rest = op.const(0, dtype=dtype)
    if direction == "LEFT":
        shifted = op.BitShift(op.cast(x, unsigned), safe, direction=direction)
        return op.Where(outside, rest, op.cast(shifted, dtype))
    positive = op.Where(negative, op.Sub(ones, x), x)
    shifted = op.cast(op.BitShift(op.cast(positive, unsigned), safe, direction=direction), dtype)
    shifted = op.Where(outside, rest, shifted)
    return op.Where(negative, op.Sub(ones, shifted), shifted)


@rule("Cast", exactness="exact", versions=(19, 24))
def opset_cast_flags(op: Ops, node: Node) -> str:
    """Leaves out `saturate` and `round_mode`, which are about 8-bit floats only.

    Source: ONNX Cast-19, Cast-24.
    """
    _require_no_float8(node)
    return op.Cast(node.inputs[0], to=integer(node, "to"))


@rule("CastLike", exactness="exact", versions=(15, 19, 24))
def opset_cast_like(op: Ops, node: Node) -> str:
    """Cast to the type that the second input has.

    Source: ONNX CastLike-15.
    """
    dtype = known_dtype(node.input(1), "target_type")
    _require_no_float8(node)
    return op.Cast(node.inputs[0], to=NUMBER_OF[dtype])


def _require_no_float8(node: Node) -> None:
    for value in (node.input(0), node.output()):
        dtype = known_dtype(value, "the input or output")
        require(not dtype.startswith(_FLOAT8), f"there is no {dtype} below")


@rule("Constant", exactness="exact", versions=(12,))
def opset_constant_tensor(op: Ops, node: Node) -> str:
    """Writes numbers and strings as a tensor.

    Source: ONNX Constant-12.
    """
    given = [(name, v) for name, v in node.attributes.items() if name.startswith("value_")]
    if not given:
        decline("it has no value")
    name, value = given[0]
    kinds = {"f": np.dtype(np.float32), "i": np.dtype(np.int64), "s": np.dtype(object)}
    array: Array = np.array(value, dtype=kinds[name[len("value_")]])  # type: ignore[call-overload]
    return op.Constant(value=array)


@rule("Constant", exactness="exact", versions=(9,))
def opset_constant_initializer(op: Ops, node: Node) -> str:
    """Makes an initializer of a tensor of another type than a float.

    Source: ONNX Constant-1.
    """
    tensor = node.attribute("value")
    if not isinstance(tensor, TensorProto):
        decline("it has no tensor")
    return op.const(node.graph.context.read(tensor))


@rule("GreaterOrEqual", "LessOrEqual", exactness="exact", versions=(12,))
def opset_or_equal(op: Ops, node: Node) -> str:
    """Or(Greater, Equal); the negation of Less would be true of NaN.

    Source: ONNX GreaterOrEqual-12.
    """
    compare = op.Greater if node.op_type == "GreaterOrEqual" else op.Less
    return op.Or(compare(*node.inputs), op.Equal(*node.inputs))


@rule("Equal", exactness="exact", versions=(11,))
def opset_integer_equal(op: Ops, node: Node) -> Sequence[str]:
    """Compares with more bits.

    Source: ONNX Equal-7.
    """
    return _through(op, node, _SMALL_INTEGERS | {"uint32"}, "int64")


@rule("Greater", "Less", exactness="exact", versions=(9,))
def opset_integer_order(op: Ops, node: Node) -> Sequence[str]:
    """Compares as float64, which holds 32 bits exactly.

    Source: ONNX Greater-7.
    """
    return _through(op, node, _SMALL_INTEGERS | {"int32", "uint32"}, "float64")


@rule("Equal", exactness="exact", versions=(11,))
def opset_float_equal(op: Ops, node: Node) -> str:
    """Neither less nor greater, and neither is NaN.

    Source: ONNX Equal-11.
    """
    only_for(known_dtype(node.input(0), "A") in FLOATS)
    a, b = node.inputs
    nan = op.Or(op.IsNaN(a), op.IsNaN(b))
    return op.Not(op.Or(op.Or(op.Less(a, b), op.Greater(a, b)), nan))
