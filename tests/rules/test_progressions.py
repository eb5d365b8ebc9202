from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import helper
from rules.harness import single
from rules.support import FINITE, arrays, declines, few, prove

from porting.rules import progressions as rules

OPSETS = (11, 13, 18)
FLAGS = st.sampled_from([0, 1])


def numbers(*shape: int) -> np.ndarray:
    return np.arange(int(np.prod(shape)), dtype=np.float32).reshape(shape)


def total(x: np.ndarray, axis: int, *, constant: bool = True, **attributes: int) -> Any:
    inputs, constants = [x, np.array(axis)], [1] if constant else []
    return single("CumSum", inputs, opset=11, constants=constants, **attributes)


@pytest.mark.parametrize("function", [rules.cum_sum_to_additions, rules.cum_sum_by_doubling])
@few
@given(x=arrays((2, 7, 3), FINITE), axis=st.integers(-3, 2), exclusive=FLAGS, reverse=FLAGS)
def test_running_sums_are_additions(
    function: Any, x: np.ndarray, axis: int, exclusive: int, reverse: int
) -> None:
    case = total(x, axis, exclusive=exclusive, reverse=reverse)
    # onnx.reference has no exclusive sums
    prove(function, case, targets=OPSETS, reference=not exclusive, absolute=1e-4)
    whole = total(np.arange(42).reshape(2, 7, 3) ** 9, axis, exclusive=exclusive, reverse=reverse)
    prove(function, whole, targets=OPSETS, reference=not exclusive)


def test_running_sums_past_infinities() -> None:
    x = np.array([1, np.inf, 2, -np.inf, 3, np.nan, 4], np.float32)
    for function in (rules.cum_sum_to_additions, rules.cum_sum_by_doubling):
        for reverse in (0, 1):
            prove(function, total(x, 0, reverse=reverse))


@few
@given(x=arrays((2, 5, 3)), axis=st.integers(-3, 2), reverse=FLAGS)
def test_running_sums_without_exclusion_or_reversal(x: np.ndarray, axis: int, reverse: int) -> None:
    case = total(x, axis, exclusive=1, reverse=reverse)
    prove(rules.cum_sum_inclusive, case, targets=OPSETS, reference=False)  # see above
    case = total(x, axis, reverse=1)
    prove(rules.cum_sum_forwards, case, targets=OPSETS)


def test_running_sums_that_stay() -> None:
    plain = total(numbers(3), 0)
    declines(rules.cum_sum_inclusive, plain, "it is inclusive already")
    declines(rules.cum_sum_forwards, plain, "it sums forwards already")
    declines(rules.cum_sum_to_additions, total(numbers(40), 0), "longer than 32")
    declines(rules.cum_sum_by_doubling, total(numbers(2**16 + 1), 0), "longer than 65536")
    declines(rules.cum_sum_by_doubling, total(numbers(3), 0, constant=False), "not a constant")
    model, feed = total(numbers(3), 0)
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "n"
    declines(rules.cum_sum_by_doubling, (model, feed), "size of the axis is not known")


def progression(start: Any, limit: Any, delta: Any, dtype: str) -> Any:
    inputs = [np.array(v, dtype) for v in (start, limit, delta)]
    return single("Range", inputs, opset=11, constants=[0, 1, 2])


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64"])
@few
@given(
    start=st.integers(-20, 20),
    limit=st.integers(-20, 20),
    delta=st.sampled_from([-7, -3, -1, 1, 2, 5]),
)
def test_progressions_of_constants_are_constants(
    dtype: str, start: int, limit: int, delta: int
) -> None:
    scale = 0.25 if dtype.startswith("float") else 1
    case = progression(start * scale, limit * scale, delta * scale, dtype)
    prove(rules.range_to_constant, case, targets=(11, 18))
    uneven = progression(0.0, 1.0, 0.3, "float32")
    prove(rules.range_to_constant, uneven, targets=(11, 18))


