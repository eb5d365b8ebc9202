import shutil
from pathlib import Path

import pytest
from gate.support import write_tables
from legalize.toy import table_text

from porting.capability import yaml_reader
from porting.capability.document import before_operators, text_of
from porting.capability.targets import VARIABLE, available, shipped
from porting.errors import PortError
from porting.gate import identity


def test_our_own_tables_say_what_they_extend_in_the_form_that_is_looked_for():
    folder = next(iter(shipped().values())).parent.parent
    for path in folder.glob("*/*.yaml"):
        found = identity._EXTENDS.search(path.read_bytes())
        head = before_operators(text_of(path))
        written = yaml_reader.parse(head, str(path)).data.get("extends")
        assert (found[1].decode() if found else None) == written, path


def test_every_target_has_a_digest_of_its_own():
    digests = {identity.table(target, None) for target in available()}
    assert len(digests) == len(available())


def test_a_table_is_another_when_what_it_extends_changes(tmp_path):
    base, own = tmp_path / "base.yaml", tmp_path / "own.yaml"
    base.write_text(table_text("Relu: {}"))
    own.write_text("ops: {}\nextends: base\n")
    first = identity.table("", own)
    assert identity.table("", own) == first
    base.write_text(table_text("Relu: {}\nTan: {}"))
    second = identity.table("", own)
    own.write_text("ops: {Tan: null}\nextends: base\n")
    assert len({first, second, identity.table("", own)}) == 3


def test_a_table_that_extends_itself_ends(tmp_path):
    own = tmp_path / "own.yaml"
    own.write_text("extends: own\nops: {}\n")
    identity.table("", own)


def test_a_user_s_table_of_a_shipped_name_is_another_table(tmp_path, monkeypatch):
    ours = identity.table("ort-cpu", None)
    monkeypatch.setenv(VARIABLE, str(write_tables(tmp_path)))
    assert identity.table("ort-cpu", None) == ours
    (tmp_path / "ort-cpu.yaml").write_text(table_text("Relu: {}"))
    assert identity.table("ort-cpu", None) != ours
    assert "nob-a" in available()


def test_a_table_that_cannot_be_read_has_none(tmp_path):
    with pytest.raises(OSError, match="none"):
        identity.table("", tmp_path / "none.yaml")
    (tmp_path / "bad.yaml").write_text("extends: ../x\nops: {}")
    with pytest.raises(PortError):
        identity.table("", tmp_path / "bad.yaml")


def test_an_edit_of_the_engine_makes_another_program(tmp_path, monkeypatch):
    import porting

    copy = tmp_path / "porting"
    shutil.copytree(Path(porting.__file__).parent, copy, ignore=shutil.ignore_patterns("*.pyc"))
    monkeypatch.setattr(porting, "__file__", str(copy / "__init__.py"))
    program = identity.program.__wrapped__
    first = program()
    assert first == identity.program()
    (copy / "report" / "text.py").write_text("")
    assert program() == first
    with (copy / "capability" / "judge.py").open("a") as file:
        file.write("# edited\n")
    assert program() != first
