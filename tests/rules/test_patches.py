from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules.harness import single
from rules.support import arrays, declines, few, numbers, prove

from porting.rules import patches as rules

FLAGS = st.sampled_from([0, 1])
NONE = np.array([])
OPSETS = (11, 13, 18)


@st.composite
def columns(draw: st.DrawFn, *, overlap: bool, lines: bool = False) -> Any:
    """A Col2Im node whose patches all lie within the padded image."""
    rank = 1 if lines else 2
    block = [draw(st.integers(1, 3)) for _ in range(rank)]
    strides = [draw(st.integers(1, 3)) if overlap else b for b in block]
    dilated = overlap and not lines  # onnxruntime mixes up the channels of dilated lines
    dilations = [draw(st.integers(1, 2)) if dilated else 1 for _ in range(rank)]
    pads = [draw(st.integers(0, 1)) for _ in range(2 * rank)]
    image = [draw(st.integers(6, 8)) for _ in range(rank)]
    counts = [
        (image[i] + pads[i] + pads[i + rank] - (block[i] - 1) * dilations[i] - 1) // strides[i] + 1
        for i in range(rank)
    ]
    channels = draw(st.integers(1, 2))
    shape = (2, channels * int(np.prod(block)), int(np.prod(counts)))
    inputs = [draw(arrays(shape, NONE)), np.array(image), np.array(block)]
    return single(
        "Col2Im", inputs, opset=18, constants=[1, 2], strides=strides, dilations=dilations,
        pads=pads,
    )  # fmt: skip


@few
@given(case=columns(overlap=False))
def test_patches_side_by_side_are_a_permutation(case: Any) -> None:
    operators = prove(rules.col2im_to_transpose, case, targets=OPSETS)
    assert set(operators) <= {"Reshape", "Transpose", "Slice", "Pad"}


@pytest.mark.parametrize(
    "function", [rules.col2im_to_additions, rules.col2im_to_transposed_convolution]
)
@pytest.mark.parametrize("lines", [False, True])
@few
@given(data=st.data())
def test_overlapping_patches_are_added(function: Any, lines: bool, data: Any) -> None:
    case = data.draw(columns(overlap=True, lines=lines))
    # onnx.reference has no grouped transposed convolution of one channel
    plain = function is rules.col2im_to_additions
    prove(function, case, targets=OPSETS, absolute=1e-5, reference=plain)


def test_dilated_patches_of_lines() -> None:
    inputs = [numbers(2, 6, 4), np.array([6]), np.array([2])]
    case = single("Col2Im", inputs, opset=18, constants=[1, 2], dilations=[2])
    prove(rules.col2im_to_additions, case, ort=False)  # see above


def test_an_infinity_stays_at_its_pixel() -> None:
    x = numbers(1, 4, 9)
    x[0, 1, 3] = np.inf
    inputs = [x, np.array([4, 4]), np.array([2, 2])]
    prove(rules.col2im_to_additions, single("Col2Im", inputs, opset=18, constants=[1, 2]))


def test_patches_that_overlap_or_are_large_are_declined() -> None:
    inputs = [numbers(1, 4, 9), np.array([4, 4]), np.array([2, 2])]
    case = single("Col2Im", inputs, opset=18, constants=[1, 2])
    declines(rules.col2im_to_transpose, case, "overlap")
    inputs = [numbers(1, 36, 1), np.array([6, 6]), np.array([6, 6])]
    case = single("Col2Im", inputs, opset=18, constants=[1, 2])
    declines(rules.col2im_to_additions, case, "more than 32 pixels")
    computed = single("Col2Im", inputs, opset=18)
    declines(rules.col2im_to_transpose, computed, "is not a constant")


@few
@given(
    x=arrays((5, 4, 3)),
    wanted=st.lists(st.integers(1, 7), min_size=3, max_size=3),
    axes=st.sampled_from([None, [0], [1, -1], [2, 0]]),
)
def test_centres_are_slices_or_padded(
    x: np.ndarray, wanted: list[int], axes: list[int] | None
) -> None:
    size = wanted[: len(axes)] if axes else wanted
    attributes = {} if axes is None else {"axes": axes}
    inputs = [x, np.array(size)]
    case = single("CenterCropPad", inputs, opset=18, constants=[1], **attributes)
    prove(rules.center_crop_pad_to_slice, case, targets=OPSETS)


def test_centres_of_unknown_axes_are_declined() -> None:
    model, feed = single("CenterCropPad", [numbers(5), np.array([3])], opset=18, constants=[1])
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "n"
    declines(rules.center_crop_pad_to_slice, (model, feed), "size of an axis is not known")


@few
@given(
    x=arrays((1, 2, 2, 3)), kernel=st.integers(2, 3), sized=st.booleans(), seed=st.integers(0, 9)
)
def test_unpooled_elements_are_written_into_zeros(
    x: np.ndarray, kernel: int, sized: bool, seed: int
) -> None:
    result = (1, 2, 2 * kernel, 3 * kernel)
    total = int(np.prod(result))
    places = np.random.default_rng(seed).permutation(total)[: x.size].reshape(x.shape)
    inputs = [x, places, *([np.array(result)] if sized else [])]
    sides = [kernel, kernel]
    case = single("MaxUnpool", inputs, opset=11, constants=[2], kernel_shape=sides, strides=sides)
    prove(rules.max_unpool_to_scatter, case, targets=OPSETS)


def test_a_result_of_another_size_is_declined() -> None:
    inputs = [numbers(1, 1, 1, 1), np.zeros((1, 1, 1, 1), np.int64), np.array([1, 1, 3, 3])]
    case = single("MaxUnpool", inputs, opset=11, constants=[2], kernel_shape=[2, 2], strides=[2, 2])
    declines(rules.max_unpool_to_scatter, case, "runtimes differ on places")


@few
@given(lead=st.sampled_from([(), (3,), (2, 2)]), rows=st.integers(1, 3))
def test_small_determinants_are_products(lead: tuple[int, ...], rows: int) -> None:
    case = single("Det", [numbers(*lead, rows, rows)], opset=11)
    prove(rules.det_to_products, case, targets=OPSETS, absolute=1e-5)


def test_determinants_of_large_matrices_are_declined() -> None:
    declines(rules.det_to_products, single("Det", [numbers(4, 4)], opset=11), "three rows")


@few
@given(
    values=st.lists(st.integers(-2, 2), min_size=6, max_size=6),
    axis=st.sampled_from([None, 0, 1, -1]),
    ordered=FLAGS,
    dtype=st.sampled_from(["float32", "int64"]),
)
def test_different_elements_of_a_constant_are_constants(
    values: list[int], axis: int | None, ordered: int, dtype: str
) -> None:
    x = np.array(values, dtype).reshape(3, 2)
    attributes = {"sorted": ordered} | ({} if axis is None else {"axis": axis})
    case = single("Unique", [x], opset=11, outputs=4, constants=[0], **attributes)
    # onnx.reference confuses the order in which elements are first met
    prove(rules.unique_to_constants, case, targets=OPSETS, reference=bool(ordered))


def test_different_elements_of_a_computed_tensor_are_declined() -> None:
    declines(rules.unique_to_constants, single("Unique", [numbers(3)], opset=11), "is computed")
    nan = np.array([np.nan, 1], np.float32)
    odd = single("Unique", [nan], opset=11, constants=[0])
    declines(rules.unique_to_constants, odd, "one is NaN")
