from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules.harness import single
from rules.support import declines, few, numbers, prove

from porting.rules import regions as rules

ROIS = [rules.roi_align_to_matmul, rules.roi_align_to_grid_sample]


@st.composite
def aligned(draw: st.DrawFn, *, samples: Any) -> Any:
    """Inputs and attributes of RoiAlign: regions inside, across and beyond the image's edge."""
    random = np.random.default_rng(draw(st.integers(0, 999)))
    count = draw(st.integers(1, 3))
    low = random.uniform(-3, 8, (count, 2))
    corners = np.concatenate([low, low + random.uniform(0.1, 6, (count, 2))], axis=1)
    inputs = [numbers(2, 3, 6, 5), corners.astype(np.float32), random.integers(0, 2, count)]
    attributes = {
        "output_height": draw(st.integers(1, 3)),
        "output_width": draw(st.integers(1, 2)),
        "sampling_ratio": draw(samples),
        "spatial_scale": draw(st.sampled_from([1.0, 0.5])),
    }
    return inputs, attributes


@pytest.mark.parametrize("opset", [10, 16])
@pytest.mark.parametrize("function", ROIS)
@few
@given(drawn=aligned(samples=st.integers(1, 3)), half=st.booleans())
def test_regions_are_products_or_samples(function: Any, opset: int, drawn: Any, half: bool) -> None:
    inputs, attributes = drawn
    mode = "half_pixel" if half else "output_half_pixel"
    extra = {"coordinate_transformation_mode": mode} if opset > 10 else {}
    case = single("RoiAlign", inputs, opset=opset, **attributes, **extra)
    sampled = function is rules.roi_align_to_grid_sample
    # onnx.reference does not know RoiAlign of opset 10, nor the modes of GridSample at opset 16
    known = opset > 10
    prove(function, case, targets=(20,) if sampled else (13, 16), absolute=1e-5, rel=1e-4,
          reference=known)  # fmt: skip
    if sampled:
        prove(function, case, targets=(16,), absolute=1e-5, rel=1e-4, reference=False)


@few
@given(drawn=aligned(samples=st.integers(0, 2)))
def test_constant_regions_may_have_samples_of_their_own_number(drawn: Any) -> None:
    inputs, attributes = drawn
    case = single("RoiAlign", inputs, opset=16, constants=[1, 2], **attributes)
    prove(rules.roi_align_to_matmul, case, targets=(13, 16), absolute=1e-5, rel=1e-4)


def test_regions_that_stay() -> None:
    inputs = [numbers(1, 1, 4, 4), np.array([[0, 0, 2, 2]], np.float32), np.array([0])]
    for function in ROIS:
        most = single("RoiAlign", inputs, opset=16, mode="max", sampling_ratio=1)
        declines(function, most, "runtimes differ on the maximum")
        own = single("RoiAlign", inputs, opset=16)
        declines(function, own, "its own number of samples")


@few
@given(
    seed=st.integers(0, 99),
    kernel=st.sampled_from([(1, 1), (2, 3), (3, 3)]),
    strides=st.sampled_from([[1, 1], [2, 1]]),
    padded=st.integers(0, 1),
    dilations=st.sampled_from([[1, 1], [1, 2]]),
    groups=st.sampled_from([(1, 1), (2, 1), (1, 2)]),
    masked=st.booleans(),
    biased=st.booleans(),
)
def test_shifted_kernels_are_samples(
    seed: int,
    kernel: tuple[int, int],
    strides: list[int],
    padded: int,
    dilations: list[int],
    groups: tuple[int, int],
    masked: bool,
    biased: bool,
) -> None:
    random = np.random.default_rng(seed)
    image, size = (7, 8), kernel[0] * kernel[1]
    result = [
        (image[i] + 2 * padded - (kernel[i] - 1) * dilations[i] - 1) // strides[i] + 1
        for i in range(2)
    ]
    offsets = random.uniform(-2, 2, (2, groups[1] * size * 2, *result)).astype(np.float32)
    mask = random.uniform(0, 1, (2, groups[1] * size, *result)).astype(np.float32)
    inputs = [
        numbers(2, 4, *image), numbers(2, 4 // groups[0], *kernel), offsets,
        numbers(2) if biased else None, mask if masked else None,
    ]  # fmt: skip
    case = single(
        "DeformConv", inputs, opset=19, ir_version=9, strides=strides, pads=[padded] * 4,
        dilations=dilations, group=groups[0], offset_group=groups[1],
    )  # fmt: skip
    function = rules.deform_conv_to_grid_sample
    prove(function, case, targets=(20,), absolute=1e-4, rel=1e-4)
    # see above
    prove(function, case, targets=(16, 19), absolute=1e-4, rel=1e-4, reference=False)


def test_shifted_kernels_over_a_line_are_declined() -> None:
    inputs = [numbers(1, 1, 1, 4), numbers(1, 1, 1, 1), np.zeros((1, 2, 1, 4), np.float32)]
    case = single("DeformConv", inputs, opset=19, ir_version=9)
    declines(rules.deform_conv_to_grid_sample, case, "an axis of the image is 1")
