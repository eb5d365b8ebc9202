"""`port init`: a configuration, and what runs it in CI."""

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from porting.errors import UsageError


class Ci(StrEnum):
    """What runs the gate."""

    github = "github"
    gitlab = "gitlab"
    pre_commit = "pre-commit"


def command(
    target: Annotated[
        list[str] | None,
        typer.Option(
            "--target",
            "-t",
            help="A chip such as rk3588, or a group such as huawei/*; may be repeated.",
            metavar="T",
        ),
    ] = None,
    ci: Annotated[
        list[Ci] | None,
        typer.Option(
            "--ci",
            help="For which system; those that the repository uses if not given. May be repeated.",
        ),
    ] = None,
    install: Annotated[
        str,
        typer.Option(
            "--install",
            help="What pip installs there; the commit or version of this port if not given.",
            metavar="REQUIREMENT",
        ),
    ] = "",
    force: Annotated[bool, typer.Option("--force", help="Replace files that exist.")] = False,
) -> int:
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

    chosen = {system.value for system in ci or ()}
    systems = [system for system in SYSTEMS if system in chosen]
    start = plan(Path.cwd(), _targets(target), install or requirement(), systems)
    start.write(replace=force)
    for name in start.files:
        typer.echo(f"wrote  {plain(os.path.relpath(start.folder / name))}")
    for step in start.steps:
        head, _, block = step.partition("\n")
        typer.echo(f"next   {plain(head)}")
        if block:
            typer.echo(f"\n{block}")
    return 0


def _targets(names: list[str]) -> list[str]:
    """Ids for the names of single targets; groups stay as they are, new chips join them."""
    from porting.gate.select import targets

    found = [(name, targets([name])) for name in names]
    return list(dict.fromkeys(ids[0] if len(ids) == 1 else name for name, ids in found))
