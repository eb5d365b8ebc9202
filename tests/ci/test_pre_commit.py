"""The hook for pre-commit, run by pre-commit in a git repository."""

import subprocess

import pytest
import yaml
from ci.support import ROOT, put_model, repository, shell

from porting.start.write import plan


@pytest.fixture
def repo(tmp_path, monkeypatch):
    monkeypatch.setenv("PRE_COMMIT_HOME", str(tmp_path / "cache"))
    return repository(tmp_path, monkeypatch)


def install(repo, language):
    """What `port init` writes, with the hook in an environment that is there already."""
    plan(repo, ["toy"], "onnx-port", ["pre-commit"]).write()
    file = repo / ".pre-commit-config.yaml"
    config = yaml.safe_load(file.read_text())
    hook = config["repos"][0]["hooks"][0]
    hook["language"] = language
    hook.pop("additional_dependencies")
    file.write_text(yaml.safe_dump(config))
    assert shell("pre-commit install", repo).returncode == 0


def commit(repo):
    return shell("git add -A && git commit -m change", repo)


def test_a_commit_of_a_model_that_fails_is_refused(repo):
    install(repo, "system")
    put_model(repo, "Exp")
    done = commit(repo)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "toyc does not take Exp" in done.stdout + done.stderr
    put_model(repo, "Relu")
    done = commit(repo)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_commit_without_a_model_is_not_checked(repo):
    install(repo, "system")
    put_model(repo, "Relu")
    assert commit(repo).returncode == 0
    (repo / "readme.md").write_text("hello")
    done = commit(repo)
    assert done.returncode == 0
    assert "no files to check" in done.stdout + done.stderr


def test_a_change_of_the_configuration_checks_every_model(repo):
    install(repo, "system")
    put_model(repo, "Relu")
    assert commit(repo).returncode == 0
    (repo / "port.toml").write_text('models = ["*.onnx"]\ntargets = ["rk3588", "nothing-like-it"]')
    assert commit(repo).returncode == 1


def test_the_manifest_is_valid_and_agrees_with_port_init(repo):
    manifest = ROOT / ".pre-commit-hooks.yaml"
    done = shell(f"pre-commit validate-manifest {manifest}", repo)
    assert done.returncode == 0, done.stdout
    (hook,) = yaml.safe_load(manifest.read_text())
    template = (ROOT / "porting" / "start" / "templates" / "pre-commit.yaml").read_text()
    (local,) = yaml.safe_load(template.replace("@REQUIREMENT@", "x"))[0]["hooks"]
    assert {k: v for k, v in hook.items() if k != "description"} == {
        k: v for k, v in local.items() if k != "additional_dependencies"
    }


@pytest.mark.slow
def test_the_hook_runs_from_a_clone_of_this_repository(repo):
    clone = repo.parent / "clone"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(clone)], check=True)
    put_model(repo, "Exp")
    (repo / "port.toml").write_text('models = ["*.onnx"]\ntargets = ["toy"]')
    shell("git add -A", repo)
    command = f"pre-commit try-repo {clone} port-check --all-files"
    done = shell(command, repo)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "toyc does not take Exp" in done.stdout
    put_model(repo, "Relu")
    shell("git add -A", repo)
    assert shell(command, repo).returncode == 0
