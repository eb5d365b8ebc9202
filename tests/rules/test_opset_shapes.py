"""Squeeze, Split, Reshape, Slice, Pad, Clip and their like at older and newer opsets."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rules.harness import graph_of, single
from rules.test_opset_support import NO_RULES, assert_converts, converted, reasons

from porting.legalize.opset import convert_opset

FEW = settings(max_examples=40, deadline=None)
TARGETS = st.sampled_from([17, 13, 12, 11, 10, 9, 7])
X = np.arange(24, dtype=np.float32).reshape(2, 1, 3, 4) - 11


@pytest.mark.parametrize("target", [12, 11, 10, 7])
@pytest.mark.parametrize("axes", [[1], [-3], [0, 2], [-1, 0]])
def test_unsqueeze(target: int, axes: list[int]) -> None:
    model, feed = single("Unsqueeze", [X, np.array(axes)], opset=13, constants=(1,))
    assert_converts(assert_converts(model, feed, target), feed, 13)


@pytest.mark.parametrize("target", [12, 11, 10, 7])
@pytest.mark.parametrize("axes", [[1], [-3], None])
def test_squeeze(target: int, axes: list[int] | None) -> None:
    inputs = [X] if axes is None else [X, np.array(axes)]
    model, feed = single("Squeeze", inputs, opset=13, constants=(1,))
    assert_converts(assert_converts(model, feed, target), feed, 13)


@FEW
@given(st.integers(1, 9), st.integers(1, 4), st.integers(-2, 1), TARGETS)
def test_split_into_equal_parts(length: int, parts: int, axis: int, target: int) -> None:
    chunk = -(-length // parts)
    if chunk * (parts - 1) >= length:
        return  # a part without elements: both runtimes refuse
    shape = [2, 2]
    shape[axis] = length
    x = np.arange(2 * length, dtype=np.float32).reshape(shape)
    model, feed = single("Split", [x], opset=18, outputs=parts, axis=axis, num_outputs=parts)
    assert_converts(model, feed, target)


@FEW
@given(st.lists(st.integers(1, 3), min_size=1, max_size=4), st.integers(-2, 1), TARGETS)
def test_split_into_given_parts(sizes: list[int], axis: int, target: int) -> None:
    shape = [2, 2]
    shape[axis] = sum(sizes)
    x = np.arange(2 * sum(sizes), dtype=np.float32).reshape(shape)
    inputs = [x, np.array(sizes)]
    model, feed = single("Split", inputs, opset=18, outputs=len(sizes), constants=(1,), axis=axis)
    result = assert_converts(model, feed, target)
    assert_converts(result, feed, 18)


def test_split_without_sizes_is_raised_with_a_count() -> None:
    model, feed = single("Split", [X], opset=11, outputs=2, axis=3)
    result = assert_converts(model, feed, 18)
    assert {a.name: a.i for a in result.graph.node[0].attribute}["num_outputs"] == 2


@pytest.mark.parametrize("shape", [[4, -1], [0, -1], [2, 12]])
def test_reshape_of_something(shape: list[int]) -> None:
    model, feed = single("Reshape", [X, np.array(shape)], opset=14, constants=(1,))
    assert len(assert_converts(model, feed, 11).graph.node) == 1


@pytest.mark.parametrize("dtype", [np.float32, np.int64])
def test_reshape_of_nothing(dtype: type) -> None:
    x = np.zeros((0, 4), dtype)
    model, feed = single("Reshape", [x, np.array([3, 0])], opset=14, constants=(1,), allowzero=1)
    assert_converts(model, feed, 13)
    assert_converts(model, feed, 11)


def test_reshape_to_a_computed_shape() -> None:
    model, feed = single("Reshape", [X, np.array([4, 6])], opset=14, allowzero=1)
    assert_converts(model, feed, 11)
    empty, _ = single("Reshape", [X[:0], np.array([0, 6])], opset=14, allowzero=1)
    found = reasons(empty, 11)
    assert "may hold a 0" in found
    assert "opset-reshape-something: it is conditional" in found
    graph = graph_of(empty)
    graph.value("out0").shape = ("n", 6)
    assert not convert_opset(graph, 11, NO_RULES).blockers
    target = graph.nodes[0].const(1)
    assert target is not None
    assert target.tolist() == [-1, 6]


@FEW
@given(st.integers(-6, 6), st.one_of(st.none(), st.integers(-6, 6)), st.sampled_from([14, 11, 9]))
def test_shape(start: int, end: int | None, target: int) -> None:
    attributes = {"start": start} | ({} if end is None else {"end": end})
    model, feed = single("Shape", [X], opset=15, **attributes)
    # onnx.reference takes an end before the beginning for another one.
    assert_converts(model, feed, target, reference=end is None or end >= -4)


@FEW
@given(
    st.lists(st.integers(-5, 5), min_size=2, max_size=2),
    st.lists(st.integers(-5, 5), min_size=2, max_size=2),
    st.sampled_from([[0, 3], [-1, -2], [2, -4]]),
    st.sampled_from([10, 9, 7]),
)
def test_slice(starts: list[int], ends: list[int], axes: list[int], target: int) -> None:
    inputs = [X, np.array(starts), np.array(ends), np.array(axes)]
    model, feed = single("Slice", inputs, opset=13, constants=(1, 2, 3))
    result = assert_converts(model, feed, target)
    assert_converts(result, feed, 13)


def test_slice_with_steps_stays_above_9() -> None:
    parts = [np.array([v]) for v in (3, -9, 3, -1)]
    model, feed = single("Slice", [X, *parts], opset=13, constants=(1, 2, 3, 4))
    assert_converts(model, feed, 10)
    assert "no steps" in reasons(model, 9)


@FEW
@given(
    st.sampled_from(["constant", "reflect", "edge", "wrap"]),
    st.lists(st.integers(0, 2), min_size=4, max_size=4),
    st.sampled_from([[0, 1], [-1, 0], [1, -2]]),
    st.sampled_from([18, 13, 11, 10, 7]),
)
def test_pad(mode: str, pads: list[int], axes: list[int], target: int) -> None:
    x = X.reshape(4, 6)
    inputs = [x, np.array(pads), np.array(1.5, np.float32), np.array(axes)]
    model, feed = single("Pad", inputs, opset=19, constants=(1, 2, 3), mode=mode)
    # onnxruntime has no wrap; onnx.reference has no Pad-2.
    reference, ort = target >= 11, mode != "wrap"
    if not reference and not ort:
        converted(model, target)
        return
    result = assert_converts(model, feed, target, reference=reference, ort=ort)
    if mode != "wrap":
        assert_converts(result, feed, 18, reference=reference)


def test_pad_of_booleans() -> None:
    x = np.array([[True, False], [False, True]])
    model, feed = single("Pad", [x, np.array([1, 0, 0, 1])], opset=13, constants=(1,))
    result = assert_converts(model, feed, 11)
    assert [n.op_type for n in result.graph.node] == ["Cast", "Pad", "Cast"]


def test_pad_by_computed_amounts_stays() -> None:
    inputs = [np.ones((2, 3), np.float32), np.array([1, 1]), None, np.array([1])]
    model, _ = single("Pad", inputs, opset=18, constants=(3,))
    assert "is not a constant" in reasons(model, 17)


@FEW
@given(
    st.lists(st.integers(1, 6), min_size=2, max_size=2),
    st.lists(st.integers(1, 6), min_size=2, max_size=2),
    TARGETS,
)
def test_center_crop_pad(shape: list[int], wanted: list[int], target: int) -> None:
    x = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    inputs = [x, np.array(wanted[::-1])]
    model, feed = single("CenterCropPad", inputs, opset=18, constants=(1,), axes=[-1, 0])
    assert_converts(model, feed, target, reference=target >= 11)  # no Pad-2 in onnx.reference


@FEW
@given(
    st.one_of(st.none(), st.floats(-5, 5, width=32)),
    st.one_of(st.none(), st.floats(-5, 5, width=32)),
    st.sampled_from([12, 11, 10, 7]),
)
def test_clip(low: float | None, high: float | None, target: int) -> None:
    bounds = [None if b is None else np.array(b, np.float32) for b in (low, high)]
    model, feed = single("Clip", [X, *bounds], opset=13, constants=(1, 2))
    result = assert_converts(model, feed, target)
    assert_converts(result, feed, 13)


@pytest.mark.parametrize("axis", [-1, -3, 1])
@pytest.mark.parametrize("target", [11, 10, 7])
def test_concat_flatten_compress(axis: int, target: int) -> None:
    model, feed = single("Concat", [X, X + 1], opset=13, axis=axis)
    assert_converts(model, feed, target)
    model, feed = single("Flatten", [X], opset=13, axis=axis)
    assert_converts(model, feed, target)
    keep = np.array([True])
    model, feed = single("Compress", [X, keep], opset=13, axis=axis)
    if target >= 9:
        assert_converts(model, feed, target)
    else:
        assert "new in opset 9" in reasons(model, target)
