from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules.harness import single
from rules.support import FINITE, arrays, declines, few, prove

from porting.rules import scattering as rules

NONE = np.array([])
REDUCTIONS = ["none", "add", "mul", "max", "min"]
KINDS = ["ScatterND", "ScatterElements"]


def numbers(*shape: int) -> np.ndarray:
    return np.arange(int(np.prod(shape)), dtype=np.float32).reshape(shape)


@st.composite
def writes(draw: st.DrawFn, *, odd: np.ndarray = FINITE, repeats: bool = False) -> Any:
    """Data, index tuples and updates of ScatterND."""
    x = draw(arrays((3, 4, 2), odd))
    depth = draw(st.integers(1, 3))
    lead = x.shape[:depth]
    size = int(np.prod(lead))
    count = draw(st.integers(1, min(size, 6)))
    random = np.random.default_rng(draw(st.integers(0, 999)))
    flat = random.choice(size, count, replace=repeats)
    tuples = np.stack(np.unravel_index(flat, lead), axis=-1)
    tuples = tuples - np.where(random.random(tuples.shape) < 0.3, lead, 0)
    updates = draw(arrays((count, *x.shape[depth:]), odd))
    return x, tuples.astype(np.int64), updates


@st.composite
def elements(draw: st.DrawFn, *, odd: np.ndarray = FINITE, whole: bool = False) -> Any:
    """Data, indices and updates of ScatterElements, and the axis."""
    x = draw(arrays((3, 4, 2), odd))
    axis = draw(st.integers(-3, 2))
    shape = [d if whole else draw(st.integers(1, d)) for d in x.shape]
    shape[axis] = draw(st.integers(1, x.shape[axis]))
    random = np.random.default_rng(draw(st.integers(0, 999)))
    indices = np.argsort(random.random((*shape, 1)), axis=axis - 1 if axis < 0 else axis)
    chosen = indices[..., 0] % x.shape[axis]
    signed = np.where(random.random(shape) < 0.3, chosen - x.shape[axis], chosen)
    return x, signed.astype(np.int64), draw(arrays(shape, odd)), axis


def scatter(inputs: Any, *, opset: int = 18, constant: bool = True, **attributes: Any) -> Any:
    constants = [1] if constant else []
    op_type = "ScatterElements" if "axis" in attributes else "ScatterND"
    return single(op_type, inputs, opset=opset, constants=constants, **attributes)


def with_reduction(kind: str) -> dict[str, str]:
    return {} if kind == "none" else {"reduction": kind}


@pytest.mark.parametrize("kind", REDUCTIONS)
@few
@given(tuples=writes(), by_element=elements())
def test_constant_places_are_a_selection(kind: str, tuples: Any, by_element: Any) -> None:
    targets = (11, 13, 18) if kind in {"none", "add", "mul"} else (13, 18)
    attributes = with_reduction(kind)
    prove(rules.scatter_to_where, scatter(tuples, **attributes), op_type="ScatterND",
          targets=targets)  # fmt: skip
    case = scatter(by_element[:3], axis=by_element[3], **attributes)
    prove(rules.scatter_to_where, case, op_type="ScatterElements", targets=targets)


@pytest.mark.parametrize("kind", REDUCTIONS[1:])
@few
@given(inputs=writes(odd=NONE, repeats=True))
def test_updates_of_one_position_are_combined_in_order(kind: str, inputs: Any) -> None:
    case = scatter(inputs, reduction=kind)
    prove(rules.scatter_to_where, case, op_type="ScatterND", rel=1e-6)


def test_infinities_and_nan_are_written() -> None:
    odd = np.array([np.nan, np.inf, -np.inf], np.float32)
    x = np.array([1, np.nan, 2, np.inf], np.float32)
    places = np.array([[3], [0], [-2]])
    case = scatter([x, places, odd], opset=11)
    prove(rules.scatter_to_where, case, op_type="ScatterND")
    prove(rules.scatter_nd_by_position, scatter([x, places, odd], opset=11, constant=False))


def test_two_updates_of_one_position_are_declined() -> None:
    inputs = [numbers(4), np.array([[1], [-3]]), numbers(2)]
    reason = "several updates are for one position"
    declines(rules.scatter_to_where, scatter(inputs), reason, op_type="ScatterND")
    many = [numbers(4), np.array([[1]] * 9), numbers(9)]
    reason = "more than 8 updates"
    declines(rules.scatter_to_where, scatter(many, reduction="add"), reason, op_type="ScatterND")


@pytest.mark.parametrize("op_type", KINDS)
def test_computed_places_need_another_rule(op_type: str) -> None:
    extra = {"axis": 0} if op_type == "ScatterElements" else {}
    places = np.array([[0], [1]]) if op_type == "ScatterND" else np.array([0, 1])
    case = scatter([numbers(3), places, numbers(2)], constant=False, **extra)
    for function in (rules.scatter_to_where, rules.scatter_to_concat):
        declines(function, case, "the indices are computed", op_type=op_type)
    outside = scatter([numbers(2), places + 1, numbers(2)], **extra)
    reason = "an index is outside its axis"
    declines(rules.scatter_to_where, outside, reason, op_type=op_type)


