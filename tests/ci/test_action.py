"""action.yml: valid, and its steps do what they say when they run as GitHub runs them."""

import json
import re
import subprocess
import sys

import pytest
import yaml
from ci.support import ROOT, put_model, repository, shell, valid

ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
STEPS = {step["name"]: step for step in ACTION["runs"]["steps"] if "run" in step}
CHECK, INSTALL = STEPS["Check the models"], STEPS["Install port"]


@pytest.fixture
def repo(tmp_path, monkeypatch):
    return repository(tmp_path, monkeypatch)


def run(step, folder, **inputs):
    """Runs a step with inputs, and gives what it left for GitHub."""
    given = {name: i["default"] for name, i in ACTION["inputs"].items()} | inputs
    environment = {
        name: re.sub(
            r"\$\{\{ (inputs|github)\.([\w-]+) \}\}",
            lambda m: given[m[2]] if m[1] == "inputs" else str(ROOT),
            text,
        )
        for name, text in step["env"].items()
    }
    for file in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
        environment[file] = str(folder.parent / file)
        (folder.parent / file).write_text("")
    if step["shell"] == "bash":
        return shell(step["run"], folder, environment)
    script = folder.parent / "step.py"
    script.write_text(step["run"])
    return shell(f"python {script}", folder, environment)


def test_the_action_is_valid():
    assert valid(ROOT / "action.yml", "github-actions") == ""


def test_no_input_is_written_into_a_script():
    for step in STEPS.values():
        assert "${{" not in step["run"]


def test_it_passes_and_leaves_a_summary_and_sarif(repo):
    put_model(repo, "Relu")
    done = run(CHECK, repo, models="model.onnx", targets="toy")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PASS" in (repo.parent / "GITHUB_STEP_SUMMARY").read_text()
    assert (repo.parent / "GITHUB_OUTPUT").read_text() == "sarif=port.sarif\n"
    assert json.loads((repo / "port.sarif").read_text())["version"] == "2.1.0"


def test_it_fails_with_an_annotation(repo):
    put_model(repo, "Exp")
    done = run(CHECK, repo, models="model.onnx", targets="toy")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "::error file=model.onnx" in done.stdout
    assert "toyc does not take Exp" in done.stdout
    assert (repo / "port.sarif").exists()


def test_the_configuration_counts_where_no_input_is_given(repo):
    put_model(repo, "Exp")
    (repo / "port.toml").write_text('models = ["*.onnx"]\ntargets = ["toy"]\n')
    assert run(CHECK, repo).returncode == 1
    put_model(repo, "Relu")
    assert run(CHECK, repo).returncode == 0


def test_several_models_and_further_options_are_passed_on(repo):
    put_model(repo, "Exp", "a b.onnx")
    put_model(repo, "Relu", "c.onnx")
    done = run(CHECK, repo, models="a b.onnx\nc.onnx\n", targets="toy\n", args="--fail-on unknown")
    assert done.returncode == 1, done.stderr
    assert "a b.onnx" in done.stdout
    hostile = run(CHECK, repo, models="c.onnx", targets="toy", args="--dim 'n=$(touch stolen)'")
    assert hostile.returncode == 2
    assert not (repo / "stolen").exists()


def test_no_sarif_is_written_if_none_is_wanted(repo):
    put_model(repo, "Relu")
    assert run(CHECK, repo, models="model.onnx", targets="toy", sarif="").returncode == 0
    assert (repo.parent / "GITHUB_OUTPUT").read_text() == ""
    assert not (repo / "port.sarif").exists()


def test_an_unknown_target_is_an_error_of_the_job(repo):
    put_model(repo, "Relu")
    done = run(CHECK, repo, models="model.onnx", targets="nothing-like-it")
    assert done.returncode == 2
    assert "error[target-unknown]" in done.stderr


@pytest.mark.slow
def test_it_installs_port_from_its_own_checkout(repo, monkeypatch):
    environment = repo.parent / "env"
    subprocess.run([sys.executable, "-m", "venv", str(environment)], check=True)
    path = f"{environment / 'bin'}:/usr/bin:/bin"
    monkeypatch.setenv("PATH", path)
    done = run(INSTALL, repo)
    assert done.returncode == 0, done.stderr
    put_model(repo, "Relu")
    assert run(CHECK, repo, models="model.onnx", targets="toy").returncode == 0
