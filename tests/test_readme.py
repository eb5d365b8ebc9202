"""README shows what the commands print."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"
NUMBER = re.compile(r"\d+\.\d+(e-?\d+)?")


def shown() -> list[str]:
    """The demo block of README."""
    text = README.read_text(encoding="utf-8")
    block = text.split("<!-- demo:", 1)[1].split("```text\n", 1)[1].split("```", 1)[0]
    return block.strip().splitlines()


def comparable(lines: list[str]) -> list[str]:
    """Without what differs between machines: the measured errors."""
    return [" ".join(NUMBER.sub("N", line).split()) for line in lines]


def port(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    code = "from porting.cli import main; main()"
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, encoding="utf-8"
    )


def test_the_demo_prints_what_readme_shows(tmp_path):
    done = port(tmp_path, "demo")
    assert done.returncode == 0, done.stderr
    printed, page = comparable(done.stdout.splitlines()), comparable(shown())
    start = printed.index(page[0])
    assert printed[start : start + len(page)] == page


def test_each_command_that_the_demo_names_really_exists(tmp_path):
    printed = port(tmp_path, "demo").stdout.splitlines()
    commands = [line[2:] for line in printed if line.startswith("$ port")]
    assert [c.split()[1] for c in commands] == ["check", "convert", "verify"]
    for command in commands:
        done = port(tmp_path, *shlex.split(command)[1:])
        assert done.returncode in {0, 1}, done.stderr
        assert done.stdout.strip()


def test_the_python_example_runs(tmp_path):
    port(tmp_path, "demo")
    text = README.read_text(encoding="utf-8")
    example = text.split("```python\n", 1)[1].split("```", 1)[0]
    example = example.replace('"model.onnx"', '"port-demo/demo.ascend-310p.onnx"')
    example = example.replace('{"x": (1, 3, 224, 224)}', '{"image": (1, 3, 32, 32)}')
    done = subprocess.run(
        [sys.executable, "-c", example], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("passed")


def test_the_demo_runs_for_other_chips_too(tmp_path):
    done = port(tmp_path, "demo", "--target", "ax650", "-o", "here")
    assert done.returncode in {0, 1}, done.stderr
    assert (tmp_path / "here" / "demo.axera-ax650.onnx").exists()
