import json
import platform
import subprocess
import sys

import numpy as np
import onnx
import onnx.parser
import pytest

from porting.errors import UsageError
from porting.proof import process as process_module
from porting.proof.child import work
from porting.proof.effort import MOST
from porting.proof.exchange import Case, RunFailure
from porting.proof.given import Given
from porting.proof.run import run_model
from porting.proof.tolerance import Tolerance
from porting.proof.verify import narrowest_float, verify_files

EXACT = Tolerance.for_classes(["exact"])
REORDERED = Tolerance.for_classes(["reordered"])

PAIRS = {
    "swapped operands": (
        "g (float[N, 4] x, float[N, 4] z) => (float[N, 4] y) { y = Sub (x, z) }",
        "g (float[N, 4] x, float[N, 4] z) => (float[N, 4] y) { y = Sub (z, x) }",
    ),
    "pad off by one": (
        """g (float[N, 2, 6] x) => (float[N, 2, M] y) <int64[6] p = {0, 0, 1, 0, 0, 1}>
            { y = Pad <mode = "reflect"> (x, p) }""",
        """g (float[N, 2, 6] x) => (float[N, 2, M] y) <int64[6] p = {0, 0, 2, 0, 0, 0}>
            { y = Pad <mode = "reflect"> (x, p) }""",
    ),
    "dropped attribute": (
        "g (float[N, 4] x) => (float[N, 4] y) { y = LeakyRelu <alpha = 0.3> (x) }",
        "g (float[N, 4] x) => (float[N, 4] y) { y = LeakyRelu (x) }",
    ),
    "epsilon outside the root": (
        """g (float[N, 8] x) => (float[N, 8] y) <float e = {0.01}, int64[1] a = {1}>
            { s = Mul (x, x) v = ReduceMean <axes = [1]> (s) p = Add (v, e) r = Sqrt (p)
              y = Div (x, r) }""",
        """g (float[N, 8] x) => (float[N, 8] y) <float e = {0.01}, int64[1] a = {1}>
            { s = Mul (x, x) v = ReduceMean <axes = [1]> (s) q = Sqrt (v) r = Add (q, e)
              y = Div (x, r) }""",
    ),
    "softmax over another axis": (
        "g (float[N, 4] x) => (float[N, 4] y) { y = Softmax <axis = 1> (x) }",
        "g (float[N, 4] x) => (float[N, 4] y) { y = Softmax <axis = 0> (x) }",
    ),
    "a wrong branch of an If": (
        """g (float[4] x, bool c) => (float[4] y) { y = If (c) <
            then_branch = a () => (float[4] p) { p = Abs (x) },
            else_branch = b () => (float[4] q) { q = Neg (x) }> }""",
        """g (float[4] x, bool c) => (float[4] y) { y = If (c) <
            then_branch = a () => (float[4] p) { p = Abs (x) },
            else_branch = b () => (float[4] q) { q = Identity (x) }> }""",
    ),
    "right at batch 1 only": (
        "g (float[N, 4] x) => (float[N, 4] y) { y = Identity (x) }",
        """g (float[N, 4] x) => (float[N, 4] y) <int64[1] a = {0}>
            { y = ReduceMax <axes = [0]> (x) }""",
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_wrong_conversions_are_caught(save, name):
    a, b = (save(text) for text in PAIRS[name])
    assert verify_files(a, a, tolerance=REORDERED).status == "passed"
    result = verify_files(a, b, tolerance=REORDERED)
    assert result.status == "failed"
    assert result.reason.startswith("output y: ")
    assert not result.outputs[0].passed


def test_identical_models_pass_at_two_sizes_and_report(save):
    a = save("g (float[N, T] x) => (float[N, T] y) { y = Tanh (x) }")
    result = verify_files(a, a, tolerance=EXACT)
    assert (result.status, result.warnings) == ("passed", ())
    assert result.outputs[0].elements == MOST * (2 * 4 + 1 * 7)
    record = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert set(record) == {
        "schema", "status", "reason", "outputs", "warnings", "tolerance", "runs", "expected",
    }  # fmt: skip
    assert (record["runs"], record["expected"]) == (2 * MOST, [])
    assert record["tolerance"] == {"rel": 1e-5, "abs": 0.0, "scale": 1e-5, "floor": 1e-3}
    assert record["outputs"][0]["max_abs"] == 0.0
    assert verify_files(a, a, tolerance=EXACT) == result


def test_rounding_order_passes_reordered_and_not_zero(save):
    a = save("""g (float[N, 64] x) => (float[N, M] y) { s = Mul (x, x)
        y = ReduceSum <keepdims = 1> (s) }""")
    b = save("""g (float[N, 64] x) => (float[N, M] y) <float k = {3.0}>
        { t = Div (x, k) s = Mul (t, t) r = ReduceSum <keepdims = 1> (s) u = Mul (r, k)
          y = Mul (u, k) }""")
    assert verify_files(a, b, tolerance=REORDERED).status == "passed"
    assert verify_files(a, b, tolerance=Tolerance(rel=0.0)).status == "failed"


def test_sizes_that_the_original_refuses_do_not_count(save):
    a = save(
        """g (float[N, T] x) => (float[N, T] y) <float[32] w = {ONES}>
        { y = Add (x, w) }""".replace("ONES", ", ".join("1" * 32))
    )
    result = verify_files(a, a, tolerance=EXACT)
    assert result.status == "passed"
    assert result.outputs[0].elements == MOST * (1 + 1) * 32  # lengths 1 (broadcast) and 32
    fixed = save(
        """g (float[T, 3] x) => (float[3] y) <float[3, 32] w = {ONES}>
        { z = MatMul (w, x) y = ReduceSum (z) }""".replace("ONES", ", ".join("1" * 96))
    )
    with_none = verify_files(fixed, fixed, tolerance=EXACT)
    assert with_none.status == "skipped"
    assert "runs on no inputs tried" in with_none.reason
    assert verify_files(fixed, fixed, dims={"T": 32}, tolerance=EXACT).status == "passed"


def test_one_size_only_is_said(save):
    a = save("""g (float[1, N, T] x) => (float[1, N, T] y) <int64[3] s = {1, 1, 7}>
        { y = Reshape (x, s) }""")
    result = verify_files(a, a, tolerance=EXACT)
    assert result.status == "passed"
    assert result.warnings == ("free dimensions were run at one size only: x [1, 1, 7]",)


def test_a_pinned_shape_is_followed(save):
    a = save("g (float[N, M] x) => (float[N, M] y) { y = Relu (x) }")
    b = save("g (float[1, 9] x) => (float[1, 9] y) { y = Relu (x) }")
    result = verify_files(a, b, tolerance=EXACT)
    assert result.status == "passed"
    assert result.outputs[0].shape == (1, 9)


def test_a_dropped_unused_input_and_a_narrowed_one_are_fed_right(save):
    a = save("""g (int64[N] i, float[3] unused, float[5, 2] t) => (float[N, 2] y)
        { y = Gather (t, i) }""")
    b = save("g (int32[N] i, float[5, 2] t) => (float[N, 2] y) { y = Gather (t, i) }")
    assert verify_files(a, b, tolerance=EXACT).status == "passed"
    big = {"i": np.array([2**40])}
    result = verify_files(a, b, inputs=big, tolerance=EXACT)
    assert result.status == "skipped"  # no table is that long: the original fails first


def test_values_that_do_not_fit_a_narrowed_input_fail(save):
    a = save("g (int64[2] i) => (int64[2] y) { y = Neg (i) }")
    b = save("""g (int32[2] i) => (int64[2] y) { j = Cast <to = 7> (i) y = Neg (j) }""")
    assert verify_files(a, b, tolerance=EXACT).status == "passed"
    result = verify_files(a, b, inputs={"i": np.array([1, 2**40])}, tolerance=EXACT)
    assert (result.status, result.outputs) == ("failed", ())
    assert "int32" in result.reason


def test_an_int64_output_may_become_int32_with_a_warning(save):
    a = save("g (float[N, 4] x) => (int64[N] y) { y = ArgMax <axis = 1, keepdims = 0> (x) }")
    b = save("""g (float[N, 4] x) => (int32[N] y)
        { z = ArgMax <axis = 1, keepdims = 0> (x) y = Cast <to = 6> (z) }""")
    result = verify_files(a, b, tolerance=EXACT)
    assert result.status == "passed"
    assert result.warnings == ("output y is int64 in the original only",)


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ("g (float[N] x) => (float[N] z) { z = Relu (x) }", "outputs are z instead of y"),
        ("g (float[N] x, float[N] w) => (float[N] y) { y = Add (x, w) }", "has not: w"),
        ("g (float[N, M] x) => (float[N, M] y) { y = Relu (x) }", "[N, M] instead of [N]"),
    ],
)
def test_signatures_must_agree(save, other, reason):
    a = save("g (float[N] x) => (float[N] y) { y = Relu (x) }")
    result = verify_files(a, save(other), tolerance=EXACT)
    assert result.status == "failed"
    assert reason in result.reason