@st.composite
def boxes(draw: st.DrawFn) -> tuple[list[int], list[int]]:
    low = [draw(st.integers(0, d - 1)) for d in (3, 4, 2)]
    high = [draw(st.integers(a + 1, d)) for a, d in zip(low, (3, 4, 2), strict=True)]
    return low, high


@few
@given(x=arrays((3, 4, 2)), box=boxes(), depth=st.integers(1, 3))
def test_a_box_is_put_between_slices(
    x: np.ndarray, box: tuple[list[int], list[int]], depth: int
) -> None:
    low, high = box[0][:depth], box[1][:depth]
    sizes = [b - a for a, b in zip(low, high, strict=True)]
    tuples = np.moveaxis(np.indices(sizes), 0, -1) + np.array(low)
    updates = numbers(*sizes, *x.shape[depth:]) + 100
    case = scatter([x, tuples, updates], opset=13)
    operators = prove(rules.scatter_to_concat, case, op_type="ScatterND", targets=(11, 13, 18))
    assert set(operators) <= {"Slice", "Concat", "Reshape"}
    if depth == 3:
        case = scatter([x, tuples[..., 1], updates], opset=13, axis=1)
        if low[0] == low[2] == 0:
            prove(rules.scatter_to_concat, case, op_type="ScatterElements", targets=(11, 18))


def test_places_that_are_no_box_in_order_stay() -> None:
    function = rules.scatter_to_concat
    gap = scatter([numbers(5), np.array([[0], [2]]), numbers(2)])
    declines(function, gap, "do not fill a box", op_type="ScatterND")
    back = scatter([numbers(5), np.array([[1], [0]]), numbers(2)])
    declines(function, back, "in another order", op_type="ScatterND")
    added = scatter([numbers(5), np.array([[1], [2]]), numbers(2)], reduction="add")
    declines(function, added, "it combines", op_type="ScatterND")


@pytest.mark.parametrize("kind", REDUCTIONS)
@few
@given(inputs=elements(), constant=st.booleans())
def test_elements_are_written_by_tuples(kind: str, inputs: Any, constant: bool) -> None:
    targets = (11, 13, 18) if kind == "none" else (18,)
    case = scatter(inputs[:3], constant=constant, axis=inputs[3], **with_reduction(kind))
    prove(rules.scatter_elements_to_scatter_nd, case, targets=targets)


@pytest.mark.parametrize("kind", REDUCTIONS)
@few
@given(inputs=elements(whole=True), tuples=writes())
def test_computed_places_are_compared_with_every_position(
    kind: str, inputs: Any, tuples: Any
) -> None:
    attributes, targets = with_reduction(kind), (13, 18)
    case = scatter(inputs[:3], constant=False, axis=inputs[3], **attributes)
    prove(rules.scatter_elements_by_position, case, targets=targets)
    case = scatter(tuples, constant=False, **attributes)
    prove(rules.scatter_nd_by_position, case, targets=targets)


def test_a_later_update_wins() -> None:
    x, places, updates = numbers(3), np.array([1, 1, -2]), np.array([7, 8, 9], np.float32)
    case = scatter([x, places, updates], constant=False, axis=0)
    prove(rules.scatter_elements_by_position, case)
    case = scatter([x, places[:, np.newaxis], updates], constant=False)
    prove(rules.scatter_nd_by_position, case)


def test_many_or_partial_updates_are_declined() -> None:
    many = scatter([numbers(40), np.arange(40), numbers(40)], constant=False, axis=0)
    declines(rules.scatter_elements_by_position, many, "more than 32 times")
    partial = scatter([numbers(3, 3), np.array([[1]]), numbers(1, 1)], constant=False, axis=0)
    declines(rules.scatter_elements_by_position, partial, "do not cover the other axes")
    many = scatter([numbers(40), np.arange(40).reshape(-1, 1), numbers(40)], constant=False)
    declines(rules.scatter_nd_by_position, many, "more than 32 times")


@few
@given(inputs=writes(odd=NONE, repeats=True), constant=st.booleans())
def test_added_updates_are_a_product(inputs: Any, constant: bool) -> None:
    case = scatter(inputs, constant=constant, reduction="add")
    prove(rules.scatter_nd_add_to_matmul, case, targets=(11, 13, 18))


def test_updates_that_are_not_added_or_no_floats_are_no_product() -> None:
    case = scatter([numbers(3), np.array([[1]]), numbers(1)])
    declines(rules.scatter_nd_add_to_matmul, case, "it does not add")
    whole = [np.arange(3), np.array([[1]]), np.arange(1)]
    declines(rules.scatter_nd_add_to_matmul, scatter(whole, reduction="add"), "floating point")
    odd = scatter([numbers(3), np.array([[1]]), np.array([np.inf], np.float32)], reduction="add")
    with pytest.raises(AssertionError, match=r"became .*nan"):
        prove(rules.scatter_nd_add_to_matmul, odd)
