"""Tables from the cache: the same data as from their files, or none."""

import json
import os
import shutil
import subprocess
import sys
import threading
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest
import yaml
from capability.helpers import HEAD, table_text, write_table
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

import porting
from porting import cache
from porting.cache import MAX_ENTRY, sealed
from porting.capability import form, stored, targets, yaml_reader
from porting.capability.document import before_operators
from porting.capability.models import FORMS
from porting.capability.record import Record, as_dict, changed, hints_of, written
from porting.capability.schema import AttributeLimit, Table, TableHead
from porting.capability.stored import Files, keep, recalled
from porting.capability.table import load_table, recalled_table
from porting.capability.targets import available, heads, load_target, shipped
from porting.capability.versions import Versions, parse_versions
from porting.demo import model_path
from porting.errors import TableError

TARGETS = [name for name in shipped() if not name.startswith("_")]

OPS = """
Relu: {require: [{that: X.rank == 4, why: so}]}
Conv: {attributes: {group: {range: 1..8, why: so}, auto_pad: [NOTSET]}, rank: {X: "3..5"}}
"""


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty cache; the package's tables are not in memory either."""
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "cache"))
    targets._shipped_table.cache_clear()
    yield tmp_path / "cache"
    targets._shipped_table.cache_clear()


@pytest.fixture
def unreadable(monkeypatch):
    """A call of this makes every reading of YAML an error."""

    def forbid():
        monkeypatch.setattr(yaml_reader, "parse", None)

    return forbid


def entries(place: Path) -> list[Path]:
    return sorted(place.glob("*/*.json"))


def read(path: Path, bases=None) -> Files:
    """The files of a table, which was read and kept."""
    files = Files([path], bases or {})
    keep("test", [form.validated(Table, files.document(path))], files)
    return files


def known(path: Path, bases=None):
    found = recalled("test", Table, Files([path], bases or {}))
    return found[0] if found else None


def by_field(data: object) -> object:
    """Data with all that it is made of, and the type of each."""
    if isinstance(data, Record):
        fields = {n: by_field(v) for n, v in as_dict(data).items()}
        return type(data), sorted(written(data)), fields
    if isinstance(data, list):
        return [by_field(v) for v in data]
    if isinstance(data, dict):
        return [(k, by_field(v)) for k, v in data.items()]
    return type(data), data


@pytest.mark.parametrize("target", TARGETS)
def test_a_table_comes_back_as_it_was_read(place, target, unreadable):
    fresh = by_field(load_table(shipped()[target], shipped()).data)
    load_target(target)
    targets._shipped_table.cache_clear()
    unreadable()
    assert by_field(load_target(target).data) == fresh


def test_a_check_says_the_same_with_a_kept_table(place, unreadable):
    def checked(target: str) -> str:
        targets._shipped_table.cache_clear()
        return json.dumps(porting.check(model_path(), target).to_dict())

    some = TARGETS[::7]
    fresh = [checked(t) for t in some]
    unreadable()
    assert [checked(t) for t in some] == fresh


def test_the_heads_come_back_as_they_were_read(place, unreadable):
    first = heads(available())
    assert len(entries(place)) == 1
    unreadable()
    again = heads(available())
    assert list(again) == list(first)
    assert by_field(again) == by_field(first)
    for name, head in again.items():
        path = available()[name]
        assert head.target == name, path


def test_heads_stay_when_operators_change(tmp_path, place, unreadable):
    path = write_table(tmp_path / "acme-n1.yaml", "Relu: {}")
    heads({"acme-n1": path})
    write_table(path, "Sin: {}")
    assert recalled("heads", TableHead, Files([path], {}, before_operators)) is not None
    write_table(path, "Sin: {}", name="Another")
    assert heads({"acme-n1": path})["acme-n1"].name == "Another"


def test_a_user_s_table_is_validated_once(tmp_path, place, unreadable):
    path = write_table(tmp_path / "acme-n1.yaml", OPS)
    fresh = load_target("", path)
    unreadable()
    again = load_target("", path)
    assert again.data == fresh.data
    assert again.op_map == str(path)
    again.validate()


def test_a_broken_table_is_refused_each_time_and_not_kept(tmp_path, place):
    path = write_table(tmp_path / "acme-n1.yaml", "Conv: {attributes: {group: {rnage: 1..8}}}")
    messages = set()
    for _ in range(2):
        with pytest.raises(TableError, match=r"Conv: attributes.group: rnage") as caught:
            load_target("", path)
        messages.add(caught.value.message)
    assert len(messages) == 1
    assert not entries(place)


def test_an_error_in_a_kept_table_has_its_line(tmp_path, place):
    path = write_table(tmp_path / "acme-n1.yaml", "Conv: {attributes: {gruop: [1]}}")
    fresh = load_table(path)
    read(path)
    again = recalled_table("test", Files([path], {}))
    messages = set()
    for loaded in (fresh, again):
        with pytest.raises(TableError, match=r"acme-n1\.yaml:\d+: Conv: attributes.gruop") as error:
            loaded.validate()
        messages.add(error.value.message)
    assert len(messages) == 1


