"""Ties, indices, axes, empty tensors, resizing and pooling; and where onnx.reference is wrong."""

import numpy as np
import pytest
from rules.harness import graph_of, run_ort
from rules.support import declines
from rules.test_opset_support import attempt
from traps.trap import applied, every_rule, floats, model, ort, reference, same

from porting.rules import pooling, reductions, registry, resampling, shaping


def test_the_last_of_equal_maxima_is_found_where_it_is_asked_for() -> None:
    feed = {"x": floats(1, 3, 3, 2).reshape(1, 4)}
    last = model(
        13,
        "(float[1,4] x) => (int64[1,1] y) { y = ArgMax<axis = 1, select_last_index = 1>(x) }",
    )
    first = model(
        13,
        "(float[1,4] x) => (float[1,1] v, int64[1,1] y) <int64[1] k = {1}> "
        "{ v, y = TopK<axis = 1>(x, k) }",
    )
    assert ort(last, feed) == 2
    assert run_ort(first, feed)[1] == 1
    assert "arg-max-to-equal" in applied(every_rule("ArgMax", last, feed))
    assert "top-k-of-one" in applied(every_rule("TopK", first, feed))
    marked = model(13, "(float[1,4] x) => (float[1,4] y) { y = Hardmax<axis = 1>(x) }")
    equal = feed["x"] == feed["x"].max()
    assert equal.sum() == 2
    assert ort(marked, feed).sum() == 1
    assert applied(every_rule("Hardmax", marked, feed))
    blockers = attempt(last, 11, registry())[1].blockers
    assert not blockers or "select_last_index" in blockers[0].reason


def test_an_index_outside_the_depth_is_off_throughout() -> None:
    feed = {"i": np.array([1, 9, -1, -5])}
    case = model(
        13,
        "(int64[4] i) => (float[4,4] y) <int64 d = {4}, float[2] v = {0, 1}> "
        "{ y = OneHot(i, d, v) }",
    )
    with pytest.raises(IndexError):
        np.eye(4)[feed["i"]]
    assert not ort(case, feed)[[1, 3]].any()
    assert applied(every_rule("OneHot", case, feed))


NEGATIVE = {
    "GatherND": (
        "(float[2,3] x, int64[1,2] i) => (float[1] y) { y = GatherND(x, i) }",
        np.array([[1, -3]]),
    ),
    "GatherElements": (
        "(float[2,3] x, int64[2,2] i) => (float[2,2] y) { y = GatherElements<axis = 1>(x, i) }",
        np.array([[-1, 0], [-3, -2]]),
    ),
    "Gather": (
        "(float[2,3] x, int64[2] i) => (float[2,2] y) { y = Gather<axis = 1>(x, i) }",
        np.array([-1, -3]),
    ),
}


@pytest.mark.parametrize("op_type", NEGATIVE)
@pytest.mark.parametrize("constant", [False, True])
def test_negative_indices_count_from_the_end(op_type: str, constant: bool) -> None:
    text, indices = NEGATIVE[op_type]
    feed = {"x": np.arange(6, dtype=np.float32).reshape(2, 3), "i": indices}
    case = model(13, text)
    if op_type == "GatherND":
        flat = feed["x"].reshape(-1)[(indices * [3, 1]).sum(-1)]
        assert not same(flat, ort(case, feed))
    if constant:
        from onnx import numpy_helper

        case.graph.initializer.append(numpy_helper.from_array(indices, "i"))
        del case.graph.input[1]
        feed.pop("i")
    found = applied(every_rule(op_type, case, feed))
    assert found or not constant


