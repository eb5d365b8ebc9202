"""NaN, infinities, the sign of zero, overflow, cancellation and integers."""

from typing import Any

import numpy as np
import pytest
from onnx import ModelProto
from rules.harness import rewrite, the_rule
from traps.trap import applied, every_rule, floats, model, ort, reference, same

from porting.rules import activations, elementwise, gelu, normalization

INF, NAN = np.inf, np.nan
PAIR = "(float[2] a, float[2] b) => "


def test_an_infinity_in_the_branch_not_taken_stays_there() -> None:
    condition = np.array([True, False])
    feed = {"c": condition, "a": floats(1, 2), "b": floats(-INF, 3)}
    case = model(13, "(bool[2] c, float[2] a, float[2] b) => (float[2] y) { y = Where(c, a, b) }")
    blend = model(
        13,
        """(bool[2] c, float[2] a, float[2] b) => (float[2] y) <float one = {1}> {
            m = Cast<to = 1>(c)  rest = Sub(one, m)
            p = Mul(m, a)  q = Mul(rest, b)  y = Add(p, q)
        }""",
    )
    assert np.isnan(ort(blend, feed)[0])
    every_rule("Where", case, feed)


def test_an_infinity_outside_the_triangle_leaves_no_nan() -> None:
    feed = {"x": np.full((2, 2), -INF, np.float32)}
    case = model(
        14,
        "(float[2,2] x) => (float[2,2] y) <int64 k = {0}> { y = Trilu<upper = 1>(x, k) }",
    )
    masked = model(
        14, "(float[2,2] x) => (float[2,2] y) <float[2,2] m = {1, 1, 0, 1}> { y = Mul(x, m) }"
    )
    assert np.isnan(ort(masked, feed)[1, 0])
    assert "trilu-to-where" in applied(every_rule("Trilu", case, feed))


@pytest.mark.parametrize("op_type", ["Max", "Min"])
def test_nan_wins_in_either_place_of_an_extremum(op_type: str) -> None:
    feed = {"a": floats(NAN, 1), "b": floats(1, NAN)}
    compare = "Greater" if op_type == "Max" else "Less"
    chosen = model(13, PAIR + f"(float[2] y) {{ c = {compare}(a, b)  y = Where(c, a, b) }}")
    case = model(13, PAIR + f"(float[2] y) {{ y = {op_type}(a, b, a) }}")
    assert np.isnan(ort(case, feed)).all()
    assert not np.isnan(ort(chosen, feed)).all()
    assert "extremum-of-two" in applied(every_rule(op_type, case, feed))


@pytest.mark.parametrize(
    ("op_type", "opposite"), [("GreaterOrEqual", "Less"), ("LessOrEqual", "Greater")]
)
def test_nan_is_neither_greater_nor_less_nor_equal(op_type: str, opposite: str) -> None:
    feed = {"a": floats(NAN, 1), "b": floats(0, 1)}
    case = model(16, PAIR + f"(bool[2] y) {{ y = {op_type}(a, b) }}")
    negated = model(16, PAIR + f"(bool[2] y) {{ t = {opposite}(a, b)  y = Not(t) }}")
    assert ort(case, feed).tolist() == [False, True]
    assert ort(negated, feed).tolist() == [True, True]
    assert applied(every_rule(op_type, case, feed))


@pytest.mark.parametrize(
    ("op_type", "body"),
    [
        ("ArgMax", "(int64[1,1] y) { y = ArgMax<axis = 1>(x) }"),
        ("ReduceMax", "(float[1,1] y) { y = ReduceMax<axes = [1]>(x) }"),
    ],
)
def test_a_maximum_with_nan_is_for_each_runtime_to_define(op_type: str, body: str) -> None:
    case = model(13, f"(float[1,4] x) => {body}")
    open_case = {"x": floats(1, NAN, 3, 2).reshape(1, 4)}
    assert not same(ort(case, open_case), reference(case, open_case))
    # so that rules are held to numbers that are numbers, infinities included
    every_rule(op_type, case, {"x": floats(1, -INF, INF, 2).reshape(1, 4)})


