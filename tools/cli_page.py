"""The reference of the command line, from the application itself."""

from collections.abc import Iterator
from typing import Any

import click
from markup import escaped

from porting.cli.app import app

HEAD = """# Commands

What `--help` of each command says. Exit status of all: 0 the gate passes, 1 it fails, 2 the job
could not be done; one line on stderr says why, perhaps a second what to do, and nothing is written.
"""


def cli_page() -> str:
    """The page."""
    lines = [HEAD]
    for name, command in _commands("port", app):
        lines += _section(name, command)
    return "\n".join(lines).rstrip() + "\n"


def _commands(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    """Every command with its whole name, a group before its members."""
    if not isinstance(command, click.Group):
        yield name, command
        return
    if command.invoke_without_command:
        yield name, command
    context = click.Context(command)
    for member in command.list_commands(context):
        inner = command.get_command(context, member)
        assert inner is not None
        yield from _commands(f"{name} {member}", inner)


def _section(name: str, command: click.Command) -> Iterator[str]:
    text, _, examples = (command.help or "").partition("\b\n")
    yield from (f"## {name}", "", *_paragraphs(text))
    rows = [f"| `{_cell(_spelled(p))}` | {_said(p)} |" for p in command.params]
    if rows:
        yield from ("| argument or option | |", "| --- | --- |", *rows, "")
    commands = [line.strip() for line in examples.splitlines()[1:] if line.strip()]
    if commands:
        yield from ("Examples:", "", *(f"    {line}" for line in commands), "")


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in filter(None, text.strip().split("\n\n")):
        yield from (escaped(paragraph), "")


def _spelled(parameter: Any) -> str:
    """`-t, --target T`; an argument by the name that stands for it."""
    if parameter.param_type_name == "argument":
        many = "..." if parameter.nargs == -1 else ""
        return f"{parameter.metavar or parameter.name.upper()}{many}"
    names = ", ".join(sorted(parameter.opts, key=len))
    other = "".join(f" / {name}" for name in parameter.secondary_opts)
    return f"{names}{other} {parameter.metavar or ''}".strip()


def _said(parameter: Any) -> str:
    required = " Required." if parameter.required else ""
    return f"{escaped(parameter.help or '')}{required}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
