"""A broken table says where: file, line, operator and field."""

from pathlib import Path

import pytest
from capability.helpers import HEAD, first, node_model, table, table_text, verdict, write_table

from porting.capability import yaml_reader
from porting.capability.table import load_table, table_of
from porting.errors import TableError

HEAD_LINES = table_text("").count("\n") - 1


def refuse(ops: str, *wanted: str, **fields) -> str:
    """The message, which must hold every one of `wanted`."""
    with pytest.raises(TableError) as caught:
        table(ops, **fields)
    message = caught.value.message
    assert message.startswith("acme.yaml:"), message
    assert "\n" not in message
    for text in wanted:
        assert text in message, message
    return message


def line(number: int) -> str:
    """The place of the n-th line of the operators."""
    return f"acme.yaml:{HEAD_LINES + number}: "


@pytest.mark.parametrize(
    ("ops", "at", "wanted"),
    [
        ("Conv:\n  atributes: {}", 2, ["Conv", "atributes", "no such field"]),
        ("Conv:\n  rank: {X: 9..1}", 2, ["Conv", "rank.X", "empty"]),
        ("Conv:\n  rank: {X: wide}", 2, ["Conv", "rank.X", "range"]),
        ("Conv:\n  opset: 18..8", 2, ["Conv", "opset", "empty"]),
        ("Conv:\n  verdict: maybe", 2, ["Conv", "verdict"]),
        ("Conv:\n  inputs: {W: konst}", 2, ["Conv", "inputs.W"]),
        ("Conv:\n  outputs: {Y: present}", 2, ["Conv", "outputs.Y"]),
        ("Conv:\n  stage: never", 2, ["Conv", "stage"]),
        ("Conv:\n  else: bad", 2, ["Conv", "else"]),
        ("Conv:\n  else: {dtypes: bad}", 2, ["Conv", "else.dtypes"]),
        ("Conv:\n  require:\n    - {that: group == 1}", 3, ["Conv", "require.0.why", "missing"]),
        ("Conv:\n  require:\n    - {that: '1', whi: x}", 3, ["Conv", "require.0.whi"]),
        ("Conv:\n  advise: [{when: 'True'}]", 2, ["Conv", "advise.0.say", "missing"]),
        ("Conv: 3", 1, ["Conv: entry"]),
        ("Conv: [a]", 1, ["Conv: entry"]),
        (
            "Conv:\n  attributes: {auto_pda: [NOTSET]}",
            2,
            ["Conv", "attributes.auto_pda", "did you mean auto_pad?"],
        ),
        ("Conv:\n  attributes:\n    group: 9..1", 3, ["Conv", "attributes.group", "empty"]),
        ("Conv:\n  attributes: {group: {on: [1]}}", 2, ["Conv", "attributes.group", "on"]),
        ("Conv:\n  attributes: {group: {range: 1.5}}", 2, ["Conv", "attributes.group", "range"]),
        ("Conv:\n  attributes: {auto_pad: same}", 2, ["Conv", "attributes.auto_pad", "range"]),
        ("Conv:\n  attributes: {W: explicit}", 2, ["attributes.W", "W is not an attribute"]),
        ("Conv:\n  dtypes: {w: [float32]}", 2, ["Conv", "dtypes.w", "did you mean"]),
        ("Conv:\n  rank: {Z: 4}", 2, ["Conv", "rank.Z", "no Z"]),
        ("Conv:\n  inputs: {weights: const}", 2, ["Conv", "inputs.weights"]),
        ("Conv:\n  outputs: {out: absent}", 2, ["Conv", "outputs.out"]),
        (
            "Conv:\n  require:\n    - why: x\n      that: grup == 1",
            4,
            ["Conv", "require.0.that", "did you mean group?"],
        ),
        (
            "Conv:\n  require:\n    - {that: group == 1, why: x}\n"
            "    - {when: a b, that: '1', why: x}",
            4,
            ["Conv", "require.1.when", "not an expression"],
        ),
        ("Conv:\n  advise:\n    - {when: X.size(), say: x}", 3, ["Conv", "advise.0.when"]),
        (
            "Conv:\n  fallback:\n    attributes: {gruop: [1]}",
            3,
            ["Conv", "fallback.attributes.gruop", "did you mean group?"],
        ),
        ("Conv:\n  verdict: fallback", 2, ["Conv", "verdict", "needs a why"]),
        ("Conv:\n  source: nothing", 1, ["Conv", "no source nothing", "doc, code"]),
        ("Conv:\n  source: ''", 1, ["Conv", "no source"]),
        (
            "Conv:\n  require: [{that: group == 1, why: x, source: other p. 3}]",
            1,
            ["Conv", "no source other p. 3"],
        ),
        ("Conv:\n  advise: [{say: x, source: other}]", 1, ["Conv", "no source other"]),
        ("Conv:\n  attributes: {group: {in: [1], source: other}}", 1, ["Conv", "no source other"]),
        ("Conv:\n  fallback: {source: other, rank: {X: 4}}", 1, ["Conv", "no source other"]),
        ("Conv:\n  like: Relu\n", 2, ["Conv", "like"]),
        ("Conv:\n  attributes: {group: []}", 2, ["Conv", "attributes.group", "empty"]),
        ("Conv:\n  attributes: {group: {not_in: []}}", 2, ["attributes.group", "empty"]),
        ("Conv:\n  dtypes: {X: []}", 2, ["Conv", "dtypes.X", "empty"]),
        ("Conv:\n  dtypes: []", 2, ["Conv", "dtypes", "empty"]),
    ],
)
def test_a_broken_entry_names_its_line_operator_and_field(ops, at, wanted):
    message = refuse(ops, *wanted)
    assert message.startswith(line(at)), (line(at), message)


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({"schema": 2}, "schema"),
        ({"target": None}, "target: this field is missing"),
        ({"class": "toaster"}, "class"),
        ({"evidence": "hearsay"}, "evidence"),
        ({"absent": "supported"}, "absent"),
        ({"opset": {"range": "x"}}, "opset.range"),
        ({"opset": {"range": "7..23", "match": "loosely"}}, "opset.match"),
        ({"toolchain": {"name": "AcmeC"}}, "toolchain.version"),
        ({"toolchain": {"name": "AcmeC", "version": "2.0", "os": "x"}}, "toolchain.os"),
        ({"sources": {"doc": {"title": "t", "where": "w", "kind": "rumour"}}}, "sources.doc.kind"),
        ({"colour": "red"}, "colour: there is no such field"),
        ({"stage": "late"}, "stage"),
        ({"source": "nothing"}, "no source nothing"),
        ({"source": None}, "no source"),
        ({"opset": {"range": "7..23", "source": "nothing"}}, "no source nothing"),
        ({"require": [{"that": "1 +", "why": "x"}]}, "require.0.that"),
        ({"model": [{"that": "lambda: 1", "why": "x"}]}, "model.0.that"),
        ({"require": [{"that": "H > 1", "why": "x", "source": "nothing"}]}, "no source nothing"),
        ({"model": [{"that": "option('x') == 1", "why": "x"}]}, "no option 'x'"),
    ],
)
def test_a_broken_head_names_its_field(fields, wanted):
    refuse("Relu: {}", wanted, **fields)


