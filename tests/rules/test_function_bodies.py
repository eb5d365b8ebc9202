from typing import Any

import ml_dtypes
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules.harness import (
    difference,
    node_tests,
    rewrite,
    run_ort,
    run_reference,
    single,
    the_rule,
)
from rules.support import arrays, declines, few, numbers, prove, shapes

from porting.rules import function_bodies as rules

CLOSE: dict[str, Any] = {"rel": 1e-4, "absolute": 1e-5}


@st.composite
def losses(draw: st.DrawFn) -> tuple[list[Any], dict[str, Any]]:
    """Scores of some classes, the right classes, and their weights."""
    classes, batch = draw(st.integers(2, 4)), draw(st.integers(1, 3))
    places = tuple(draw(st.lists(st.integers(1, 3), max_size=2)))
    x = numbers(batch, classes, *places)
    y = np.random.default_rng(1).integers(0, classes, (batch, *places))
    weight = np.linspace(0.5, 2, classes, dtype=np.float32) if draw(st.booleans()) else None
    attributes: dict[str, Any] = {"reduction": draw(st.sampled_from(["none", "sum", "mean"]))}
    if draw(st.booleans()):
        attributes["ignore_index"] = 1
        y.flat[0] = 0  # a mean over nothing is not a number
    return [x, y, weight], attributes


@few
@given(drawn=losses(), opset=st.sampled_from([12, 13, 18]), outputs=st.sampled_from([1, 2]))
def test_losses_are_the_same(drawn: Any, opset: int, outputs: int) -> None:
    inputs, attributes = drawn
    nll = single("NegativeLogLikelihoodLoss", inputs, opset=opset, **attributes)
    prove(rules.function_body, nll, op_type="NegativeLogLikelihoodLoss", **CLOSE)
    both = single("SoftmaxCrossEntropyLoss", inputs, opset=opset, outputs=outputs, **attributes)
    prove(rules.function_body, both, op_type="SoftmaxCrossEntropyLoss", **CLOSE)


@few
@given(
    x=arrays(shapes(least=2, size=5)),
    sizes=st.lists(st.integers(1, 6), min_size=2, max_size=2),
    some=st.booleans(),
)
def test_crops_and_pads_are_the_same(x: np.ndarray, sizes: list[int], some: bool) -> None:
    target = sizes if some else [*x.shape[2:], *sizes]
    attributes = {"axes": [0, -1]} if some else {}
    case = single(
        "CenterCropPad", [x, np.array(target)], opset=18, constants=(1,), **attributes
    )  # fmt: skip
    prove(rules.function_body, case, op_type="CenterCropPad", targets=(18, 21))


@few
@given(x=arrays(shapes(least=1, smallest=0)), alpha=st.sampled_from([None, 1.0, 0.5]))
def test_a_gated_swish_is_the_same(x: np.ndarray, alpha: float | None) -> None:
    case = single("SwiGLU", [x, x[..., ::-1]], opset=28, ir_version=13, alpha=alpha)
    # onnxruntime does not know the opset
    assert prove(rules.function_body, case, op_type="SwiGLU", ort=False) == ["Swish", "Mul"]
    declines(rules.function_body, case, "for a newer opset than 27", op_type="SwiGLU", opset=27)


@few
@given(
    past=st.booleans(),
    bias=st.booleans(),
    length=st.integers(1, 4),
    activation=st.sampled_from([None, "none", "silu"]),
)
def test_a_causal_convolution_is_the_same(
    past: bool, bias: bool, length: int, activation: str | None
) -> None:
    inputs = [numbers(2, 3, length), numbers(3, 1, 3), numbers(3) if bias else None]
    inputs += [numbers(2, 3, 2)] * past
    case = single(
        "CausalConvWithState", inputs, opset=27, ir_version=13, outputs=2, activation=activation
    )
    # onnxruntime does not know the opset
    prove(rules.function_body, case, op_type="CausalConvWithState", ort=False, **CLOSE)


