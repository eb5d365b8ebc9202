"""`port convert`: make a model run on a chip, and prove it."""

from pathlib import Path

import click

from . import options, output


@click.command()
@options.model_argument
@click.option(
    "--output",
    "-o",
    "out",
    type=options.PATH,
    required=True,
    help="Where the converted model goes.",
    metavar="FILE",
)
@options.target_option
@options.table_options
@options.allow_option
@options.deny_option
@click.option("--partial", is_flag=True, help="Write a model that still has failing nodes.")
@options.float16_option
@options.bfloat16_option
@options.keep_io_types_option
@options.as_option
@options.as_tolerance_option
@options.kit_option
@options.no_verify_option
@options.inputs_option
@options.range_option
@click.option(
    "--report",
    type=options.PATH,
    help="Write the report to a file; its name's end says how.",
    metavar="FILE",
)
@options.report_option
@options.config_option
@options.no_config_option
def command(
    model: Path,
    out: Path,
    target: str,
    shape: tuple[str, ...],
    dim: tuple[str, ...],
    op_map: Path | None,
    precision: str,
    option: tuple[str, ...],
    allow: tuple[str, ...],
    deny: tuple[str, ...],
    partial: bool,
    float16: bool,
    bfloat16: bool,
    keep_io_types: bool,
    as_type: str,
    as_tolerance: float | None,
    kit: Path | None,
    no_verify: bool,
    inputs: Path | None,
    ranges: tuple[str, ...],
    report: Path | None,
    form: tuple[str, ...],
    config: Path | None,
    no_config: bool,
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
            allow=allow,
            deny=deny,
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
