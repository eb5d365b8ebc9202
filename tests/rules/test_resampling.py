from typing import Any

import numpy as np
import pytest
from hypothesis import given, reject
from hypothesis import strategies as st
from rules.harness import rewrite, run_ort, single, the_rule
from rules.support import arrays, declines, few, numbers, prove

from porting.legalize.rule import DeclinedError
from porting.rules import resampling as rules
from porting.rules.interpolation import COORDINATES, ROUNDINGS

NO_SHIFT = sorted(set(COORDINATES) - {"tf_half_pixel_for_nn"})
NONE = np.array([])


def resize(
    x: np.ndarray, *, scales: Any = None, sizes: Any = None, opset: int = 19, **attributes: Any
) -> Any:
    inputs = [
        x,
        None,
        None if scales is None else np.array(scales, np.float32),
        None if sizes is None else np.array(sizes, np.int64),
    ]
    inputs = inputs[: 4 if sizes is not None else 3]
    constants = [2] if sizes is None else [3]
    return single("Resize", inputs, opset=opset, constants=constants, ir_version=9, **attributes)


def gathers(case: Any) -> None:
    """The rule applies and is right, or says that the pixels are not settled."""
    try:
        operators = prove(rules.resize_to_gather, case, targets=(11, 13, 18), reference=False)
    except DeclinedError as error:
        assert "depends on the runtime's rounding" in str(error)  # noqa: PT017
        reject()
    assert set(operators) <= {"Gather", "Identity"}


# onnx.reference stretches an axis of unchanged size too, in the modes that shift it.
@few
@given(
    data=st.data(),
    sizes=st.lists(st.integers(1, 11), min_size=2, max_size=2),
    transformation=st.sampled_from(sorted(COORDINATES)),
    rounding=st.sampled_from(sorted(ROUNDINGS)),
)
def test_nearest_pixels_are_gathered(
    data: st.DataObject, sizes: list[int], transformation: str, rounding: str
) -> None:
    x = data.draw(arrays((1, 2, 5, 6)))
    case = resize(
        x, sizes=[1, 2, *sizes],
        coordinate_transformation_mode=transformation, nearest_mode=rounding,
    )  # fmt: skip
    gathers(case)


@few
@given(
    scales=st.lists(st.sampled_from([0.5, 0.7, 1.0, 1.5, 2.0, 3.3]), min_size=2, max_size=2),
    transformation=st.sampled_from(["asymmetric", "half_pixel", "tf_half_pixel_for_nn"]),
    rounding=st.sampled_from(sorted(ROUNDINGS)),
)
def test_nearest_pixels_by_scales_are_gathered(
    scales: list[float], transformation: str, rounding: str
) -> None:
    case = resize(
        numbers(1, 2, 5, 6), scales=[1, 1, *scales],
        coordinate_transformation_mode=transformation, nearest_mode=rounding,
    )  # fmt: skip
    gathers(case)


def test_a_pixel_that_rounding_decides_is_declined() -> None:
    # position 1 of 2 in 7 is 3.5, and 1 / float32(2 / 7) is less
    attributes = {"coordinate_transformation_mode": "asymmetric"}
    case = resize(numbers(7), sizes=[2], nearest_mode="round_prefer_ceil", **attributes)
    declines(rules.resize_to_gather, case, "depends on the runtime's rounding")
    clear = resize(numbers(7), sizes=[2], nearest_mode="floor", **attributes)
    prove(rules.resize_to_gather, clear)


@pytest.mark.parametrize("function", [rules.resize_to_weighted_gathers, rules.resize_to_matmul])
@pytest.mark.parametrize("mode", ["linear", "cubic"])
@few
@given(
    sizes=st.lists(st.integers(1, 11), min_size=2, max_size=2),
    transformation=st.sampled_from(NO_SHIFT),
    exclude=st.sampled_from([0, 1]),
    a=st.sampled_from([-0.75, -0.5]),
)
def test_interpolation_is_a_weighted_sum(
    function: Any, mode: str, sizes: list[int], transformation: str, exclude: int, a: float
) -> None:
    attributes = {"exclude_outside": exclude, "cubic_coeff_a": a} if mode == "cubic" else {}
    case = resize(
        numbers(1, 2, 5, 6), sizes=[1, 2, *sizes], mode=mode,
        coordinate_transformation_mode=transformation, **attributes,
    )  # fmt: skip
    prove(function, case, targets=(11, 13, 18), reference=False, absolute=1e-4, rel=1e-4)


