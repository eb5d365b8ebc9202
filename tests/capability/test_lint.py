"""Every kind of problem in a table is found, on its line; what is right is left alone."""

import pytest
from capability.helpers import HEAD, table_text, write_table

from porting.capability.codes import CODES
from porting.capability.lint import lint, lint_files
from porting.capability.lint_conditions import constant_parts
from porting.capability.targets import shipped
from porting.errors import TableError

HEAD_LINES = table_text("").count("\n") - 1
BOTH = "Relu: {source: code}\n"
"""Cites the second source of the head, so that it is not reported."""


def problems(tmp_path, ops: str, **fields) -> list:
    path = write_table(tmp_path / "acme.yaml", BOTH + ops, **fields)
    return lint(path, {"acme": path})


def only(tmp_path, ops: str, **fields):
    """The one problem that there is."""
    found = problems(tmp_path, ops, **fields)
    assert len(found) == 1, [str(p) for p in found]
    return found[0]


@pytest.mark.parametrize(
    ("ops", "code", "line", "wanted"),
    [
        ("Conv:\n  atributes: {}", "lint-form", 2, "Conv.atributes: there is no such field"),
        ("Conv:\n  attributes: {auto_pda: [VALID]}", "lint-form", 2, "did you mean auto_pad"),
        ("Conv:\n  rank: {Z: 4}", "lint-form", 2, "no Z in any version"),
        (
            "Conv:\n  require:\n    - that: group == 1\n      why: a\n"
            "    - that: grup == 1\n      why: b",
            "lint-form",
            5,
            "Conv.require.1.that: the operator has no grup in any version; did you mean group?",
        ),
        ("Conv:\n  advise: [{when: a b, say: c}]", "lint-form", 2, "advise.0.when"),
        ("Abs:\n  like: Relu\nNeg:\n  like: Abs", "lint-form", 4, "is run as another"),
        ("Abs:\n  like: Rellu", "lint-operator", 2, "did you mean Relu?"),
        ("ai.onnx::Conv: {}", "lint-operator", 1, "are written Conv"),
        ("Conv: {verdict: fallback}", "lint-why", 1, "needs a why"),
        ("Conv:\n  require: [{that: group == 1, why: no groups.}]", "lint-why", 2, "full stop"),
        ("Conv:\n  require: [{that: group == 1, why: ''}]", "lint-why", 2, "is empty"),
        ("Conv:\n  advise: [{say: It is slow.}]", "lint-why", 2, "advise.0.say"),
        ("Conv: {source: none}", "lint-source", 1, "no source 'none'"),
        ("Conv: {source: cod}", "lint-source", 1, "did you mean code?"),
        ("Resize:\n  attributes: {mode: [nearst]}", "lint-value", 2, "did you mean nearest?"),
        (
            "Resize:\n  attributes: {mode: {not_in: [bicubic]}}",
            "lint-value",
            2,
            "did you mean cubic",
        ),
        ("Conv:\n  attributes: {auto_pad: [same]}", "lint-value", 2, "'same' is not a value"),
        (
            "Resize:\n  require: [{when: mode == 'linaer', that: antialias == 0, why: a}]",
            "lint-value",
            2,
            "Resize.require.0.when: 'linaer' is not a value of mode; did you mean linear?",
        ),
        ("LSTM:\n  attributes: {activations: [Tanhh]}", "lint-value", 2, "did you mean Tanh?"),
        ("Cast:\n  attributes: {to: [1]}", "lint-value", 2, "float32, not 1"),
        ("Cast:\n  attributes: {to: [float]}", "lint-value", 2, "'float' is not an element type"),
        ("Conv:\n  attributes: {group: ['1']}", "lint-value", 2, "it holds numbers"),
        ("Einsum:\n  attributes: {equation: [3]}", "lint-value", 2, "it holds text"),
        (
            "Conv:\n  require: [{that: \"'Reelu' not in Y.consumers\", why: a}]",
            "lint-value",
            2,
            "did you mean Relu?",
        ),
        (
            "Conv:\n  require: [{that: X.dtype != 'floot16', why: a}]",
            "lint-value",
            2,
            "did you mean float16?",
        ),
        ("Conv:\n  dtypes: {X: [half]}", "lint-dtype", 2, "'half' is not an element type"),
        ("Conv:\n  opset: 24..30", "lint-opset", 2, "24..30 never matches"),
        ("Conv:\n  opset: 9, 11", "lint-opset", 2, "there is no version 9 of it"),
        ("Conv:\n  require: [{that: group == 1 or True, why: a}]", "lint-constant", 2, "always"),
        ("Conv:\n  require: [{that: 'False', when: group > 1, why: a}]", "lint-constant", 2, "out"),
        ("Conv:\n  require: [{when: opset < 7, why: a}]", "lint-constant", 2, "never"),
        ("Conv:\n  require: [{when: since == 9, why: a}]", "lint-constant", 2, "never"),
        (
            "Conv:\n  require: [{that: X.rank == 4 and (group > 2 or 1 < 0), why: a}]",
            "lint-constant",
            2,
            "'1 < 0' never holds here",
        ),
        (
            "Concat:\n  require: [{that: all(x.rank > 4 and x.rank < 3 for x in inputs), why: a}]",
            "lint-constant",
            2,
            "'x.rank > 4 and x.rank < 3' never",
        ),
        (
            "Conv:\n  require:\n    - {that: group == 1, why: a}\n    - {that: group == 1, why: b}",
            "lint-shadowed",
            4,
            "is the same condition as require.0",
        ),
        ("Conv:\n  attributes: {auto_pad: [VALID, no]}", "lint-yaml", 2, "no without quotes"),
        ("Conv:\n  note: on", "lint-yaml", 2, "on without quotes"),
        ("Conv:\n  rank: {X: 010}", "lint-yaml", 2, "another base"),
        ("Conv:\n  note: a\tb", "lint-yaml", 2, "a tab"),
        ("Conv: {}\nConv: {}", "lint-form", 2, "stands twice"),
    ],
)
def test_a_problem_is_found_on_its_line(tmp_path, ops, code, line, wanted):
    found = [p for p in problems(tmp_path, ops) if wanted in str(p)]
    assert [(p.code, p.line - HEAD_LINES - 1) for p in found] == [(code, line)], found
    assert not found[0].warning
    assert code in CODES


