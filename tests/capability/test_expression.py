"""The expression language: three truth values, Python's meaning, and nothing but its own errors."""

import ast
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from porting.capability import expression
from porting.capability.expression import parse
from porting.capability.operand import Operand
from porting.capability.operations import FUNCTIONS, ExpressionError
from porting.capability.unknown import Missing, Unknown, every, join, negate, some
from porting.model.graph import Context, Graph
from porting.model.value import Value, constant

UNKNOWN = Unknown.of("dimension 0 of X", "--dim n=SIZE")
OTHER = Unknown.of("the contents of B")

truths = st.sampled_from([True, False, UNKNOWN, OTHER])


def value(text: str, /, **names: Any) -> Any:
    return parse(text).evaluate(names.get)


def same(left: Any, right: Any) -> bool:
    """Equal as truth values: two unknowns are alike whatever is missing."""
    if isinstance(left, Unknown) or isinstance(right, Unknown):
        return isinstance(left, Unknown) and isinstance(right, Unknown)
    return left is right


def graph() -> Graph:
    return Graph(Context({"ai.onnx": 17}, 8, numpy_helper.to_array))


def operand(shape=None, contents=None, label="X") -> Operand:
    if contents is not None:
        return Operand(label, constant("c", np.asarray(contents)), graph())
    around = graph()
    around.inputs.append(helper.make_tensor_value_info("v", TensorProto.FLOAT, None))
    around.define(Value("v", "float32", shape))
    return Operand(label, around.value("v"), around)


# --- three-valued logic ---


@given(truths, truths)
def test_de_morgans_laws_hold_with_unknowns(a, b):
    assert same(value("not (a and b)", a=a, b=b), value("not a or not b", a=a, b=b))
    assert same(value("not (a or b)", a=a, b=b), value("not a and not b", a=a, b=b))


@given(truths, truths, truths)
def test_and_or_are_associative_commutative_and_absorb(a, b, c):
    names = {"a": a, "b": b, "c": c}
    assert same(value("a and b", **names), value("b and a", **names))
    assert same(value("a or b", **names), value("b or a", **names))
    assert same(value("(a and b) and c", **names), value("a and (b and c)", **names))
    assert same(value("a and (b or c)", **names), value("(a and b) or (a and c)", **names))
    assert same(value("a or (a and b)", **names), a)


def test_a_limit_that_hardly_any_model_meets_may_say_what_the_unknown_counts_as():
    assert value("known(a, 0) <= 8", a=UNKNOWN) is True
    assert value("known(a, 0) <= 8", a=9) is False


@given(truths)
def test_an_unknown_decides_nothing_and_a_known_part_may_decide_all(a):
    assert value("False and a", a=a) is False
    assert value("a and False", a=a) is False
    assert value("True or a", a=a) is True
    assert value("a or True", a=a) is True
    assert same(value("not not a", a=a), a)


@given(st.lists(truths), st.lists(truths))
def test_all_and_any_are_and_and_or(left, right):
    items = tuple(left + right)
    assert same(value("all(x)", x=items), every([every(left), every(right)]))
    assert same(value("any(x)", x=items), some([some(left), some(right)]))
    assert same(value("not all(x)", x=items), value("any(not i for i in x)", x=items))


def test_what_is_missing_is_collected_from_every_undecided_part():
    both = value("a and b", a=UNKNOWN, b=OTHER)
    assert both.missing == UNKNOWN.missing | OTHER.missing
    assert sorted(both.missing)[0] == Missing("dimension 0 of X", "--dim n=SIZE")
    assert join([1, UNKNOWN, OTHER, "x"]) == UNKNOWN | OTHER
    assert join([1, None]) is None
    assert same(negate(UNKNOWN), UNKNOWN)


def test_an_unknown_has_no_truth_value_that_python_could_take_by_accident():
    with pytest.raises(TypeError, match="neither true nor false"):
        bool(UNKNOWN)


