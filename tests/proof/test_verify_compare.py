import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from porting.proof.compare import compare_output, scale_of
from porting.proof.tolerance import Tolerance

LOOSE = Tolerance(rel=1e-3)
NAN, INF = float("nan"), float("inf")


def one(a, b, tolerance=LOOSE):
    return compare_output("y", [np.asarray(a)], [np.asarray(b)], tolerance)


def test_errors_are_what_the_docstring_says():
    result = one(np.array([2.0, 0.0, -1.0]), np.array([2.5, 0.001, -1.0]))
    assert result.max_abs == 0.5
    # floor = 1e-3 * 2.0, so the zero element counts 0.001 / 0.002
    assert result.max_rel == pytest.approx(0.5)
    assert result.mean_abs == pytest.approx(0.501 / 3)
    assert (result.mismatches, result.elements, result.first_mismatch) == (2, 3, (0,))
    assert not result.passed
    assert result.reason == "2 of 3 elements differ"


def test_relative_tolerance_is_a_bound_on_max_rel():
    a = np.array([1.0, 100.0])
    assert one(a, a * (1 + 0.9e-3)).passed
    assert not one(a, a * (1 + 1.1e-3)).passed


def test_noise_near_zero_is_judged_by_the_outputs_scale():
    a, b = np.array([10.0, 1e-9]), np.array([10.0, 5e-9])
    assert one(a, b).passed
    assert not one(np.array([1e-9]), np.array([5e-9])).passed


def test_a_mask_constant_does_not_hide_the_others():
    a = np.array([1.0, -0.5, 0.25, -1e9], np.float32)
    assert scale_of(a) == 1.0
    assert not one(a, a + np.array([0.1, 0, 0, 0], np.float32)).passed
    assert scale_of(np.array([np.finfo(np.float32).min, 2.0])) == 2.0
    assert scale_of(np.array([-1e9, -1e9])) == 1e9


@pytest.mark.parametrize(
    ("a", "b", "passes"),
    [
        (NAN, NAN, True),
        (INF, INF, True),
        (-INF, -INF, True),
        (NAN, 1.0, False),
        (1.0, NAN, False),
        (INF, -INF, False),
        (INF, NAN, False),
        (INF, 3e38, False),
    ],
)
def test_nonfinite_class_must_agree(a, b, passes):
    result = one([1.0, a], [1.0, b], Tolerance(rel=1.0, abs=1e9, scale=1.0))
    assert result.passed is passes
    assert result.nonfinite == 1
    assert result.max_abs == 0.0


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.bool_])
def test_integers_must_be_equal(dtype):
    a = np.array([1, 0, 1], dtype)
    b = np.array([1, 1, 1], dtype)
    assert one(a, a).passed
    result = one(a, b, Tolerance(rel=10.0, abs=10.0))
    assert (result.passed, result.mismatches) == (False, 1)


def test_integers_beyond_float_precision_are_told_apart():
    assert not one(np.array([2**60]), np.array([2**60 + 1])).passed


def test_strings_must_be_equal():
    a = np.array(["x", "y"], object)
    assert one(a, a).passed
    assert one(a, np.array(["x", "z"], object)).first_mismatch == (1,)


def test_shape_and_kind_must_agree():
    assert one(np.zeros((1, 2)), np.zeros((2,))).reason == "shape [2] instead of [1, 2]"
    assert one(np.float32(1), np.ones(1, np.float32)).reason == "shape [1] instead of []"
    assert one(np.zeros(2), np.zeros(2, np.int64)).reason == "type int64 instead of float64"
    assert one(np.zeros(2, np.int64), np.zeros(2, np.int32)).passed


def test_complex_parts_count():
    a = np.array([1 + 1j, 2 - 1j], np.complex64)
    assert one(a, a).passed
    result = one(a, a.conj())
    assert (result.mismatches, result.elements, result.passed) == (2, 2, False)


def test_runs_are_added_up():
    a = [np.ones(2), np.ones((2, 2))]
    b = [np.ones(2), np.ones((2, 2)) + np.array([[0, 0], [0, 1.0]])]
    result = compare_output("y", a, b, LOOSE)
    assert (result.elements, result.mismatches, result.shape) == (6, 1, (2, 2))
    assert result.mean_abs == pytest.approx(1 / 6)
    assert result.max_abs == 1.0
    assert result.first_mismatch == (1, 1)


def test_a_scalar_mismatch_keeps_its_index():
    result = compare_output("y", [np.float64(1), np.float64(1)], [np.float64(2)] * 2, LOOSE)
    assert result.first_mismatch == ()


def test_cosine_of_zero_huge_and_opposite_vectors():
    assert one(np.zeros(3), np.zeros(3)).cosine == 1.0
    assert one(np.zeros(3), np.ones(3)).cosine == 0.0
    assert one(np.full(3, 1e300), np.full(3, 1e300)).cosine == pytest.approx(1.0)
    assert one(np.ones(3), -np.ones(3)).cosine == -1.0


def test_nothing_finite_gives_no_errors_and_valid_json():
    result = one(np.array([NAN]), np.array([NAN]))
    assert result.max_abs is None
    assert result.passed
    record = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert record["shape"] == [1]
    overflow = one(np.array([1e308]), np.array([-1e308])).to_dict()
    assert overflow["max_abs"] is None
    assert not overflow["passed"]


def test_empty_outputs_agree():
    result = one(np.zeros((0, 4)), np.zeros((0, 4)))
    assert (result.passed, result.elements, result.max_abs) == (True, 0, None)


