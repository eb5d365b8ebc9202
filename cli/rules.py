"""`port rules`: which rewrites there are, and what one of them does."""

from typing import TYPE_CHECKING

import click

from porting.errors import UsageError
from porting.suggest import did_you_mean

from . import options, output
from .options import Format

if TYPE_CHECKING:
    from porting.describing import RuleDescription
    from porting.legalize.rule import Rule


@click.group(invoke_without_command=True)
@click.option("--operator", default="", help="Only for this operator.")
@options.format_option
@click.pass_context
def command(context: click.Context, operator: str, form: Format) -> int:
    """List rewrite rules, or show one.

    \b
    Examples:
      port rules --operator Resize
      port rules --format json
    """
    if context.invoked_subcommand is not None:
        return 0
    from porting.rules import registry

    found = [r for r in registry() if operator in ("", r.op_type)]
    found.sort(key=lambda r: (r.op_type, r.name))
    if form is Format.json:
        click.echo(output.to_json([rule_dict(r) for r in found]))
        return 0
    widths = [max((len(t) for t in column), default=0) for column in _columns(found)]
    for rule in found:
        cells = zip((rule.op_type, rule.name, rule.exactness), widths, strict=True)
        click.echo("  ".join(f"{text:<{width}}" for text, width in cells) + f"  {rule.summary}")
    return 0


def _columns(rules: "list[Rule]") -> list[list[str]]:
    return [
        [r.op_type for r in rules],
        [r.name for r in rules],
        [r.exactness for r in rules],
    ]


def rule_dict(rule: "Rule") -> dict[str, str]:
    """A rule as `port rules --format json` lists it."""
    return {
        "name": rule.name,
        "op_type": rule.op_type,
        "class": rule.exactness,
        "summary": rule.summary,
    }


@command.command("show")
@click.argument("rule", help="Name of a rule, such as gelu-to-erf.")
@options.format_option
def show(rule: str, form: Format) -> int:
    """Show the mathematics, the conditions and the source of one rule, and which chips need it.

    \b
    Example:
      port rules show gelu-to-erf
    """
    from porting.describing import describe_rule
    from porting.rules import registry

    found = {r.name: r for r in registry()}
    if rule not in found:
        guess = did_you_mean(rule, found) or "port rules lists them"
        raise UsageError("rule-unknown", f"there is no rule '{rule}'", guess)
    description = describe_rule(found[rule])
    if form is Format.json:
        click.echo(output.to_json(description.to_dict()))
    else:
        _print(description)
    return 0


def _print(description: "RuleDescription") -> None:
    from textwrap import fill

    from porting.legalize.policy import DEFAULT_CLASSES

    rule = description.rule
    click.echo(f"{rule.name}: {rule.op_type}, {rule.exactness}\n\n{rule.doc}\n")
    versions = f" of version {', '.join(map(str, rule.versions))}" if rule.versions else ""
    is_default = rule.exactness in DEFAULT_CLASSES
    facts = {
        "applied": "by default" if is_default else f"with --allow {rule.name}",
        "reads": f"{rule.op_type}{versions}",
        "opset": f"{rule.since} or newer" if rule.since > 1 else "any",
        "writes": ", ".join(description.writes) or "nothing new",
        "refused by": ", ".join(description.refused) or "no target",
        "restricted by": ", ".join(description.restricted) or "no target",
    }
    margin = 15
    for name, text in facts.items():
        head, indent = name.ljust(margin), " " * margin
        click.echo(
            fill(text, 96, initial_indent=head, subsequent_indent=indent, break_on_hyphens=False)
        )
