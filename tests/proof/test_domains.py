"""Inputs are followed through arithmetic with constants to what reads them."""

import numpy as np
import onnx.parser
import pytest

from porting.proof.inputs import generate


def drawn(text, name, shape, opset=17, seeds=20):
    """All values of an input over some seeds, sorted."""
    header = f'<ir_version: 8, opset_import: ["": {opset}, "com.microsoft": 1]>\n'
    model = onnx.parser.parse_model(header + text)
    shapes = {value.name: (4,) for value in model.graph.input} | {name: shape}
    values = [generate(model, shapes, seed)[name].ravel() for seed in range(seeds)]
    return np.sort(np.concatenate(values).astype(np.float64))


@pytest.mark.parametrize(
    ("body", "low", "high"),
    [
        ("j = Add (i, two)", 0, 7),
        ("j = Sub (i, two)", 2, 11),
        ("j = Sub (nine, i)", 0, 9),
        ("j = Mul (i, two)", 0, 4),
        ("d = Mul (i, two) j = Add (d, two)", 0, 3),
        ("n = Neg (i) j = Add (n, nine)", 0, 9),
        ("c = Cast <to = 1> (i) f = Mul (c, half) j = Cast <to = 7> (f)", 0, 18),
        ("j = Add (i, offsets)", 0, 6),
    ],
)
def test_indices_stay_inside_the_table_through_arithmetic(body, low, high):
    zeros = ", ".join("0" * 20)
    text = f"""g (int64[N] i) => (float y) <float[10, 2] t = {{{zeros}}}, int64 two = {{2}},
        int64 nine = {{9}}, float half = {{0.5}}, int64[4] offsets = {{0, 1, 2, 3}}>
        {{ {body} y = Gather (t, j) }}"""
    values = drawn(text, "i", (4,), seeds=60)
    assert (values[0], values[-1]) == (low, high)


def test_float_indices_are_whole():
    text = """g (float[N] x) => (float y) <float[5] t = {0, 1, 2, 3, 4}>
        { i = Cast <to = 7> (x) y = Gather (t, i) }"""
    assert sorted(set(drawn(text, "x", (4,)))) == [0, 1, 2, 3, 4]


def test_operators_with_tables_besides_gather():
    text = """g (int64[N] i, float[4, 7] x) => (float y) { y = NegativeLogLikelihoodLoss (x, i) }"""
    model = onnx.parser.parse_model('<ir_version: 8, opset_import: ["": 17]>' + text)
    values = [generate(model, {"i": (4,), "x": (4, 7)}, s)["i"] for s in range(20)]
    assert set(np.concatenate(values)) == set(range(7))
    zeros = ", ".join("0" * 18)
    text = f"""g (int32[N, M] ids, int32[N, M] s) => (float y, int32 m)
        <float[9, 2] w = {{{zeros}}}, float[9, 2] p = {{{zeros}}}, float[2, 2] k = {{0, 0, 0, 0}},
         float[2] o = {{1, 1}}>
        {{ y, m = com.microsoft.EmbedLayerNormalization (ids, s, w, p, k, o, o) }}"""
    assert set(drawn(text.replace("int32[N, M] s", "int32[A, B] s"), "ids", (2, 4))) == set(
        range(9)
    )


@pytest.mark.parametrize(
    ("body", "low", "high"),
    [
        ("y = Log (x)", 0.001, 1),
        ("y = Bernoulli (x)", 0, 1),
        ("c = Clip (x, eps) y = Log (c)", None, None),  # nothing is asked of what is clipped
        ("m = Sub (one, x) y = Log (m)", 0, 0.999),
        ("u = Unsqueeze (x, axes) y = Sqrt (u)", 0.01, 4),
        ("y = Pow (x, half)", 0.01, 4),
        ("y = Asin (x)", -0.99, 0.99),
        ("y = Acosh (x)", 1, 3),
        ("y = Div (one, x)", 0.25, 2),
        ("y = Greater (x, half)", 0, 1),
        ("y = Less (x, hundred)", -1, 200),
        ("p = Log (x) q = Asin (x) y = Add (p, q)", 0.001, 0.99),
    ],
)
def test_floats_lie_where_an_operator_is_meant_for(body, low, high):
    text = f"""g (float[N, M] x) => (float y) <float one = {{1}}, float half = {{0.5}},
        float eps = {{0}}, float hundred = {{100}}, int64[1] axes = {{0}}> {{ {body} }}"""
    values = drawn(text, "x", (8, 64))
    if low is None:
        assert values[0] < -1
        return
    assert low <= values[0] < low + 0.05 * (high - low)
    assert high - 0.05 * (high - low) < values[-1] <= high


@pytest.mark.parametrize(
    "body",
    [
        "m = Sub (one, x) n = Mul (m, large) y = Add (n, n)",
        "y = Cast <to = 9> (x)",
        "y = Equal (x, one)",
    ],
)
def test_float_masks(body):
    text = (
        f"g (float[N, M] x) => (float y) <float one = {{1}}, float large = {{-10000}}> {{ {body} }}"
    )
    assert set(drawn(text, "x", (4, 8))) == {0, 1}


@pytest.mark.parametrize(
    ("body", "highest"),
    [
        ("y = Div (x, c)", 255),
        ("y = Mul (x, d)", 255),
        ("y = Sub (x, m)", 255),
        ("y = Relu (x)", 1),
    ],
)
def test_images_are_bytes_where_they_are_scaled(body, highest):
    text = f"""g (float[N, 3, H, W] x) => (float y) <float c = {{255}}, float d = {{0.00392}},
        float[3, 1, 1] m = {{123.7, 116.3, 103.5}}> {{ {body} }}"""
    values = drawn(text, "x", (1, 3, 16, 16), seeds=3)
    assert 0.9 * highest < values[-1] <= highest
    assert values[0] >= 0


def test_lengths_are_those_that_a_range_is_compared_with():
    text = """g (int64[N] n, float[N, 6] x) => (bool y) <int64 zero = {0}, int64 one = {1},
        int64[1] axes = {1}> { s = Shape (x) k = Gather (s, one) r = Range (zero, k, one)
          u = Unsqueeze (n, axes) y = Less (r, u) }"""
    model = onnx.parser.parse_model('<ir_version: 8, opset_import: ["": 17]>' + text)
    values = [generate(model, {"n": (4,), "x": (4, 6)}, s)["n"] for s in range(30)]
    assert set(np.concatenate(values)) == set(range(1, 7))
    text = """g (float[6, 4] x, int64[N] n) => (float y) { y = ReverseSequence (x, n) }"""
    assert drawn(text.replace("float[6, 4] x, ", ""), "n", (4,))[0] == 1


def test_integers_lie_on_both_sides_of_a_threshold():
    text = "g (int64[N] i) => (bool y) <int64 k = {50}> { y = Greater (i, k) }"
    values = drawn(text, "i", (4,))
    assert values[0] >= 0
    assert {49, 50, 51} <= set(values)
