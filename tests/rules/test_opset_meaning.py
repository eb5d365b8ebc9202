"""Nodes that would mean something else at another opset, though their form allows it."""

from typing import Any

import numpy as np
import onnx
import pytest
from rules.harness import graph_of, single
from rules.test_opset_support import NO_RULES, assert_converts, converted, reasons

from porting.legalize.opset import convert_opset

X = np.random.default_rng(0).standard_normal((1, 2, 5, 5)).astype(np.float32)


@pytest.mark.parametrize("pad", ["SAME_UPPER", "SAME_LOWER"])
def test_transposed_convolution_with_an_odd_pad(pad: str) -> None:
    weight = np.ones((2, 1, 2, 2), np.float32)
    same: dict[str, Any] = {"strides": [2, 2]}
    model, _ = single("ConvTranspose", [X, weight], opset=11, auto_pad=pad, **same)
    assert "on the other side" in reasons(model, 10)
    plain, feed = single("ConvTranspose", [X, weight], opset=11, **same)
    assert_converts(plain, feed, 10)


def test_broadcasting_below_8() -> None:
    model, feed = single("Max", [X, X[..., :1]], opset=8)
    assert "not broadcast before opset 8" in reasons(model, 7)
    model, feed = single("Max", [X, -X], opset=8)
    assert_converts(model, feed, 7)


def test_a_mode_of_resize_that_is_gone() -> None:
    inputs = [X, np.zeros(0, np.float32), np.array([1, 1, 2, 2], np.float32)]
    model, _ = single(
        "Resize", inputs, opset=11, coordinate_transformation_mode="tf_half_pixel_for_nn"
    )
    assert "gone in opset 13" in reasons(model, 13)


def test_a_region_of_some_axes() -> None:
    inputs = [X, np.array([0.2, 0.1, 0.9, 1], np.float32), None, np.array([3, 4])]
    model, feed = single(
        "Resize",
        inputs,
        opset=18,
        constants=(1, 3),
        axes=[2, 3],
        mode="linear",
        coordinate_transformation_mode="tf_crop_and_resize",
    )
    assert_converts(model, feed, 13, reference=False)  # onnx.reference: regions of all axes only


def test_floor_modulo_of_floats() -> None:
    model, _ = single("Mod", [X, X + 1], opset=28, ir_version=10)
    assert "new in opset 28" in reasons(model, 27)
    plain, feed = single("Mod", [X, X + 1], opset=28, ir_version=10, fmod=1)
    assert_converts(plain, feed, 13, ort=False)  # onnxruntime has no opset 28


@pytest.mark.parametrize(("axis", "possible"), [(0, True), (-1, False)])
def test_axes_of_scan(axis: int, possible: bool) -> None:
    model = onnx.shape_inference.infer_shapes(
        onnx.parser.parse_model(
            f"""<ir_version: 8, opset_import: ["": 16]>
            g (float[3] s, float[3, 3] x) => (float[3] e, float[3, 3] y) {{
                e, y = Scan <num_scan_inputs = 1, scan_input_axes = [{axis}],
                    body = b (float[3] a, float[3] r) => (float[3] c, float[3] d) {{
                        c = Add (a, r)
                        d = Identity (c)
                    }}
                > (s, x)
            }}"""
        )
    )
    feed = {"s": np.zeros(3, np.float32), "x": X[0, 0, :3, :3]}
    if possible:
        assert_converts(model, feed, 9)
        return
    assert_converts(model, feed, 11, reference=False)  # onnx.reference scans axis 0 only
    assert "scan_input_axes has a negative axis" in reasons(model, 10)


@pytest.mark.parametrize(("width", "possible"), [(2, True), (3, False)])
def test_branches_of_other_shapes(width: int, possible: bool) -> None:
    model = onnx.shape_inference.infer_shapes(
        onnx.parser.parse_model(
            f"""<ir_version: 8, opset_import: ["": 13]>
            g (bool c, float[2] x, float[{width}] z) => (float[n] y) {{
                y = If (c) <
                    then_branch = t () => (float[2] a) {{ a = Neg (x) }},
                    else_branch = e () => (float[{width}] b) {{ b = Abs (z) }}
                >
            }}"""
        )
    )
    if possible:
        converted(model, 9)
    else:
        assert "different shapes" in reasons(model, 9)


@pytest.mark.parametrize("op_type", ["OneHot", "Gather"])
def test_unsigned_or_positive_indices_stay(op_type: str) -> None:
    indices = np.array([0, 0])
    inputs = [X, indices] if op_type == "Gather" else [indices, np.array(3), np.array([0, 1])]
    at = (1,) if op_type == "Gather" else (0, 1)
    model, feed = single(op_type, inputs, opset=11, constants=at)
    assert len(assert_converts(model, feed, 9).graph.node) == 1


def test_quantization_whose_scale_has_no_known_shape() -> None:
    model, _ = single("DequantizeLinear", [np.zeros(3, np.uint8), np.ones(3, np.float32)], opset=21)
    model.graph.input[1].type.tensor_type.ClearField("shape")
    result = convert_opset(graph_of(model), 18, NO_RULES)
    assert "may be one per block" in result.blockers[0].reason