def test_progressions_without_an_end_or_computed_are_declined() -> None:
    declines(rules.range_to_constant, progression(0, 1, 0, "int64"), "it has no end")
    declines(rules.range_to_constant, progression(0, np.inf, 1, "float32"), "it has no end")
    declines(rules.range_to_constant, progression(0, 2**30, 1, "int64"), "would be large")
    declines(rules.range_to_constant, progression(0, 0.3, 0.1, "float32"), "hangs on rounding")
    computed = single("Range", [np.array(v) for v in (0, 4, 1)], opset=11, constants=[0, 2])
    declines(rules.range_to_constant, computed, "is not a constant")


@few
@given(
    x=arrays(st.tuples(st.integers(1, 4), st.integers(1, 4))),
    k=st.integers(-4, 4),
    dtype=st.sampled_from([None, 1, 7, 11]),
)
def test_diagonals_are_constants(x: np.ndarray, k: int, dtype: int | None) -> None:
    attributes = {} if dtype is None else {"dtype": dtype}
    prove(rules.eye_like_to_constant, single("EyeLike", [x], opset=9, k=k, **attributes),
          targets=OPSETS)  # fmt: skip


def test_diagonals_of_unknown_size_are_declined() -> None:
    model, feed = single("EyeLike", [numbers(2, 3)], opset=9)
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "n"
    declines(rules.eye_like_to_constant, (model, feed), "shape of the input is not static")
    large = single("EyeLike", [np.zeros((2000, 2000), np.float32)], opset=9)
    declines(rules.eye_like_to_constant, large, "a constant would be large")


@few
@given(
    shape=st.lists(st.integers(0, 4), max_size=3),
    value=st.sampled_from([None, 2.5, np.nan, 7, True]),
    constant=st.booleans(),
)
def test_a_filled_tensor_is_an_expanded_element(
    shape: list[int], value: Any, constant: bool
) -> None:
    attributes = {}
    if value is not None:
        array = np.asarray(value, np.float32 if isinstance(value, float) else None)
        kind = helper.np_dtype_to_tensor_dtype(array.dtype)
        attributes["value"] = helper.make_tensor("v", kind, [1], array.reshape(1))
    case = single(
        "ConstantOfShape", [np.array(shape, np.int64)], opset=9,
        constants=[0] if constant else [], **attributes,
    )  # fmt: skip
    prove(rules.constant_of_shape_to_expand, case, targets=OPSETS)


@few
@given(x=arrays((2, 3, 4)), k=st.integers(-4, 4), upper=FLAGS)
def test_a_triangle_up_to_a_computed_diagonal(x: np.ndarray, k: int, upper: int) -> None:
    case = single("Trilu", [x, np.array(k)], opset=14, upper=upper)
    prove(rules.trilu_by_distance, case, targets=OPSETS)


def test_a_triangle_with_a_known_diagonal_has_its_own_rule() -> None:
    case = single("Trilu", [numbers(3, 3), np.array(1)], opset=14, constants=[1])
    declines(rules.trilu_by_distance, case, "the diagonal is constant")
    model, feed = single("Trilu", [numbers(3, 3), np.array(1)], opset=14)
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "n"
    declines(rules.trilu_by_distance, (model, feed), "size of the matrices is not known")


@few
@given(
    x=arrays((4, 3, 2)),
    batch_axis=st.integers(0, 1),
    constant=st.booleans(),
    seed=st.integers(0, 99),
)
def test_sequences_are_read_backwards(
    x: np.ndarray, batch_axis: int, constant: bool, seed: int
) -> None:
    batch, time = x.shape[batch_axis], x.shape[1 - batch_axis]
    lengths = np.random.default_rng(seed).integers(1, time + 1, batch)
    case = single(
        "ReverseSequence", [x, lengths], opset=10, constants=[1] if constant else [],
        batch_axis=batch_axis, time_axis=1 - batch_axis,
    )  # fmt: skip
    prove(rules.reverse_sequence_to_gather, case, targets=OPSETS)


def test_sequences_of_unknown_length_are_declined() -> None:
    model, feed = single("ReverseSequence", [numbers(4, 3), np.array([1, 2, 3])], opset=10)
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "n"
    declines(rules.reverse_sequence_to_gather, (model, feed), "give them with --shape")
