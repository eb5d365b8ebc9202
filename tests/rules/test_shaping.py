from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from onnx import ModelProto, TensorProto, helper
from rules.harness import single, with_nodes
from rules.support import arrays, declines, few, prove, shapes

from porting.legalize.rule import DeclinedError
from porting.rules import shaping as rules


def numbers(*shape: int) -> np.ndarray:
    return np.arange(int(np.prod(shape)), dtype=np.float32).reshape(shape)


def unknown(case: tuple[ModelProto, Any], *axes: int) -> tuple[ModelProto, Any]:
    """The case with some dimensions of its first input not known, and none of its outputs."""
    model, feed = case
    for axis in axes:
        model.graph.input[0].type.tensor_type.shape.dim[axis].dim_param = f"d{axis}"
    for output in model.graph.output:
        kind = output.type.tensor_type.elem_type
        output.CopyFrom(helper.make_tensor_value_info(output.name, kind, None))
    return model, feed


@st.composite
def opened(draw: st.DrawFn, case: tuple[ModelProto, Any], axes: Any) -> tuple[ModelProto, Any]:
    """The case with at most one of these axes of its first input not known."""
    return unknown(case, *draw(st.lists(st.sampled_from(list(axes)), max_size=1)))


@few
@given(x=arrays(shapes(1, smallest=0)))
def test_default_permutation_is_written_out(x: np.ndarray) -> None:
    assert prove(rules.transpose_with_perm, single("Transpose", [x], opset=13)) == ["Transpose"]


def test_a_permutation_is_written_only_where_it_is_not_and_can_be() -> None:
    written = single("Transpose", [numbers(2, 3)], opset=13, perm=[1, 0])
    declines(rules.transpose_with_perm, written, "perm is written already")
    scalar = single("Transpose", [numbers()], opset=13)
    declines(rules.transpose_with_perm, scalar, "rank of the input is not known or 0")


@few
@given(data=st.data(), x=arrays(shapes(1, smallest=0)), units=st.integers(1, 3))
def test_a_permutation_of_unit_axes_is_a_reshape(
    data: st.DataObject, x: np.ndarray, units: int
) -> None:
    order = iter(range(x.ndim))
    moves = data.draw(st.permutations([True] * x.ndim + [False] * units))
    perm = [next(order) if moving else -1 for moving in moves]
    ones = iter(range(x.ndim, x.ndim + units))
    perm = [next(ones) if axis < 0 else axis for axis in perm]
    x = x.reshape(*x.shape, *[1] * units)
    case = data.draw(opened(single("Transpose", [x], opset=13, perm=perm), range(x.ndim - units)))
    try:
        assert prove(rules.transpose_to_reshape, case, targets=(11, 13)) == ["Reshape"]
    except DeclinedError as error:
        assert "a dimension is empty" in str(error)  # noqa: PT017
        assert not x.size


def test_a_permutation_that_moves_elements_is_no_reshape() -> None:
    case = single("Transpose", [numbers(2, 3)], opset=13, perm=[1, 0])
    declines(rules.transpose_to_reshape, case, "it moves elements")


