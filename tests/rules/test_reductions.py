from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules.harness import single
from rules.support import MODEST, arrays, declines, few, prove, shapes

from porting.rules import reductions as rules

NO_NAN = np.array([np.inf, -np.inf, 0.0, 88.8, -88.8, -1e30])
"""onnxruntime's own maximum skips some NaN."""
SHAPES = shapes(1)
LOOSE: dict[str, Any] = {"rel": 1e-4, "absolute": 1e-4}


def reduction(
    op_type: str, x: np.ndarray, axes: list[int] | None, opset: int, keepdims: int
) -> Any:
    """The node in the form of its opset: axes were an attribute before they were an input."""
    attributes = {"keepdims": keepdims}
    if axes is None:
        return single(op_type, [x], opset=opset, **attributes)
    if opset >= (13 if op_type == "ReduceSum" else 18):
        inputs = [x, np.array(axes, np.int64)]
        return single(op_type, inputs, opset=opset, constants=[1], **attributes)
    return single(op_type, [x], opset=opset, axes=axes, **attributes)


@st.composite
def axes_of(draw: st.DrawFn, rank: int) -> list[int] | None:
    """Some axes, counted from either side, or none."""
    chosen = draw(st.sets(st.integers(0, rank - 1)))
    return [a - rank if draw(st.booleans()) else a for a in sorted(chosen)] or None


@pytest.mark.parametrize("opset", [11, 13, 18])
@pytest.mark.parametrize(
    ("function", "op_type", "odd"),
    [
        (rules.reduce_l1_to_sum, "ReduceL1", NO_NAN),
        (rules.reduce_l2_to_sum, "ReduceL2", MODEST),
        (rules.reduce_log_sum_to_log, "ReduceLogSum", MODEST),
        (rules.reduce_log_sum_exp_to_stable, "ReduceLogSumExp", NO_NAN),
        (rules.reduce_sum_square_to_sum, "ReduceSumSquare", MODEST),
        (rules.reduce_mean_to_sum, "ReduceMean", MODEST),
    ],
)
@few
@given(data=st.data(), keepdims=st.sampled_from([0, 1]))
def test_reduction_is_the_same_over_any_axes(
    function: Any, op_type: str, odd: np.ndarray, opset: int, data: st.DataObject, keepdims: int
) -> None:
    x = data.draw(arrays(SHAPES, odd))
    axes = data.draw(axes_of(x.ndim))
    case = reduction(op_type, x, axes, opset, keepdims)
    # onnx.reference overflows in ReduceLogSumExp
    reference = op_type != "ReduceLogSumExp"
    prove(function, case, targets=(11, 13, 18), **LOOSE, reference=reference)


@pytest.mark.parametrize("row", [[-np.inf] * 3, [np.inf, 0, 1], [np.inf, -np.inf, 0], [1e4, 0, 1]])
def test_log_sum_exp_is_right_for_infinite_and_large_rows(row: list[float]) -> None:
    x = np.array([row, [0.0, 1.0, 2.0]], np.float32)
    case = reduction("ReduceLogSumExp", x, [1], 18, 0)
    with np.errstate(all="ignore"):
        prove(rules.reduce_log_sum_exp_to_stable, case, reference=False, targets=(11, 18))


def test_l2_norm_of_large_halves_does_not_overflow() -> None:
    x = np.array([[300.0, 400.0]], np.float16)
    case = reduction("ReduceL2", x, [1], 18, 1)
    from rules.harness import rewrite, run_reference, the_rule

    result = rewrite(case[0], the_rule(rules.reduce_l2_to_sum))
    assert run_reference(result, case[1])[0] == np.float16(500.0)


