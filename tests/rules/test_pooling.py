from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules.harness import rewrite, single, the_rule
from rules.support import arrays, declines, few, numbers, prove, shapes

from porting.rules import pooling as rules

NO_NAN = np.array([np.inf, -np.inf, 0.0, 88.8, -1e30])
MODEST = np.array([0.0, -0.0, 88.8])
SPATIAL = [(5,), (3, 4), (2, 3, 2)]


@pytest.mark.parametrize("spatial", SPATIAL)
@pytest.mark.parametrize(
    ("function", "op_type", "odd"),
    [
        (rules.global_average_pool_to_mean, "GlobalAveragePool", MODEST),
        (rules.global_average_pool_to_pool, "GlobalAveragePool", MODEST),
        (rules.global_max_pool_to_max, "GlobalMaxPool", NO_NAN),
        (rules.global_max_pool_to_pool, "GlobalMaxPool", NO_NAN),
    ],
)
@few
@given(data=st.data())
def test_pooling_of_all_pixels_is_the_same(
    function: Any, op_type: str, odd: np.ndarray, spatial: tuple[int, ...], data: st.DataObject
) -> None:
    case = single(op_type, [data.draw(arrays((2, 3, *spatial), odd))], opset=13)
    # onnx.reference knows GlobalMaxPool of images only
    reference = op_type != "GlobalMaxPool" or len(spatial) == 2
    prove(function, case, targets=(11, 13, 18), absolute=1e-4, reference=reference)


@pytest.mark.parametrize("p", [1, 2])
@few
@given(x=arrays(shapes(3), MODEST))
def test_norm_of_all_pixels_is_the_same(p: int, x: np.ndarray) -> None:
    case = single("GlobalLpPool", [x], opset=13, p=p)
    # onnx.reference does not know GlobalLpPool
    prove(rules.global_lp_pool_to_norm, case, targets=(11, 18), reference=False, absolute=1e-4)


def test_unknown_pixels_have_no_window_but_a_mean() -> None:
    for op_type, window, mean in (
        ("GlobalAveragePool", rules.global_average_pool_to_pool, rules.global_average_pool_to_mean),
        ("GlobalMaxPool", rules.global_max_pool_to_pool, rules.global_max_pool_to_max),
    ):
        model, feed = single(op_type, [numbers(1, 2, 3, 4)], opset=13)
        model.graph.input[0].type.tensor_type.shape.dim[3].dim_param = "w"
        declines(window, (model, feed), "the spatial shape of the input is not static")
        prove(mean, (model, feed), absolute=1e-5)


def test_pixels_that_are_not_there_are_declined() -> None:
    case = single("GlobalLpPool", [numbers(1, 2, 3)], opset=13, p=3)
    declines(rules.global_lp_pool_to_norm, case, "p is 3")
    flat = single("GlobalAveragePool", [numbers(2, 3)], opset=13)
    declines(rules.global_average_pool_to_mean, flat, "the input has no spatial axes")


@pytest.mark.parametrize(
    ("function", "op_type", "result", "odd"),
    [
        (rules.mean_to_global_average_pool, "ReduceMean", "GlobalAveragePool", MODEST),
        (rules.max_to_global_max_pool, "ReduceMax", "GlobalMaxPool", NO_NAN),
    ],
)
@few
@given(data=st.data())
def test_reduction_of_all_pixels_is_a_pool(
    function: Any, op_type: str, result: str, odd: np.ndarray, data: st.DataObject
) -> None:
    x = data.draw(arrays(shapes(3), odd))
    axes = data.draw(st.permutations(range(2, x.ndim)))
    axes = [axis - x.ndim if data.draw(st.booleans()) else axis for axis in axes]
    case = single(op_type, [x], opset=13, axes=axes)
    reference = result != "GlobalMaxPool" or x.ndim == 4  # the only rank it knows
    operators = prove(function, case, targets=(11, 13, 18), absolute=1e-4, reference=reference)
    assert operators == [result]


