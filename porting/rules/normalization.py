"""Normalizations over axes of the input, written with means, products and square roots.

Variances are computed in two passes, as the mean of (x - mean)^2: mean(x^2) - mean(x)^2 cancels
where the mean is large against the spread. Half precision is widened first, because the square of
256 is beyond float16.
"""

from collections.abc import Sequence

import numpy as np

from porting.legalize.ops import Ops
from porting.legalize.rule import decline, known_constant, known_rank, require, rule
from porting.model.graph import Node
from porting.model.value import Array
from porting.rules.common import (
    along_channels,
    axes_in,
    axis_in,
    finite,
    float_input,
    integer,
    integers,
    number,
    optional_input,
    wants,
    widened,
)


def centred(op: Ops, x: str, axes: Sequence[int]) -> tuple[str, str, str]:
    """`x - mean`, the mean, and the variance over some axes, all with the axes kept."""
    mean = op.reduce("ReduceMean", x, axes)
    deviation = op.Sub(x, mean)
    variance = op.reduce("ReduceMean", op.Mul(deviation, deviation), axes)
    return deviation, mean, variance


def standard_deviation(op: Ops, variance: str, epsilon: float) -> str:
    """sqrt(variance + epsilon)."""
    return op.Sqrt(op.Add(variance, op.const(epsilon, like=variance)))


def _scale_and_bias(op: Ops, x: str, scale: str | None, bias: str | None) -> str:
    scaled = x if scale is None else op.Mul(x, scale)
    return scaled if bias is None else op.Add(scaled, bias)


def _stash(node: Node, dtype: str) -> str:
    """The wider of the input's type and the type that `stash_type` asks for."""
    stash = integer(node, "stash_type", 1)
    require(stash in {1, 11, 16}, f"stash_type {stash} is not a floating-point type")
    return "float64" if stash == 11 else widened(dtype)


def _stash_name(node: Node) -> str:
    return {1: "float32", 11: "float64", 16: "bfloat16"}[integer(node, "stash_type", 1)]


@rule("LayerNormalization", exactness="reordered")
def layer_normalization_to_means(op: Ops, node: Node) -> list[str]:
    """`y` = (x - mean) / sqrt(mean((x - mean)^2) + epsilon) * scale + bias over the last axes.

    The second output is the mean, the third 1 / sqrt(variance + epsilon). A row of which a square
    overflows has no meaning in the original either.

    Source: ONNX LayerNormalization-17, in two passes; Ba et al., arXiv 1607.06450.
    """
    x, dtype = node.inputs[0], float_input(node)
    rank = known_rank(node.input(0), "the input")
    axes = range(axis_in(integer(node, "axis"), rank), rank)
    wide = op.cast(x, _stash(node, dtype))
    deviation, mean, variance = centred(op, wide, axes)
    spread = standard_deviation(op, variance, number(node, "epsilon"))
    normal = op.cast(op.Div(deviation, spread), dtype)
    results = [_scale_and_bias(op, normal, optional_input(node, 1), optional_input(node, 2))]
    if wants(node, 1) or wants(node, 2):
        results.append(op.cast(mean, _stash_name(node)))
    if wants(node, 2):
        one = op.const(1.0, like=spread)
        results.append(op.cast(op.Div(one, spread), _stash_name(node)))
    return results


@rule("RMSNormalization", exactness="reordered")
def rms_normalization_to_means(op: Ops, node: Node) -> str:
    """`y` = x / sqrt(mean(x^2) + epsilon) * scale over the last axes.

    Source: the function body of ONNX RMSNormalization-23; Zhang and Sennrich, arXiv 1910.07467.
    """
    x, dtype = node.inputs[0], float_input(node)
    rank = known_rank(node.input(0), "the input")
    axes = range(axis_in(integer(node, "axis"), rank), rank)
    wide = op.cast(x, _stash(node, dtype))
    mean_square = op.reduce("ReduceMean", op.Mul(wide, wide), axes)
    normal = op.Div(wide, standard_deviation(op, mean_square, number(node, "epsilon")))
    return op.Mul(op.cast(normal, dtype), node.inputs[1])