@pytest.mark.parametrize("op_type", ["ReduceL1", "ReduceL2", "ReduceLogSumExp", "ReduceMean"])
@pytest.mark.parametrize("keepdims", [0, 1])
def test_reduction_of_a_scalar_is_the_same(op_type: str, keepdims: int) -> None:
    function = {
        "ReduceL1": rules.reduce_l1_to_sum,
        "ReduceL2": rules.reduce_l2_to_sum,
        "ReduceLogSumExp": rules.reduce_log_sum_exp_to_stable,
        "ReduceMean": rules.reduce_mean_to_sum,
    }[op_type]
    case = reduction(op_type, np.array(-2.5, np.float32), None, 18, keepdims)
    # onnx.reference fails on a scalar ReduceLogSumExp
    prove(function, case, targets=(13, 18), reference=op_type != "ReduceLogSumExp")


@pytest.mark.parametrize("op_type", [*rules.PLAIN, "ReduceL1", "ReduceL2", "ReduceSumSquare"])
@few
@given(x=arrays(SHAPES, MODEST), keepdims=st.sampled_from([0, 1]))
def test_all_axes_are_written_out(op_type: str, x: np.ndarray, keepdims: int) -> None:
    case = reduction(op_type, x, None, 18, keepdims)
    prove(rules.reduce_axes_written, case, op_type=op_type, targets=(11, 13, 18), **LOOSE)


@pytest.mark.parametrize("op_type", rules.PLAIN)
@few
@given(data=st.data())
def test_dropped_axes_are_squeezed(op_type: str, data: st.DataObject) -> None:
    x = data.draw(arrays(SHAPES, MODEST))
    case = reduction(op_type, x, data.draw(axes_of(x.ndim)), 18, 0)
    operators = prove(
        rules.reduce_keeping_dims, case, op_type=op_type, targets=(11, 13, 18), **LOOSE
    )
    assert operators == [op_type, "Squeeze"]


@pytest.mark.parametrize("op_type", rules.PLAIN)
@few
@given(x=arrays(shapes(2), MODEST), keepdims=st.sampled_from([0, 1]))
def test_axes_are_reduced_one_at_a_time(op_type: str, x: np.ndarray, keepdims: int) -> None:
    case = reduction(op_type, x, None, 18, keepdims)
    operators = prove(
        rules.reduce_one_axis_at_a_time, case, op_type=op_type, targets=(11, 18), **LOOSE
    )
    assert operators == [op_type] * x.ndim


@pytest.mark.parametrize("op_type", rules.PLAIN)
@few
@given(x=arrays(shapes(), NO_NAN), given_empty=st.booleans(), keepdims=st.integers(0, 1))
def test_reduction_over_no_axis_is_the_input(
    op_type: str, x: np.ndarray, given_empty: bool, keepdims: int
) -> None:
    inputs = [x, np.zeros(0, np.int64)] if given_empty else [x]
    case = single(
        op_type, inputs, opset=18, constants=range(1, len(inputs)), noop_with_empty_axes=1,
        keepdims=keepdims,
    )  # fmt: skip
    assert prove(rules.reduce_nothing, case, op_type=op_type) == ["Identity"]


def test_what_a_reduction_cannot_know_is_declined() -> None:
    x = np.ones((2, 3), np.float32)
    computed = single("ReduceL2", [x, np.array([0])], opset=18)
    declines(rules.reduce_l2_to_sum, computed, "the axes are not constant")
    none = single("ReduceL2", [x], opset=18, noop_with_empty_axes=1)
    declines(rules.reduce_l2_to_sum, none, "it reduces over no axis")
    integers = single("ReduceL2", [np.ones((2, 3), np.int32)], opset=18)
    declines(rules.reduce_l2_to_sum, integers, "the input is int32")
    empty = single("ReduceLogSumExp", [np.ones((2, 0), np.float32)], opset=18)
    declines(rules.reduce_log_sum_exp_to_stable, empty, "the input is empty")
    model, feed = single("ReduceMean", [x], opset=18)
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "n"
    declines(rules.reduce_mean_to_sum, (model, feed), "the number of elements of a mean")


