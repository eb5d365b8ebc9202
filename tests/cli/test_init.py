import pytest
from ci.support import put_model, repository

from porting.cli.app import run


@pytest.fixture
def repo(tmp_path, monkeypatch):
    return repository(tmp_path, monkeypatch)


def test_it_says_what_it_wrote_and_what_is_next(repo, capsys):
    assert run(["init", "--target", "toy", "--ci", "github"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "wrote  port.toml" in lines
    assert "wrote  .github/workflows/port.yml" in lines
    assert "next   port check" in lines
    assert "next   git add port.toml .github/workflows/port.yml" in lines


def test_the_gate_stands_after_it(repo):
    put_model(repo, "Exp")
    assert run(["init", "--target", "toy"]) == 0
    assert run(["check"]) == 1
    put_model(repo, "Relu")
    assert run(["check"]) == 0


def test_a_part_of_a_name_becomes_the_name_and_a_group_stays(repo):
    assert run(["init", "-t", "rk3588", "-t", "huawei/*", "--install", "here"]) == 0
    assert 'targets = ["rockchip-rk3588", "huawei/*"]' in (repo / "port.toml").read_text()


def test_without_a_system_it_names_them(repo, capsys):
    assert run(["init", "--target", "toy"]) == 0
    assert "--ci SYSTEM, one of github, gitlab, pre-commit" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ([], "target-missing"),
        (["--target", "nothing-like-it"], "target-unknown"),
        (["--target", "toy", "--ci", "jenkins"], "usage"),
    ],
)
def test_nothing_is_written_on_an_error(repo, capsys, arguments, code):
    assert run(["init", *arguments]) == 2
    assert capsys.readouterr().err.startswith(f"error[{code}]")
    assert not (repo / "port.toml").exists()


def test_a_file_is_replaced_only_by_force(repo, capsys):
    (repo / "port.toml").write_text("mine")
    assert run(["init", "--target", "toy"]) == 2
    assert "error[file-exists]" in capsys.readouterr().err
    assert run(["init", "--target", "toy", "--force"]) == 0
