from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import ModelProto
from rules.harness import single
from rules.support import arrays, declines, few, prove

from porting.rules import gathering as rules

NONE = np.array([])
OPSETS = (11, 13, 18)
EVERYTHING: list[list[int]] = [[0], [-1], [2, -2], [0, 2], [-3, 1, 1], [3, 2, 1, 0], [1, 2, 3]]


def numbers(*shape: int) -> np.ndarray:
    return np.arange(int(np.prod(shape)), dtype=np.float32).reshape(shape)


def gather(x: np.ndarray, indices: Any, axis: int = 0, *, constant: bool = True) -> Any:
    constants = [1] if constant else []
    return single("Gather", [x, np.array(indices)], opset=13, constants=constants, axis=axis)


def with_open(case: Any, axis: int = 0, of: int = 0) -> tuple[ModelProto, Any]:
    """The case with one dimension of an input not known."""
    model, feed = case
    model.graph.input[of].type.tensor_type.shape.dim[axis].dim_param = "n"
    del model.graph.value_info[:]
    return model, feed


@few
@given(x=arrays((4, 5, 4)), indices=st.sampled_from([[-1], [-1, 2], [[0, -4]]]))
def test_negative_constants_count_from_the_front(x: np.ndarray, indices: Any) -> None:
    for axis in (0, -1):
        prove(rules.gather_by_positions, gather(x, indices, axis), targets=OPSETS)


def test_positions_that_count_from_the_front_or_are_computed_stay() -> None:
    declines(rules.gather_by_positions, gather(numbers(3), [1]), "no index is negative")
    computed = gather(numbers(3), [1], constant=False)
    declines(rules.gather_by_positions, computed, "the indices are computed")
    open_axis = with_open(gather(numbers(3), [-1]))
    declines(rules.gather_by_positions, open_axis, "size of the axis is not known")
    beyond = gather(numbers(3), [-4])
    declines(rules.gather_by_positions, beyond, "an index is outside its axis")


@few
@given(
    x=arrays((3, 7, 2)),
    start=st.integers(-7, 2),
    step=st.integers(1, 2),
    count=st.integers(0, 3),
)
def test_equally_spaced_reads_are_a_slice(x: np.ndarray, start: int, step: int, count: int) -> None:
    front = start % 7
    indices = list(range(front, 7, step))[: count or 1]
    case = gather(x, indices if count else start, -2)
    operators = prove(rules.gather_to_slice, case, targets=OPSETS)
    assert operators == (["Slice"] if count else ["Slice", "Squeeze"])


def test_uneven_reads_are_no_slice() -> None:
    declines(rules.gather_to_slice, gather(numbers(5), [0, 1, 3]), "not at equal distances")
    declines(rules.gather_to_slice, gather(numbers(5), [2, 1]), "not at equal distances")
    declines(rules.gather_to_slice, gather(numbers(5), [[0, 1]]), "not a list")
    computed = gather(numbers(5), [0], constant=False)
    declines(rules.gather_to_slice, computed, "the indices are computed")


@few
@given(x=arrays((4, 2, 4)), indices=st.lists(st.integers(-4, 3), min_size=2, max_size=6))
def test_reads_of_any_order_are_slices(x: np.ndarray, indices: list[int]) -> None:
    front = np.array(indices) % 4
    if (np.diff(front) == 1).all():
        return
    for axis in (0, -1):
        operators = prove(rules.gather_to_slices, gather(x, indices, axis), targets=OPSETS)
        assert operators[-1] == "Concat"


def test_one_run_or_very_many_stay() -> None:
    declines(rules.gather_to_slices, gather(numbers(5), [1, 2]), "it takes one slice")
    many = gather(numbers(5), [0, 2] * 20)
    declines(rules.gather_to_slices, many, "one slice or more than 32")
    declines(rules.gather_to_slices, gather(numbers(5), 1), "not a list")
    computed = gather(numbers(5), [0, 2], constant=False)
    declines(rules.gather_to_slices, computed, "the indices are computed")


@few
@given(
    x=arrays((3, 4, 2)),
    axis=st.sampled_from([1, 2, -1, -2]),
    shape=st.sampled_from([(), (2,), (2, 3), (1, 2, 2)]),
    seed=st.integers(0, 99),
)
def test_axes_are_moved_to_the_front_and_back(
    x: np.ndarray, axis: int, shape: tuple[int, ...], seed: int
) -> None:
    length = x.shape[axis]
    indices = np.random.default_rng(seed).integers(-length, length, shape)
    case = gather(x, indices, axis, constant=False)
    prove(rules.gather_along_first_axis, case, targets=OPSETS)


def test_reads_along_the_first_axis_stay() -> None:
    declines(rules.gather_along_first_axis, gather(numbers(3, 2), [1]), "first axis already")


@few
@given(
    x=arrays((5, 3), NONE),
    indices=st.lists(st.integers(-5, 4), min_size=1, max_size=4),
    constant=st.booleans(),
)
def test_rows_of_a_table_are_a_product(x: np.ndarray, indices: list[int], constant: bool) -> None:
    case = gather(x, indices, constant=constant)
    prove(rules.gather_to_one_hot_matmul, case, targets=OPSETS, rel=0, absolute=0)
    pairs = gather(x, [indices, indices], constant=constant)
    prove(rules.gather_to_one_hot_matmul, pairs, targets=OPSETS, rel=0, absolute=0)


def test_a_table_with_an_infinity_differs_as_the_class_says() -> None:
    x = np.array([[np.inf], [1.0]], np.float32)
    with pytest.raises(AssertionError, match=r"became .*nan"):
        prove(rules.gather_to_one_hot_matmul, gather(x, [1], constant=False))


