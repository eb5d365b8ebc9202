from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules.harness import SPECIAL, rewrite, single, the_rule
from rules.support import declines, few, numbers, prove

from porting.rules import windows as rules
from porting.rules.attributes import defaults_dropped

MODES = ["SAME_UPPER", "SAME_LOWER", "VALID"]


@st.composite
def windows(draw: st.DrawFn) -> dict[str, Any]:
    """A two-dimensional window and an image that it fits into."""
    kernel = [draw(st.integers(1, 4)) for _ in range(2)]
    strides = [draw(st.integers(1, k)) for k in kernel]  # onnxruntime refuses larger ones
    image = [draw(st.integers(5, 8)) for _ in range(2)]
    return {"kernel": kernel, "strides": strides, "image": image}


@pytest.mark.parametrize("mode", MODES)
@few
@given(w=windows(), groups=st.sampled_from([1, 2]))
def test_automatic_padding_of_a_convolution_is_written_out(
    mode: str, w: dict[str, Any], groups: int
) -> None:
    x, weight = numbers(2, 4, *w["image"]), numbers(6, 4 // groups, *w["kernel"])
    case = single(
        "Conv", [x, weight], opset=11, auto_pad=mode, strides=w["strides"], group=groups
    )  # fmt: skip
    prove(rules.auto_pad_to_pads, case, op_type="Conv", absolute=1e-4)
    result = rewrite(case[0], the_rule(rules.auto_pad_to_pads, "Conv")).graph.node[0]
    assert "auto_pad" not in {a.name for a in result.attribute}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("op_type", rules.POOLS)
@few
@given(w=windows(), ceil_mode=st.sampled_from([0, 1]))
def test_automatic_padding_of_a_pool_is_written_out(
    op_type: str, mode: str, w: dict[str, Any], ceil_mode: int
) -> None:
    attributes = {"kernel_shape": w["kernel"], "strides": w["strides"], "auto_pad": mode}
    if op_type != "LpPool":
        attributes["ceil_mode"] = ceil_mode
    case = single(op_type, [numbers(1, 2, *w["image"])], opset=12, **attributes)
    if mode == "VALID" and attributes.get("ceil_mode"):
        declines(rules.auto_pad_to_pads, case, "VALID result is not defined", op_type=op_type)
        return
    # onnx.reference has its own idea of SAME for pools
    prove(rules.auto_pad_to_pads, case, op_type=op_type, reference=False, absolute=1e-5)


def test_automatic_padding_with_stride_one_needs_no_shape() -> None:
    model, feed = single(
        "Conv", [numbers(1, 2, 5, 5), numbers(3, 2, 3, 2)], opset=11, auto_pad="SAME_LOWER"
    )
    for axis in (2, 3):
        model.graph.input[0].type.tensor_type.shape.dim[axis].dim_param = f"d{axis}"
    prove(rules.auto_pad_to_pads, (model, feed), op_type="Conv", absolute=1e-5)


def test_automatic_padding_with_a_stride_needs_the_shape() -> None:
    inputs = [numbers(1, 2, 5, 5), numbers(3, 2, 3, 2)]
    model, feed = single("Conv", inputs, opset=11, auto_pad="SAME_UPPER", strides=[2, 2])
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_param = "h"
    declines(rules.auto_pad_to_pads, (model, feed), "give it with --shape or --dim", op_type="Conv")


@pytest.mark.parametrize("op_type", ["Conv", "MaxPool"])
def test_automatic_padding_of_a_dilated_kernel_depends_on_the_runtime(op_type: str) -> None:
    inputs = [numbers(1, 2, 5, 5), numbers(3, 2, 3, 2)][: 2 if op_type == "Conv" else 1]
    attributes = {"kernel_shape": [3, 2], "dilations": [2, 1]}
    same = single(op_type, inputs, opset=12, auto_pad="SAME_UPPER", **attributes)
    declines(rules.auto_pad_to_pads, same, "runtimes disagree", op_type=op_type)
    valid = single(op_type, inputs, opset=12, auto_pad="VALID", **attributes)
    prove(rules.auto_pad_to_pads, valid, op_type=op_type, absolute=1e-5)


def test_pads_that_are_written_are_left_alone() -> None:
    case = single("Conv", [numbers(1, 2, 5, 5), numbers(3, 2, 3, 2)], opset=11, pads=[1, 1, 1, 1])
    declines(rules.auto_pad_to_pads, case, "auto_pad is not used", op_type="Conv")


@pytest.mark.parametrize("mode", MODES)
@few
@given(w=windows())
def test_automatic_padding_of_a_transposed_convolution_is_written_out(
    mode: str, w: dict[str, Any]
) -> None:
    inputs = [numbers(1, 2, *w["image"]), numbers(2, 3, *w["kernel"])]
    case = single("ConvTranspose", inputs, opset=11, auto_pad=mode, strides=w["strides"])
    # onnx.reference pads such a result otherwise
    prove(rules.transposed_auto_pad_to_pads, case, absolute=1e-4, reference=mode == "VALID")


@pytest.mark.parametrize("mode", ["NOTSET", "SAME_UPPER", "SAME_LOWER"])
def test_a_wanted_output_shape_becomes_pads(mode: str) -> None:
    inputs = [numbers(1, 2, 4, 5), numbers(2, 3, 3, 4)]
    case = single(
        "ConvTranspose", inputs, opset=11, auto_pad=mode, strides=[2, 2], output_shape=[8, 9]
    )
    prove(rules.transposed_auto_pad_to_pads, case, absolute=1e-5, reference=False)


@pytest.mark.parametrize("extra", [[0, 0], [1, 0]])
def test_a_wanted_output_shape_beyond_the_kernel_is_output_padding(extra: list[int]) -> None:
    inputs = [numbers(1, 2, 4, 5), numbers(2, 3, 3, 2)]
    case = single(
        "ConvTranspose", inputs, opset=11, strides=[2, 3], output_padding=extra,
        output_shape=[9, 16],
    )  # fmt: skip
    prove(rules.transposed_auto_pad_to_pads, case, absolute=1e-5, reference=False)


def test_a_transposed_convolution_that_reaches_too_little_is_declined() -> None:
    inputs = [numbers(1, 2, 4, 5), numbers(2, 3, 1, 1)]
    case = single("ConvTranspose", inputs, opset=11, auto_pad="SAME_UPPER", strides=[2, 2])
    declines(rules.transposed_auto_pad_to_pads, case, "larger than the kernel reaches")
    far = single("ConvTranspose", inputs, opset=11, strides=[2, 2], output_shape=[9, 12])
    declines(rules.transposed_auto_pad_to_pads, far, "larger than output padding reaches")
    plain = single("ConvTranspose", inputs, opset=11)
    declines(rules.transposed_auto_pad_to_pads, plain, "auto_pad is not used")


@pytest.mark.parametrize("op_type", rules.CONVOLUTIONS)
@few
@given(w=windows(), written=st.sets(st.sampled_from(["strides", "kernel_shape", "group"])))
def test_what_a_convolution_leaves_out_is_written(
    op_type: str, w: dict[str, Any], written: set[str]
) -> None:
    inputs = [numbers(1, 2, *w["image"]), numbers(2, 2, *w["kernel"])]
    every = {"strides": w["strides"], "kernel_shape": w["kernel"], "group": 1}
    attributes = {name: every[name] for name in written}
    case = single(op_type, inputs, opset=11, **attributes)
    prove(rules.convolution_written_out, case, op_type=op_type, targets=(11, 13), absolute=1e-4)


@pytest.mark.parametrize("op_type", rules.CONVOLUTIONS)
def test_attributes_of_a_convolution_are_written_out(op_type: str) -> None:
    case = single(op_type, [numbers(1, 2, 5, 5), numbers(2, 2, 3, 2)], opset=11)
    result = rewrite(case[0], the_rule(rules.convolution_written_out, op_type))
    written = {a.name for a in result.graph.node[0].attribute}
    assert written == {"kernel_shape", "strides", "dilations", "pads", "group"}
    reason = "every attribute is written already"
    declines(rules.convolution_written_out, (result, {}), reason, op_type=op_type)


def test_pads_are_not_written_beside_automatic_ones() -> None:
    inputs = [numbers(1, 2, 5, 5), numbers(2, 2, 3, 2)]
    case = single("Conv", inputs, opset=11, auto_pad="SAME_UPPER")
    result = rewrite(case[0], the_rule(rules.convolution_written_out, "Conv"))
    assert "pads" not in {a.name for a in result.graph.node[0].attribute}


def test_a_kernel_of_unknown_shape_is_declined() -> None:
    model, feed = single("Conv", [numbers(1, 2, 5, 5), numbers(2, 2, 3, 2)], opset=11)
    model.graph.input[1].type.tensor_type.shape.dim[2].dim_param = "k"
    declines(rules.convolution_written_out, (model, feed), "kernel is not known", op_type="Conv")


@pytest.mark.parametrize("op_type", rules.POOLS)
@few
@given(w=windows(), strided=st.booleans())
def test_strides_and_pads_of_a_pool_are_written_out(
    op_type: str, w: dict[str, Any], strided: bool
) -> None:
    attributes = {"strides": w["strides"]} if strided else {}
    x = numbers(1, 2, *w["image"])
    case = single(op_type, [x], opset=13, kernel_shape=w["kernel"], **attributes)
    prove(rules.pooling_written_out, case, op_type=op_type, targets=(11, 13))
    result = rewrite(case[0], the_rule(rules.pooling_written_out, op_type))
    assert {a.name for a in result.graph.node[0].attribute} == {"kernel_shape", "strides", "pads"}


DEFAULTS: dict[str, dict[str, Any]] = {
    "Conv": {"dilations": [1, 1], "group": 1},
    "ConvTranspose": {"dilations": [1, 1], "group": 1, "output_padding": [0, 0]},
    "AveragePool": {"ceil_mode": 0, "count_include_pad": 0},
    "MaxPool": {"dilations": [1, 1], "ceil_mode": 0, "storage_order": 0},
    "LpPool": {"p": 2},
}


@pytest.mark.parametrize("op_type", [*rules.CONVOLUTIONS, *rules.POOLS])
@few
@given(data=st.data(), w=windows(), pads=st.integers(0, 1))
def test_defaults_of_every_window_are_dropped(
    op_type: str, data: st.DataObject, w: dict[str, Any], pads: int
) -> None:
    every = DEFAULTS[op_type] | {"auto_pad": "NOTSET"}
    names = data.draw(st.sets(st.sampled_from(sorted(every)), min_size=1))
    attributes = {name: every[name] for name in names} | {"strides": w["strides"]}
    attributes["pads"] = [min(pads, k - 1) for k in w["kernel"] * 2]
    attributes["kernel_shape"] = w["kernel"]
    inputs = [numbers(1, 2, *w["image"]), numbers(2, 2, *w["kernel"])]
    inputs = inputs if op_type in rules.CONVOLUTIONS else inputs[:1]
    case = single(op_type, inputs, opset=13, **attributes)
    # onnx.reference pads LpPool with something else, and cannot pad a MaxPool that is 1 wide
    reference = op_type not in {"LpPool", "MaxPool"} or not any(attributes["pads"])
    rule, targets = defaults_dropped, (11, 13)
    prove(rule, case, op_type=op_type, targets=targets, absolute=1e-4, reference=reference)
    left = {a.name for a in rewrite(case[0], the_rule(rule, op_type)).graph.node[0].attribute}
    assert not names & left


def test_attributes_that_repeat_a_default_are_dropped() -> None:
    x = numbers(1, 2, 5, 5)
    attributes = {"strides": [1, 1], "pads": [0, 0, 0, 0], "dilations": [1, 1], "ceil_mode": 0}
    case = single("MaxPool", [x], opset=12, kernel_shape=[2, 2], storage_order=0, **attributes)
    prove(defaults_dropped, case, op_type="MaxPool")
    result = rewrite(case[0], the_rule(defaults_dropped, "MaxPool"))
    assert {a.name for a in result.graph.node[0].attribute} == {"kernel_shape"}
    declines(defaults_dropped, (result, {}), "no attribute repeats", op_type="MaxPool")


def test_dilations_of_one_are_dropped_for_an_opset_without_them() -> None:
    x = numbers(1, 2, 5, 5)
    one = single("AveragePool", [x], opset=19, ir_version=9, kernel_shape=[2, 2], dilations=[1, 1])
    prove(defaults_dropped, one, op_type="AveragePool", targets=(11, 19))
    two = single(
        "AveragePool", [x], opset=19, ir_version=9, kernel_shape=[2, 2], dilations=[2, 2],
        strides=[1, 1],
    )  # fmt: skip
    reason = "AveragePool of opset 18 has no attribute dilations"
    declines(defaults_dropped, two, reason, op_type="AveragePool", opset=18)


def test_nan_and_infinity_pass_a_padded_maximum() -> None:
    x = SPECIAL[1:].astype(np.float32).reshape(1, 1, 9)
    case = single("MaxPool", [x], opset=12, kernel_shape=[3], auto_pad="SAME_UPPER")
    prove(rules.auto_pad_to_pads, case, op_type="MaxPool", reference=False)
