from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules.harness import single
from rules.support import arrays, declines, few, numbers, prove

from porting.rules import signal as rules

NONE = np.array([])
FLAGS = st.sampled_from([0, 1])


def dft(x: np.ndarray, axis: int, length: int | None = None, *, opset: int, **flags: int) -> Any:
    size = None if length is None else np.array(length)
    if opset < 20:
        inputs = [x, size] if length else [x]
        return single("DFT", inputs, opset=opset, constants=[1], axis=axis, **flags)
    return single(
        "DFT", [x, size, np.array(axis)], opset=opset, constants=[1, 2], ir_version=9, **flags
    )


@pytest.mark.parametrize("opset", [17, 20])
@few
@given(
    batch=st.integers(1, 2),
    size=st.integers(1, 9),
    parts=st.integers(1, 2),
    axis=st.sampled_from([1, 2, -2, -3]),
    length=st.sampled_from([None, 3, 8]),
    inverse=FLAGS,
)
def test_transforms_are_products(
    opset: int, batch: int, size: int, parts: int, axis: int, length: int | None, inverse: int
) -> None:
    x = numbers(batch, size, 5, parts) if axis in {1, -3} else numbers(batch, 5, size, parts)
    case = dft(x, axis, length, opset=opset, inverse=inverse)
    prove(rules.dft_to_matmul, case, targets=(opset,), absolute=1e-4)


@pytest.mark.parametrize("opset", [17, 20])
@few
@given(size=st.integers(1, 9), length=st.sampled_from([None, 4, 7]), axis=st.sampled_from([1, 0]))
def test_one_side_of_a_real_transform(opset: int, size: int, length: int | None, axis: int) -> None:
    x = numbers(2, size, 1) if axis else numbers(size, 2, 1)
    case = dft(x, axis, length, opset=opset, onesided=1)
    prove(rules.dft_to_matmul, case, absolute=1e-4)


@few
@given(size=st.integers(2, 6), length=st.sampled_from([None, 4, 5, 9]))
def test_a_real_signal_from_one_side(size: int, length: int | None) -> None:
    case = dft(numbers(2, size, 2), 1, length, opset=20, onesided=1, inverse=1)
    if length is not None and size != length // 2 + 1:
        declines(rules.dft_to_matmul, case, "half a spectrum that is too short")
        return
    prove(rules.dft_to_matmul, case, absolute=1e-4)


@few
@given(x=arrays((1, 6, 1), NONE), dtype=st.sampled_from(["float16", "float64"]))
def test_transforms_of_other_types(x: np.ndarray, dtype: str) -> None:
    case = dft(x.astype(dtype), 1, opset=17)
    tolerance = 1e-2 if dtype == "float16" else 1e-9
    # onnxruntime and onnx.reference give float64 more digits than float32 has
    prove(rules.dft_to_matmul, case, rel=tolerance, absolute=max(tolerance, 1e-5))


def test_transforms_of_unknown_or_great_length_are_declined() -> None:
    model, feed = dft(numbers(1, 6, 1), 1, opset=17)
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_param = "n"
    declines(rules.dft_to_matmul, (model, feed), "length of the signal is not known")
    declines(rules.dft_to_matmul, dft(numbers(1, 4096, 1), 1, opset=17), "would be large")
    half = dft(numbers(1, 6, 2), 1, opset=17, onesided=1)
    declines(rules.dft_to_matmul, half, "one side is of a real signal")


def test_a_transform_of_an_open_batch() -> None:
    model, feed = dft(numbers(2, 6, 1), 1, opset=17)
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "n"
    model.graph.output[0].type.tensor_type.ClearField("shape")
    prove(rules.dft_to_matmul, (model, feed), absolute=1e-4)


@few
@given(
    step=st.integers(1, 5),
    frame=st.integers(2, 9),
    windowed=st.sampled_from(["no", "constant", "computed"]),
    onesided=FLAGS,
    batch=st.integers(1, 2),
)
def test_short_transforms_are_convolutions(
    step: int, frame: int, windowed: str, onesided: int, batch: int
) -> None:
    window = None if windowed == "no" else np.abs(numbers(frame))
    size = np.array(frame) if window is None else None
    inputs = [numbers(batch, 20, 1), np.array(step), window, size]
    constants = [1, 3] if windowed == "computed" else [1, 2, 3]
    case = single("STFT", inputs, opset=17, constants=constants, onesided=onesided)
    prove(rules.stft_to_convolution, case, absolute=1e-4)


def test_short_transforms_of_complex_signals() -> None:
    inputs = [numbers(2, 20, 2), np.array(3), np.abs(numbers(8)), np.array(8)]
    case = single("STFT", inputs, opset=17, constants=[1, 2, 3], onesided=0)
    prove(rules.stft_to_convolution, case, absolute=1e-4)
    half = single("STFT", inputs, opset=17, constants=[1, 2, 3], onesided=1)
    declines(rules.stft_to_convolution, half, "one side is of a real signal")
    moving = single("STFT", inputs, opset=17, constants=[2, 3], onesided=0)
    declines(rules.stft_to_convolution, moving, "is not a constant")


WINDOWS = {
    "HannWindow": rules.hann_window_to_constant,
    "HammingWindow": rules.hamming_window_to_constant,
    "BlackmanWindow": rules.blackman_window_to_constant,
}


@pytest.mark.parametrize("op_type", WINDOWS)
@few
@given(size=st.integers(2, 30), periodic=FLAGS, dtype=st.sampled_from([1, 11]))
def test_windows_are_constants(op_type: str, size: int, periodic: int, dtype: int) -> None:
    case = single(
        op_type, [np.array(size)], opset=17, constants=[0], periodic=periodic,
        output_datatype=dtype,
    )  # fmt: skip
    # pi is a float32 in onnxruntime
    prove(WINDOWS[op_type], case, targets=(11, 17), absolute=1e-6)


def test_windows_of_one_number_integers_or_computed_size_are_declined() -> None:
    function = rules.hann_window_to_constant
    one = single("HannWindow", [np.array(1)], opset=17, constants=[0], periodic=0)
    declines(function, one, "of one number")
    whole = single("HannWindow", [np.array(4)], opset=17, constants=[0], output_datatype=7)
    declines(function, whole, "numbers are int64")
    declines(function, single("HannWindow", [np.array(4)], opset=17), "is not a constant")


def mel(bands: int, length: int, rate: int, low: float, high: float) -> Any:
    ends = [np.array(f, np.float32) for f in (low, high)]
    inputs = [*(np.array(v) for v in (bands, length, rate)), *ends]
    return single("MelWeightMatrix", inputs, opset=17, constants=range(5))


@few
@given(
    bands=st.integers(1, 12),
    length=st.sampled_from([16, 64, 400]),
    low=st.sampled_from([0.0, 20.5]),
    high=st.sampled_from([3100.0, 3999.0]),
)
def test_mel_filters_are_constants(bands: int, length: int, low: float, high: float) -> None:
    prove(
        rules.mel_weight_matrix_to_constant, mel(bands, length, 8192, low, high), targets=(11, 17)
    )


def test_mel_filters_beyond_the_spectrum_are_declined() -> None:
    function = rules.mel_weight_matrix_to_constant
    declines(function, mel(4, 16, 8192, 100.0, 50.0), "it has no bands")
    declines(function, mel(4, 16, 8192, 0.0, 20000.0), "beyond the spectrum")
