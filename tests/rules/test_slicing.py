from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import ModelProto
from rules.harness import single
from rules.support import arrays, declines, few, prove

from porting.rules import slicing as rules

OPSETS = (11, 13, 18)
LAST = 2**63 - 1


def numbers(*shape: int) -> np.ndarray:
    return np.arange(int(np.prod(shape)), dtype=np.float32).reshape(shape)


def with_open(case: Any, axis: int = 0) -> tuple[ModelProto, Any]:
    model, feed = case
    model.graph.input[0].type.tensor_type.shape.dim[axis].dim_param = "n"
    return model, feed


def cut(x: np.ndarray, *lists: list[int] | None, opset: int = 13, constant: bool = True) -> Any:
    inputs = [x, *(None if v is None else np.array(v, np.int64) for v in lists)]
    constants = range(1, len(inputs)) if constant else []
    return single("Slice", inputs, opset=opset, constants=constants)


@st.composite
def cuts(draw: st.DrawFn, steps: Any, size: int = 6) -> list[list[int]]:
    """Starts, ends, axes and steps of slices that are not empty."""
    axes = draw(st.sampled_from([[0], [1], [-1], [1, 0], [0, 2], [-3, -1, 1]]))
    starts, ends, chosen = [], [], []
    for _ in axes:
        step = draw(steps)
        first, last = sorted(draw(st.tuples(st.integers(0, size - 1), st.integers(0, size - 1))))
        if step < 0:
            start, end = last, first - 1 if first else -size - draw(st.integers(1, 3))
        else:
            start, end = first, draw(st.sampled_from([last + 1, size, size + 4, LAST]))
        signed = draw(st.booleans())
        starts.append(start - size if signed else start)
        ends.append(end - size if signed and 0 < end < size else end)
        chosen.append(step)
    return [starts, ends, axes, chosen]


X = arrays((6, 6, 6))


@few
@given(x=X, lists=cuts(st.sampled_from([1, 2, 3])))
def test_bounds_are_written_within_the_axes(x: np.ndarray, lists: list[list[int]]) -> None:
    starts = [start - 6 if start >= 0 else start for start in lists[0]]
    operators = prove(rules.slice_within_bounds, cut(x, starts, *lists[1:]), targets=OPSETS)
    assert operators in (["Slice"], ["Identity"])


@few
@given(x=X, lists=cuts(st.sampled_from([1, 2, -1, -2])))
def test_slices_one_axis_at_a_time(x: np.ndarray, lists: list[list[int]]) -> None:
    case = cut(x, *lists)
    if len(lists[0]) == 1:
        declines(rules.slice_one_axis_at_a_time, case, "it slices one axis")
        return
    assert prove(rules.slice_one_axis_at_a_time, case, targets=OPSETS) == ["Slice"] * len(lists[0])


@few
@given(x=X, lists=cuts(st.sampled_from([1, 2, 3, -1, -2])))
def test_steps_are_reads_of_constant_positions(x: np.ndarray, lists: list[list[int]]) -> None:
    case = cut(x, *lists)
    if set(lists[3]) == {1}:
        declines(rules.slice_to_gather, case, "every step is 1")
        return
    assert "Gather" in prove(rules.slice_to_gather, case, targets=OPSETS)


@few
@given(
    x=X,
    first=st.integers(0, 2),
    step=st.sampled_from([2, 3]),
    axis=st.integers(-3, 2),
    end=st.sampled_from([6, 9, LAST]),
)
def test_steps_that_divide_an_axis_are_views(
    x: np.ndarray, first: int, step: int, axis: int, end: int
) -> None:
    case = cut(x, [first % step, 1], [end, 4], [axis, (axis + 1) % 3], [step, 1])
    operators = prove(rules.slice_step_to_reshape, case, targets=OPSETS)
    assert "Gather" not in operators


@few
@given(
    x=X,
    low=st.lists(st.integers(0, 5), min_size=1, max_size=3),
    constant=st.booleans(),
    opset=st.sampled_from([11, 13]),
)
def test_axes_and_steps_are_written(
    x: np.ndarray, low: list[int], constant: bool, opset: int
) -> None:
    case = cut(x, low, [6] * len(low), opset=opset, constant=constant)
    prove(rules.slice_written_out, case, targets=OPSETS)
    case = cut(x, low[:1], [6], [-1], opset=opset, constant=constant)
    prove(rules.slice_written_out, case, targets=OPSETS)


def test_slices_that_stay() -> None:
    x = numbers(6, 2)
    bounds = rules.slice_within_bounds
    declines(bounds, cut(x, [1], [3], [0]), "within the axis already")
    declines(bounds, cut(x, [1], [-1], [0], [-1]), "a step is negative")
    declines(bounds, cut(x, [3], [3], [0]), "the result is empty")
    declines(bounds, cut(x, [3], [3], [0], constant=False), "is not a constant")
    declines(bounds, with_open(cut(x, [-1], [LAST], [0])), "size of a sliced axis is not known")
    declines(rules.slice_to_gather, cut(x, [5], [LAST], [0], [-1]), "runtimes differ")
    before = cut(x, [-9], [-20], [0], [-1])
    declines(rules.slice_to_gather, before, "starting before the first element")
    declines(rules.slice_step_to_reshape, cut(x, [0], [5], [0], [4]), "do not divide the axis")
    declines(rules.slice_step_to_reshape, cut(x, [0], [5], [0]), "no step is above 1")
    declines(rules.slice_written_out, cut(x, [0], [5], [0], [1]), "written already")