def test_columns_integers_and_long_tables_are_no_product() -> None:
    function = rules.gather_to_one_hot_matmul
    declines(function, gather(numbers(2, 2), [1], axis=1), "does not read rows")
    declines(function, gather(numbers(2, 2).astype(np.int64), [1]), "it is for floating point")
    declines(function, gather(numbers(3), [1]), "not a table")
    declines(function, gather(numbers(5000, 1), [1]), "more than 4096")


@st.composite
def by_element(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, int]:
    """Data, indices that are no larger than it off the axis, and the axis."""
    x = draw(arrays(draw(st.sampled_from([(4,), (3, 4), (2, 3, 4)]))))
    axis = draw(st.integers(-x.ndim, x.ndim - 1))
    shape = [draw(st.integers(1, d)) for d in x.shape]
    shape[axis] = draw(st.integers(1, 5))
    random = np.random.default_rng(draw(st.integers(0, 99)))
    length = x.shape[axis]
    return x, random.integers(-length, length, shape), axis


@pytest.mark.parametrize(
    "function", [rules.gather_elements_to_gather, rules.gather_elements_to_gather_nd]
)
@few
@given(
    drawn=by_element(),
    constant=st.booleans(),
    dtype=st.sampled_from(["int32", "int64"]),
)
def test_elements_are_read_by_flat_or_full_positions(
    function: Any, drawn: tuple[np.ndarray, np.ndarray, int], constant: bool, dtype: str
) -> None:
    x, indices, axis = drawn
    # onnx.reference compares the shapes off the axis, and those wrongly for an axis of -1
    others = [np.delete(a.shape, axis).tolist() for a in (x, indices)]
    same = others[0] == others[1] and axis != -1
    case = single(
        "GatherElements", [x, indices.astype(dtype)], opset=13,
        constants=[1] if constant else [], axis=axis,
    )  # fmt: skip
    prove(function, case, targets=OPSETS, reference=same)


def test_elements_of_unknown_shape_stay() -> None:
    case = single("GatherElements", [numbers(3, 2), np.array([[0, 1]])], opset=13)
    declines(rules.gather_elements_to_gather, with_open(case), "shape of the input is not static")
    case = single("GatherElements", [numbers(3, 2), np.array([[0, 1]])], opset=13)
    function = rules.gather_elements_to_gather_nd
    declines(function, with_open(case, of=1), "shape of the indices is not static")
    empty = single("GatherElements", [numbers(0, 2), np.zeros((0, 2), np.int64)], opset=13)
    declines(rules.gather_elements_to_gather, empty, "the input is empty")


@few
@given(
    x=arrays((2, 3, 4)),
    batches=st.integers(0, 2),
    depth=st.integers(1, 3),
    middle=st.sampled_from([(), (2,), (2, 3)]),
    constant=st.booleans(),
    seed=st.integers(0, 99),
)
def test_index_tuples_are_flattened(
    x: np.ndarray,
    batches: int,
    depth: int,
    middle: tuple[int, ...],
    constant: bool,
    seed: int,
) -> None:
    depth = min(depth, 3 - batches)
    random = np.random.default_rng(seed)
    sizes = np.array(x.shape[batches : batches + depth])
    shape = (*x.shape[:batches], *middle, depth)
    indices = np.floor(random.random(shape) * 2 * sizes).astype(np.int64) - sizes
    case = single(
        "GatherND", [x, indices], opset=13, constants=[1] if constant else [], batch_dims=batches
    )
    # onnx.reference does not take batches
    prove(rules.gather_nd_to_gather, case, targets=OPSETS, reference=not batches)


def test_index_tuples_into_unknown_shapes() -> None:
    single_axis = single("GatherND", [numbers(3, 2), np.array([[1], [-1]])], opset=13)
    prove(rules.gather_nd_to_gather, with_open(single_axis))
    rest = single("GatherND", [numbers(3, 2, 4), np.array([[1, 0], [-1, 1]])], opset=13)
    prove(rules.gather_nd_to_gather, with_open(rest, axis=2))
    read = single("GatherND", [numbers(3, 2), np.array([[1, 0]])], opset=13)
    declines(rules.gather_nd_to_gather, with_open(read), "axes that it reads are not static")


@few
@given(
    x=arrays((3, 4)),
    condition=st.lists(st.booleans(), min_size=1, max_size=4),
    axis=st.sampled_from([None, 1, -1, 0]),
)
def test_a_constant_condition_is_a_list_of_indices(
    x: np.ndarray, condition: list[bool], axis: int | None
) -> None:
    chosen = condition[:3] if axis == 0 else condition
    attributes = {} if axis is None else {"axis": axis}
    case = single("Compress", [x, np.array(chosen)], opset=11, constants=[1], **attributes)
    prove(rules.compress_to_gather, case, targets=OPSETS)


def test_a_computed_condition_is_declined() -> None:
    case = single("Compress", [numbers(3), np.array([True, False])], opset=11)
    declines(rules.compress_to_gather, case, "the condition is computed")


@few
@given(x=arrays(st.sampled_from([(5,), (3, 4), (2, 1, 3)])), dtype=st.sampled_from(["f", "l", "?"]))
def test_coordinates_of_a_constant_are_a_constant(x: np.ndarray, dtype: str) -> None:
    with np.errstate(invalid="ignore"):
        array = x.astype(dtype)
    case = single("NonZero", [array], opset=13, constants=[0])
    prove(rules.non_zero_to_constant, case, targets=OPSETS)


def test_coordinates_of_a_computed_tensor_are_declined() -> None:
    declines(rules.non_zero_to_constant, single("NonZero", [numbers(3)], opset=13), "is computed")
    scalar = single("NonZero", [np.array(1.0, np.float32)], opset=13, constants=[0])
    declines(rules.non_zero_to_constant, scalar, "for a scalar")
