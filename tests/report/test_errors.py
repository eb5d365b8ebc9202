"""The table of figures and what is said about the tolerance."""

import numpy as np

from porting.proof.judge import compare_runs
from porting.proof.tolerance import Tolerance
from porting.report.errors import tolerance_lines
from porting.report.text import render_verification

TOLERANCE = Tolerance(rel=1e-3, scale=1e-5)


def record(a, b, tolerance=TOLERANCE):
    a, b = np.asarray(a, np.float32), np.asarray(b, np.float32)
    return compare_runs([{"y": a}], [{"y": b}], [0], tolerance, []).to_dict()


def test_figures_and_the_tolerance_are_shown():
    a = np.linspace(1, 2, 8).reshape(2, 4)
    text = render_verification(record(a, a * 1.01))
    assert "SNR dB" in text
    assert "40.0" in text
    assert "top-1" not in text
    assert "allowed: |a - b| <= 1e-05 S + 0.001 max(|a|, 0.001 S)" in text
    assert "needed: 10 of that, or rel 0.01 in place of 0.001" in text


def test_top_1_is_shown_where_there_is_one():
    a = np.eye(2, 10)
    text = render_verification(record(a, np.roll(a, 1, axis=1)))
    assert "top-1" in text
    assert "0.00%" in text


def test_what_is_said_is_enough_to_pass():
    a = np.array([1.0, 2.0, 4.0, 0.0])
    b = a + np.array([3e-3, 1e-4, 0.01, 2e-5])
    said = tolerance_lines(record(a, b))[1]
    rel = float(said.split("or rel ")[1].split(" ")[0])
    assert record(a, b)["status"] == "failed"
    assert record(a, b, Tolerance(rel=rel, scale=1e-5))["status"] == "passed"
    assert record(a, b, Tolerance(rel=rel * 0.9, scale=1e-5))["status"] == "failed"


def test_equal_and_hopeless_outputs():
    a = [1.0, 2.0]
    assert tolerance_lines(record(a, a))[1] == "equal: a tolerance of zero would do"
    assert tolerance_lines(record(a, [1.0, np.nan]))[1] == "no tolerance would do for y"
    assert tolerance_lines({"status": "skipped", "reason": "", "outputs": []}) == []
    assert "inf" in render_verification(record(a, a))


def test_expected_outputs_have_a_table_of_their_own():
    verification = record([1.0], [1.0])
    verification["expected"] = [verification["outputs"][0] | {"name": "y of set 1"}]
    text = render_verification(verification)
    assert "against the expected" in text
    assert "y of set 1" in text
