"""Formats as the command line writes them."""

import json
import xml.etree.ElementTree as ET

import onnx
import pytest
from legalize.toy import model, write_table

from porting.cli.app import run
from porting.report.formats import FORMATS


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    body = "g (float[n,4] x) => (float[n,4] y) { y = HardSwish(x) }"
    onnx.save_model(model(body), "model.onnx")
    write_table(tmp_path, "Mul: {}\nAdd: {}\nClip: {}\nHardSigmoid: {}\nRelu: {}")
    return tmp_path


CHECK = ["check", "model.onnx", "--op-map", "toy.yaml", "--no-cache", "--no-config"]
ALL = ["sarif=a.sarif", "junit=a.xml", "markdown=a.md", "gitlab=a.json", "json=b.json"]


def test_one_check_writes_many_formats(folder, capsys):
    options = [x for form in (*ALL, "text") for x in ("--format", form)]
    assert run([*CHECK, *options]) == 1
    assert "FAIL" in capsys.readouterr().out
    assert json.loads((folder / "a.sarif").read_text())["version"] == "2.1.0"
    assert ET.parse(folder / "a.xml").getroot().get("failures") == "1"
    assert (folder / "a.md").read_text().startswith("## port: the gate fails")
    assert json.loads((folder / "a.json").read_text())[0]["severity"] == "blocker"


def test_the_end_of_the_reports_name_says_how(folder, capsys):
    for name, start in (("r.sarif", "{"), ("r.md", "## port"), ("r.xml", "<?xml")):
        assert run([*CHECK, "-o", name]) == 1
        assert (folder / name).read_text().startswith(start)


def test_a_conversion_has_all_formats_too(folder, capsys):
    options = [x for form in (*ALL, "github") for x in ("--format", form)]
    command = ["convert", "model.onnx", "--op-map", "toy.yaml", "-o", "out.onnx", "--dim", "n=2"]
    assert run([*command, *options]) == 0
    assert capsys.readouterr().out == "port: the gate passes\n"
    assert "Proved: " in (folder / "a.md").read_text()
    assert ET.parse(folder / "a.xml").getroot().get("failures") == "0"


def test_a_conversions_report_goes_to_a_file_beside_what_is_shown(folder, capsys):
    command = ["convert", "model.onnx", "--op-map", "toy.yaml", "-o", "out.onnx", "--dim", "n=2"]
    for form, start in (([], "model.onnx "), (["--format", "json"], "{")):
        assert run([*command, "--report", "r.md", *form]) == 0
        assert (folder / "r.md").read_text().startswith("## port")
        assert capsys.readouterr().out.lstrip().startswith(start)


def test_annotations_come_with_a_summary_that_is_appended(folder, capsys, monkeypatch):
    summary = folder / "summary.md"
    summary.write_text("before")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    assert run([*CHECK, "--format", "github"]) == 1
    assert capsys.readouterr().out.startswith("::error file=model.onnx,title=toy%3A HardSwish")
    assert summary.read_text().startswith("before\n## port: the gate fails\n")


def test_another_format_writes_no_summary(folder, monkeypatch):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(folder / "summary.md"))
    assert run([*CHECK, "-o", "report.md"]) == 1
    assert not (folder / "summary.md").exists()


def test_a_summary_that_cannot_be_written_is_an_error(folder, capsys, monkeypatch):
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(folder))
    assert run([*CHECK, "--format", "github"]) == 2
    assert "error[system]" in capsys.readouterr().err


def test_two_runs_write_the_same_bytes(folder, capsys):
    for form in FORMATS:
        written = []
        for _ in range(2):
            run([*CHECK, "--format", form])
            written.append(capsys.readouterr().out)
        assert written[0] == written[1]
        assert str(folder) not in written[0]
