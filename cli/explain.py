"""`port explain`: everything that a table says of an operator, or what a finding code means."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from porting.errors import UsageError
from porting.suggest import did_you_mean

from . import options, output
from .options import Format

if TYPE_CHECKING:
    from porting.capability.explain import Explanation
    from porting.capability.table import CapabilityTable


@click.command()
@click.argument("subject", help="An operator (Conv) or a finding code (dtype).")
@options.target_option
@options.op_map_option
@click.option("--all", "every", is_flag=True, help="On every chip, in short.")
@options.format_option
def command(subject: str, target: str, op_map: Path | None, every: bool, form: Format) -> int:
    """Explain an operator on a chip from the conditions that decide, or a finding code.

    \b
    Examples:
      port explain Resize --target ascend-310p
      port explain Einsum --all
      port explain undecided
    """
    from porting.capability.codes import CODES

    if subject in CODES:
        click.echo(f"{subject}: {CODES[subject]}")
        return 0
    from porting.capability.targets import available, load_target

    if not every:
        options.require_target(target, op_map)
    names = list(available()) if every else [target]
    tables = [load_target(name, None if every else op_map) for name in names]
    _require_operator(subject, tables, list(CODES))
    from porting.capability.explain import explain

    explanations = [explain(table, subject) for table in tables]
    if form is Format.json:
        click.echo(output.to_json([e.to_dict() for e in explanations]))
    elif every:
        _print_short(explanations)
    else:
        _print(explanations[0])
    return 0


def _require_operator(name: str, tables: "list[CapabilityTable]", codes: list[str]) -> None:
    from porting.capability.explain import known_operators

    known = known_operators(tables)
    if name in known:
        return
    guess = did_you_mean(name, [*known, *codes])
    raise UsageError(
        "operator-unknown",
        f"'{name}' is neither an operator nor a finding code",
        guess or "operators are written as in ONNX: Conv, MatMul",
    )


def _print(explanation: "Explanation") -> None:
    import sys

    from rich.padding import Padding
    from rich.text import Text

    from porting.report.sources import Footnotes
    from porting.report.terminal import console_for
    from porting.report.text import STYLES

    console = console_for(sys.stdout)
    notes = Footnotes()
    console.print(
        Text.assemble((explanation.operator, "bold"), " on ", (explanation.target, "bold"))
    )
    for sentence in explanation.sentences:
        label = sentence.verdict or "note"
        style = STYLES[sentence.verdict] if sentence.verdict else "dim"
        cited = notes.cite(sentence.sources)
        console.print(Text.assemble((f"{label:<11}", style), f"  {sentence.text}", (cited, "dim")))
        for word, expression in (("if", sentence.guard), ("unless", sentence.condition)):
            if expression:
                line = Text(f"{word:<6} {expression}", style="dim")
                console.print(Padding(line, (0, 0, 0, 13), expand=False))
    notes.print(console)


def _print_short(explanations: "list[Explanation]") -> None:
    width = max((len(e.target) for e in explanations), default=0)
    for e in explanations:
        limits = sum(1 for s in e.sentences if s.condition)
        note = f"{limits} conditions" if limits else ""
        click.echo(f"{e.target:<{width}}  {e.verdict:<11}  {note}".rstrip())
