"""Numbers come in several magnitudes, and what operators ask for holds in all of them."""

import numpy as np
import onnx.parser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from porting.proof.inputs import generate
from porting.proof.styles import STYLES, TAME, Style, numbers, styles_for

SHAPES = st.lists(st.integers(0, 5), max_size=4).map(tuple)
SEEDS = st.integers(0, 10_000)
ONES = ", ".join("1" * 12)


def drawn(text, style, shape, seed=0, opset=21, dtype=np.float64):
    model = onnx.parser.parse_model(f'<ir_version: 10, opset_import: ["": {opset}]>\n{text}')
    name = model.graph.input[0].name
    return generate(model, {name: shape}, seed, style=style)[name].astype(dtype)


@settings(deadline=None)
@given(SHAPES, st.sampled_from(Style), SEEDS)
def test_every_style_gives_finite_numbers_of_any_shape(shape, style, seed):
    values = numbers(np.random.default_rng(seed), shape, style)
    assert values.shape == shape
    assert np.isfinite(values).all()
    assert np.abs(values).max(initial=0) < 10**2.5 * 7


@given(SEEDS)
def test_squares_of_what_is_drawn_for_float16_can_be_summed(seed):
    values = numbers(np.random.default_rng(seed), (16,), Style.MILD)
    assert (values**2).sum() < 65504


def test_magnitudes_differ_between_styles_and_rows():
    def size(style):
        return [
            np.abs(numbers(np.random.default_rng(s), (8, 64), style)).mean(axis=-1)
            for s in range(20)
        ]

    plain, rows, wide, small = (np.concatenate(size(style)) for style in STYLES)
    assert small.max() < 0.1 < plain.min() < plain.max() < 2 < wide.max()
    assert rows.min() < 0.1
    assert rows.max() > 1


@given(SEEDS)
def test_wide_numbers_have_ties_and_equal_elements_and_a_largest_one_that_is_positive(seed):
    values = numbers(np.random.default_rng(seed), (20, 20), Style.WIDE)
    halves = values * 2 == np.rint(values * 2)
    assert 0.3 < halves.mean() < 0.9
    assert (values == 0).any()
    assert values.max() == np.abs(values).max()


@pytest.mark.parametrize("style", Style)
def test_images_stay_images(style):
    text = "g (float[N, 3, H, W] x) => (float y) { y = Relu (x) }"
    values = drawn(text, style, (1, 3, 16, 16))
    assert values.min() >= -1
    assert values.max() <= 1
    assert bool(values.min() < 0) is (style is Style.ROWS)
    scaled = "g (float[N, 3, H, W] x) => (float y) <float c = {255}> { y = Div (x, c) }"
    values = drawn(scaled, style, (1, 3, 16, 16))
    assert 0 <= values.min() < values.max() <= 255


@pytest.mark.parametrize("style", Style)
@pytest.mark.parametrize(
    ("body", "low", "high"),
    [("y = Log (x)", 0.001, 1), ("y = Sqrt (x)", 0.01, 4), ("y = Asin (x)", -0.99, 0.99)],
)
def test_what_an_operator_is_meant_for_holds_in_every_style(style, body, low, high):
    values = drawn(f"g (float[N, M] x) => (float y) {{ {body} }}", style, (8, 64))
    assert low <= values.min() < values.max() <= high


def test_what_needs_a_condition_or_float16_is_not_drawn_wide():
    assert styles_for({"exact", "reordered"}, "float32") == STYLES
    assert styles_for({"exact", "conditional"}, "float32") == TAME
    assert styles_for({"exact"}, "float16") == TAME
    assert Style.WIDE not in TAME


@pytest.mark.parametrize(("op_type", "kind"), [("IsInf", np.isinf), ("IsNaN", np.isnan)])
def test_infinities_and_nan_are_drawn_for_what_looks_for_them(op_type, kind):
    text = f"g (float[N] x) => (bool y) {{ y = {op_type} (x) }}"
    shares = {style: float(kind(drawn(text, style, (400,))).mean()) for style in STYLES}
    assert shares[Style.PLAIN] == shares[Style.SMALL] == 0
    assert 0.1 < shares[Style.ROWS] < 0.4
    assert 0.1 < shares[Style.WIDE] < 0.4


