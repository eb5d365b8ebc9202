"""The Python interface: the examples of its page run, and its types are exported."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import porting
from porting.cli.app import run
from porting.demo import model_path

PAGE = Path(__file__).parent.parent / "docs" / "python.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
TESTS = [e for e in EXAMPLES if "def test_" in e]
RESULTS = {
    "CheckResult": "check",
    "ConvertResult": "convert",
    "DiffResult": "diff",
    "VerifyResult": "verify",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Where the examples have run, in the page's order: each finds what the ones before made."""
    folder = tmp_path_factory.mktemp("python")
    shutil.copyfile(model_path(), folder / "model.onnx")
    script = folder / "examples.py"
    script.write_text("\n".join(e for e in EXAMPLES if e not in TESTS), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, script.name], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (folder / "printed").write_text(done.stdout, encoding="utf-8")
    return folder


def test_the_examples_print_what_their_comments_say(folder):
    printed = (folder / "printed").read_text(encoding="utf-8").splitlines()
    assert printed[0] == "False"
    assert printed[1].startswith("{'supported': 0,")
    assert printed[1].endswith("'unsupported': 13}")
    assert "Erf 0 1" in printed


@pytest.mark.parametrize("number", range(len(TESTS)))
def test_the_examples_of_tests_pass(folder, number):
    script = folder / f"test_example_{number}.py"
    script.write_text(TESTS[number], encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", script.name]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout


def test_every_public_name_is_found_and_nothing_else():
    for name in porting.__all__:
        assert getattr(porting, name) is not None
    with pytest.raises(AttributeError, match="nothing"):
        porting.nothing  # noqa: B018


@pytest.mark.parametrize(("result", "function"), RESULTS.items())
def test_a_function_returns_what_is_exported_under_its_name(result, function):
    annotation = getattr(porting, function).__annotations__["return"]
    returned = getattr(porting, result)
    assert annotation in (returned, returned.__name__)  # a name where it is not imported at once


COMMANDS = {
    "check": ["model.onnx", "--target", "ascend-310p", "--no-config"],
    "verify": ["model.onnx", "model.ascend.onnx"],
    "diff": ["model.onnx", "model.ascend.onnx", "--target", "ascend-310p"],
}


@pytest.mark.parametrize("command", COMMANDS)
def test_to_dict_is_what_the_command_writes_as_json(folder, monkeypatch, capsys, command):
    monkeypatch.chdir(folder)
    arguments = COMMANDS[command]
    assert run([command, *arguments, "--format", "json"]) in {0, 1}
    given = [a for a in arguments if not a.startswith("--")]
    result = getattr(porting, command)(*given)
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(result.to_dict()))


def test_a_proof_passes_only_if_it_was_made(folder):
    model = folder / "model.onnx"
    result = porting.verify(model, model)
    assert result.passed
    assert not replace(result, status="skipped").passed
    assert not replace(result, status="failed").passed


def test_type_checkers_see_the_results(tmp_path):
    user = tmp_path / "user.py"
    user.write_text(
        "import porting\n"
        'checked: porting.CheckResult = porting.check("m.onnx", "ascend-310p")\n'
        'made: porting.ConvertResult = porting.convert("m.onnx", "ascend-310p", "o.onnx")\n'
        'proved: porting.VerifyResult = porting.verify("m.onnx", "o.onnx")\n'
        'changed: porting.DiffResult = porting.diff("m.onnx", "o.onnx")\n'
        'reveal_type(porting.check("m.onnx").passed)\n'
        'wrong: int = porting.diff("m.onnx", "o.onnx")\n'
    )
    root = PAGE.parent.parent
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file", "", str(user)]
    cache = str(root / ".mypy_cache" / "api")
    done = subprocess.run(
        [*command, "--follow-imports", "silent", "--cache-dir", cache],
        cwd=tmp_path,
        env={"MYPYPATH": str(root), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = done.stdout.splitlines()
    assert any('Revealed type is "' in line and "bool" in line for line in lines), done.stdout
    errors = [line for line in lines if "error:" in line]
    assert len(errors) == 1, done.stdout
    assert "user.py:7" in errors[0]
