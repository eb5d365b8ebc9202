from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules.harness import single
from rules.support import declines, few, prove
from rules.test_quantization import ATTRIBUTES, convolution, product, seeds, whole

from porting.rules import integer_products as rules

KIND = st.sampled_from(["int8", "uint8"])


@few
@given(
    seed=seeds, kinds=st.tuples(KIND, KIND), length=st.sampled_from([1, 5, 250, 600, 1500]),
    constants=st.sampled_from([(), (1,), (1, 2, 3)]), batch=st.sampled_from([(), (2,)]),
    zeros=st.sampled_from(["none", "one", "columns"]),
)  # fmt: skip
def test_product_of_integers_is_one_of_floats(
    seed: int, kinds: tuple[str, str], length: int, constants: Any, batch: Any, zeros: str
) -> None:
    a, b = whole(kinds[0], (*batch, 2, length), seed), whole(kinds[1], (length, 3), seed + 1)
    inputs: list[np.ndarray] = [a, b]
    if zeros != "none":
        inputs += [whole(kinds[0], (), seed), whole(kinds[1], (3,) if zeros == "columns" else ())]
    if kinds == ("int8", "uint8"):
        inputs = [a.astype("uint8"), b, *inputs[2:]]  # onnxruntime has no such kernel
        inputs[2:3] = [z.astype("uint8") for z in inputs[2:3]]
    given_constants = [i for i in constants if i < len(inputs)]
    case = single("MatMulInteger", inputs, opset=13, constants=given_constants)
    # onnx.reference has zero points in 8 bits that wrap around
    prove(rules.matmul_integer_to_matmul, case, targets=(11, 13, 18), reference=zeros == "none")


def test_extreme_sums_are_exact() -> None:
    a, b = np.full((1, 1028), 255, np.uint8), np.full((1028, 2), -128, np.int8)
    for constants in ([], [1], [0]):
        case = single("MatMulInteger", [a, b], opset=13, constants=constants)
        operators = prove(rules.matmul_integer_to_matmul, case)
        assert operators.count("MatMul") == 2


def test_products_of_vectors() -> None:
    a = whole("uint8", (7,))
    case = single("MatMulInteger", [a, whole("int8", (7, 2))], opset=13)
    prove(rules.matmul_integer_to_matmul, case)


def test_sums_that_are_too_long_are_declined() -> None:
    a, b = whole("uint8", (1, 2**16)), whole("uint8", (2**16, 1))
    case = single("MatMulInteger", [a, b], opset=13)
    declines(rules.matmul_integer_to_matmul, case, "may exceed 2\\^24 in 16 parts")
    model, feed = single("MatMulInteger", [a[:, :4], b[:4]], opset=13)
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_param = "k"
    declines(rules.matmul_integer_to_matmul, (model, feed), "give it with --shape or --dim")
    rows = single("MatMulInteger", [a[:, :4], b[:4], np.ones(2, np.uint8)], opset=13)
    declines(rules.matmul_integer_to_matmul, rows, "zero point per row")


@pytest.mark.parametrize("attributes", ATTRIBUTES)
@few
@given(seed=seeds, constants=st.sampled_from([(), (1, 2, 3)]), zeros=st.booleans())
def test_convolution_of_integers_is_one_of_floats(
    attributes: dict[str, Any], seed: int, constants: Any, zeros: bool
) -> None:
    group = attributes.get("group", 1)
    inputs = [whole("uint8", (2, 4, 5, 5), seed), whole("uint8", (6, 4 // group, 3, 2), seed + 1)]
    if zeros:
        inputs += [whole("uint8", (), seed + 2), whole("uint8", (), seed + 3)]
    held = [i for i in constants if i < len(inputs)]
    case = single("ConvInteger", inputs, opset=13, constants=held, **attributes)
    # onnx.reference has zero points in 8 bits that wrap around, and its own idea of SAME
    reference = not zeros and "auto_pad" not in attributes
    prove(rules.conv_integer_to_conv, case, targets=(11, 13), reference=reference)


def test_convolutions_with_long_sums_are_declined() -> None:
    inputs = [whole("uint8", (1, 64, 5, 5)), whole("uint8", (2, 64, 3, 3))]
    case = single("ConvInteger", inputs, opset=13)
    declines(rules.conv_integer_to_conv, case, "a sum of 576 products may exceed 2\\^24")
    small = np.minimum(inputs[1], 9)
    case = single("ConvInteger", [inputs[0], small], opset=13, constants=(1,))
    assert prove(rules.conv_integer_to_conv, case) == ["Cast", "Conv", "Cast"]


@pytest.mark.parametrize("attributes", ATTRIBUTES)
@few
@given(seed=seeds, kind=KIND, per_channel=st.booleans(), bias=st.booleans(), fine=st.booleans())
def test_quantized_convolution_on_integers_is_what_onnxruntime_computes(
    attributes: dict[str, Any], seed: int, kind: str, per_channel: bool, bias: bool, fine: bool
) -> None:
    inputs = convolution(seed, kind, per_channel, bias, **attributes)
    assert inputs[6] is not None
    inputs[6] = np.float32(77.7).reshape(()) if fine else inputs[6]
    case = single("QLinearConv", inputs, opset=13, constants=range(1, 9), **attributes)
    # onnx.reference rounds after it has added the zero point, so that ties fall otherwise
    prove(rules.qlinear_conv_to_integers, case, targets=(10, 11, 13, 18), reference=False)


@few
@given(
    seed=seeds, kind=KIND, columns=st.booleans(), batch=st.sampled_from([(), (2,)]),
    fine=st.booleans(),
)  # fmt: skip
def test_quantized_product_on_integers_is_what_onnxruntime_computes(
    seed: int, kind: str, columns: bool, batch: tuple[int, ...], fine: bool
) -> None:
    inputs = product(seed, kind, columns, batch)
    inputs[6] = np.float32(77.7).reshape(()) if fine else inputs[6]
    case = single("QLinearMatMul", inputs, opset=13, constants=range(1, 8))
    # onnx.reference rounds after it has added the zero point, so that ties fall otherwise
    prove(rules.qlinear_matmul_to_integers, case, targets=(11, 13, 18), reference=False)


@few
@given(seed=seeds, kind=KIND)
def test_quantized_product_with_scales_in_half_precision(seed: int, kind: str) -> None:
    inputs = product(seed, kind, False, ())
    for index in (1, 4, 6):
        inputs[index] = np.asarray(inputs[index], np.float16)
    case = single("QLinearMatMul", inputs, opset=21, constants=range(1, 8), ir_version=10)
    # onnxruntime has no such kernel
    prove(rules.qlinear_matmul_to_integers, case, targets=(11, 13, 18), ort=False, steps=1)


def test_scales_and_biases_must_be_constants() -> None:
    case = single("QLinearMatMul", product(0, "int8", False, ()), opset=13)
    declines(rules.qlinear_matmul_to_integers, case, "a scale is not a constant")
    inputs = convolution(0, "int8", False, True)
    computed = single("QLinearConv", inputs, opset=13, constants=range(1, 8))
    declines(rules.qlinear_conv_to_integers, computed, "the bias is not a constant")
    inputs[8] = np.full(6, 2**25, np.int32)
    huge = single("QLinearConv", inputs, opset=13, constants=range(1, 9))
    declines(rules.qlinear_conv_to_integers, huge, "the bias exceeds 2\\^24")