@pytest.mark.parametrize(
    "text",
    [
        *["u + 1", "-u", "u < 3", "u == 3", "u in [1, 2]", "1 in [2, u]", "max(1, u)", "max(u)"],
        *["u if u else 1", "align(u, 4)", "abs(u)", "u[0]", "x[u]", "x[u:]", "len(u)", "sum(u)"],
        *["all(u)", "[i for i in u][0]", "all([i for i in x if u])", "axis_of(-1, u)", "u.rank"],
        *["any(1 for i in x if i == u)", "padded(u, 3)", "is_pow2(u)", "prod([2, u])"],
    ],
)
def test_an_unknown_makes_unknown_what_depends_on_it(text):
    assert isinstance(value(text, u=UNKNOWN, x=(1, 2)), Unknown)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 in [1, u]", True),
        ("[1, u] == [2, u]", False),
        ("[1, u] == [1, u, 3]", False),
        ("u in []", False),
        ("u is None", False),
        ("all(i > 5 for i in [1, u])", False),
        ("any(i > 0 for i in [u, 1])", True),
        ("len([u, u])", 2),
        ("1 if True else u", 1),
        ("[u, 3][1]", 3),
    ],
)
def test_what_does_not_depend_on_the_unknown_is_answered(text, expected):
    assert value(text, u=UNKNOWN) == expected


# --- agreement with Python ---

NAMES = {"a": 3, "b": -7, "c": 0, "k": (1, 2, 5)}


@st.composite
def written(draw, leaves: list[str], templates: list[str], depth: int = 4) -> str:
    """A text made of templates whose holes are filled with more of them."""
    if depth == 0 or draw(st.integers(0, 3)) == 0:
        return draw(st.sampled_from(leaves))
    parts = draw(st.sampled_from(templates)).split("_")
    holes = [draw(written(leaves, templates, depth - 1)) for _ in parts[1:]]
    return parts[0] + "".join(h + p for h, p in zip(holes, parts[1:], strict=True))


_OPERATORS = ("+", "-", "*", "/", "//", "%", "<", "<=", ">", ">=", "==", "!=")
_SHARED = [f"(_ {o} _)" for o in _OPERATORS]
_PYTHON = [
    *_SHARED,
    *["(not _)", "(-_)", "abs(_)", "max(_, _)", "min([_, _, 2])", "(_ in [_, 3, a])"],
    *["(_ if _ else _)", "(_ < _ <= 9)", "all(i < _ for i in k)"],
    *["sum(i * _ for i in k if i != 2)", "k[0]", "k[-1]", "sum(k[::-1])", "len(k[1:])"],
    # `bool` is Python's way to say what `and` and `or` do here; the language needs none
    *["(bool(_) and bool(_))", "(bool(_) or bool(_))"],
]


@given(written([*map(str, range(-9, 10)), "a", "b", "c"], _PYTHON))
def test_known_values_mean_what_they_mean_in_python(text):
    ours = text.replace("bool(", "(")
    try:
        wanted = eval(text, dict(NAMES))
    except ZeroDivisionError:
        with pytest.raises(ExpressionError, match="division by zero"):
            value(ours, **NAMES)
        return
    found = value(ours, **NAMES)
    assert found == wanted or abs(found - wanted) <= 1e-6 * abs(wanted), ours


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2 ** 10", 1024),
        ("align(5, 4)", 8),
        ("align(8, 4)", 8),
        ("is_pow2(64)", True),
        ("is_pow2(0)", False),
        ("is_pow2(2.0)", True),
        ("is_pow2(2.5)", False),
        ("is_int(2.0)", True),
        ("is_int(1e999)", False),
        ("prod([])", 1),
        ("prod([2, 3, 4])", 24),
        ("0.1 == 0.10000000149011612", True),
        ("0.1 == 0.1001", False),
        ("1e999 == 1e999", True),
        ("'1' == 1", False),
        ("'1' == 1.0", False),
        ("2 ** 64 ** 1 == 1.5", False),
        ("k[9] is None", True),
        ("k[-4] is None", True),
        ("missing is None", True),
        ("k is not None", True),
        ("3 in {1, 2}", False),
        ("3 not in (1, 2)", True),
        ("letters('bij, bjk -> bik')", "abc,acd->abd"),
        ("letters(missing) is None", True),
        ("known(3, 0)", 3),
        ("known(missing, 0) is None", True),
        ("lower('bIJ->bI')", "bij->bi"),
        ("lower(missing) is None", True),
        ("terms('b ij, bjk -> bik')", (("b", "i", "j"), ("b", "j", "k"))),
        ("terms(missing) is None", True),
        ("axis_of(-1, 4)", 3),
        ("axis_of(1, 4)", 1),
        ("len(missing)", 0),
        ("[i for i in k]", (1, 2, 5)),
        ("all(any(i == j for j in k) for i in k)", True),
        ("k.values", (1, 2, 5)),
        ("k.is_const", True),
        ("a.value", 3),
        ("[7].value", 7),
        ("a.values", (3,)),
        ("missing.shape", None),
    ],
)
def test_values_of_the_language(text, expected):
    assert value(text, **NAMES) == expected


