from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules.harness import rewrite, single, the_rule
from rules.support import declines, few, numbers, prove

from porting.rules import attention as rules
from porting.rules import heads

TARGETS = (11, 13, 17, 18, 23)
CLOSE: dict[str, Any] = {"rel": 1e-4, "absolute": 1e-5}


def flat(x: np.ndarray) -> np.ndarray:
    batch, _, length, _ = x.shape
    return x.transpose(0, 2, 1, 3).reshape(batch, length, -1)


@st.composite
def operands(draw: st.DrawFn) -> tuple[list[Any], dict[str, Any]]:
    """Queries, keys and values whose heads may share keys, with three or four dimensions."""
    groups, queries, keys = (draw(st.integers(1, n)) for n in (3, 4, 5))
    q = numbers(2, 2 * groups, queries, 4)
    k, v = numbers(2, 2, keys, 4, seed=1), numbers(2, 2, keys, 3, seed=2)
    if draw(st.booleans()):
        return [q, k, v], {}
    return [flat(a) for a in (q, k, v)], {"q_num_heads": 2 * groups, "kv_num_heads": 2}


def lengths(inputs: list[Any], past: int = 0) -> tuple[int, int]:
    """The numbers of queries and keys, both before the last axis or the one before it."""
    axis = 1 if inputs[0].ndim == 3 else 2
    return inputs[0].shape[axis], inputs[1].shape[axis] + past


def case(inputs: list[Any], opset: int = 23, outputs: int = 1, **attributes: Any) -> Any:
    constants = attributes.pop("constants", ())
    return single(
        "Attention",
        inputs,
        opset=opset,
        ir_version=10,
        outputs=outputs,
        constants=constants,
        **attributes,
    )


@few
@given(
    given_operands=operands(),
    mask=st.sampled_from([None, "float", "bool", "heads"]),
    constant=st.booleans(),
    causal=st.booleans(),
    softcap=st.sampled_from([None, 2.0]),
    scale=st.sampled_from([None, 1.0, 0.3]),
    mode=st.integers(0, 3),
    precision=st.sampled_from([None, 1, 11]),
    seed=st.integers(0, 50),
)
def test_attention_is_the_same(
    given_operands: Any, mask: Any, constant: bool, causal: bool, softcap: Any, scale: Any,
    mode: int, precision: Any, seed: int,
) -> None:  # fmt: skip
    inputs, attributes = given_operands
    queries, keys = lengths(inputs)
    attributes |= {"is_causal": int(causal), "qk_matmul_output_mode": mode, "scale": scale}
    attributes |= {"softmax_precision": precision}
    if softcap and mode:  # of mode 0, onnx.reference gives the scores after the softcap
        attributes["softcap"] = softcap
    random = np.random.default_rng(seed)
    if mask == "float":
        inputs = [*inputs, numbers(queries, keys, seed=seed)]
    elif mask == "heads":
        inputs = [*inputs, numbers(1, queries, keys, seed=seed)]
    elif mask == "bool":
        inputs = [*inputs, random.random((2, 1, queries, keys)) > 0.5]
    built = case(inputs, outputs=4, constants=(3,) if constant else (), **attributes)
    # onnxruntime puts the softcap elsewhere, and gives NaN for a row that attends nothing
    prove(rules.attention_to_matmul, built, targets=TARGETS, ort=False, **CLOSE)


@few
@given(given_operands=operands(), masked=st.booleans(), causal=st.booleans(), past=st.booleans())
def test_attention_is_the_same_in_onnxruntime(
    given_operands: Any, masked: bool, causal: bool, past: bool
) -> None:
    inputs, attributes = given_operands
    before = 2 if past else 0
    queries, keys = lengths(inputs, before)
    inputs = [*inputs, numbers(queries, keys, seed=3) if masked else None]
    if past:
        inputs += [numbers(2, 2, before, 4, seed=4), numbers(2, 2, before, 3, seed=5)]
    built = case(inputs, outputs=3 if past else 1, is_causal=int(causal), **attributes)
    prove(rules.attention_to_matmul, built, targets=TARGETS, **CLOSE)


@few
@given(
    left=st.integers(-1, 2),
    right=st.integers(-1, 2),
    causal=st.booleans(),
    length=st.sampled_from(["none", "input", "constant"]),
    short=st.booleans(),
)
def test_windows_and_lengths(left: int, right: int, causal: bool, length: str, short: bool) -> None:
    inputs: list[Any] = [numbers(2, 2, 3, 4), numbers(2, 2, 6, 4, seed=1), numbers(2, 2, 6, 4)]
    inputs.append(np.random.default_rng(1).random((3, 5)) > 0.2 if short else None)
    inputs += [None, None] + [np.array([4, 5])] * (length != "none")
    built = case(
        inputs,
        opset=25,
        constants=(6,) if length == "constant" else (),
        is_causal=int(causal),
        left_window_size=left,
        right_window_size=right,
    )
    # onnxruntime has no such kernel
    prove(rules.attention_to_matmul, built, targets=TARGETS, ort=False, **CLOSE)


