from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from rules.support import MICROSOFT, arrays, contrib, declines, few, numbers, prove, shapes

from porting.rules import contrib_renamed as rules


# onnx.reference does not know onnxruntime's own operators.
@few
@given(x=arrays(shapes(least=2)), upper=st.integers(0, 1), k=st.sampled_from([None, -1, 1]))
def test_a_triangle_is_the_same(x: np.ndarray, upper: int, k: int | None) -> None:
    inputs = [x] if k is None else [x, np.array(k)]
    built = contrib("Trilu", inputs, upper=upper)
    prove(rules.ms_operator_of_onnx, built, op_type=f"{MICROSOFT}::Trilu", reference=False)


@few
@given(x=arrays((3, 4, 2)), width=st.integers(1, 3), count=st.integers(1, 3))
def test_gathered_slices_are_the_same(x: np.ndarray, width: int, count: int) -> None:
    ids = np.random.default_rng(0).integers(0, 2, (count, width))
    built = contrib("GatherND", [x, ids])
    prove(
        rules.ms_operator_of_onnx, built, op_type=f"{MICROSOFT}::GatherND", targets=(11, 17),
        reference=False,
    )  # fmt: skip


@few
@given(
    mode=st.sampled_from([None, "bilinear", "nearest", "bicubic"]),
    padding=st.sampled_from([None, "zeros", "border", "reflection"]),
    corners=st.integers(0, 1),
    size=st.integers(2, 5),
)
def test_sampled_grids_are_the_same(mode: Any, padding: Any, corners: int, size: int) -> None:
    grid = np.clip(numbers(1, 3, size, 2, seed=1), -1.2, 1.2)
    built = contrib(
        "GridSample", [numbers(1, 2, size, 4), grid], mode=mode, padding_mode=padding,
        align_corners=corners,
    )  # fmt: skip
    prove(rules.ms_grid_sample_of_onnx, built, targets=(16, 17, 20), absolute=1e-5, reference=False)


@few
@given(x=arrays(shapes(most=3)), axis=st.integers(-4, 3))
def test_an_expanded_axis_is_the_same(x: np.ndarray, axis: int) -> None:
    axis = max(min(axis, x.ndim), -x.ndim - 1)
    built = contrib("ExpandDims", [x, np.array(axis, np.int32)], constants=(1,))
    prove(rules.ms_expand_dims_to_unsqueeze, built, targets=(11, 13), reference=False)


@few
@given(
    start=st.integers(-3, 3),
    length=st.integers(1, 5),
    step=st.sampled_from([None, 1, 2]),
    dtype=st.sampled_from(["float32", "int64", "int32"]),
)
def test_a_range_is_the_same(start: int, length: int, step: Any, dtype: str) -> None:
    given_numbers = [start, start + length, *([] if step is None else [step])]
    built = contrib("Range", [np.array(n, dtype) for n in given_numbers])
    prove(rules.ms_range_of_onnx, built, targets=(11, 17), reference=False)


@few
@given(
    x=arrays(shapes(least=2, most=3, smallest=3)),
    mode=st.sampled_from([None, "constant", "reflect", "edge"]),
    value=st.sampled_from([None, 2.0]),
    row=st.booleans(),
    seed=st.integers(0, 9),
)
def test_a_padded_tensor_is_the_same(
    x: np.ndarray, mode: Any, value: Any, row: bool, seed: int
) -> None:
    pads = np.random.default_rng(seed).integers(0, 3, 2 * x.ndim)
    inputs = [x, pads[None] if row else pads]
    inputs += [] if value is None else [np.array([value], np.float32)]
    built = contrib("Pad", inputs, constants=(1,), mode=mode)
    prove(rules.ms_pad_of_onnx, built, targets=(11, 13, 17), reference=False)


@few
@given(x=st.lists(st.sampled_from([1.0, 2.0, 3.0, -0.5]), min_size=1, max_size=8))
def test_unique_elements_are_the_same(x: list[float]) -> None:
    built = contrib("Unique", [np.array(x, np.float32)], outputs=3)
    prove(rules.ms_unique_of_onnx, built, targets=(11, 17), reference=False)


def test_what_is_declined() -> None:
    x = numbers(2, 3)
    pads = contrib("Pad", [x, np.zeros(4, np.int64)])
    declines(rules.ms_pad_of_onnx, pads, "the pads are not constant")
    axis = contrib("ExpandDims", [x, np.array(0, np.int32)])
    declines(rules.ms_expand_dims_to_unsqueeze, axis, "the axis is not constant")
