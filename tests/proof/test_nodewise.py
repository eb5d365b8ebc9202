"""Models that onnxruntime cannot run as a whole: who runs which node, and what comes out."""

import tracemalloc

import ml_dtypes
import numpy as np
import onnx
import onnx.parser
import pytest
from onnx import TensorProto, helper, numpy_helper

from porting.proof import nodewise as nodewise_module
from porting.proof.exchange import Case, ModelRun, RunFailure
from porting.proof.nodewise import Nodewise
from porting.proof.run import run_model
from porting.proof.sessions import NoRunnerError
from porting.proof.tolerance import Tolerance
from porting.proof.verify import verify_files

EXACT = Tolerance.for_classes(["exact"])
BFLOAT16 = np.dtype(ml_dtypes.bfloat16)


def normal(*shape, dtype="float32", seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def run(path, **feeds):
    """The first output, and what is said about the run."""
    model = Nodewise(path)
    with np.errstate(all="ignore"):
        return model.run(feeds)[0], model.notes()


def test_a_model_that_onnxruntime_runs_is_one_step(save):
    path = save("""g (float[N, 4] x) => (float[N, 4] y) <float[4] w = {1, 2, 3, 4}>
        { a = Mul (x, w) b = Tanh (a) y = Add (b, x) }""")
    x = normal(2, 4)
    y, notes = run(path, x=x)
    np.testing.assert_allclose(y, np.tanh(x * [1, 2, 3, 4]) + x, rtol=1e-6)
    assert notes == []


def test_float64_nodes_without_a_kernel_go_to_the_reference_one_by_one(save):
    path = save("""g (double[N, 4] x) => (double[N, 4] y)
        { a = Tanh (x) b = Asin (a) c = Mul (b, b) d = Asin (a) y = Add (c, d) }""")
    x = normal(2, 4, dtype="float64")
    y, notes = run(path, x=x)
    a = np.arcsin(np.tanh(x))
    np.testing.assert_allclose(y, a * a + a, rtol=1e-12)
    assert notes == ["2 nodes were run by onnx.reference: Asin b, Asin d"]


def test_a_float64_convolution_is_computed_in_float32(save):
    path = save("""g (double[1, 3, 8, 8] x, double[4, 3, 3, 3] w) => (double[1, 4, 6, 6] y)
        { c = Conv (x, w) y = Relu (c) }""")
    x, w = normal(1, 3, 8, 8, dtype="float64"), normal(4, 3, 3, 3, dtype="float64", seed=1)
    y, notes = run(path, x=x, w=w)
    assert y.dtype == np.float64
    windows = np.lib.stride_tricks.sliding_window_view(x[0], (3, 3), axis=(1, 2))
    want = np.maximum(np.einsum("chwij,ocij->ohw", windows, w), 0)
    np.testing.assert_allclose(y[0], want, rtol=1e-4, atol=1e-5)
    assert notes == ["1 node was computed in float32 and cast: Conv c"]


def test_bfloat16_crosses_pieces_unchanged(save):
    """Reshape has a bfloat16 kernel, Add has none."""
    path = save("""g (bfloat16[2, 3] x) => (bfloat16[6] y, bfloat16[2, 3] z) <int64[1] s = {6}>
        { r = Reshape (x, s) y = Add (r, w) z = Identity (x) }""")
    model = onnx.load(path)
    weight = np.arange(1, 7).astype(BFLOAT16)
    model.graph.initializer.append(numpy_helper.from_array(weight, "w"))
    onnx.save(model, path)
    x = normal(2, 3).astype(BFLOAT16)
    model = Nodewise(path)
    y, z = model.run({"x": x})
    assert (y.dtype, z.dtype) == (BFLOAT16, BFLOAT16)
    np.testing.assert_array_equal(z, x)
    want = (x.reshape(6).astype("float32") + np.arange(1, 7, dtype="float32")).astype(BFLOAT16)
    np.testing.assert_array_equal(y, want)
    assert model.notes() == ["1 node was computed in float32 and cast: Add y"]


@pytest.mark.parametrize(("op_type", "gates"), [("RNN", 1), ("GRU", 3), ("LSTM", 4)])
@pytest.mark.parametrize("dtype", ["float", "bfloat16"])
def test_layout_1_is_layout_0_turned(save, op_type, gates, dtype):
    numpy_type = np.dtype("float32") if dtype == "float" else BFLOAT16
    names = ("y", "h", "c") if op_type == "LSTM" else ("y", "h")

    def text(kind, shape, state, extra):
        outputs = ", ".join(f"{kind}[{'A, B, C, D' if o == 'y' else 'E, F, G'}] {o}" for o in names)
        return f"""g ({kind}[{shape}] x, {kind}[1, {gates * 4}, 3] w, {kind}[1, {gates * 4}, 4] r,
            int32[2] n, {kind}[{state}] i) => ({outputs})
            {{ {", ".join(names)} = {op_type} <hidden_size = 4 {extra}> (x, w, r, , n, i) }}"""

    path = save(text(dtype, "2, 5, 3", "2, 1, 4", ", layout = 1"))
    other = save(text("float", "5, 2, 3", "1, 2, 4", ""))
    feeds = {
        "x": normal(2, 5, 3), "w": normal(1, gates * 4, 3, seed=1),
        "r": normal(1, gates * 4, 4, seed=2), "i": normal(2, 1, 4, seed=3),
    }  # fmt: skip
    feeds = {name: value.astype(numpy_type) for name, value in feeds.items()}
    lengths = {"n": np.array([5, 3], np.int32)}
    model = Nodewise(path)
    made = model.run(feeds | lengths)
    turned = {name: value.astype("float32") for name, value in feeds.items()}
    turned |= {name: turned[name].transpose(1, 0, 2) for name in ("x", "i")}
    want = run_model(other, [Case(turned | lengths)])
    assert isinstance(want, ModelRun)
    first = want.results[0]
    order = {"y": (2, 0, 1, 3), "h": (1, 0, 2), "c": (1, 0, 2)}
    close = 1e-6 if dtype == "float" else 1e-2
    for name, value in zip(names, made, strict=True):
        assert value.dtype == numpy_type
        got = value.astype("float32")
        np.testing.assert_allclose(got, first[name].transpose(order[name]), atol=close)
    said = "run with the batch in the middle (layout 0)"
    assert model.notes() == [f"1 node was {said}: {op_type} y"]


def test_an_if_whose_body_has_no_kernel_goes_to_the_reference_as_a_whole(save):
    path = save("""g (double[2] x, bool c) => (double[2] y)
        { z = Add (x, x) y = If (c) <
            then_branch = a () => (double[2] p) { p = Asin (z) },
            else_branch = b () => (double[2] q) { q = Identity (z) }> }""")
    x = np.array([0.1, 0.2])
    y, notes = run(path, x=x, c=np.array(True))
    np.testing.assert_allclose(y, np.arcsin(2 * x), rtol=1e-12)
    assert notes == ["1 node was run by onnx.reference: If y"]
    y, _ = run(path, x=x, c=np.array(False))
    np.testing.assert_array_equal(y, 2 * x)


def test_an_opset_that_onnxruntime_has_not_is_lowered_where_the_operators_are_older(save):
    path = save("g (float[4] x) => (float[4] y) { a = Abs (x) y = Sqrt (a) }", opset=28, ir=13)
    x = normal(4)
    y, notes = run(path, x=x)
    np.testing.assert_allclose(y, np.sqrt(np.abs(x)), rtol=1e-6)
    assert notes == []
    assert verify_files(path, path, tolerance=EXACT).status == "passed"


@pytest.mark.parametrize("external", [False, True])
def test_large_weights_are_fed_from_their_files(tmp_path, external):
    weight = normal(64, 64, dtype="float64")
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["a"]), helper.make_node("Tanh", ["a"], ["b"]),
         helper.make_node("Acos", ["b"], ["y"])],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.DOUBLE, ["N", 64])],
        [helper.make_tensor_value_info("y", TensorProto.DOUBLE, ["N", 64])],
        [numpy_helper.from_array(weight, "w")],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path = tmp_path / "m.onnx"
    onnx.save(model, path, save_as_external_data=external, size_threshold=0, location="m.data")
    x = normal(2, 64, dtype="float64", seed=1)
    y, notes = run(path, x=x)
    np.testing.assert_allclose(y, np.arccos(np.tanh(x @ weight)), atol=1e-7)
    assert notes == ["1 node was run by onnx.reference: Acos y"]


