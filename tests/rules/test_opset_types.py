"""Element types, constants, casts and comparisons at older opsets."""

from typing import Any

import ml_dtypes
import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper
from rules.harness import SPECIAL, single
from rules.test_opset_support import assert_converts, converted, reasons

FEW = settings(max_examples=30, deadline=None)
ODD = SPECIAL.astype(np.float32)


def whole(dtype: Any, count: int = 12, seed: int = 0) -> np.ndarray:
    limits = np.iinfo(dtype)
    return np.random.default_rng(seed).integers(limits.min, limits.max, count, dtype, endpoint=True)


@FEW
@given(
    st.sampled_from(["Add", "Sub", "Mul", "Div"]),
    st.sampled_from([np.int8, np.uint8, np.int16, np.uint16]),
    st.sampled_from([13, 11, 7]),
)
def test_small_integers(op_type: str, dtype: Any, target: int) -> None:
    a, b = whole(dtype), whole(dtype, seed=1)
    if op_type == "Div":
        a = np.maximum(a, np.iinfo(dtype).min + 1)
        b = np.where(b == 0, dtype(1), b)
    model, feed = single(op_type, [a, b], opset=14)
    # onnx.reference divides rounding down.
    assert_converts(model, feed, target, reference=op_type != "Div")


@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
def test_bytes(dtype: Any) -> None:
    x = whole(dtype, 64).reshape(1, 1, 8, 8)
    model, feed = single("MaxPool", [x], opset=12, kernel_shape=[2, 2], pads=[0, 1, 1, 0])
    assert_converts(model, feed, 11, reference=False)  # onnx.reference pads integers with NaN
    model, feed = single("ReduceMax", [x, np.array([3])], opset=18, constants=(1,))
    assert_converts(model, feed, 11)


@pytest.mark.parametrize("op_type", ["ReduceMax", "ReduceMin"])
def test_any_and_all(op_type: str) -> None:
    x = np.random.default_rng(0).random((4, 3)) > 0.6
    model, feed = single(op_type, [x, np.array([1])], opset=20, constants=(1,))
    assert_converts(model, feed, 18)
    assert_converts(model, feed, 11)


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.int8, np.int16])
def test_relu_of_integers(dtype: Any) -> None:
    model, feed = single("Relu", [whole(dtype)], opset=14)
    assert_converts(model, feed, 13, ort=dtype in {np.int32, np.int8})
    assert_converts(model, feed, 9, ort=dtype in {np.int32, np.int8})


@FEW
@given(
    st.sampled_from([np.int8, np.uint8, np.int32, np.int64, np.uint64]),
    st.one_of(st.none(), st.integers(0, 100)),
    st.one_of(st.none(), st.integers(0, 100)),
)
def test_clip_of_integers(dtype: Any, low: int | None, high: int | None) -> None:
    bounds = [None if b is None else np.array(b, dtype) for b in (low, high)]
    model, feed = single("Clip", [whole(dtype), *bounds], opset=13, constants=(1, 2))
    assert_converts(model, feed, 11, ort=dtype in {np.uint8, np.int32, np.int64})  # Where


@pytest.mark.parametrize("op_type", ["Max", "Min"])
@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint32, np.uint64])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_extremes_of_integers(op_type: str, dtype: Any, count: int) -> None:
    model, feed = single(op_type, [whole(dtype, seed=i) for i in range(count)], opset=13)
    ort = dtype in {np.int32, np.int64}  # it has no Where of others
    assert_converts(model, feed, 11, ort=ort)
    assert_converts(model, feed, 9, ort=ort)


def test_pow_of_two_types() -> None:
    x = np.array([-2, 0.5, 3], np.float32)
    model, feed = single("Pow", [x, np.array(3)], opset=13, constants=(1,))
    assert_converts(model, feed, 11)
    model, _ = single("Pow", [x, np.array(3)], opset=13)
    assert "the exponent is not a constant" in reasons(model, 11)
    model, _ = single("Pow", [x, np.array(2**24 + 1)], opset=13, constants=(1,))
    assert "not exact" in reasons(model, 11)


@FEW
@given(
    st.sampled_from([np.int8, np.int16, np.int32, np.int64]),
    st.sampled_from(["LEFT", "RIGHT"]),
    st.sampled_from([27, 18, 11]),
    st.sampled_from([(), (1,)]),
)
def test_signed_shift(dtype: Any, direction: str, target: int, constants: tuple[int, ...]) -> None:
    amount = np.array([0, 1, 3, 7, 8, 15, 31, 63, 64, -1, 2, 5], dtype)
    inputs = [whole(dtype), amount]
    model, feed = single("BitShift", inputs, opset=28, constants=constants, direction=direction)
    # onnxruntime has no opset 28, and no shifts of 16 bits.
    assert_converts(model, feed, target, ort=False)


@pytest.mark.parametrize("op_type", ["GreaterOrEqual", "LessOrEqual"])
@pytest.mark.parametrize("target", [11, 10, 9])
def test_or_equal(op_type: str, target: int) -> None:
    a, b = np.meshgrid(ODD, ODD)
    model, feed = single(op_type, [a, b], opset=16)
    assert_converts(model, feed, target)


