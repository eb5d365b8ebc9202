from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from onnx import helper
from rules.harness import assert_equivalent, rewrite, the_rule, with_nodes
from rules.support import CLOSE, MICROSOFT, contrib, declines, few, numbers, prove

from porting.rules import contrib_linear as rules

ACTIVATIONS: dict[str, list[float] | None] = {
    "Relu": None,
    "Tanh": None,
    "Sigmoid": None,
    "LeakyRelu": [0.1],
    "HardSigmoid": [0.3, 0.4],
}


@few
@given(
    kind=st.sampled_from([*ACTIVATIONS, "Clip", "HardSwish"]),
    bias=st.booleans(),
    added=st.booleans(),
    stride=st.integers(1, 2),
    groups=st.integers(1, 2),
)
def test_a_convolution_with_an_activation_is_the_same(
    kind: str, bias: bool, added: bool, stride: int, groups: int
) -> None:
    size = 3 if stride == 1 else 2
    inputs = [numbers(1, 4, 5, 5), numbers(6, 4 // groups, 3, 3, seed=1)]
    inputs += [numbers(6, seed=2) if bias else None]
    inputs += [numbers(1, 6, size, size, seed=3)] * added
    parameters = [-0.5, 0.5] if kind == "Clip" else ACTIVATIONS.get(kind)
    built = contrib(
        "FusedConv", inputs, activation=kind, activation_params=parameters,
        strides=[stride, stride], group=groups,
    )  # fmt: skip
    targets = (14, 17) if kind == "HardSwish" else (11, 13, 17)
    prove(rules.ms_fused_conv_to_conv, built, targets=targets, **CLOSE)


@few
@given(
    kind=st.sampled_from([*ACTIVATIONS, "Elu", "Softplus"]),
    bias=st.booleans(),
    turned=st.booleans(),
    alpha=st.sampled_from([None, 0.5]),
)
def test_a_gemm_with_an_activation_is_the_same(
    kind: str, bias: bool, turned: bool, alpha: Any
) -> None:
    a = numbers(4, 3) if turned else numbers(3, 4)
    inputs = [a, numbers(4, 5, seed=1)] + [numbers(5, seed=2)] * bias
    built = contrib(
        "FusedGemm", inputs, activation=kind, activation_alpha=0.3, activation_beta=0.4,
        transA=int(turned), alpha=alpha,
    )  # fmt: skip
    prove(rules.ms_fused_gemm_to_gemm, built, targets=(11, 13, 17), **CLOSE)


@few
@given(
    rank=st.integers(2, 4),
    batch_a=st.booleans(),
    batch_b=st.booleans(),
    turn_a=st.booleans(),
    turn_b=st.booleans(),
    alpha=st.sampled_from([None, 0.5]),
)
def test_products_of_transposed_operands_are_the_same(
    rank: int, batch_a: bool, batch_b: bool, turn_a: bool, turn_b: bool, alpha: Any
) -> None:
    def operand(rows: int, columns: int, moved: bool, turned: bool, seed: int) -> np.ndarray:
        shape = [*[2, 3][: rank - 2], *((columns, rows) if turned else (rows, columns))]
        if moved:
            shape = [shape[-2], *shape[:-2], shape[-1]]
        return numbers(*shape, seed=seed)

    batch_a, batch_b = batch_a and rank > 2, batch_b and rank > 2
    a, b = operand(4, 5, batch_a, turn_a, 0), operand(5, 2, batch_b, turn_b, 1)
    attributes = {"transA": int(turn_a), "transB": int(turn_b), "alpha": alpha}
    batches = {"transBatchA": int(batch_a), "transBatchB": int(batch_b)}
    fused = contrib("FusedMatMul", [a, b], **attributes, **batches)
    rule, name = rules.ms_batch_transposed_matmul, f"{MICROSOFT}::FusedMatMul"
    if batch_a or batch_b:
        prove(rule, fused, op_type=name, targets=(11, 13, 17), **CLOSE)
        return
    declines(rule, fused, "no batch is transposed", op_type=name)
    plain = contrib("TransposeMatMul", [a, b], **attributes)
    prove(rule, plain, op_type=f"{MICROSOFT}::TransposeMatMul", targets=(11, 17), **CLOSE)


@few
@given(pads=st.lists(st.integers(0, 2), min_size=4, max_size=4), bias=st.booleans())
def test_a_transposed_convolution_with_pads_is_the_same(pads: list[int], bias: bool) -> None:
    inputs = [numbers(1, 2, 4, 4), numbers(2, 3, 3, 3, seed=1), np.array(pads)]
    inputs += [numbers(3, seed=2)] * bias
    built = contrib(
        "ConvTransposeWithDynamicPads", inputs, constants=(2,), strides=[2, 2], kernel_shape=[3, 3]
    )  # fmt: skip
    prove(rules.ms_transposed_conv_with_pads, built, targets=(11, 17), **CLOSE)
    computed = contrib("ConvTransposeWithDynamicPads", inputs, strides=[2, 2])
    declines(rules.ms_transposed_conv_with_pads, computed, "pads are not constant")


Nodes = list[tuple[str, list[str], str, dict[str, Any]]]
SPELLED: dict[str, tuple[Any, dict[str, Any], Nodes]] = {
    "BiasAdd": (
        rules.ms_bias_add_to_add,
        {},
        [("Add", ["in0", "in1"], "t", {}), ("Add", ["t", "in2"], "out0", {})],
    ),
    "BiasSoftmax": (
        rules.ms_bias_softmax_to_softmax,
        {"axis": 2, "is_inner_broadcast": 0},
        [("Add", ["in0", "in1"], "t", {}), ("Softmax", ["t"], "out0", {"axis": -1})],
    ),
    "BiasSplitGelu": (
        rules.ms_bias_split_gelu_to_mul,
        {},
        [
            ("Add", ["in0", "in1"], "t", {}),
            ("Split", ["t"], "a b", {"axis": -1, "num_outputs": 2}),
            ("Gelu", ["b"], "g", {}),
            ("Mul", ["a", "g"], "out0", {}),
        ],
    ),
    "NhwcFusedConv": (
        rules.ms_channels_last_conv,
        {"activation": "Relu", "pads": [1, 0, 1, 0]},
        [
            ("Transpose", ["in0"], "x", {"perm": [0, 3, 1, 2]}),
            ("Conv", ["x", "in1", "in2"], "c", {"pads": [1, 0, 1, 0]}),
            ("Transpose", ["c"], "y", {"perm": [0, 2, 3, 1]}),
            ("Add", ["y", "in3"], "z", {}),
            ("Relu", ["z"], "out0", {}),
        ],
    ),
    "NhwcConv": (
        rules.ms_channels_last_conv,
        {},
        [
            ("Transpose", ["in0"], "x", {"perm": [0, 3, 1, 2]}),
            ("Conv", ["x", "in1"], "c", {}),
            ("Transpose", ["c"], "out0", {"perm": [0, 2, 3, 1]}),
        ],
    ),
}
"""Operators without a kernel on the CPU: the rule, attributes, and the same by ONNX's operators."""


def operands(op_type: str, batch: int, size: int) -> list[np.ndarray]:
    if op_type.startswith("Nhwc"):
        image = [numbers(batch, 5, 4, size), numbers(3, size, 3, 2, seed=1)]
        more = [numbers(3, seed=2), numbers(batch, 5, 3, 3, seed=3)]
        return image if op_type == "NhwcConv" else [*image, *more]
    x = numbers(batch, 3, 2 * size)
    row = numbers(2 * size, seed=1)
    return [x, row, numbers(*x.shape, seed=2)] if op_type == "BiasAdd" else [x, row]


@pytest.mark.parametrize("op_type", SPELLED)
@few
@given(batch=st.integers(1, 3), size=st.integers(1, 3))
def test_what_onnxruntime_does_not_run_is_held_to_its_definition(
    op_type: str, batch: int, size: int
) -> None:
    rule, attributes, nodes = SPELLED[op_type]
    inputs = operands(op_type, batch, size)
    model, feed = contrib(op_type, inputs, **attributes)
    made = [helper.make_node(o, i, r.split(" "), **a) for o, i, r, a in nodes]
    names = [f"in{i}" for i in range(len(inputs))]
    wanted, _ = with_nodes(made, names, inputs, opset=20, ir_version=9)
    result = rewrite(model, the_rule(rule, f"{MICROSOFT}::{op_type}"))
    assert_equivalent(wanted, result, feed, rel=1e-4, absolute=1e-5)


def test_what_is_declined() -> None:
    conv = [numbers(1, 4, 5, 5), numbers(6, 4, 3, 3)]
    rule = rules.ms_fused_conv_to_conv
    declines(rule, contrib("FusedConv", conv, activation="Mish"), "Mish is not known")
    declines(
        rule, contrib("FusedConv", conv, activation="LeakyRelu"), "parameters of the activation"
    )
    declines(rule, contrib("FusedConv", conv, activation="Clip"), "bounds of the activation")
    two = contrib("BiasSoftmax", [numbers(2, 3, 4), numbers(4)], axis=1)
    declines(rules.ms_bias_softmax_to_softmax, two, "more than the last axis")
    flat = contrib("FusedMatMul", [numbers(2, 3), numbers(3, 4)], transBatchA=1)
    name = f"{MICROSOFT}::FusedMatMul"
    declines(rules.ms_batch_transposed_matmul, flat, "A has no batch", op_type=name)
    odd = contrib("BiasSplitGelu", [numbers(2, 3), numbers(3)])
    declines(rules.ms_bias_split_gelu_to_mul, odd, "the last dimension is odd")
    clipped = contrib("FusedGemm", [numbers(2, 3), numbers(3, 4)], activation="Clip")
    declines(rules.ms_fused_gemm_to_gemm, clipped, "no such activation")