def test_users_inputs_are_used(save):
    a = save("g (float[N] x) => (float[N] y) { y = Abs (x) }")
    b = save("g (float[N] x) => (float[N] y) { y = Identity (x) }")
    positive = {"x": np.array([1, 2, 3], np.float32)}
    result = verify_files(a, b, inputs=positive, tolerance=EXACT)
    assert (result.status, result.outputs[0].elements) == ("passed", 3)
    negative = {"x": np.array([-1, 2, 3], np.float32)}
    assert verify_files(a, b, inputs=negative, tolerance=EXACT).status == "failed"


def test_a_users_sequence_input_is_skipped_with_the_reason(save):
    a = save("g (seq(float[2]) s) => (float[M] y) { y = ConcatFromSequence <axis = 0> (s) }")
    result = verify_files(a, a, tolerance=EXACT)
    assert (result.status, result.reason) == (
        "skipped",
        "input s is not a tensor; give a value for it",
    )


def test_sequence_outputs_are_compared_item_by_item(save):
    text = """g (float[4, 2] x) => (seq(float[M, 2]) y)
        {{ y = SplitToSequence <axis = 0, keepdims = {}> (x) }}"""
    a, b = save(text.format(1)), save(text.format(0))
    result = verify_files(a, a, tolerance=EXACT)
    assert [output.name for output in result.outputs] == ["y[0]", "y[1]", "y[2]", "y[3]"]
    assert result.status == "passed"
    assert verify_files(a, b, tolerance=EXACT).status == "failed"


