from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules.harness import single
from rules.support import MODEST, arrays, declines, few, prove

from porting.rules import grouped_normalization as grouped
from porting.rules import normalization as rules

NONE = np.array([])


def weights(*shape: int) -> np.ndarray:
    return np.linspace(-1.5, 2.0, int(np.prod(shape)), dtype=np.float32).reshape(shape)


@few
@given(x=arrays((2, 3, 4), MODEST), axis=st.integers(-3, 2), biased=st.booleans())
def test_layer_normalization_is_the_same_along_any_axis(
    x: np.ndarray, axis: int, biased: bool
) -> None:
    shape = x.shape[axis:]
    inputs = [x, weights(*shape), *([weights(*shape)] if biased else [])]
    case = single("LayerNormalization", inputs, opset=17, axis=axis, epsilon=1e-3)
    prove(rules.layer_normalization_to_means, case, targets=(11, 13, 17, 18), absolute=1e-4)


@few
@given(x=arrays((2, 3, 4), MODEST), outputs=st.integers(2, 3))
def test_layer_normalization_gives_mean_and_inverse_deviation(x: np.ndarray, outputs: int) -> None:
    inputs = [x, weights(4), weights(4)]
    case = single("LayerNormalization", inputs, opset=17, outputs=outputs, epsilon=1e-2)
    prove(rules.layer_normalization_to_means, case, targets=(11, 18), absolute=1e-4)


def test_layer_normalization_does_not_cancel_where_the_mean_is_large() -> None:
    x = (np.float32(1e4) + np.arange(8, dtype=np.float32) / 8).reshape(1, 8)
    case = single("LayerNormalization", [x, np.ones(8, np.float32)], opset=17, epsilon=1e-5)
    prove(rules.layer_normalization_to_means, case, rel=1e-2, ort=False)


def test_layer_normalization_of_halves_is_computed_in_float32() -> None:
    x = np.array([[1000.0, -1000.0, 500.0, 0.0]], np.float16)
    case = single("LayerNormalization", [x, np.ones(4, np.float16)], opset=17, ir_version=9)
    # onnx.reference computes in half, whose squares overflow
    operators = prove(rules.layer_normalization_to_means, case, rel=2e-3, reference=False)
    assert operators[0] == "Cast"
    assert operators.count("Cast") == 2


def test_layer_normalization_of_unknown_rank_is_declined() -> None:
    model, feed = single("LayerNormalization", [weights(2, 3), weights(3)], opset=17)
    model.graph.input[0].type.tensor_type.ClearField("shape")
    declines(rules.layer_normalization_to_means, (model, feed), "rank of the input is not known")


@few
@given(x=arrays((2, 3, 4), MODEST), axis=st.integers(-3, 2))
def test_rms_normalization_is_the_same_along_any_axis(x: np.ndarray, axis: int) -> None:
    inputs = [x, weights(*x.shape[axis:])]
    case = single("RMSNormalization", inputs, opset=23, ir_version=10, axis=axis)
    prove(rules.rms_normalization_to_means, case, targets=(11, 13, 18, 23), absolute=1e-5)


@few
@given(x=arrays((2, 3, 4, 5), NONE), axes=st.sampled_from([None, [1, 2], [-1], [0, 2, 3]]))
def test_mean_variance_normalization_is_the_same(x: np.ndarray, axes: list[int] | None) -> None:
    attributes = {} if axes is None else {"axes": axes}
    case = single("MeanVarianceNormalization", [x], opset=13, **attributes)
    reference = axes is not None  # onnx.reference reduces every axis without the attribute
    prove(
        rules.mean_variance_normalization_to_means,
        case,
        targets=(11, 13, 18),
        absolute=1e-4,
        reference=reference,
    )


@few
@given(
    x=arrays((3, 4, 2), np.array([0.0, -0.0, 300.0])),
    axis=st.integers(-3, 2),
    p=st.sampled_from([1, 2]),
    zeroed=st.booleans(),
)
def test_lp_normalization_is_the_same_and_zero_for_zeros(
    x: np.ndarray, axis: int, p: int, zeroed: bool
) -> None:
    if zeroed:
        np.moveaxis(x, axis, 0)[:, 0] = 0
    case = single("LpNormalization", [x], opset=11, axis=axis, p=p)
    # onnx.reference forgets the absolute value of p = 1, and makes NaN of zeros
    reference = p == 2 and not zeroed
    prove(rules.lp_normalization_to_sums, case, targets=(11, 13, 18), reference=reference)