def test_local_functions_are_taken_apart(tmp_path):
    model = onnx.parser.parse_model("""<ir_version: 8, opset_import: ["": 17, "l": 1]>
        g (double[4] x) => (double[4] y) { a = l.f (x) y = Mul (a, a) }
        <domain: "l", opset_import: ["": 17]> f (u) => (v) { t = Tanh (u) v = Acos (t) }""")
    onnx.save(model, tmp_path / "m.onnx")
    x = normal(4, dtype="float64")
    y, _ = run(tmp_path / "m.onnx", x=x)
    np.testing.assert_allclose(y, np.arccos(np.tanh(x)) ** 2, rtol=1e-9)


def test_where_the_reference_is_wrong_too_nothing_is_run(save):
    path = save("""g (double[2, 3] x, int64 n) => (double[2, 3] y, double[T] s) {
        c = Constant <value = bool {1}> ()
        y, s = Loop (n, c, x) <body = b (int64 i, bool k, double[2, 3] v)
          => (bool k2, double[2, 3] w, double e)
          { k2 = Identity (k) w = Asin (v) e = ReduceSum <keepdims = 0> (w) }> }""")
    with pytest.raises(NoRunnerError, match=r"Loop y: .*it stacks numbers as columns") as caught:
        Nodewise(path)
    assert caught.value.beyond
    feeds = {"x": np.zeros((2, 3)), "n": np.array(2)}
    ran = run_model(path, [Case(feeds)])
    assert isinstance(ran, RunFailure)
    assert ran.beyond
    easy = save("""g (double[2, 3] x, int64 n) => (double[2, 3] y, double[T] s)
        { y = Identity (x) c = Cast <to = 11> (n) a = Constant <value_ints = [0]> ()
          s = Unsqueeze (c, a) }""")
    result = verify_files(easy, path, tolerance=EXACT)
    assert result.status == "skipped"
    assert result.reason.startswith("the converted model was not run: ")