def test_wrong_requests_are_usage_errors(save):
    a = save("g (float[N] x) => (float[N] y) { y = Abs (x) }")
    with pytest.raises(UsageError, match="no input is named q"):
        verify_files(a, a, shapes={"q": (1,)}, tolerance=EXACT)
    with pytest.raises(UsageError, match="rank 1, not 2"):
        verify_files(a, a, inputs={"x": np.zeros((1, 1))}, tolerance=EXACT)
    with pytest.raises(UsageError, match="no seeds"):
        verify_files(a, a, inputs=Given(seeds=()), tolerance=EXACT)
    result = verify_files(a, a, dims={"Q": 3}, tolerance=EXACT)
    assert "no input has a dimension named Q; its size 3 was not used" in result.warnings


def test_unreadable_files_are_a_result(save, tmp_path):
    a = save("g (float[N] x) => (float[N] y) { y = Abs (x) }")
    broken, empty = tmp_path / "broken.onnx", tmp_path / "empty.onnx"
    broken.write_bytes(b"\x08\x08\x3a\xff")
    empty.write_bytes(b"")
    for bad in (broken, empty, tmp_path / "absent.onnx"):
        assert verify_files(bad, a, tolerance=EXACT).status == "skipped"
        result = verify_files(a, bad, tolerance=EXACT)
        assert result.status == "failed"
        assert bad.name in result.reason


def test_a_model_that_does_not_load_fails_or_skips_with_the_reason(save):
    a = save("g (float[N] x) => (float[N] y) { y = Abs (x) }")
    bad = save("g (float[N] x) => (float[N] y) { y = com.example.Nowhere (x) }")
    result = verify_files(a, bad, tolerance=EXACT)
    assert result.status == "failed"
    assert "Nowhere" in result.reason
    result = verify_files(bad, a, tolerance=EXACT)
    assert result.status == "skipped"
    assert "Nowhere" in result.reason
    wrong_type = save("g (float[N] x) => (float[N] y) { y = BitwiseNot (x) }", opset=18)
    assert verify_files(a, wrong_type, tolerance=EXACT).status == "failed"


def test_a_converted_model_that_fails_at_run_time_fails(save):
    a = save("g (float[4] x) => (float[M] y) { y = Abs (x) }")
    b = save("g (float[4] x) => (float[M] y) <int64[1] s = {3}> { y = Reshape (x, s) }")
    result = verify_files(a, b, tolerance=EXACT)
    assert result.status == "failed"
    assert "does not run where the original does" in result.reason


