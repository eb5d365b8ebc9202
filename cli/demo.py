"""`port demo`: the whole job on a model that comes with the package."""

import shutil
from pathlib import Path
from typing import Annotated

import typer

from . import check, convert, verify

DEFAULT_FOLDER = Path("port-demo")


def command(
    target: Annotated[
        str, typer.Option("--target", "-t", help="For which chip.", metavar="T")
    ] = "ascend-310p",
    folder: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for the model and what is made of it.")
    ] = DEFAULT_FOLDER,
) -> int:
    """Check, convert and verify a small model, showing each command.

    \b
    Example:
      port demo --target rk3588
    """
    from porting.capability.targets import available, find
    from porting.demo import model_path

    chip = find(target, available())
    folder.mkdir(parents=True, exist_ok=True)
    model, converted = folder / "demo.onnx", folder / f"demo.{chip}.onnx"
    report = folder / f"demo.{chip}.json"
    shutil.copyfile(model_path(), model)
    shape = ["image=1,3,32,32"]

    _say("1. Will it run?", f"port check {model} --target {chip} --shape {shape[0]}")
    check.command([str(model)], [chip], shape, no_config=True, no_cache=True)
    _say(
        "2. Make it run, and prove that it is still the same function.",
        f"port convert {model} --target {chip} --shape {shape[0]} -o {converted} --report {report}",
    )
    status = convert.command(
        model, converted, chip, shape, report=report, partial=True, no_config=True
    )
    _say("3. The proof again, by itself.", f"port verify {model} {converted}")
    status = max(status, verify.command(model, converted))
    _say("4. The report for machines and pull requests.", f"cat {report}")
    typer.echo(f"{report} holds every verdict, rewrite and figure above, with its source.")
    return status


def _say(title: str, line: str) -> None:
    typer.echo(f"\n{title}\n$ {line}\n")
