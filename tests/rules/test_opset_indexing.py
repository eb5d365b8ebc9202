"""Gather, Scatter, OneHot, Trilu, TensorScatter at older opsets."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rules.harness import single
from rules.test_opset_support import assert_converts, reasons

FEW = settings(max_examples=30, deadline=None)
X = np.arange(24, dtype=np.float32).reshape(2, 3, 4)


@FEW
@given(
    st.lists(st.integers(-3, 2), min_size=1, max_size=5),
    st.booleans(),
    st.sampled_from([np.int32, np.int64]),
    st.sampled_from([10, 9]),
)
def test_gather(indices: list[int], constant: bool, dtype: type, target: int) -> None:
    inputs = [X, np.array(indices, dtype)]
    model, feed = single("Gather", inputs, opset=13, constants=(1,) * constant, axis=1)
    result = assert_converts(model, feed, target)
    assert_converts(result, feed, 13)


def test_gather_below_9() -> None:
    model, feed = single("Gather", [X, np.array([1, -1])], opset=13, constants=(1,))
    assert len(assert_converts(model, feed, 7).graph.node) == 1
    computed, _ = single("Gather", [X, np.array([1, -1])], opset=13)
    assert "does not take tensor(int64)" in reasons(computed, 8)


@pytest.mark.parametrize("target", [10, 9])
def test_scatter_elements(target: int) -> None:
    inputs = [X[0], np.array([[0, -1, 1, 0]]), np.full((1, 4), 7, np.float32)]
    model, feed = single("ScatterElements", inputs, opset=13, axis=-2)
    result = assert_converts(model, feed, target, reference=False)  # onnx.reference has no Scatter
    assert result.graph.node[-1].op_type == "Scatter"
    assert_converts(result, feed, 13, reference=False)  # onnx.reference has no Scatter
    assert "ScatterElements is new in opset 11" in reasons(model, 8)


@pytest.mark.parametrize("reduction", ["add", "mul", "max", "min"])
@pytest.mark.parametrize("target", [17, 13, 11])
def test_scatter_that_combines(reduction: str, target: int) -> None:
    if target == 17 and reduction in {"add", "mul"}:
        return  # opset 16 has them
    updates = np.array([[50, -50, 2, 3]], np.float32)
    inputs = [X[0], np.array([[0, -1, 1, 0]]), updates]
    model, feed = single(
        "ScatterElements", inputs, opset=18, constants=(1,), axis=-2, reduction=reduction
    )
    assert_converts(model, feed, target)
    rows = [X[0], np.array([[2], [-3]]), np.concatenate([updates, -updates])]
    model, feed = single("ScatterND", rows, opset=18, constants=(1,), reduction=reduction)
    assert_converts(model, feed, target)


def test_scatter_that_combines_the_same_place_twice_stays() -> None:
    rows = [X[0], np.array([[2], [-1]]), X[0, :2]]
    model, _ = single("ScatterND", rows, opset=18, constants=(1,), reduction="add")
    assert "two indices are the same" in reasons(model, 13)
    model, _ = single("ScatterND", rows, opset=18, reduction="add")
    assert "indices is not a constant" in reasons(model, 13) or "input 1" in reasons(model, 13)


@FEW
@given(
    st.lists(st.integers(-4, 3), min_size=1, max_size=5),
    st.integers(-2, 1),
    st.booleans(),
    st.sampled_from([10, 9]),
)
def test_one_hot(indices: list[int], axis: int, constant: bool, target: int) -> None:
    inputs = [np.array(indices), np.array(4), np.array([2, 5], np.int64)]
    model, feed = single(
        "OneHot", inputs, opset=11, constants=(0, 1) if constant else (1,), axis=axis
    )
    if model.graph.input:
        assert_converts(model, feed, target)


def test_one_hot_out_of_range() -> None:
    # onnx.reference wraps what is out of range at every opset but the newest.
    inputs = [np.array([5, -6, -1, 4, -5]), np.array(5), np.array([1, 3], np.float32)]
    model, feed = single("OneHot", inputs, opset=11, constants=(1,))
    assert_converts(model, feed, 10, reference=False)


@FEW
@given(st.integers(0, 2), st.integers(1, 3), st.integers(1, 3))
def test_gather_nd(batches: int, rows: int, width: int) -> None:
    width = min(width, 3 - batches)
    lead = {0: [rows], 1: [2, rows], 2: [2, 3]}[batches]
    limits = X.shape[batches : batches + width]
    indices = np.stack([np.random.default_rng(1).integers(-n, n, lead) for n in limits], -1)
    model, feed = single("GatherND", [X, indices], opset=13, batch_dims=batches)
    assert_converts(model, feed, 11)


@FEW
@given(
    st.lists(st.integers(1, 4), min_size=2, max_size=3),
    st.one_of(st.none(), st.integers(-5, 5)),
    st.booleans(),
    st.booleans(),
    st.sampled_from([np.float32, np.int64, np.float64]),
    st.sampled_from([13, 11, 9]),
)
def test_trilu(
    shape: list[int], k: int | None, upper: bool, constant: bool, dtype: type, target: int
) -> None:
    x = np.arange(1, np.prod(shape) + 1).reshape(shape).astype(dtype)
    if dtype is np.float32:
        x.flat[0] = np.inf
    inputs = [x] if k is None else [x, np.array(k)]
    model, feed = single("Trilu", inputs, opset=14, constants=(1,) * constant, upper=int(upper))
    assert_converts(model, feed, target)


def test_trilu_of_any_size() -> None:
    model, feed = single("Trilu", [X], opset=14, upper=0)
    for info in (*model.graph.input, *model.graph.output):
        for dim in info.type.tensor_type.shape.dim[1:]:
            dim.dim_param = "n"
    result = assert_converts(model, feed, 13)
    assert "Range" in {n.op_type for n in result.graph.node}
    assert "Range is new in opset 11" in reasons(model, 9)


@pytest.mark.parametrize("mode", ["linear", "circular"])
@pytest.mark.parametrize("indices", [[0, 3], [2, 1], None])
def test_tensor_scatter(mode: str, indices: list[int] | None) -> None:
    cache = np.zeros((2, 2, 5, 3), np.float32)
    update = np.random.default_rng(0).standard_normal((2, 2, 2, 3)).astype(np.float32)
    inputs = [cache, update] + ([] if indices is None else [np.array(indices)])
    model, feed = single("TensorScatter", inputs, opset=24, ir_version=10, mode=mode)
    assert_converts(model, feed, 18)
    assert_converts(model, feed, 11)
