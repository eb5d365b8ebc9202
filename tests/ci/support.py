"""A repository with a model, and the environment that a CI system's steps run in."""

import os
import subprocess
import sys
from pathlib import Path

import onnx
import pytest
from legalize.toy import model, write_table

ROOT = Path(__file__).parent.parent.parent


def repository(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty git repository; the target `toy` takes Relu alone."""
    tables = folder / "tables"
    tables.mkdir()
    write_table(tables, "Relu: {}")
    monkeypatch.setenv("PORT_OP_MAPS", str(tables))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    for name in [name for name in os.environ if name.startswith(("GIT_", "GITHUB_", "CI_"))]:
        monkeypatch.delenv(name)
    repo = folder / "repo"
    repo.mkdir()
    shell("git init -q . && git config user.email t@t && git config user.name t", repo)
    monkeypatch.chdir(repo)
    return repo


def put_model(folder: Path, operator: str, name: str = "model.onnx") -> None:
    text = f"g (float[2] x) => (float[2] y) {{ y = {operator}(x) }}"
    onnx.save_model(model(text), folder / name)


def shell(
    script: str, folder: Path, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Runs a script as CI systems do: it ends with the first command that fails."""
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=folder,
        env={**os.environ, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )


def valid(file: Path, schema: str, *options: str) -> str:
    """What a vendored schema of check-jsonschema finds wrong with a file; empty if nothing."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}"]
    done = subprocess.run(
        [*command, *options, str(file)], capture_output=True, text=True, check=False
    )
    return done.stdout if done.returncode else ""
