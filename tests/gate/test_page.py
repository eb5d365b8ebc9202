"""The examples in docs/gate.md do what the page says."""

import re
import shlex
from pathlib import Path

import pytest
from gate.support import RELU, save

from porting.cli.app import run
from porting.gate.settings import Settings, WaiverForm

PAGE = Path(__file__).parents[2] / "docs" / "gate.md"
WARP = """g (float[1,3,8,8] x, float[1,8,8,2] grid) => (float[1,3,8,8] y) {
    a = Relu(x) y = GridSample(a, grid) }"""
BLOCKS = re.findall(r"^```(console|toml)\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.M | re.S)


def cases() -> list[tuple[str, list[str], str]]:
    """Each command with what is printed, and the configuration that stands before it."""
    config, found = "", []
    for kind, text in BLOCKS:
        if kind == "toml":
            config = text
            continue
        for part in text.split("$ port ")[1:]:
            command, *lines = part.strip().splitlines()
            found.append((command, lines, config))
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("repository")
    (folder / ".git").mkdir()
    save(folder / "models" / "classifier.onnx", RELU)
    save(folder / "models" / "warp.onnx", WARP)
    return folder


@pytest.mark.parametrize(("command", "lines", "config"), cases())
def test_each_command_prints_what_the_page_shows(
    folder, monkeypatch, capsys, command, lines, config
):
    monkeypatch.chdir(folder)
    (folder / "port.toml").write_text(config)
    status = run(shlex.split(command))
    printed = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines[-1] == f"[exit {status}]"
    at = 0
    for line in filter(None, lines[:-1]):
        if line != "...":
            assert line in printed[at:], line
            at += printed[at:].index(line) + 1


def test_every_configuration_is_one(folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    configs = [text for kind, text in BLOCKS if kind == "toml"]
    assert len(configs) == 2
    (folder / "port.toml").write_text(configs[0])
    assert run(["check"]) == 1
    text = capsys.readouterr().out
    assert "models/classifier.onnx  ascend-910b" in text
    assert "models/classifier.onnx  rockchip-rk3588" not in text


def test_every_setting_and_selector_is_on_the_page():
    text = PAGE.read_text(encoding="utf-8")
    settings = {f.alias for f in Settings.model_fields.values()} - {"model", "waiver"}
    selectors = {f.alias for f in WaiverForm.model_fields.values()}
    for name in settings | selectors:
        assert f"`{name}`" in text, name
