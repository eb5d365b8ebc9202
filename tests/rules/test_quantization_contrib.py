"""onnxruntime is the only oracle: ONNX has no kernels for these operators."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import helper
from rules.harness import single, with_nodes
from rules.support import arrays, declines, few, prove, shapes
from rules.test_quantization import ODD, scales, seeds, whole

from porting.rules import quantization_contrib as rules

KIND = st.sampled_from(["int8", "uint8"])


def contrib(op_type: str, inputs: Any, **options: Any) -> Any:
    return single(op_type, inputs, domain="com.microsoft", opset=13, **options)


def step(value: float = 1.0) -> np.ndarray:
    return np.array(value, np.float32)


def triple(kind: str, shape: tuple[int, ...], seed: int) -> list[np.ndarray]:
    """Numbers, their scale and their zero point."""
    return [whole(kind, shape, seed), scales((), seed), whole(kind, (), seed + 1)]


def prove_within_a_step(function: Any, case: Any, op_type: str | None = None) -> None:
    """onnxruntime rounds products of scales, so that a result between two steps may be either."""
    prove(function, case, op_type=op_type, targets=(11, 13, 18), reference=False, steps=1)


@pytest.mark.parametrize("op_type", ["QLinearAdd", "QLinearMul"])
@few
@given(
    shape=shapes(), seed=seeds, kind=KIND, wide=st.booleans(),
    constants=st.sampled_from([(), (3, 4, 5)]),
)  # fmt: skip
def test_quantized_sum_and_product(
    op_type: str, shape: tuple[int, ...], seed: int, kind: str, wide: bool, constants: Any
) -> None:
    a, b = triple(kind, shape, seed), triple(kind, shape[1:] if wide else shape, seed + 7)
    case = contrib(op_type, [*a, *b, step(0.77), whole(kind, (), seed)], constants=constants)
    prove_within_a_step(rules.ms_qlinear_arithmetic, case, f"com.microsoft::{op_type}")


@few
@given(shape=shapes(), seed=seeds, kind=KIND)
def test_quantized_choice(shape: tuple[int, ...], seed: int, kind: str) -> None:
    condition = np.asarray(np.random.default_rng(seed).random(shape) < 0.5)
    inputs = [condition, *triple(kind, shape, seed), *triple(kind, shape, seed + 7)]
    case = contrib("QLinearWhere", [*inputs, scales((), seed + 9), whole(kind, (), seed + 9)])
    prove_within_a_step(rules.ms_qlinear_where, case)


@few
@given(shape=shapes(least=1), seed=seeds, kind=KIND, count=st.integers(1, 3))
def test_quantized_concatenation(shape: tuple[int, ...], seed: int, kind: str, count: int) -> None:
    axis = seed % len(shape)
    parts = [each for i in range(count) for each in triple(kind, shape, seed + i)]
    inputs = [scales((), seed + 9), whole(kind, (), seed + 9), *parts]
    prove_within_a_step(rules.ms_qlinear_concat, contrib("QLinearConcat", inputs, axis=axis))


UNARY: list[tuple[Any, str, dict[str, Any]]] = [
    (rules.ms_qlinear_sigmoid, "QLinearSigmoid", {}),
    (rules.ms_qlinear_leaky_relu, "QLinearLeakyRelu", {"alpha": 0.1}),
    (rules.ms_qlinear_leaky_relu, "QLinearLeakyRelu", {}),
]


@pytest.mark.parametrize(("function", "op_type", "attributes"), UNARY)
@few
@given(shape=shapes(), seed=seeds, kind=KIND, zero=st.booleans(), held=st.booleans())
def test_quantized_activations(
    function: Any, op_type: str, attributes: dict[str, Any], shape: Any, seed: int, kind: str,
    zero: bool, held: bool,
) -> None:  # fmt: skip
    # onnxruntime ends the process where the last input is not there, not even as an empty name
    constants = range(1, 5) if held and zero else ()
    result = [step(1 / 200), whole(kind, (), seed)] if zero else [step(1 / 100), None]
    inputs = [*triple(kind, shape, seed), *result]
    prove_within_a_step(function, contrib(op_type, inputs, constants=constants, **attributes))


@few
@given(rows=shapes(most=3), size=st.integers(2, 9), seed=seeds, kind=KIND, newer=st.booleans())
def test_quantized_softmax(
    rows: tuple[int, ...], size: int, seed: int, kind: str, newer: bool
) -> None:
    shape = (*rows, size)  # a single element comes out of onnxruntime as 0
    low = np.iinfo(kind).min
    inputs = [*triple(kind, shape, seed), step(1 / 256), np.array(low, kind)]
    names = ["in0", "in1", "in2", "in3", "in4"]
    node = helper.make_node("QLinearSoftmax", names, ["out0"], domain="com.microsoft", axis=-1)
    node.attribute.append(helper.make_attribute("opset", 13 if newer else 12))
    case = with_nodes([node], names, inputs, opset=13, constants=range(1, 5))
    prove_within_a_step(rules.ms_qlinear_softmax, case)
    if len(shape) > 1:
        node.attribute[0].i = 0
        other = with_nodes([node], names, inputs, opset=13, constants=range(1, 5))
        opset = 11 if newer else 13
        declines(rules.ms_qlinear_softmax, other, "over other axes", opset=opset)


@few
@given(seed=seeds, kind=KIND, last=st.booleans(), spatial=shapes(least=2, most=2, size=6))
def test_quantized_global_average(
    seed: int, kind: str, last: bool, spatial: tuple[int, ...]
) -> None:
    shape = (2, *spatial, 3) if last else (2, 3, *spatial)
    inputs = [*triple(kind, shape, seed), scales((), seed), whole(kind, (), seed + 5)]
    case = contrib("QLinearGlobalAveragePool", inputs, channels_last=int(last))
    prove_within_a_step(rules.ms_qlinear_global_average_pool, case)


@pytest.mark.parametrize("attributes", [{}, {"pads": [1, 0, 1, 1]}, {"count_include_pad": 1,
                         "pads": [1, 1, 1, 1]}, {"strides": [2, 2], "ceil_mode": 1},
                         {"auto_pad": "SAME_UPPER"}])  # fmt: skip
@few
@given(seed=seeds, kind=KIND, last=st.booleans())
def test_quantized_average(attributes: dict[str, Any], seed: int, kind: str, last: bool) -> None:
    shape = (2, 6, 5, 3) if last else (2, 3, 6, 5)
    inputs = [*triple(kind, shape, seed), scales((), seed), whole(kind, (), seed + 5)]
    case = contrib("QLinearAveragePool", inputs, kernel_shape=[2, 2], channels_last=int(last),
                   constants=range(1, 5), **attributes)  # fmt: skip
    prove_within_a_step(rules.ms_qlinear_average_pool, case)


@few
@given(
    seed=seeds, kind=KIND, bias=st.sampled_from(["none", "row", "grid"]), across=st.booleans(),
    columns=st.booleans(), result=st.booleans(), alpha=st.sampled_from([1.0, 0.5]),
)  # fmt: skip
def test_quantized_gemm(
    seed: int, kind: str, bias: str, across: bool, columns: bool, result: bool, alpha: float
) -> None:
    a, b = triple(kind, (2, 5), seed), triple("int8", (3, 5) if across else (5, 3), seed + 3)
    if columns:
        b[1:] = [scales((3,), seed), np.zeros(3, np.int8)]
    c = whole("int16", {"none": (), "row": (3,), "grid": (2, 3)}[bias]).astype(np.int32)
    inputs = [*a, *b, None if bias == "none" else c]
    if result:
        inputs += [step(2.0**6), whole(kind, (), seed + 5)]
    case = contrib("QGemm", inputs, constants=range(1, len(inputs)), transB=int(across),
                   alpha=alpha)  # fmt: skip
    targets = (13, 18) if columns else (11, 13, 18)
    prove(rules.ms_qgemm_to_gemm, case, targets=targets, reference=False)


@few
@given(
    x=arrays(shapes(), ODD[2:8]), seed=seeds, kind=st.sampled_from(["int8", "uint8", "int16"]),
    per_axis=st.booleans(),
)  # fmt: skip
def test_quantization_of_onnxruntime(x: np.ndarray, seed: int, kind: str, per_axis: bool) -> None:
    per_axis = per_axis and x.ndim > 0
    axis = seed % x.ndim if per_axis else 0
    at = x.shape[axis : axis + 1] if per_axis else ()
    extra = {"axis": axis} if per_axis else {}
    parameters = [scales(at, seed), whole(kind, at, seed)]
    case = single("QuantizeLinear", [x, *parameters], domain="com.microsoft", opset=21,
                  ir_version=10, **extra)  # fmt: skip
    prove(rules.ms_quantize_to_quantize, case, targets=(21,), reference=False)
    prove(rules.ms_quantize_to_arithmetic, case, targets=(11, 13, 21), reference=False)
    back = single("DequantizeLinear", [whole(kind, x.shape, seed), *parameters],
                  domain="com.microsoft", opset=21, ir_version=10, **extra)  # fmt: skip
    prove(rules.ms_dequantize_to_dequantize, back, targets=(21,), reference=False)
    prove(rules.ms_dequantize_to_arithmetic, back, targets=(11, 13, 21), reference=False)


def test_sixteen_bits_need_a_newer_opset() -> None:
    case = contrib("QuantizeLinear", [np.ones(3, np.float32), step(), np.array(0, np.int16)])
    declines(rules.ms_quantize_to_quantize, case, "QuantizeLinear of opset 13 does not take int16")


def test_several_scales_are_declined_where_the_operator_has_one() -> None:
    inputs = [*triple("uint8", (2, 3), 0), scales((3,)), whole("uint8", (3,))]
    case = contrib("QLinearSigmoid", inputs)
    declines(rules.ms_qlinear_sigmoid, case, "the result has more than one scale")
    inputs[1] = scales((3,))
    case = contrib("QLinearSigmoid", inputs)
    declines(rules.ms_qlinear_sigmoid, case, "there is more than one scale")