@rule("MeanVarianceNormalization", exactness="reordered")
def mean_variance_normalization_to_means(op: Ops, node: Node) -> str:
    """`y` = (x - mean) / (sqrt(mean((x - mean)^2)) + 1e-9).

    Source: the function body of ONNX MeanVarianceNormalization-9, in two passes.
    """
    x, dtype = node.inputs[0], float_input(node)
    rank = known_rank(node.input(0), "the input")
    axes = axes_in(integers(node, "axes") or (0, 2, 3), rank)
    wide = op.cast(x, widened(dtype))
    deviation, _, variance = centred(op, wide, axes)
    spread = op.Add(op.Sqrt(variance), op.const(1e-9, like=wide))
    return op.cast(op.Div(deviation, spread), dtype)


@rule("LpNormalization", exactness="reordered")
def lp_normalization_to_sums(op: Ops, node: Node) -> str:
    """`y` = x / norm, norm = sum(|x|) or sqrt(sum(x^2)); 0 where the norm is 0.

    A zero norm gets 1 added, so that the zeros are divided by 1.

    Source: ONNX LpNormalization-22, which defines the zero case.
    """
    x, dtype, p = node.inputs[0], float_input(node), integer(node, "p")
    rank = known_rank(node.input(0), "the input")
    axes = [axis_in(integer(node, "axis"), rank)]
    require(p in {1, 2}, f"p is {p}, and ONNX defines 1 and 2")
    wide = op.cast(x, widened(dtype))
    if p == 1:
        norm = op.reduce("ReduceSum", op.Abs(wide), axes)
    else:
        norm = op.Sqrt(op.reduce("ReduceSum", op.Mul(wide, wide), axes))
    is_zero = op.cast(op.Equal(norm, op.const(0.0, like=norm)), widened(dtype))
    return op.cast(op.Div(wide, op.Add(norm, is_zero)), dtype)


@rule("BatchNormalization", exactness="reordered", versions=(9, 14, 15))
def batch_normalization_to_affine(op: Ops, node: Node) -> str:
    """`y` = a * x + b, with a = scale / sqrt(var + epsilon), b = bias - mean * a constants.

    Source: ONNX BatchNormalization-9, inference; Ioffe and Szegedy, arXiv 1502.03167. Folded in
    double precision.
    """
    x = node.inputs[0]
    dtype, rank = _batch_normalization_input(node)
    scale, bias, mean, var = (
        known_constant(node, index).astype(np.float64) for index in range(1, 5)
    )
    with np.errstate(all="ignore"):
        factor = scale / np.sqrt(var + number(node, "epsilon"))
        offset = bias - mean * factor
    require(finite(factor) and finite(offset), "a folded factor is not finite")
    shape = (-1, *[1] * (rank - 2))
    scaled = op.Mul(x, _constant(op, factor.reshape(shape), dtype))
    return op.Add(scaled, _constant(op, offset.reshape(shape), dtype))


@rule("BatchNormalization", exactness="reordered", versions=(9, 14, 15))
def batch_normalization_to_arithmetic(op: Ops, node: Node) -> str:
    """`y` = (x - mean) / sqrt(var + epsilon) * scale + bias, with parameters of any origin.

    Source: ONNX BatchNormalization-9, inference.
    """
    x = node.inputs[0]
    dtype, rank = _batch_normalization_input(node)
    scale, bias, mean, var = (
        op.cast(along_channels(op, node, index, rank), dtype) for index in range(1, 5)
    )
    spread = standard_deviation(op, var, number(node, "epsilon"))
    return op.Add(op.Mul(op.Div(op.Sub(x, mean), spread), scale), bias)


def _batch_normalization_input(node: Node) -> tuple[str, int]:
    if integer(node, "training_mode", 0):
        decline("training_mode is set")
    dtype, rank = float_input(node), known_rank(node.input(0), "the input")
    require(rank >= 2, "the input has no channel axis")
    return dtype, rank


def _constant(op: Ops, array: Array, dtype: str) -> str:
    with np.errstate(over="ignore"):
        return op.const(array, dtype)