def test_a_fact_without_any_source_is_refused():
    refuse("Relu: {}", "no source is given", source=None)
    bare = table_of(yaml_reader.parse(table_text("Relu: {}", source=None), "t.yaml"))
    with pytest.raises(TableError, match="Relu: no source is given"):
        bare.operator("Relu")
    loaded = table_of(yaml_reader.parse(table_text("Relu: {source: doc}", source=None), "t.yaml"))
    assert loaded.operator("Relu").source == ("doc",)


def test_a_broken_entry_is_found_when_it_is_asked_for_and_the_others_serve():
    text = table_text("Relu: {}\nConv: {attributes: {gruop: [1]}}")
    loaded = table_of(yaml_reader.parse(text, "t.yaml"))
    assert loaded.operator("Relu") is loaded.operator("Relu")
    assert loaded.operator("Sin") is None
    with pytest.raises(TableError, match="gruop"):
        loaded.operator("Conv")


def test_names_of_every_version_of_an_operator_may_be_used():
    loaded = table("""
Pad: {attributes: {pads: {range: 0..}}, inputs: {pads: const}}
Dropout: {attributes: {ratio: [0.5]}}
""")
    assert loaded.operator("Pad") is not None


def test_names_of_another_domain_are_not_checked_because_onnx_does_not_know_them():
    loaded = table("my.ops::Foo: {attributes: {anything: [1]}, rank: {whatever: 4}}")
    model = node_model("Foo", {"x": (2,)}, domain="my.ops", anything=2)
    assert verdict(model, loaded) == "unsupported"
    assert verdict(node_model("Foo", {"x": (2,)}, domain="my.ops", anything=1), loaded) == (
        "supported"
    )


