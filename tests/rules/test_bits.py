from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules.harness import single
from rules.support import declines, few, prove, shapes

from porting.rules import bits as rules

TYPES = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]


@st.composite
def integers(draw: st.DrawFn, dtype: str, shape: Any) -> np.ndarray:
    """Numbers of the whole range of a type, its ends among them."""
    dims, info = draw(shape), np.iinfo(dtype)
    values = st.one_of(st.sampled_from([info.min, info.max, 0, 1]), st.integers(info.min, info.max))
    count = int(np.prod(dims))
    drawn = draw(st.lists(values, min_size=count, max_size=count))
    return np.array(drawn, dtype).reshape(dims)


@pytest.mark.parametrize("op_type", rules.LOGIC)
@pytest.mark.parametrize("dtype", TYPES)
@few
@given(data=st.data())
def test_bits_are_combined_one_by_one(op_type: str, dtype: str, data: st.DataObject) -> None:
    a = data.draw(integers(dtype, st.sampled_from([(), (3,), (2, 1, 3), (0, 3)])))
    b = data.draw(integers(dtype, st.sampled_from([(), (3,), (4, 3), (1, 1)])))
    if a.size == 0 and b.shape == (4, 3):
        b = b[:1]
    case = single(op_type, [a, b], opset=18)
    prove(rules.bitwise_by_truth_values, case, op_type=op_type, targets=(11, 13, 18))


@pytest.mark.parametrize("op_type", rules.LOGIC)
@pytest.mark.parametrize("dtype", ["int32", "int64"])
@few
@given(data=st.data())
def test_signs_and_other_bits_are_combined(op_type: str, dtype: str, data: st.DataObject) -> None:
    a = data.draw(integers(dtype, st.sampled_from([(), (3,), (2, 1, 3), (0, 3)])))
    b = data.draw(integers(dtype, st.sampled_from([(), (3,), (1, 3), (1, 1)])))
    case = single(op_type, [a, b], opset=18)
    prove(rules.bitwise_of_signed, case, op_type=op_type, targets=(11, 13, 18))


def test_other_types_have_no_sign_of_their_own() -> None:
    case = single("BitwiseAnd", [np.zeros(3, np.uint32), np.zeros(3, np.uint32)], opset=18)
    declines(rules.bitwise_of_signed, case, "the input is uint32", op_type="BitwiseAnd")


@pytest.mark.parametrize("dtype", TYPES)
@few
@given(data=st.data())
def test_inverted_bits_are_a_difference(dtype: str, data: st.DataObject) -> None:
    case = single("BitwiseNot", [data.draw(integers(dtype, shapes(smallest=0)))], opset=18)
    # before opset 14 there are differences of 32 and 64 bits only
    wide = dtype.endswith(("32", "64"))
    prove(rules.bitwise_not_to_sub, case, targets=(11, 13, 18) if wide else (18,))


def test_bits_of_something_large_or_unknown_are_declined() -> None:
    a, b = np.zeros((2, 3), np.int32), np.zeros(3, np.int32)
    model, feed = single("BitwiseAnd", [a, b], opset=18)
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "n"
    del model.graph.output[0].type.tensor_type.shape.dim[:]
    model.graph.output[0].type.tensor_type.ClearField("shape")
    reason = "the size of the result is not known"
    declines(rules.bitwise_by_truth_values, (model, feed), reason, op_type="BitwiseAnd")
    large = single("BitwiseOr", [np.zeros((2**19, 2), np.uint32), np.zeros(1, np.uint32)], opset=18)
    declines(rules.bitwise_by_truth_values, large, "it has more than", op_type="BitwiseOr")