@pytest.mark.parametrize("constant", [True, False])
@few
@given(x=arrays((2, 3, 4)), rank=st.integers(2, 5))
def test_batch_normalization_is_the_same_at_any_rank(
    constant: bool, x: np.ndarray, rank: int
) -> None:
    x = x.reshape([(2, 12), (2, 3, 4), (2, 3, 2, 2), (2, 3, 2, 2, 1)][rank - 2])
    channels = x.shape[1]
    inputs = [x, *(weights(channels) for _ in range(3)), np.abs(weights(channels)) + 0.1]
    fixed = (1, 2, 3, 4) if constant else ()
    case = single("BatchNormalization", inputs, opset=15, constants=fixed, epsilon=1e-3)
    if constant:
        affine = rules.batch_normalization_to_affine
        assert prove(affine, case, targets=(11, 15), absolute=1e-5) == ["Mul", "Add"]
    prove(rules.batch_normalization_to_arithmetic, case, targets=(11, 15), absolute=1e-5)


def test_batch_normalization_declines_training_and_computed_parameters() -> None:
    inputs = [weights(2, 3, 4), *[np.ones(3, np.float32)] * 4]
    training = single("BatchNormalization", inputs, opset=15, outputs=3, training_mode=1)
    declines(rules.batch_normalization_to_arithmetic, training, "training_mode is set")
    computed = single("BatchNormalization", inputs, opset=15)
    declines(rules.batch_normalization_to_affine, computed, "is not a constant")
    inputs[4] = np.zeros(3, np.float32)
    zero = single("BatchNormalization", inputs, opset=15, constants=(1, 2, 3, 4), epsilon=0.0)
    declines(rules.batch_normalization_to_affine, zero, "a folded factor is not finite")


@pytest.mark.parametrize("spatial", [(5,), (2, 3), (2, 2, 3)])
@few
@given(data=st.data(), constant=st.booleans())
def test_instance_normalization_is_the_same_at_any_rank(
    spatial: tuple[int, ...], data: st.DataObject, constant: bool
) -> None:
    x = data.draw(arrays((2, 3, *spatial), NONE))
    fixed = (1, 2) if constant else ()
    inputs = [x, weights(3), weights(3)]
    case = single("InstanceNormalization", inputs, opset=11, constants=fixed, epsilon=1e-3)
    tolerances: dict[str, Any] = {"rel": 1e-4, "absolute": 1e-4}
    prove(grouped.instance_normalization_to_means, case, targets=(11, 13, 18), **tolerances)
    prove(grouped.instance_normalization_to_layer_normalization, case, targets=(17,), **tolerances)


def test_instance_normalization_over_unknown_pixels_is_no_layer_normalization() -> None:
    inputs = [weights(1, 3, 4), weights(3), weights(3)]
    model, feed = single("InstanceNormalization", inputs, opset=17)
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_param = "w"
    rule = grouped.instance_normalization_to_layer_normalization
    declines(rule, (model, feed), "the number of pixels is not known")
    declines(rule, (model, feed), "needs opset 17", opset=13)


@pytest.mark.parametrize("opset", [18, 21])
@pytest.mark.parametrize(
    "function",
    [grouped.group_normalization_to_instance_normalization, grouped.group_normalization_to_means],
)
@few
@given(x=arrays((2, 6, 2, 3), NONE), groups=st.sampled_from([1, 2, 3, 6]), dynamic=st.booleans())
def test_group_normalization_is_the_same_with_scales_per_group_or_channel(
    function: Any, opset: int, x: np.ndarray, groups: int, dynamic: bool
) -> None:
    scales = weights(groups if opset == 18 else 6)
    model, feed = single(
        "GroupNormalization", [x, scales, scales[::-1].copy()], opset=opset, ir_version=10,
        num_groups=groups, epsilon=1e-3,
    )  # fmt: skip
    if dynamic:
        for name, dim in zip("nchw", model.graph.input[0].type.tensor_type.shape.dim, strict=True):
            dim.dim_param = name
    prove(function, (model, feed), targets=(11, 17, 18, 21), rel=1e-4, absolute=1e-4)
