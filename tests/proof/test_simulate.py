"""A model in a chip's compute type: exact rounding, drift, and what overflows first."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import numpy.typing as npt
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import numpy_helper, parser
from rules.harness import run_ort

from porting.errors import UsageError
from porting.model.load import load
from porting.proof.drift import Drift, drift, drift_of
from porting.proof.rounding import OVERFLOWS, VANISHES, AsIs, Half, Int8, asymmetric, symmetric
from porting.proof.simulate import WATCH, simulate

few = settings(max_examples=40, deadline=None)
Save = Callable[..., Path]
HALVES: dict[str, Any] = {"float16": np.float16, "bfloat16": ml_dtypes.bfloat16}


def parsed(text: str, opset: int = 17) -> onnx.ModelProto:
    return parser.parse_model(f'<ir_version: 8, opset_import: ["": {opset}]>\n{text}')


def run(proto: onnx.ModelProto, feeds: dict[str, Any]) -> dict[str, npt.NDArray[Any]]:
    return dict(zip((o.name for o in proto.graph.output), run_ort(proto, feeds), strict=True))


def rounded(text: str, kind: str, x: Any, opset: int = 17) -> dict[str, npt.NDArray[Any]]:
    """What a model with the one input `x` gives, rounded to a half."""
    made = simulate(load(parsed(text, opset)), Half(kind))
    return run(made.proto, {made.fed["x"]: np.asarray(x)})


def as_half(x: Any, kind: str) -> npt.NDArray[Any]:
    with np.errstate(all="ignore"):
        return np.asarray(x).astype(HALVES[kind]).astype(np.float32)


@few
@given(
    st.lists(st.integers(0, 2**32 - 1), max_size=50),
    st.sampled_from(["float16", "bfloat16"]),
)
def test_each_bit_pattern_is_rounded_as_numpy_rounds_it(bits, kind):
    x = np.array(bits, np.uint32).view(np.float32)
    text = "g (float[N] x) => (float[N] y) { y = Identity(x) }"
    assert np.array_equal(rounded(text, kind, x)["y"], as_half(x, kind), equal_nan=True)


@pytest.mark.parametrize("kind", ["float16", "bfloat16"])
def test_where_a_half_ends(kind):
    top, least = np.float32(OVERFLOWS[kind]), np.float32(VANISHES[kind])
    below, above = np.nextafter(top, np.float32(0)), np.nextafter(least, np.float32(1))
    x = np.array([top, below, least, above], np.float32)
    expected = as_half(x, kind)
    assert np.isinf(expected[0])
    assert np.isfinite(expected[1])
    assert expected[2] == 0
    assert expected[3] > 0


@few
@given(
    st.lists(st.floats(-1000, 1000, width=32), min_size=4, max_size=4),
    st.sampled_from(["float16", "bfloat16"]),
    st.sampled_from([9, 13, 18, 21]),
)
def test_inputs_weights_and_results_are_rounded_and_sums_are_float32(values, kind, opset):
    x = np.array(values, np.float32).reshape(1, 4)
    if kind == "bfloat16" and opset < 13:
        return
    w = np.linspace(-1.1, 1.3, 8, dtype=np.float32).reshape(4, 2)
    model = parsed("g (float[1,4] x) => (float[1,2] y) { a = MatMul(x, w) y = Neg(a) }", opset)
    model.graph.initializer.append(numpy_helper.from_array(w, "w"))
    made = simulate(load(model), Half(kind))
    y = run(made.proto, {made.fed["x"]: x})["y"]
    exact = as_half(x, kind).astype(np.float64) @ as_half(w, kind).astype(np.float64)
    step = np.abs(np.spacing(np.abs(exact).astype(HALVES[kind]))).astype(np.float64)
    noise = 1e-6 * (np.abs(x).astype(np.float64) @ np.abs(w))
    assert (np.abs(-y - exact) <= step + noise).all()


@few
@given(st.lists(st.floats(-100, 100, width=32), min_size=1, max_size=20))
def test_int8_keeps_zero_and_is_off_by_half_a_step_at_most(values):
    x = np.array(values, np.float32)
    low, high = float(min(x.min(), 0)), float(max(x.max(), 0))
    scale, zero = asymmetric(low, high)
    model = load(parsed("g (float[N] x) => (float[N] y) { y = Identity(x) }"))
    ranges = {"x": (low, high), "y": (low, high)}
    made = simulate(model, Int8(ranges, {}))
    y = run(made.proto, {made.fed["x"]: x})["y"]
    q = np.clip(np.rint(x / np.float32(scale)) + zero, -128, 127)
    assert np.allclose(y, ((q - zero) * np.float32(scale)), rtol=1e-6, atol=0)
    assert np.all(y[x == 0] == 0)
    assert np.all(np.abs(y - x) <= scale * 1.001)


@few
@given(st.integers(1, 4), st.integers(1, 5), st.integers(0, 1))
def test_scales_of_weights_hold_their_largest_value(rows, columns, axis):
    w = np.random.default_rng(rows * 10 + columns).standard_normal((rows, columns))
    w[0] = 0
    scale = symmetric(w, axis)
    assert scale.shape == (w.shape[axis],)
    largest = np.abs(w).max(axis=1 - axis)
    assert np.allclose(np.where(largest > 0, 127 * scale, 0), largest, rtol=1e-6)
    assert (scale[largest == 0] == 1).all()


def test_weights_have_a_scale_for_each_channel():
    w = np.array([[1.0, 1000.0], [0.5, -500.0]], np.float32)
    model = parsed("g (float[2,2] x) => (float[2,2] y) { y = MatMul(x, w) }")
    model.graph.initializer.append(numpy_helper.from_array(w, "w"))
    made = simulate(load(model), Int8({"x": (0, 1), "y": (-1000, 1000)}, {"w": w}))
    by_name = {t.name: numpy_helper.to_array(t) for t in made.proto.graph.initializer}
    assert np.allclose(by_name["w/as/int8.1/scale"], [1 / 127, 1000 / 127])


def test_biases_and_parameters_of_norms_stay_as_they_are_in_int8():
    rounding = Int8({}, {"b": np.ones(3, np.float32)})
    conv = onnx.helper.make_node("Conv", ["x", "w", "b"], ["y"])
    norm = onnx.helper.make_node("LayerNormalization", ["x", "b"], ["y"])
    assert rounding.form("b", conv, 2) is None
    assert rounding.form("b", norm, 1) is None
    assert rounding.form("b", onnx.helper.make_node("Add", ["x", "b"], ["y"]), 1) == "int8"


def test_sizes_of_a_resize_are_not_rounded():
    text = """g (float[1,1,3,3] x) => (float[1,1,N,M] y) <float[4] s = {1, 1, 1.3334, 2.0001}>
        { a = Relu(x) y = Resize(a, , s) }"""
    made = simulate(load(parsed(text)), Half("bfloat16"))
    resize = next(n for n in made.proto.graph.node if n.op_type == "Resize")
    assert resize.input[2] == "s"
    assert resize.input[0] == "a"


def test_what_is_made_of_constants_is_rounded_where_it_meets_data():
    text = """g (float[2] x) => (float[2] y) <float[2] c = {1e-5, 1e-5}, float k = {1e-5}>
        { d = Mul(c, k) e = Div(d, k) y = Add(x, e) }"""
    y = rounded(text, "float16", np.zeros(2, np.float32))["y"]
    assert y[0] == as_half(np.float32(1e-5), "float16")


def test_halves_are_left_alone():
    text = "g (float16[3] x) => (float16[3] y) { y = Neg(x) }"
    x = np.array([1, 65504, -0.0], np.float16)
    assert np.array_equal(rounded(text, "float16", x)["y"], -x)


@pytest.mark.parametrize("x", [np.array(2.5, np.float32), np.zeros((0, 3), np.float32)])
def test_scalars_and_empty_tensors_are_watched(x):
    shape = "" if x.ndim == 0 else "N,3"
    text = f"g (float[{shape}] x) => (float[{shape}] y) {{ y = Neg(x) }}".replace("[]", "")
    if x.ndim == 0:
        model = parsed("g (float[1] x) => (float[1] y) { y = Neg(x) }")
        for value in (*model.graph.input, *model.graph.output):
            value.type.tensor_type.shape.ClearField("dim")
    else:
        model = parsed(text)
    made = simulate(load(model), Half("float16"))
    watched = run(made.proto, {made.fed["x"]: x})[WATCH]
    assert watched.shape == (2, 3)
    assert watched[0].tolist() == ([2.5, 2.5, 0] if x.ndim == 0 else [0, 0, 0])


def test_bodies_are_rounded_inside():
    text = """g (float[2] x, bool c) => (float[2] y) <float k = {1.0001}>
        { y = If(c) <then_branch = t () => (float[2] a) { a = Mul(x, k) },
                     else_branch = e () => (float[2] b) { p = Mul(k, k) b = Add(x, p) }> }"""
    made = simulate(load(parsed(text)), Half("bfloat16"))
    assert made.bodies == 2
    x = np.array([3.0, 5.0], np.float32)
    y = run(made.proto, {made.fed["x"]: x, "c": np.array(True)})["y"]
    assert y.tolist() == [3.0, 5.0]  # 1.0001 is 1 in bfloat16
    onnx.checker.check_model(made.proto)


def test_a_model_that_is_only_watched_gives_what_it_gave():
    text = "g (float[4] x) => (float[4] y) { a = Exp(x) y = Sqrt(a) }"
    x = np.array([-1.7, 0.3, 20.0, 100.0], np.float32)
    made = simulate(load(parsed(text)), AsIs())
    values = run(made.proto, {made.fed["x"]: x})
    assert np.array_equal(values["y"], run(parsed(text), {"x": x})["y"])
    assert [w.name for w in made.watched] == ["x", "a", "y"]
    assert values[WATCH][1][2] == np.inf


def test_a_constant_that_is_only_watched_stays_what_it_is():
    (node,) = AsIs().constant("k", "any", "k/as/any", "float32")
    assert (node.op_type, list(node.input), list(node.output)) == ("Identity", ["k"], ["k/as/any"])


# What overflows, and why


def of(path: Path, kind: str = "float16", **options: Any) -> Drift:
    return drift(path, path, kind, **options)


def event(result: Drift, kind: str) -> tuple[str, str, str, str]:
    found = next(e for e in result.events if e.kind == kind)
    return found.value, found.node, found.op_type, found.cause


def test_a_mask_constant_overflows_first(save: Save):
    model = save(
        """g (float[2,4] x, float[2,4] hidden) => (float[2,4] y)
        <float m = {-3.4e38}, float one = {1.0}>
        { h = Relu(hidden) k = Clip(h, , one) w = Mul(k, m) s = Add(x, w) y = Softmax(s) }"""
    )
    result = of(model)
    assert event(result, "overflow") == ("m", "w", "Mul", "a mask constant")
    assert event(result, "nan")[:3] == ("w", "w", "Mul")
    assert result.status == "passed"  # a finding, without a tolerance
    assert "not finite" in result.reason


@pytest.mark.parametrize(
    ("body", "cause"),
    [
        ("a = Mul(x, big) b = Exp(a) y = Log(b)", "an exponential"),
        ("a = Mul(x, k) b = ReduceSumSquare<axes = [1]>(a) y = Sqrt(b)", "a sum of squares"),
        ("a = Mul(x, k) b = Mul(a, a) y = Sqrt(b)", "a square"),
        ("a = Mul(x, k) b = Pow(a, two) y = Sqrt(b)", "a square"),
        ("a = Mul(x, k) b = MatMul(a, w) y = Div(b, k)", "a sum of products"),
        ("a = Mul(x, k) b = Mul(a, k) y = Div(b, k)", "a product"),
    ],
)
def test_the_cause_of_an_overflow_is_named(save: Save, body: str, cause: str):
    constants = "float big = {40.0}, float k = {1000.0}, float two = {2.0}"
    w = ", ".join(["100.0"] * 16)
    text = f"g (float[4,4] x) => (float[N,M] y) <{constants}, float[4,4] w = {{{w}}}> {{ {body} }}"
    found = event(of(save(text), inputs={"x": np.full((4, 4), 1.0, np.float32)}), "overflow")
    assert (found[0], found[3]) == ("b", cause)


def test_an_epsilon_that_vanishes_is_named(save: Save):
    model = save(
        """g (float[2,4] x) => (float[2,4] y) <float eps = {1e-12}>
        { a = ReduceMean<axes = [1]>(x) b = Add(a, eps) c = Sqrt(b) y = Div(x, c) }"""
    )
    found = event(of(model, inputs={"x": np.zeros((2, 4), np.float32)}), "vanishes")
    assert found == ("eps", "b", "Add", "a constant")
    result = of(model, inputs={"x": np.zeros((2, 4), np.float32)})
    assert event(result, "nan")[3] == "zero by zero, or infinity by infinity"


def test_nan_of_the_original_is_no_event(save: Save):
    model = save("g (float[4] x) => (float[4] y) { a = Log(x) y = Neg(a) }")
    result = of(model, inputs={"x": np.array([-1, 1, 2, 3], np.float32)})
    assert result.events == ()
    assert drift_of(result.outputs[0]) is not None


def test_a_square_fits_bfloat16_and_not_float16(save: Save):
    model = save("g (float[3] x) => (float[3] y) { a = Mul(x, x) y = Sqrt(a) }")
    x = {"x": np.array([300.0, 1.0, 2.0], np.float32)}
    assert event(of(model, "float16", inputs=x), "overflow")[0] == "a"
    assert of(model, "bfloat16", inputs=x).events == ()


def test_drift_is_held_to_a_tolerance_that_is_asked_for(save: Save):
    model = save("g (float[64] x) => (float[64] y) { a = Sin(x) y = Mul(a, a) }")
    assert of(model, "bfloat16").status == "passed"
    assert of(model, "bfloat16", tolerance=0.05).status == "passed"
    strict = of(model, "bfloat16", tolerance=1e-6)
    assert strict.status == "failed"
    assert "more than 1e-06" in strict.reason
    fine = drift_of(of(model, "float16").outputs[0])
    coarse = drift_of(of(model, "bfloat16").outputs[0])
    assert fine is not None
    assert coarse is not None
    assert 0 < fine < coarse < 0.02


def test_integers_drift_by_the_share_that_differs(save: Save):
    model = save("g (float[4] x) => (int64[4] y) { y = Cast<to = 7>(x) }")
    result = of(model, inputs={"x": np.array([1, 2, 4097, 8], np.float32)})
    assert drift_of(result.outputs[0]) == 0.25


def test_int8_is_calibrated_on_the_inputs_given(save: Save):
    model = save("g (float[N,8] x) => (float[N,8] y) { a = Relu(x) y = Mul(a, x) }")
    x = np.random.default_rng(0).standard_normal((16, 8)).astype(np.float32)
    result = of(model, "int8", inputs={"x": x})
    far = drift_of(result.outputs[0])
    assert far is not None
    assert 0 < far < 0.05
    assert any("calibrated on 1 set of inputs" in note for note in result.notes)


def test_a_mask_takes_all_the_steps_of_int8(save: Save):
    model = save(
        """g (float[2,4] x) => (float[2,4] y) <float[1,4] m = {0, 0, 0, -1e9}>
        { s = Add(x, m) y = Softmax(s) }"""
    )
    assert event(of(model, "int8"), "mask") == ("m", "s", "Add", "a mask constant")


@pytest.mark.parametrize("opset", [8, 11])
def test_older_opsets_are_raised_for_bfloat16(save: Save, opset: int):
    model = save("g (float[4] x) => (float[4] y) { a = Sin(x) y = Neg(a) }", opset=opset, ir=3)
    result = of(model, "bfloat16")
    far = drift_of(result.outputs[0])
    assert far is not None
    assert 0 < far < 0.01


def test_free_sizes_follow_the_converted_model(save: Save):
    free = save("g (float[N,3] x) => (float[N,3] y) { y = Relu(x) }")
    static = save("g (float[5,3] x) => (float[5,3] y) { y = Relu(x) }")
    assert drift(free, static, "float16").outputs[0].shape == (5, 3)


def test_what_does_not_run_is_said(save: Save):
    model = save("g (float[3] x) => (float[3] y) { y = com.example.Unknown(x) }")
    result = of(model)
    assert result.status == "skipped"
    assert "does not run" in result.reason


def test_other_types_are_refused(save: Save):
    model = save("g (float[3] x) => (float[3] y) { y = Relu(x) }")
    with pytest.raises(UsageError, match="cannot be simulated"):
        of(model, "float8")
    with pytest.raises(UsageError, match="no tolerance"):
        of(model, tolerance=-1.0)


def test_memory_does_not_grow_with_the_number_of_tensors():
    """Rows are made in such an order that each tensor is let go of."""
    chain = " ".join(f"t{i + 1} = Sin(t{i})" for i in range(8))
    text = f"g (float[3] t0) => (float[3] t8) {{ {chain} }}"
    made = simulate(load(parsed(text)), Half("float16"))
    rows = [n.output[0] for n in made.proto.graph.node if n.output[0].startswith(f"{WATCH}/")]
    joined = made.proto.graph.node[-1]
    assert rows[-1] == joined.input[0]
    assert [r for r in rows if r in joined.input] == list(reversed(joined.input))
