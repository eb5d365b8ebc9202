from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules.harness import single
from rules.support import arrays, declines, few, prove

from porting.rules import caches as rules


@pytest.mark.parametrize("computed", [False, True])
@few
@given(
    cache=arrays((2, 3, 5, 2)), axis=st.sampled_from([-2, 1, 2, 3]), count=st.integers(1, 2),
    circular=st.booleans(), data=st.data(),
)  # fmt: skip
def test_a_cache_is_written_where_the_indices_say(
    computed: bool, cache: np.ndarray, axis: int, count: int, circular: bool, data: Any
) -> None:
    shape = list(cache.shape)
    length, shape[axis] = shape[axis], count
    most = 2 * length if circular else length - count
    indices = [data.draw(st.integers(0, most)) for _ in range(2)]
    update = data.draw(arrays(tuple(shape)))
    case = single(
        "TensorScatter", [cache, update, np.array(indices)], opset=24, ir_version=10, axis=axis,
        constants=[] if computed else [2], mode="circular" if circular else "linear",
    )  # fmt: skip
    prove(rules.tensor_scatter_to_where, case, targets=(11, 13, 18))


@few
@given(cache=arrays((2, 4, 3)), update=arrays((2, 2, 3)))
def test_a_cache_is_written_from_the_front(cache: np.ndarray, update: np.ndarray) -> None:
    case = single("TensorScatter", [cache, update], opset=24, ir_version=10)
    prove(rules.tensor_scatter_to_where, case, targets=(11, 13, 18))


def test_empty_updates_and_the_batch_are_declined() -> None:
    cache = np.zeros((2, 4), np.float32)
    empty = single("TensorScatter", [cache, cache[:, :0]], opset=24, ir_version=10, axis=1)
    declines(rules.tensor_scatter_to_where, empty, "is empty")
    batch = single("TensorScatter", [cache, cache], opset=24, ir_version=10)
    declines(rules.tensor_scatter_to_where, batch, "along the batch")