def test_a_whole_number_beyond_every_float_is_not_close_to_one():
    assert value("(2 ** 60) ** 20 == 1.5") is False


def test_names_and_options_that_an_expression_asks_for_are_known():
    found = parse("all(k > C for k in kernel) and explicit(alpha) and 'x' in option('mine')")
    assert found.names == {"C", "kernel", "alpha"}
    assert found.options == {"mine"}


def test_a_name_bound_by_a_loop_hides_the_one_outside_and_only_inside():
    assert value("sum(a for a in [10]) + a", a=1) == 11


def test_explicit_and_default_ask_by_their_own_names():
    asked = []
    parse("explicit(alpha) or default(alpha) or option('o')").evaluate(asked.append)
    assert asked == ["explicit:alpha", "default:alpha", "option:o"]


# --- operands ---


def test_operands_answer_shape_rank_and_contents():
    x, c = operand((2, 3)), operand(contents=np.array([1, 2, 4], np.int64))
    assert value("X.rank", X=x) == 2
    assert value("X.shape[1:]", X=x) == (3,)
    assert value("X.size", X=x) == 6
    assert value("c.values", c=c) == (1, 2, 4)
    assert value("all(is_pow2(v) for v in c)", c=c) is True
    assert value("c[2]", c=c) == 4
    assert value("sum(c) + len(c)", c=c) == 10
    assert value("max(s, 5)", s=operand(contents=np.array(9))) == 9
    assert value("s + 1 == 10 and s == 9 and s < 10", s=operand(contents=np.array([9]))) is True
    assert value("padded(X, 4)", X=x) == (1, 1, 2, 3)
    assert value("padded(missing, 4)") is None
    assert value("axis_of(-1, X)", X=x) == 1


def test_operands_that_are_not_known_are_unknown_with_a_hint():
    x = operand((2, "n", None))
    assert value("X.shape[0] == 2", X=x) is True
    assert value("X.rank", X=x) == 3
    assert isinstance(value("X.shape[1]", X=x), Unknown)
    sizes = value("X.size", X=x)
    assert [m.what for m in sorted(sizes.missing)] == [
        "dimension 1 of X ('n')",
        "dimension 2 of X",
    ]
    for text in ("X.values", "X.value == 3", "X < 3", "X[0]", "len(X)", "1 in X", "all(X)"):
        assert isinstance(value(text, X=x), Unknown), text
    nothing = operand(None)
    for text in ("X.rank", "X.shape", "X.size", "X.shape[0] > 3", "padded(X, 3)"):
        assert isinstance(value(text, X=nothing), Unknown), text


def test_is_empty_is_sure_of_a_zero_only():
    assert value("is_empty(X)", X=operand((2, 0))) is True
    assert value("is_empty(X)", X=operand((2, "n"))) is False
    assert value("is_empty(X)", X=operand(None)) is False
    assert value("is_empty(X)") is False


def test_a_large_constant_is_not_looked_into():
    large = operand(contents=np.zeros(70_000, np.int8))
    found = value("all(v == 0 for v in X)", X=large)
    assert "which is large" in next(iter(found.missing)).what
    with pytest.raises(TypeError):
        list(large)


# --- what is refused ---


