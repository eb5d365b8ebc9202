from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from rules.harness import single
from rules.support import declines, few, prove

from porting.rules import pool_places as rules


def pool(x: np.ndarray, **attributes: Any) -> Any:
    return single("MaxPool", [x], opset=12, outputs=2, **attributes)


@few
@given(
    seed=st.integers(0, 2**32 - 1),
    kernel=st.sampled_from([[3], [2, 2], [3, 2], [2, 2, 2]]),
    padded=st.booleans(),
    dilated=st.booleans(),
    ceil=st.integers(0, 1),
    by_columns=st.integers(0, 1),
    ties=st.booleans(),
    stride=st.integers(1, 2),
)
def test_places_are_those_of_the_first_maximum(
    seed: int, kernel: list[int], padded: bool, dilated: bool, ceil: int, by_columns: int,
    ties: bool, stride: int,
) -> None:  # fmt: skip
    rank, random = len(kernel), np.random.default_rng(seed)
    x = random.standard_normal((2, 3, *range(6, 6 + rank)))
    x = (x.round() if ties else x) - 3  # below zero: a padded zero would show
    case = pool(
        x.astype(np.float32),
        kernel_shape=kernel,
        strides=[stride] * rank,
        pads=[int(padded)] * (2 * rank),
        dilations=[1 + dilated] * rank,
        ceil_mode=ceil,
        storage_order=by_columns,
    )
    # onnx.reference gives other places where a pool is padded, strided or dilated
    prove(rules.max_pool_with_places, case, targets=(11, 13, 18), reference=False)


def test_what_asks_for_no_places_or_has_a_large_window_is_declined() -> None:
    x = np.ones((1, 1, 8, 8), np.float32)
    plain = single("MaxPool", [x], opset=12, kernel_shape=[2, 2])
    declines(rules.max_pool_with_places, plain, "are not asked for")
    large = pool(x, kernel_shape=[6, 6])
    declines(rules.max_pool_with_places, large, "the window has more than 32")
    same = pool(x, kernel_shape=[2, 2], auto_pad="SAME_UPPER")
    declines(rules.max_pool_with_places, same, "auto_pad is SAME_UPPER")
    whole = single("MaxPool", [x.astype(np.int8)], opset=12, outputs=2, kernel_shape=[2, 2])
    declines(rules.max_pool_with_places, whole, "elements are int8")