def test_a_kernel_found_missing_only_when_run_is_replaced(save, monkeypatch):
    path = save("g (float[4] x) => (float[4] y) { a = Abs (x) b = Sin (a) y = Neg (b) }")
    model = Nodewise(path)
    real = nodewise_module.Runner.run

    def fail(runner, given):
        if any(node == "1" for step in model._steps for node in map(str, step.numbers)
               if step.runner is runner):  # fmt: skip
            raise RuntimeError(
                "Could not find an implementation for Sin: while running Sin node. Name:'1' x"
            )
        return real(runner, given)

    monkeypatch.setattr(nodewise_module.Runner, "run", fail)
    x = normal(4)
    np.testing.assert_allclose(model.run({"x": x})[0], -np.sin(np.abs(x)), rtol=1e-6)
    assert model.notes() == ["1 node was run by onnx.reference: Sin b"]


def test_tensors_are_dropped_when_nothing_needs_them(save):
    chain = " ".join(f"a{i + 1} = Asinh (a{i})" for i in range(40))
    path = save(f"g (double[N] a0) => (double[N] a40) {{ {chain} }}")
    model = Nodewise(path)
    x = np.ones(1 << 17)
    tracemalloc.start()
    try:
        model.run({"a0": x})
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8 * x.nbytes
    assert model.notes()[0].startswith("40 nodes were run by onnx.reference: Asinh a1, ")
    assert model.notes()[0].endswith("and 35 more")


def test_no_false_alarm_where_two_libraries_share_a_model(save):
    a = save("g (double[4] x) => (double[4] y) { t = Tanh (x) y = Asin (t) }")
    b = save("g (double[4] x) => (double[4] y) { u = Tanh (x) v = Asin (u) y = Identity (v) }")
    wrong = save("g (double[4] x) => (double[4] y) { u = Tanh (x) v = Acos (u) y = Identity (v) }")
    assert verify_files(a, b, tolerance=EXACT).status == "passed"
    assert verify_files(a, wrong, tolerance=EXACT).status == "failed"
