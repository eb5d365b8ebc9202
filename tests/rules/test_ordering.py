from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules.harness import SPECIAL, single
from rules.support import declines, few, prove

from porting.rules import ordering as rules

OPSETS = (11, 13, 18)
KINDS = ["ArgMax", "ArgMin"]
TOPS = [rules.top_k_by_steps, rules.top_k_by_ranks]
ORDERED = np.unique(SPECIAL[~np.isnan(SPECIAL)]).astype(np.float32)


def numbers(*shape: int) -> np.ndarray:
    return np.arange(int(np.prod(shape)), dtype=np.float32).reshape(shape)


@st.composite
def tied(draw: st.DrawFn, shape: tuple[int, ...] = (3, 5, 2), dtype: str = "float32") -> Any:
    """Few different numbers, infinities among them, so that many are equal."""
    random = np.random.default_rng(draw(st.integers(0, 999)))
    pool = random.choice(ORDERED, draw(st.integers(1, 6)))
    if dtype != "float32":
        bounds = np.iinfo(dtype)
        pool = np.array([bounds.min, bounds.max, 0, 1, 3])
    return random.choice(pool, shape).astype(dtype)


def top(x: np.ndarray, k: int, *, opset: int = 11, constant: bool = True, **attributes: Any) -> Any:
    inputs = [x, np.array([k])]
    return single(
        "TopK", inputs, opset=opset, outputs=2, constants=[1] if constant else [], **attributes
    )


@few
@given(x=tied(), axis=st.integers(-3, 2), largest=st.sampled_from([0, 1]))
def test_one_element_is_a_maximum_and_its_place(x: np.ndarray, axis: int, largest: int) -> None:
    case = top(x, 1, axis=axis, largest=largest)
    assert len(prove(rules.top_k_of_one, case, targets=OPSETS)) == 2


@pytest.mark.parametrize("function", TOPS)
@few
@given(x=tied((2, 3, 5)), k=st.integers(1, 5), largest=st.sampled_from([0, 1]))
def test_a_few_elements_come_in_order(function: Any, x: np.ndarray, k: int, largest: int) -> None:
    prove(function, top(x, k, largest=largest), targets=OPSETS)


@pytest.mark.parametrize("dtype", ["int32", "int64"])
@pytest.mark.parametrize("function", TOPS)
@few
@given(data=st.data(), k=st.integers(1, 5), largest=st.sampled_from([0, 1]))
def test_integers_come_in_order_up_to_their_bounds(
    function: Any, dtype: str, data: Any, k: int, largest: int
) -> None:
    x = data.draw(tied((2, 5), dtype))
    prove(function, top(x, k, largest=largest, opset=14), targets=(13, 18))


@few
@given(x=tied(), k=st.integers(1, 2), axis=st.integers(-3, 1))
def test_steps_and_swaps_along_any_axis(x: np.ndarray, k: int, axis: int) -> None:
    case = top(x, k, axis=axis)
    prove(rules.top_k_by_steps, case, targets=OPSETS)
    if axis == -1:
        declines(rules.top_k_along_last_axis, case, "along the last axis already")
    else:
        prove(rules.top_k_along_last_axis, case, targets=OPSETS)


@few
@given(x=tied(), k=st.integers(1, 2), axis=st.integers(-3, 2))
def test_the_smallest_are_the_largest_negated(x: np.ndarray, k: int, axis: int) -> None:
    prove(rules.top_k_of_negated, top(x, k, axis=axis, largest=0), targets=OPSETS)


def test_other_orders_are_declined() -> None:
    x = numbers(2, 9)
    declines(rules.top_k_of_one, top(x, 2), "another number of elements than one")
    declines(rules.top_k_of_one, top(x, 1, constant=False), "is not a constant")
    declines(rules.top_k_by_steps, top(x, 9), "more than 8")
    for function in TOPS:
        declines(function, top(x, 2, sorted=0), "unsorted results")
    declines(rules.top_k_by_ranks, top(x, 1, axis=0), "not along the last axis")
    declines(rules.top_k_by_ranks, top(numbers(1, 600), 1), "longer than 512")
    declines(rules.top_k_of_negated, top(x, 2), "takes the largest already")
    declines(rules.top_k_of_negated, top(x.astype(np.int64), 2, largest=0), "elements are int64")


def test_an_axis_of_unknown_length_is_declined() -> None:
    for function in TOPS:
        model, feed = top(numbers(2, 9), 2)
        model.graph.input[0].type.tensor_type.shape.dim[1].dim_param = "n"
        declines(function, (model, feed), "size of the axis is not known")


def arg(kind: str, x: np.ndarray, **attributes: Any) -> Any:
    return single(kind, [x], opset=13, **attributes)


@pytest.mark.parametrize(
    "function",
    [
        rules.arg_max_of_negated,
        rules.arg_max_to_top_k,
        rules.arg_max_to_equal,
    ],
)
@pytest.mark.parametrize("kind", KINDS)
@few
@given(
    x=tied(),
    axis=st.integers(-3, 2),
    keepdims=st.sampled_from([0, 1]),
    last=st.sampled_from([0, 1]),
)
def test_places_of_extrema(
    function: Any, kind: str, x: np.ndarray, axis: int, keepdims: int, last: int
) -> None:
    case = arg(kind, x, axis=axis, keepdims=keepdims, select_last_index=last)
    targets = (13, 18) if function is rules.arg_max_of_negated else OPSETS
    prove(function, case, op_type=kind, targets=targets)


@pytest.mark.parametrize("kind", KINDS)
@few
@given(x=tied((2, 5), "int32"), last=st.sampled_from([0, 1]))
def test_places_of_extreme_integers(kind: str, x: np.ndarray, last: int) -> None:
    case = arg(kind, x, axis=1, select_last_index=last)
    prove(rules.arg_max_to_top_k, case, op_type=kind, targets=(13,), ort=False)  # no int32 TopK
    prove(rules.arg_max_to_equal, case, op_type=kind, targets=(13, 18))
    declines(rules.arg_max_of_negated, case, "elements are int32", op_type=kind)


@pytest.mark.parametrize("kind", KINDS)
@few
@given(x=tied(), axis=st.integers(-3, 2))
def test_the_axis_is_kept_or_dropped_afterwards(kind: str, x: np.ndarray, axis: int) -> None:
    kept = arg(kind, x, axis=axis)
    prove(rules.arg_max_without_keepdims, kept, op_type=kind, targets=OPSETS)
    declines(rules.arg_max_with_keepdims, kept, "keeps the axis already", op_type=kind)
    dropped = arg(kind, x, axis=axis, keepdims=0)
    prove(rules.arg_max_with_keepdims, dropped, op_type=kind, targets=OPSETS)
    declines(rules.arg_max_without_keepdims, dropped, "drops the axis already", op_type=kind)


def test_a_place_beside_nan_stays_inside_the_axis() -> None:
    x = np.full((1, 3), np.nan, np.float32)
    from rules.harness import rewrite, run_ort, run_reference, the_rule

    model, feed = arg("ArgMax", x, axis=1)
    result = rewrite(model, the_rule(rules.arg_max_to_equal, "ArgMax"))
    for run in (run_ort, run_reference):
        assert 0 <= run(result, feed)[0].item() < 3
