from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules.harness import single
from rules.support import MODEST, arrays, declines, few, numbers, prove

from porting.rules import sampling as rules

FLAGS = st.sampled_from([0, 1])
NAMES = {16: ["bilinear", "nearest", "bicubic"], 20: ["linear", "nearest", "cubic"]}
PADDING = ["zeros", "border", "reflection"]


def sample(x: np.ndarray, grid: np.ndarray, *, opset: int = 20, **attributes: Any) -> Any:
    return single("GridSample", [x, grid], opset=opset, ir_version=9, **attributes)


@st.composite
def grids(draw: st.DrawFn, batch: int, axes: int) -> np.ndarray:
    """Positions inside, beyond and far beyond the image, and none on a boundary of pixels."""
    random = np.random.default_rng(draw(st.integers(0, 999)))
    sizes = [draw(st.integers(1, 3)) for _ in range(axes)]
    reach = draw(st.sampled_from([0.9, 1.6, 5.0]))
    return (random.uniform(-reach, reach, (batch, *sizes, axes))).astype(np.float32)


@pytest.mark.parametrize("opset", [16, 20])
@pytest.mark.parametrize("padding", PADDING)
@pytest.mark.parametrize("mode", range(3))
@few
@given(data=st.data(), batch=st.integers(1, 2), aligned=FLAGS, height=st.integers(2, 5))
def test_images_are_read_around_positions(
    opset: int, padding: str, mode: int, data: Any, batch: int, aligned: int, height: int
) -> None:
    x = numbers(batch, 3, height, 4)
    case = sample(
        x, data.draw(grids(batch, 2)), opset=opset, mode=NAMES[opset][mode],
        padding_mode=padding, align_corners=aligned,
    )  # fmt: skip
    # onnx.reference does not know the names of opset 16, and holds cubic positions themselves
    # within the image, unlike PyTorch and onnxruntime
    reference = opset == 20 and not (mode == 2 and padding == "border")
    prove(rules.grid_sample_to_gather, case, targets=(13, opset), absolute=2e-5, rel=1e-4,
          reference=reference)  # fmt: skip


@pytest.mark.parametrize("mode", ["linear", "nearest"])
@pytest.mark.parametrize("padding", PADDING)
@few
@given(data=st.data(), aligned=FLAGS)
def test_volumes_are_read_around_positions(
    mode: str, padding: str, data: Any, aligned: int
) -> None:
    case = sample(
        numbers(2, 2, 3, 4, 2), data.draw(grids(2, 3)), mode=mode, padding_mode=padding,
        align_corners=aligned,
    )  # fmt: skip
    prove(rules.grid_sample_to_gather, case, absolute=2e-5, rel=1e-4)


@pytest.mark.parametrize("mode", ["linear", "nearest", "cubic"])
@pytest.mark.parametrize("padding", PADDING)
@pytest.mark.parametrize("aligned", [0, 1])
def test_odd_pixels_and_positions(mode: str, padding: str, aligned: int) -> None:
    x = numbers(1, 1, 4, 4)
    odd = [[np.nan, 0.1], [0.1, np.nan], [0.3, 0.2], [np.inf, 0.4], [0.4, -np.inf], [3e38, 0.7]]
    case = sample(
        x, np.array([[odd]], np.float32), mode=mode, padding_mode=padding, align_corners=aligned
    )
    # onnx.reference raises for NaN
    prove(rules.grid_sample_to_gather, case, reference=False, absolute=1e-5)
    far = np.array([[[[9.0, 0.1], [-0.8, -7.0], [0.3, 0.2]]]], np.float32)
    x[..., 0, 0] = np.inf
    x[..., 3, 3] = np.nan
    if mode != "cubic":
        case = sample(x, far, mode=mode, padding_mode=padding, align_corners=1)
        # see above: a pixel that counts nothing is read twice, or not at all
        held = padding == "border"
        prove(rules.grid_sample_to_gather, case, absolute=1e-5, reference=not held)


@few
@given(x=arrays((1, 2, 3, 3), MODEST, "float64"), data=st.data())
def test_positions_of_another_type(x: np.ndarray, data: Any) -> None:
    grid = data.draw(grids(1, 2)).astype(np.float64)
    prove(rules.grid_sample_to_gather, sample(x, grid), absolute=1e-4)


def test_samplings_that_stay() -> None:
    x, grid = numbers(1, 1, 4, 4), np.zeros((1, 2, 2, 2), np.float32)
    function = rules.grid_sample_to_gather
    lone = sample(numbers(1, 1, 1, 4), grid, padding_mode="reflection")
    declines(function, lone, "nothing to reflect")
    half = sample(x.astype(np.float16), grid.astype(np.float16), mode="nearest")
    declines(function, half, "half precision")
    model, feed = sample(x, grid)
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_param = "h"
    declines(function, (model, feed), "shape of the input is not static")


@few
@given(
    batch=st.integers(1, 2),
    sizes=st.sampled_from([(2, 3), (4, 2), (2, 3, 4)]),
    aligned=FLAGS,
)
def test_affine_grids_are_products(batch: int, sizes: tuple[int, ...], aligned: int) -> None:
    rank = len(sizes)
    inputs = [numbers(batch, rank, rank + 1), np.array([batch, 1, *sizes])]
    case = single(
        "AffineGrid", inputs, opset=20, constants=[1], ir_version=9, align_corners=aligned
    )
    prove(rules.affine_grid_to_matmul, case, targets=(11, 20), absolute=1e-5)


def test_affine_grids_of_unknown_size_are_declined() -> None:
    inputs = [numbers(1, 2, 3), np.array([1, 1, 2, 3])]
    case = single("AffineGrid", inputs, opset=20, ir_version=9)
    declines(rules.affine_grid_to_matmul, case, "is not a constant")
    inputs[1] = np.array([1, 1, 1, 3])
    case = single("AffineGrid", inputs, opset=20, constants=[1], ir_version=9, align_corners=1)
    declines(rules.affine_grid_to_matmul, case, "where a lone pixel lies")