@few
@given(x=arrays((2, 3)), count=st.integers(1, 4), axis=st.integers(-2, 1))
def test_several_tensors_are_joined_by_twos(x: np.ndarray, count: int, axis: int) -> None:
    case = single("Concat", [x + i for i in range(count)], opset=13, axis=axis)
    if count == 2:
        declines(rules.concat_of_two, case, "it joins two")
        return
    operators = prove(rules.concat_of_two, case, targets=OPSETS)
    assert operators == (["Concat"] * (count - 1) or ["Identity"])


@pytest.mark.parametrize("function", [rules.tile_to_concat, rules.tile_to_expand])
@few
@given(x=arrays((2, 1, 3)), repeats=st.lists(st.integers(1, 3), min_size=3, max_size=3))
def test_repetitions_are_copies(function: Any, x: np.ndarray, repeats: list[int]) -> None:
    case = single("Tile", [x, np.array(repeats)], opset=13, constants=[1])
    prove(function, case, targets=OPSETS)


def test_many_or_computed_repetitions_are_declined() -> None:
    many = single("Tile", [numbers(2), np.array([40])], opset=13, constants=[1])
    declines(rules.tile_to_concat, many, "more than 32 times")
    computed = single("Tile", [numbers(2), np.array([4])], opset=13)
    declines(rules.tile_to_concat, computed, "is not a constant")
    none = single("Tile", [numbers(2), np.array([0])], opset=13, constants=[1])
    declines(rules.tile_to_expand, none, "the result is empty")


@pytest.mark.parametrize("function", [rules.expand_to_tile, rules.expand_to_mul])
@few
@given(
    x=arrays(st.sampled_from([(), (1,), (3,), (2, 1), (1, 3), (2, 1, 3)])),
    wanted=st.sampled_from([[3], [1], [2, 3], [2, 1], [4, 2, 3], [5, 2, 1, 3]]),
    dtype=st.sampled_from(["float32", "int64"]),
)
def test_broadcasts_are_repetitions_or_products(
    function: Any, x: np.ndarray, wanted: list[int], dtype: str
) -> None:
    try:
        np.broadcast_shapes(x.shape, tuple(wanted))
    except ValueError:
        return
    with np.errstate(invalid="ignore"):
        array = x.astype(dtype)
    case = single("Expand", [array, np.array(wanted)], opset=13, constants=[1])
    prove(function, case, targets=OPSETS)


def test_broadcasts_of_unknown_axes() -> None:
    case = single("Expand", [numbers(3, 1), np.array([2, 1, 4])], opset=13, constants=[1])
    prove(rules.expand_to_tile, with_open(case))
    case = single("Expand", [numbers(3, 1), np.array([3, 4])], opset=13, constants=[1])
    declines(rules.expand_to_tile, with_open(case), "whether an axis is 1 is not known")
    flags = single("Expand", [np.array([True]), np.array([3])], opset=13, constants=[1])
    declines(rules.expand_to_mul, flags, "elements are bool")


def pad(x: np.ndarray, pads: list[int], value: float | None = None) -> Any:
    fill = None if value is None else np.array(value, x.dtype)
    return single("Pad", [x, np.array(pads), fill], opset=13, constants=[1, 2])


@few
@given(
    x=arrays((3, 4)),
    pads=st.lists(st.integers(0, 2), min_size=4, max_size=4),
    value=st.sampled_from([None, 0.0, -2.5, -np.inf, np.nan]),
)
def test_padding_is_joined_blocks(x: np.ndarray, pads: list[int], value: float | None) -> None:
    prove(rules.pad_to_concat, pad(x, pads, value), targets=OPSETS)


@few
@given(
    x=arrays((3, 4)),
    pads=st.lists(st.integers(-1, 2), min_size=4, max_size=4),
    value=st.sampled_from([None, -2.5]),
)
def test_negative_padding_is_a_slice(x: np.ndarray, pads: list[int], value: float | None) -> None:
    case = pad(x, pads, value)
    if min(pads) >= 0:
        declines(rules.pad_negative_to_slice, case, "no pad is negative")
        return
    # onnx.reference refuses negative pads
    prove(rules.pad_negative_to_slice, case, targets=OPSETS, reference=False)


def test_other_padding_stays() -> None:
    x = numbers(3, 4)
    declines(rules.pad_to_concat, pad(x, [0, -1, 0, 0]), "a pad is negative")
    declines(rules.pad_negative_to_slice, pad(x, [-2, 0, -1, 0]), "nothing is left")
    edge = single("Pad", [x, np.array([1, 0, 0, 0])], opset=13, constants=[1], mode="edge")
    declines(rules.pad_to_concat, edge, "the mode is not constant")
    declines(rules.pad_to_concat, with_open(pad(x, [1, 0, 0, 0])), "is not static")


@few
@given(x=arrays(st.sampled_from([(4,), (2, 3), (2, 0), (2, 1, 3)])))
def test_a_size_is_the_product_of_the_shape(x: np.ndarray) -> None:
    prove(rules.size_to_shape, with_open(single("Size", [x], opset=13)), targets=OPSETS)


def test_the_size_of_a_scalar_stays() -> None:
    scalar = single("Size", [np.array(1.0, np.float32)], opset=13)
    declines(rules.size_to_shape, scalar, "a scalar")