@pytest.mark.parametrize("function", [rules.resize_to_weighted_gathers, rules.resize_to_matmul])
@pytest.mark.parametrize("shape", [(5,), (4, 5), (2, 3, 4), (1, 1, 3, 4, 5)])
def test_interpolation_at_other_ranks_agrees_with_the_reference(
    function: Any, shape: tuple[int, ...]
) -> None:
    sizes = [d + 2 for d in shape]
    case = resize(numbers(*shape), sizes=sizes, mode="linear")
    prove(function, case, ort=False, absolute=1e-4, rel=1e-4)  # it has few such kernels


@pytest.mark.parametrize("function", [rules.resize_to_weighted_gathers, rules.resize_to_matmul])
def test_interpolation_of_halves_is_computed_in_float32(function: Any) -> None:
    x = numbers(1, 1, 4, 4).astype(np.float16)
    case = resize(x, sizes=[1, 1, 7, 7], mode="linear")
    assert prove(function, case, ort=False, rel=2e-3, absolute=2e-3).count("Cast") == 2


def test_infinity_stays_with_its_neighbours_in_a_weighted_sum_only() -> None:
    x = np.zeros((1, 1, 1, 6), np.float32)
    x[..., 0] = np.inf
    case = resize(x, sizes=[1, 1, 1, 12], mode="linear")
    result = rewrite(case[0], the_rule(rules.resize_to_weighted_gathers))
    assert np.isfinite(run_ort(result, case[1])[0][..., 4:]).all()
    spread = rewrite(case[0], the_rule(rules.resize_to_matmul))
    assert np.isnan(run_ort(spread, case[1])[0][..., 4:]).all()


@few
@given(
    x=arrays((1, 3, 2, 5)),
    factors=st.lists(st.integers(1, 3), min_size=2, max_size=2),
    rounding=st.sampled_from(["round_prefer_floor", "round_prefer_ceil"]),
)
def test_repeated_pixels_are_a_transposed_convolution(
    x: np.ndarray, factors: list[int], rounding: str
) -> None:
    x = np.nan_to_num(x, posinf=1.0, neginf=1.0)
    case = resize(x, scales=[1, 1, *factors], nearest_mode=rounding)
    prove(rules.resize_to_transposed_convolution, case, targets=(11, 18))
    assert prove(rules.resize_nearest_asymmetric_floor, case, targets=(11, 13, 18)) == ["Resize"]


@pytest.mark.parametrize(
    ("function", "transformation", "rounding"),
    [
        (rules.resize_nearest_asymmetric_floor, "asymmetric", "floor"),
        (rules.resize_nearest_half_pixel_floor, "half_pixel", "round_prefer_floor"),
        (rules.resize_nearest_half_pixel_ceil, "half_pixel", "round_prefer_ceil"),
        (rules.resize_nearest_align_corners, "align_corners", "round_prefer_ceil"),
    ],
)
@few
@given(
    data=st.data(),
    sizes=st.lists(st.integers(1, 12), min_size=2, max_size=2),
    written=st.sampled_from(sorted(COORDINATES)),
    rounded=st.sampled_from(sorted(ROUNDINGS)),
)
def test_another_spelling_reads_the_same_pixels_or_is_declined(
    function: Any, transformation: str, rounding: str, data: st.DataObject, sizes: list[int],
    written: str, rounded: str,
) -> None:  # fmt: skip
    x = data.draw(arrays((1, 2, 3, 4), NONE))
    case = resize(
        x, sizes=[1, 2, *sizes], coordinate_transformation_mode=written, nearest_mode=rounded
    )
    try:
        prove(function, case, targets=(11, 18), reference=False)
    except DeclinedError as error:
        # a decline has to be right too: the node with the other spelling gives another result
        if "other pixels" in str(error):
            other = resize(
                x, sizes=[1, 2, *sizes], coordinate_transformation_mode=transformation,
                nearest_mode=rounding,
            )  # fmt: skip
            assert not np.array_equal(run_ort(*case)[0], run_ort(*other)[0])


