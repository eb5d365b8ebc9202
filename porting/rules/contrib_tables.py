"""onnxruntime's operators that become reads of, or products with, constant tables."""

import numpy as np

from porting.legalize.ops import Ops
from porting.legalize.rule import decline, known_dtype, known_rank, require, rule
from porting.model.dtypes import numpy_dtype
from porting.model.graph import Node
from porting.model.value import Array
from porting.rules.common import axis_in, float_input, integer, optional_input
from porting.rules.heads import length_of, needed
from porting.rules.quantized import WEIGHTS
from porting.rules.quantized_weights import unpacked

LONGEST_SIGNAL = 1024
"""Elements of a signal up to which its transform is a product with a matrix."""


@rule("com.microsoft::GatherBlockQuantized", exactness="conditional")
def ms_gather_of_blocks_to_gather(op: Ops, node: Node) -> str:
    """Gather from a table that is dequantised here, unless an index is out of range.

    onnxruntime gives zeros for such an index, Gather an error. The table grows from 4 bits to 32
    per element.

    Source: onnxruntime's contrib operators, com.microsoft.GatherBlockQuantized: the low bits come
    first; without zero points the zero is half the range of packed bytes, and 0 of other types.
    """
    dtype = known_dtype(node.input(2), "the scales")
    table = _table(node)
    axis = axis_in(integer(node, "gather_axis", 0), table.ndim)
    return op.Gather(op.const(table.astype(numpy_dtype(dtype))), node.inputs[1], axis=axis)


def _table(node: Node) -> Array:
    """The dequantised numbers."""
    data, scales = node.const(0, WEIGHTS), node.const(2, WEIGHTS)
    if data is None or scales is None:
        decline("the table and its scales are not constants that can be unpacked")
    zeros = node.const(3, WEIGHTS) if optional_input(node, 3) is not None else None
    require(zeros is not None or optional_input(node, 3) is None, "the zero points are computed")
    bits, kind = integer(node, "bits", 4), str(data.dtype)
    require(kind in {"uint8", "int4", "uint4"}, f"a table of {kind} is not covered")
    axis = axis_in(integer(node, "quantize_axis", 1), data.ndim)
    middle = 0.0
    if kind == "uint8":
        require(bits in {2, 4, 8}, f"it has {bits} bits")
        middle = float(2 ** (bits - 1))
        data = unpacked(data, bits)
        zeros = None if zeros is None else unpacked(zeros, bits)[..., : scales.shape[-1]]
    numbers = data.astype(np.float32)
    rows = scales.astype(np.float32)
    offset = np.full_like(rows, middle) if zeros is None else zeros.astype(np.float32)
    block = integer(node, "block_size", 128)
    rows, offset = (
        np.repeat(part, block, axis).take(np.arange(numbers.shape[axis]), axis)
        for part in (rows, offset)
    )
    return np.asarray((numbers - offset) * rows)


@rule("com.microsoft::Rfft", exactness="reordered")
def ms_rfft_to_matmul(op: Ops, node: Node) -> str:
    """X times the matrix [cos, -sin] of the transform: real and imaginary part of each frequency.

    Source: onnxruntime's contrib operators, com.microsoft.Rfft over one axis, one-sided.
    """
    dtype, rank = float_input(node), known_rank(node.input(0), "the input")
    _require_plain(node)
    length = needed(length_of(op, node.inputs[0], rank - 1), "the length of the signal")
    require(0 < length <= LONGEST_SIGNAL, f"the signal is empty or longer than {LONGEST_SIGNAL}")
    count = length // 2 + 1
    angles = _angles(length, count)
    matrix = np.stack([np.cos(angles), -np.sin(angles)], -1).reshape(length, -1)
    product = op.MatMul(node.inputs[0], op.const(matrix, dtype))
    return op.reshape(product, [*_leading(op, node, rank - 1), count, 2])


@rule("com.microsoft::Irfft", exactness="reordered")
def ms_irfft_to_matmul(op: Ops, node: Node) -> str:
    """Real and imaginary parts times the matrix of the inverse transform, divided by the length.

    The frequencies that stand for two, all but the first and the last, count twice.

    Source: onnxruntime's contrib operators, com.microsoft.Irfft over one axis, one-sided.
    """
    dtype, rank = float_input(node), known_rank(node.input(0), "the input")
    _require_plain(node)
    require(rank >= 2 and length_of(op, node.inputs[0], rank - 1) == 2, "the input is not complex")
    count = needed(length_of(op, node.inputs[0], rank - 2), "the number of frequencies")
    length = 2 * (count - 1)
    require(0 < length <= LONGEST_SIGNAL, f"the signal is empty or longer than {LONGEST_SIGNAL}")
    twice = np.full(count, 2.0)
    twice[[0, -1]] = 1.0
    angles = _angles(length, count).T
    parts = np.stack([np.cos(angles), -np.sin(angles)], 1) * twice[:, None, None] / length
    rows = op.reshape(node.inputs[0], [*_leading(op, node, rank - 2), 2 * count])
    return op.MatMul(rows, op.const(parts.reshape(2 * count, length), dtype))


def _angles(length: int, count: int) -> Array:
    """The angle of each frequency at each place, reduced to one turn in whole numbers."""
    turns = np.outer(np.arange(length), np.arange(count)) % length
    return np.asarray(2 * np.pi * turns / length)


def _leading(op: Ops, node: Node, count: int) -> list[int]:
    """The first dimensions for a Reshape, which copies each that is not known."""
    shape = [length_of(op, node.inputs[0], axis) for axis in range(count)]
    require(0 not in shape, "the input is empty")
    return [0 if size is None else size for size in shape]


def _require_plain(node: Node) -> None:
    require(integer(node, "signal_ndim", 1) == 1, "the transform is over several axes")
    require(integer(node, "onesided", 1) == 1, "it is not one-sided")
    require(integer(node, "normalized", 0) == 0, "it is normalised")
