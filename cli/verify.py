"""`port verify`: do two models compute the same."""

from pathlib import Path

import click

from . import options, output
from .options import Format


@click.command()
@click.argument("original", type=options.PATH, metavar="A.onnx", help="The original model.")
@click.argument("converted", type=options.PATH, metavar="B.onnx", help="The converted model.")
@options.shape_option
@options.dim_option
@options.inputs_option
@options.range_option
@options.seeds_option
@options.as_option
@options.as_tolerance_option
@options.form_option(Format)
@options.output_option
def command(
    original: Path,
    converted: Path,
    shape: tuple[str, ...],
    dim: tuple[str, ...],
    inputs: Path | None,
    ranges: tuple[str, ...],
    seeds: int | None,
    as_type: str,
    as_tolerance: float | None,
    form: Format | None,
    out: Path | None,
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