@pytest.mark.parametrize(
    ("kind", "low", "high"), [("uint8", 0, 255), ("int8", -128, 127), ("int4", -8, 7)]
)
def test_quantizers_saturate_at_both_ends(kind, low, high):
    text = f"""g (float[N] x) => ({kind} y) <float s = {{0.5}}, {kind} z = {{3}}>
        {{ y = QuantizeLinear (x, s, z) }}"""
    values = drawn(text, Style.PLAIN, (4000,)) / 0.5 + 3
    assert values.min() < low
    assert values.max() > high
    assert 0.7 < ((low <= values) & (values <= high)).mean() < 0.9


@pytest.mark.parametrize("style", [Style.ROWS, Style.SMALL])
@pytest.mark.parametrize(("dtype", "steps"), [("float", 0), ("int64", 3), ("int8", 3)])
def test_values_lie_about_the_constants_that_they_are_held_against(style, dtype, steps):
    numbers_ = ", ".join(str(10 * i) for i in range(12))
    text = f"""g ({dtype}[12] x) => (bool y) <{dtype}[12] c = {{{numbers_}}}>
        {{ y = GreaterOrEqual (x, c) }}"""
    away = np.array([drawn(text, style, (12,), seed) - 10 * np.arange(12) for seed in range(60)])
    close = np.abs(away) <= 1
    assert (close.mean(axis=0) > 0.5).all()
    assert (away == 0).any(axis=0).all()
    if steps:
        assert set(away[close]) == {-1, 0, 1}


def test_multiples_are_drawn_for_a_rest():
    text = "g (int64[40] x) => (int64 y) <int64 c = {700}> { y = Mod (x, c) }"
    assert (drawn(text, Style.ROWS, (40,)) % 700 == 0).any()


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 4), st.integers(4, 9), st.sampled_from(Style), SEEDS)
def test_nothing_is_written_twice(rows, columns, style, seed):
    text = f"""g (int64[{rows}, 4] i, float[{rows}, {columns}] x, float[{rows}, 4] u)
        => (float y) {{ y = ScatterElements <axis = 1> (x, i, u) }}"""
    model = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["": 17]>\n{text}')
    shapes = {"i": (rows, 4), "x": (rows, columns), "u": (rows, 4)}
    indices = generate(model, shapes, seed, style=style)["i"]
    assert all(len(set(row)) == 4 for row in indices.tolist())
    text = f"""g (int64[{columns}, 2] i, float[{columns}, 3] x, float[{columns}] u)
        => (float y) {{ y = ScatterND (x, i, u) }}"""
    model = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["": 17]>\n{text}')
    shapes = {"i": (columns, 2), "x": (columns, 3), "u": (columns,)}
    indices = generate(model, shapes, seed, style=style)["i"]
    assert indices.min() >= 0
    assert indices.max() < 3
    assert len(set(map(tuple, indices.tolist()))) == columns


def test_indices_go_through_the_whole_table_over_the_seeds():
    text = f"g (int64[3] i) => (float y) <float[12] t = {{{ONES}}}> {{ y = Gather (t, i) }}"
    found = [drawn(text, Style.PLAIN, (3,), seed) for seed in range(4)]
    assert sorted(np.concatenate(found)) == list(range(12))


def test_boxes_by_centre_have_sizes():
    text = """g (float[1, 6, 4] b, float[1, 1, 6] s) => (int64 y)
        { y = NonMaxSuppression <center_point_box = 1> (b, s) }"""
    model = onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["": 17]>\n{text}')
    for style in STYLES:
        boxes = generate(model, {"b": (1, 6, 4), "s": (1, 1, 6)}, 0, style=style)["b"]
        assert boxes.min() > 0
