"""`port verify`: do two models compute the same."""

from pathlib import Path
from typing import Annotated

import typer

from . import options, output
from .options import Format


def command(
    original: Annotated[Path, typer.Argument(metavar="A.onnx", help="The original model.")],
    converted: Annotated[Path, typer.Argument(metavar="B.onnx", help="The converted model.")],
    shape: options.ShapeOption = None,
    dim: options.DimOption = None,
    inputs: options.InputsOption = None,
    ranges: options.RangeOption = None,
    seeds: options.SeedsOption = None,
    as_type: options.AsOption = "",
    as_tolerance: options.AsToleranceOption = None,
    form: Annotated[
        Format | None, typer.Option("--format", help="How the report is written.")
    ] = None,
    out: options.OutputOption = None,
) -> int:
    """Run two models on the same inputs and compare their outputs.

    \b
    Examples:
      port verify model.onnx model.ascend.onnx
      port verify model.onnx model.ascend.onnx --inputs images.npz --format json
      port verify model.onnx model.ascend.onnx --inputs folder-of-test-data
      port verify model.onnx model.ascend.onnx --range image=0:255 --seeds 5
      port verify model.onnx model.ascend.onnx --as float16 --as-tolerance 0.05
    """
    options.require_as(as_type, as_tolerance)
    written = options.form_for(form, out, Format)
    shapes, dims = options.parse_shapes(shape), options.parse_dims(dim)

    from porting.verifying import inputs_of, verify

    given = inputs_of(inputs, options.parse_ranges(ranges), seeds)
    result = verify(original, converted, shapes=shapes, dims=dims, inputs=given)
    data, failed = result.to_dict(), not result.passed
    if as_type:
        from porting.simulating import simulate

        drift = simulate(
            original,
            converted,
            as_type,
            shapes=shapes,
            dims=dims,
            inputs=given,
            tolerance=as_tolerance,
        )
        data["simulation"] = drift.to_dict()
        failed = failed or drift.status == "failed"
    if written is Format.json:
        output.write_report(output.to_json(data), out)
    elif out is not None:
        from porting.report.text import render_verification

        output.write_report(render_verification(data), out)
    else:
        import sys

        from porting.report.terminal import console_for
        from porting.report.text import print_verification

        print_verification(console_for(sys.stdout), data)
    return 1 if failed else 0