def test_relu_of_infinity_is_infinity() -> None:
    feed = {"x": floats(INF, 2, -INF)}
    case = model(13, "(float[3] x) => (float[3] y) { y = Relu(x) }")
    clipped = model(13, "(float[3] x) => (float[3] y) <float low = {0}> { y = Clip(x, low) }")
    assert np.isfinite(ort(clipped, feed)[0])
    assert applied(every_rule("Relu", case, feed))
    # the way back follows onnx's function body, and not onnxruntime's Clip
    result = rewrite(clipped, the_rule(elementwise.clip_to_relu))
    assert reference(result, feed)[0] == reference(clipped, feed)[0] == INF


def test_a_row_that_is_masked_throughout_stays_nan() -> None:
    x = np.zeros((2, 4), np.float32)
    x[0, 1], x[1] = -INF, -INF
    case = model(13, "(float[2,4] x) => (float[2,4] y) { y = Softmax<axis = -1>(x) }")
    assert np.isnan(ort(case, {"x": x})[1]).all()
    finite = ort(case, {"x": np.maximum(x, np.float32(-1e4))})
    assert same(finite[1], np.full(4, 0.25))
    assert applied(every_rule("Softmax", case, {"x": x}))


def test_the_sign_of_zero_is_kept() -> None:
    feed = {"x": floats(0.0, -0.0)}
    case = model(13, "(float[2] x) => (float[2] y) { t = Neg(x)  y = Reciprocal(t) }")
    from_zero = model(
        13, "(float[2] x) => (float[2] y) <float z = {0}> { t = Sub(z, x)  y = Reciprocal(t) }"
    )
    assert not same(ort(from_zero, feed), ort(case, feed))
    assert applied(every_rule("Neg", case, feed))
    magnitude = model(13, "(float[2] x) => (float[2] y) { t = Abs(x)  y = Reciprocal(t) }")
    of_two = model(
        13, "(float[2] x) => (float[2] y) { n = Neg(x)  t = Max(x, n)  y = Reciprocal(t) }"
    )
    assert not same(ort(of_two, feed), ort(magnitude, feed))
    assert applied(every_rule("Abs", magnitude, feed))


def test_a_power_of_a_negative_number_is_no_exponential() -> None:
    feed = {"x": floats(-2, 0, 2)}
    case = model(13, "(float[3] x) => (float[3] y) <float p = {2}> { y = Pow(x, p) }")
    logarithmic = model(
        13,
        "(float[3] x) => (float[3] y) <float p = {2}> { l = Log(x)  m = Mul(l, p)  y = Exp(m) }",
    )
    assert np.isnan(ort(logarithmic, feed)).any()
    assert applied(every_rule("Pow", case, feed))


@pytest.mark.parametrize("p", [1, 2])
def test_a_zero_vector_is_its_own_normalisation(p: int) -> None:
    feed = {"x": np.zeros((2, 4), np.float32)}
    case = model(
        18, f"(float[2,4] x) => (float[2,4] y) {{ y = LpNormalization<axis = -1, p = {p}>(x) }}"
    )
    divided = model(
        18,
        f"""(float[2,4] x) => (float[2,4] y) <int64[1] a = {{-1}}> {{
            n = ReduceL{p}(x, a)  y = Div(x, n)
        }}""",
    )
    assert np.isnan(ort(divided, feed)).all()
    assert applied(every_rule("LpNormalization", case, feed))


def test_softplus_of_large_numbers_is_the_number() -> None:
    feed = {"x": floats(10, 89, 1000, -1000)}
    case = model(18, "(float[4] x) => (float[4] y) { y = Softplus(x) }")
    naive = model(
        18,
        "(float[4] x) => (float[4] y) <float o = {1}> { e = Exp(x)  s = Add(e, o)  y = Log(s) }",
    )
    assert np.isinf(ort(naive, feed)).any()
    assert applied(every_rule("Softplus", case, feed))


def test_softplus_of_large_halves_is_the_number() -> None:
    feed = {"x": floats(12, 100, dtype="float16")}
    case = model(18, "(float16[2] x) => (float16[2] y) { y = Softplus(x) }")
    with np.errstate(over="ignore"):
        assert np.isinf(np.exp(feed["x"])[1])
    result = rewrite(case, the_rule(activations.softplus_to_log_exp))
    assert same(reference(result, feed), feed["x"], 1e-3)


