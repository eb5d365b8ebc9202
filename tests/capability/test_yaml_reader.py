"""The YAML of a table: safe to read, and every entry knows its line."""

import os
from pathlib import Path

import pytest

from porting.capability import yaml_reader
from porting.capability.document import MAX_BYTES
from porting.capability.yaml_reader import parse, read
from porting.errors import TableError


def refuse(text: str, wanted: str) -> None:
    with pytest.raises(TableError, match=wanted) as caught:
        parse(text, "t.yaml")
    assert caught.value.code == "table-yaml"
    assert "\n" not in caught.value.message


def test_a_duplicate_key_is_refused_with_the_line_of_the_second():
    refuse("ops:\n  Conv: {}\n  Relu: {}\n  Conv: {}\n", r"t\.yaml:4: the key 'Conv' stands twice")


@pytest.mark.parametrize("text", ["a: 1\na: 2", "a: {1: x, '1': y}", "a: {b: 1, b: 1}"])
def test_keys_are_compared_as_text_at_every_depth(text):
    refuse(text, "stands twice")


@pytest.mark.parametrize(
    "tag",
    ["!!python/object/apply:os.system", "!mine", "!!binary", "!!int", "!!float"],
)
def test_tags_are_refused(tag):
    for text in ("x", "[x]", "{k: x}", "'x'"):
        refuse(f"a: {tag} {text}", r"t\.yaml:1: the tag .* is not allowed")
    refuse("a: !!str 12", "the tag .* is not allowed")
    refuse("a: !!set {x}", "the tag .* is not allowed")


def test_aliases_that_multiply_are_stopped():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    for i in range(1, 9):
        lines.append(f"a{i}: &a{i} [" + ", ".join([f"*a{i - 1}"] * 10) + "]")
    refuse("\n".join(lines), "do aliases multiply")


def test_an_alias_that_holds_itself_is_stopped():
    refuse("a: &a [*a]", "t.yaml")
    refuse("a: &a {b: *a}", "t.yaml")


@pytest.mark.parametrize("depth", [50, 500, 5000])
def test_deep_nesting_is_refused_and_never_a_crash(depth):
    refuse("a: " + "[" * depth + "]" * depth, "t.yaml")


def test_nesting_up_to_the_bound_is_read():
    found = parse("a: " + "[" * 30 + "]" * 30, "t.yaml").data["a"]
    for _ in range(29):
        (found,) = found
    assert found == []


def test_a_plain_alias_is_read_as_what_it_stands_for():
    assert parse("a: &x {k: 1}\nb: *x", "t.yaml").data["b"] == {"k": 1}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NO", "NO"),
        ("no", "no"),
        ("on", "on"),
        ("yes", "yes"),
        ("Y", "Y"),
        ("True", "True"),
        ("true", True),
        ("false", False),
        ("'true'", "true"),
        ('"1"', "1"),
        ("null", None),
        ("~", None),
        ("", None),
        ("'null'", "null"),
        ("12", 12),
        ("-7", -7),
        ("012", 12),
        ("1_000", "1_000"),
        ("0x10", "0x10"),
        ("1e3", 1000.0),
        ("1.5e-3", 0.0015),
        (".5", 0.5),
        ("-3.4e38", -3.4e38),
        ("1.", 1.0),
        (".", "."),
        ("1:30", "1:30"),
        ("8..18", "8..18"),
        ("2026-08-21", "2026-08-21"),
        ("9.0", 9.0),
        ("|\n  1\n", "1\n"),
        (">\n  true\n", "true\n"),
        ("=", "="),
    ],
)
def test_scalars_follow_the_core_schema(text, value):
    found = parse(f"a: {text}", "t.yaml").data["a"]
    assert found == value
    assert type(found) is type(value)


def test_a_merge_key_is_not_magic():
    refuse("b: &b {x: 1}\na:\n  <<: *b\n  <<: *b\n", "stands twice")


