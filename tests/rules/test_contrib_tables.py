from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import helper
from rules.harness import assert_equivalent, rewrite, single, the_rule, with_nodes
from rules.support import MICROSOFT, contrib, declines, few, numbers, prove

from porting.rules import contrib_tables as rules


@few
@given(
    bits=st.sampled_from([2, 4, 8]),
    zeros=st.booleans(),
    blocks=st.integers(1, 3),
    rows=st.integers(1, 5),
    half=st.booleans(),
)
def test_rows_of_packed_blocks_are_the_same(
    bits: int, zeros: bool, blocks: int, rows: int, half: bool
) -> None:
    random = np.random.default_rng(rows)
    width = 16 * blocks * bits // 8
    data = random.integers(0, 256, (rows, width)).astype(np.uint8)
    scales = numbers(rows, blocks, seed=1).astype(np.float16 if half else np.float32)
    inputs: list[Any] = [data, random.integers(-rows, rows, (2, 3)), scales]
    inputs += [random.integers(0, 256, (rows, -(-blocks * bits // 8))).astype(np.uint8)] * zeros
    built = contrib(
        "GatherBlockQuantized", inputs, constants=(0, 2, 3), bits=bits, block_size=16,
        quantize_axis=1, gather_axis=0,
    )  # fmt: skip
    # onnx.reference does not know onnxruntime's own operators
    prove(rules.ms_gather_of_blocks_to_gather, built, targets=(11, 13, 17), reference=False,
          rel=1e-2 if half else 1e-5)  # fmt: skip


@pytest.mark.parametrize("dtype", [ml_dtypes.int4, ml_dtypes.uint4])
@pytest.mark.parametrize("axis", [0, 1])
def test_rows_of_four_bits_are_the_same(dtype: Any, axis: int) -> None:
    data = np.random.default_rng(0).integers(0, 7, (32, 32)).astype(dtype)
    scales = numbers(*((2, 32) if axis == 0 else (32, 2)), seed=1)
    built = single(
        "GatherBlockQuantized", [data, np.array([3, 30]), scales], opset=21, ir_version=10,
        domain=MICROSOFT, constants=(0, 2), block_size=16, quantize_axis=axis, gather_axis=1 - axis,
    )  # fmt: skip
    prove(rules.ms_gather_of_blocks_to_gather, built, targets=(13, 21), reference=False)


def transform(x: np.ndarray, inverse: bool) -> Any:
    """ONNX's DFT of the same signal, along the last axis of a real or a complex tensor."""
    pairs = x if inverse else x[..., None]
    axis = pairs.ndim - 2
    if not inverse:
        node = helper.make_node("DFT", ["in0"], ["out0"], axis=axis, onesided=1)
        return with_nodes([node], ["in0"], [pairs], opset=17)
    whole = np.concatenate([pairs, pairs[..., -2:0:-1, :] * [1, -1]], axis).astype(np.float32)
    nodes = [helper.make_node("DFT", ["in0"], ["c"], axis=axis, inverse=1)]
    nodes.append(helper.make_node("Gather", ["c", "zero"], ["out0"], axis=axis + 1))
    return with_nodes(nodes, ["in0", "zero"], [whole, np.array(0)], opset=17, constants=(1,))


@few
@given(
    leading=st.lists(st.integers(1, 3), min_size=1, max_size=2),
    half=st.integers(1, 5),
    odd=st.booleans(),
)
def test_transforms_are_those_of_onnx(leading: list[int], half: int, odd: bool) -> None:
    # onnxruntime has kernels for CUDA alone
    x = numbers(*leading, 2 * half + odd)
    close: dict[str, Any] = {"rel": 1e-4, "absolute": 1e-5}
    model, feed = contrib("Rfft", [x], signal_ndim=1, onesided=1, normalized=0)
    wanted, same = transform(x, inverse=False)
    compare(wanted, same, rewrite(model, the_rule(rules.ms_rfft_to_matmul)), feed, close)
    y = numbers(*leading, half + 1, 2)
    y[..., [0, -1], 1] = 0.0  # of a real signal
    model, feed = contrib("Irfft", [y], signal_ndim=1, onesided=1, normalized=0)
    wanted, same = transform(y, inverse=True)
    compare(wanted, same, rewrite(model, the_rule(rules.ms_irfft_to_matmul)), feed, close)


def compare(wanted: Any, same: Any, result: Any, feed: Any, close: dict[str, Any]) -> None:
    """Both models have one input of that name, with other contents."""
    wanted.graph.input[0].name = wanted.graph.node[0].input[0] = "other"
    assert_equivalent(wanted, result, {**feed, "other": same["in0"]}, **close)


def test_what_is_declined() -> None:
    rule = rules.ms_gather_of_blocks_to_gather
    inputs = [np.zeros((2, 8), np.uint8), np.array([0]), numbers(2, 1)]
    open_table = contrib("GatherBlockQuantized", inputs, block_size=16)
    declines(rule, open_table, "not constants that can be unpacked")
    x = numbers(2, 8)
    two = contrib("Rfft", [x], signal_ndim=2, onesided=1)
    declines(rules.ms_rfft_to_matmul, two, "over several axes")
    whole = contrib("Rfft", [x], signal_ndim=1, onesided=0)
    declines(rules.ms_rfft_to_matmul, whole, "not one-sided")
    real = contrib("Irfft", [numbers(2, 3)], signal_ndim=1)
    declines(rules.ms_irfft_to_matmul, real, "not complex")
