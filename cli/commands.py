"""The commands by name, each imported once it is asked for: start-up counts."""

from importlib import import_module

import click

NAMES = (
    "check",
    "convert",
    "verify",
    "diff",
    "explain",
    "opset",
    "schema",
    "init",
    "demo",
    "targets",
    "op-map",
    "rules",
)
"""In the order of `port --help`; the module of each has its name, and its `command`."""


class Commands(click.Group):
    """The group of all commands."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names."""
        return list(NAMES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name; none if there is none."""
        if cmd_name not in NAMES:
            return None
        module = import_module(f".{cmd_name.replace('-', '_')}", __package__)
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the arguments begin with.

        Raises:
            NoSuchCommand: There is none; it tells of names that are like it.
        """
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as error:
            # click itself thinks only of commands that are imported
            raise click.NoSuchCommand(error.command_name, possibilities=NAMES, ctx=ctx) from None
