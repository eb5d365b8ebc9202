"""`port targets`, `port targets show` and `port explain`, in all formats, and their errors."""

import json
import os
import subprocess
import sys

import pytest
from capability.helpers import write_table

from porting.cli.app import run

OPS = """
Conv:
  opset: 8..18
  dtypes: {X: [float16, float32]}
  attributes: {group: {in: [1], else: deviates, why: groups are dropped}}
  require:
    - when: auto_pad != 'NOTSET'
      that: X.rank == 4
      why: auto_pad needs four dimensions
      source: code p.7
  advise: [{when: group > 1, say: it is slow}]
  note: a note
Relu: {verdict: fallback, why: it runs on the host}
Tanh: {verdict: unsupported, why: there is no kernel}
com.acme::Thing: {}
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Two tables of the user's, and no others."""
    monkeypatch.setattr("porting.capability.targets.shipped", dict)
    monkeypatch.setenv("COLUMNS", "120")
    folder = tmp_path / "tables"
    folder.mkdir()
    write_table(folder / "acme-n1.yaml", OPS, precisions=["float16"], note="A note.")
    write_table(
        *(folder / "umbra-g2.yaml", "Relu: {}"),
        **{"target": "umbra-g2", "vendor": "Umbra", "class": "gpu", "absent": "unknown"},
    )
    monkeypatch.setenv("PORT_OP_MAPS", str(folder))
    return folder


def out(capsys, *arguments: str, status: int = 0) -> str:
    assert run(list(arguments)) == status
    return capsys.readouterr().out


def error(capsys, *arguments: str) -> str:
    assert run(list(arguments)) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    return captured.err


def test_targets_lists_one_a_line(own, capsys):
    lines = out(capsys, "targets").splitlines()
    assert [line.split()[0] for line in lines] == ["acme-n1", "umbra-g2"]
    assert lines[0].split()[1:] == ["edge", "vendor-doc", "AcmeC", "2.0"]


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["--vendor", "UMBRA"], ["umbra-g2"]),
        (["--class", "edge"], ["acme-n1"]),
        (["--vendor", "acme", "--class", "gpu"], []),
        (["--vendor", "nobody"], []),
    ],
)
def test_targets_filters(own, capsys, arguments, wanted):
    data = json.loads(out(capsys, "targets", *arguments, "--format", "json"))
    assert [t["id"] for t in data] == wanted


def test_targets_as_json(own, capsys):
    data = json.loads(out(capsys, "targets", "--format", "json"))
    assert data[0] == {
        "id": "acme-n1",
        "name": "Acme N1",
        "vendor": "Acme",
        "class": "edge",
        "toolchain": "AcmeC 2.0",
        "evidence": "vendor-doc",
        "absent": "unsupported",
        "opset": {"range": "7..23", "match": "since"},
    }


def test_show_says_what_is_known_and_from_where(own, capsys):
    text = out(capsys, "targets", "show", "n1")
    for wanted in (
        *("acme-n1", "Acme N1", "AcmeC 2.0", "vendor-doc", "float16", "A note.", "unsupported"),
        *("7..23, each operator's", "2 supported, 1 fallback, 1 unsupported"),
        *("doc: Operator list", "importer.py"),
    ):
        assert wanted in text


def test_show_as_json(own, capsys):
    data = json.loads(out(capsys, "targets", "show", "acme-n1", "--format", "json"))
    assert data["covered"]["supported"] == 2
    assert data["precisions"] == ["float16"]
    assert [s["id"] for s in data["sources"]] == ["doc", "code"]


