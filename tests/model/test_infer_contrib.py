"""What is known of onnxruntime's own operators, held against what onnxruntime computes."""

from typing import Any

import numpy as np
import pytest
from rules.harness import graph_of, run_ort, single

from porting.model.value import Value

Case = tuple[str, list[Any], dict[str, Any], int]


def f(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape).astype(np.float32)


def u8(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8)


def i32(*values: Any) -> np.ndarray:
    return np.array(values, np.int32)


def q(*shape: int) -> list[np.ndarray]:
    """A quantised tensor with its scale and zero point."""
    return [u8(*shape), np.float32(0.1), np.uint8(3)]


SCALE: list[Any] = [np.float32(0.1), np.uint8(3)]
ROW = f(6)
IDS = np.array([[1, 2, 3]], np.int32)

RUN: list[Case] = [
    ("Gelu", [f(2, 3)], {}, 1),
    ("BiasGelu", [f(2, 3), f(3)], {}, 1),
    ("FastGelu", [f(2, 3)], {}, 1),
    ("QuickGelu", [f(2, 3)], {}, 1),
    ("Inverse", [f(2, 3, 3)], {}, 1),
    ("Trilu", [f(3, 4)], {}, 1),
    ("Unique", [np.array([1, 2, 1], np.float32)], {}, 3),
    ("Range", [np.float32(1), np.float32(8), np.float32(2)], {}, 1),
    ("ExpandDims", [f(2, 3), np.array(-1, np.int32)], {}, 1),
    ("Pad", [f(2, 3), np.array([0, 1, 2, 0])], {}, 1),
    ("GridSample", [f(1, 2, 4, 4), f(1, 3, 5, 2)], {}, 1),
    ("CropAndResize", [f(1, 2, 8, 8), f(3, 4), i32(0, 0, 0), i32(4, 5)], {}, 1),
    (
        "ConvTransposeWithDynamicPads",
        [f(1, 2, 4, 4), f(2, 3, 3, 3), np.array([1, 0, 1, 0])],
        {"strides": [2, 2], "kernel_shape": [3, 3]},
        1,
    ),
    ("FusedMatMul", [f(2, 3, 4), f(2, 5, 4)], {"transB": 1}, 1),
    ("FusedMatMul", [f(3, 2, 4), f(2, 4, 5)], {"transBatchA": 1}, 1),
    ("TransposeMatMul", [f(4, 3), f(4, 5)], {"transA": 1}, 1),
    ("FusedGemm", [f(4, 3), f(4, 5)], {"transA": 1, "activation": "Relu"}, 1),
    ("FusedConv", [f(1, 2, 6, 6), f(4, 2, 3, 3)], {"activation": "Relu", "strides": [2, 2]}, 1),
    ("SkipLayerNormalization", [f(2, 3, 6), f(2, 3, 6), ROW, ROW], {}, 4),
    ("SkipSimplifiedLayerNormalization", [f(2, 3, 6), f(2, 3, 6), ROW], {}, 4),
    ("EmbedLayerNormalization", [IDS, None, f(9, 6), f(4, 6), None, ROW, ROW], {}, 3),
    ("RotaryEmbedding", [f(1, 2, 3, 4), np.array([0]), f(8, 2), f(8, 2)], {}, 1),
    ("Attention", [f(2, 3, 5), f(5, 18), f(18)], {"num_heads": 2}, 2),
    ("Attention", [f(2, 3, 5), f(5, 12), f(12), None, f(2, 2, 2, 7, 2)], {"num_heads": 2}, 2),
    ("MultiHeadAttention", [f(2, 3, 8), f(2, 5, 8), f(2, 5, 12)], {"num_heads": 2}, 3),
    ("MultiHeadAttention", [f(2, 3, 8), f(2, 2, 5, 4), f(2, 2, 5, 4)], {"num_heads": 2}, 1),
    (
        "MultiHeadAttention",
        [f(2, 3, 8), f(2, 3, 8), f(2, 3, 8), None, None, None, f(2, 2, 4, 4), f(2, 2, 4, 4)],
        {"num_heads": 2},
        3,
    ),
    (
        "GroupQueryAttention",
        [f(1, 3, 16), f(1, 3, 8), f(1, 3, 8), f(1, 1, 2, 8), f(1, 1, 2, 8), i32(4), i32(5)],
        {"num_heads": 2, "kv_num_heads": 1},
        3,
    ),
    (
        "GroupQueryAttention",
        [f(1, 3, 32), None, None, f(1, 1, 9, 8), f(1, 1, 9, 8), i32(4), i32(5)],
        {"num_heads": 2, "kv_num_heads": 1},
        3,
    ),
    ("QLinearAdd", [*q(2, 3), *q(3), *SCALE], {}, 1),
    ("QLinearMul", [*q(2, 1), *q(1, 3), *SCALE], {}, 1),
    ("QLinearWhere", [np.ones((2, 1), bool), *q(2, 3), *q(3), *SCALE], {}, 1),
    ("QLinearSigmoid", [*q(2, 3), *SCALE], {}, 1),
    ("QLinearLeakyRelu", [*q(2, 3), *SCALE], {}, 1),
    ("QLinearConcat", [*SCALE, *q(2, 3), *q(2, 4)], {"axis": 1}, 1),
    ("QLinearAveragePool", [*q(1, 2, 4, 4), *SCALE], {"kernel_shape": [2, 2]}, 1),
    (
        "QLinearAveragePool",
        [*q(1, 4, 5, 2), *SCALE],
        {"kernel_shape": [2, 2], "channels_last": 1},
        1,
    ),
    ("QLinearGlobalAveragePool", [*q(1, 4, 5, 2), *SCALE], {"channels_last": 1}, 1),
    ("QLinearConv", [*q(1, 4, 5, 2), *q(3, 2, 2, 2), *SCALE], {"channels_last": 1}, 1),
    ("QGemm", [*q(2, 3), *q(3, 4)], {}, 1),
    ("QGemm", [*q(2, 3), *q(4, 3), None, *SCALE], {"transB": 1}, 1),
    ("MatMulNBits", [f(2, 3, 32), u8(5, 2, 8), f(10)], {"K": 32, "N": 5, "block_size": 16}, 1),
    ("DynamicQuantizeMatMul", [f(2, 3), u8(3, 4), np.float32(0.1)], {}, 1),
    ("MatMulIntegerToFloat", [u8(2, 3), u8(3, 4), np.float32(0.1), np.float32(0.1)], {}, 1),
    ("QuantizeLinear", [f(2, 3), np.float32(0.1), np.int8(0)], {}, 1),
    ("DequantizeLinear", [u8(2, 3), np.float32(0.1), np.uint8(0)], {}, 1),
    ("NhwcMaxPool", [u8(1, 4, 5, 2)], {"kernel_shape": [2, 3]}, 1),
    (
        "QAttention",
        [u8(1, 3, 5), u8(5, 12), f(12), np.float32(0.1), np.float32(0.1)],
        {"num_heads": 2},
        2,
    ),
    (
        "GatherBlockQuantized",
        [u8(5, 32), np.array([[1, 2]]), f(5, 4)],
        {"block_size": 16, "bits": 4, "quantize_axis": 1},
        1,
    ),
]
"""Operator, inputs, attributes, number of outputs; onnxruntime has a kernel for each."""


