"""`port init`: a configuration, and what runs it in CI."""

import os
from collections.abc import Sequence
from pathlib import Path

import click

from porting.errors import UsageError


@click.command()
@click.option(
    "--target",
    "-t",
    multiple=True,
    help="A chip such as rk3588, or a group such as huawei/*; may be repeated.",
    metavar="T",
)
@click.option(
    "--ci",
    type=click.Choice(["github", "gitlab", "pre-commit"]),
    multiple=True,
    help="For which system; those that the repository uses if not given. May be repeated.",
)
@click.option(
    "--install",
    default="",
    help="What pip installs there; the commit or version of this port if not given.",
    metavar="REQUIREMENT",
)
@click.option("--force", is_flag=True, help="Replace files that exist.")
def command(target: tuple[str, ...], ci: tuple[str, ...], install: str, force: bool) -> int:
    """Write port.toml and a CI file for the repository in which it is run.

    GitHub, GitLab and pre-commit are found by the files that they read; those are never replaced.

    \b
    Examples:
      port init --target rk3588
      port init --target ascend-310p --target 'rockchip/*' --ci github
    """
    if not target:
        raise UsageError("target-missing", "no target was given", "add --target rk3588")

    from porting.report.safe import plain
    from porting.start.requirement import requirement
    from porting.start.write import SYSTEMS, plan

    systems = [system for system in SYSTEMS if system in ci]
    start = plan(Path.cwd(), _targets(target), install or requirement(), systems)
    start.write(replace=force)
    for name in start.files:
        click.echo(f"wrote  {plain(os.path.relpath(start.folder / name))}")
    for step in start.steps:
        head, _, block = step.partition("\n")
        click.echo(f"next   {plain(head)}")
        if block:
            click.echo(f"\n{block}")
    return 0


def _targets(names: Sequence[str]) -> list[str]:
    """Ids for the names of single targets; groups stay as they are, new chips join them."""
    from porting.gate.select import targets

    found = [(name, targets([name])) for name in names]
    return list(dict.fromkeys(ids[0] if len(ids) == 1 else name for name, ids in found))