def test_duplicate_indices_of_a_scatter_have_no_winner() -> None:
    head = "(float[2] x, float[2] u) => (float[2] y) <int64[2,1] i = {0, 0}> "
    feed = {"x": np.zeros(2, np.float32), "u": floats(1, 2)}
    case = model(16, head + "{ y = ScatterND(x, i, u) }")
    summed = feed["x"] + np.array([[1, 1], [0, 0]]) @ feed["u"]
    assert not same(summed, ort(case, feed))
    # a rule that applies agrees at least with both runtimes, who let the last one win
    assert applied(every_rule("ScatterND", case, feed))
    added = model(18, head + '{ y = ScatterND<reduction = "max">(x, i, u) }')
    result, report = attempt(added, 13, registry())
    if report.blockers:
        assert "two indices are the same" in report.blockers[0].reason
    else:
        assert same(ort(result, feed), ort(added, feed))


def test_negative_axes_count_in_the_result() -> None:
    feed = {"x": np.zeros((2, 3), np.float32)}
    case = model(
        13, "(float[2,3] x) => (float[a,b,c] y) <int64[1] a = {-1}> { y = Unsqueeze(x, a) }"
    )
    assert graph_of(case).value("y").shape == (2, 3, 1)
    assert np.expand_dims(feed["x"], -1 % feed["x"].ndim).shape != ort(case, feed).shape
    assert "unsqueeze-to-reshape" in applied(every_rule("Unsqueeze", case, feed))
    hot = model(
        13,
        "(int64[2] i) => (float[a,b] y) <int64 d = {3}, float[2] v = {0, 1}> "
        "{ y = OneHot<axis = -2>(i, d, v) }",
    )
    assert graph_of(hot).value("y").shape == (3, 2)
    assert applied(every_rule("OneHot", hot, {"i": np.array([0, 2])}))


@pytest.mark.parametrize("shape", ["3", "3,1,1"])
def test_a_slope_broadcasts_from_the_right(shape: str) -> None:
    x = -np.ones((1, 3, 3, 3), np.float32)
    case = model(
        16,
        f"(float[1,3,3,3] x) => (float[1,3,3,3] y) <float[{shape}] s = {{1, 2, 3}}> "
        "{ y = PRelu(x, s) }",
    )
    row = ort(case, {"x": x})[0, 0, 0].tolist()
    assert row == ([-1, -2, -3] if shape == "3" else [-1, -1, -1])
    assert applied(every_rule("PRelu", case, {"x": x}))


def test_a_zero_in_a_shape_copies_a_dimension() -> None:
    feed = {"x": np.zeros((0, 3), np.float32)}
    head = "(float[0,3] x) => (float[a,b] y) <int64[2] s = {3, 0}> "
    empty = model(14, head + "{ y = Reshape<allowzero = 1>(x, s) }")
    copied = model(14, head + "{ y = Reshape(x, s) }")
    assert ort(empty, feed).shape == (3, 0)
    assert graph_of(empty).value("y").shape == (3, 0)
    with pytest.raises(Exception, match="cannot be reshaped"):
        ort(copied, feed)
    declines(shaping.reshape_without_allowzero, (empty, feed), "a dimension of the shape is 0")
    result, report = attempt(empty, 13, registry())
    if not report.blockers:
        assert ort(result, feed).shape == (3, 0)
    assert not report.blockers or "allowzero" in report.blockers[0].reason


@pytest.mark.parametrize("target", [9, 11, 12, 13, 17])
@pytest.mark.parametrize("noop", [0, 1])
def test_empty_axes_mean_all_or_none(noop: int, target: int) -> None:
    feed = {"x": floats(1, 2, 3, 4, 5, 6).reshape(2, 3)}
    shape = (2, 3) if noop else (1, 1)
    for op_type, opset in (("ReduceSum", 13), ("ReduceMax", 18)):
        case = model(
            opset,
            "(float[2,3] x) => (float[a,b] y) <int64[0] a = {}> "
            f"{{ y = {op_type}<noop_with_empty_axes = {noop}>(x, a) }}",
        )
        assert ort(case, feed).shape == shape
        result, report = attempt(case, target, registry())
        assert not report.blockers
        assert same(ort(result, feed), ort(case, feed))
        assert applied(every_rule(op_type, case, feed))


