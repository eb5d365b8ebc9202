"""docs/tutorial.md does what it says."""

import ast
import shutil
import subprocess
import sys

import onnx
import pytest
from pages import DOCS, assert_prints, blocks

import porting


def test_its_commands_print_what_it_shows(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    (tmp_path / ".git").mkdir()
    shutil.copyfile(DOCS / "net.onnx", "net.onnx")
    found = blocks("tutorial.md", "console", "toml")
    assert len(found) > 8
    for kind, text in found:
        if kind == "toml":
            (tmp_path / "port.toml").write_text(text)
        else:
            assert_prints(text, capsys)
    assert (tmp_path / "handover" / "README.md").exists()


def test_its_model_is_one_that_onnx_takes():
    onnx.checker.check_model(onnx.load(DOCS / "net.onnx"), full_check=True)


def test_its_export_can_be_read():
    ((_, script),) = blocks("tutorial.md", "python")
    ast.parse(script)


@pytest.mark.slow
def test_its_export_gives_its_model(tmp_path):
    pytest.importorskip("torch")
    pytest.importorskip("onnxscript")
    ((_, script),) = blocks("tutorial.md", "python")
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True)
    made = porting.diff(DOCS / "net.onnx", tmp_path / "net.onnx")
    assert made.nodes.is_empty
    assert made.parameters.tensors.is_empty