def test_sources_are_cited_by_title_and_place_and_a_reference_may_name_a_page():
    loaded = table("Relu: {verdict: unsupported, why: not there, source: [doc p. 3, code]}")
    found = first(node_model("Relu", {"x": (2,)}), loaded)
    assert found.source == "Operator list, p. 3 (acme.example/ops); Importer (importer.py)"


def test_a_date_of_a_source_may_be_written_unquoted():
    source = {"title": "t", "where": "w", "kind": "vendor-doc", "date": 2026}
    assert table("Relu: {}", sources={"doc": source}).data.sources["doc"].date == "2026"


def test_the_target_is_what_reports_show():
    loaded = table("Relu: {}", precisions=["int8", "float16"])
    assert loaded.target.to_dict() == {
        "id": "acme-n1",
        "name": "Acme N1",
        "vendor": "Acme",
        "toolchain": "AcmeC 2.0",
        "evidence": "vendor-doc",
    }
    assert loaded.precision == "int8"
    assert table("Relu: {}").precision == ""


# --- extends ---


def extending(folder: Path, name: str, base: str, ops: str = "  Relu: {}\n") -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(f"extends: {base}\ntarget: {name}\nops:\n{ops}")
    return path


def test_a_table_extends_another_field_by_field(tmp_path: Path):
    write_table(
        tmp_path / "_base.yaml",
        "Conv: {rank: {X: 4}, attributes: {group: [1]}}\nRelu: {}\nSin: {}",
        note="base",
    )
    path = extending(
        tmp_path, "n2", "_base", "  Conv: {attributes: {group: [1, 2]}}\n  Sin: null\n"
    )
    loaded = load_table(path)
    loaded.validate()
    assert set(loaded.data.ops) == {"Conv", "Relu"}
    assert loaded.data.ops["Conv"].attributes == {"group": [1, 2]}
    assert list(loaded.data.ops["Conv"].rank) == ["X"]
    assert loaded.data.note == "base"
    assert loaded.data.target == "n2"


def test_tables_extend_through_several_and_by_the_paths_that_are_given(tmp_path: Path):
    base = write_table(tmp_path / "elsewhere.yaml", "Sin: {}")
    extending(tmp_path, "mid", "far")
    path = extending(tmp_path, "top", "mid", "  Cos: {}\n")
    loaded = load_table(path, {"far": base})
    assert set(loaded.data.ops) == {"Sin", "Relu", "Cos"}


def test_an_error_in_the_base_names_the_bases_file_and_line(tmp_path: Path):
    write_table(tmp_path / "_base.yaml", "Conv: {attributes: {gruop: [1]}}")
    loaded = load_table(extending(tmp_path, "n2", "_base"))
    with pytest.raises(TableError, match=rf"_base\.yaml:{HEAD_LINES + 1}: Conv: attributes.gruop"):
        loaded.validate()


def test_an_error_in_an_override_names_its_own_file_and_line(tmp_path: Path):
    write_table(tmp_path / "_base.yaml", "Conv: {attributes: {group: [1]}}")
    path = extending(tmp_path, "n2", "_base", "  Conv: {attributes: {gruop: [1]}}\n")
    with pytest.raises(TableError, match=r"n2\.yaml:4: Conv: attributes.gruop"):
        load_table(path).validate()


@pytest.mark.parametrize("name", ["a", "missing", "../a", "[x]", "3", "sub/a"])
def test_what_cannot_be_extended_is_refused_with_its_line(tmp_path: Path, name):
    path = extending(tmp_path, "a", name)
    with pytest.raises(TableError, match=r"a\.yaml:1: ") as caught:
        load_table(path)
    assert caught.value.code == "table-extends"


def test_a_circle_of_tables_is_refused(tmp_path: Path):
    extending(tmp_path, "a", "b")
    extending(tmp_path, "b", "c")
    path = extending(tmp_path, "c", "a")
    with pytest.raises(TableError, match="cannot extend") as caught:
        load_table(path)
    assert caught.value.code == "table-extends"


def test_a_chain_of_tables_that_is_too_long_is_refused(tmp_path: Path):
    for i in range(12):
        extending(tmp_path, f"t{i}", f"t{i + 1}")
    write_table(tmp_path / "t12.yaml", "Relu: {}")
    with pytest.raises(TableError, match="cannot extend"):
        load_table(tmp_path / "t0.yaml")


def test_the_head_of_these_tests_is_a_valid_table():
    assert table("Relu: {}").data.target == HEAD["target"]


@pytest.mark.parametrize("field", ["name", "vendor"])
def test_a_name_that_would_break_the_line_of_a_report_is_refused(field):
    refuse("Relu: {}", f"{field}: this is one line of text", **{field: "x\n::error::y"})