def test_reductions_that_need_no_change_are_declined() -> None:
    written = reduction("ReduceSum", np.ones((2, 3), np.float32), [1], 18, 1)
    for function, reason in (
        (rules.reduce_axes_written, "the axes are written already"),
        (rules.reduce_keeping_dims, "it keeps its dimensions already"),
        (rules.reduce_one_axis_at_a_time, "it reduces over one axis already"),
        (rules.reduce_nothing, "noop_with_empty_axes is not set"),
    ):
        declines(function, written, reason, op_type="ReduceSum")


@pytest.mark.parametrize("opset", [11, 13, 18])
@few
@given(data=st.data(), keepdims=st.sampled_from([0, 1]))
def test_log_sum_exp_is_a_maximum_and_shares(
    opset: int, data: st.DataObject, keepdims: int
) -> None:
    x = data.draw(arrays(SHAPES, NO_NAN))
    case = reduction("ReduceLogSumExp", x, data.draw(axes_of(x.ndim)), opset, keepdims)
    # onnx.reference overflows in ReduceLogSumExp
    rule = rules.reduce_log_sum_exp_to_log_softmax
    prove(rule, case, targets=(11, 13, 18), **LOOSE, reference=False)


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_log_sum_exp_of_rows_that_are_not_finite(value: float) -> None:
    x = np.full((2, 3), value, np.float32)
    x[1, 1] = 1.0
    case = reduction("ReduceLogSumExp", x, [1], 13, 1)
    prove(rules.reduce_log_sum_exp_to_log_softmax, case, reference=False)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64"])
@few
@given(data=st.data(), keepdims=st.sampled_from([0, 1]), opset=st.sampled_from([11, 13, 18]))
def test_a_product_is_one_of_halves(
    dtype: str, data: st.DataObject, keepdims: int, opset: int
) -> None:
    x = data.draw(arrays(shapes(1, 3, 7), MODEST)).astype(dtype)
    case = reduction("ReduceProd", x, data.draw(axes_of(x.ndim)), opset, keepdims)
    # onnxruntime has no products of doubles
    targets = (11, 13, 18)
    prove(rules.reduce_prod_to_products, case, targets=targets, **LOOSE, ort=dtype != "float64")


def test_products_that_are_long_or_of_unknown_length_are_declined() -> None:
    case = reduction("ReduceProd", np.ones(4097, np.float32), [0], 13, 1)
    declines(rules.reduce_prod_to_products, case, "longer than 4096")
    empty = reduction("ReduceProd", np.ones((0, 2), np.float32), [0], 13, 1)
    declines(rules.reduce_prod_to_products, empty, "nothing to multiply")
    model, feed = reduction("ReduceProd", np.ones(4, np.float32), [0], 13, 1)
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "n"
    declines(rules.reduce_prod_to_products, (model, feed), "not known")


@pytest.mark.parametrize("op_type", rules.OF_NOTHING)
@few
@given(shape=shapes(0, 2, smallest=0), keepdims=st.sampled_from([0, 1]))
def test_a_reduction_over_nothing_is_a_constant(
    op_type: str, shape: tuple[int, ...], keepdims: int
) -> None:
    x = np.zeros((*shape, 0), np.float32)
    case = reduction(op_type, x, [-1], 18, keepdims)
    rule, targets = rules.reduction_of_nothing, (11, 13, 18)
    # onnxruntime gives such results other shapes, mostly that of the input
    operators = prove(rule, case, op_type=op_type, targets=targets, ort=False)
    assert operators == ["Identity"]


def test_a_reduction_over_something_is_no_constant() -> None:
    case = reduction("ReduceSum", np.zeros((0, 2), np.float32), [1], 18, 1)
    declines(rules.reduction_of_nothing, case, "no reduced axis", op_type="ReduceSum")
    old = reduction("ReduceProd", np.zeros((0, 2), np.float32), [0], 13, 1)
    declines(rules.reduction_of_nothing, old, "does not say", op_type="ReduceProd")
