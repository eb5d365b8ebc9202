from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules.harness import SPECIAL, single
from rules.support import arrays, declines, few, prove, shapes

from porting.rules import activations as rules

SHAPES = shapes(smallest=0)
X = arrays(SHAPES)


@pytest.mark.parametrize(
    ("function", "op_type", "opset", "attributes"),
    [
        (rules.hard_swish_to_hard_sigmoid, "HardSwish", 14, {}),
        (rules.hard_swish_to_clip, "HardSwish", 14, {}),
        (rules.hard_sigmoid_to_clip, "HardSigmoid", 11, {"alpha": 0.3, "beta": 0.4}),
        (rules.hard_sigmoid_to_clip, "HardSigmoid", 11, {}),
        (rules.mish_to_softplus, "Mish", 18, {}),
        (rules.softplus_to_log_exp, "Softplus", 11, {}),
        (rules.celu_to_exp, "Celu", 12, {}),
        (rules.celu_to_exp, "Celu", 12, {"alpha": 2.5}),
        (rules.celu_to_elu, "Celu", 12, {}),
        (rules.celu_to_elu, "Celu", 12, {"alpha": 2.5}),
        (rules.elu_to_exp, "Elu", 11, {}),
        (rules.elu_to_exp, "Elu", 11, {"alpha": -0.5}),
        (rules.selu_to_elu, "Selu", 11, {}),
        (rules.selu_to_elu, "Selu", 11, {"alpha": 1.2, "gamma": 3.0}),
        (rules.softsign_to_div, "Softsign", 11, {}),
        (rules.thresholded_relu_to_where, "ThresholdedRelu", 11, {}),
        (rules.thresholded_relu_to_where, "ThresholdedRelu", 11, {"alpha": -0.5}),
        (rules.shrink_to_where, "Shrink", 11, {}),
        (rules.shrink_to_where, "Shrink", 11, {"lambd": 0.1, "bias": 1.5}),
        (rules.leaky_relu_to_max, "LeakyRelu", 11, {}),
        (rules.leaky_relu_to_max, "LeakyRelu", 11, {"alpha": 1.0}),
        (rules.leaky_relu_to_relu, "LeakyRelu", 11, {"alpha": -2.0}),
        (rules.leaky_relu_to_relu, "LeakyRelu", 11, {"alpha": 3.0}),
        (rules.relu_to_max, "Relu", 11, {}),
        (rules.sigmoid_to_exp, "Sigmoid", 11, {}),
        (rules.sigmoid_to_tanh, "Sigmoid", 11, {}),
    ],
)
@few
@given(data=st.data())
def test_activation_is_the_same_for_every_float(
    function: Any, op_type: str, opset: int, attributes: dict[str, float], data: st.DataObject
) -> None:
    x = data.draw(X)
    case = single(op_type, [x], opset=opset, **attributes)
    runs = op_type != "Softsign" or x.ndim > 0  # onnx.reference fails on a scalar Softsign
    prove(function, case, targets=(11, 13, 18), reference=runs)


@few
@given(x=X, alpha=st.sampled_from([1.0, 0.5, -2.0]))
def test_swish_is_the_same_at_older_opsets(x: np.ndarray, alpha: float) -> None:
    case = single("Swish", [x], opset=24, ir_version=10, alpha=alpha)
    prove(rules.swish_to_sigmoid, case, targets=(11, 17, 24))


@few
@given(x=arrays(SHAPES, SPECIAL[np.isfinite(SPECIAL) | (np.inf == SPECIAL)]))
def test_thresholded_relu_as_a_mask_is_the_same_without_nan(x: np.ndarray) -> None:
    prove(rules.thresholded_relu_to_mask, single("ThresholdedRelu", [x], opset=11))


@few
@given(x=arrays(SHAPES, SPECIAL[~np.isnan(SPECIAL)]))
def test_soft_shrinkage_is_the_same_without_nan(x: np.ndarray) -> None:
    case = single("Shrink", [x], opset=11, lambd=0.5, bias=0.5)
    prove(rules.shrink_to_clip, case, targets=(11, 13))