@pytest.mark.parametrize("function", [rules.split_with_sizes, rules.split_to_slices])
@few
@given(x=arrays(shapes(1, size=7)), count=st.integers(1, 4), axis=st.sampled_from([0, -1]))
def test_split_into_a_number_of_parts(function: Any, x: np.ndarray, count: int, axis: int) -> None:
    length = x.shape[axis]
    assume(length > -(-length // count) * (count - 1))
    case = single("Split", [x], opset=18, outputs=count, num_outputs=count, axis=axis)
    # onnx.reference gives the larger parts another size where they are uneven
    prove(function, case, targets=(11, 13, 18), reference=length % count == 0)


@few
@given(sizes=st.lists(st.integers(0, 3), min_size=1, max_size=4), axis=st.sampled_from([0, 1, -1]))
def test_split_into_given_sizes_is_slices(sizes: list[int], axis: int) -> None:
    total = sum(sizes)
    x = numbers(total, 2) if axis == 0 else numbers(2, total)
    inputs = [x, np.array(sizes, np.int64)]
    case = single("Split", inputs, opset=13, outputs=len(sizes), constants=[1], axis=axis)
    assert set(prove(rules.split_to_slices, case, targets=(11, 13, 18))) == {"Slice"}


def test_split_into_equal_parts_gets_their_sizes() -> None:
    case = single("Split", [numbers(6, 2)], opset=11, outputs=3)
    prove(rules.split_with_sizes, case, targets=(11, 13, 18))


def test_split_that_cannot_be_written_out_is_declined() -> None:
    x = numbers(6, 2)
    written = single("Split", [x, np.array([2, 4])], opset=13, outputs=2, constants=[1])
    declines(rules.split_with_sizes, written, "the sizes are written already")
    computed = single("Split", [x, np.array([2, 4])], opset=13, outputs=2)
    declines(rules.split_to_slices, computed, "not constant")
    empty = single("Split", [numbers(5)], opset=18, outputs=4, num_outputs=4)
    declines(rules.split_with_sizes, empty, "a part would be empty")
    open_axis = unknown(single("Split", [x], opset=18, outputs=2, num_outputs=2), 0)
    declines(rules.split_to_slices, open_axis, "size of the split axis is not known")


@few
@given(data=st.data(), x=arrays(shapes(1)))
def test_flatten_is_a_reshape(data: st.DataObject, x: np.ndarray) -> None:
    axis = data.draw(st.integers(-x.ndim, x.ndim))
    case = data.draw(opened(single("Flatten", [x], opset=13, axis=axis), range(x.ndim)))
    assert prove(rules.flatten_to_reshape, case, targets=(11, 13)) == ["Reshape"]


@pytest.mark.parametrize(("axis", "axes"), [(1, (0, 1, 2)), (2, (0, 1)), (0, (0, 1, 2))])
def test_flatten_of_unknown_sizes_is_a_reshape(axis: int, axes: tuple[int, ...]) -> None:
    case = unknown(single("Flatten", [numbers(2, 3, 4)], opset=13, axis=axis), *axes)
    prove(rules.flatten_to_reshape, case)


def test_flatten_of_two_unknown_groups_is_declined() -> None:
    case = unknown(single("Flatten", [numbers(2, 3, 4)], opset=13, axis=2), 0, 2)
    declines(rules.flatten_to_reshape, case, "more than one dimension of the result is not known")


@pytest.mark.parametrize("opset", [11, 13])
@few
@given(data=st.data(), x=arrays(shapes()), added=st.integers(1, 3))
def test_squeeze_and_unsqueeze_are_reshapes(
    opset: int, data: st.DataObject, x: np.ndarray, added: int
) -> None:
    rank = x.ndim + added
    chosen = data.draw(st.permutations(range(rank)))[:added]
    axes = [a - rank if data.draw(st.booleans()) else a for a in chosen]
    wide = np.expand_dims(x, tuple(chosen))

    def node(op_type: str, given: np.ndarray) -> Any:
        if opset < 13:
            return single(op_type, [given], opset=opset, axes=axes)
        return single(op_type, [given, np.array(axes, np.int64)], opset=opset, constants=[1])

    kept = [axis for axis in range(rank) if axis not in chosen]
    for function, case in (
        (rules.squeeze_to_reshape, opened(node("Squeeze", wide), kept or [0])),
        (rules.unsqueeze_to_reshape, opened(node("Unsqueeze", x), range(x.ndim))),
    ):
        if x.ndim:
            # onnx.reference drops axes of old one by one, so that the later ones have moved
            assert prove(function, data.draw(case), reference=opset >= 13) == ["Reshape"]
    plain = node("Squeeze", wide)
    assert prove(rules.squeeze_to_reshape, plain, reference=opset >= 13) == ["Reshape"]


@pytest.mark.parametrize("opset", [11, 13])
def test_squeeze_and_unsqueeze_of_several_unknown_axes_are_reshapes(opset: int) -> None:
    def node(op_type: str, x: np.ndarray, axes: list[int]) -> Any:
        if opset < 13:
            return single(op_type, [x], opset=opset, axes=axes)
        return single(op_type, [x, np.array(axes, np.int64)], opset=opset, constants=[1])

    narrow = unknown(node("Squeeze", numbers(2, 1, 3, 1), [1, -1]), 0, 2)
    assert prove(rules.squeeze_to_reshape, narrow) == ["Reshape"]
    wide = unknown(node("Unsqueeze", numbers(2, 4, 3), [-1, 3]), 0, 2)
    assert prove(rules.unsqueeze_to_reshape, wide) == ["Reshape"]


def test_squeeze_without_axes_drops_what_is_known_to_be_one() -> None:
    case = single("Squeeze", [numbers(1, 3, 1)], opset=13)
    prove(rules.squeeze_to_reshape, case)
    declines(rules.squeeze_to_reshape, unknown(case, 1), "which axes it drops is not known")


def test_unknown_axes_that_change_places_are_declined() -> None:
    inputs = [numbers(2, 3), np.array([0], np.int64)]
    case = unknown(single("Unsqueeze", inputs, opset=13, constants=[1]), 0, 1)
    declines(rules.unsqueeze_to_reshape, case, "more than one dimension")


@few
@given(data=st.data(), x=arrays(shapes()))
def test_allowzero_without_a_zero_is_dropped(data: st.DataObject, x: np.ndarray) -> None:
    shape = data.draw(st.permutations(x.shape))
    shape = [*shape[:-1], -1] if shape and data.draw(st.booleans()) else shape
    inputs = [x, np.array(shape, np.int64)]
    case = single("Reshape", inputs, opset=14, constants=[1], allowzero=1)
    prove(rules.reshape_without_allowzero, case, targets=(11, 13, 14))


def test_allowzero_that_says_something_or_is_not_there_is_declined() -> None:
    inputs = [numbers(2, 3), np.array([3, -1], np.int64)]
    zero = [np.zeros((0, 3), np.float32), np.array([3, 0], np.int64)]
    case = single("Reshape", zero, opset=14, constants=[1], allowzero=1)
    declines(rules.reshape_without_allowzero, case, "a dimension of the shape is 0")
    plain = single("Reshape", inputs, opset=14, constants=[1])
    declines(rules.reshape_without_allowzero, plain, "allowzero is not set")
    computed = single("Reshape", inputs, opset=14, allowzero=1)
    declines(rules.reshape_without_allowzero, computed, "the shape is not constant")


BOUND = st.one_of(st.none(), st.integers(-9, 9))


@few
@given(x=arrays(shapes(smallest=0)), start=BOUND, end=BOUND)
def test_part_of_a_shape_is_a_slice_of_it(
    x: np.ndarray, start: int | None, end: int | None
) -> None:
    bounds = {k: v for k, v in (("start", start), ("end", end)) if v is not None}
    case = unknown(single("Shape", [x], opset=15, **bounds), *range(x.ndim))
    if not bounds:
        declines(rules.shape_to_slice, case, "neither start nor end")
        return
    prove(rules.shape_to_slice, case, targets=(11, 13, 15))


BLOCKS = st.tuples(*[st.integers(1, 3)] * 4)


@pytest.mark.parametrize("mode", ["DCR", "CRD"])
@few
@given(data=st.data(), sizes=BLOCKS, block=st.integers(1, 3))
def test_depth_to_space_is_a_transposition(
    mode: str, data: st.DataObject, sizes: tuple[int, ...], block: int
) -> None:
    batch, depth, height, width = sizes
    x = numbers(batch, depth * block * block, height, width)
    case = single("DepthToSpace", [x], opset=13, blocksize=block, mode=mode)
    case = data.draw(opened(case, [0]))
    operators = prove(rules.depth_to_space_to_transpose, case, targets=(11, 13))
    assert operators == ["Reshape", "Transpose", "Reshape"]


@few
@given(data=st.data(), sizes=BLOCKS, block=st.integers(1, 3))
def test_space_to_depth_is_a_transposition(
    data: st.DataObject, sizes: tuple[int, ...], block: int
) -> None:
    batch, channels, rows, columns = sizes
    x = numbers(batch, channels, rows * block, columns * block)
    case = data.draw(opened(single("SpaceToDepth", [x], opset=13, blocksize=block), [0]))
    prove(rules.space_to_depth_to_transpose, case, targets=(11, 13))


def test_space_of_unknown_size_is_declined() -> None:
    case = single("SpaceToDepth", [numbers(2, 3, 4, 6)], opset=13, blocksize=2)
    declines(rules.space_to_depth_to_transpose, unknown(case, 2), "are not known")


@few
@given(x=arrays(shapes(smallest=0)))
def test_identity_and_dropout_vanish(x: np.ndarray) -> None:
    assert prove(rules.identity_to_nothing, single("Identity", [x], opset=13)) == ["Identity"]
    inputs = [x, np.float32(0.5).reshape(()), np.array(False)]
    case = single("Dropout", inputs, opset=13, constants=[1, 2])
    assert prove(rules.dropout_to_nothing, case, targets=(11, 13)) == ["Identity"]


@few
@given(x=arrays(shapes(smallest=0)))
def test_the_mask_of_dropout_is_true(x: np.ndarray) -> None:
    case = single("Dropout", [x], opset=13, outputs=2)
    prove(rules.dropout_to_nothing, case, targets=(11, 13, 18))


def test_dropout_in_training_is_declined() -> None:
    inputs = [numbers(2, 3), np.float32(0.5).reshape(()), np.array(True)]
    training = single("Dropout", inputs, opset=13, constants=[1, 2])
    declines(rules.dropout_to_nothing, training, "it is in training mode")
    computed = single("Dropout", inputs, opset=13, constants=[1])
    declines(rules.dropout_to_nothing, computed, "is not known")
    masked = single("Dropout", inputs[:1], opset=7, outputs=2)
    declines(rules.dropout_to_nothing, masked, "the mask is not made of bool")


def constant(**form: Any) -> tuple[ModelProto, Any]:
    node = helper.make_node("Constant", [], ["c"], **form)
    after = helper.make_node("Identity", ["c"], ["out0"])
    return with_nodes([node, after], [], [], opset=13)


WHOLE, REAL = st.integers(-(2**63), 2**63 - 1), st.floats(width=32)


@pytest.mark.parametrize(
    ("form", "values"),
    [
        ("value_int", WHOLE),
        ("value_ints", st.lists(WHOLE, min_size=1, max_size=4)),
        ("value_float", REAL),
        ("value_floats", st.lists(REAL, min_size=1, max_size=4)),
    ],
)
@few
@given(data=st.data())
def test_a_constant_number_becomes_a_tensor(
    form: str, values: st.SearchStrategy[Any], data: st.DataObject
) -> None:
    prove(rules.constant_to_tensor, constant(**{form: data.draw(values)}), targets=(11, 13))


def test_a_constant_tensor_is_left_alone() -> None:
    tensor = helper.make_tensor("t", TensorProto.FLOAT, [1], [2.0])
    declines(rules.constant_to_tensor, constant(value=tensor), "already")
