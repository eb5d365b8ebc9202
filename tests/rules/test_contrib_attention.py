from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rules.harness import rewrite, run_ort, the_rule
from rules.support import CLOSE, contrib, declines, few, numbers, prove

from porting.rules import contrib_attention as rules

TARGETS = (11, 13, 17, 18)


def padding(kind: str | None, batch: int, queries: int, keys: int, seed: int) -> Any:
    """A mask of a form that onnxruntime takes."""
    random = np.random.default_rng(seed)
    shapes = {"keys": (batch, keys), "all": (batch, queries, keys)}
    if kind == "lengths":
        return random.integers(1, keys + 1, batch).astype(np.int32)
    return random.integers(0, 2, shapes[kind]).astype(np.int32) if kind else None


@few
@given(
    queries=st.integers(1, 4),
    keys=st.integers(1, 4),
    past=st.sampled_from([0, 2]),
    bias=st.booleans(),
    mask=st.sampled_from([None, "lengths", "keys", "all"]),
    constant=st.booleans(),
    added=st.booleans(),
    causal=st.booleans(),
    scale=st.sampled_from([None, 0.3]),
    seed=st.integers(0, 99),
)
def test_multi_head_attention_is_the_same(
    queries: int, keys: int, past: int, bias: bool, mask: Any, constant: bool, added: bool,
    causal: bool, scale: Any, seed: int,
) -> None:  # fmt: skip
    keys = queries if causal or past else keys
    total = keys + past
    inputs: list[Any] = [numbers(2, queries, 8), numbers(2, keys, 8, seed=1)]
    inputs += [numbers(2, keys, 8, seed=2), numbers(24, seed=3) if bias else None]
    inputs += [padding(mask, 2, queries, total, seed)]
    inputs += [numbers(1, 2, queries, total, seed=4) if added else None]
    if past:
        inputs += [numbers(2, 2, past, 4, seed=5), numbers(2, 2, past, 4, seed=6)]
    built = contrib(
        "MultiHeadAttention", inputs, 3 if past else 1, num_heads=2, scale=scale,
        unidirectional=int(causal), constants=(3, 4) if constant else (),
    )  # fmt: skip
    prove(rules.ms_multi_head_attention_to_matmul, built, targets=TARGETS, **CLOSE)


def test_keys_by_head_are_taken_as_they_are() -> None:
    inputs = [numbers(2, 3, 8), numbers(2, 2, 5, 4, seed=1), numbers(2, 2, 5, 4, seed=2)]
    built = contrib("MultiHeadAttention", inputs, num_heads=2)
    prove(rules.ms_multi_head_attention_to_matmul, built, targets=TARGETS, **CLOSE)


@pytest.mark.parametrize("count", [2, 3])
def test_packed_operands_are_those_apart(count: int) -> None:
    # onnxruntime has no kernel for the packed forms on the CPU
    q, k, v = numbers(2, 3, 2, 4), numbers(2, 3, 2, 4, seed=1), numbers(2, 3, 2, 4, seed=2)
    apart = contrib("MultiHeadAttention", [a.reshape(2, 3, 8) for a in (q, k, v)], num_heads=2)
    inputs = [np.stack([q, k, v], 3)] if count == 3 else [q.reshape(2, 3, 8), np.stack([k, v], 3)]
    model, feed = contrib("MultiHeadAttention", inputs, num_heads=2)
    result = rewrite(model, the_rule(rules.ms_multi_head_attention_to_matmul), 13)
    np.testing.assert_allclose(run_ort(result, feed)[0], run_ort(*apart)[0], rtol=1e-5, atol=1e-6)


@few
@given(
    length=st.integers(1, 4),
    past=st.sampled_from([0, 2]),
    sizes=st.sampled_from([None, [8, 8, 4]]),
    mask=st.sampled_from([None, "lengths", "keys", "all"]),
    constant=st.booleans(),
    causal=st.booleans(),
    added=st.booleans(),
    seed=st.integers(0, 99),
)
def test_attention_with_packed_weights_is_the_same(
    length: int, past: int, sizes: Any, mask: Any, constant: bool, causal: bool, added: bool,
    seed: int,
) -> None:  # fmt: skip
    sizes = None if past else sizes
    total, width = length + past, sum(sizes or [8, 8, 8])
    inputs: list[Any] = [numbers(2, length, 5), numbers(5, width, seed=1), numbers(width, seed=2)]
    inputs += [padding(mask, 2, length, total, seed)]
    inputs += [numbers(2, 2, 2, past, 4, seed=3) if past else None]
    inputs += [numbers(1, 2, length, total, seed=4) if added and not past else None]
    built = contrib(
        "Attention", inputs, 2 if past else 1, num_heads=2, unidirectional=int(causal),
        qkv_hidden_sizes=sizes, constants=(1, 2, 3) if constant else (1, 2),
    )  # fmt: skip
    prove(rules.ms_attention_to_matmul, built, targets=TARGETS, **CLOSE)


def test_the_keys_of_no_past_are_an_output() -> None:
    inputs = [numbers(2, 3, 5), numbers(5, 24, seed=1), numbers(24, seed=2)]
    built = contrib("Attention", inputs, 2, num_heads=2, mask_filter_value=-1.0)
    prove(rules.ms_attention_to_matmul, built, targets=TARGETS, **CLOSE)


def test_what_is_declined() -> None:
    q = numbers(2, 3, 8)
    rule = rules.ms_multi_head_attention_to_matmul
    ids = np.array([2], np.int32)
    shared = contrib("MultiHeadAttention", [q, q, q, *[None] * 5, ids], num_heads=2)
    declines(rule, shared, "it has input past_sequence_length")
    ends = contrib("MultiHeadAttention", [q, q, q, None, np.zeros(8, np.int32)], num_heads=2)
    declines(rule, ends, "more than a length per batch")
    short = contrib("MultiHeadAttention", [q, q, q, None, np.zeros((2, 2), np.int32)], num_heads=2)
    declines(rule, short, "not known to be as long as the keys")
    alone = contrib("MultiHeadAttention", [q], num_heads=2)
    declines(rule, alone, "neither given nor packed")
    other = numbers(2, 4, 8)
    causal = contrib("MultiHeadAttention", [q, other, other], num_heads=2, unidirectional=1)
    declines(rule, causal, "as many keys as queries")
    negative = contrib("MultiHeadAttention", [q, q, q], num_heads=2, scale=-1.0)
    declines(rule, negative, "the scale is not positive")
    seen = contrib("MultiHeadAttention", [q, q, q], 4, num_heads=2)
    declines(rule, seen, "output qk is asked for")
    inputs = [numbers(2, 3, 5), numbers(5, 24), numbers(24)]
    turned = contrib("Attention", inputs, num_heads=2, do_rotary=1)
    declines(rules.ms_attention_to_matmul, turned, "do_rotary is set")
    sizes = contrib("Attention", inputs, num_heads=2, qkv_hidden_sizes=[8, 8, 4])
    declines(rules.ms_attention_to_matmul, sizes, "another width")
    sizes = contrib("Attention", inputs, 2, num_heads=2, qkv_hidden_sizes=[10, 10, 4])
    declines(rules.ms_attention_to_matmul, sizes, "share no tensor")
    split = contrib("Attention", [inputs[0], numbers(5, 20), numbers(20)], num_heads=2)
    declines(rules.ms_attention_to_matmul, split, "another width")
