"""`port convert`: make a model run on a chip, and prove it."""

from pathlib import Path
from typing import Annotated

import typer

from . import options, output


def command(
    model: options.ModelArgument,
    out: Annotated[
        Path,
        typer.Option("--output", "-o", help="Where the converted model goes.", metavar="FILE"),
    ],
    target: options.TargetOption = "",
    shape: options.ShapeOption = None,
    dim: options.DimOption = None,
    op_map: options.OpMapOption = None,
    precision: options.PrecisionOption = "",
    option: options.ChoiceOption = None,
    allow: options.AllowOption = None,
    deny: options.DenyOption = None,
    partial: Annotated[
        bool, typer.Option("--partial", help="Write a model that still has failing nodes.")
    ] = False,
    float16: options.Float16Option = False,
    bfloat16: options.Bfloat16Option = False,
    keep_io_types: options.KeepIoTypesOption = True,
    as_type: options.AsOption = "",
    as_tolerance: options.AsToleranceOption = None,
    kit: options.KitOption = None,
    no_verify: options.NoVerifyOption = False,
    inputs: options.InputsOption = None,
    ranges: options.RangeOption = None,
    report: Annotated[
        Path | None,
        typer.Option(
            "--report", help="Write the report to a file; its name's end says how.", metavar="FILE"
        ),
    ] = None,
    form: options.ReportOption = None,
    config: options.ConfigOption = None,
    no_config: options.NoConfigOption = False,
) -> int:
    """Rewrite what a chip does not take, prove the result numerically and write it.

    \b
    Examples:
      port convert model.onnx --target ascend-310p -o model.ascend.onnx
      port convert det.onnx --target rk3588 --shape x=1,3,320,320 -o det.rk.onnx
      port convert model.onnx --target ascend-310p -o out.onnx --as float16 --kit handover
    """
    options.require_as(as_type, as_tolerance)
    dtype = options.half_type(float16, bfloat16)
    shapes, dims = options.parse_shapes(shape), options.parse_dims(dim)
    choices = options.parse_choices(option)

    from porting.converting import convert
    from porting.gate.evaluate import evaluate
    from porting.gate.jobs import telling_of
    from porting.gate.outcome import Report
    from porting.gate.plan import planned_one
    from porting.gate.request import Request
    from porting.report.formats import Sink, View, format_of
    from porting.verifying import inputs_of

    sinks = options.parse_sinks(form, None)
    if report is not None:
        sinks = [Sink(format_of(report), report), *sinks]
    output.check_sinks(sinks)
    job = planned_one(
        Request(
            models=(str(model),),
            targets=(target,) if target else (),
            op_map=op_map,
            shapes=shapes,
            dims=dims,
            precision=precision,
            options=choices,
            config=config,
            use_config=not no_config,
        )
    )
    with telling_of(job), output.progress_line() as progress:
        result = convert(
            job.model,
            job.targets[0],
            out,
            op_map=job.op_map,
            progress=progress,
            allow=allow or (),
            deny=deny or (),
            shapes=job.shapes,
            dims=job.dims,
            precision=job.precision,
            options=job.options,
            partial=partial,
            verify=not no_verify,
            dtype=dtype,
            keep_io_types=keep_io_types,
            as_type=as_type,
            as_tolerance=as_tolerance,
            kit=kit,
            inputs=inputs_of(inputs, options.parse_ranges(ranges)),
        )
    outcome = Report((evaluate(result),))
    output.write_reports(outcome, sinks, View())
    return 0 if outcome.passed else 1
