"""The fixture `assert_portable`, in pytest runs of their own."""

import subprocess
import sys

import onnx
import pytest
from legalize.toy import model, write_table

TEST = """
def test_model(assert_portable):
    result = assert_portable("model.onnx", op_map="toy.yaml")
    assert result.counts["supported"] == 1

def test_shape(assert_portable):
    assert_portable("model.onnx", op_map="toy.yaml", shapes={"x": (2,)})
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "test_it.py").write_text(TEST)
    (tmp_path / "pytest.ini").write_text("[pytest]\naddopts = -p no:cacheprovider\n")
    write_table(tmp_path, "Relu: {}")
    return tmp_path


def run(folder, operator):
    body = f"g (float[2] x) => (float[2] y) {{ y = {operator}(x) }}"
    onnx.save_model(model(body), folder / "model.onnx")
    # Installed, pytest finds the plugin by its entry point.
    command = [sys.executable, "-m", "pytest", "-q"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_a_model_that_the_target_takes_passes(folder):
    done = run(folder, "Relu")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


def test_a_model_that_it_refuses_fails_with_the_report(folder):
    done = run(folder, "Exp")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "unsupported  Exp" in done.stdout
    assert "toyc does not take Exp" in done.stdout
    assert "[1] Toy list (nowhere)" in done.stdout
    assert "FAIL" in done.stdout
    assert "porting/checking.py" not in done.stdout


def test_a_run_without_the_fixture_loads_no_engine(folder):
    (folder / "test_it.py").write_text(
        "import sys\n\n"
        "def test_light():\n"
        "    assert 'porting.pytest_plugin' in sys.modules\n"
        "    heavy = {'onnx', 'numpy', 'rich', 'pydantic', 'click', 'porting.checking'}\n"
        "    assert not heavy & sys.modules.keys()\n"
    )
    command = [sys.executable, "-m", "pytest", "-q"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_fixture_is_listed_with_its_help(folder):
    command = [sys.executable, "-m", "pytest", "--fixtures", "-q"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert "assert_portable" in done.stdout
    assert "fails with the text report" in done.stdout
