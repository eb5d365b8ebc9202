"""`port opset`: the same model in another version of ONNX's operators."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import options, output
from .options import Format

if TYPE_CHECKING:
    from porting.opsets import OpsetChange


@click.command()
@options.model_argument
@click.option(
    "--to", type=int, required=True, help="Version of ONNX's default domain.", metavar="N"
)
@click.option(
    "--output", "-o", "out", type=options.PATH, required=True, help="Where the model goes."
)
@options.shape_option
@options.dim_option
@options.allow_option
@options.deny_option
@options.no_verify_option
@options.inputs_option
@options.range_option
@options.format_option
def command(
    model: Path,
    to: int,
    out: Path,
    shape: tuple[str, ...],
    dim: tuple[str, ...],
    allow: tuple[str, ...],
    deny: tuple[str, ...],
    no_verify: bool,
    inputs: Path | None,
    ranges: tuple[str, ...],
    form: Format,
) -> int:
    """Bring a model to another opset, up or down, and prove that it computes the same.

    \b
    Examples:
      port opset model.onnx --to 13 -o model.op13.onnx
      port opset model.onnx --to 18 -o model.op18.onnx --dim batch=1
    """
    shapes, dims = options.parse_shapes(shape), options.parse_dims(dim)

    from porting.opsets import change_opset
    from porting.verifying import inputs_of

    with output.progress_line() as progress:
        result = change_opset(
            model,
            to,
            out,
            shapes=shapes,
            dims=dims,
            allow=allow,
            deny=deny,
            verify=not no_verify,
            inputs=inputs_of(inputs, options.parse_ranges(ranges)),
            progress=progress,
        )
    if form is Format.json:
        output.write_report(output.to_json(result.to_dict()), None)
    else:
        _print(result)
    return 0 if result.passed else 1


def _print(result: "OpsetChange") -> None:
    from porting.report.terminal import console_for
    from porting.report.text import print_opset

    print_opset(console_for(sys.stdout), result)
