"""`port check`: will these models run on those chips."""

from pathlib import Path
from typing import Annotated

import typer

from . import options, output


def command(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            help="ONNX files, or patterns of them; `models` of port.toml if there are none.",
            show_default=False,
        ),
    ] = None,
    target: Annotated[
        list[str] | None,
        typer.Option(
            "--target",
            "-t",
            help="A chip such as ascend-310p, a group such as huawei/*, or all; may be repeated.",
            metavar="T",
        ),
    ] = None,
    shape: options.ShapeOption = None,
    dim: options.DimOption = None,
    op_map: options.OpMapOption = None,
    precision: options.PrecisionOption = "",
    option: options.ChoiceOption = None,
    fail_on: Annotated[
        str,
        typer.Option(
            "--fail-on",
            help="Fail on this verdict and worse: fallback, unknown, deviates or unsupported.",
            metavar="VERDICT",
        ),
    ] = "",
    strict: Annotated[
        bool, typer.Option("--strict", help="Fail on what cannot be decided, too.")
    ] = False,
    max_fallback: Annotated[
        str,
        typer.Option(
            "--max-fallback",
            help="Fail if more nodes than this run on the host CPU.",
            metavar="10%|N",
        ),
    ] = "",
    baseline: Annotated[
        Path | None,
        typer.Option(
            "--baseline", help="Findings in this file are known and do not fail.", metavar="FILE"
        ),
    ] = None,
    update_baseline: Annotated[
        bool,
        typer.Option("--update-baseline", help="Write what fails now to the baseline, and pass."),
    ] = False,
    config: options.ConfigOption = None,
    no_config: options.NoConfigOption = False,
    jobs: Annotated[
        int,
        typer.Option("--jobs", "-j", min=0, help="Processes; 0 is one for each processor."),
    ] = 1,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Neither take nor store answers in the cache.")
    ] = False,
    every: Annotated[bool, typer.Option("--all", help="List supported nodes too (json).")] = False,
    form: options.ReportOption = None,
    out: options.OutputOption = None,
) -> int:
    """Hold every node of models against the capability tables of chips.

    \b
    Examples:
      port check model.onnx --target ascend-310p
      port check model.onnx --target rk3588 --shape x=1,3,224,224 --format json -o report.json
      port check 'models/**/*.onnx' --target 'huawei/*' --baseline port-baseline.json --jobs 4
    """
    shapes, dims = options.parse_shapes(shape), options.parse_dims(dim)
    choices = options.parse_choices(option)

    from porting.gate.request import Request
    from porting.gate.run import run
    from porting.report.formats import View

    sinks = options.parse_sinks(form, out)
    asked = Request(
        models=tuple(models or ()),
        targets=tuple(target or ()),
        op_map=op_map,
        shapes=shapes,
        dims=dims,
        precision=precision,
        options=choices,
        fail_on=fail_on,
        strict=strict,
        max_fallback=max_fallback,
        baseline=baseline,
        update_baseline=update_baseline,
        config=config,
        use_config=not no_config,
        use_cache=not no_cache,
        jobs=jobs,
    )
    output.check_sinks(sinks)
    with output.progress_bar() as progress:
        report = run(asked, progress)
    output.write_reports(report, sinks, View(every))
    if report.baseline is not None:
        report.baseline.write()  # last: what cannot be reported is not accepted
    return 0 if report.passed else 1
