"""Warnings that agreement on an output proves little."""

import numpy as np
import onnx
import pytest

from porting.proof.doubts import Role, roles
from porting.proof.judge import compare_runs
from porting.proof.tolerance import Tolerance
from porting.proof.verify import verify_files

LOOSE = Tolerance(rel=1e-3)
LITTLE = "; the comparison proves little"


def warn(*arrays, role=None):
    """Warnings about an output that is the same in both models."""
    values = [{"y": np.asarray(a)} for a in arrays]
    return compare_runs(values, values, list(range(len(arrays))), LOOSE, [], {"y": role or Role()})


def one(*arrays, role=None):
    warnings = warn(*arrays, role=role).warnings
    assert len(warnings) < 2
    return warnings[0].removesuffix(LITTLE) if warnings else ""


def test_one_number_everywhere():
    assert one(np.full((2, 8), 3.0), np.full((1, 8), 3.0)) == "output y is 3.0 everywhere"
    assert one(np.ones(8, bool)) == "output y is True everywhere"
    assert one(np.full((2, 8), 3.0), np.full((1, 8), 4.0)) == ""
    assert one(np.full(4, 3.0)) == ""  # of so few, being alike says nothing


def test_mostly_nan():
    a = np.arange(8.0)
    a[:5] = np.nan
    assert one(a) == "output y is NaN in 5 of 8 elements"
    a[:2] = 0
    assert one(a) == ""


def test_ends_of_the_operator():
    half = np.array([0.0, 1.0] * 100, np.float32)
    sigmoid = Role(ends=(0.0, 1.0))
    assert one(half, role=sigmoid) == ("output y is saturated: 100.0% of its elements are at 0, 1")
    assert one(half) == ""
    half[:3] = 0.5
    assert one(half, role=sigmoid) == ""


@pytest.mark.parametrize(
    ("dtype", "low", "high"),
    [("uint8", 0, 255), ("int8", -128, 127), ("float16", -65504, 65504),
     ("float32", -np.inf, np.inf)],
)  # fmt: skip
def test_ends_of_the_type(dtype, low, high):
    assert "is saturated" in one(np.array([low, high] * 8, dtype))
    assert one(np.array([low, 1] * 8, dtype)) == ""


def test_roles_are_read_from_the_graph():
    model = onnx.parser.parse_model("""<ir_version: 8, opset_import: ["": 17]>
        g (float[2, 3, 4] x) => (float[2, 3, 4] a, float[2, 4, 3] b, float[2, 3, 4] c,
          float16[2, 3, 4] d, float[2, 3, 4] e) <float zero = {0}, float six = {6}>
        { a = Softmax (x) s = Softmax <axis = 1> (x) b = Transpose <perm = [0, 2, 1]> (s)
          c = Clip (x, zero, six) t = LogSoftmax <axis = 2> (x) d = Cast <to = 10> (t)
          e = Mul (x, x) }""")
    assert roles(model) == {
        "a": Role(True, (0.0, 1.0), 1.0),
        "b": Role(False, (0.0, 1.0), 1.0),
        "c": Role(False, (0.0, 6.0)),
        "d": Role(True, (0.0,)),
        "e": Role(),
    }


def test_the_default_axis_of_an_older_softmax():
    text = '<ir_version: 8, opset_import: ["": 11]> g (float[{}] x) => (float[{}] y)'
    for dims, scores in (("2, 3", True), ("2, 3, 4", False)):
        model = onnx.parser.parse_model(text.format(dims, dims) + " { y = Softmax (x) }")
        assert roles(model)["y"].scores is scores


def test_a_saturated_model_is_told_by_verification(save):
    a = save("""g (float[N, 16] x) => (float[N, 16] y) <float k = {900}, float h = {0.5}>
        { f = Floor (x) m = Add (f, h) l = Mul (m, k) y = Sigmoid (l) }""")
    result = verify_files(a, a, tolerance=LOOSE)
    assert result.status == "passed"
    assert any("is saturated" in w for w in result.warnings)
    b = save("g (float[N, 16] x) => (float[N, 16] y) { y = Sigmoid (x) }")
    assert verify_files(b, b, tolerance=LOOSE).warnings == ()
