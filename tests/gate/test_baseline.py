import json
from dataclasses import replace
from pathlib import Path

import pytest
from gate.support import finding, node, result
from hypothesis import given
from hypothesis import strategies as st

from porting.errors import UsageError
from porting.gate.baseline import Baseline, read
from porting.gate.evaluate import Policy, evaluate
from porting.gate.thresholds import failing

REASONS = ("no", "never", "not yet")
NODES = st.lists(
    st.tuples(st.text("abc", max_size=3), st.sampled_from(REASONS), st.sampled_from("ST")),
    max_size=8,
)


def nodes_of(drawn):
    return [node(name, finding(reason=reason), op=op) for name, reason, op in drawn]


def known_after(nodes, folder=Path()):
    """What a baseline written for these nodes has."""
    return Baseline(folder / "b.json").updated([evaluate(result(nodes))])


def standings(nodes, baseline):
    entry = evaluate(result(nodes), Policy(known=baseline.of("m.onnx", "toy")))
    return [j.standing for j in entry.judged], entry


@given(NODES)
def test_what_is_written_is_known_and_nothing_is_gone(drawn):
    found, entry = standings(nodes_of(drawn), known_after(nodes_of(drawn)))
    assert set(found) <= {"known"}
    assert entry.gone == ()


@given(NODES, st.randoms(use_true_random=False))
def test_renamed_and_moved_nodes_stay_known(drawn, random):
    renamed = [(f"{name}{i}", reason, op) for i, (name, reason, op) in enumerate(drawn)]
    random.shuffle(renamed)
    found, entry = standings(nodes_of(renamed), known_after(nodes_of(drawn)))
    assert set(found) <= {"known"}
    assert entry.gone == ()


@given(NODES, st.sampled_from(REASONS), st.data())
def test_one_more_node_is_one_failure(drawn, reason, data):
    at = data.draw(st.integers(0, len(drawn)))
    more = [*drawn[:at], ("added", reason, "T"), *drawn[at:]]
    found, entry = standings(nodes_of(more), known_after(nodes_of(drawn)))
    assert found.count("fails") == 1
    failed = [j.node for j in entry.judged if j.standing == "fails"]
    assert failed[0].op_type == "T"
    assert entry.gone == ()
    if all(name != "added" for name, _, _ in drawn):
        assert failed[0].name == "added"  # nodes that kept their names are the ones known


@given(NODES, st.data())
def test_a_node_that_went_is_told(drawn, data):
    if not drawn:
        return
    at = data.draw(st.integers(0, len(drawn) - 1))
    found, entry = standings(nodes_of(drawn[:at] + drawn[at + 1 :]), known_after(nodes_of(drawn)))
    assert set(found) <= {"known"}
    assert len(entry.gone) == 1
    assert drawn[at][1] in entry.gone[0]


@given(NODES)
def test_the_file_is_sorted_and_reads_back(drawn):
    folder = Path("somewhere")
    made = known_after(nodes_of(drawn), folder)
    again = known_after(nodes_of(drawn[::-1]), folder)
    by_name = [replace(k, nodes={}) for k in made.findings]
    assert by_name == [replace(k, nodes={}) for k in again.findings]
    data = json.loads(made.dumped())
    assert data["schema"] == "port.baseline/1"
    assert made.dumped() == Baseline(made.file, made.findings).dumped()


def test_a_file_reads_back(tmp_path):
    made = known_after([node("a\n\x1b[31m", finding()), node("b", finding())], tmp_path)
    made.file.write_text(made.dumped())
    assert read(made.file) == made
    assert "\x1b" not in made.dumped()


def test_paths_are_relative_to_the_file_and_have_slashes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ci").mkdir()
    baseline = Baseline(Path("ci/b.json"))
    entry = evaluate(result([node("a", finding())], "models/m.onnx"))
    assert [k.model for k in baseline.updated([entry]).findings] == ["../models/m.onnx"]
    absolute = evaluate(result([node("a", finding())], str(tmp_path / "models" / "m.onnx")))
    assert baseline.updated([absolute]).dumped() == baseline.updated([entry]).dumped()


def test_models_that_were_not_checked_are_kept_unless_they_are_gone(tmp_path):
    (tmp_path / "old.onnx").touch()
    file = tmp_path / "b.json"
    entries = [
        evaluate(result([node("a", finding())], str(tmp_path / name)))
        for name in ("old.onnx", "removed.onnx")
    ]
    baseline = Baseline(file).updated(entries)
    assert baseline.orphans() == ["removed.onnx"]
    new = evaluate(result([node("a", finding())], str(tmp_path / "new.onnx")))
    assert [k.model for k in baseline.updated([new]).findings] == ["new.onnx", "old.onnx"]


def test_what_passes_is_not_written():
    nodes = [node("a", finding("unknown")), node("b", finding("fallback"))]
    assert known_after(nodes).findings == ()
    strict = evaluate(result(nodes), Policy(failing(strict=True)))
    assert [k.verdict for k in Baseline(Path("b.json")).updated([strict]).findings] == ["unknown"]


def test_a_model_of_an_impossible_name_is_one_that_is_not_there(tmp_path):
    file = tmp_path / "b.json"
    one = known_after([node("a", finding())]).findings[0]
    names = ["a\0b", "x" * 5000]
    file.write_text(Baseline(file, tuple(replace(one, model=n) for n in names)).dumped())
    assert read(file).orphans() == names


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (None, "baseline-missing"),
        ("", "baseline-invalid"),
        ("[]", "baseline-invalid"),
        ("[" * 100_000, "baseline-invalid"),
        ('{"schema": "port.baseline/2", "findings": []}', "baseline-invalid"),
        ('{"schema": "port.baseline/1", "findings": [], "x": 1}', "baseline-invalid"),
        ('{"schema": "port.baseline/1", "findings": [{"model": 1}]}', "baseline-invalid"),
        ("\x00", "baseline-invalid"),
    ],
)
def test_what_is_no_baseline_is_refused(tmp_path, text, code):
    file = tmp_path / "b.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(UsageError) as error:
        read(file)
    assert error.value.code == code
    assert "\n" not in error.value.message
