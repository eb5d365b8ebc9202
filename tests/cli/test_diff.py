import json
import subprocess
import sys

import onnx
import pytest
from legalize.toy import model, write_table

from porting.cli.app import run


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    onnx.save_model(model("g (float[2] x) => (float[2] y) { y = Relu(x) }"), "old.onnx")
    onnx.save_model(model("g (float[2] x) => (float[2] y) { a = Relu(x) y = Exp(a) }"), "new.onnx")
    write_table(tmp_path, "Relu: {}")
    return tmp_path


def test_the_status_is_0_without_a_target(folder, capsys):
    assert run(["diff", "old.onnx", "new.onnx"]) == 0
    assert "DIFF  nodes: 1 added, 0 removed" in capsys.readouterr().out


def test_the_end_of_the_files_name_says_how_it_is_written(folder, capsys):
    for name, start in (("d.json", "{"), ("d.md", "## port diff"), ("d.txt", "old  old.onnx")):
        assert run(["diff", "old.onnx", "new.onnx", "-o", name]) == 0
        assert (folder / name).read_text().startswith(start)
    assert run(["diff", "old.onnx", "new.onnx", "-o", "d.md", "--format", "json"]) == 0
    assert (folder / "d.md").read_text().startswith("{")
    assert run(["diff", "old.onnx", "new.onnx", "-o", "d.html"]) == 2
    assert "--format takes text, json, markdown" in capsys.readouterr().err


def test_the_status_is_1_if_something_new_fails(folder, capsys):
    assert run(["diff", "old.onnx", "new.onnx", "--op-map", "toy.yaml"]) == 1
    text = capsys.readouterr().out
    assert "FAIL  1 new finding fails on toy" in text
    assert "toyc does not take Exp" in text


def test_the_status_is_0_if_what_failed_is_gone(folder, capsys):
    assert run(["diff", "new.onnx", "old.onnx", "--op-map", "toy.yaml"]) == 0
    assert "PASS" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        ["nowhere.onnx", "new.onnx"],
        ["old.onnx", "toy.yaml"],
        ["old.onnx", "new.onnx", "--target", "nothing-like-it"],
        ["old.onnx"],
        ["old.onnx", "new.onnx", "--format", "pdf"],
    ],
)
def test_the_status_is_2_if_it_cannot_be_done(folder, capsys, arguments):
    assert run(["diff", *arguments]) == 2
    assert capsys.readouterr().err.startswith("error[")


def test_json_goes_to_a_file(folder, capsys):
    assert run(["diff", "old.onnx", "new.onnx", "--format", "json", "-o", "d.json"]) == 0
    assert capsys.readouterr().out == ""
    form = json.loads((folder / "d.json").read_text())
    assert form["schema"] == "port.diff/1"
    assert form["operators"] == [{"op_type": "Exp", "old": 0, "new": 1}]


def test_text_and_markdown_go_to_files(folder):
    assert run(["diff", "old.onnx", "new.onnx", "-o", "d.txt"]) == 0
    assert "Exp" in (folder / "d.txt").read_text()
    assert run(["diff", "old.onnx", "new.onnx", "--format", "markdown", "-o", "d.md"]) == 0
    assert "| Exp | 0 | 1 |" in (folder / "d.md").read_text()


def test_a_comparison_does_not_load_onnxruntime(folder):
    code = (
        "import sys\nfrom porting.cli.app import run\n"
        "run(['diff', 'old.onnx', 'new.onnx', '--op-map', 'toy.yaml'])\n"
        "sys.exit('onnxruntime' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