EMPTY = {"ReduceSum": 0, "ReduceMax": -np.inf, "ReduceMin": np.inf, "ReduceProd": 1}


@pytest.mark.parametrize("op_type", [*EMPTY, "ReduceMean"])
def test_a_reduction_of_nothing_is_its_neutral_element(op_type: str) -> None:
    feed = {"x": np.zeros((2, 0), np.float32)}
    case = model(
        20, f"(float[2,0] x) => (float[2,1] y) <int64[1] a = {{1}}> {{ y = {op_type}(x, a) }}", 9
    )
    with np.errstate(all="ignore"):
        if op_type != "ReduceMean":
            assert (ort(case, feed) == EMPTY[op_type]).all()
            every_rule(op_type, case, feed)
            return
        # runtimes do not agree on a mean of nothing, so no rule computes one
        assert not same(ort(case, feed), reference(case, feed))
    declines(reductions.reduce_mean_to_sum, (case, feed), "the input is empty")


def test_a_pixel_between_two_is_not_chosen_for_the_runtime() -> None:
    feed = {"x": np.arange(4, dtype=np.float32).reshape(1, 1, 4, 1)}
    case = model(
        13,
        "(float[1,1,4,1] x) => (float[1,1,h,1] y) <float[4] s = {1, 1, 0.6, 1}> "
        '{ y = Resize<mode = "nearest", nearest_mode = "floor", '
        'coordinate_transformation_mode = "half_pixel">(x, , s) }',
    )
    scale = np.float32(0.6)
    wide, narrow = 1.5 / float(scale) - 0.5, np.float32(1.5) / scale - np.float32(0.5)
    assert np.floor(wide) != np.floor(narrow)
    assert not same(ort(case, feed), reference(case, feed))
    declines(resampling.resize_to_gather, (case, feed), "depends on the runtime's rounding")
    every_rule("Resize", case, feed)


def test_corners_of_a_size_that_is_no_multiple_are_left_alone() -> None:
    feed = {"x": np.arange(4, dtype=np.float32).reshape(1, 1, 1, 4)}
    case = model(
        13,
        "(float[1,1,1,4] x) => (float[1,1,1,w] y) <float[4] s = {1, 1, 1, 0.6}> "
        '{ y = Resize<mode = "linear", coordinate_transformation_mode = "align_corners">(x, , s) }',
    )
    assert not same(ort(case, feed), reference(case, feed), 1e-2)
    reason = "runtimes place the last pixel differently"
    declines(resampling.resize_to_matmul, (case, feed), reason)
    declines(resampling.resize_to_weighted_gathers, (case, feed), reason)
    every_rule("Resize", case, feed)


def test_a_window_that_reaches_beyond_the_image_counts_what_is_there() -> None:
    feed = {"x": np.ones((1, 1, 3, 3), np.float32)}
    head = "(float[1,1,3,3] x) => (float[1,1,2,2] y) "
    window = "kernel_shape = [2, 2], strides = [2, 2]"
    case = model(13, head + f"{{ y = AveragePool<{window}, ceil_mode = 1>(x) }}")
    padded = model(
        13,
        head + "<int64[8] p = {0, 0, 0, 0, 0, 0, 1, 1}> "
        f"{{ z = Pad(x, p)  y = AveragePool<{window}>(z) }}",
    )
    assert not same(ort(padded, feed), ort(case, feed))
    declines(pooling.average_pool_to_convolution, (case, feed), "ceil_mode is set")
    found = applied(every_rule("AveragePool", case, feed))
    assert "average-pool-ceil-mode-to-pads" in found


