from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from rules.harness import difference, node_tests, rewrite, run_reference, single, the_rule
from rules.support import MICROSOFT, declines, few, numbers, prove

from porting.legalize.rule import DeclinedError
from porting.rules import linear_attention as rules

CLOSE: dict[str, Any] = {"rel": 1e-4, "absolute": 1e-5}


def prove_both(function: Any, name: str, inputs: list[Any], **attributes: Any) -> None:
    """ONNX's operator in onnx.reference, and onnxruntime's in onnxruntime: neither runs both."""
    mine = single(name, inputs, opset=27, ir_version=13, outputs=2, **attributes)
    prove(function, mine, op_type=name, targets=(11, 13, 18), ort=False, **CLOSE)
    theirs = single(name, inputs, opset=17, outputs=2, domain=MICROSOFT, **attributes)
    key = f"{MICROSOFT}::{name}"
    prove(function, theirs, op_type=key, targets=(11, 13, 17), reference=False, **CLOSE)


@few
@given(
    past=st.booleans(),
    bias=st.booleans(),
    length=st.integers(1, 4),
    width=st.integers(2, 4),
    activation=st.sampled_from([None, "none", "silu"]),
)
def test_a_causal_convolution_is_the_same(
    past: bool, bias: bool, length: int, width: int, activation: str | None
) -> None:
    inputs = [numbers(2, 3, length), numbers(3, 1, width), numbers(3) if bias else None]
    inputs += [numbers(2, 3, width - 1)] * past
    prove_both(rules.causal_convolution_to_conv, "CausalConvWithState", inputs,
               activation=activation)  # fmt: skip


@few
@given(
    kind=st.sampled_from(["linear", "gated", "delta", "gated_delta"]),
    past=st.booleans(),
    length=st.integers(1, 3),
    shared=st.integers(1, 2),
    wide=st.booleans(),
    scale=st.sampled_from([None, 0.3]),
)
def test_linear_attention_is_the_same(
    kind: str, past: bool, length: int, shared: int, wide: bool, scale: Any
) -> None:
    inputs: list[Any] = [numbers(2, length, 2 * shared * 3), numbers(2, length, 6, seed=1)]
    inputs += [numbers(2, length, 8, seed=2), numbers(2, 2, 3, 4, seed=3) if past else None]
    decay = -np.abs(numbers(2, length, 6 if wide else 2, seed=4))
    inputs += [decay if "gated" in kind else None]
    inputs += [np.abs(numbers(2, length, 2, seed=5)) if "delta" in kind else None]
    prove_both(
        rules.linear_attention_step_by_step, "LinearAttention", inputs, update_rule=kind,
        q_num_heads=2 * shared, kv_num_heads=2, scale=scale,
    )  # fmt: skip


def test_every_case_of_onnx() -> None:
    both = (rules.causal_convolution_to_conv, rules.linear_attention_step_by_step)
    for function, name in zip(both, ("CausalConvWithState", "LinearAttention"), strict=True):
        ran, reasons = 0, set()
        for case, model, data in node_tests(name):
            inputs, wanted = data[0]
            feed = {i.name: a for i, a in zip(model.graph.input, inputs, strict=True)}
            try:
                result = rewrite(model, the_rule(function, name))
            except DeclinedError as error:
                reasons.add(str(error))
                continue
            for a, b in zip(wanted, run_reference(result, feed), strict=True):
                assert not difference(a, b, 2e-2 if a.dtype.itemsize == 2 else 1e-4, 1e-4), case
            ran += 1
        assert ran > 5
        assert reasons <= {
            "a kernel of one element leaves an empty state",
            "only float32 is computed without more digits inside",
        }


def test_what_is_declined() -> None:
    name, rule = "CausalConvWithState", rules.causal_convolution_to_conv
    narrow = single(name, [numbers(2, 3, 4), numbers(3, 1, 1)], opset=27, ir_version=13, outputs=2)
    declines(rule, narrow, "leaves an empty state", op_type=name)
    other = single(
        name, [numbers(2, 3, 4), numbers(3, 1, 2)], opset=17, outputs=2, domain=MICROSOFT,
        dilation=2,
    )  # fmt: skip
    declines(rule, other, "dilation is set", op_type=f"{MICROSOFT}::{name}")
    name, step = "LinearAttention", rules.linear_attention_step_by_step
    q = numbers(1, 17, 4)
    heads: dict[str, Any] = {"q_num_heads": 2, "kv_num_heads": 2}
    for inputs, reason, kind in (
        ([q, q, q], "longer than 16", "linear"),
        ([q[:, :2]] * 3, "there is no decay", "gated"),
        ([q[:, :2]] * 3, "there is no beta", "delta"),
        ([q[:, :2].astype(np.float64)] * 3, "only float32", "linear"),
    ):
        case = single(
            name, inputs, opset=27, ir_version=13, outputs=2, update_rule=kind, **heads
        )  # fmt: skip
        declines(step, case, reason, op_type=name)
