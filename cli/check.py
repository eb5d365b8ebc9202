"""`port check`: will this model run on that chip."""

from pathlib import Path
from typing import Annotated

import typer

from . import options, output


def command(
    model: options.ModelArgument,
    target: options.TargetOption = "",
    shape: options.ShapeOption = None,
    dim: options.DimOption = None,
    op_map: options.OpMapOption = None,
    precision: options.PrecisionOption = "",
    option: options.ChoiceOption = None,
    every: Annotated[bool, typer.Option("--all", help="List supported nodes too (JSON).")] = False,
    form: options.ReportOption = None,
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
    from porting.gate.evaluate import evaluate
    from porting.gate.outcome import Report
    from porting.report.formats import View

    sinks = options.parse_sinks(form, out)
    result = check(
        model,
        target,
        shapes=shapes,
        dims=dims,
        op_map=op_map,
        precision=precision,
        options=choices,
    )
    report = Report((evaluate(result),))
    given = [f"--shape {s}" for s in shape or ()] + [f"--dim {d}" for d in dim or ()]
    output.write_reports(report, sinks, View(every, " ".join(given)))
    return 0 if report.passed else 1
