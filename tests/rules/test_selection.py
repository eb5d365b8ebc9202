from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules.harness import SPECIAL, single
from rules.support import arrays, declines, few, prove

from porting.rules import selection as rules

NONE = np.array([])


def numbers(*shape: int) -> np.ndarray:
    return np.arange(int(np.prod(shape)), dtype=np.float32).reshape(shape)


@few
@given(
    x=arrays((2, 3, 4)),
    mode=st.sampled_from(["constant", "reflect", "edge"]),
    axes=st.sampled_from([[1], [-1, 0], [2, 1]]),
    amount=st.integers(0, 1),
)
def test_pads_of_some_axes_are_written_for_all(
    x: np.ndarray, mode: str, axes: list[int], amount: int
) -> None:
    pads = np.array([amount] * len(axes) + [1] * len(axes), np.int64)
    value = np.array(2.5, np.float32) if mode == "constant" else None
    inputs = [x, pads, value, np.array(axes, np.int64)]
    case = single("Pad", inputs, opset=18, constants=[1, 3], mode=mode)
    prove(rules.pad_all_axes, case, targets=(11, 13, 18))


@pytest.mark.parametrize("function", [rules.pad_to_gather, rules.pad_to_slices])
@pytest.mark.parametrize(("mode", "opset"), [("reflect", 11), ("edge", 18), ("wrap", 19)])
@few
@given(x=arrays((3, 4)), pads=st.lists(st.integers(0, 2), min_size=4, max_size=4))
def test_mirrored_and_repeated_edges_are_reads(
    function: Any, mode: str, opset: int, x: np.ndarray, pads: list[int]
) -> None:
    inputs = [x, np.array(pads, np.int64)]
    case = single("Pad", inputs, opset=opset, constants=[1], mode=mode, ir_version=9)
    prove(function, case, targets=(11, 13, 18))


@pytest.mark.parametrize("mode", ["reflect", "edge"])
def test_negative_pads_crop(mode: str) -> None:
    inputs = [numbers(4, 5), np.array([-1, 2, 1, -2], np.int64)]
    case = single("Pad", inputs, opset=13, constants=[1], mode=mode)
    prove(rules.pad_to_gather, case, reference=False)  # which refuses negative pads
    declines(rules.pad_to_slices, case, "a pad is negative")


def test_pads_that_cannot_be_read_are_declined() -> None:
    x = numbers(3, 4)
    constant = single("Pad", [x, np.array([0, 1, 0, 1])], opset=18, constants=[1])
    declines(rules.pad_to_gather, constant, "mode is constant")
    declines(rules.pad_all_axes, constant, "axes is not used")
    computed = single("Pad", [x, np.array([0, 1, 0, 1])], opset=18, mode="edge")
    declines(rules.pad_to_gather, computed, "pads is not a constant")
    wide = single("Pad", [x, np.array([0, 4, 0, 0])], opset=18, constants=[1], mode="reflect")
    declines(rules.pad_to_gather, wide, "more than it can reflect")
    many = single("Pad", [x, np.array([0, 40, 0, 0])], opset=18, constants=[1], mode="edge")
    declines(rules.pad_to_slices, many, "it pads more than 32")
    inputs = [x, np.array([1, 1]), None, np.array([1])]
    wrap = single("Pad", inputs, opset=19, constants=[1, 3], mode="wrap", ir_version=9)
    declines(rules.pad_all_axes, wrap, "mode wrap needs opset 19", opset=18)


@few
@given(x=arrays((2, 3, 4), SPECIAL), k=st.integers(-4, 4), upper=st.sampled_from([0, 1]))
def test_triangle_is_the_same_beside_infinities(x: np.ndarray, k: int, upper: int) -> None:
    case = single("Trilu", [x, np.array(k)], opset=14, constants=[1], upper=upper)
    assert prove(rules.trilu_to_where, case, targets=(11, 14)) == ["Where"]


def test_triangle_without_a_diagonal_given_and_of_integers_is_the_same() -> None:
    prove(rules.trilu_to_where, single("Trilu", [numbers(3, 3).astype(np.int64)], opset=14))


def test_triangle_of_unknown_size_or_diagonal_is_declined() -> None:
    computed = single("Trilu", [numbers(3, 3), np.array(1)], opset=14)
    declines(rules.trilu_to_where, computed, "is not a constant")
    model, feed = single("Trilu", [numbers(3, 3)], opset=14)
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_param = "n"
    declines(rules.trilu_to_where, (model, feed), "the size of the matrices is not known")


