from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules.harness import rewrite, single, the_rule
from rules.support import declines, few, prove

from porting.legalize.rule import DeclinedError
from porting.rules import pool_forms as rules

FLAGS = st.sampled_from([0, 1])
OPSETS = (11, 13, 18)


def numbers(*shape: int) -> np.ndarray:
    x = np.random.default_rng(sum(shape)).standard_normal(shape)
    return (x - 2).astype(np.float32)  # mostly below zero: a padded zero would show


@st.composite
def windows(draw: st.DrawFn, *, dilated: bool = False) -> dict[str, Any]:
    """A window, and an image that it fits into."""
    kernel = [draw(st.integers(1, 4)) for _ in range(2)]
    pads = [draw(st.integers(0, max(k // 2, 0))) for k in [*kernel, *kernel]]
    dilations = [draw(st.integers(1, 2)) if dilated else 1 for _ in range(2)]
    strides = [draw(st.integers(1, k)) for k in kernel]
    found: dict[str, Any] = {"kernel_shape": kernel, "strides": strides, "pads": pads}
    return found | ({"dilations": dilations} if dilated else {})


IMAGES = st.tuples(st.integers(8, 11), st.integers(8, 11))


def pool(op_type: str, image: Any, *, opset: int = 12, **attributes: Any) -> Any:
    ir_version = 9 if opset >= 19 else 8
    return single(
        op_type, [numbers(1, 2, *image)], opset=opset, ir_version=ir_version, **attributes
    )


def rests(image: Any, w: dict[str, Any]) -> list[int]:
    """What is left of each axis behind the last window that fits."""
    found = []
    for axis in range(2):
        extent = (w["kernel_shape"][axis] - 1) * w.get("dilations", [1, 1])[axis] + 1
        room = image[axis] + w["pads"][axis] + w["pads"][axis + 2] - extent
        found.append(room % w["strides"][axis])
    return found


def applies(function: Any, case: Any, op_type: str) -> bool:
    try:
        rewrite(case[0], the_rule(function, op_type))
    except DeclinedError:
        return False
    return True


@pytest.mark.parametrize("op_type", ["MaxPool", "AveragePool"])
@few
@given(image=IMAGES, w=windows())
def test_ceil_mode_without_a_rest_is_dropped(op_type: str, image: Any, w: dict[str, Any]) -> None:
    case = pool(op_type, image, ceil_mode=1, **w)
    if not applies(rules.ceil_mode_without_effect, case, op_type):
        assert any(rests(image, w))
        return
    # onnx.reference pools padded windows otherwise
    prove(rules.ceil_mode_without_effect, case, op_type=op_type, reference=False, absolute=1e-5)


@few
@given(image=IMAGES, w=windows(dilated=True))
def test_the_last_maximum_is_padded(image: Any, w: dict[str, Any]) -> None:
    case = pool("MaxPool", image, ceil_mode=1, **w)
    if not applies(rules.max_pool_ceil_mode_to_pads, case, "MaxPool"):
        return
    # onnx.reference reads beyond dilated images
    prove(rules.max_pool_ceil_mode_to_pads, case, targets=OPSETS, reference=False)


@few
@given(image=IMAGES, w=windows(), counted=FLAGS)
def test_means_are_corrected_by_what_counts(image: Any, w: dict[str, Any], counted: int) -> None:
    case = pool("AveragePool", image, opset=19, ceil_mode=1, count_include_pad=counted, **w)
    if not applies(rules.average_pool_ceil_mode_to_pads, case, "AveragePool"):
        return
    # onnx.reference counts what ceil_mode adds, where padding counts
    prove(rules.average_pool_ceil_mode_to_pads, case, targets=OPSETS, reference=False,
          absolute=1e-5)  # fmt: skip


@few
@given(image=IMAGES, w=windows(dilated=True), ceil_mode=FLAGS)
def test_maxima_of_slices(image: Any, w: dict[str, Any], ceil_mode: int) -> None:
    case = pool("MaxPool", image, ceil_mode=ceil_mode, **w)
    operators = prove(rules.max_pool_to_slices, case, targets=OPSETS)
    assert "MaxPool" not in operators


@few
@given(image=IMAGES, w=windows(dilated=True), ceil_mode=FLAGS)
def test_maxima_one_axis_at_a_time(image: Any, w: dict[str, Any], ceil_mode: int) -> None:
    case = pool("MaxPool", image, ceil_mode=ceil_mode, **w)
    if 1 in w["kernel_shape"]:
        declines(rules.max_pool_one_axis_at_a_time, case, "pools along one axis")
        return
    # onnx.reference fails for a kernel of 1 along an axis
    prove(rules.max_pool_one_axis_at_a_time, case, targets=OPSETS, reference=False)


@few
@given(image=IMAGES, size=st.sampled_from([5, 7, 9]))
def test_a_large_maximum_is_one_of_small_ones(image: Any, size: int) -> None:
    attributes = {"kernel_shape": [size] * 2, "pads": [size // 2] * 4}
    case = pool("MaxPool", image, **attributes)
    operators = prove(rules.max_pool_to_cascade, case, targets=OPSETS)
    assert operators == ["MaxPool"] * (size // 2)


@few
@given(image=IMAGES, kernel=st.sampled_from([[4, 4], [6, 1], [4, 6], [9, 8]]))
def test_a_large_mean_is_one_of_small_ones(image: Any, kernel: list[int]) -> None:
    size = [(s // k + 1) * k + 1 for s, k in zip(image, kernel, strict=True)]
    case = pool("AveragePool", size, kernel_shape=kernel, strides=kernel)
    prove(rules.average_pool_in_two, case, targets=OPSETS, absolute=1e-5)


@few
@given(image=IMAGES, w=windows(), p=st.integers(3, 5))
def test_norms_of_any_power(image: Any, w: dict[str, Any], p: int) -> None:
    case = pool("LpPool", image, p=p, **w)
    # onnx.reference gives a window at the edge the size of what is inside
    prove(rules.lp_pool_of_any_p, case, targets=OPSETS, reference=False, rel=1e-4)
    case = pool("GlobalLpPool", image, p=p)
    # onnx.reference has none
    prove(rules.global_lp_pool_of_any_p, case, targets=OPSETS, reference=False, rel=1e-4)


@pytest.mark.parametrize("op_type", ["MaxPool", "AveragePool", "LpPool"])
@few
@given(length=st.integers(6, 9), kernel=st.integers(1, 3), stride=st.integers(1, 2), end=FLAGS)
def test_lines_are_images_of_height_one(
    op_type: str, length: int, kernel: int, stride: int, end: int
) -> None:
    pads = [kernel // 2, (kernel // 2) * end]
    case = single(
        op_type, [numbers(2, 3, length)], opset=12, kernel_shape=[kernel],
        strides=[min(stride, kernel)], pads=pads,
    )  # fmt: skip
    # onnx.reference fails for a kernel of 1 along an axis
    prove(rules.pool_of_lines_to_images, case, op_type=op_type, targets=(12, 18), absolute=1e-5,
          reference=False)  # fmt: skip


def test_pools_that_stay() -> None:
    image = (8, 8)
    plain = pool("MaxPool", image, kernel_shape=[2, 2])
    declines(rules.max_pool_ceil_mode_to_pads, plain, "ceil_mode is not set")
    declines(rules.ceil_mode_without_effect, plain, "ceil_mode is not set", op_type="MaxPool")
    declines(rules.max_pool_to_cascade, plain, "not centred")
    large = pool("MaxPool", image, kernel_shape=[8, 8])
    declines(rules.max_pool_to_slices, large, "more than 32")
    same = pool("MaxPool", image, kernel_shape=[2, 2], auto_pad="SAME_UPPER")
    declines(rules.max_pool_to_slices, same, "auto_pad is SAME_UPPER")
    overlapping = pool("AveragePool", image, kernel_shape=[4, 4], strides=[2, 2])
    declines(rules.average_pool_in_two, overlapping, "windows overlap")
    prime = pool("AveragePool", image, kernel_shape=[3, 5], strides=[3, 5])
    declines(rules.average_pool_in_two, prime, "no factors")
    places = single("MaxPool", [numbers(1, 1, 4, 4)], opset=12, outputs=2, kernel_shape=[2, 2])
    declines(rules.max_pool_to_slices, places, "places of the maxima")
    declines(rules.lp_pool_of_any_p, pool("LpPool", image, kernel_shape=[2, 2]), "of its own")


@few
@given(image=IMAGES, w=windows(dilated=True), counted=FLAGS)
def test_dilated_means_are_corrected_where_nothing_is_padded(
    image: Any, w: dict[str, Any], counted: int
) -> None:
    ceil = {"ceil_mode": 1, "count_include_pad": counted}
    case = pool("AveragePool", image, opset=19, **ceil, **(w | {"pads": [0] * 4}))
    if applies(rules.average_pool_ceil_mode_to_pads, case, "AveragePool"):
        prove(rules.average_pool_ceil_mode_to_pads, case, absolute=1e-5)
    if max(w["pads"]) and max(w["dilations"]) > 1:
        padded = pool("AveragePool", image, opset=19, **ceil, **w)
        declines(rules.average_pool_ceil_mode_to_pads, padded, "padding of dilated windows")


def test_a_mean_with_ceil_mode_counts_no_more_than_there_is() -> None:
    ones = np.ones((1, 1, 3, 3), np.float32)
    case = single(
        "AveragePool", [ones], opset=19, ir_version=9, kernel_shape=[2, 2], strides=[2, 2],
        ceil_mode=1,
    )  # fmt: skip
    prove(rules.average_pool_ceil_mode_to_pads, case)


@few
@given(
    image=st.lists(st.integers(3, 6), min_size=1, max_size=3),
    size=st.integers(1, 3),
    stride=st.integers(1, 2),
    padded=st.booleans(),
)
def test_places_by_columns_follow_from_places_by_rows(
    image: list[int], size: int, stride: int, padded: bool
) -> None:
    rank = len(image)
    attributes: dict[str, Any] = {
        "kernel_shape": [size] * rank,
        "strides": [stride] * rank,
        "pads": [size // 2 * padded] * (2 * rank),
    }
    case = pool("MaxPool", image, outputs=2, storage_order=1, **attributes)
    # onnx.reference counts within two axes only, and not beyond the first channel
    prove(rules.max_pool_places_by_columns, case, targets=OPSETS, reference=False)


def test_places_by_rows_are_left() -> None:
    case = pool("MaxPool", (4, 4), outputs=2, kernel_shape=[2, 2])
    declines(rules.max_pool_places_by_columns, case, "storage_order is not set")
