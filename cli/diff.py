"""`port diff`: what changed between two models."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import options, output

if TYPE_CHECKING:
    from porting.difference.outcome import DiffResult


class Format(StrEnum):
    """How a comparison is written."""

    text = "text"
    json = "json"
    markdown = "markdown"


@click.command()
@click.argument("old", type=options.PATH, metavar="OLD", help="The model as it was.")
@click.argument("new", type=options.PATH, metavar="NEW", help="The model as it is.")
@options.target_option
@options.table_options
@click.option("--external", is_flag=True, help="Read weights in files beside the models too.")
@options.form_option(Format)
@options.output_option
def command(
    old: Path,
    new: Path,
    target: str,
    shape: tuple[str, ...],
    dim: tuple[str, ...],
    op_map: Path | None,
    precision: str,
    option: tuple[str, ...],
    external: bool,
    form: Format | None,
    out: Path | None,
) -> int:
    """Tell what changed between two models: nodes, types, weights, and verdicts on a chip.

    Nodes are matched by what they compute, so that a model exported again under other names is
    no change. Exit status: 0 nothing fails that did not fail before, or no target is given;
    1 something does; 2 the job could not be done.

    \b
    Examples:
      port diff old.onnx new.onnx
      port diff old.onnx new.onnx --target rk3588 --format markdown -o comment.md
    """
    shapes, dims = options.parse_shapes(shape), options.parse_dims(dim)
    choices = options.parse_choices(option)
    written = options.form_for(form, out, Format)

    from porting.differing import diff

    result = diff(
        old,
        new,
        target,
        shapes=shapes,
        dims=dims,
        op_map=op_map,
        precision=precision,
        options=choices,
        external=external,
    )
    _write(result, written, out)
    return 0 if result.passed else 1


def _write(result: "DiffResult", form: Format, out: Path | None) -> None:
    if form is Format.json:
        output.write_report(output.to_json(result.to_dict()), out)
    elif form is Format.markdown:
        from porting.report.diff_markdown import render

        output.write_report(render(result), out)
    elif out is not None:
        from porting.report.diff_text import render

        output.write_report(render(result), out)
    else:
        from porting.report.diff_text import print_diff
        from porting.report.terminal import console_for

        print_diff(console_for(sys.stdout), result)