@pytest.mark.parametrize("dtype", ["int32", "int64"])
@few
@given(
    indices=st.lists(st.integers(-7, 7), min_size=1, max_size=6),
    axis=st.integers(-2, 1),
    off=st.sampled_from([0.0, np.inf]),
)
def test_one_hot_is_the_same_for_negative_and_outside_indices(
    dtype: str, indices: list[int], axis: int, off: float
) -> None:
    inputs = [np.array(indices, dtype), np.array(5), np.array([off, 2.0], np.float32)]
    case = single("OneHot", inputs, opset=11, constants=[1], axis=axis)
    # onnxruntime has a kernel for int64 only; onnx.reference wraps indices outside, and
    # multiplies by `off`
    reference = all(-5 <= i < 5 for i in indices) and off == 0
    if reference or dtype == "int64":
        prove(rules.one_hot_to_equal, case, ort=dtype == "int64", reference=reference)


@few
@given(
    indices=st.lists(st.sampled_from([-6.0, -5.0, -1.0, -0.0, 2.0, 4.0, 5.0, np.inf]), min_size=3),
    axis=st.integers(-2, 1),
)
def test_one_hot_of_whole_floats_is_a_comparison(indices: list[float], axis: int) -> None:
    inputs = [np.array(indices, np.float32), np.array(5.0, np.float32), np.float32([0, 2])]
    case = single("OneHot", inputs, opset=11, constants=[1], axis=axis)
    # onnx.reference wraps indices outside; both cast infinity to a whole number of their own
    inside = all(-5 <= i < 5 for i in indices)
    prove(rules.one_hot_to_equal, case, targets=(11, 13, 18), reference=inside)


def test_one_hot_of_doubles_or_of_computed_depth_is_declined() -> None:
    values = np.array([0.0, 1.0], np.float32)
    doubles = numbers(3).astype(np.float64)
    case = single("OneHot", [doubles, np.array(5), values], opset=11, constants=[1])
    declines(rules.one_hot_to_equal, case, "the indices are float64")
    computed = single("OneHot", [np.array([1]), np.array(5), values], opset=11)
    declines(rules.one_hot_to_equal, computed, "is not a constant")


@few
@given(
    x=arrays((2, 3, 4), NONE),
    axis=st.integers(-3, 2),
    exclusive=st.sampled_from([0, 1]),
    reverse=st.sampled_from([0, 1]),
)
def test_running_sum_of_finite_numbers_is_a_product(
    x: np.ndarray, axis: int, exclusive: int, reverse: int
) -> None:
    inputs = [x, np.array(axis)]
    case = single("CumSum", inputs, opset=11, constants=[1], exclusive=exclusive, reverse=reverse)
    # onnx.reference has no exclusive sums
    prove(rules.cum_sum_to_matmul, case, targets=(11, 14), absolute=1e-4, reference=not exclusive)


def test_running_sum_after_an_infinity_differs_as_its_class_says() -> None:
    inputs = [np.array([1.0, np.inf], np.float32), np.array(0)]
    case = single("CumSum", inputs, opset=11, constants=[1])
    with pytest.raises(AssertionError, match=r"became .*nan"):
        prove(rules.cum_sum_to_matmul, case)


def test_running_sum_of_integers_is_declined() -> None:
    inputs = [np.array([1, 2]), np.array(0)]
    case = single("CumSum", inputs, opset=11, constants=[1])
    declines(rules.cum_sum_to_matmul, case, "it is for floating point, the input is int64")


@few
@given(
    x=arrays((3, 4, 2)),
    axis=st.integers(-3, 2),
    shape=st.sampled_from([(), (1, 1), (2, 3), (2, 1, 2)]),
    constant=st.booleans(),
    seed=st.integers(0, 99),
)
def test_indices_of_any_rank_become_a_list(
    x: np.ndarray, axis: int, shape: tuple[int, ...], constant: bool, seed: int
) -> None:
    length = x.shape[axis]
    random = np.random.default_rng(seed)
    indices = np.asarray(random.integers(-length, length, shape), np.int64)
    case = single("Gather", [x, indices], opset=13, constants=[1] if constant else [], axis=axis)
    operators = prove(rules.gather_by_list, case, targets=(11, 13, 18))
    assert operators[-1] == ("Reshape" if shape else "Squeeze")


def test_a_list_of_indices_stays() -> None:
    case = single("Gather", [numbers(3, 4), np.array([1, 2])], opset=13)
    declines(rules.gather_by_list, case, "a list already")


def test_an_empty_gather_stays() -> None:
    case = single("Gather", [numbers(3, 4), np.zeros((0, 2), np.int64)], opset=13)
    declines(rules.gather_by_list, case, "the result is empty")
