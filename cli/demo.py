"""`port demo`: the whole job on a model that comes with the package."""

import shutil
from pathlib import Path

import click

from . import check, convert, options, verify


@click.command()
@click.option(
    "--target",
    "-t",
    default="ascend-310p",
    show_default=True,
    help="For which chip.",
    metavar="T",
)
@click.option(
    "--output",
    "-o",
    "folder",
    type=options.PATH,
    default="port-demo",
    show_default=True,
    help="Folder for the model and what is made of it.",
)
@click.pass_context
def command(context: click.Context, target: str, folder: Path) -> int:
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
    shape = "image=1,3,32,32"

    _say("1. Will it run?", f"port check {model} --target {chip} --shape {shape}")
    context.invoke(
        check.command,
        models=(str(model),),
        target=(chip,),
        shape=(shape,),
        no_config=True,
        no_cache=True,
    )
    _say(
        "2. Make it run, and prove that it is still the same function.",
        f"port convert {model} --target {chip} --shape {shape} -o {converted} --report {report}",
    )
    status: int = context.invoke(
        convert.command,
        model=model,
        out=converted,
        target=chip,
        shape=(shape,),
        report=report,
        partial=True,
        no_config=True,
    )
    _say("3. The proof again, by itself.", f"port verify {model} {converted}")
    status = max(status, context.invoke(verify.command, original=model, converted=converted))
    _say("4. The report for machines and pull requests.", f"cat {report}")
    click.echo(f"{report} holds every verdict, rewrite and figure above, with its source.")
    return status


def _say(title: str, line: str) -> None:
    click.echo(f"\n{title}\n$ {line}\n")