@pytest.mark.parametrize(
    "text",
    [
        "lambda: 1",
        "open('x')",
        "__import__('os')",
        "a.__class__",
        "a._graph",
        "a.source",
        "a.shape.__len__()",
        "''.join(a)",
        "f'{a}'",
        "(a := 1)",
        "[*a]",
        "max(*a)",
        "max(key=a)",
        "{1: 2}",
        "{**a}",
        "{i: i for i in a}",
        "{i for i in a}",
        "[i for i in a for j in a]",
        "[i for i, j in a]",
        "b'x'",
        "...",
        "1j",
        "~a",
        "+a",
        "a << 2",
        "a @ b",
        "a | b",
        "await a",
        "yield a",
        "a; b",
        "a = 1",
        "import os",
        "",
        "   ",
        "a b",
        "explicit('alpha')",
        "explicit(a, b)",
        "explicit()",
        "default(a.value)",
        "option(run_on_bpu)",
        "option(3)",
        "option()",
        "nosuch(a)",
        "a\0b",
        "'\ud800'",
        "(" * 300 + "1" + ")" * 300,
        "-" * 3000 + "1",
        "not " * 40 + "a",
        "a" + ".shape" * 40,
        "1" + " + 1" * 300,
        "1 " * 4000,
    ],
)
def test_what_is_not_of_the_language_is_refused_when_it_is_read(text):
    with pytest.raises(ExpressionError):
        parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "1 / 0",
        "1 // 0",
        "1 % 0",
        "0 ** -1",
        "(-1) ** 0.5",
        "2 ** 65",
        "(2 ** 65 + 1) ** 2",
        "((2 ** 64) ** 64) ** 64",
        "2.0 ** 64 * 1e308 ** 2",
        "1e308 * (2 ** 60) ** 20",
        "(2 ** 60) ** 20 / 3",
        "prod((2 ** 64) ** 64 for i in k)",
        "(2 ** 64) ** 64 * (2 ** 64) ** 64 * (2 ** 64) ** 64 + 1",
        "'a' * 1000",
        "'a' + 'b'",
        "'a' < 1",
        "k < 3",
        "missing < 3",
        "-missing",
        "1 in 3",
        "all(3)",
        "len(3)",
        "'abc'[0]",
        "k['a']",
        "k[1.5]",
        "k['a':]",
        "k[::0]",
        "k[0.5:]",
        "a.shape",
        "a is 3",
        "max()",
        "max([])",
        "max('a', 1)",
        "abs()",
        "abs('a')",
        "abs(1, 2)",
        "align(3, 0)",
        "is_pow2('x')",
        "padded(3, 4)",
        "padded(X, 'a')",
        "padded(X)",
        "axis_of('a', X)",
        "axis_of(-1, 'a')",
        "sum(['a'])",
        "[i for i in 3]",
        "is_empty()",
        "letters()",
    ],
)
def test_what_cannot_be_applied_is_an_error_of_the_language(text):
    with pytest.raises(ExpressionError):
        value(text, X=operand((2, 3)), **NAMES)


def test_loops_within_loops_end_before_they_take_long():
    many = tuple(range(5000))
    assert value("all(i >= 0 for i in k)", k=many) is True
    with pytest.raises(ExpressionError, match="rounds"):
        value("all(all(i + j >= 0 for i in k) for j in k)", k=many)
    with pytest.raises(ExpressionError, match="more than"):
        value("len(k)", k=tuple(range(100_001)))


def test_a_rank_however_large_is_padded_to_a_bounded_length():
    assert len(value("padded(X, 10 ** 12)", X=operand((2, 3)))) == 64


# --- fuzz ---

_WORDS = """a k X missing 0 1 2.5 1e308 'x' None True ( ) [ ] , . : ** in is not and or if else for
    i shape value rank __class__ lambda explicit option ~ { } = := # \\"""
_pieces = st.sampled_from([*_WORDS.split(), *_OPERATORS, *sorted(FUNCTIONS), "\n"])
_fuzzed = st.lists(_pieces, max_size=14).map(" ".join) | st.text(max_size=30)

_parts = written(
    ["0", "1", "-3", "2.5", "1e308", "'x'", "None", "True", "a", "k", "X", "u"],
    [
        *_SHARED,
        *[f"(_ {o} _)" for o in ("**", "in", "is", "and", "or")],
        *[f"{f}({', '.join('_' * n)})" for f in sorted(FUNCTIONS) for n in range(4)],
        *["_[_]", "[_, _][_:]", "_[_:_:_]", "[_ for i in _]", "(_ if _ else _)", "(not _)"],
        *[f"_.{p}" for p in sorted(expression.PROPERTIES) if "_" not in p],
    ],
)


@given(_fuzzed | _parts)
@example("(-3 ** 2.5) < 1")
@example("[X for i in k][0].shape")
def test_any_text_is_an_expression_or_an_expression_error_and_nothing_else(text):
    names = {"a": 3, "k": (1, 2, 5), "X": operand((2, "n")), "u": UNKNOWN}
    try:
        parsed = parse(text)
        found = parsed.holds(names.get)
    except ExpressionError:
        return
    assert isinstance(found, bool | Unknown)
    ast.parse(text.strip(), mode="eval")