@pytest.mark.parametrize(
    ("arguments", "code", "wanted"),
    [
        (["targets", "show", "acme-n2"], "target-unknown", "did you mean acme-n1"),
        (["targets", "show"], "usage", ""),
        (["targets", "list"], "usage", ""),
        (["explain", "Conv"], "target-missing", "--target"),
        (["explain", "Convv", "-t", "n1"], "operator-unknown", "did you mean Conv"),
        (["explain", "dtypee", "-t", "n1"], "operator-unknown", "dtype"),
        (["explain", "Conv", "-t", "n7"], "target-unknown", ""),
        (["explain"], "usage", ""),
        (["explain", "Conv", "-t", "n1", "--format", "xml"], "usage", ""),
    ],
)
def test_errors_are_one_line_with_a_way_on(own, capsys, arguments, code, wanted):
    text = error(capsys, *arguments)
    assert text.startswith(f"error[{code}]: ")
    assert wanted in text
    assert len(text.splitlines()) <= 2


def test_explain_tells_each_limit_with_its_condition_and_source(own, capsys):
    text = out(capsys, "explain", "Conv", "--target", "n1")
    for wanted in (
        *("Conv on acme-n1", "runs on the accelerator", "its version is 8..18"),
        *("X is float16 or float32 only", "group is 1 only: groups are dropped", "deviates"),
        *("auto_pad needs four dimensions", "if     auto_pad != 'NOTSET'", "unless X.rank == 4"),
        *("it is slow", "a note", "Operator list (acme.example/ops)", "Importer, p.7"),
    ):
        assert wanted in text, text


def test_explain_as_json(own, capsys):
    (data,) = json.loads(out(capsys, "explain", "Conv", "-t", "n1", "--format", "json"))
    assert (data["target"], data["operator"], data["verdict"]) == ("acme-n1", "Conv", "supported")
    (fact,) = [f for f in data["facts"] if f["guard"] == "auto_pad != 'NOTSET'"]
    assert fact == {
        "text": "auto_pad needs four dimensions",
        "verdict": "unsupported",
        "condition": "X.rank == 4",
        "guard": "auto_pad != 'NOTSET'",
        "source": "Importer, p.7 (importer.py)",
    }


def test_explain_of_an_operator_that_is_not_listed(own, capsys):
    assert "does not list it" in out(capsys, "explain", "Cos", "-t", "n1")
    (data,) = json.loads(out(capsys, "explain", "Cos", "-t", "umbra", "--format", "json"))
    assert data["verdict"] == "unknown"


def test_explain_of_other_domains_and_verdicts(own, capsys):
    assert "runs on the accelerator" in out(capsys, "explain", "com.acme::Thing", "-t", "n1")
    assert "it runs on the host" in out(capsys, "explain", "Relu", "-t", "n1")
    assert "there is no kernel" in out(capsys, "explain", "Tanh", "-t", "n1")


def test_explain_on_every_chip(own, capsys):
    lines = out(capsys, "explain", "Relu", "--all").splitlines()
    assert [line.split() for line in lines] == [["acme-n1", "fallback"], ["umbra-g2", "supported"]]
    data = json.loads(out(capsys, "explain", "Relu", "--all", "--format", "json"))
    assert [d["verdict"] for d in data] == ["fallback", "supported"]


def test_explain_a_table_of_ones_own(own, capsys, tmp_path):
    path = write_table(tmp_path / "mine.yaml", "Abs: {}")
    assert "runs on" in out(capsys, "explain", "Abs", "--op-map", str(path))


def test_explain_a_finding_code(own, capsys):
    assert out(capsys, "explain", "undecided").startswith("undecided: ")


def test_a_broken_table_is_one_line(own, capsys):
    (own / "broken.yaml").write_text("schema: 1\nops: {}\n")
    assert error(capsys, "targets").startswith("error[table-invalid]: ")


def test_the_packages_own_tables_are_listed_without_onnx():
    code = (
        "import sys; from porting.cli.app import run; status = run(['targets']); "
        "sys.exit(status or bool({'onnx', 'numpy', 'onnxruntime', 'rich'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={k: v for k, v in os.environ.items() if k != "PORT_OP_MAPS"},
    )
    assert done.returncode == 0, done.stderr
    assert "ascend-310p" in done.stdout
