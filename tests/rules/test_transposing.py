from itertools import pairwise, permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules.harness import rewrite, run_reference, single, the_rule
from rules.support import arrays, declines, few, prove

from porting.rules import transposing as rules

NONE = np.array([])
OPSETS = (11, 13, 18)


def numbers(*shape: int) -> np.ndarray:
    return np.arange(int(np.prod(shape)), dtype=np.float32).reshape(shape)


@few
@given(
    data=st.data(),
    shape=st.lists(st.integers(1, 3), min_size=2, max_size=6),
)
def test_permutations_in_parts(data: Any, shape: list[int]) -> None:
    perm = data.draw(st.permutations(range(len(shape))))
    case = single("Transpose", [numbers(*shape)], opset=13, perm=perm)
    long = [axis for axis in perm if shape[axis] > 1]
    order = [sorted(long).index(axis) for axis in long]
    breaks = sum(b != a + 1 for a, b in pairwise(order))
    if 0 < breaks < len(shape) - 1:
        prove(rules.transpose_of_merged_axes, case, targets=OPSETS)
    else:
        declines(rules.transpose_of_merged_axes, case, "stay next to each other")
    if breaks > 2:
        prove(rules.transpose_by_swaps, case, targets=OPSETS)
    else:
        declines(rules.transpose_by_swaps, case, "swaps two runs")


@pytest.mark.parametrize("rank", [4, 5])
def test_every_permutation_is_made_of_swaps_of_low_rank(rank: int) -> None:
    x = numbers(*range(2, 2 + rank))
    rule = the_rule(rules.transpose_by_swaps)
    applied = 0
    for perm in permutations(range(rank)):
        if sum(b != a + 1 for a, b in pairwise(perm)) <= 2:
            continue
        model, feed = single("Transpose", [x], opset=13, perm=perm)
        applied += 1
        result = rewrite(model, rule)
        transposes = [n for n in result.graph.node if n.op_type == "Transpose"]
        assert all(len(n.attribute[0].ints) <= 4 for n in transposes)
        np.testing.assert_array_equal(run_reference(result, feed)[0], x.transpose(perm))
    assert applied


def test_open_and_empty_shapes_are_declined() -> None:
    model, feed = single("Transpose", [numbers(2, 3, 4)], opset=13, perm=[1, 2, 0])
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "n"
    declines(rules.transpose_of_merged_axes, (model, feed), "is not static")
    empty = single("Transpose", [numbers(2, 0, 4)], opset=13, perm=[1, 2, 0])
    declines(rules.transpose_by_swaps, empty, "the input is empty")


@few
@given(x=arrays((2, 3, 4, 6)), block=st.integers(1, 2))
def test_blocks_become_channels_by_slices(x: np.ndarray, block: int) -> None:
    case = single("SpaceToDepth", [x], opset=13, blocksize=block)
    prove(rules.space_to_depth_to_slices, case, targets=OPSETS)


@few
@given(x=arrays((2, 3, 4, 6), NONE), block=st.integers(1, 2))
def test_blocks_become_channels_by_convolution(x: np.ndarray, block: int) -> None:
    case = single("SpaceToDepth", [x], opset=13, blocksize=block)
    prove(rules.space_to_depth_to_convolution, case, targets=OPSETS, rel=0, absolute=0)


@few
@given(
    x=arrays((2, 12, 2, 3), NONE),
    block=st.integers(1, 2),
    mode=st.sampled_from(["DCR", "CRD"]),
)
def test_channels_become_blocks_by_convolution(x: np.ndarray, block: int, mode: str) -> None:
    case = single("DepthToSpace", [x], opset=13, blocksize=block, mode=mode)
    prove(rules.depth_to_space_to_transposed_convolution, case, targets=OPSETS, rel=0, absolute=0)


def test_large_blocks_and_integers_are_declined() -> None:
    large = single("SpaceToDepth", [numbers(1, 1, 9, 9)], opset=13, blocksize=9)
    declines(rules.space_to_depth_to_slices, large, "more than 64 pixels")
    wide = single("DepthToSpace", [numbers(1, 2048, 1, 1)], opset=13, blocksize=2)
    reason = "the kernel would be large"
    declines(rules.depth_to_space_to_transposed_convolution, wide, reason)
    whole = single("SpaceToDepth", [np.zeros((1, 1, 2, 2), np.int64)], opset=13, blocksize=2)
    declines(rules.space_to_depth_to_convolution, whole, "it is for floating point")


def test_an_infinity_in_a_block_differs_as_the_class_says() -> None:
    x = np.full((1, 1, 2, 2), np.inf, np.float32)
    case = single("SpaceToDepth", [x], opset=13, blocksize=2)
    with pytest.raises(AssertionError, match=r"became .*nan"):
        prove(rules.space_to_depth_to_convolution, case)
