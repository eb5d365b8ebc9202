from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from rules.harness import single
from rules.support import CLOSE, declines, few, numbers, prove

from porting.rules import contrib_grouped_attention as rules

TARGETS = (11, 13, 17)


def case(
    past: int, new: int, *, packed: bool = False, rotary: bool = False, constant: bool = True,
    bias: bool = False, spare: int = 0, more: Any = (), outputs: int = 3, **attributes: Any,
) -> Any:  # fmt: skip
    """Four query heads of size 16 in two groups, and a batch of one or two."""
    batch = 1 if past and new > 1 else 2
    q, k, v = (numbers(batch, new, n, seed=n) for n in (64, 32, 33))
    v = v[..., :32].copy()
    inputs: list[Any] = [np.concatenate([q, k, v], -1), None, None] if packed else [q, k, v]
    inputs += [numbers(batch, 2, past, 16, seed=i) if past else None for i in (5, 6)]
    inputs += [np.full(batch, past + new - 1 - spare, np.int32), np.array(past + new, np.int32)]
    inputs += [numbers(9, 8, seed=7), numbers(9, 8, seed=8)] if rotary else [None, None]
    inputs += [None, numbers(batch, 1, new, past + new, seed=9) if bias else None, *more]
    return single(
        "GroupQueryAttention", inputs, opset=17, domain="com.microsoft", outputs=outputs,
        num_heads=4, kv_num_heads=2, do_rotary=int(rotary), constants=(5, 6) if constant else (),
        **attributes,
    )  # fmt: skip


@few
@given(
    past=st.sampled_from([0, 3]),
    new=st.integers(1, 4),
    packed=st.booleans(),
    rotary=st.booleans(),
    interleaved=st.booleans(),
    window=st.sampled_from([-1, 1, 2, 3]),
    softcap=st.sampled_from([None, 2.0]),
    scale=st.sampled_from([None, 0.3]),
    bias=st.booleans(),
    constant=st.booleans(),
)
def test_grouped_attention_is_the_same(
    past: int, new: int, packed: bool, rotary: bool, interleaved: bool, window: int, softcap: Any,
    scale: Any, bias: bool, constant: bool,
) -> None:  # fmt: skip
    built = case(
        past, new, packed=packed, rotary=rotary, constant=constant, bias=bias,
        rotary_interleaved=int(interleaved), local_window_size=window, softcap=softcap,
        scale=scale,
    )  # fmt: skip
    if constant:
        prove(rules.ms_group_query_attention_to_matmul, built, targets=TARGETS, **CLOSE)
        declines(rules.ms_group_query_attention_without_padding, built, "are constants")
    else:
        prove(rules.ms_group_query_attention_without_padding, built, targets=TARGETS, **CLOSE)
        declines(rules.ms_group_query_attention_to_matmul, built, "is not a constant")


def test_what_is_declined() -> None:
    rule = rules.ms_group_query_attention_to_matmul
    declines(rule, case(3, 1, spare=1), "do not fill the cache")
    declines(rule, case(0, 2, smooth_softmax=1), "smooth_softmax is set")
    declines(rule, case(0, 2, local_window_size=0), "the window is empty")
    declines(rule, case(0, 2, causal=0), "not causal")
    declines(rule, case(0, 2, more=[numbers(4)]), "head_sink")
    declines(rule, case(0, 2, k_quant_type="PER_TENSOR"), "quantised")
    declines(rule, case(0, 2, outputs=4, qk_output=1), "output_qk is asked for")
    model, feed = case(3, 1)
    model.graph.input[3].type.tensor_type.shape.dim[2].dim_param = "past"
    declines(rule, (model, feed), "length of the past is not known")
