import numpy as np
import onnx
import onnx.parser
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from porting.proof.inputs import generate
from porting.proof.shapes import (
    SIZES,
    Size,
    bind,
    evaluate,
    graph_inputs,
    input_shapes,
    is_free,
    load_structure,
)

SIZE = Size(batch=2, length=5, pixels=16)


def parse(text, opset=17):
    return onnx.parser.parse_model(f'<ir_version: 8, opset_import: ["": {opset}]>\n{text}')


def draw(text, seed=0, size=SIZE, **dims):
    model = parse(text)
    shapes, bound = input_shapes(model, bound=dims, shapes={}, size=size)
    return generate(model, shapes, seed, bound)


def spread(text, name, **dims):
    """All values of an input over many seeds."""
    drawn = [draw(text, seed, **dims)[name].ravel() for seed in range(30)]
    return np.unique(np.concatenate(drawn)).tolist()


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 1), st.integers(0, 10_000))
def test_indices_stay_inside_the_table(rows, columns, axis, seed):
    text = f"""g (int64[N, M] i, float[{rows}, {columns}] t) => (float y) {{
        c = Cast <to = 6> (i)  r = Identity (c)  u = Transpose <perm = [1, 0]> (r)
        y = Gather <axis = {axis}> (t, u) }}"""
    values = draw(text, seed)["i"]
    assert values.shape == (2, 5)
    assert values.dtype == np.int64
    assert values.min() >= 0
    assert values.max() < (rows, columns)[axis]


def test_the_smallest_of_several_tables_counts_and_is_used_in_full():
    text = """g (int64[N, M] i, float[9, 2] t, float[4, 2] s) => (float y, float z)
        { y = Gather (t, i)  z = Gather (s, i) }"""
    assert spread(text, "i") == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        # the table's size is that of a symbolic dimension, known through the other input
        ("g (int64[K] i, float[D, 3] t) => (float y) { y = Gather (t, i) }", [0, 1, 2, 3, 4, 5]),
        # a table computed in the graph: shape inference knows its size
        ("""g (int64[K] i, float[4, 3] t) => (float y)
            { u = Transpose (t)  y = Gather (u, i) }""", [0, 1, 2]),
        ("g (int64[K, 3] i, float[4, 3] t) => (float y) { y = GatherElements <axis = 1> (t, i) }",
         [0, 1, 2]),
        ("g (int64[K, 2] i, float[4, 3] t) => (float y) { y = GatherND (t, i) }", [0, 1, 2]),
        ("""g (int64[K] i) => (float y) <int64 d = {6}, float[2] v = {0, 1}>
            { y = OneHot (i, d, v) }""", [0, 1, 2, 3, 4, 5]),
        # negative indices spelled out, as exporters do
        ("""g (int64[K] i, float[3, 3] t) => (float y) <int64 n = {3}, int64 o = {0}>
            { a = Add (i, n) b = Less (i, o) w = Where (b, a, i) y = Gather (t, w) }""",
         [0, 1, 2]),
        # a table that nothing tells the size of: 0 is always inside
        ("""g (int64[K] i, float[5] x) => (float y)
            { t = NonZero (x) y = Gather <axis = 1> (t, i) }""", [0]),
    ],
)  # fmt: skip
def test_index_operators(text, values):
    assert spread(text, "i", D=6) == values


def test_a_scalar_is_drawn_from_the_constants_it_is_compared_with():
    text = """g (int64 sr) => (bool y, bool z) {
        k = Constant <value = int64[1] {16000}> ()  e = Constant <value_int = 8000> ()
        axes = Constant <value = int64[1] {0}> ()
        s = Squeeze (k, axes)  y = Equal (sr, s)  z = Equal (e, sr) }"""
    assert spread(text, "sr") == [8000, 16000]
    assert spread(text.replace("8000>", "16000>"), "sr") == [16000]


def test_a_constant_is_also_found_inside_a_subgraph():
    text = """g (int64 sr, bool c) => (bool y) { y = If (c) <
        then_branch = a () => (bool p) { k = Constant <value_int = 7> () p = Equal (sr, k) },
        else_branch = b () => (bool q) { m = Constant <value_int = 9> () q = Equal (m, sr) }> }"""
    assert spread(text, "sr") == [7, 9]