def test_where_an_entry_stands_is_known_and_falls_back_to_what_is_around_it():
    document = parse("a:\n  b:\n    - x\n    - k: 1\n", "t.yaml")
    assert document.where(("a",)) == "t.yaml:1"
    assert document.where(("a", "b")) == "t.yaml:2"
    assert document.where(("a", "b", 1, "k")) == "t.yaml:4"
    assert document.where(("a", "b", 1, "nothing", "here")) == "t.yaml:4"
    assert document.where(("elsewhere",)) == document.where(())


@pytest.mark.parametrize("text", ["", "- a", "just text", "3", "null"])
def test_the_top_must_be_a_mapping(text):
    refuse(text, "a table is a mapping")


@pytest.mark.parametrize("text", ["? [a]\n: 1", "{[a]: 1}", "a: {{b: 1}: 2}"])
def test_a_key_must_be_a_plain_word(text):
    refuse(text, "a key is a plain word")


@pytest.mark.parametrize(
    ("text", "line"),
    [("a: [1", 1), ("a: 1\nb: 'x", 2), ("a: 1\n\tb: 2", 2), ("a: *nothing", 1), ("a: b: c", 1)],
)
def test_what_is_not_yaml_is_refused_with_its_line(text, line):
    refuse(text, rf"t\.yaml:[{line}-{line + 1}]: ")


def test_several_documents_are_refused():
    refuse("a: 1\n---\nb: 2\n", "t.yaml")


def test_the_whole_number_of_digits_that_python_refuses_is_an_error_too():
    refuse("a: " + "1" * 5000, "t.yaml:1: .*number")


def test_control_characters_are_an_error_and_not_a_crash():
    refuse("a: \x07", "t.yaml")


def test_a_file_is_read(tmp_path: Path):
    path = tmp_path / "t.yaml"
    path.write_text("name: 芯片\n", encoding="utf-8")
    document = read(path)
    assert document.data == {"name": "芯片"}
    assert document.where(("name",)) == f"{path}:1"


def test_a_file_that_is_not_utf8_is_refused(tmp_path: Path):
    path = tmp_path / "t.yaml"
    path.write_bytes("name: 芯片 é".encode("latin-1", "ignore"))
    with pytest.raises(TableError, match="not UTF-8 text") as caught:
        read(path)
    assert caught.value.code == "table-unreadable"


def test_a_file_that_is_missing_or_a_folder_is_refused(tmp_path: Path):
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(TableError, match=str(path)) as caught:
            read(path)
        assert caught.value.code == "table-unreadable"


def test_a_file_that_is_too_large_is_refused_unread(tmp_path: Path):
    path = tmp_path / "t.yaml"
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(TableError, match="larger than") as caught:
        read(path)
    assert caught.value.code == "table-too-large"


def test_pythons_own_parser_gives_the_same_answers(monkeypatch):
    monkeypatch.delattr(yaml_reader.yaml, "CSafeLoader", raising=False)
    document = parse("a:\n  - NO\n  - 1e3\n", "t.yaml")
    assert document.data == {"a": ["NO", 1000.0]}
    assert document.where(("a", 1)) == "t.yaml:3"
    refuse("a: 1\na: 2", "t.yaml:2: the key 'a' stands twice")
    refuse("a: " + "[" * 1000 + "]" * 1000, "t.yaml")


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
def test_nesting_that_would_overflow_the_parsers_stack_is_refused_with_its_line(opening):
    refuse("a: 1\nb:\n  " + opening * 100_000, r"t\.yaml:3: nested too deep")


def test_a_pipe_is_not_read(tmp_path: Path):
    os.mkfifo(tmp_path / "t.yaml")
    with pytest.raises(TableError, match="not a regular file") as caught:
        read(tmp_path / "t.yaml")
    assert caught.value.code == "table-unreadable"


@pytest.mark.parametrize("code", ["e", "x00", "x9b", "u202e", "u200b", "u2028", "N"])
def test_text_that_a_terminal_acts_on_is_refused(code):
    refuse(f'a: 1\nb: "\\{code}"', r"t\.yaml:2: a control character in text")
    refuse(f'a: 1\n"x\\{code}": 2', r"t\.yaml:2: a control character in a key")