def test_integer_factors_are_respelled_without_knowing_the_shape() -> None:
    model, feed = resize(numbers(1, 2, 3, 4), scales=[1, 1, 2, 4])
    for axis in (0, 2, 3):
        model.graph.input[0].type.tensor_type.shape.dim[axis].dim_param = f"d{axis}"
    prove(rules.resize_nearest_asymmetric_floor, (model, feed))
    declines(rules.resize_to_gather, (model, feed), "give it with --shape or --dim")


@pytest.mark.parametrize(
    ("function", "transformation"),
    [
        (rules.resize_smooth_half_pixel, "half_pixel"),
        (rules.resize_smooth_pytorch_half_pixel, "pytorch_half_pixel"),
        (rules.resize_smooth_align_corners, "align_corners"),
    ],
)
@pytest.mark.parametrize("mode", ["linear", "cubic"])
@few
@given(
    sizes=st.lists(st.sampled_from([1, 4, 7, 8]), min_size=2, max_size=2),
    written=st.sampled_from(NO_SHIFT),
)
def test_another_spelling_weighs_the_same_pixels_or_is_declined(
    function: Any, transformation: str, mode: str, sizes: list[int], written: str
) -> None:
    x = numbers(1, 1, 4, 4)

    def spelled(name: str) -> Any:
        return resize(x, sizes=[1, 1, *sizes], mode=mode, coordinate_transformation_mode=name)

    case = spelled(written)
    try:
        prove(function, case, targets=(11, 18), reference=False, absolute=1e-5)
    except DeclinedError as error:
        # a decline has to be right too: the node with the other spelling gives another result
        if "other pixels" in str(error):
            results = [run_ort(*c)[0] for c in (case, spelled(transformation))]
            assert not np.allclose(*results, atol=1e-6)
        else:
            assert "spelled so already" in str(error)  # noqa: PT017


@pytest.mark.parametrize(
    ("function", "written", "length"),
    [
        (rules.resize_smooth_half_pixel, "pytorch_half_pixel", 8),
        (rules.resize_smooth_pytorch_half_pixel, "half_pixel", 8),
    ],
)
@pytest.mark.parametrize("mode", ["linear", "cubic"])
def test_half_pixels_of_two_kinds_are_the_same_unless_one_remains(
    function: Any, written: str, length: int, mode: str
) -> None:
    x = numbers(1, 1, 4, 4)
    attributes = {"mode": mode, "coordinate_transformation_mode": written}
    case = resize(x, sizes=[1, 1, length, length], **attributes)
    assert prove(function, case, reference=False, absolute=1e-5) == ["Resize"]
    one = resize(x, sizes=[1, 1, length, 1], **attributes)
    declines(function, one, "other pixels would be read")


def test_align_corners_of_an_unchanged_size_is_another_spelling() -> None:
    x = numbers(1, 1, 4, 4)
    case = resize(x, sizes=[1, 1, 4, 1], mode="linear", coordinate_transformation_mode="asymmetric")
    prove(rules.resize_smooth_align_corners, case, reference=False)
    nearest = resize(x, sizes=[1, 1, 4, 8])
    declines(rules.resize_smooth_align_corners, nearest, "mode is nearest")


IGNORED: dict[str, Any] = {
    "cubic_coeff_a": -0.5,
    "extrapolation_value": 3.0,
    "keep_aspect_ratio_policy": "stretch",
}
"""Without effect on what grows by scales, if the mode is not cubic."""


