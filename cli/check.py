"""`port check`: will this model run on that chip."""

from pathlib import Path
from typing import Annotated

import typer

from . import options, output
from .options import Format


def command(
    model: options.ModelArgument,
    target: options.TargetOption = "",
    shape: options.ShapeOption = None,
    dim: options.DimOption = None,
    op_map: options.OpMapOption = None,
    precision: options.PrecisionOption = "",
    option: options.ChoiceOption = None,
    every: Annotated[bool, typer.Option("--all", help="List supported nodes too (JSON).")] = False,
    form: options.FormatOption = Format.text,
    out: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the report to a file.")
    ] = None,
) -> int:
    """Hold every node of a model against a chip's capability table.

    \b
    Examples:
      port check model.onnx --target ascend-310p
      port check model.onnx --target rk3588 --shape x=1,3,224,224 --format json -o report.json
    """
    options.require_target(target, op_map)
    shapes, dims = options.parse_shapes(shape), options.parse_dims(dim)
    choices = options.parse_choices(option)

    from porting.checking import check

    result = check(
        model,
        target,
        shapes=shapes,
        dims=dims,
        op_map=op_map,
        precision=precision,
        options=choices,
    )
    if form is Format.json:
        output.write_report(output.to_json(result.to_dict(every_node=every)), out)
    elif out is not None:
        from porting.report.text import render

        output.write_report(render(result), out)
    else:
        import sys

        from porting.report.text import console_for, print_check

        given = [f"--shape {s}" for s in shape or ()] + [f"--dim {d}" for d in dim or ()]
        print_check(console_for(sys.stdout), result, " ".join(given))
    return 0 if result.passed else 1