def test_classes_widen_the_tolerance_in_order():
    exact = Tolerance.for_classes([])
    assert exact == Tolerance.for_classes(["exact", "narrowing"], "float32")
    reordered = Tolerance.for_classes(["conditional", "exact"])
    approximate = Tolerance.for_classes(["reordered", "approximate"])
    assert exact.rel < reordered.rel < approximate.rel
    assert reordered.rel == 1e-3
    assert Tolerance.for_classes(["reordered"], "float16").rel == 1e-2
    assert Tolerance.for_classes(["reordered"], "float64") == reordered
    with pytest.raises(ValueError, match="wild"):
        Tolerance.for_classes(["wild"])


@given(
    hnp.arrays(
        np.float32,
        hnp.array_shapes(min_dims=0, max_dims=3, min_side=0),
        elements=st.floats(width=32),
    )
)
def test_any_array_equals_itself_under_no_tolerance(a):
    result = one(a, a, Tolerance(rel=0.0))
    assert result.passed
    assert result.elements == a.size
    assert result.max_abs in (None, 0.0)


@given(st.integers(0, 11), st.floats(0.01, 100) | st.just(NAN) | st.just(INF))
def test_one_changed_element_is_found(index, change):
    a = np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4)
    b = a.copy()
    b.flat[index] += change
    result = one(a, b, Tolerance.for_classes(["reordered"]))
    assert result.first_mismatch == np.unravel_index(index, a.shape)
    assert result.mismatches == 1


def test_signal_to_noise_is_in_decibels_and_the_worst_of_the_runs():
    a = np.array([3.0, 4.0])
    assert one(a, a + np.array([0.0, 0.05])).snr_db == pytest.approx(40)
    worst = compare_output("y", [a, a], [a, a + np.array([0.0, 0.5])], LOOSE)
    assert worst.snr_db == pytest.approx(20)
    same = one(a, a)
    assert same.snr_db == INF
    assert same.to_dict()["snr_db"] is None
    assert one(np.zeros(2), np.ones(2)).snr_db == -INF
    assert one(np.full(2, 1e300), np.full(2, 1.1e300)).snr_db == pytest.approx(20)
    assert one(np.full(2, 1e-300), np.full(2, 1.1e-300)).snr_db == pytest.approx(20)


def test_top_1_counts_rows_whose_largest_element_stays():
    a = np.zeros((4, 10), np.float32)
    a[np.arange(4), [1, 2, 3, 4]] = 1
    b = a.copy()
    b[0] = np.roll(b[0], 1)
    result = one(a, b)
    assert (result.top1, result.rows) == (0.75, 4)
    assert compare_output("y", [a, a], [a, b], LOOSE).top1 == 0.875
    ties = np.array([[5.0, 5.0] + [0.0] * 8])
    assert one(ties, ties[:, ::-1]).top1 == 0
    swapped = ties.copy()
    swapped[0, 0] = 4.9
    assert one(ties, swapped).top1 == 1
    a[1, 0] = NAN
    assert one(a, b).rows == 3


@pytest.mark.parametrize(
    ("shape", "dtype", "scores", "ranked"),
    [
        ((2, 10), "float32", False, True),
        ((2, 9), "float32", False, False),
        ((2, 9), "float32", True, True),
        ((2, 3, 5), "float32", True, True),
        ((2, 3, 50), "float32", False, False),
        ((2, 1), "float32", True, False),
        ((2, 10), "int64", True, False),
        ((0, 10), "float32", True, False),
        ((), "float32", True, False),
    ],
)
def test_what_is_like_a_classifier(shape, dtype, scores, ranked):
    a = np.zeros(shape, dtype)
    result = compare_output("y", [a], [a], LOOSE, scores=scores)
    assert (result.top1 is not None) is ranked


@given(hnp.arrays(np.float32, 6, elements=st.floats(-10, 10, width=32)),
       hnp.arrays(np.float32, 6, elements=st.floats(-10, 10, width=32)))  # fmt: skip
def test_the_smallest_tolerance_that_would_pass_is_that(a, b):
    tolerance = Tolerance(rel=1e-2, abs=1e-4, scale=1e-3)
    result = one(a, b, tolerance)
    assert (result.needed_factor <= 1) is result.passed
    above, below = 1 + 1e-9, 1 - 1e-6

    def passes(rel, factor=1.0):
        return one(a, b, Tolerance(rel, tolerance.abs * factor, tolerance.scale * factor)).passed

    f = result.needed_factor
    assert passes(tolerance.rel * f * above, f * above)
    assert passes(result.needed_rel * above)
    if f > 0:
        assert not passes(tolerance.rel * f * below, f * below)
    if result.needed_rel > 0:
        assert not passes(result.needed_rel * below)


def test_no_tolerance_makes_other_integers_or_a_nan_pass():
    for a, b in (([1, 2], [1, 3]), ([1.0, NAN], [1.0, 2.0]), (["a"], ["b"])):
        result = one(a, b)
        assert (result.needed_factor, result.needed_rel) == (None, None)
    assert one([1, 2], [1, 2]).needed_factor == 0
    assert one(np.zeros((1, 2)), np.zeros(2)).needed_factor is None
    mixed = compare_output("y", [np.array([1.0])] * 2, [np.array([NAN]), np.array([1.0])], LOOSE)
    assert mixed.needed_factor is None


def test_what_a_sigmoid_gives_is_computed_near_one():
    tiny = np.array([1e-8, 3e-7], np.float32)
    other = tiny + np.float32(2e-7)
    tolerance = Tolerance.for_classes({"reordered"})
    assert not compare_output("y", [tiny], [other], tolerance).passed
    assert compare_output("y", [tiny], [other], tolerance, unit=1.0).passed
    assert not compare_output("y", [tiny], [other + np.float32(4e-7)], tolerance, unit=1.0).passed