def known(case: Case, constants: bool = True) -> tuple[list[Value], Any]:
    """What inference says of each output, and the case as a model with its inputs."""
    op_type, inputs, attributes, outputs = case
    arrays = [None if a is None else np.asarray(a) for a in inputs]
    model, feed = single(
        op_type,
        arrays,
        opset=18,
        outputs=outputs,
        constants=range(1, len(inputs)) if constants else (),
        domain="com.microsoft",
        **attributes,
    )
    node = graph_of(model).nodes[0]
    return [v for i in range(outputs) if (v := node.output(i)) is not None], (model, feed)


@pytest.mark.parametrize("case", RUN, ids=lambda c: c[0])
def test_types_and_shapes_are_those_that_onnxruntime_computes(case: Case) -> None:
    values, (model, feed) = known(case)
    for index, (value, array) in enumerate(zip(values, run_ort(model, feed), strict=True)):
        if array.size == 0 and array.ndim == 1:
            continue  # onnxruntime leaves an output for training empty
        assert value.dtype == array.dtype.name, index
        assert value.shape is not None, index
        assert len(value.shape) == array.ndim, index
        for mine, true in zip(value.shape, array.shape, strict=True):
            assert mine in (None, true), (index, value.shape, array.shape)
    assert case[0] in {"Unique", "Range"} or values[0].is_static