@pytest.mark.parametrize("window", ["pads = [1, 1, 1, 1]", 'auto_pad = "SAME_UPPER"'])
def test_the_padding_of_a_maximum_is_no_zero(window: str) -> None:
    feed = {"x": -np.ones((1, 1, 2, 2), np.float32)}
    head = "(float[1,1,2,2] x) => (float[1,1,2,2] y) "
    case = model(13, head + f"{{ y = MaxPool<kernel_shape = [3, 3], {window}>(x) }}")
    padded = model(
        13,
        head + "<int64[8] p = {0, 0, 1, 1, 0, 0, 1, 1}> "
        "{ z = Pad(x, p)  y = MaxPool<kernel_shape = [3, 3]>(z) }",
    )
    assert not same(ort(padded, feed), ort(case, feed))
    # onnx.reference cannot pad a window that is 1 wide, which some rules make
    assert applied(every_rule("MaxPool", case, feed, reference=False))


def test_the_hamming_window_has_the_constant_of_onnx() -> None:
    case = model(17, "(float[1] z) => (float[8] y) <int64 n = {8}> "
                 "{ h = HammingWindow<periodic = 0>(n)  y = Add(h, z) }")  # fmt: skip
    feed = {"z": np.zeros(1, np.float32)}
    assert not same(np.hamming(8), ort(case, feed), 1e-3)
    result, report = attempt(case, 13, registry())
    assert not report.blockers
    assert same(ort(result, feed), ort(case, feed))
    assert applied(every_rule("HammingWindow", case, feed))


def test_neighbouring_channels_are_not_neighbouring_images() -> None:
    feed = {"x": np.full((1, 5, 1, 1), 2, np.float32)}
    case = model(
        13,
        "(float[1,5,1,1] x) => (float[1,5,1,1] y) "
        "{ y = LRN<size = 3, alpha = 3.0, beta = 1.0, bias = 1.0>(x) }",
    )
    assert not same(reference(case, feed), ort(case, feed))
    assert applied(every_rule("LRN", case, feed, reference=False))


def test_a_sum_norm_is_of_absolute_values() -> None:
    feed = {"x": floats(1, -2, 3).reshape(1, 3)}
    case = model(
        18, "(float[1,3] x) => (float[1,3] y) { y = LpNormalization<axis = -1, p = 1>(x) }"
    )
    assert not same(reference(case, feed), ort(case, feed))
    assert applied(every_rule("LpNormalization", case, feed, reference=False))


GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}


@pytest.mark.parametrize("op_type", GATES)
def test_nothing_comes_after_the_end_of_a_sequence(op_type: str) -> None:
    random, gates = np.random.default_rng(0), GATES[op_type]
    feed = {
        "x": random.standard_normal((3, 2, 1)).astype(np.float32),
        "w": random.standard_normal((1, 2 * gates, 1)).astype(np.float32),
        "r": random.standard_normal((1, 2 * gates, 2)).astype(np.float32),
    }
    case = model(
        14,
        f"(float[3,2,1] x, float[1,{2 * gates},1] w, float[1,{2 * gates},2] r) => "
        "(float[3,1,2,2] y, float[1,2,2] h) <int32[2] n = {1, 3}> "
        f"{{ y, h = {op_type}<hidden_size = 2>(x, w, r, , n) }}",
    )
    assert not ort(case, feed)[1:, 0, 0].any()
    # onnx.reference goes on
    assert not same(reference(case, feed), ort(case, feed))
    assert "unrolled-steps" in applied(every_rule(op_type, case, feed, reference=False))


@pytest.mark.parametrize("target", [11, 13, 19])
def test_an_old_dequantisation_is_proved_in_the_runtime_that_has_it(target: int) -> None:
    feed = {"x": np.array([1, 2, 3], np.uint8)}
    case = model(
        13,
        "(uint8[3] x) => (float[3] y) <float s = {0.1}, uint8 z = {3}> "
        "{ y = DequantizeLinear(x, s, z) }",
    )
    with pytest.raises(Exception, match="No implementation"):
        reference(case, feed)
    result, report = attempt(case, target, registry())
    assert not report.blockers
    assert same(ort(result, feed), ort(case, feed))
    assert applied(every_rule("DequantizeLinear", case, feed, reference=False))