def test_a_change_of_the_table_or_of_what_it_extends_is_seen(tmp_path, place):
    base = write_table(tmp_path / "base.yaml", "Relu: {}")
    middle, own = tmp_path / "middle.yaml", tmp_path / "own.yaml"
    middle.write_text("extends: base\n")
    own.write_text("extends: middle\nops: {Sin: {}}\n")
    read(own)
    assert set(known(own).ops) == {"Relu", "Sin"}
    write_table(base, "Cos: {}")
    assert known(own) is None
    read(own)
    assert set(known(own).ops) == {"Cos", "Sin"}
    middle.write_text("extends: base\nops: {Tan: {}}\n")
    assert known(own) is None
    read(own)
    own.write_text("extends: middle\nops: {Sinh: {}}\n")
    assert known(own) is None
    base.unlink()
    own.write_text("extends: middle\nops: {Sin: {}}\n")
    assert known(own) is None


def test_a_base_that_is_another_file_now_is_seen(tmp_path, place):
    near = write_table(tmp_path / "base.yaml", "Relu: {}")
    far = write_table(tmp_path / "far.yaml", "Cos: {}")
    same = tmp_path / "same.yaml"
    shutil.copy(near, same)
    own = tmp_path / "own.yaml"
    own.write_text("extends: base\nops: {}\n")
    read(own)
    assert known(own, {"base": same}) == known(own)
    assert known(own, {"base": far}) is None
    assert known(own, {"base": tmp_path / "none.yaml"}) is None


def test_another_table_at_the_same_path_is_another_entry(tmp_path, place):
    path = write_table(tmp_path / "acme-n1.yaml", "Relu: {}")
    read(path)
    write_table(path, "Cos: {}")
    assert known(path) is None
    read(path)
    assert len(entries(place)) == 2
    assert set(known(path).ops) == {"Cos"}


def test_the_same_table_elsewhere_is_the_same_entry(tmp_path, place):
    read(write_table(tmp_path / "one.yaml", "Relu: {}"))
    assert known(write_table(tmp_path / "two.yaml", "Relu: {}")) is not None


def test_another_program_or_kind_has_entries_of_its_own(tmp_path, place, monkeypatch):
    path = write_table(tmp_path / "acme-n1.yaml", "Relu: {}")
    read(path)
    assert recalled("other", Table, Files([path], {})) is None
    monkeypatch.setattr(stored, "_program", lambda: "newer")
    assert known(path) is None


def test_a_user_s_table_is_validated_for_each_version_of_onnx(tmp_path, place, monkeypatch):
    path = write_table(tmp_path / "acme-n1.yaml", "Relu: {}")
    load_target("", path)
    monkeypatch.setattr("onnx.__version__", "99")
    load_target("", path)
    assert len(entries(place)) == 2


def test_without_a_cache_nothing_is_kept(tmp_path, place, monkeypatch):
    monkeypatch.setenv(cache.VARIABLE, "off")
    path = write_table(tmp_path / "acme-n1.yaml", "Relu: {}")
    read(path)
    load_target("", path)
    heads({"acme-n1": path})
    assert known(path) is None
    assert not place.exists()


def test_a_folder_that_cannot_be_written_to_stops_nothing(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv(cache.VARIABLE, str(tmp_path / "file" / "cache"))
    path = write_table(tmp_path / "acme-n1.yaml", "Relu: {}")
    assert set(load_target("", path).data.ops) == {"Relu"}
    assert heads({"acme-n1": path})["acme-n1"].name == HEAD["name"]


def broken(place: Path, tmp_path: Path, contents: bytes) -> None:
    """Asserts that an entry with these contents is passed over and replaced."""
    path = write_table(tmp_path / "acme-n1.yaml", OPS)
    fresh = load_target("", path).data
    [entry] = entries(place)
    whole = entry.read_bytes()
    entry.write_bytes(contents)
    assert load_target("", path).data == fresh
    assert entry.read_bytes() == whole


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"[]", b"1", b"null", b"[" * 100_000, b"\xff\xfe", b'{"key": 1}', b"{}" * 2],
)
def test_junk_is_passed_over_even_if_it_has_a_digest(place, tmp_path, text):
    broken(place, tmp_path, text)
    broken(place, tmp_path, sealed(text))


def test_an_entry_that_is_cut_short_or_has_another_bit_is_passed_over(place, tmp_path):
    path = write_table(tmp_path / "acme-n1.yaml", OPS)
    load_target("", path)
    whole = entries(place)[0].read_bytes()
    for size in range(0, len(whole), 97):
        broken(place, tmp_path, whole[:size])
        changed_byte = bytes([whole[size] ^ 1])
        broken(place, tmp_path, whole[:size] + changed_byte + whole[size + 1 :])


