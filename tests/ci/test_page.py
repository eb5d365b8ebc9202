"""docs/ci.md: its files are valid and its script runs."""

import pytest
import yaml
from ci.support import ROOT, put_model, repository, shell, valid
from pages import DOCS, blocks

SCHEMAS = {
    ".github/workflows/models.yml": ("github-workflows",),
    ".gitlab-ci.yml": ("gitlab-ci", "--data-transform", "gitlab-ci"),
}
FILES = {
    text.splitlines()[0].removeprefix("# "): text
    for _, text in blocks("ci.md", "yaml")
    if text.startswith("# ")
}


@pytest.fixture
def repo(tmp_path, monkeypatch):
    return repository(tmp_path, monkeypatch)


@pytest.mark.parametrize("name", SCHEMAS)
def test_its_files_are_valid(tmp_path, name):
    file = tmp_path / "file.yml"
    file.write_text(FILES[name])
    assert valid(file, *SCHEMAS[name]) == ""


def test_its_configuration_of_pre_commit_is_valid(repo):
    (repo / ".pre-commit-config.yaml").write_text(FILES[".pre-commit-config.yaml"])
    assert shell("pre-commit validate-config", repo).returncode == 0
    config = yaml.safe_load(FILES[".pre-commit-config.yaml"])
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert config["repos"][0]["hooks"] == [{"id": hook["id"]} for hook in hooks]


def test_its_inputs_are_those_of_the_action():
    workflow = yaml.safe_load(FILES[".github/workflows/models.yml"])
    action = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
    (step,) = [s for s in workflow["jobs"]["port"]["steps"] if s.get("id") == "port"]
    assert set(step["with"]) <= set(action["inputs"])
    text = (DOCS / "ci.md").read_text(encoding="utf-8")
    for name in action["inputs"]:
        assert f"| `{name}` |" in text


@pytest.mark.parametrize(("operator", "status"), [("Relu", 0), ("Exp", 1)])
def test_its_script_compares_with_the_branch_of_the_pull_request(repo, operator, status):
    put_model(repo, "Relu")
    shell("git add -A && git commit -qm one && git update-ref refs/remotes/origin/main HEAD", repo)
    put_model(repo, operator)
    ((_, script),) = blocks("ci.md", "sh")
    summary = repo / "summary.md"
    environment = {"GITHUB_BASE_REF": "main", "GITHUB_STEP_SUMMARY": str(summary)}
    done = shell(script.replace("rk3588", "toy"), repo, environment)
    assert done.returncode == status, done.stderr
    assert "port diff" in summary.read_text()