def test_bfloat16_is_computed_in_float32_and_said(save):
    a = save("g (bfloat16[4] x) => (bfloat16[4] y) { y = Abs (x) }")
    b = save("g (bfloat16[4] x) => (bfloat16[4] y) { y = Neg (x) }")
    result = verify_files(a, a, tolerance=EXACT)
    assert result.status == "passed"
    assert result.outputs[0].dtype == "bfloat16"
    assert result.warnings == (
        "in the original, 1 node was computed in float32 and cast: Abs y",
        "in the converted model, 1 node was computed in float32 and cast: Abs y",
    )
    assert verify_files(a, b, tolerance=EXACT).status == "failed"


def test_only_the_model_that_needs_it_is_taken_apart(save):
    a = save("g (float[4] x) => (float[4] y) { y = Abs (x) }")
    b = save("""g (float[4] x) => (float[4] y)
        { u = Cast <to = 16> (x) v = Abs (u) y = Cast <to = 1> (v) }""")
    result = verify_files(a, b, tolerance=Tolerance(rel=1e-2))
    assert result.status == "passed"
    assert result.warnings == (
        "in the converted model, 1 node was computed in float32 and cast: Abs v",
    )
    assert verify_files(b, a, tolerance=Tolerance(rel=1e-2)).status == "passed"


def test_constant_and_nan_outputs_prove_nothing(save):
    constant = save("g (float[4] x) => (int64[1] y, float[4] z) { y = Shape (x) z = Abs (x) }")
    result = verify_files(constant, constant, tolerance=EXACT)
    assert result.status == "passed"
    assert result.warnings == (
        "output y does not depend on the inputs drawn; the comparison proves little",
    )
    nan = save("g (float[4] x) => (float[4] y) { a = Abs (x) n = Neg (a) y = Log (n) }")
    result = verify_files(nan, nan, tolerance=EXACT)
    assert (result.status, result.reason) == ("skipped", "every output is NaN, nothing is proved")
    plain = save("g (float[4] x) => (float[4] y) { y = Abs (x) }")
    assert verify_files(nan, plain, tolerance=EXACT).status == "failed"


def test_empty_outputs_prove_nothing(save):
    a = save("""g (float[4] x) => (float[M] y) <int64[1] s = {0}, int64[1] e = {0}>
        { y = Slice (x, s, e) }""")
    result = verify_files(a, a, tolerance=EXACT)
    assert (result.status, result.reason) == ("skipped", "every output is empty, nothing is proved")


def test_random_originals_are_never_called_wrong(save):
    a = save("g (float[4] x) => (float[4] y) { r = RandomNormalLike (x) y = Add (x, r) }")
    b = save("""g (float[4] x) => (float[4] y)
        { z = Identity (x) r = RandomNormalLike (z) s = Neg (r) y = Add (x, s) }""")
    result = verify_files(a, b, tolerance=EXACT)
    assert result.status == "skipped"
    assert "RandomNormalLike" in result.reason


def test_external_data_is_found_next_to_the_model(save, tmp_path):
    text = "g (float[N, 64] x) => (float[N, 64] y) { y = MatMul (x, w) }"
    paths = []
    for number in (1, 2):
        model = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["": 17]> {text}')
        weight = np.random.default_rng(number).normal(size=(64, 64)).astype(np.float32)
        model.graph.initializer.append(onnx.numpy_helper.from_array(weight, "w"))
        paths.append(tmp_path / f"big{number}.onnx")
        onnx.save(
            model,
            paths[-1],
            save_as_external_data=True,
            size_threshold=0,
            location=f"big{number}.data",
        )
    assert verify_files(paths[0], paths[0], tolerance=EXACT).status == "passed"
    assert verify_files(paths[0], paths[1], tolerance=EXACT).status == "failed"


def test_a_case_that_kills_its_process_is_a_result_and_the_next_group_still_runs(save):
    a = save("g (int64[N] x, int64[N] d) => (int64[N] y) { y = Div (x, d) }")
    lowest = np.array([-(2**63)])
    overflow = {"x": lowest, "d": np.array([-1])}  # traps in hardware on x86
    good = {"x": np.array([6, 9]), "d": np.array([3, 3])}
    run = run_model(a, [Case(good, 0), Case(overflow, 1), Case(overflow, 1), Case(good, 2)])
    assert not isinstance(run, RunFailure)
    np.testing.assert_array_equal(run.results[0]["y"], [2, 3])
    np.testing.assert_array_equal(run.results[3]["y"], [2, 3])
    if platform.machine() in ("x86_64", "AMD64"):
        assert isinstance(run.results[1], RunFailure)
        assert "killed by" in run.results[1].reason
        assert run.results[2] is None
        assert verify_files(a, a, inputs=overflow, tolerance=EXACT).status == "skipped"