def test_the_logarithm_of_a_small_probability_is_finite() -> None:
    feed = {"x": floats(0, -200).reshape(1, 2)}
    case = model(13, "(float[1,2] x) => (float[1,2] y) { y = LogSoftmax<axis = -1>(x) }")
    naive = model(13, "(float[1,2] x) => (float[1,2] y) { s = Softmax<axis = -1>(x)  y = Log(s) }")
    assert np.isinf(ort(naive, feed)).any()
    # onnx.reference computes LogSoftmax just so
    assert np.isinf(reference(case, feed)).any()
    assert applied(every_rule("LogSoftmax", case, feed, reference=False))


FAR = np.random.default_rng(0).standard_normal((1, 64)).astype(np.float32) + np.float32(4096)
LAYER = "(float[1,64] x, float[64] s) => (float[1,64] y) { y = LayerNormalization(x, s) }"
DEVIATION = """(float[1,64] x, float[64] s) => (float[1,64] y) <float[1] e = {0.00001}> {
    m = ReduceMean<axes = [1]>(x)  x2 = Mul(x, x)  q = ReduceMean<axes = [1]>(x2)  m2 = Mul(m, m)
    v = Sub(q, m2)  ve = Add(v, e)  d = Sqrt(ve)  c = Sub(x, m)  n = Div(c, d)  y = Mul(n, s)
}"""


def test_a_variance_far_from_zero_does_not_cancel() -> None:
    feed = {"x": FAR, "s": np.ones(64, np.float32)}
    wide = FAR.astype(np.float64)
    wanted = (wide - wide.mean()) / np.sqrt(wide.var() + 1e-5)
    assert not same(ort(model(17, DEVIATION), feed), wanted, 0.1)
    assert applied(
        every_rule("LayerNormalization", model(17, LAYER), feed, rel=1e-2, absolute=1e-2)
    )
    result = rewrite(model(17, LAYER), the_rule(normalization.layer_normalization_to_means))
    for run in (ort, reference):
        assert same(run(result, feed), wanted, 1e-3)


HALVES = [
    (normalization.layer_normalization_to_means, 17, "LayerNormalization(x, s)"),
    (normalization.rms_normalization_to_means, 23, "RMSNormalization(x, s)"),
    (normalization.lp_normalization_to_sums, 22, "LpNormalization<axis = -1>(x)"),
]


@pytest.mark.parametrize(("function", "opset", "call"), HALVES)
def test_squares_of_halves_do_not_overflow(function: Any, opset: int, call: str) -> None:
    signs = np.array([1, -1] * 4)
    feed = {"x": (300 * signs).astype(np.float16).reshape(1, 8), "s": np.ones(8, np.float16)}
    text = f"(float16[1,8] x, float16[8] s) => (float16[1,8] y) {{ y = {call} }}"
    case = model(opset, text, ir_version=10)
    wanted = signs.reshape(1, 8) / (np.sqrt(8) if "Lp" in call else 1)
    with np.errstate(over="ignore"):
        narrow = feed["x"] / np.sqrt((feed["x"] ** 2).mean(dtype=np.float16))
    assert not narrow.any()
    # onnx.reference falls in itself, and onnxruntime hides it, because it computes in float32
    assert not reference(case, feed).any()
    assert same(reference(rewrite(case, the_rule(function)), feed), wanted, 2e-3)


def test_gelu_of_large_halves_is_right_though_the_cube_overflows() -> None:
    feed = {"x": floats(-300, -50, -5, 5, 50, 300, dtype="float16")}
    case = model(20, '(float16[6] x) => (float16[6] y) { y = Gelu<approximate = "tanh">(x) }', 9)
    with np.errstate(over="ignore"):
        assert np.isinf(feed["x"] ** 3).any()
    result = rewrite(case, the_rule(gelu.gelu_to_tanh))
    assert same(reference(result, feed), floats(0, 0, 0, 5, 50, 300), 1e-3)


def _folded(case: ModelProto) -> np.ndarray:
    """What the constant arithmetic of a model gives when shapes are computed from it."""
    from rules.harness import graph_of

    found = graph_of(case).value("y").value()
    assert found is not None
    return found


