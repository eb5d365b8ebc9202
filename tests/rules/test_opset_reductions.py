"""Reductions, ArgMax, Softmax and TopK at older and newer opsets."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rules.harness import SPECIAL, graph_of, single
from rules.test_opset_support import NO_RULES, assert_converts, reasons

from porting.legalize.opset import convert_opset

REDUCTIONS = [
    "ReduceL1",
    "ReduceL2",
    "ReduceLogSum",
    "ReduceLogSumExp",
    "ReduceMax",
    "ReduceMean",
    "ReduceMin",
    "ReduceProd",
    "ReduceSum",
    "ReduceSumSquare",
]
TARGETS = st.sampled_from([17, 15, 13, 12, 11, 10, 9, 7])
SHAPES = st.lists(st.integers(1, 4), min_size=1, max_size=4)
FEW = settings(max_examples=40, deadline=None)


def numbers(shape: list[int], seed: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


@FEW
@given(
    st.sampled_from(REDUCTIONS),
    SHAPES,
    st.sets(st.integers(-4, 3), max_size=3),
    st.booleans(),
    st.booleans(),
    TARGETS,
)
def test_reductions(
    op_type: str, shape: list[int], chosen: set[int], keep: bool, noop: bool, target: int
) -> None:
    rank = len(shape)
    axes = sorted({a % rank - (rank if a < 0 else 0) for a in chosen})
    axes = [a for i, a in enumerate(axes) if a % rank not in {b % rank for b in axes[:i]}]
    x = np.abs(numbers(shape, 1)) + np.float32(0.1)
    model, feed = single(
        op_type,
        [x, np.array(axes, np.int64)],
        opset=18,
        constants=(1,),
        keepdims=int(keep),
        noop_with_empty_axes=int(noop),
    )
    # onnx.reference forgets what is left of a reduction of nothing: |x| in ReduceL1.
    plain = bool(axes) or not noop
    ran = plain or op_type in {"ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum"}
    result = assert_converts(model, feed, target, reference=ran, rel=1e-4)
    written = {a.name for n in result.graph.node for a in n.attribute}
    assert op_type == "ReduceSum" or "noop_with_empty_axes" not in written
    assert_converts(result, feed, 18, reference=plain, rel=1e-4)


@pytest.mark.parametrize("op_type", REDUCTIONS)
def test_computed_axes_stay(op_type: str) -> None:
    inputs = [np.ones((2, 3), np.float32), np.array([1])]
    model, _ = single(op_type, inputs, opset=18)
    assert "axes is not a constant" in reasons(model, 12)


@FEW
@given(st.sampled_from(["ArgMax", "ArgMin"]), SHAPES, st.integers(-4, 3), st.booleans())
def test_last_index(op_type: str, shape: list[int], axis: int, keep: bool) -> None:
    rank = len(shape)
    x = np.random.default_rng(len(shape)).integers(0, 3, shape).astype(np.float32)
    model, feed = single(
        op_type,
        [x],
        opset=13,
        axis=axis % rank - (rank if axis < 0 else 0),
        keepdims=int(keep),
        select_last_index=1,
    )
    assert_converts(model, feed, 11)
    assert_converts(model, feed, 10)


@FEW
@given(st.sampled_from(["Softmax", "LogSoftmax", "Hardmax"]), SHAPES, st.integers(-4, 3), TARGETS)
def test_softmax(op_type: str, shape: list[int], axis: int, target: int) -> None:
    rank = len(shape)
    axis = axis % rank - (rank if axis < 0 else 0)
    model, feed = single(op_type, [numbers(shape, 2)], opset=13, axis=axis)
    # onnx.reference computes opset 11 as opset 13.
    last = axis % rank == rank - 1
    result = assert_converts(model, feed, target, reference=last or target >= 13)
    assert_converts(result, feed, 13, reference=False)


@FEW
@given(st.sampled_from(["Softmax", "LogSoftmax", "Hardmax"]), SHAPES, st.integers(0, 3))
def test_softmax_over_several_axes(op_type: str, shape: list[int], axis: int) -> None:
    model, feed = single(op_type, [numbers(shape, 3)], opset=11, axis=axis % len(shape))
    # onnx.reference computes opset 11 as opset 13.
    assert_converts(model, feed, 13, reference=False)
    assert_converts(model, feed, 18, reference=False)


def test_softmax_with_its_old_default() -> None:
    model, feed = single("Softmax", [numbers([2, 3, 4], 1)], opset=11)
    result = assert_converts(model, feed, 13, reference=False)  # computes opset 11 as opset 13
    assert [n.op_type for n in result.graph.node][:2] == ["Flatten", "Softmax"]


def test_softmax_of_odd_values() -> None:
    x = np.tile(SPECIAL[3:].astype(np.float32), (2, 1))
    model, feed = single("Softmax", [x], opset=13, axis=0)
    assert_converts(model, feed, 11, reference=False)  # computes opset 11 as opset 13


def test_softmax_of_unknown_rank_stays_only_if_its_axis_is_the_last() -> None:
    model, _ = single("Softmax", [np.ones((2, 3), np.float32)], opset=13, axis=1)
    for info in (*model.graph.input, *model.graph.output):
        info.type.tensor_type.ClearField("shape")
    result = convert_opset(graph_of(model), 12, NO_RULES)
    assert "the rank of input is not known" in result.blockers[0].reason
    model.graph.node[0].attribute[0].i = -1
    assert not convert_opset(graph_of(model), 12, NO_RULES).blockers


@FEW
@given(st.integers(1, 6), st.integers(1, 6), st.booleans(), st.sampled_from([10, 9, 7]))
def test_topk(length: int, k: int, largest: bool, target: int) -> None:
    x = np.random.default_rng(k).permutation(3 * length).reshape(3, length).astype(np.float32)
    inputs = [x, np.array([min(k, length)])]
    model, feed = single(
        "TopK", inputs, opset=11, outputs=2, constants=(1,), axis=1, largest=int(largest)
    )
    result = assert_converts(model, feed, target)
    assert_converts(result, feed, 13)


def test_topk_of_integers_stays() -> None:
    inputs = [np.arange(6).reshape(2, 3), np.array([2])]
    model, _ = single("TopK", inputs, opset=11, outputs=2, constants=(1,))
    assert "TopK-10 does not take" in reasons(model, 10)
