from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules.harness import rewrite, run_ort, single, the_rule
from rules.support import arrays, declines, few, prove

from porting.rules import local_normalization as rules

FUNCTIONS = [rules.lrn_to_average_pool, rules.lrn_to_slices]


@pytest.mark.parametrize("function", FUNCTIONS)
@few
@given(
    x=arrays(st.tuples(st.just(2), st.integers(1, 6), st.just(2), st.just(3)), np.array([0.0])),
    size=st.sampled_from([1, 3, 5]),
    beta=st.sampled_from([0.75, 1.0, 0.5]),
)
def test_pixels_are_divided_by_their_neighbours(
    function: Any, x: np.ndarray, size: int, beta: float
) -> None:
    case = single("LRN", [x], opset=13, size=size, alpha=0.3, beta=beta, bias=1.5)
    # onnx.reference loops over the batch in place of the channels
    prove(function, case, targets=(11, 13, 18), absolute=1e-5, rel=1e-4, reference=False)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("size", [2, 3, 4])
@pytest.mark.parametrize("pixels", [(3,), (2, 1, 2)])
def test_even_windows_of_lines_and_volumes(function: Any, size: int, pixels: Any) -> None:
    x = np.random.default_rng(size).standard_normal((2, 5, *pixels)).astype(np.float32)
    model, feed = single("LRN", [x], opset=13, size=size, alpha=0.3, beta=0.5, bias=1.5)
    result = rewrite(model, the_rule(function))
    # onnxruntime has no kernel for these
    total = np.zeros_like(x)
    for channel in range(5):
        low, high = channel - (size - 1) // 2, channel + size // 2
        total[:, channel] = (x[:, max(low, 0) : high + 1] ** 2).sum(axis=1)
    expected = x / np.sqrt(1.5 + 0.3 / size * total)
    np.testing.assert_allclose(run_ort(result, feed)[0], expected, rtol=1e-5)


def test_half_precision_and_unknown_channels_are_declined() -> None:
    x = np.ones((1, 3, 2, 2), np.float32)
    for function in FUNCTIONS:
        half = single("LRN", [x.astype(np.float16)], opset=13, size=3)
        declines(function, half, "overflow in half precision")
    model, feed = single("LRN", [x], opset=13, size=3)
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_param = "c"
    declines(rules.lrn_to_slices, (model, feed), "number of channels is not known")
    wide = single("LRN", [x], opset=13, size=33)
    declines(rules.lrn_to_slices, wide, "more than 32 channels")
