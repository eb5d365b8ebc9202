import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules.harness import single
from rules.support import arrays, declines, few, prove

from porting.rules import softmax as rules

ODD = np.array([-np.inf, 0.0, 88.8, -88.8, 300.0])


@pytest.mark.parametrize("op_type", rules.FAMILY)
@few
@given(x=arrays((2, 3, 4), ODD), axis=st.sampled_from([0, 1, -3, -2]))
def test_another_axis_is_swapped_with_the_last(op_type: str, x: np.ndarray, axis: int) -> None:
    x[..., 0] = x[:, 0] = x[0] = 1.0  # no row of -inf only
    case = single(op_type, [x], opset=13, axis=axis)
    operators = prove(
        rules.softmax_along_last_axis, case, op_type=op_type, targets=(11, 12, 13, 18),
        reference=op_type != "LogSoftmax",  # which takes the logarithm of zeros
    )  # fmt: skip
    assert operators == ["Transpose", op_type, "Transpose"]


@pytest.mark.parametrize("op_type", rules.FAMILY)
@few
@given(x=arrays((2, 3, 4), np.array([0.0, 20.0])), axis=st.sampled_from([0, 1, 2, -1]))
def test_softmax_of_old_is_over_flattened_rows(op_type: str, x: np.ndarray, axis: int) -> None:
    case = single(op_type, [x], opset=11, axis=axis)
    # onnx.reference knows the newer meaning only
    prove(rules.softmax_of_rows, case, op_type=op_type, targets=(11, 13), reference=False)


def test_softmax_of_old_with_unknown_sizes_is_restored_at_run_time() -> None:
    model, feed = single("Softmax", [np.ones((2, 3, 4), np.float32)], opset=11, axis=1)
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "n"
    operators = prove(
        rules.softmax_of_rows, (model, feed), op_type="Softmax", targets=(13,), reference=False
    )
    assert operators == ["Flatten", "Softmax", "Shape", "Reshape"]


@pytest.mark.parametrize("axis", [0, 1, -1])
@few
@given(x=arrays((2, 3, 4), ODD))
def test_softmax_and_its_logarithm_are_spelled_out(axis: int, x: np.ndarray) -> None:
    x[..., 0] = x[:, 0] = x[0] = 1.0
    targets = (11, 13, 18)
    prove(rules.softmax_to_exp, single("Softmax", [x], opset=13, axis=axis), targets=targets)
    log = single("LogSoftmax", [x], opset=13, axis=axis)
    prove(rules.log_softmax_to_log_sum_exp, log, targets=targets, reference=False)


def test_log_softmax_of_distant_logits_stays_finite() -> None:
    case = single("LogSoftmax", [np.array([[0.0, -200.0]], np.float32)], opset=13)
    prove(rules.log_softmax_to_log_sum_exp, case, reference=False)


def test_softmax_that_needs_no_change_is_declined() -> None:
    last = single("Softmax", [np.ones((2, 3), np.float32)], opset=13)
    declines(rules.softmax_along_last_axis, last, "is the last one already", op_type="Softmax")
    rows = single("Softmax", [np.ones((2, 3), np.float32)], opset=11)
    declines(rules.softmax_of_rows, rows, "along the rows of a matrix already", op_type="Softmax")
    declines(rules.softmax_along_last_axis, rows, "another version of Softmax", op_type="Softmax")
    empty = single("Softmax", [np.ones((2, 0), np.float32)], opset=13)
    declines(rules.softmax_to_exp, empty, "the input is empty")
