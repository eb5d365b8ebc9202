"""ci/gitlab.yml: valid, and its script does what it says."""

import json

import pytest
import yaml
from ci.support import ROOT, put_model, repository, shell, valid

FILE = ROOT / "ci" / "gitlab.yml"
JOB = yaml.safe_load(FILE.read_text(encoding="utf-8"))["port"]


@pytest.fixture
def repo(tmp_path, monkeypatch):
    return repository(tmp_path, monkeypatch)


def run(folder, **variables):
    return shell("\n".join(JOB["script"]), folder, {**JOB["variables"], **variables})


def test_the_template_is_valid():
    assert valid(FILE, "gitlab-ci", "--data-transform", "gitlab-ci") == ""


def test_it_is_what_port_init_writes():
    template = ROOT / "porting" / "start" / "templates" / "gitlab.yml"
    text = template.read_text(encoding="utf-8").replace("@REQUIREMENT@", "onnx-port")
    assert FILE.read_text(encoding="utf-8") == text


@pytest.mark.parametrize(("operator", "status", "issues"), [("Relu", 0, 0), ("Exp", 1, 1)])
def test_it_reports_to_both_reports_of_the_job(repo, operator, status, issues):
    put_model(repo, operator)
    (repo / "port.toml").write_text('models = ["*.onnx"]\ntargets = ["toy"]\n')
    done = run(repo)
    assert done.returncode == status, done.stderr
    reports = JOB["artifacts"]["reports"]
    assert len(json.loads((repo / reports["codequality"]).read_text())) == issues
    assert "<testsuite" in (repo / reports["junit"]).read_text()


def test_further_options_reach_port_and_no_shell_expands_them(repo):
    put_model(repo, "Exp")
    done = run(repo, PORT_ARGS="*.onnx --target toy --fail-on unknown")
    assert done.returncode == 1, done.stderr
    assert "Exp" in done.stdout