@pytest.mark.parametrize(
    ("ops", "code", "wanted"),
    [
        ("Conv:\n  dtypes: {X: [float32, int8]}", "lint-dtype", "ONNX does not allow int8 here"),
        ("HardMax: {}", "lint-operator", "did you mean Hardmax?"),
        ("Gelu: {opset: 20}", "lint-opset", "no model has it"),
        (
            "Conv:\n  verdict: unsupported\n  why: a\n  rank: {X: 4}",
            "lint-shadowed",
            "unsupported as it is",
        ),
    ],
)
def test_what_is_merely_unlikely_is_a_warning(tmp_path, ops, code, wanted):
    found = only(tmp_path, ops, opset={"range": "7..19"})
    assert (found.code, found.warning) == (code, True)
    assert wanted in found.message


@pytest.mark.parametrize(
    "ops",
    [
        "Conv: {opset: 1..22}",
        "Conv: {opset: 11}",
        "Conv: {dtypes: [float32, int8], note: 'NO'}",  # the toolchain's types, not the operator's
        "HardMax: {note: the toolchain's own operator}",
        "com.acme::Thing: {opset: 1}",
        "Conv:\n  require: [{when: group > 1, why: no groups}]",
        "Conv:\n  require: [{that: all(x.rank >= 0 for x in inputs), why: ranks are known}]",
        "Clip:\n  require: [{that: max.is_const and max.value > 3e38, why: a}]",
        "Elu:\n  require: [{that: alpha > 0 and alpha < 1, why: a}]",
        "Cast: {attributes: {to: [float16, float32]}}",
        "Gemm:\n  require: [{when: C is None, that: alpha == 1, else: deviates, why: a}]",
        "Conv:\n  require:\n    - {when: group > 1, that: X.rank == 4, why: a}\n"
        "    - {when: group > 1, that: X.rank == 3, else: deviates, why: b}",
        "Conv:\n  advise: [{say: it is slow}]",
        "Resize: {attributes: {mode: [nearest, linear, cubic]}}",
        "Squeeze:\n  require: [{that: axes is None or axes.is_const, why: a}]",
    ],
)
def test_what_is_right_is_left_alone(tmp_path, ops):
    assert problems(tmp_path, ops) == []


def test_a_condition_that_operators_share_may_be_idle_for_one_of_them(tmp_path):
    ops = (
        "ReduceMax:\n  require:\n    - &new {when: since >= 18, that: axes is None, why: a}\n"
        "ReduceSum:\n  require: [*new]"
    )
    assert problems(tmp_path, ops) == []
    alone = "ReduceSum:\n  require: [{when: since >= 18, that: axes is None, why: a}]"
    assert only(tmp_path, alone).code == "lint-constant"


def test_the_range_of_a_table_that_extends_it_counts_too(tmp_path):
    ops = "Conv:\n  require: [{when: opset < 11, that: group == 1, why: a}]"
    base = write_table(tmp_path / "acme.yaml", BOTH + ops, opset={"range": "11..18"})
    assert [p.code for p in lint(base, {"acme": base})] == ["lint-constant"]
    heir = tmp_path / "heir.yaml"
    heir.write_text("extends: acme\ntarget: heir\nopset: {range: 8..18}\n")
    tables = {"acme": base, "heir": heir}
    assert lint(base, tables) == []
    assert lint(heir, tables) == []


def test_a_problem_of_another_table_is_reported_there(tmp_path):
    base = write_table(tmp_path / "acme.yaml", BOTH + "Conv: {attributes: {auto_pad: [same]}}")
    heir = tmp_path / "heir.yaml"
    heir.write_text("extends: acme\ntarget: heir\nops:\n  Abs: {source: nothing}\n")
    tables = {"acme": base, "heir": heir}
    assert [p.place for p in lint(base, tables)] == ["Conv.attributes.auto_pad"]
    assert [(p.place, p.line) for p in lint(heir, tables)] == [("Abs", 4)]


