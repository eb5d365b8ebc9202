"""`port targets`: which chips there are, and what is known of one."""

from typing import TYPE_CHECKING, Any

import click

from . import options, output
from .options import Format

if TYPE_CHECKING:
    from porting.capability.schema import TableHead
    from porting.capability.table import CapabilityTable


@click.group(invoke_without_command=True)
@click.option("--vendor", default="", help="Only of this vendor.")
@click.option("--class", "class_", default="", help="Only datacenter, edge, embedded or gpu.")
@options.format_option
@click.pass_context
def command(context: click.Context, vendor: str, class_: str, form: Format) -> int:
    """List chips, or show what is known of one.

    \b
    Examples:
      port targets --vendor huawei
      port targets --class edge --format json
    """
    if context.invoked_subcommand is not None:
        return 0
    from porting.capability.targets import available, heads

    found = {
        name: head
        for name, head in heads(available()).items()
        if vendor.lower() in head.vendor.lower() and class_.lower() in head.class_
    }
    if form is Format.json:
        click.echo(output.to_json([head_dict(h) for h in found.values()]))
        return 0
    width = max((len(n) for n in found), default=0)
    for name, head in found.items():
        toolchain = f"{head.toolchain.name} {head.toolchain.version}"
        click.echo(f"{name:<{width}}  {head.class_:<10}  {head.evidence:<13}  {toolchain}")
    return 0


def head_dict(head: "TableHead") -> dict[str, Any]:
    """A target as `port targets --format json` lists it."""
    return {
        "id": head.target,
        "name": head.name,
        "vendor": head.vendor,
        "class": head.class_,
        "toolchain": f"{head.toolchain.name} {head.toolchain.version}",
        "evidence": head.evidence,
        "absent": head.absent,
        "opset": {"range": str(head.opset.range), "match": head.opset.match},
    }


@command.command("show")
@click.argument("target", help="A chip, such as ascend-310p.")
@options.format_option
def show(target: str, form: Format) -> int:
    """Show the toolchain, evidence, sources and coverage of one chip.

    \b
    Example:
      port targets show rk3588
    """
    from porting.capability.record import as_dict
    from porting.capability.targets import load_target

    table = load_target(target)
    details = head_dict(table.data) | {
        "precisions": table.data.precisions,
        "note": table.data.note,
        "covered": covered(table),
        "sources": [as_dict(s) | {"id": k} for k, s in table.data.sources.items()],
    }
    if form is Format.json:
        click.echo(output.to_json(details))
    else:
        _print(details)
    return 0


def covered(table: "CapabilityTable") -> dict[str, int]:
    """Number of operators by what the table says of them at best."""
    from porting.results import VERDICTS

    counts: dict[str, int] = dict.fromkeys(VERDICTS, 0)
    for entry in table.data.ops.values():
        counts[entry.verdict] += 1
    return counts


def _print(details: dict[str, Any]) -> None:
    opset = details["opset"]
    matched = {"model": "the model's own", "since": "each operator's"}[opset["match"]]
    counts = ", ".join(f"{c} {v}" for v, c in details["covered"].items() if c)
    rows = {
        "target": details["id"],
        "chip": details["name"],
        "vendor": details["vendor"],
        "class": details["class"],
        "toolchain": details["toolchain"],
        "evidence": details["evidence"],
        "opset": f"{opset['range']}, {matched}",
        "precisions": ", ".join(details["precisions"]) or "not said",
        "operators": counts,
        "not listed": details["absent"],
        "note": details["note"],
    }
    for label, text in rows.items():
        if text:
            click.echo(f"{label:<12}{text}")
    click.echo("sources")
    for source in details["sources"]:
        click.echo(f"  {source['id']}: {source['title']} ({source['kind']}, {source['date']})")
        click.echo(f"      {source['where']}")
