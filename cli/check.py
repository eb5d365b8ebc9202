"""`port check`: will these models run on those chips."""

from pathlib import Path

import click

from . import options, output


@click.command()
@click.argument(
    "models",
    nargs=-1,
    help="ONNX files, or patterns of them; `models` of port.toml if there are none.",
)
@click.option(
    "--target",
    "-t",
    multiple=True,
    help="A chip such as ascend-310p, a group such as huawei/*, or all; may be repeated.",
    metavar="T",
)
@options.table_options
@click.option(
    "--fail-on",
    default="",
    help="Fail on this verdict and worse: fallback, unknown, deviates or unsupported.",
    metavar="VERDICT",
)
@click.option("--strict", is_flag=True, help="Fail on what cannot be decided, too.")
@click.option(
    "--max-fallback",
    default="",
    help="Fail if more nodes than this run on the host CPU.",
    metavar="10%|N",
)
@click.option(
    "--baseline",
    type=options.PATH,
    help="Findings in this file are known and do not fail.",
    metavar="FILE",
)
@click.option(
    "--update-baseline", is_flag=True, help="Write what fails now to the baseline, and pass."
)
@options.config_option
@options.no_config_option
@click.option(
    "--jobs",
    "-j",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="Processes; 0 is one for each processor.",
)
@click.option("--no-cache", is_flag=True, help="Neither take nor store answers in the cache.")
@click.option("--all", "every", is_flag=True, help="List supported nodes too (json).")
@options.report_option
@options.output_option
def command(
    models: tuple[str, ...],
    target: tuple[str, ...],
    shape: tuple[str, ...],
    dim: tuple[str, ...],
    op_map: Path | None,
    precision: str,
    option: tuple[str, ...],
    fail_on: str,
    strict: bool,
    max_fallback: str,
    baseline: Path | None,
    update_baseline: bool,
    config: Path | None,
    no_config: bool,
    jobs: int,
    no_cache: bool,
    every: bool,
    form: tuple[str, ...],
    out: Path | None,
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
        models=models,
        targets=target,
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
        digest=any(sink.format != "text" for sink in sinks),
    )
    output.check_sinks(sinks)
    with output.progress_bar() as progress:
        report = run(asked, progress)
    output.write_reports(report, sinks, View(every))
    if report.baseline is not None:
        report.baseline.write()  # last: what cannot be reported is not accepted
    return 0 if report.passed else 1