def test_a_family_needs_no_chip_of_its_own(tmp_path):
    family = write_table(tmp_path / "_acme.yaml", BOTH, target=None, name=None)
    assert lint(family, {}) == []
    chip = write_table(tmp_path / "acme.yaml", BOTH, name=None)
    assert [p.message for p in lint(chip, {})] == ["this field is missing"]


def test_sources_that_nothing_cites_are_reported(tmp_path):
    path = write_table(tmp_path / "acme.yaml", "Relu: {}")
    (found,) = lint(path, {})
    assert (found.code, found.place) == ("lint-source", "sources.code")
    cited = write_table(tmp_path / "acme.yaml", "Relu: {}", note="More (code) than that.")
    assert lint(cited, {}) == []


def test_facts_without_a_source_are_reported(tmp_path):
    path = write_table(tmp_path / "acme.yaml", BOTH + "Abs: {}", source=None)
    found = {(p.code, p.place) for p in lint(path, {})}
    assert ("lint-source", "Abs") in found


def test_operators_come_last(tmp_path):
    path = tmp_path / "acme.yaml"
    path.write_text(table_text(BOTH) + "note: behind\n")
    (found,) = lint(path, {})
    assert (found.code, found.place) == ("lint-form", "ops")


def test_conditions_on_every_node_and_on_the_model_are_looked_at(tmp_path):
    dead = {"that": "1 < 0", "why": "a"}
    wrong = {"when": "op_type == 'Convv'", "why": "a"}
    found = problems(tmp_path, "Abs: {}", require=[wrong], model=[dead], host=[dict(dead)])
    assert {(p.code, p.place) for p in found} == {
        ("lint-value", "require.0.when"),
        ("lint-constant", "model.0.that"),
        ("lint-constant", "host.0.that"),
    }


def test_a_host_without_kernels_is_told_by_a_condition_that_never_holds(tmp_path):
    assert problems(tmp_path, "Abs: {}", host=[{"that": "False", "why": "no CPU kernels"}]) == []


def test_precisions_are_those_of_the_table(tmp_path):
    ops = "Conv:\n  require: [{when: precision == 'fp16', that: group == 1, why: a}]"
    assert only(tmp_path, ops, precisions=["float16", "int8"]).code == "lint-value"


def test_patterns_are_compiled(tmp_path):
    pattern = {"name": "p", "match": "t = Relu(x)", "verdict": "deviates", "why": "a"}
    assert only(tmp_path, "Abs: {}", patterns=[pattern]).place == "patterns.0.match"


def test_a_number_for_text_is_told_from_text(tmp_path):
    toolchain = {"name": "AcmeC", "version": 2.0}
    found = problems(tmp_path, "Abs: {}", toolchain=toolchain)
    assert {(p.code, p.place) for p in found} == {
        ("lint-form", "toolchain.version"),
        ("lint-yaml", "yaml"),
    }


def test_a_range_of_opsets_without_end_takes_no_time(tmp_path):
    assert not problems(tmp_path, "", opset={"range": "1..99999999999"})


def test_several_files_are_looked_at_even_if_one_is_missing(tmp_path):
    path = write_table(tmp_path / "acme.yaml", "Relu: {}")
    result = lint_files([tmp_path / "none.yaml", path], {})
    assert (result.files, len(result.problems)) == (1, 1)
    assert [e.code for e in result.unreadable] == ["table-unreadable"]
    with pytest.raises(TableError):
        lint(tmp_path / "none.yaml", {})


def test_constants_are_told_apart_where_values_can_be():
    opsets = {"opset": frozenset(range(9, 20))}
    never = ["opset < 9", "a == 'x' and a == 'y'", "C is None and C is not None", "1 < 0"]
    always = ["opset >= 9", "not (a and not a)", "x == 1 or x != 1", "a in [1] or a not in [1]"]
    open_ = [
        *("opset < 10", "0 < k < 1", "axis is None or axis == 1", "A.rank == B.rank"),
        *("X.shape == [1, 2]", "'Conv' in X.consumers", "a if b else c", "x.value > 3e38"),
        *("X.rank is None", "a and b", "len(axes) == 1", "known(X.rank > 3, False)"),
    ]
    assert [constant_parts(t, opsets) for t in never] == [((t, False),) for t in never]
    assert [[a for _, a in constant_parts(t, opsets)] for t in always] == [[True]] * len(always)
    assert [constant_parts(t, opsets) for t in open_] == [()] * len(open_)


@pytest.mark.parametrize("name", shipped())
def test_every_table_of_the_package_is_clean(name):
    tables = shipped()
    assert [str(p) for p in lint(tables[name], tables) if not p.warning] == []


def test_the_head_of_the_tests_is_clean(tmp_path):
    assert problems(tmp_path, "", **HEAD) == []
