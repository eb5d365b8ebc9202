"""A new user's first gate, from what README says of it: a real model, a GridSample, a waiver."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper
from pages import assert_prints, blocks
from real.models import MODELS, located

README = "../README.md"
MODEL = Path("models") / "vad.onnx"


@pytest.fixture
def repository(tmp_path, monkeypatch, request):
    """An empty git repository with one real model."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    subprocess.run(["git", "init", "-q", "."], check=True)
    (real,) = [m for m in MODELS if m.name == "silero-sequence"]
    MODEL.parent.mkdir()
    shutil.copyfile(located(real, Path(request.config.cache.mkdir("real-models"))), MODEL)
    return tmp_path


def plant_grid_sample() -> None:
    """Puts a GridSample between the model and its input; as a picture it is 24 x 24."""
    proto = onnx.load(MODEL)
    graph = proto.graph
    for node in graph.node:
        node.input[:] = ["sampled" if name == "input" else name for name in node.input]
    line = np.linspace(-1, 1, 24, dtype=np.float32)
    grid = np.stack(np.meshgrid(line, line), -1)[None].repeat(4, 0)
    for name, array in {
        "grid": grid,
        "picture": np.array([4, 1, 24, 24]),
        "samples": np.array([4, 576]),
    }.items():
        graph.initializer.append(numpy_helper.from_array(array, name))
    for node in reversed(
        [
            helper.make_node("Reshape", ["input", "picture"], ["image"], "to_picture"),
            helper.make_node("GridSample", ["image", "grid"], ["warped"], "warp"),
            helper.make_node("Reshape", ["warped", "samples"], ["sampled"], "to_samples"),
        ]
    ):
        graph.node.insert(0, node)
    onnx.save(proto, MODEL)


def test_readme_leads_to_a_gate_that_fails_for_a_planted_node_and_takes_a_waiver(
    repository, capsys
):
    section = blocks(README, "console", "toml")
    kinds = [kind for kind, _ in section]
    assert kinds == ["console", "toml", "console", "console", "toml", "console"]
    for number, (kind, text) in enumerate(section):
        if kind == "toml":
            with Path("port.toml").open("a", encoding="utf-8") as config:
                config.write(text)
            continue
        if number == 3:
            plant_grid_sample()
        assert_prints(text, capsys)
    statuses = [text.strip().splitlines()[-1] for kind, text in section if kind == "console"]
    assert statuses == ["[exit 0]", "[exit 0]", "[exit 1]", "[exit 0]"]
