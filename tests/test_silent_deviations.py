"""What Ascend accepts and computes otherwise: found by check, repaired by convert, proved."""

import onnx
import pytest
from legalize.toy import model

import porting

CASES = {
    "Gemm": (
        """g (float[4,2] x) => (float[4,3] y) <float[2,3] w = {1., 2., 3., 4., 5., 6.}>
        { y = Gemm<alpha = 0.5>(x, w) }""",
        "alpha is dropped",
    ),
    "Resize": (
        """g (float[1,2,8,8] x) => (float[1,2,4,4] y) <float[4] scales = {1., 1., 0.5, 0.5}>
        { y = Resize<mode = "linear", antialias = 1>(x, , scales) }""",
        "antialias is ignored",
    ),
    "AveragePool": (
        """g (float[1,2,8,8] x) => (float[1,2,8,8] y)
        { y = AveragePool<kernel_shape = [2, 2], auto_pad = "SAME_LOWER">(x) }""",
        "SAME_LOWER is run as SAME_UPPER",
    ),
    "MaxPool": (
        """g (float[1,2,8,8] x) => (float[1,2,8,8] y)
        { y = MaxPool<kernel_shape = [2, 2], auto_pad = "SAME_LOWER">(x) }""",
        "SAME_LOWER is run as SAME_UPPER",
    ),
}


@pytest.mark.parametrize(("body", "reason"), CASES.values(), ids=CASES)
def test_check_says_deviates_and_why_and_convert_repairs_it(body, reason, tmp_path):
    path = tmp_path / "model.onnx"
    onnx.save_model(model(" ".join(body.split()), opset=18), path)
    result = porting.check(path, "ascend-310p")
    assert not result.passed
    (node,) = [n for n in result.nodes if n.verdict == "deviates"]
    assert any(reason in f.message for f in node.findings)
    made = porting.convert(path, "ascend-310p", tmp_path / "out.onnx")
    assert made.after.legal
    assert made.verified
    assert made.rewrites


BRANCH = """
g (bool c, float[2] x) => (float[2] y) {
  y = If (c) <
    then_branch = t () => (float[2] a) { [inside] a = DFT(x) },
    else_branch = e () => (float[2] b) { b = Relu(x) }
  >
}
"""


def test_an_unsupported_operator_inside_a_branch_fails_the_gate_and_names_the_scope(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(model(BRANCH, opset=17).SerializeToString())
    result = porting.check(path, "ascend-310p")
    assert not result.passed
    (node,) = [n for n in result.nodes if n.verdict == "unsupported"]
    assert (node.name, node.op_type, node.scope) == ("inside", "DFT", "y.then_branch")
