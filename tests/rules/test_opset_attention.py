"""Attention and RotaryEmbedding below opset 23."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rules.harness import node_tests, run_reference, single
from rules.support import numbers
from rules.test_opset_support import assert_converts, attempt, reasons

FEW = settings(max_examples=25, deadline=None)


@FEW
@given(
    st.integers(1, 2),
    st.integers(1, 3),
    st.integers(1, 4),
    st.sampled_from([None, "float", "bool"]),
    st.booleans(),
    st.booleans(),
    st.sampled_from([None, 2.0]),
    st.integers(0, 3),
    st.sampled_from([22, 13, 11]),
)
def test_attention(
    groups: int,
    queries: int,
    keys: int,
    mask: str | None,
    causal: bool,
    flat: bool,
    softcap: float | None,
    mode: int,
    target: int,
) -> None:
    heads, size = 2 * groups, 4
    q, k, v = numbers(2, heads, queries, size), numbers(2, 2, keys, size), numbers(2, 2, keys, 3)
    attributes: dict[str, Any] = {"is_causal": int(causal), "qk_matmul_output_mode": mode}
    if softcap and mode:  # of mode 0, onnx.reference gives the scores after the softcap
        attributes["softcap"] = softcap
    if flat:
        q, k, v = (a.transpose(0, 2, 1, 3).reshape(2, a.shape[2], -1) for a in (q, k, v))
        attributes |= {"q_num_heads": heads, "kv_num_heads": 2}
    inputs: list[Any] = [q, k, v]
    if mask == "float":
        inputs.append(numbers(queries, keys, seed=1))
    elif mask == "bool":
        inputs.append(np.random.default_rng(2).random((2, 1, queries, keys)) > 0.4)
    model, feed = single("Attention", inputs, opset=23, ir_version=10, outputs=4, **attributes)
    # onnxruntime puts the softcap elsewhere, and gives NaN for a row that attends nothing.
    assert_converts(model, feed, target, ort=False, rel=1e-4, absolute=1e-5)


@pytest.mark.parametrize("causal", [0, 1])
def test_attention_with_a_past(causal: int) -> None:
    q, k, v = numbers(1, 2, 3, 4), numbers(1, 2, 3, 4, seed=1), numbers(1, 2, 3, 4, seed=2)
    past = [numbers(1, 2, 2, 4, seed=3), numbers(1, 2, 2, 4, seed=4)]
    inputs = [q, k, v, None, *past]
    model, feed = single(
        "Attention", inputs, opset=23, ir_version=10, outputs=3, is_causal=causal, scale=0.3
    )
    assert_converts(model, feed, 11, rel=1e-4, absolute=1e-5)


@pytest.mark.parametrize("causal", [0, 1])
@pytest.mark.parametrize("target", [23, 17])
def test_attention_with_lengths(causal: int, target: int) -> None:
    inputs: list[Any] = [numbers(2, 2, 2, 4), numbers(2, 2, 5, 4), numbers(2, 2, 5, 4), None]
    inputs += [None, None, np.array([3, 5])]
    model, feed = single("Attention", inputs, opset=24, ir_version=10, is_causal=causal)
    assert_converts(model, feed, target, ort=False, rel=1e-4, absolute=1e-5)  # no such kernel


@pytest.mark.parametrize("left", [-1, 0, 1])
@pytest.mark.parametrize("right", [-1, 0, 2])
def test_attention_in_a_window(left: int, right: int) -> None:
    inputs = [numbers(1, 2, 4, 4), numbers(1, 2, 6, 4), numbers(1, 2, 6, 4)]
    model, feed = single(
        "Attention",
        inputs,
        opset=25,
        ir_version=10,
        left_window_size=left,
        right_window_size=right,
    )
    assert_converts(model, feed, 24, ort=False, rel=1e-4, absolute=1e-5)  # no such kernel
    assert_converts(model, feed, 13, ort=False, rel=1e-4, absolute=1e-5)


def test_attention_with_a_short_mask() -> None:
    mask = np.ones((4, 5), bool)
    inputs = [numbers(1, 2, 4, 4), numbers(1, 2, 6, 4), numbers(1, 2, 6, 4), mask]
    model, feed = single("Attention", inputs, opset=24, ir_version=10)
    assert_converts(model, feed, 23, ort=False, rel=1e-4, absolute=1e-5)  # no such kernel
    assert_converts(model, feed, 13, ort=False, rel=1e-4, absolute=1e-5)


def test_attention_whose_heads_are_not_known_stays() -> None:
    inputs = [numbers(1, 2, 4, 4), numbers(1, 2, 6, 4), numbers(1, 2, 6, 4)]
    model, _ = single("Attention", inputs, opset=23, ir_version=10)
    for info in model.graph.input:
        info.type.tensor_type.shape.dim[1].dim_param = "heads"
    for info in model.graph.output:
        info.type.tensor_type.shape.dim[1].dim_param = "heads"
    assert "the number of query heads is not known" in reasons(model, 13)


def test_attention_of_any_length() -> None:
    inputs = [numbers(1, 2, 4, 4), numbers(1, 2, 6, 4), numbers(1, 2, 6, 4)]
    model, feed = single("Attention", inputs, opset=23, ir_version=10, is_causal=1)
    for info, name in zip(model.graph.input, ("q", "k", "k"), strict=True):
        info.type.tensor_type.shape.dim[0].dim_param = "batch"
        info.type.tensor_type.shape.dim[2].dim_param = name
    for index, name in ((0, "batch"), (2, "q")):
        model.graph.output[0].type.tensor_type.shape.dim[index].dim_param = name
    assert_converts(model, feed, 13, rel=1e-4, absolute=1e-5)


@FEW
@given(
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.sampled_from([0, 4]),
    st.sampled_from([22, 13, 11]),
)
def test_rotary_embedding(
    flat: bool, interleaved: bool, positions: bool, part: int, target: int
) -> None:
    batch, heads, length, size = 2, 3, 4, 8
    half = (part or size) // 2
    shape = (batch, length, heads * size) if flat else (batch, heads, length, size)
    table = (10, half) if positions else (batch, length, half)
    inputs: list[Any] = [numbers(*shape), numbers(*table, seed=1), numbers(*table, seed=2)]
    if positions:
        inputs.append(np.random.default_rng(3).integers(0, 10, (batch, length)))
    attributes = {"num_heads": heads} if flat else {}
    model, feed = single(
        "RotaryEmbedding",
        inputs,
        opset=23,
        ir_version=10,
        interleaved=int(interleaved),
        rotary_embedding_dim=part,
        **attributes,
    )
    assert_converts(model, feed, target)


@pytest.mark.slow
@pytest.mark.parametrize("op_type", ["Attention", "RotaryEmbedding"])
def test_every_case_of_onnx(op_type: str) -> None:
    ran = 0
    for name, model, data in node_tests(op_type):
        result, report = attempt(model, 13)
        if report.blockers:
            assert "bf16" in name or "mask4d_padded" in name, (name, report.blockers[0].reason)
            continue
        inputs, wanted = data[0]
        feed = {i.name: a for i, a in zip(model.graph.input, inputs, strict=True)}
        got = run_reference(result, feed)
        for a, b in zip(wanted, got, strict=True):
            np.testing.assert_allclose(a.astype(float), b.astype(float), rtol=2e-2, atol=2e-3)
        ran += 1
    assert ran > (60 if op_type == "Attention" else 5)
