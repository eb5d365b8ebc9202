import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from rules.harness import single
from rules.support import MODEST, arrays, declines, few, prove

from porting.rules import convolution_blocks as rules


def conv(x: np.ndarray, kernel: int, *, outputs: int = 3, **attributes: object):
    random = np.random.default_rng(kernel)
    weight = random.standard_normal((outputs, x.shape[1], kernel)).astype(np.float32)
    bias = random.standard_normal(outputs).astype(np.float32)
    return single("Conv", [x, weight, bias], opset=13, constants=[1, 2], **attributes)


@few
@given(
    data=st.data(),
    stride=st.integers(2, 4),
    strides=st.integers(1, 3),
    channels=st.integers(1, 3),
    pads=st.lists(st.integers(0, 3), min_size=2, max_size=2),
)
def test_a_long_stride_is_a_block(
    data: st.DataObject, stride: int, strides: int, channels: int, pads: list[int]
) -> None:
    x = data.draw(arrays((2, channels, 14), MODEST))
    case = conv(x, stride * strides, strides=[stride], pads=pads)
    function = rules.strided_convolution_over_blocks
    made = prove(function, case, targets=(11, 13, 18), absolute=1e-2)
    assert made[-1] == "Conv"


def test_infinity_stays_in_its_windows() -> None:
    x = np.array([[[1, 2, np.inf, 4, 5, 6, np.nan, 8, 9]]], np.float32)
    case = conv(x, 2, outputs=1, strides=[2])
    prove(rules.strided_convolution_over_blocks, case)


def test_what_is_not_cut_in_blocks() -> None:
    function, x = rules.strided_convolution_over_blocks, np.ones((1, 2, 12), np.float32)
    declines(function, conv(x, 3), "moves by one")
    declines(function, conv(x, 3, strides=[2]), "whole number of strides")
    declines(function, conv(x, 4, strides=[2], dilations=[2]), "dilated")
    declines(function, conv(x, 4, strides=[2], auto_pad="SAME_UPPER"), "auto_pad")
    computed = single("Conv", [x, np.ones((1, 2, 4), np.float32)], opset=13, strides=[2])
    declines(function, computed, "weights are not constant")
    image = single(
        "Conv", [np.ones((1, 2, 4, 4), np.float32), np.ones((1, 2, 2, 2), np.float32)], opset=13
    )
    declines(function, image, "not one-dimensional")