@pytest.mark.parametrize("mode", ["nearest", "linear"])
@few
@given(
    factors=st.lists(st.sampled_from([1.0, 1.5, 2.0, 3.0]), min_size=2, max_size=2),
    names=st.sets(st.sampled_from(sorted(IGNORED)), min_size=1),
    transformation=st.sampled_from(["half_pixel", "asymmetric"]),
    widened=st.booleans(),
)
def test_what_has_no_effect_is_dropped(
    mode: str, factors: list[float], names: set[str], transformation: str, widened: bool
) -> None:
    attributes = {name: IGNORED[name] for name in names}
    if widened and mode == "linear":  # onnxruntime refuses these with nearest
        attributes |= {"antialias": 1, "exclude_outside": 1}
    case = resize(
        numbers(1, 2, 4, 4), scales=[1, 1, *factors], mode=mode,
        coordinate_transformation_mode=transformation, **attributes,
    )  # fmt: skip
    # onnx.reference widens the filter of axes that grow, too
    agree = {"absolute": 1e-5, "reference": "antialias" not in attributes}
    prove(rules.resize_without_ignored, case, targets=(11, 13, 18, 19), **agree)
    result = rewrite(case[0], the_rule(rules.resize_without_ignored))
    assert not attributes.keys() & {a.name for a in result.graph.node[0].attribute}


def test_attributes_without_effect_are_dropped() -> None:
    x = numbers(1, 1, 4, 4)
    case = resize(
        x, scales=[1, 1, 2, 2], mode="linear", nearest_mode="floor", cubic_coeff_a=-0.5,
        exclude_outside=1, extrapolation_value=3.0, antialias=1, keep_aspect_ratio_policy="stretch",
    )  # fmt: skip
    prove(rules.resize_without_ignored, case, targets=(11, 13, 18, 19), absolute=1e-5)
    result = rewrite(case[0], the_rule(rules.resize_without_ignored))
    assert {a.name for a in result.graph.node[0].attribute} == {"mode"}
    declines(rules.resize_without_ignored, (result, {}), "every attribute has an effect")


def test_attributes_with_an_effect_stay() -> None:
    x = numbers(1, 1, 4, 4)
    nearest = resize(x, sizes=[1, 1, 8, 8], nearest_mode="ceil")
    declines(rules.resize_without_ignored, nearest, "every attribute has an effect")
    shrunk = resize(x, sizes=[1, 1, 2, 2], mode="linear", antialias=1)
    declines(rules.resize_without_ignored, shrunk, "every attribute has an effect")
    assert "antialias" in {a.name for a in shrunk[0].graph.node[0].attribute}


def test_a_region_without_effect_is_dropped() -> None:
    x, scales = numbers(1, 1, 4, 4), np.array([1, 1, 2, 2], np.float32)
    roi = np.array([0, 0, 0, 0, 1, 1, 1, 1], np.float32)
    case = single("Resize", [x, roi, scales], opset=13, constants=[1, 2])
    prove(rules.resize_without_ignored, case, targets=(11, 13))
    result = rewrite(case[0], the_rule(rules.resize_without_ignored))
    assert result.graph.node[0].input[1] == ""


@pytest.mark.parametrize("mode", ["nearest", "linear"])
@few
@given(
    order=st.permutations([1, 2, 3]),
    count=st.integers(1, 3),
    sizes=st.lists(st.integers(1, 9), min_size=3, max_size=3),
    by_scales=st.booleans(),
)
def test_some_axes_are_written_as_all(
    mode: str, order: list[int], count: int, sizes: list[int], by_scales: bool
) -> None:
    x, axes = numbers(1, 2, 4, 6), order[:count]
    wanted: dict[str, Any] = {"sizes": sizes[:count]}
    if by_scales:
        wanted = {"scales": [size / x.shape[axis] for size, axis in zip(sizes, axes, strict=False)]}
    case = resize(x, axes=axes, mode=mode, opset=18, **wanted)
    # onnxruntime interpolates images only, and onnx.reference has its own idea of some pixels
    images = set(axes) <= {2, 3} or mode == "nearest"
    agree = {"reference": not images, "ort": images, "absolute": 1e-5}
    prove(rules.resize_all_axes, case, targets=(11, 13, 18), **agree)


