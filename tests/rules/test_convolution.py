from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules.harness import SPECIAL, single
from rules.support import MODEST, arrays, declines, few, numbers, prove

from porting.rules import convolution as rules


@st.composite
def spatial(draw: st.DrawFn, rank: int) -> tuple[list[int], list[int], dict[str, Any]]:
    """An image, a kernel and how the one slides over the other."""
    attributes = {
        "strides": [draw(st.integers(1, 2)) for _ in range(rank)],
        "dilations": [draw(st.integers(1, 3)) for _ in range(rank)],
        "pads": [draw(st.integers(0, 2)) for _ in range(2 * rank)],
    }
    image = [draw(st.integers(7, 9)) for _ in range(rank)]
    return image, [draw(st.integers(1, 3)) for _ in range(rank)], attributes


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
@few
@given(
    line=spatial(1),
    groups=st.sampled_from([1, 2]),
    mode=st.sampled_from([None, "SAME_UPPER", "VALID"]),
    biased=st.booleans(),
)
def test_lines_are_images_of_height_one(
    op_type: str,
    line: tuple[list[int], list[int], dict[str, Any]],
    groups: int,
    mode: str | None,
    biased: bool,
) -> None:
    (length,), (kernel,), attributes = line
    if mode is not None:  # dilated SAME is for each runtime to define
        attributes = {"auto_pad": mode, "strides": [1], "kernel_shape": [kernel]}
    ends = (6, 4 // groups) if op_type == "Conv" else (4, 6 // groups)
    inputs = [numbers(2, 4, length), numbers(*ends, kernel), numbers(6)][: 2 + biased]
    case = single(op_type, inputs, opset=13, group=groups, **attributes)
    # onnx.reference pads a transposed convolution with SAME otherwise, and knows no groups of it
    reference = op_type == "Conv" or (mode is None and groups == 1)
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


@few
@given(
    window=spatial(2),
    groups=st.sampled_from([2, 4]),
    biased=st.booleans(),
    constants=st.sampled_from([(), (1,)]),
)
def test_groups_are_convolved_apart(
    window: tuple[list[int], list[int], dict[str, Any]],
    groups: int,
    biased: bool,
    constants: tuple[int, ...],
) -> None:
    image, kernel, attributes = window
    inputs = [numbers(2, 4, *image), numbers(8, 4 // groups, *kernel), numbers(8)][: 2 + biased]
    case = single("Conv", inputs, opset=13, constants=constants, group=groups, **attributes)
    operators = prove(rules.grouped_convolution_to_split, case, targets=(11, 13), absolute=1e-4)
    assert operators.count("Conv") == groups


def test_one_group_and_very_many_are_declined() -> None:
    declines(rules.grouped_convolution_to_split, conv(), "it has one group")
    many = single("Conv", [numbers(1, 65, 4), numbers(65, 1, 2)], opset=13, group=65)
    declines(rules.grouped_convolution_to_split, many, "more than 64 groups")


@few
@given(
    data=st.data(),
    sizes=st.lists(st.integers(1, 4), min_size=1, max_size=3),
    channels=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    constants=st.sampled_from([(), (1, 2)]),
    biased=st.booleans(),
)
def test_one_pixel_kernels_are_matrix_products(
    data: st.DataObject,
    sizes: list[int],
    channels: tuple[int, int],
    constants: tuple[int, ...],
    biased: bool,
) -> None:
    x = data.draw(arrays((2, channels[0], *sizes), MODEST))
    inputs = [x, numbers(*channels[::-1], *[1] * len(sizes)), numbers(channels[1])]
    case = single("Conv", inputs[: 2 + biased], opset=13, constants=constants[: 1 + biased])
    rule = rules.pointwise_convolution_to_matmul
    assert "MatMul" in prove(rule, case, targets=(11, 13), absolute=1e-3)


@pytest.mark.parametrize("attributes", [{"strides": [2, 2]}, {"pads": [1, 1, 1, 1]}])
def test_one_pixel_kernels_that_skip_or_pad_are_declined(attributes: dict[str, Any]) -> None:
    inputs = [numbers(1, 4, 5, 5), numbers(6, 4, 1, 1)]
    case = single("Conv", inputs, opset=13, **attributes)
    declines(rules.pointwise_convolution_to_matmul, case, "padded or strided")
    grouped = single("Conv", [numbers(1, 4, 5), numbers(4, 1, 1)], opset=13, group=4)
    declines(rules.pointwise_convolution_to_matmul, grouped, "it has several groups")


@few
@given(
    extra=st.sampled_from([[1, 0], [0, 1], [1, 1]]),
    start=st.lists(st.integers(0, 1), min_size=2, max_size=2),
    spare=st.lists(st.integers(0, 1), min_size=2, max_size=2),
    biased=st.booleans(),
)
def test_output_padding_takes_from_the_padding(
    extra: list[int], start: list[int], spare: list[int], biased: bool
) -> None:
    pads = [*start, *[e + s for e, s in zip(extra, spare, strict=True)]]
    case = conv("ConvTranspose", biased, strides=[2, 2], pads=pads, output_padding=extra)
    prove(rules.output_padding_to_pads, case, targets=(11, 13), absolute=1e-4)


@few
@given(
    extra=st.sampled_from([[1, 0], [0, 1], [1, 1]]),
    pads=st.lists(st.integers(0, 1), min_size=2, max_size=2),
    biased=st.booleans(),
)
def test_output_padding_beyond_the_padding_is_zeros(
    extra: list[int], pads: list[int], biased: bool
) -> None:
    attributes: dict[str, Any] = {"strides": [2, 3], "output_padding": extra}
    case = conv("ConvTranspose", biased, pads=[*pads, 0, 0], **attributes)
    operators = prove(rules.output_padding_to_zeros, case, targets=(11, 13, 18), absolute=1e-4)
    assert set(operators) <= {"ConvTranspose", "Pad", "Unsqueeze", "Add"}


def test_output_padding_within_the_padding_is_no_zeros() -> None:
    case = conv("ConvTranspose", strides=[2, 2], pads=[0, 0, 1, 1], output_padding=[1, 1])
    declines(rules.output_padding_to_zeros, case, "is not smaller")


@st.composite
def transposed(draw: st.DrawFn) -> Any:
    """A transposed convolution whose padding takes no more than the kernel reaches."""
    rank = draw(st.integers(1, 2))
    pair = st.lists(st.integers(1, 3), min_size=rank, max_size=rank)
    kernel, strides, dilations = draw(pair), draw(pair), draw(pair)
    reach = [(k - 1) * d for k, d in zip(kernel, dilations, strict=True)]
    pads = [draw(st.integers(0, min(r, 1))) for r in [*reach, *reach]]
    extra = [draw(st.integers(0, s - 1)) for s in strides]
    groups = draw(st.sampled_from([1, 2]))
    image = [draw(st.integers(2, 4)) for _ in range(rank)]
    inputs = [numbers(2, 4, *image), numbers(4, 6 // groups, *kernel), numbers(6)]
    attributes = {
        "strides": strides, "dilations": dilations, "pads": pads, "output_padding": extra,
        "group": groups,
    }  # fmt: skip
    biased = draw(st.booleans())
    return single("ConvTranspose", inputs[: 2 + biased], opset=13, constants=[1], **attributes)


@few
@given(case=transposed())
def test_a_transposed_convolution_is_one_over_spread_elements(case: Any) -> None:
    attributes = {a.name: list(a.ints) for a in case[0].graph.node[0].attribute}
    # onnx.reference knows no groups, and loses the end of dilated ones
    plain = all(d == 1 for d in attributes["dilations"]) and len(attributes["strides"]) == 2
    groups = next(a.i for a in case[0].graph.node[0].attribute if a.name == "group")
    rule = rules.transposed_convolution_to_convolution
    prove(rule, case, targets=(11, 13, 18), absolute=1e-4, reference=plain and groups == 1)


def test_an_infinity_reaches_no_further_in_a_turned_convolution() -> None:
    x = numbers(1, 1, 3, 3)
    x[0, 0, 1, 1] = np.inf
    inputs = [x, numbers(1, 1, 2, 2)]
    case = single("ConvTranspose", inputs, opset=13, constants=[1], strides=[2, 2])
    prove(rules.transposed_convolution_to_convolution, case)


def test_transposed_convolutions_that_are_not_turned() -> None:
    rule, x = rules.transposed_convolution_to_convolution, numbers(1, 1, 3, 3)
    kernel = numbers(1, 1, 2, 2)
    computed = single("ConvTranspose", [x, kernel], opset=13)
    declines(rule, computed, "is not a constant")
    padded = single("ConvTranspose", [x, kernel], opset=13, constants=[1], pads=[2, 0, 0, 0])
    declines(rule, padded, "padded by more than the kernel reaches")
    kernel[0, 0, 0, 0] = np.inf
    infinite = single("ConvTranspose", [x, kernel], opset=13, constants=[1])
    declines(rule, infinite, "infinite or NaN")


def test_output_padding_without_padding_is_declined() -> None:
    small = conv("ConvTranspose", strides=[2, 2], output_padding=[1, 0])
    declines(rules.output_padding_to_pads, small, "smaller than the output padding")
    declines(rules.output_padding_to_pads, conv("ConvTranspose"), "it has no output padding")


@few
@given(window=spatial(2), groups=st.sampled_from([1, 2]), biased=st.booleans())
def test_gaps_of_a_dilated_kernel_are_written_as_zeros(
    window: tuple[list[int], list[int], dict[str, Any]], groups: int, biased: bool
) -> None:
    image, kernel, attributes = window
    inputs = [numbers(2, 4, *image), numbers(6, 4 // groups, *kernel), numbers(6)][: 2 + biased]
    case = single("Conv", inputs, opset=13, constants=[1], group=groups, **attributes)
    rule = rules.dilated_convolution_to_dense
    if max(attributes["dilations"]) == 1:
        declines(rule, case, "it is not dilated")
        return
    assert prove(rule, case, targets=(11, 13), absolute=1e-4) == ["Conv"]


def test_a_dilated_kernel_that_is_computed_is_declined() -> None:
    declines(rules.dilated_convolution_to_dense, conv(dilations=[2, 3]), "not a constant")
