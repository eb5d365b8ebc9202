from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules.harness import SPECIAL, single
from rules.support import declines, few, prove

from porting.rules import convolution as rules


def numbers(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(np.float32)


def conv(op_type: str = "Conv", biased: bool = True, constants: Any = (), **attributes: Any) -> Any:
    inputs = [numbers(2, 4, 7, 6), numbers(6, 4, 3, 2)]
    if op_type == "ConvTranspose":
        inputs[1] = numbers(4, 6, 3, 2)
    inputs = [*inputs, numbers(6)] if biased else inputs
    return single(op_type, inputs, opset=13, constants=constants, **attributes)


@few
@given(pads=st.lists(st.integers(0, 2), min_size=4, max_size=4), biased=st.booleans())
def test_uneven_padding_is_done_before(pads: list[int], biased: bool) -> None:
    case = conv(biased=biased, pads=pads)
    if pads[:2] == pads[2:]:
        declines(rules.convolution_with_pad_apart, case, "both sides are padded alike")
        return
    operators = prove(rules.convolution_with_pad_apart, case, targets=(11, 13), absolute=1e-4)
    assert operators == ["Pad", "Conv"]


def test_infinity_passes_padding_done_before() -> None:
    x = SPECIAL.astype(np.float32).reshape(1, 1, 10)
    case = single("Conv", [x, np.ones((1, 1, 2), np.float32)], opset=13, pads=[1, 0])
    prove(rules.convolution_with_pad_apart, case)


@pytest.mark.parametrize("op_type", ["Conv", "ConvTranspose"])
@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"pads": [1, 2], "strides": [2], "dilations": [2]},
        {"auto_pad": "SAME_UPPER", "kernel_shape": [3]},
        {"group": 2},
    ],
)
def test_lines_are_images_of_height_one(op_type: str, attributes: dict[str, Any]) -> None:
    groups = attributes.get("group", 1)
    weight = numbers(6, 4 // groups, 3) if op_type == "Conv" else numbers(4, 6 // groups, 3)
    inputs = [numbers(2, 4, 9), weight, numbers(6)]
    case = single(op_type, inputs, opset=13, **attributes)
    # onnx.reference pads a transposed convolution with SAME otherwise, and knows no groups of it
    reference = op_type == "Conv" or not {"auto_pad", "group"} & set(attributes)
    rule = rules.convolution_of_lines_to_images
    prove(rule, case, op_type=op_type, targets=(11, 13), absolute=1e-4, reference=reference)


@pytest.mark.parametrize("attributes", [{"output_padding": [1]}, {"output_shape": [20]}])
def test_the_end_of_a_transposed_line_is_kept(attributes: dict[str, Any]) -> None:
    inputs = [numbers(2, 4, 9), numbers(4, 6, 3)]
    case = single("ConvTranspose", inputs, opset=13, strides=[2], **attributes)
    rule = rules.convolution_of_lines_to_images
    # onnx.reference splits the padding of a wanted shape otherwise
    reference = "output_shape" not in attributes
    prove(rule, case, op_type="ConvTranspose", absolute=1e-4, reference=reference)


def test_images_are_left_alone() -> None:
    reason = "it is not one-dimensional"
    declines(rules.convolution_of_lines_to_images, conv(), reason, op_type="Conv")


@pytest.mark.parametrize("groups", [2, 4])
@pytest.mark.parametrize("biased", [False, True])
def test_groups_are_convolved_apart(groups: int, biased: bool) -> None:
    inputs = [numbers(2, 4, 7, 6), numbers(8, 4 // groups, 3, 2), numbers(8)][: 2 + biased]
    case = single("Conv", inputs, opset=13, group=groups, pads=[1, 0, 1, 1])
    operators = prove(rules.grouped_convolution_to_split, case, targets=(11, 13), absolute=1e-4)
    assert operators.count("Conv") == groups


def test_one_group_and_very_many_are_declined() -> None:
    declines(rules.grouped_convolution_to_split, conv(), "it has one group")
    many = single("Conv", [numbers(1, 65, 4), numbers(65, 1, 2)], opset=13, group=65)
    declines(rules.grouped_convolution_to_split, many, "more than 64 groups")


@pytest.mark.parametrize("spatial", [(5,), (3, 4), (2, 3, 2)])
@pytest.mark.parametrize("constants", [(), (1, 2)])
@pytest.mark.parametrize("biased", [False, True])
def test_one_pixel_kernels_are_matrix_products(
    spatial: tuple[int, ...], constants: tuple[int, ...], biased: bool
) -> None:
    inputs = [numbers(2, 4, *spatial), numbers(6, 4, *[1] * len(spatial)), numbers(6)]
    case = single("Conv", inputs[: 2 + biased], opset=13, constants=constants[: 1 + biased])
    rule = rules.pointwise_convolution_to_matmul
    assert "MatMul" in prove(rule, case, targets=(11, 13), absolute=1e-4)


@pytest.mark.parametrize("attributes", [{"strides": [2, 2]}, {"pads": [1, 1, 1, 1]}])
def test_one_pixel_kernels_that_skip_or_pad_are_declined(attributes: dict[str, Any]) -> None:
    inputs = [numbers(1, 4, 5, 5), numbers(6, 4, 1, 1)]
    case = single("Conv", inputs, opset=13, **attributes)
    declines(rules.pointwise_convolution_to_matmul, case, "padded or strided")
    grouped = single("Conv", [numbers(1, 4, 5), numbers(4, 1, 1)], opset=13, group=4)
    declines(rules.pointwise_convolution_to_matmul, grouped, "it has several groups")


def test_output_padding_takes_from_the_padding() -> None:
    case = conv("ConvTranspose", strides=[2, 2], pads=[1, 0, 1, 1], output_padding=[1, 0])
    prove(rules.output_padding_to_pads, case, targets=(11, 13), absolute=1e-4)
    small = conv("ConvTranspose", strides=[2, 2], output_padding=[1, 0])
    declines(rules.output_padding_to_pads, small, "smaller than the output padding")
    declines(rules.output_padding_to_pads, conv("ConvTranspose"), "it has no output padding")


@pytest.mark.parametrize("dilations", [[2, 1], [2, 3], [1, 4]])
def test_gaps_of_a_dilated_kernel_are_written_as_zeros(dilations: list[int]) -> None:
    case = conv(constants=(1, 2), dilations=dilations, pads=[1, 0, 1, 2], strides=[1, 2])
    assert prove(rules.dilated_convolution_to_dense, case, targets=(11, 13), absolute=1e-4) == [
        "Conv"
    ]
    declines(rules.dilated_convolution_to_dense, conv(dilations=dilations), "not a constant")
    declines(rules.dilated_convolution_to_dense, conv(constants=(1,)), "it is not dilated")