@pytest.mark.parametrize("policy", ["stretch", "not_larger", "not_smaller"])
@pytest.mark.parametrize("mode", ["nearest", "linear"])
def test_axes_and_aspect_ratio_are_resolved(policy: str, mode: str) -> None:
    x = numbers(1, 2, 4, 6)
    case = resize(
        x, sizes=[8, 9], axes=[2, 3], keep_aspect_ratio_policy=policy, mode=mode, opset=18
    )
    function = rules.resize_to_gather if mode == "nearest" else rules.resize_to_weighted_gathers
    prove(function, case, targets=(11, 18), absolute=1e-5, reference=False)
    if policy == "stretch":
        prove(rules.resize_all_axes, case, targets=(11, 13, 18), absolute=1e-5, reference=False)
    else:
        declines(rules.resize_all_axes, case, "keep_aspect_ratio_policy")


def test_scales_of_some_axes_are_written_for_all() -> None:
    model, feed = resize(numbers(1, 2, 4, 6), scales=[2.0, 0.5], axes=[3, 2], opset=18)
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "n"
    prove(rules.resize_all_axes, (model, feed), targets=(11, 13, 18))
    declines(rules.resize_all_axes, resize(numbers(4), sizes=[8]), "axes is not used")


@pytest.mark.parametrize("mode", ["nearest", "linear"])
@few
@given(sizes=st.lists(st.integers(1, 12), min_size=2, max_size=2))
def test_sizes_and_their_quotients_are_exchanged(mode: str, sizes: list[int]) -> None:
    x = numbers(1, 2, 4, 6)
    scales = [np.float32(a) / np.float32(b) for a, b in zip([1, 2, *sizes], x.shape, strict=True)]
    for function, case in (
        (rules.resize_by_scales, resize(x, sizes=[1, 2, *sizes], mode=mode)),
        (rules.resize_by_sizes, resize(x, scales=scales, mode=mode)),
    ):
        try:
            prove(function, case, targets=(11, 13, 18), absolute=1e-5, reference=False)
        except DeclinedError as error:
            assert "size / length is not the factor" in str(error)  # noqa: PT017


@pytest.mark.parametrize("mode", ["nearest", "linear"])
def test_scales_and_sizes_are_exchanged_where_they_agree(mode: str) -> None:
    x = numbers(1, 2, 4, 6)
    by_scales = resize(x, scales=[1, 1, 2, 0.5], mode=mode)
    prove(rules.resize_by_sizes, by_scales, targets=(11, 13, 18), absolute=1e-5)
    by_sizes = resize(x, sizes=[1, 2, 8, 3], mode=mode)
    prove(rules.resize_by_scales, by_sizes, targets=(11, 13, 18), absolute=1e-5)
    declines(rules.resize_by_scales, by_scales, "scales are given already")
    declines(rules.resize_by_sizes, by_sizes, "sizes are given already")
    odd = resize(x, scales=[1, 1, 1.3, 1], mode=mode)
    declines(rules.resize_by_sizes, odd, "size / length is not the factor")


@pytest.mark.parametrize("mode", ["nearest", "linear"])
@few
@given(scales=st.lists(st.sampled_from([1.0, 1.5, 2.0, 3.0]), min_size=2, max_size=2))
def test_upsample_is_a_resize(mode: str, scales: list[float]) -> None:
    x = numbers(1, 2, 4, 6)
    inputs = [x, np.array([1, 1, *scales], np.float32)]
    case = single("Upsample", inputs, opset=9, constants=[1], mode=mode)
    # onnx.reference has no Upsample before opset 10
    operators = prove(rules.upsample_to_resize, case, targets=(11, 13, 18), reference=False)
    assert operators == ["Resize"]


