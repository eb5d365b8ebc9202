from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules.harness import single
from rules.support import arrays, declines, few, prove, shapes

from porting.rules import quantization as rules

ODD = np.array([np.inf, -np.inf, -0.0, 0.5, 1.5, 2.5, -0.5, -1.5, 1e30, 1e-40])
"""Ties and numbers out of range; what NaN becomes is up to the runtime."""
NAMES = ["int8", "uint8", "int16", "uint16"]
seeds = st.integers(0, 2**32 - 1)


def whole(dtype: str, shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    limits, random = np.iinfo(dtype), np.random.default_rng(seed)
    return np.asarray(random.integers(limits.min, limits.max, shape, dtype, endpoint=True))


def scales(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    """Powers of two, with which no product or quotient is rounded and ties are ties."""
    return np.asarray(2.0 ** np.random.default_rng(seed).integers(-4, 3, shape), np.float32)


def parameters(kind: str, shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    """The shape of a scale."""
    if kind == "block":
        return tuple(-(-d // 2) if i == axis % len(shape) else d for i, d in enumerate(shape))
    return {"none": (), "one": (1,), "axis": shape[axis : axis + 1 or None]}[kind]


KINDS = st.sampled_from(["none", "one", "axis", "block"])


@st.composite
def quantized_cases(draw: st.DrawFn, quantize: bool) -> tuple[Any, dict[str, np.ndarray], str]:
    shape, dtype = draw(shapes(least=1)), draw(st.sampled_from(NAMES))
    kind, axis = draw(KINDS), draw(st.integers(-len(shape), len(shape) - 1))
    kind = "none" if kind == "block" and shape[axis] == len(shape) == 1 else kind
    if kind == "block":  # a last block that is not whole is read in different ways
        shape = tuple(2 * d if i == axis % len(shape) else d for i, d in enumerate(shape))
    at, seed = parameters(kind, shape, axis), draw(seeds)
    # per block, onnxruntime saturates only what fits int32
    odd = ODD[2:8] if kind == "block" else ODD
    x = draw(arrays(shape, odd)) if quantize else whole(dtype, shape, seed)
    zero = whole(dtype, at, seed + 1) if draw(st.booleans()) else None
    extra: dict[str, Any] = {"block_size": 2} if kind == "block" else {}
    if quantize and zero is None:
        extra["output_dtype"] = {"int8": 3, "uint8": 2, "int16": 5, "uint16": 4}[dtype]
    constants = draw(st.sampled_from([(), (1, 2)]))
    op_type = "QuantizeLinear" if quantize else "DequantizeLinear"
    inputs = [x, scales(at, seed), zero] if zero is not None else [x, scales(at, seed)]
    model, feed = single(
        op_type, inputs, opset=21, ir_version=10, constants=constants, axis=axis, **extra
    )
    return model, feed, dtype


@few
@given(case=quantized_cases(quantize=True))
def test_quantization_rounds_half_to_even_and_saturates(case: Any) -> None:
    # onnx.reference goes through int32, which infinity and 1e30 do not fit
    prove(rules.quantize_to_arithmetic, case[:2], targets=(13, 18, 21), reference=False)


@few
@given(x=arrays(shapes(), ODD[2:8]), zero=st.integers(0, 255))
def test_quantization_agrees_with_the_reference(x: np.ndarray, zero: int) -> None:
    inputs = [x, np.float32(0.25), np.uint8(zero)]
    case = single("QuantizeLinear", [np.asarray(i) for i in inputs], opset=19, ir_version=9)
    prove(rules.quantize_to_arithmetic, case, targets=(10, 11, 13, 19))


@few
@given(case=quantized_cases(quantize=False))
def test_dequantization_takes_differences_that_do_not_wrap(case: Any) -> None:
    prove(rules.dequantize_to_arithmetic, case[:2], targets=(13, 18, 21))


@pytest.mark.parametrize("scale", [np.float32, np.float16])
def test_dequantization_to_half_and_from_32_bits(scale: Any) -> None:
    step = np.array(0.3, scale)
    half = single("DequantizeLinear", [whole("int8", (3, 4)), step], opset=19, ir_version=9)
    prove(rules.dequantize_to_arithmetic, half, rel=1e-3)
    sums = np.array([-7, 2**24 + 2], np.int32)
    wide = single("DequantizeLinear", [sums, step, np.array(0, np.int32)], opset=19, ir_version=9,
                  constants=(2,))  # fmt: skip
    if scale is np.float32:
        assert prove(rules.dequantize_to_arithmetic, wide, targets=(11, 19)) == ["Cast", "Mul"]
    else:
        declines(rules.dequantize_to_arithmetic, wide, "int32 to float16")
    shifted = single("DequantizeLinear", [sums, np.float32(1).reshape(()), np.array(3, np.int32)],
                     opset=19, ir_version=9, constants=(2,))  # fmt: skip
    declines(rules.dequantize_to_arithmetic, shifted, "difference of int32 is not exact")


def test_quantization_to_other_types_is_declined() -> None:
    x, one = np.ones((2, 2), np.float32), np.array(1, np.float32)
    for zero, name in ((ml_dtypes.float8_e4m3fn, "float8e4m3fn"), (ml_dtypes.int4, "int4")):
        case = single("QuantizeLinear", [x, one, np.zeros((), zero)], opset=21, ir_version=10)
        declines(rules.quantize_to_arithmetic, case, f"no arithmetic here for the result {name}")
        back = single("DequantizeLinear", [x.astype(zero), one], opset=21, ir_version=10)
        declines(rules.dequantize_to_arithmetic, back, f"no arithmetic here for {name}")
    half = single("QuantizeLinear", [x.astype(np.float16), one.astype(np.float16)], opset=19,
                  ir_version=9)  # fmt: skip
    declines(rules.quantize_to_arithmetic, half, "the division is in float16")


def test_quantization_by_a_scale_of_unknown_shape_is_declined() -> None:
    model, feed = single(
        "DequantizeLinear", [whole("int8", (2, 3)), scales((3,))], opset=19, ir_version=9
    )
    model.graph.input[1].type.tensor_type.ClearField("shape")
    declines(rules.dequantize_to_arithmetic, (model, feed), "the rank of the scale is not known")


@few
@given(
    shape=shapes(least=2, most=3), kind=st.sampled_from(["none", "axis", "block"]), seed=seeds,
    dtype=st.sampled_from([*NAMES, "int4", "uint4"]), half=st.booleans(),
)  # fmt: skip
def test_constant_weights_are_dequantized_here(
    shape: tuple[int, ...], kind: str, seed: int, dtype: str, half: bool
) -> None:
    axis = seed % len(shape)
    if kind == "block":
        shape = tuple(2 * d if i == axis else d for i, d in enumerate(shape))
    at = parameters(kind, shape, axis)
    kinds = np.dtype(getattr(ml_dtypes, dtype) if "4" in dtype else dtype)
    low = -8 if dtype[0] == "i" else 0
    random = np.random.default_rng(seed)
    w, zero = (random.integers(low, 8, s).astype(kinds) for s in (shape, at))
    scale = scales(at, seed).astype(np.float16 if half else np.float32)
    block = {"block_size": 2} if kind == "block" else {}
    case = single("DequantizeLinear", [w, scale, zero], opset=21, ir_version=10,
                  constants=(0, 1, 2), axis=axis, **block)  # fmt: skip
    # onnxruntime 1.31 has no float16 results from 16 bits
    ort = not (half and "16" in dtype)
    assert prove(rules.dequantized_weight_to_floats, case, ort=ort) == ["Identity"]


def test_weights_that_are_computed_are_declined() -> None:
    w, one = whole("int8", (2, 3)), np.array(1, np.float32)
    computed = single("DequantizeLinear", [w, one], opset=19, ir_version=9, constants=(1,))
    declines(rules.dequantized_weight_to_floats, computed, "not a constant that can be read")
    zero = np.array(3, np.int8)
    shifted = single("DequantizeLinear", [w, one, zero], opset=19, ir_version=9, constants=(0, 1))
    declines(rules.dequantized_weight_to_floats, shifted, "the zero point is not a constant")


@few
@given(x=arrays(shapes(), np.array([-0.0, 300.0, -300.0, 1e-40])), shift=st.sampled_from([0, 50]))
def test_dynamic_quantization_is_quantization_by_its_range(x: np.ndarray, shift: int) -> None:
    x = np.asarray(x + np.float32(shift))
    case = single("DynamicQuantizeLinear", [x], opset=19, outputs=3, ir_version=9)
    # onnx.reference has another scale than onnxruntime for zeros alone
    prove(rules.dynamic_quantize_to_quantize, case, targets=(13, 19), reference=bool(x.any()))


def test_dynamic_quantization_of_zeros_has_a_scale() -> None:
    case = single("DynamicQuantizeLinear", [np.zeros(3, np.float32)], opset=19, outputs=3,
                  ir_version=9)  # fmt: skip
    # onnx.reference has 1 / 255
    prove(rules.dynamic_quantize_to_quantize, case, targets=(11, 19), reference=False)


def test_dynamic_quantization_of_nothing_is_declined() -> None:
    case = single("DynamicQuantizeLinear", [np.zeros((2, 0), np.float32)], opset=11, outputs=3)
    declines(rules.dynamic_quantize_to_quantize, case, "the input is empty")


def convolution(
    seed: int, kind: str, per_channel: bool, bias: bool, **attributes: Any
) -> list[np.ndarray | None]:
    """The inputs of a QLinearConv, in which no rounding but the last one happens."""
    random = np.random.default_rng(seed)
    group = attributes.get("group", 1)
    x, w = whole(kind, (2, 4, 5, 5), seed), whole("int8", (6, 4 // group, 3, 2), seed + 1)
    at = (6,) if per_channel else ()
    w_zero = np.zeros(at, np.int8)  # onnxruntime wants the same for all channels
    inputs = [
        x, scales((), seed), whole(kind, (), seed + 2), w, scales(at, seed), w_zero,
        np.array(2.0**8, np.float32), whole(kind, (), seed + 3),
    ]  # fmt: skip
    return [*inputs, random.integers(-9999, 9999, 6).astype(np.int32)] if bias else inputs


ATTRIBUTES: list[dict[str, Any]] = [
    {}, {"pads": [1, 0, 2, 1]}, {"strides": [2, 1]}, {"group": 2}, {"auto_pad": "SAME_UPPER"},
]  # fmt: skip


@pytest.mark.parametrize("attributes", ATTRIBUTES)
@few
@given(
    seed=seeds, kind=st.sampled_from(["int8", "uint8"]), per_channel=st.booleans(),
    bias=st.booleans(), constants=st.sampled_from([(), range(1, 9)]),
)  # fmt: skip
def test_quantized_convolution_is_one_between_dequantize_and_quantize(
    attributes: dict[str, Any], seed: int, kind: str, per_channel: bool, bias: bool, constants: Any
) -> None:
    inputs = convolution(seed, kind, per_channel, bias, **attributes)
    case = single("QLinearConv", inputs, opset=19, ir_version=9, constants=constants, **attributes)
    # onnx.reference rounds after it has added the zero point, so that ties fall otherwise
    targets = (13, 19) if per_channel else (11, 13, 19)
    prove(rules.qlinear_conv_to_conv, case, targets=targets, reference=False)


def test_a_scale_per_channel_needs_an_axis() -> None:
    case = single("QLinearConv", convolution(0, "int8", True, False), opset=11)
    declines(rules.qlinear_conv_to_conv, case, "DequantizeLinear of opset 11 has no attribute axis")


def product(seed: int, kind: str, columns: bool, batch: tuple[int, ...]) -> list[np.ndarray]:
    at = (3,) if columns else ()
    return [
        whole(kind, (*batch, 2, 5), seed), scales((), seed), whole(kind, (), seed + 2),
        whole("int8", (5, 3), seed), scales(at, seed), whole("int8", at, seed + 2),
        np.array(2.0**6, np.float32), whole(kind, (), seed + 4),
    ]  # fmt: skip


@few
@given(
    seed=seeds, kind=st.sampled_from(["int8", "uint8"]), columns=st.booleans(),
    batch=st.sampled_from([(), (2,), (1, 3)]),
)  # fmt: skip
def test_quantized_product_is_one_between_dequantize_and_quantize(
    seed: int, kind: str, columns: bool, batch: tuple[int, ...]
) -> None:
    inputs = product(seed, kind, columns, batch)
    case = single("QLinearMatMul", inputs, opset=19, ir_version=9, constants=range(1, 8))
    # onnx.reference rounds after it has added the zero point, so that ties fall otherwise
    prove(rules.qlinear_matmul_to_matmul, case, targets=(13, 19), reference=False)


def test_quantized_product_with_scales_in_another_shape_is_declined() -> None:
    inputs = product(0, "int8", False, ())
    rows = [*inputs[:6], scales((2,)), inputs[7]]
    case = single("QLinearMatMul", rows, opset=19, ir_version=9)
    declines(rules.qlinear_matmul_to_matmul, case, "the result has more than one scale")
    grid = [inputs[0], scales((2, 1)), *inputs[2:]]
    case = single("QLinearMatMul", grid, opset=19, ir_version=9)
    declines(rules.qlinear_matmul_to_matmul, case, "neither one number nor one axis")