def test_thresholded_relu_as_a_mask_differs_for_nan_as_its_class_says() -> None:
    case = single("ThresholdedRelu", [np.array([np.nan, 2.0], np.float32)], opset=11)
    with pytest.raises(AssertionError, match=r"became .*nan"):
        prove(rules.thresholded_relu_to_mask, case)


@few
@given(x=arrays(shapes(1)), alpha=st.sampled_from([0.01, 0.0, 2.0, -1.0]))
def test_leaky_relu_as_prelu_is_the_same(x: np.ndarray, alpha: float) -> None:
    prove(rules.leaky_relu_to_prelu, single("LeakyRelu", [x], opset=16, alpha=alpha))


@pytest.mark.parametrize(
    "function", [rules.prelu_to_relu, rules.prelu_to_max_min, rules.prelu_to_where]
)
@few
@given(x=arrays((2, 3, 4)), shape=st.sampled_from([(1,), (4,), (3, 1), (3, 4), (2, 3, 4)]))
def test_prelu_is_the_same_for_every_layout_of_slopes(
    function: Any, x: np.ndarray, shape: tuple[int, ...]
) -> None:
    slope = np.linspace(-1, 2, int(np.prod(shape)), dtype=np.float32).reshape(shape)
    case = single("PRelu", [x, slope], opset=11, constants=[1])
    prove(function, case, targets=(11, 16))


@few
@given(x=arrays((2, 3, 4)), shape=st.sampled_from([(1,), (4,), (3, 1)]))
def test_prelu_with_one_slope_is_leaky_relu(x: np.ndarray, shape: tuple[int, ...]) -> None:
    case = single("PRelu", [x, np.full(shape, 0.2, np.float32)], opset=16, constants=[1])
    assert prove(rules.prelu_to_leaky_relu, case) == ["LeakyRelu"]


@pytest.mark.parametrize(
    ("function", "op_type", "attributes", "reason"),
    [
        (rules.celu_to_elu, "Celu", {"alpha": -1.0}, "alpha is not positive"),
        (rules.celu_to_exp, "Celu", {"alpha": -1.0}, "alpha is not positive"),
        (rules.leaky_relu_to_max, "LeakyRelu", {"alpha": 1.5}, "not between 0 and 1"),
        (rules.leaky_relu_to_max, "LeakyRelu", {"alpha": 0.0}, "not between 0 and 1"),
        (rules.leaky_relu_to_relu, "LeakyRelu", {"alpha": float("inf")}, "alpha is not finite"),
        (rules.shrink_to_clip, "Shrink", {"lambd": 1.0}, "bias is not lambd"),
        (rules.shrink_to_clip, "Shrink", {"lambd": -1.0, "bias": -1.0}, "lambd is negative"),
    ],
)
def test_attribute_outside_the_precondition_is_declined(
    function: Any, op_type: str, attributes: dict[str, float], reason: str
) -> None:
    case = single(op_type, [np.ones(3, np.float32)], opset=16, **attributes)
    declines(function, case, reason)


def test_slopes_that_differ_or_are_infinite_or_computed_are_declined() -> None:
    x, slope = np.ones((2, 3), np.float32), np.array([0.1, 0.2, np.inf], np.float32)
    constant = single("PRelu", [x, slope], opset=16, constants=[1])
    declines(rules.prelu_to_leaky_relu, constant, "the slopes differ")
    declines(rules.prelu_to_relu, constant, "a slope is not finite")
    declines(rules.prelu_to_max_min, constant, "a slope is not finite")
    declines(rules.prelu_to_relu, single("PRelu", [x, slope], opset=16), "slope is not a constant")


def test_a_scalar_has_no_prelu() -> None:
    case = single("LeakyRelu", [np.float32(-1.0).reshape(())], opset=16)
    declines(rules.leaky_relu_to_prelu, case, "rank of the input is not known or 0")


def test_integers_have_no_softplus_form_and_no_max_before_opset_12() -> None:
    case = single("Relu", [np.array([-1, 2], np.int32)], opset=14)
    assert prove(rules.relu_to_max, case, targets=(14, 12)) == ["Max"]
    declines(rules.relu_to_max, case, "Max of opset 11 does not take int32", opset=11)