@pytest.mark.parametrize(
    ("function", "op_type"),
    [
        (rules.mean_to_global_average_pool, "ReduceMean"),
        (rules.max_to_global_max_pool, "ReduceMax"),
    ],
)
def test_reduction_of_other_axes_is_no_pool(function: Any, op_type: str) -> None:
    x = numbers(2, 3, 4, 5)
    other = single(op_type, [x], opset=13, axes=[1])
    declines(function, other, "its axes are not the spatial ones")
    dropped = single(op_type, [x], opset=13, axes=[2, 3], keepdims=0)
    declines(function, dropped, "it drops the axes")


@pytest.mark.parametrize("included", [None, 0, 1])
@few
@given(x=arrays((1, 2, 6, 7), NO_NAN), kernel=st.lists(st.integers(1, 3), min_size=2, max_size=2))
def test_count_include_pad_means_nothing_without_padding(
    included: int | None, x: np.ndarray, kernel: list[int]
) -> None:
    attributes = {} if included is None else {"count_include_pad": included}
    case = single("AveragePool", [x], opset=13, kernel_shape=kernel, strides=[2, 1], **attributes)
    prove(rules.count_include_pad_switched, case, targets=(11, 13))
    node = rewrite(case[0], the_rule(rules.count_include_pad_switched)).graph.node[0]
    written = {a.name: a.i for a in node.attribute}.get("count_include_pad", 0)
    assert written == 1 - (included or 0)


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"pads": [0, 1, 0, 0]}, "it is padded"),
        ({"auto_pad": "SAME_UPPER"}, "auto_pad is SAME_UPPER"),
        ({"ceil_mode": 1}, "ceil_mode is set"),
    ],
)
def test_count_include_pad_is_left_where_it_may_count(
    attributes: dict[str, Any], reason: str
) -> None:
    case = single("AveragePool", [numbers(1, 2, 5, 5)], opset=13, kernel_shape=[2, 2], **attributes)
    declines(rules.count_include_pad_switched, case, reason)
    declines(rules.average_pool_to_convolution, case, reason)


@st.composite
def windows(draw: st.DrawFn) -> dict[str, Any]:
    """A window over images of 6 x 7 pixels; padding is smaller than the kernel, as runtimes ask."""
    kernel = [draw(st.integers(1, 3)) for _ in range(2)]
    pads = [draw(st.integers(0, k - 1)) for k in [*kernel, *kernel]]
    strides = [draw(st.integers(1, k)) for k in kernel]
    return {"kernel_shape": kernel, "pads": pads, "strides": strides}


@few
@given(x=arrays((2, 3, 6, 7), MODEST), window=windows())
def test_average_pool_is_a_convolution_of_each_channel(
    x: np.ndarray, window: dict[str, Any]
) -> None:
    case = single("AveragePool", [x], opset=13, count_include_pad=1, **window)
    operators = prove(rules.average_pool_to_convolution, case, targets=(11, 13), absolute=1e-4)
    assert operators == ["Conv"]
    if any(window["pads"]):
        return
    case = single("AveragePool", [x], opset=13, **window)
    prove(rules.average_pool_to_convolution, case, targets=(11, 13), absolute=1e-4)


@pytest.mark.parametrize("p", [1, 2])
@few
@given(x=arrays((2, 3, 6, 7), MODEST), window=windows())
def test_lp_pool_is_an_average_pool_of_powers(
    p: int, x: np.ndarray, window: dict[str, Any]
) -> None:
    case = single("LpPool", [x], opset=11, p=p, **window)
    # onnx.reference does not pad LpPool with zeros
    reference = not any(window["pads"])
    prove(rules.lp_pool_to_average_pool, case, reference=reference, absolute=1e-4)


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"p": 3}, "p is 3"),
        ({"auto_pad": "SAME_UPPER"}, "auto_pad is SAME_UPPER"),
        ({"ceil_mode": 1}, "ceil_mode is set"),
    ],
)
def test_lp_pool_of_another_form_is_declined(attributes: dict[str, Any], reason: str) -> None:
    case = single("LpPool", [numbers(1, 2, 5, 5)], opset=18, kernel_shape=[2, 2], **attributes)
    declines(rules.lp_pool_to_average_pool, case, reason)