@pytest.mark.parametrize("rank", [3, 4])
def test_open_lengths_are_counted_when_the_model_runs(rank: int) -> None:
    inputs = [numbers(2, 2, 3, 4), numbers(2, 2, 3, 4), numbers(2, 2, 3, 4)]
    attributes = {"q_num_heads": 2, "kv_num_heads": 2} if rank == 3 else {}
    axis = 2 if rank == 4 else 1
    model, feed = case(
        [flat(a) for a in inputs] if rank == 3 else inputs, is_causal=1, **attributes
    )
    for info in (*model.graph.input, *model.graph.output):
        info.type.tensor_type.shape.dim[axis].dim_param = "n"
    operators = prove(rules.attention_to_matmul, (model, feed), targets=TARGETS, **CLOSE)
    assert "Range" in operators
    assert "ReduceMax" not in operators, "causality leaves every query a key"


def test_what_is_known_costs_no_nodes() -> None:
    inputs = [numbers(1, 2, 3, 4), numbers(1, 2, 3, 4), numbers(1, 2, 3, 4)]
    result = rewrite(case(inputs, is_causal=1)[0], the_rule(rules.attention_to_matmul), 13)
    operators = [n.op_type for n in result.graph.node]
    assert sorted(operators) == ["Add", "MatMul", "MatMul", "Mul", "Softmax", "Transpose"]


def test_shared_keys_are_not_repeated() -> None:
    inputs = [numbers(1, 4, 3, 4), numbers(1, 2, 3, 4), numbers(1, 2, 3, 4)]
    result = rewrite(case(inputs)[0], the_rule(rules.attention_to_matmul), 13)
    assert "Expand" not in {n.op_type for n in result.graph.node}


def as_if_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is computed from constants stays computed, as it would if it were large."""
    monkeypatch.setattr("porting.legalize.apply._fold", lambda trial, kept: None)


def test_a_large_mask_is_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heads, "LARGEST_MASK", 4)
    as_if_large(monkeypatch)
    inputs = [numbers(1, 2, 3, 4), numbers(1, 2, 3, 4), numbers(1, 2, 3, 4)]
    operators = prove(rules.attention_to_matmul, case(inputs, is_causal=1), targets=TARGETS)
    assert "Greater" in operators


def test_half_precision_stays_half() -> None:
    inputs = [numbers(1, 2, 3, 4).astype(np.float16) for _ in range(3)]
    prove(rules.attention_to_matmul, case(inputs, is_causal=1), targets=(13, 23), rel=1e-2,
          absolute=1e-3, ort=False)  # fmt: skip


def test_what_is_declined() -> None:
    inputs = [numbers(1, 2, 3, 4), numbers(1, 2, 3, 4), numbers(1, 2, 3, 4)]
    rule = rules.attention_to_matmul
    declines(rule, case(inputs, scale=0.0), "scale is not positive")
    declines(rule, case(inputs, qk_matmul_output_mode=4, outputs=4), "no qk_matmul_output_mode")
    empty = [numbers(1, 2, 3, 4), numbers(1, 2, 0, 4), numbers(1, 2, 0, 4)]
    declines(rule, case(empty), "an input is empty")
    mixed = [*inputs[:2], inputs[2].astype(np.float64)]
    declines(rule, case(mixed), "different element types")
    flat_inputs = [flat(a) for a in inputs]
    declines(rule, case(flat_inputs), "number of heads is not given")
    odd = case(flat_inputs, q_num_heads=3, kv_num_heads=2)
    declines(rule, odd, "no multiple")
    alone = [*inputs, None, numbers(1, 2, 2, 4)]
    declines(rule, case(alone, outputs=2), "only one of past_key and past_value")


def test_places_beyond_the_limit_are_counted_in_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heads, "LARGEST_MASK", 1)
    monkeypatch.setattr(heads, "LONGEST", 2)
    as_if_large(monkeypatch)
    inputs = [numbers(1, 2, 3, 4), numbers(1, 2, 3, 4), numbers(1, 2, 3, 4)]
    assert "Range" in prove(rules.attention_to_matmul, case(inputs, is_causal=1), targets=TARGETS)