def test_upsample_of_opset_7_has_its_scales_as_an_attribute() -> None:
    case = single("Upsample", [numbers(1, 2, 3, 3)], opset=7, scales=[1.0, 1.0, 2.0, 2.0])
    prove(rules.upsample_to_resize, case, targets=(10, 11, 13), reference=False)


def test_what_cannot_be_read_is_declined() -> None:
    x = numbers(1, 1, 4, 4)
    computed = single("Resize", [x, None, None, np.array([1, 1, 8, 8])], opset=13, mode="nearest")
    declines(rules.resize_to_gather, computed, "sizes is not constant")
    linear = resize(x, sizes=[1, 1, 8, 8], mode="linear")
    declines(rules.resize_to_gather, linear, "mode is linear")
    declines(rules.resize_nearest_asymmetric_floor, linear, "mode is linear")
    nearest = resize(x, sizes=[1, 1, 8, 7])
    declines(rules.resize_to_weighted_gathers, nearest, "mode is nearest")
    declines(rules.resize_to_transposed_convolution, nearest, "a whole number of times")
    crop = [x, np.array([0, 0, 0, 0, 1, 1, 1, 1], np.float32), None, np.array([1, 1, 8, 8])]
    attributes = {"coordinate_transformation_mode": "tf_crop_and_resize"}
    case = single("Resize", crop, opset=13, constants=[1, 3], **attributes)
    declines(rules.resize_to_gather, case, "it crops a region of interest")
    declines(rules.resize_by_scales, case, "it crops")
    corner = resize(
        x, scales=[1, 1, 1.3, 1], mode="linear", coordinate_transformation_mode="align_corners"
    )
    declines(rules.resize_to_matmul, corner, "runtimes place the last pixel differently")


def test_resize_of_opset_10_is_left_to_the_conversion_of_opsets() -> None:
    inputs = [numbers(1, 1, 4, 4), np.array([1, 1, 2, 2], np.float32)]
    case = single("Resize", inputs, opset=10, constants=[1])
    declines(rules.resize_without_ignored, case, "it reads another version of Resize")
    declines(rules.resize_to_gather, case, "it reads Resize of opset 11 or newer")


@given(
    length=st.integers(3, 12),
    size=st.integers(1, 14),
    mode=st.sampled_from(["linear", "cubic"]),
    exclude=st.integers(0, 1),
    transformation=st.sampled_from(["half_pixel", "asymmetric", "pytorch_half_pixel"]),
)
def test_antialiasing_widens_the_filter_of_an_axis_that_shrinks(
    length: int, size: int, mode: str, exclude: int, transformation: str
) -> None:
    x = numbers(1, 2, 5, length)
    case = resize(
        x, sizes=[1, 2, 4, size], mode=mode, antialias=1, exclude_outside=exclude,
        coordinate_transformation_mode=transformation,
    )  # fmt: skip
    # for other coordinates onnx.reference places the pixels of odd sizes elsewhere, and it widens
    # the filter of an axis that grows, too
    reference = transformation == "half_pixel" and size <= length
    for function in (rules.resize_to_weighted_gathers, rules.resize_to_matmul):
        prove(function, case, targets=(18,), absolute=1e-4, reference=reference)


def test_an_infinite_pixel_outside_the_widened_filter_does_no_harm() -> None:
    x = np.zeros((1, 1, 1, 8), np.float32)
    x[..., 7] = np.inf
    case = resize(x, sizes=[1, 1, 1, 4], mode="linear", antialias=1)
    # onnx.reference turns infinity into the largest finite number
    prove(rules.resize_to_weighted_gathers, case, targets=(18,), reference=False)


def test_exclude_outside_counts_where_antialiasing_widens_a_linear_filter() -> None:
    x = numbers(1, 1, 8, 8)
    case = resize(x, sizes=[1, 1, 4, 4], mode="linear", antialias=1, exclude_outside=1)
    declines(rules.resize_without_ignored, case, "every attribute has an effect")
