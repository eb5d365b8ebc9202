from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules.harness import single
from rules.support import FINITE, arrays, declines, few, prove

from porting.rules import repairs as rules


@st.composite
def pools(draw: st.DrawFn) -> dict[str, Any]:
    """A padded window whose every place holds something of a 5 x 6 image."""
    kernel = [draw(st.integers(2, 3)) for _ in range(2)]
    pads = [draw(st.integers(0, k - 1)) for k in kernel * 2]
    strides = [draw(st.integers(1, 2)) for _ in kernel]
    return {"kernel_shape": kernel, "pads": pads if any(pads) else [0, 1, 0, 0], "strides": strides}


@few
@given(x=arrays((2, 2, 5, 6)), pool=pools())
def test_a_maximum_may_repeat_the_edge(x: np.ndarray, pool: dict[str, Any]) -> None:
    x = np.where(np.isnan(x), 0, x).astype(np.float32)  # what MaxPool does with NaN is open
    case = single("MaxPool", [x], opset=12, **pool)
    # onnx.reference cannot pad every MaxPool
    made = prove(rules.max_pool_of_repeated_edges, case, targets=(8, 12, 18), reference=False)
    assert made == ["Pad", "MaxPool"]


@few
@given(x=arrays((2, 2, 5, 6), FINITE[:0]), pool=pools())
def test_averages_do_not_depend_on_padding(x: np.ndarray, pool: dict[str, Any]) -> None:
    counted = single("AveragePool", [x], opset=11, count_include_pad=1, **pool)
    made = prove(rules.average_pool_of_zeros, counted, targets=(11, 18), absolute=1e-5)
    assert made == ["Pad", "AveragePool"]
    plain = single("AveragePool", [x], opset=11, **pool)
    made = prove(rules.average_pool_rescaled, plain, targets=(11, 18), absolute=1e-5)
    assert made == ["AveragePool", "Mul"]
    declines(rules.average_pool_rescaled, counted, "padding is counted")
    declines(rules.average_pool_of_zeros, plain, "padding is not counted")


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"pads": [0, 0, 0, 0]}, "not padded"),
        ({"pads": [1, 1, 1, 1], "ceil_mode": 1}, "ceil_mode"),
        ({"auto_pad": "SAME_UPPER"}, "auto_pad"),
        ({"pads": [2, 0, 0, 0]}, "in the padding altogether"),
        ({"pads": [1, 1, 1, 1], "dilations": [2, 2]}, "dilated"),
    ],
)
def test_windows_that_stay(attributes: dict[str, Any], reason: str) -> None:
    x = np.ones((1, 1, 5, 6), np.float32)
    case = single("MaxPool", [x], opset=12, kernel_shape=[2, 2], **attributes)
    declines(rules.max_pool_of_repeated_edges, case, reason)


def test_indices_of_a_maximum_are_not_those_of_a_larger_image() -> None:
    x = np.ones((1, 1, 5, 6), np.float32)
    case = single("MaxPool", [x], opset=12, outputs=2, kernel_shape=[2, 2], pads=[1, 1, 1, 1])
    declines(rules.max_pool_of_repeated_edges, case, "indices are wanted")


@few
@given(x=arrays((3, 3)), axis=st.integers(-2, 1), seed=st.integers(0, 99))
def test_elements_are_counted_from_the_front(x: np.ndarray, axis: int, seed: int) -> None:
    indices = np.random.default_rng(seed).integers(-3, 3, (3, 3))
    indices[0, 0] = -1
    case = single("GatherElements", [x, indices], opset=13, constants=[1], axis=axis)
    prove(rules.elements_from_front, case, targets=(11, 17))
    front = single("GatherElements", [x, np.abs(indices) % 3], opset=13, constants=[1], axis=axis)
    declines(rules.elements_from_front, front, "no constant index is negative")


@pytest.mark.parametrize(("op_type", "gates"), [("RNN", 1), ("GRU", 3), ("LSTM", 4)])
@few
@given(batch=st.integers(1, 3), both=st.booleans(), seed=st.integers(0, 99))
def test_what_is_zero_in_a_recurrence_is_written(
    op_type: str, gates: int, batch: int, both: bool, seed: int
) -> None:
    random = np.random.default_rng(seed)
    count = 2 if both else 1
    shapes = [(4, batch, 3), (count, gates * 2, 3), (count, gates * 2, 2)]
    inputs: list[Any] = [random.standard_normal(s).astype(np.float32) for s in shapes]
    direction = "bidirectional" if both else "forward"
    case = single(op_type, inputs, opset=13, outputs=2, hidden_size=2, direction=direction)
    # onnx.reference knows one direction of some
    for function in (rules.recurrent_bias_written, rules.recurrent_states_written):
        prove(function, case, op_type=op_type, targets=(11, 17), reference=False)
    state = np.zeros((count, batch, 2), np.float32)
    full = [*inputs, np.zeros((count, gates * 4), np.float32), None, state]
    full += [state] * (op_type == "LSTM")
    case = single(op_type, full, opset=13, outputs=2, hidden_size=2, direction=direction)
    declines(rules.recurrent_bias_written, case, "it has biases", op_type=op_type)
    declines(rules.recurrent_states_written, case, "it has first states", op_type=op_type)


@pytest.mark.parametrize("op_type", ["QuantizeLinear", "DequantizeLinear"])
@few
@given(x=arrays((2, 3), FINITE[:0]), per_axis=st.booleans())
def test_a_zero_point_of_zero_is_written(op_type: str, x: np.ndarray, per_axis: bool) -> None:
    x = x if op_type == "QuantizeLinear" else x.astype(np.int8)
    scale = np.array([0.5, 1, 0.25] if per_axis else 0.5, np.float32)
    case = single(op_type, [x, scale], opset=13, axis=1)
    # onnx.reference has no such DequantizeLinear
    reference = op_type == "QuantizeLinear"
    prove(rules.zero_point_written, case, op_type=op_type, targets=(13, 18), reference=reference)
    given_ = single(op_type, [x, scale, np.zeros_like(scale, np.int8)], opset=13, axis=1)
    declines(rules.zero_point_written, given_, "it has a zero point", op_type=op_type)


def test_int32_has_no_zero_point() -> None:
    inputs = [np.ones(3, np.int32), np.array(0.5, np.float32)]
    case = single("DequantizeLinear", inputs, opset=13)
    declines(rules.zero_point_written, case, "int32", op_type="DequantizeLinear")


@few
@given(seed=st.integers(0, 999))
def test_boxes_have_corners(seed: int) -> None:
    random = np.random.default_rng(seed)
    boxes = random.integers(1, 40, (1, 8, 4)).astype(np.float32) / 4
    inputs = [boxes, random.random((1, 2, 8)).astype(np.float32), np.array([5])]
    inputs += [np.array([0.3], np.float32), np.array([0.1], np.float32)]
    case = single("NonMaxSuppression", inputs, opset=11, center_point_box=1)
    prove(rules.boxes_by_corners, case, targets=(11, 17))
    corners = single("NonMaxSuppression", inputs, opset=11)
    declines(rules.boxes_by_corners, corners, "given by corners")