def test_halves_are_rounded_to_even() -> None:
    feed = {"x": floats(0.5, 1.5, 2.5, -0.5, -1.5, -2.5)}
    case = model(13, "(float[6] x) => (float[6] y) { y = Round(x) }")
    up = model(13, "(float[6] x) => (float[6] y) <float h = {0.5}> { t = Add(x, h)  y = Floor(t) }")
    assert not same(ort(up, feed), ort(case, feed))
    assert applied(every_rule("Round", case, feed))


def test_the_remainder_has_the_sign_of_the_divisor() -> None:
    feed = {"a": np.array([7, -7, 7, -7]), "b": np.array([3, 3, -3, -3])}
    head = "(int64[4] a, int64[4] b) => (int64[4] y) "
    case = model(13, head + "{ y = Mod(a, b) }")
    truncated = model(13, head + "{ q = Div(a, b)  p = Mul(q, b)  y = Sub(a, p) }")
    assert not same(ort(truncated, feed), ort(case, feed))
    assert applied(every_rule("Mod", case, feed))


def test_integers_are_not_divided_as_floats() -> None:
    feed = {"a": np.array([16777217, -7]), "b": np.array([1, 2])}
    head = "(int64[2] a, int64[2] b) => (int64[2] y) "
    case = model(13, head + "{ y = Div(a, b) }")
    through_floats = model(
        13,
        head + "{ p = Cast<to = 1>(a)  q = Cast<to = 1>(b)  d = Div(p, q)  f = Floor(d) "
        "y = Cast<to = 7>(f) }",
    )
    assert not (ort(through_floats, feed) == ort(case, feed)).any()
    every_rule("Div", case, feed)
    constants = model(
        13,
        "() => (int64[2] y) <int64[2] a = {16777217, -7}, int64[2] b = {1, 2}> { y = Div(a, b) }",
    )
    assert _folded(constants).tolist() == [16777217, -3]


def test_the_last_end_of_a_slice_survives_a_narrower_type() -> None:
    end = 2**63 - 1
    feed = {"x": floats(0, 1, 2, 3)}
    case = model(
        13,
        f"(float[4] x) => (float[3] y) <int64[1] s = {{1}}, int64[1] e = {{{end}}}> "
        "{ y = Slice(x, s, e) }",
    )
    wrapped = model(
        13,
        f"(float[4] x) => (float[n] y) <int32[1] s = {{1}}, int64[1] e = {{{end}}}> "
        "{ t = Cast<to = 6>(e)  y = Slice(x, s, t) }",
    )
    assert len(ort(wrapped, feed)) != len(ort(case, feed))
    assert "slice-bounds-in-int32" in applied(every_rule("Slice", case, feed))
    for rule, reason in every_rule("Cast", wrapped, feed).items():
        assert reason, f"{rule} rewrites a cast that wraps"


def test_a_float_out_of_range_saturates_when_it_is_quantised() -> None:
    feed = {"x": floats(300, -5, 254.6)}
    case = model(
        13,
        "(float[3] x) => (uint8[3] y) <float s = {1}, uint8 z = {0}> "
        "{ y = QuantizeLinear(x, s, z) }",
    )
    wrapped = model(13, "(float[3] x) => (uint8[3] y) { y = Cast<to = 2>(x) }")
    assert ort(case, feed).tolist() == [255, 0, 255]
    assert not same(ort(wrapped, feed), ort(case, feed))
    assert "quantize-to-arithmetic" in applied(every_rule("QuantizeLinear", case, feed))


def test_the_upper_bound_wins_where_the_bounds_cross() -> None:
    feed = {"x": floats(0, 2, 5)}
    head = "(float[3] x) => (float[3] y) <float l = {3}, float u = {1}> "
    case = model(13, head + "{ y = Clip(x, l, u) }")
    lower_last = model(13, head + "{ t = Min(x, u)  y = Max(t, l) }")
    assert ort(case, feed).tolist() == [1, 1, 1]
    assert ort(lower_last, feed).tolist() == [3, 3, 3]
    assert applied(every_rule("Clip", case, feed)) == {"clip-to-min-max"}
