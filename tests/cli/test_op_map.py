"""`port op-map`: lint and the JSON Schema."""

import json
from pathlib import Path

import jsonschema
import pytest
from capability.helpers import table_text, write_table

from porting.capability import yaml_reader
from porting.capability.codes import LINT
from porting.capability.json_schema import table_schema
from porting.capability.targets import shipped
from porting.cli.app import run

GOOD = "Conv: {attributes: {auto_pad: [NOTSET]}}\nRelu: {source: code}"
BAD = "Conv: {attributes: {auto_pad: [same]}}\nRelu: {source: code}"
ODD = "HardMax: {}\nRelu: {source: code}"
HEAD_LINES = table_text("").count("\n") - 1


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_table(tmp_path / "good.yaml", GOOD)
    write_table(tmp_path / "bad.yaml", BAD)
    write_table(tmp_path / "odd.yaml", ODD)
    return tmp_path


def test_a_clean_table_exits_with_0(folder, capsys):
    assert run(["op-map", "lint", "good.yaml"]) == 0
    assert capsys.readouterr().out == "1 table: no problems\n"


def test_each_problem_is_one_line_and_exits_with_1(folder, capsys):
    assert run(["op-map", "lint", "bad.yaml", "good.yaml"]) == 1
    line, summary = capsys.readouterr().out.splitlines()
    where = f"bad.yaml:{HEAD_LINES + 1}: lint-value Conv.attributes.auto_pad: "
    assert line == f"{where}'same' is not a value of auto_pad"
    assert summary == "2 tables: 1 problem"


def test_a_warning_does_not_fail(folder, capsys):
    assert run(["op-map", "lint", "odd.yaml"]) == 0
    assert "HardMax: warning: ONNX has no HardMax" in capsys.readouterr().out


def test_a_file_that_cannot_be_read_exits_with_2(folder, capsys):
    assert run(["op-map", "lint", "none.yaml", "bad.yaml"]) == 2
    captured = capsys.readouterr()
    assert captured.out.splitlines()[-1] == "1 table: 1 problem, 1 unreadable file"
    assert captured.err == "error[table-unreadable]: none.yaml: No such file or directory\n"


def test_the_tables_of_a_folder_are_checked(folder, capsys):
    (folder / "empty").mkdir()
    assert run(["op-map", "lint", "."]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "3 tables: 1 problem, 1 warning"
    assert run(["op-map", "lint", "empty"]) == 2
    assert capsys.readouterr().err == "error[table-unreadable]: empty: Is a directory\n"


def test_json(folder, capsys):
    assert run(["op-map", "lint", "bad.yaml", "odd.yaml", "--format", "json"]) == 1
    data = json.loads(capsys.readouterr().out)
    assert {k: data[k] for k in ("schema", "files", "errors", "warnings")} == {
        "schema": "port.lint/1",
        "files": 2,
        "errors": 1,
        "warnings": 1,
    }
    first = data["problems"][0]
    assert first["severity"] == "error"
    assert (first["file"], first["line"]) == ("bad.yaml", HEAD_LINES + 1)
    assert (first["code"], first["place"]) == ("lint-value", "Conv.attributes.auto_pad")


def test_a_table_that_is_not_yaml_is_a_problem_of_the_table(folder, capsys):
    Path("broken.yaml").write_text("schema: 1\nname: [a\n")
    assert run(["op-map", "lint", "broken.yaml"]) == 1
    assert capsys.readouterr().out.startswith("broken.yaml:3: lint-form table: ")


def test_control_characters_do_not_reach_the_terminal(folder, capsys):
    write_table(folder / "evil.yaml", '"Co\\env": {atributes: 1}')
    assert run(["op-map", "lint", "evil.yaml"]) == 1
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.parametrize("code", LINT)
def test_every_code_is_explained(code, capsys):
    assert run(["explain", code]) == 0
    assert capsys.readouterr().out.startswith(f"{code}: ")


def test_the_schema_goes_to_stdout_or_a_file(folder, capsys):
    assert run(["op-map", "schema"]) == 0
    assert json.loads(capsys.readouterr().out) == table_schema()
    assert run(["op-map", "schema", "-o", "s.json"]) == 0
    assert capsys.readouterr().out == ""
    assert json.loads(Path("s.json").read_text()) == table_schema()


def test_the_shipped_schema_is_what_the_code_generates():
    path = next(iter(shipped().values())).parent.parent / "op-map.schema.json"
    message = "run: port op-map schema -o op_maps/op-map.schema.json"
    assert json.loads(path.read_text(encoding="utf-8")) == table_schema(), message


@pytest.fixture(scope="module")
def validator():
    schema = table_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_table_has_the_form_of_the_schema(name, validator):
    data = yaml_reader.read(shipped()[name]).data
    errors = [(list(e.absolute_path), e.message) for e in validator.iter_errors(data)]
    assert errors == []


@pytest.mark.parametrize(
    "change",
    [
        {"evidence": "hearsay"},
        {"toolchain": {"name": "AcmeC"}},
        {"opset": {"match": "model"}},
        {"opset": {"range": "eight"}},
        {"vendor": None},
        {"else": {"dtypes": "maybe"}},
        {"colour": "red"},
        {"ops": {"Cos": None}},
        {"ops": {"Cos": {"verdict": "maybe"}}},
        {"ops": {"Cos": {"require": [{"that": "a"}]}}},
        {"ops": {"Cos": {"attributes": {"a": {"on": 1}}}}},
    ],
)
def test_the_schema_refuses(validator, change):
    data = yaml_reader.parse(table_text(GOOD), "acme.yaml").data
    assert validator.is_valid(data)
    changed = {k: v for k, v in {**data, **change}.items() if v is not None}
    assert not validator.is_valid(changed)


def test_a_table_that_extends_another_may_say_little(validator):
    assert validator.is_valid(
        {"extends": "acme", "opset": {"match": "model"}, "ops": {"Cos": None}}
    )
    assert not validator.is_valid({"extends": "acme", "ops": {"Cos": {"colour": "red"}}})
