"""What `port init` writes: valid, for the right system, never over what is there."""

import json
import re
import tomllib

import pytest
import yaml
from ci.support import put_model, repository, shell, valid
from hypothesis import given
from hypothesis import strategies as st

from porting.errors import UsageError
from porting.gate.settings import Settings
from porting.start.requirement import from_origin, requirement
from porting.start.write import SYSTEMS, plan, root_of

TEXTS = st.text(st.characters(codec="utf-8"), min_size=1)


def test_the_configuration_is_one():
    text = plan_in_nowhere(["rockchip-rk3588"]).files["port.toml"]
    settings = Settings.model_validate(tomllib.loads(text))
    assert settings.targets == ["rockchip-rk3588"]
    assert settings.models == ["**/*.onnx"]


def test_every_commented_example_of_it_is_one():
    text = plan_in_nowhere(["toy"]).files["port.toml"]
    examples = [
        block for block in re.split(r"\n#?\n", text) if re.match(r"# (\[|op = |fail-on)", block)
    ]
    assert len(examples) == 5
    for block in examples:
        uncommented = re.sub(r"^# ?", "", block, flags=re.MULTILINE)
        Settings.model_validate(tomllib.loads(uncommented))


def plan_in_nowhere(targets, requirement="onnx-port", systems=()):
    from pathlib import Path

    return plan(Path("/nowhere"), targets, requirement, systems)


@given(st.lists(TEXTS, min_size=1))
def test_any_target_is_written_as_it_is(targets):
    text = plan_in_nowhere(targets).files["port.toml"]
    assert tomllib.loads(text)["targets"] == targets


@given(TEXTS)
def test_any_requirement_is_written_as_it_is(text):
    files = plan_in_nowhere(["toy"], text, SYSTEMS).files
    github = yaml.safe_load(files[".github/workflows/port.yml"])
    steps = {s.get("name"): s for s in github["jobs"]["port"]["steps"]}
    assert steps["Install port"]["env"]["PORT_INSTALL"] == text
    gitlab = yaml.safe_load(files["port.gitlab-ci.yml"])
    assert gitlab["port"]["variables"]["PORT_INSTALL"] == text
    hook = yaml.safe_load(files[".pre-commit-config.yaml"])["repos"][0]["hooks"][0]
    assert hook["additional_dependencies"] == [text]


@pytest.fixture
def repo(tmp_path, monkeypatch):
    return repository(tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("trace", "written"),
    [
        (".github/dependabot.yml", {".github/workflows/port.yml"}),
        (".gitlab-ci.yml", {"port.gitlab-ci.yml"}),
        (".pre-commit-config.yaml", set()),
        ("README.md", set()),
    ],
)
def test_the_system_is_the_one_that_the_repository_uses(repo, trace, written):
    (repo / trace).parent.mkdir(exist_ok=True)
    (repo / trace).write_text("x: 1\n")
    (repo / "deep").mkdir()
    start = plan(repo / "deep", ["toy"], "onnx-port")
    assert start.folder == repo
    assert set(start.files) == {"port.toml"} | written
    start.write()
    assert (repo / trace).read_text() == "x: 1\n"


def test_what_belongs_into_a_file_of_another_tool_is_said(repo):
    (repo / ".gitlab-ci.yml").write_text("")
    (repo / ".pre-commit-config.yaml").write_text("")
    steps = plan(repo, ["toy"], "onnx-port").steps
    assert any("- local: port.gitlab-ci.yml" in step for step in steps)
    assert any("id: port-check" in step for step in steps)


def test_nothing_is_written_if_a_file_exists_unless_it_may_be_replaced(repo):
    (repo / "port.toml").write_text("mine")
    start = plan(repo, ["toy"], "onnx-port", ["github"])
    with pytest.raises(UsageError) as raised:
        start.write()
    assert raised.value.code == "file-exists"
    assert (repo / "port.toml").read_text() == "mine"
    assert not (repo / ".github").exists()
    start.write(replace=True)
    assert "toy" in (repo / "port.toml").read_text()


def test_outside_of_a_repository_the_folder_is_the_root(tmp_path):
    assert root_of(tmp_path / "nowhere") == tmp_path / "nowhere"


def test_every_written_file_is_valid(repo):
    plan(repo, ["toy"], "onnx-port==1", SYSTEMS).write()
    assert valid(repo / ".github" / "workflows" / "port.yml", "github-workflows") == ""
    for name in (".gitlab-ci.yml", "port.gitlab-ci.yml"):
        assert valid(repo / name, "gitlab-ci", "--data-transform", "gitlab-ci") == ""
    assert shell("pre-commit validate-config", repo).returncode == 0


@pytest.mark.parametrize(("operator", "status"), [("Relu", 0), ("Exp", 1)])
def test_the_workflow_checks_the_models(repo, operator, status):
    start = plan(repo, ["toy"], "onnx-port", ["github"])
    start.write()
    put_model(repo, operator)
    workflow = yaml.safe_load(start.files[".github/workflows/port.yml"])
    steps = {s.get("name"): s for s in workflow["jobs"]["port"]["steps"]}
    summary = repo.parent / "summary"
    done = shell(steps["Check the models"]["run"], repo, {"GITHUB_STEP_SUMMARY": str(summary)})
    assert done.returncode == status, done.stderr
    assert "model.onnx" in summary.read_text()
    assert (repo / steps["Keep the report"]["with"]["path"]).exists()


def test_port_from_a_repository_is_installed_from_there():
    origin = {
        "url": "https://git.example/port.git",
        "vcs_info": {"vcs": "git", "commit_id": "abc"},
    }
    assert from_origin(json.dumps(origin)) == "onnx-port @ git+https://git.example/port.git@abc"


@pytest.mark.parametrize(
    "origin", [None, "", "{", "[]", '{"url": "file:///x", "dir_info": {}}', '{"vcs_info": 1}']
)
def test_port_from_elsewhere_is_installed_by_its_version(origin):
    assert from_origin(origin) == ""
    assert requirement().startswith("onnx-port")