def test_one_hot_by_comparison_uses_its_classes():
    text = """g (int32[N, M] i) => (bool y) {
        z = Constant <value_int = 0> () n = Constant <value_int = 4> ()
        d = Constant <value_int = 1> () r = Range (z, n, d) c = Cast <to = 6> (r) axes =
        Constant <value_ints = [-1]> () u = Unsqueeze (i, axes) y = Equal (u, c) }"""
    assert spread(text, "i") == [0, 1, 2, 3]


def test_a_padding_id_is_drawn_besides_other_tokens():
    text = """g (int64[N, M] i, float[50, 2] t) => (float y, bool z) <int64 p = {49}>
        { y = Gather (t, i) z = Equal (i, p) }"""
    values = np.concatenate([draw(text, s)["i"].ravel() for s in range(30)])
    assert 0.1 < (values == 49).mean() < 0.5
    assert len(np.unique(values)) > 25


@pytest.mark.parametrize(
    "body",
    [
        "<int64 o = {0}> { y = Equal (m, o) }",
        "{ y = Cast <to = 9> (m) }",
        "<float o = {1}> { f = Cast <to = 1> (m) y = Sub (o, f) }",
        "{ f = Cast <to = 10> (m) g = Identity (f) y = Mul (g, g) }",
    ],
)
def test_integer_masks_are_zeros_and_ones_with_a_one_in_each_row(body):
    text = f"g (int64[N, M] m) => (float y) {body}"
    assert spread(text, "m") == [0, 1]
    for seed in range(20):
        assert draw(text, seed)["m"].any(axis=-1).all()


def test_bool_masks_keep_something_in_each_row():
    for seed in range(20):
        mask = draw("g (bool[N, M] m) => (bool y) { y = Not (m) }", seed)["m"]
        assert mask.dtype == np.bool_
        assert mask.any(axis=-1).all()


def test_a_lone_condition_takes_both_values():
    assert spread("g (bool c) => (bool y) { y = Not (c) }", "c") == [False, True]


@pytest.mark.parametrize(("layout", "longest"), [("", 4), (", layout = 1", 2)])
def test_lengths_are_positive_and_within_time(layout, longest):
    text = f"""g (float[4, 2, 3] x, float[1, 12, 3] w, float[1, 12, 3] r, int32[2] n)
        => (float y) {{ y = LSTM <hidden_size = 3{layout}> (x, w, r, , n) }}"""
    assert spread(text, "n") == list(range(1, longest + 1))


def test_divisors_and_sizes_are_positive():
    text = "g (int64[N] a, int64[N] b, int64 k) => (int64 y, int64 z) "
    text += "{ y = Div (a, b) i = Mod (a, k) z = Identity (i) }"
    assert spread(text, "b") == [1, 2, 3, 4]
    assert min(spread(text, "k")) == 1
    assert 0 in spread(text, "a")


def test_types_and_ranges():
    text = """g (float[N, 3, H, W] image, float[N, 5, H, W] map, uint8[N, 64] u, int8[N, 64] i,
        string[N] s, float16[N] h, bfloat16[N] b, double[N] d, complex64[N] c) => (float y)
        { y = Identity (image) }"""
    values = draw(text)
    assert {k: v.dtype.name for k, v in values.items() if k != "s"} == {
        "image": "float32", "map": "float32", "u": "uint8", "i": "int8", "h": "float16",
        "b": "bfloat16", "d": "float64", "c": "complex64",
    }  # fmt: skip
    assert 0 <= values["image"].min() < values["image"].max() <= 1
    assert values["map"].min() < -1
    assert values["image"].shape == (2, 3, 16, 16)
    assert values["u"].max() > 128
    assert values["i"].min() < 0
    assert all(isinstance(word, str) for word in values["s"])


def test_a_sequence_input_is_refused_by_name():
    model = parse("g (seq(float[N]) s) => (float y) { y = ConcatFromSequence <axis = 0> (s) }")
    with pytest.raises(ValueError, match="input s is not a tensor"):
        input_shapes(model, bound={}, shapes={}, size=SIZE)
    with pytest.raises(ValueError, match="input s is not a tensor"):
        generate(model, {"s": (1,)}, 0)