@few
@given(
    rule=st.sampled_from(["linear", "gated", "delta", "gated_delta"]),
    past=st.booleans(),
    length=st.integers(1, 3),
    shared=st.integers(1, 2),
)
def test_linear_attention_is_the_same(rule: str, past: bool, length: int, shared: int) -> None:
    inputs: list[Any] = [numbers(1, length, 2 * shared * 3), numbers(1, length, 6, seed=1)]
    inputs += [numbers(1, length, 8, seed=2), numbers(1, 2, 3, 4, seed=3) if past else None]
    inputs += [-np.abs(numbers(1, length, 2, seed=4)) if "gated" in rule else None]
    inputs += [np.abs(numbers(1, length, 2, seed=5)) if "delta" in rule else None]
    case = single(
        "LinearAttention", inputs, opset=27, ir_version=13, outputs=2, update_rule=rule,
        q_num_heads=2 * shared, kv_num_heads=2,
    )  # fmt: skip
    # onnxruntime does not know the opset
    prove(rules.function_body, case, op_type="LinearAttention", ort=False, **CLOSE)


@few
@given(
    x=arrays(shapes(least=1)).map(lambda a: (a > 0).astype(np.float32)),
    dtype=st.sampled_from([None, 1, 6, 9]),
)
def test_certain_events_are_the_same(x: np.ndarray, dtype: int | None) -> None:
    case = single("Bernoulli", [x], opset=15, dtype=dtype)
    # onnxruntime takes ONNX's function body, which gives 1 with the probability of 0
    prove(rules.bernoulli_to_uniform, case, targets=(11, 15), ort=False)


def test_uncertain_events_are_as_frequent() -> None:
    x = np.full(4000, 0.3, np.float32)
    model, feed = single("Bernoulli", [x], opset=15, seed=1.0)
    result = rewrite(model, the_rule(rules.bernoulli_to_uniform))
    assert abs(run_ort(result, feed)[0].mean() - 0.3) < 0.05


@few
@given(x=arrays(shapes(smallest=0)), to=st.sampled_from(["float16", "float64", "float32"]))
def test_a_cast_to_a_known_type_is_the_same(x: np.ndarray, to: str) -> None:
    case = single("CastLike", [x, np.zeros(1, to)], opset=15)
    with np.errstate(all="ignore"):
        prove(rules.cast_like_to_cast, case, targets=(11, 13, 18))


def test_what_is_declined() -> None:
    late = single("CastLike", [np.ones(2, np.float32), np.ones(1, ml_dtypes.bfloat16)], opset=15)
    declines(rules.cast_like_to_cast, late, "Cast of opset 11 does not make bfloat16", opset=11)
    untyped, feed = single("CastLike", [np.ones(2, np.float32), np.ones(1)], opset=15)
    untyped.graph.input[1].type.Clear()
    declines(rules.cast_like_to_cast, (untyped, feed), "element type of the second input")
    loss, feed = single(
        "NegativeLogLikelihoodLoss", [numbers(2, 3), np.array([0, 1])], opset=13
    )  # fmt: skip
    declines(
        rules.function_body, (loss, feed), "for a newer opset than 11",
        op_type="NegativeLogLikelihoodLoss", opset=11,
    )  # fmt: skip
    loss.graph.input[1].type.Clear()
    declines(
        rules.function_body, (loss, feed), "element type of an input is not known",
        op_type="NegativeLogLikelihoodLoss",
    )  # fmt: skip


@pytest.mark.parametrize("op_type", ["CausalConvWithState", "LinearAttention", "SwiGLU"])
def test_every_case_of_onnx(op_type: str) -> None:
    cases = node_tests(op_type)
    for name, model, data in cases:
        inputs, wanted = data[0]
        feed = {i.name: a for i, a in zip(model.graph.input, inputs, strict=True)}
        result = rewrite(model, the_rule(rules.function_body, op_type))
        for a, b in zip(wanted, run_reference(result, feed), strict=True):
            assert not difference(a, b, 2e-2 if a.dtype.itemsize == 2 else 1e-4, 1e-4), name
    assert cases


@pytest.mark.parametrize("opset", [18, 20])
def test_what_shapes_make_known_leaves_no_nodes(opset: int) -> None:
    case = single("CenterCropPad", [numbers(3, 4), np.array([2, 6])], opset=opset, constants=(1,))
    result = rewrite(case[0], the_rule(rules.function_body, "CenterCropPad"))
    assert sorted({n.op_type for n in result.graph.node}) == ["Pad", "Slice"]
