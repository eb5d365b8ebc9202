"""Layers, Resize and quantization at older and newer opsets."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper
from rules.harness import assert_equivalent, single
from rules.test_opset_support import assert_converts, converted, reasons

FEW = settings(max_examples=30, deadline=None)
X = np.random.default_rng(0).standard_normal((1, 2, 6, 6)).astype(np.float32)


@pytest.mark.parametrize("target", [12, 11, 10, 9, 7])
def test_dropout(target: int) -> None:
    inputs = [X, np.array(0.25, np.float32), np.array(False)]
    model, feed = single("Dropout", inputs, opset=13, constants=(1, 2), seed=3)
    result = assert_converts(model, feed, target)
    assert_converts(result, feed, 13)
    model, _ = single("Dropout", [*inputs[:2], np.array(True)], opset=13, constants=(1, 2))
    if target < 12:
        assert "it trains" in reasons(model, target)


def test_dropout_with_a_mask() -> None:
    model, feed = single("Dropout", [X], opset=13, outputs=2)
    result = assert_converts(model, feed, 11)
    assert [n.op_type for n in result.graph.node] == ["Dropout", "ConstantOfShape"]
    old, _ = single("Dropout", [X], opset=11, outputs=2)
    assert "its mask is used" in reasons(old, 13)
    model.graph.output.pop()
    converted(model, 11)
    old.graph.output.pop()
    assert_converts(old, feed, 13)


@pytest.mark.parametrize("target", [10, 7])
def test_gemm(target: int) -> None:
    a, b = X[0, 0], X[0, 1]
    model, feed = single("Gemm", [a, b], opset=13, alpha=0.5, transB=1)
    assert_converts(assert_converts(model, feed, target), feed, 13)


@pytest.mark.parametrize("target", [14, 13, 11, 9, 7])
def test_batch_normalization(target: int) -> None:
    parts = [np.array(v, np.float32) for v in ([1, 2], [0, 1], [0.5, 0], [1, 4])]
    model, feed = single("BatchNormalization", [X, *parts], opset=15, training_mode=0)
    # onnx.reference takes versions below 14 for training.
    ran = target >= 14
    result = assert_converts(model, feed, target, reference=ran)
    assert_converts(result, feed, 15, reference=ran)
    inputs = [X, *parts]
    model, _ = single("BatchNormalization", inputs, opset=15, outputs=3, training_mode=1)
    if target < 14:
        assert "training" in reasons(model, target)


@pytest.mark.parametrize("op_type", ["LSTM", "GRU", "RNN"])
@pytest.mark.parametrize("initial", [True, False])
def test_batch_first(op_type: str, initial: bool) -> None:
    gates = {"LSTM": 4, "GRU": 3, "RNN": 1}[op_type]
    rng = np.random.default_rng(0)
    sizes = [(2, 5, 3), (1, 4 * gates, 3), (1, 4 * gates, 4), (1, 8 * gates)]
    inputs: list[Any] = [rng.standard_normal(s).astype(np.float32) for s in sizes]
    if initial:
        inputs += [None, rng.standard_normal((2, 1, 4)).astype(np.float32)]
    model, feed = single(op_type, inputs, opset=14, outputs=2, hidden_size=4, layout=1)
    if op_type == "RNN" and not initial:
        assert_converts(model, feed, 13, ort=False)  # onnxruntime refuses layout=1
    else:
        # onnx.reference gives layout=1 other shapes for LSTM and GRU.
        result = converted(model, 13)
        assert {n.op_type for n in result.graph.node} == {"Transpose", op_type}
    plain, feed = single(op_type, inputs[:4], opset=14, outputs=2, hidden_size=4)
    assert_converts(plain, feed, 11)


@FEW
@given(
    st.lists(st.integers(1, 3), min_size=2, max_size=2),
    st.lists(st.integers(1, 2), min_size=2, max_size=2),
    st.lists(st.integers(0, 1), min_size=4, max_size=4),
    st.booleans(),
)
def test_average_pool_with_dilations(
    kernel: list[int], dilations: list[int], pads: list[int], counted: bool
) -> None:
    pads = [min(p, k - 1) for p, k in zip(pads, kernel * 2, strict=True)]
    model, feed = single(
        "AveragePool",
        [X],
        opset=19,
        kernel_shape=kernel,
        dilations=dilations,
        pads=pads,
        count_include_pad=int(counted),
    )
    # onnx.reference counts padding otherwise where there are dilations.
    assert_converts(model, feed, 18, reference=False, rel=1e-4)
    assert_converts(model, feed, 11, reference=False, rel=1e-4)


@pytest.mark.parametrize("op_type", ["MaxPool", "AveragePool"])
def test_a_window_that_starts_in_the_padding(op_type: str) -> None:
    x = X[:, :, :5, :5]
    same: dict[str, Any] = {"kernel_shape": [2, 2], "ceil_mode": 1}
    model, feed = single(op_type, [x], opset=22, strides=[2, 2], **same)
    assert_converts(model, feed, 13)
    model, _ = single(op_type, [x], opset=22, strides=[3, 3], pads=[1, 1, 1, 1], **same)
    assert "starts in the padding" in reasons(model, 13)
    for info in model.graph.input:
        info.type.tensor_type.shape.dim[2].dim_param = "h"
    assert "may start in the padding" in reasons(model, 13)


@pytest.mark.parametrize("mode", ["linear", "nearest", "cubic"])
def test_grid_sample(mode: str) -> None:
    grid = np.random.default_rng(1).uniform(-1.2, 1.2, (1, 3, 4, 2)).astype(np.float32)
    model, feed = single("GridSample", [X, grid], opset=20, mode=mode)
    # onnx.reference rejects the names of opset 16.
    result = assert_converts(model, feed, 16, reference=mode == "nearest", rel=1e-4)
    assert_converts(result, feed, 20, reference=mode == "nearest", rel=1e-4)
    volume = single(
        "GridSample", [X[..., None], grid[..., None, :].repeat(2, -1)[..., :3]], opset=20
    )
    assert "4 dimensions" in reasons(volume[0], 16)


def test_roi_align() -> None:
    inputs = [X, np.array([[0, 0, 4, 4.5]], np.float32), np.array([0])]
    same = {"output_height": 2, "output_width": 2, "sampling_ratio": 2}
    model, feed = single(
        "RoiAlign", inputs, opset=16, coordinate_transformation_mode="output_half_pixel", **same
    )
    # onnx.reference takes opset 13 for half_pixel, too.
    result = assert_converts(model, feed, 13, reference=False)
    assert_converts(result, feed, 18, reference=False)
    model, _ = single("RoiAlign", inputs, opset=16, **same)
    assert "half_pixel coordinates are new" in reasons(model, 13)


@pytest.mark.parametrize("axis", [1, -2, None])
def test_dft(axis: int | None) -> None:
    x = X[0][..., None]
    inputs = [x] if axis is None else [x, None, np.array(axis)]
    model, feed = single("DFT", inputs, opset=20, constants=(2,))
    result = assert_converts(model, feed, 18, rel=1e-4, absolute=1e-4)
    assert_converts(result, feed, 20, rel=1e-4, absolute=1e-4)


def test_group_normalization_is_raised() -> None:
    x = np.random.default_rng(0).standard_normal((2, 4, 3)).astype(np.float32)
    parts = [np.array([1, 2], np.float32), np.array([0, 1], np.float32)]
    model, feed = single("GroupNormalization", [x, *parts], opset=18, num_groups=2)
    # ONNX infers nothing for the deprecated version.
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info("out0", 1, [2, 4, 3]))
    result = assert_converts(model, feed, 21, reference=False, rel=1e-4)  # has no version 18
    assert [n.op_type for n in result.graph.node][-1] == "GroupNormalization"


@pytest.mark.parametrize("op_type", ["HannWindow", "HammingWindow", "BlackmanWindow"])
@pytest.mark.parametrize("periodic", [0, 1])
@pytest.mark.parametrize("size", [2, 5, 10])
def test_windows(op_type: str, periodic: int, size: int) -> None:
    inputs = [np.array(size)]
    model, feed = single(op_type, inputs, opset=17, constants=(0,), periodic=periodic)
    assert_converts(model, feed, 11, absolute=1e-5)


@pytest.mark.parametrize("op_type", ["SpaceToDepth", "DepthToSpace"])
@pytest.mark.parametrize("mode", ["DCR", "CRD"])
def test_blocks(op_type: str, mode: str) -> None:
    x = np.arange(2 * 4 * 4 * 4, dtype=np.float32).reshape(2, 4, 4, 4)
    if op_type == "SpaceToDepth":
        model, feed = single(op_type, [x], opset=28, ir_version=10, blocksize=2, mode=mode)
        assert_converts(model, feed, 11, ort=False)  # onnxruntime has no opset 28
    else:
        model, feed = single(op_type, [x], opset=13, blocksize=2, mode=mode)
        assert_converts(model, feed, 10)


@pytest.mark.parametrize("alpha", [1.0, 1.5])
def test_swiglu(alpha: float) -> None:
    model, feed = single("SwiGLU", [X, X[::-1]], opset=28, ir_version=10, alpha=alpha)
    assert_converts(model, feed, 11, ort=False)  # onnxruntime has no opset 28


@pytest.mark.parametrize("size", [[2, 3, 4, 5], [2, 3, 2, 3, 4]])
@pytest.mark.parametrize("corners", [0, 1])
def test_affine_grid(size: list[int], corners: int) -> None:
    rank = len(size) - 2
    theta = np.random.default_rng(0).standard_normal((2, rank, rank + 1)).astype(np.float32)
    inputs = [theta, np.array(size)]
    model, feed = single("AffineGrid", inputs, opset=20, constants=(1,), align_corners=corners)
    assert_converts(model, feed, 11, rel=1e-4, absolute=1e-5)


RESIZES: list[dict[str, Any]] = [
    {"mode": "nearest"},
    {"mode": "linear"},
    {"mode": "linear", "coordinate_transformation_mode": "align_corners"},
    {"mode": "cubic", "cubic_coeff_a": -0.5},
    {"mode": "nearest", "nearest_mode": "floor", "coordinate_transformation_mode": "asymmetric"},
]


@pytest.mark.parametrize("attributes", RESIZES)
@pytest.mark.parametrize("target", [18, 13, 11])
def test_resize(attributes: dict[str, Any], target: int) -> None:
    scales = np.array([1, 1, 2, 0.5], np.float32)
    model, feed = single("Resize", [X, None, scales], opset=19, constants=(2,), **attributes)
    # onnx.reference has no Resize-11 without a region.
    result = assert_converts(model, feed, target, reference=target > 11, rel=1e-4)
    assert_converts(result, feed, 19, reference=target > 11, rel=1e-4)
    sizes = np.array([1, 2, 9, 4])
    model, feed = single("Resize", [X, None, None, sizes], opset=19, constants=(3,), **attributes)
    assert_converts(model, feed, target, reference=target > 11, rel=1e-4)


@pytest.mark.parametrize("policy", ["stretch", "not_larger", "not_smaller"])
@pytest.mark.parametrize("axes", [[2, 3], [3, 2]])
@pytest.mark.parametrize("target", [17, 11])
def test_resize_of_some_axes(policy: str, axes: list[int], target: int) -> None:
    inputs = [X, None, None, np.array([9, 4])]
    same: dict[str, Any] = {"axes": axes, "mode": "nearest"}
    model, feed = single(
        "Resize", inputs, opset=18, constants=(3,), keep_aspect_ratio_policy=policy, **same
    )
    result = assert_converts(model, feed, target, reference=False)  # axes out of order
    same["axes"] = [a - 4 for a in axes]  # onnxruntime: wrong sizes where these keep the ratio
    model, feed = single(
        "Resize", inputs, opset=18, constants=(3,), keep_aspect_ratio_policy=policy, **same
    )
    assert_equivalent(result, converted(model, target), feed, reference=False)
    scales = [X, None, np.array([2, 0.5], np.float32)]
    model, feed = single("Resize", scales, opset=18, constants=(2,), **same)
    assert_converts(model, feed, target, reference=False)


@pytest.mark.parametrize("scales", [[1, 1, 2, 3], [1, 1, 0.5, 0.5], [1, 1, 1.5, 1]])
@pytest.mark.parametrize("mode", ["nearest", "linear"])
def test_resize_10(scales: list[float], mode: str) -> None:
    factor = np.array(scales, np.float32)
    model, feed = single("Resize", [X, factor], opset=10, constants=(1,), mode=mode)
    # onnx.reference takes Resize-10 for a newer one.
    raised = assert_converts(model, feed, 13, reference=False)
    assert_converts(raised, feed, 10, reference=False)
    assert_converts(raised, feed, 19, reference=False)


@pytest.mark.parametrize("mode", ["nearest", "linear"])
def test_upsample(mode: str) -> None:
    factor = np.array([1, 1, 2, 3], np.float32)
    model, feed = single("Upsample", [X, factor], opset=9, constants=(1,), mode=mode)
    # onnx.reference has no linear Upsample.
    raised = assert_converts(model, feed, 11, reference=False)
    assert_converts(raised, feed, 13, reference=False)
    assert_converts(raised, feed, 9, reference=False)
    assert_converts(raised, feed, 7, reference=False)


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ({"antialias": 1, "mode": "linear"}, "antialias"),
        ({"coordinate_transformation_mode": "half_pixel_symmetric"}, "half_pixel_symmetric"),
    ],
)
def test_resize_that_cannot_be_older(attributes: dict[str, Any], reason: str) -> None:
    scales = np.array([1, 1, 2, 0.5], np.float32)
    model, _ = single("Resize", [X, None, scales], opset=19, constants=(2,), **attributes)
    assert reason in reasons(model, 13)


@pytest.mark.parametrize("kind", ["tensor", "axis", "block"])
@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int16, np.uint16])
@pytest.mark.parametrize("target", [19, 18, 13, 11])
def test_quantization(kind: str, dtype: Any, target: int) -> None:
    x = np.random.default_rng(0).standard_normal((3, 4)).astype(np.float32) * 20
    shape = {"tensor": (), "axis": (4,), "block": (3, 2)}[kind]
    scale = np.random.default_rng(1).uniform(0.1, 2, shape).astype(np.float32)
    zero = np.full(shape, 7, dtype)
    block = {"block_size": 2} if kind == "block" else {}
    model, feed = single(
        "QuantizeLinear", [x, scale, zero], opset=21, constants=(1, 2), axis=1, **block
    )
    # onnx.reference has no such operators below opset 19.
    assert_converts(model, feed, target, reference=False)
    limits = np.iinfo(dtype)
    y = np.random.default_rng(0).integers(limits.min, limits.max, (3, 4), dtype, endpoint=True)
    model, feed = single(
        "DequantizeLinear", [y, scale, zero], opset=21, constants=(1, 2), axis=1, **block
    )
    result = assert_converts(model, feed, target, reference=False)
    assert_converts(result, feed, 21, reference=False)


def test_output_type_of_quantization() -> None:
    x = np.array([-1, 0.5, 300], np.float32)
    inputs = [x, np.array(0.5, np.float32)]
    model, feed = single("QuantizeLinear", inputs, opset=21, output_dtype=3)
    assert_converts(model, feed, 13, reference=False)  # has none below opset 19
    y = np.array([1, 200], np.uint8)
    scale = np.array(0.3, np.float16)
    model, feed = single("DequantizeLinear", [y, scale], opset=19)
    assert_converts(model, feed, 13, reference=False, rel=1e-3)