def test_a_giant_entry_is_passed_over(place, tmp_path):
    path = write_table(tmp_path / "acme-n1.yaml", OPS)
    fresh = load_target("", path).data
    [entry] = entries(place)
    os.truncate(entry, MAX_ENTRY + 1)
    assert load_target("", path).data == fresh


def test_an_entry_under_another_key_is_passed_over(place, tmp_path):
    one, two = write_table(tmp_path / "1.yaml", OPS), write_table(tmp_path / "2.yaml", "Cos: {}")
    read(one)
    [first] = entries(place)
    read(two)
    [second] = set(entries(place)) - {first}
    shutil.copy(first, second)
    assert known(two) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=4,
)


@st.composite
def records(draw, kind: type[Record]) -> Record:
    """Any instance of a form, with any of its fields."""
    hints = hints_of(kind)
    given_ = draw(st.sets(st.sampled_from(sorted(hints))))
    names = [n for n in hints if n in given_ or not hasattr(kind, n)]
    return kind(**{n: draw(values(hints[n])) for n in names})


def values(hint) -> st.SearchStrategy:
    arguments = get_args(hint)
    if get_origin(hint) is list:
        return st.lists(values(arguments[0]), max_size=2)
    if get_origin(hint) is dict:
        return st.dictionaries(st.text(max_size=3), values(arguments[1]), max_size=2)
    if get_origin(hint) is Literal:
        return st.sampled_from(arguments)
    if arguments:
        return st.one_of(*map(values, arguments))
    if hint is Any:
        return JSON.filter(lambda v: not isinstance(v, dict))
    if hint is Versions:
        ends = st.lists(st.integers(), min_size=2, max_size=4, unique=True).map(sorted)
        return ends.map(lambda e: parse_versions([f"{a}..{b - 1}" for a, b in pairwise(e)]))
    return records(hint) if issubclass(hint, Record) else st.from_type(hint)


@pytest.mark.parametrize("kind", FORMS.values(), ids=FORMS)
@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=30)
def test_whatever_a_form_may_hold_comes_back(kind, data):
    made = data.draw(records(kind))
    text = json.dumps(made, default=stored._plain)
    assert by_field(stored._reader(kind)(json.loads(text))) == by_field(made)


@given(data=st.data(), value=JSON)
def test_whatever_stands_in_an_entry_the_data_has_the_types_of_its_form(data, value):
    whole = json.loads(json.dumps(SAMPLE, default=stored._plain))
    node: Any = {"": whole}
    key: Any = ""
    while isinstance(node[key], dict | list) and node[key] and data.draw(st.integers(0, 3)):
        node = node[key]
        key = data.draw(st.sampled_from(list(node) if isinstance(node, dict) else range(len(node))))
    node[key] = value
    try:
        found = stored._reader(Table)(whole)
    except (LookupError, TypeError, ValueError):
        return
    # what a value must be beside its type is not asked again
    assert wrong(json.loads(json.dumps(found, default=as_written))) <= {"value_error"}


def wrong(data: Any) -> set[str]:
    """Kinds of what is wrong with a table's data."""
    try:
        form.record(Table, data)
    except ValidationError as error:
        return {e["type"] for e in error.errors()}
    return set()


def as_written(value: Any) -> Any:
    """As a table's file has it."""
    if isinstance(value, Versions):
        return str(value)
    return {n.removesuffix("_"): v for n, v in vars(value).items()}


SAMPLE = form.record(Table, yaml.safe_load(table_text(OPS)))


def test_what_would_not_come_back_the_same_is_not_kept(tmp_path, place):
    path = write_table(tmp_path / "acme-n1.yaml", "Relu: {}")
    files = Files([path], {})
    data = form.validated(Table, files.document(path))
    keep("test", [changed(data, ops={"Relu": AttributeLimit(in_=[(1, 2)])})], files)
    assert not entries(place)


def test_many_may_keep_the_same_at_once(tmp_path, place):
    path = write_table(tmp_path / "acme-n1.yaml", OPS)
    wanted = load_table(path).data
    found = []

    def work():
        for _ in range(20):
            read(path)
            found.append(known(path))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 80
    assert all(each == wanted for each in found)
    assert len(list(place.rglob("*.*"))) == 1


@pytest.mark.parametrize("command", ["check {} --target ascend-310p --no-cache", "targets"])
def test_a_known_table_is_read_without_yaml_and_pydantic(place, command):
    code = (
        "import contextlib, sys\n"
        "from porting.cli import main\n"
        "with contextlib.suppress(SystemExit):\n"
        "    main()\n"
        "print(sorted({'yaml', 'pydantic'} & set(sys.modules)), file=sys.stderr)\n"
    )
    arguments = command.format(model_path()).split()
    runs = [
        subprocess.run(
            [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True
        )
        for _ in range(2)
    ]
    assert [r.stderr.splitlines()[-1] for r in runs] == ["['pydantic', 'yaml']", "[]"]
    assert runs[0].stdout == runs[1].stdout