def test_a_child_that_dies_is_a_failure_naming_how(save, monkeypatch):
    a = save("g (float[2] x) => (float[2] y) { y = Abs (x) }")
    real = subprocess.Popen

    def die(command, **kwargs):
        code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
        return real([sys.executable, "-c", code], **kwargs)

    monkeypatch.setattr(process_module.subprocess, "Popen", die)
    run = run_model(a, [Case({"x": np.zeros(2, np.float32)})])
    assert isinstance(run, RunFailure)
    assert "SIGKILL (out of memory?)" in run.reason


def test_time_is_bounded(save):
    text = """g (float[2] x) => (float[2] y) <int64 n = {4000000000}, bool c = {1}>
        { y = Loop (n, c, x) <body = b (int64 i, bool k, float[2] v) => (bool k2, float[2] w)
          { k2 = Identity (k) w = Abs (v) }> }"""
    a = save(text)
    run = run_model(a, [Case({"x": np.zeros(2, np.float32)})], timeout=2.0)
    result = run if isinstance(run, RunFailure) else run.results[0]
    assert isinstance(result, RunFailure)
    assert "did not finish in 2 s" in result.reason


def test_the_process_boundary_changes_nothing(save, monkeypatch):
    texts = (
        "g (float[N, 4] x) => (float[N, 4] y) { y = Softmax (x) }",
        "g (bfloat16[4] x) => (bfloat16[4] y) { y = Abs (x) }",
        "g (string[N] x) => (string[N] y) { y = Identity (x) }",
        "g (float[4, 2] x) => (seq(float[M, 2]) y) { y = SplitToSequence (x) }",
        "g (float[N, T] x) => (float[N, T] y) <float[3] w = {1, 2, 3}> { y = Add (x, w) }",
        "g (float[N] x) => (float[N] y) { y = com.example.Nowhere (x) }",
        "g (float[N] x) => (float[N] y) { y = BitwiseNot (x) }",
    )
    paths = [save(text, opset=18) for text in texts]
    outside = [verify_files(path, path, tolerance=EXACT) for path in paths]

    def begin(child, folder):
        work(folder, {})

    monkeypatch.setattr(process_module.Child, "begin", begin)
    monkeypatch.setattr(process_module.Child, "end", lambda child, timeout: "")
    assert [verify_files(path, path, tolerance=EXACT) for path in paths] == outside
    assert [result.status for result in outside] == ["passed"] * 5 + ["skipped"] * 2


def test_importing_does_not_import_onnxruntime():
    code = "import sys, porting.proof.verify; sys.exit('onnxruntime' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("g (float[2] x) => (float[2] y) { y = Abs (x) }", "float32"),
        ("g (double[2] x) => (double[2] y) { y = Abs (x) }", "float32"),
        ("g (float16[2] x) => (float16[2] y) { y = Abs (x) }", "float16"),
        ("g (float[2] x) => (bfloat16[2] y) { y = Cast <to = 16> (x) }", "bfloat16"),
        ("g (float[2] x) => (float[2] y) <float16 w = {1}> { y = CastLike (x, w) }", "float16"),
    ],
)
def test_narrowest_float(save, text, name):
    assert narrowest_float(onnx.load(save(text))) == name


def test_a_slow_model_gets_one_seed_for_each_size(save):
    a = save("g (float[N] x) => (float[N] y) { y = Abs (x) }")
    cases = [Case({"x": np.zeros(n, np.float32)}, n) for n in (1, 1, 2, 2)]
    run = run_model(a, cases, patience=0.0)
    assert [result is None for result in run.results] == [False, True, False, True]
    run = run_model(a, cases, patience=60.0)
    assert None not in run.results


def test_enough_counts_for_each_set_of_data(save):
    a = save("g (float[N] x) => (float[N] y) { y = Abs (x) }")
    cases = [Case({"x": np.zeros(2, np.float32)}, i, i // 2) for i in range(4)]
    run = run_model(a, cases, enough=1)
    assert [result is None for result in run.results] == [False, True, False, True]