LSTM = [f(4, 2, 3), u8(1, 3, 20), u8(1, 5, 20), *[None] * 5, ROW, ROW, ROW, ROW]
NOT_RUN: list[tuple[Case, tuple[int, ...]]] = [
    (("BiasSoftmax", [f(2, 3), f(2, 3)], {"axis": 1, "is_inner_broadcast": 0}, 1), (2, 3)),
    (("DynamicQuantizeLSTM", LSTM, {"hidden_size": 5}, 3), (4, 1, 2, 5)),
    (("MultiHeadAttention", [f(2, 3, 2, 3, 4)], {"num_heads": 2}, 1), (2, 3, 8)),
    (("QLinearSoftmax", [*q(2, 3), np.float32(1 / 256), np.uint8(0)], {}, 1), (2, 3)),
    (("BiasAdd", [f(2, 4, 8), f(8), f(2, 4, 8)], {}, 1), (2, 4, 8)),
    (("BiasSplitGelu", [f(2, 4, 8), f(8)], {}, 1), (2, 4, 4)),
    (("GroupNorm", [f(1, 4, 4, 8), f(8), f(8)], {"groups": 2, "activation": 0}, 1), (1, 4, 4, 8)),
    (("NhwcConv", [f(1, 6, 6, 2), f(4, 2, 3, 3)], {}, 1), (1, 4, 4, 4)),
    (("Rfft", [f(2, 8)], {"signal_ndim": 1}, 1), (2, 5, 2)),
    (("Irfft", [f(2, 5, 2)], {"signal_ndim": 1}, 1), (2, 8)),
    (("Irfft", [f(2, 8, 2)], {"signal_ndim": 1, "onesided": 0}, 1), (2, 8)),
    (("QLinearReduceMean", [*q(2, 3, 4), *SCALE], {"axes": [1], "keepdims": 0}, 1), (2, 4)),
]
"""Forms for which onnxruntime has no kernel on the CPU, or that a test cannot build there."""


@pytest.mark.parametrize(("case", "shape"), NOT_RUN, ids=lambda c: str(c[0]))
def test_shapes_of_operators_without_a_kernel(case: Case, shape: tuple[int, ...]) -> None:
    values, _ = known(case)
    assert values[0].shape == shape
    assert values[0].dtype == case[1][0].dtype.name


def test_a_range_of_constants_has_a_length() -> None:
    given = [np.array(n, np.float32) for n in (1, 8, 2)]
    model, _ = single("Range", given, opset=18, constants=(0, 1, 2), domain="com.microsoft")
    assert graph_of(model).values["out0"].shape == (4,)


def test_the_unofficial_operator_of_the_default_domain_is_known() -> None:
    model, feed = single("SimplifiedLayerNormalization", [f(2, 3, 6), ROW], opset=18, outputs=2)
    values = graph_of(model).values
    for name, array in zip(("out0", "out1"), run_ort(model, feed), strict=True):
        assert (values[name].dtype, values[name].shape) == ("float32", array.shape)


def test_open_dimensions_stay_open() -> None:
    model, _ = single("Gelu", [f(2, 3)], opset=18, domain="com.microsoft")
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "n"
    assert graph_of(model).values["out0"].shape == ("n", 3)


@pytest.mark.parametrize("op_type", ["Pad", "ExpandDims", "CropAndResize", "Range"])
def test_what_depends_on_computed_numbers_is_not_guessed(op_type: str) -> None:
    case = next(c for c in RUN if c[0] == op_type)
    values, _ = known(case, constants=False)
    assert not values[0].is_static


def test_an_operator_of_another_domain_stays_unknown() -> None:
    model, _ = single("Gelu", [f(2, 3)], opset=18, domain="my.own")
    assert graph_of(model).values["out0"].shape is None


def test_inputs_that_contradict_each_other_give_no_shape() -> None:
    model, _ = single("FusedMatMul", [f(2, 3), f(2, 3)], opset=18, domain="com.microsoft")
    assert graph_of(model).values["out0"].shape is None
