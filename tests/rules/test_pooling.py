from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules.harness import rewrite, single, the_rule
from rules.support import arrays, declines, few, prove

from porting.rules import pooling as rules

NO_NAN = np.array([np.inf, -np.inf, 0.0, 88.8, -1e30])
MODEST = np.array([0.0, -0.0, 88.8])
SPATIAL = [(5,), (3, 4), (2, 3, 2)]


def numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32)


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
@pytest.mark.parametrize("spatial", SPATIAL)
def test_norm_of_all_pixels_is_the_same(p: int, spatial: tuple[int, ...]) -> None:
    case = single("GlobalLpPool", [numbers(2, 3, *spatial)], opset=13, p=p)
    # onnx.reference does not know GlobalLpPool
    prove(rules.global_lp_pool_to_norm, case, targets=(11, 18), reference=False, absolute=1e-5)


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
    ("function", "op_type", "result"),
    [
        (rules.mean_to_global_average_pool, "ReduceMean", "GlobalAveragePool"),
        (rules.max_to_global_max_pool, "ReduceMax", "GlobalMaxPool"),
    ],
)
@pytest.mark.parametrize("spatial", SPATIAL)
def test_reduction_of_all_pixels_is_a_pool(
    function: Any, op_type: str, result: str, spatial: tuple[int, ...]
) -> None:
    axes = list(range(2, 2 + len(spatial)))
    x = numbers(2, 3, *spatial)
    case = single(op_type, [x], opset=13, axes=axes)
    reference = result != "GlobalMaxPool" or len(spatial) == 2  # the only rank it knows
    operators = prove(function, case, targets=(11, 13, 18), absolute=1e-5, reference=reference)
    assert operators == [result]
    other = single(op_type, [x], opset=13, axes=[1])
    declines(function, other, "its axes are not the spatial ones")
    dropped = single(op_type, [x], opset=13, axes=axes, keepdims=0)
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


@pytest.mark.parametrize("pads", [[0, 0, 0, 0], [1, 0, 1, 1]])
@pytest.mark.parametrize("strides", [[1, 1], [2, 1]])
def test_average_pool_is_a_convolution_of_each_channel(pads: list[int], strides: list[int]) -> None:
    case = single(
        "AveragePool", [numbers(2, 3, 6, 5)], opset=13,
        kernel_shape=[2, 3], pads=pads, strides=strides, count_include_pad=1,
    )  # fmt: skip
    operators = prove(rules.average_pool_to_convolution, case, targets=(11, 13), absolute=1e-5)
    assert operators == ["Conv"]


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("pads", [[0, 0, 0, 0], [1, 0, 1, 1]])
def test_lp_pool_is_an_average_pool_of_powers(p: int, pads: list[int]) -> None:
    x = numbers(2, 3, 6, 5)
    case = single("LpPool", [x], opset=11, kernel_shape=[2, 3], pads=pads, p=p, strides=[2, 1])
    # onnx.reference does not pad LpPool with zeros
    prove(rules.lp_pool_to_average_pool, case, reference=not any(pads), absolute=1e-5)


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"p": 3}, "p is 3"),
        ({"auto_pad": "SAME_UPPER"}, "auto_pad is used"),
        ({"ceil_mode": 1}, "ceil_mode is set"),
    ],
)
def test_lp_pool_of_another_form_is_declined(attributes: dict[str, Any], reason: str) -> None:
    case = single("LpPool", [numbers(1, 2, 5, 5)], opset=18, kernel_shape=[2, 2], **attributes)
    declines(rules.lp_pool_to_average_pool, case, reason)
