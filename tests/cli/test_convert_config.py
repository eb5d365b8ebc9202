"""`port convert` in a repository with a configuration."""

import json
from pathlib import Path

import onnx
import pytest
from gate.support import OPEN, RELU, save, write_tables

from porting.capability.targets import VARIABLE
from porting.cli.app import run

CONFIG = """
targets = ["nob-b"]

[model."open.onnx"]
dim = {n = 2}

[model."many.onnx"]
targets = "nobody/*"

[model."wrong.onnx"]
shape = {nothing = [1]}

[[waiver]]
op = "Tan"
reason = "waivers are the gate's"
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".git").mkdir()
    monkeypatch.setenv(VARIABLE, str(write_tables(tmp_path / "tables")))
    Path("port.toml").write_text(CONFIG)
    for name in ("open", "many", "wrong"):
        save(Path(f"{name}.onnx"), OPEN if name == "open" else RELU)
    return tmp_path


def converted(capsys, model, *arguments):
    """The status, and the JSON or the error."""
    status = run(["convert", model, "-o", "out.onnx", "--format", "json", *arguments])
    captured = capsys.readouterr()
    return status, json.loads(captured.out) if captured.out else captured.err


def fixed():
    (value,) = onnx.load("out.onnx").graph.input
    return value.type.tensor_type.shape.dim[0].dim_value


def test_target_and_dimensions_come_from_it(folder, capsys):
    status, data = converted(capsys, "open.onnx")
    assert (status, data["after"]["target"]["id"], fixed()) == (0, "nob-b", 2)


def test_the_command_line_wins(folder, capsys):
    _, data = converted(capsys, "open.onnx", "--target", "oth-c", "--dim", "n=4", "--partial")
    assert (data["after"]["target"]["id"], fixed()) == ("oth-c", 4)


def test_it_may_be_left_out_or_named(folder, capsys):
    assert converted(capsys, "open.onnx", "--no-config")[1].startswith("error[target-missing]")
    Path("port.toml").rename("other.toml")
    assert converted(capsys, "open.onnx")[1].startswith("error[target-missing]")
    assert converted(capsys, "open.onnx", "--config", "other.toml")[0] == 0


def test_of_several_targets_one_has_to_be_chosen(folder, capsys):
    status, error = converted(capsys, "many.onnx")
    assert status == 2
    assert error.startswith("error[target-several]: 2 targets are named by port.toml")
    assert "help: choose: --target nob-a" in error
    assert converted(capsys, "many.onnx", "--target", "nob-a")[0] == 0


def test_an_error_says_that_it_may_be_the_configurations(folder, capsys):
    status, error = converted(capsys, "wrong.onnx")
    assert status == 2
    assert "no input 'nothing'" in error
    assert "port.toml may name it" in error
    assert run(["check", "wrong.onnx"]) == 2
    assert "port.toml may name it" in capsys.readouterr().err