@pytest.mark.parametrize("target", [10, 9])
def test_equal(target: int) -> None:
    a, b = np.meshgrid(ODD, ODD)
    model, feed = single("Equal", [a, b], opset=13)
    assert_converts(model, feed, target)
    model, feed = single("Equal", [whole(np.uint8), whole(np.uint8, seed=2)], opset=13)
    assert_converts(model, feed, 7)
    words = [np.array(["a", "b"], object), np.array(["a", "c"], object)]
    model, _ = single("Equal", words, opset=19)
    assert "does not take tensor(string)" in reasons(model, 13)


@pytest.mark.parametrize("op_type", ["Less", "Greater"])
@pytest.mark.parametrize("dtype", [np.int32, np.uint8])
def test_order_of_integers(op_type: str, dtype: Any) -> None:
    model, feed = single(op_type, [whole(dtype), whole(dtype, seed=1)], opset=9)
    # onnxruntime has no kernel for 8 bits.
    assert_converts(model, feed, 7, ort=dtype is np.int32)


@pytest.mark.parametrize(
    ("op_type", "dtype"),
    [("IsInf", np.float16), ("CumSum", np.float16), ("Range", np.float16)],
)
def test_half(op_type: str, dtype: Any) -> None:
    x = np.array([1, 2.5, np.inf, -np.inf, np.nan], dtype)
    if op_type == "IsInf":
        model, feed = single("IsInf", [x], opset=20)
        # onnx.reference has no IsInf-10 for half precision as it is.
        assert_converts(model, feed, 18)
    elif op_type == "CumSum":
        model, feed = single("CumSum", [x[:2], np.array(0)], opset=14)
        assert_converts(model, feed, 11, ort=False, rel=1e-3)  # no kernel
    else:
        ends = [np.array(v, dtype) for v in (0.5, 4, 0.5)]
        model, feed = single("Range", ends, opset=27, ir_version=10)
        assert_converts(model, feed, 18, ort=False)  # onnxruntime has no opset 27


@pytest.mark.parametrize("op_type", ["Cos", "Elu", "HardSwish", "Softplus", "GlobalAveragePool"])
def test_bfloat16(op_type: str) -> None:
    x = np.linspace(-2, 2, 8).reshape(1, 2, 4).astype(ml_dtypes.bfloat16)
    model, _ = single(op_type, [x], opset=22, ir_version=10)
    result = converted(model, 14)
    assert [n.op_type for n in result.graph.node] == ["Cast", op_type, "Cast"]
    assert "does not take tensor(bfloat16)" in reasons(model, 12)


def test_flags_of_casts() -> None:
    x = np.array([1.5, -2], np.float32)
    to = onnx.TensorProto.INT32
    model, feed = single("Cast", [x], opset=19, to=to, saturate=0)
    # onnxruntime refuses the flag on other types.
    result = assert_converts(model, feed, 13, ort=False)
    assert [a.name for a in result.graph.node[0].attribute] == ["to"]
    model, feed = single("Cast", [x], opset=24, ir_version=10, to=to, saturate=1, round_mode="up")
    assert_converts(model, feed, 9, ort=False)
    model, _ = single("Cast", [x], opset=19, to=onnx.TensorProto.FLOAT8E5M2)
    assert "float8e5m2" in reasons(model, 18)


@pytest.mark.parametrize("dtype", [np.int64, np.float16, np.bool_, np.float64])
def test_cast_like(dtype: Any) -> None:
    inputs = [np.array([1.5, 0, -3], np.float32), np.zeros(1, dtype)]
    model, feed = single("CastLike", inputs, opset=19)
    result = assert_converts(model, feed, 13)
    assert [n.op_type for n in result.graph.node] == ["Cast"]


@pytest.mark.parametrize(
    "value",
    [
        {"value_int": 3},
        {"value_ints": [3, 4]},
        {"value_float": 1.5},
        {"value_floats": [1.5]},
        {"value_string": "a"},
        {"value_strings": ["a", "b"]},
    ],
)
def test_constant(value: dict[str, Any]) -> None:
    node = helper.make_node("Constant", [], ["y"], **value)
    kind = helper.make_empty_tensor_value_info("y")
    graph = helper.make_graph([node], "g", [], [kind])
    model = helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 13)])
    model = onnx.shape_inference.infer_shapes(model)
    strings = "value_string" in next(iter(value))
    result = assert_converts(model, {}, 11, reference=not strings)  # bytes instead of strings
    assert [a.name for a in result.graph.node[0].attribute] == ["value"]
    if not strings:
        result = assert_converts(model, {}, 7)
        assert len(result.graph.initializer) == 1 or "value_float" in next(iter(value))


def test_half_scales() -> None:
    scale, zero = np.array(0.5, np.float16), np.array(3, np.uint8)
    a = whole(np.uint8, 4).reshape(2, 2)
    inputs = [a, scale, zero, a, scale, zero, np.array(64, np.float16), zero]
    model, feed = single("QLinearMatMul", inputs, opset=21, ir_version=10)
    assert_converts(model, feed, 18, ort=False)  # no kernel for half precision