def test_the_same_seed_gives_the_same_values():
    text = "g (float[N, M] x, int64[N] i, bool[N, M] m) => (float y) { y = Identity (x) }"
    first, again, other = draw(text, 5), draw(text, 5), draw(text, 6)
    for name in first:
        np.testing.assert_array_equal(first[name], again[name])
    assert (first["x"] != other["x"]).any()


def test_one_name_has_one_size_and_formulas_follow():
    text = """g (int64[batch, seq] ids, float[batch, 4, past, 8] kv, bool[batch, "past + seq"] m)
        => (int64 y) { y = Identity (ids) }""".replace('"past + seq"', "total")
    model = parse(text)
    model.graph.input[2].type.tensor_type.shape.dim[1].dim_param = "past + seq"
    shapes, _ = input_shapes(model, bound={"past": 3}, shapes={}, size=SIZE)
    assert shapes == {"ids": (2, 5), "kv": (2, 4, 3, 8), "m": (2, 8)}


def test_a_users_shape_binds_its_names():
    model = parse("g (float[N, T] x, float[T, 3] w) => (float y) { y = MatMul (x, w) }")
    given = {"x": (1, 7)}
    bound = bind(model, {"T": 9}, given)
    assert bound == {"T": 7, "N": 1}
    shapes, _ = input_shapes(model, bound=bound, shapes=given, size=SIZE)
    assert shapes == {"x": (1, 7), "w": (7, 3)}
    assert not is_free(model, bound, given)
    assert is_free(model, {"N": 1}, {})


def test_zero_and_question_mark_mean_free():
    model = parse("g (float[N, M] x, float[2, K, 8] s) => (float y) { y = Identity (x) }")
    dims = [d for v in model.graph.input for d in v.type.tensor_type.shape.dim]
    for dim, value in zip(dims, (0, -1, 2, 0, 8), strict=True):
        dim.dim_value = value
    dims[3].dim_param = "?"
    shapes, _ = input_shapes(model, bound={}, shapes={}, size=SIZE)
    assert shapes == {"x": (2, 5), "s": (2, 2, 8)}
    assert is_free(model, {}, {})


def test_no_declared_rank_is_refused_unless_given():
    model = parse("g (float x) => (float y) { y = Identity (x) }")
    model.graph.input[0].type.tensor_type.ClearField("shape")
    with pytest.raises(ValueError, match="input x declares no shape"):
        input_shapes(model, bound={}, shapes={}, size=SIZE)
    shapes, _ = input_shapes(model, bound={}, shapes={"x": (3,)}, size=SIZE)
    assert shapes == {"x": (3,)}


def test_an_input_with_an_initializer_is_not_fed():
    model = parse("g (float[2] x, float[2] w) => (float y) { y = Add (x, w) }")
    model.graph.initializer.append(onnx.helper.make_tensor("w", 1, [2], [1.0, 2.0]))
    assert list(graph_inputs(model)) == ["x"]


@pytest.mark.parametrize(
    ("text", "value"),
    [("a", 3), ("a + 1", 4), ("2*a - b", 1), ("a // 2", 1), ("zz", None), ("a +", None),
     ("a - 9", None), ("a // 0", None), ("f(a)", None), ("a" * 300, None)],
)  # fmt: skip
def test_dimension_formulas(text, value):
    assert evaluate(text, {"a": 3, "b": 5}) == value


def test_sizes_differ_where_it_matters():
    assert SIZES[0].batch != SIZES[1].batch
    assert len({size.length for size in SIZES[:2]}) == 2


def test_structure_keeps_shapes_and_drops_large_weights(tmp_path):
    model = parse("g (int64[N] i) => (float y) { y = Gather (t, i) }")
    table = np.zeros((300, 100), np.float32)
    model.graph.initializer.append(onnx.numpy_helper.from_array(table, "t"))
    onnx.save(model, tmp_path / "m.onnx")
    loaded = load_structure(tmp_path / "m.onnx")
    assert loaded.ByteSize() < 1000
    values = generate(loaded, {"i": (4000,)}, 0)["i"]
    assert values.max() == 299
