"""The terminal view: what fails first, why, by which source, and what to do next."""

from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from typing import IO, Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from porting.report.groups import Group, grouped
from porting.report.safe import plain, shortened
from porting.results import VERDICTS, CheckResult, ConvertResult, Finding, Rewrite, Verdict

STYLES: Mapping[Verdict, str] = {
    "supported": "green",
    "fallback": "cyan",
    "unknown": "yellow",
    "deviates": "magenta",
    "unsupported": "red",
}
MEANING: Mapping[Verdict, str] = {
    "supported": "runs on the accelerator",
    "fallback": "runs on the host CPU",
    "unknown": "cannot be decided",
    "deviates": "accepted, but computes something else",
    "unsupported": "rejected by the toolchain",
}
NODES_SHOWN = 3


def console_for(stream: IO[str], *, width: int | None = None) -> Console:
    """A console that colours terminals only and never interprets what models contain."""
    return Console(file=stream, highlight=False, markup=False, emoji=False, width=width)


def render(result: CheckResult | ConvertResult, *, width: int = 100) -> str:
    """A report without colours, for a file."""
    stream = StringIO()
    console = console_for(stream, width=width)
    if isinstance(result, CheckResult):
        print_check(console, result)
    else:
        print_convert(console, result)
    return stream.getvalue()


def print_check(console: Console, result: CheckResult) -> None:
    """Prints a check: header, counts, findings worst first, what to do next."""
    _header(console, result)
    _counts(console, result)
    _model_findings(console, result.findings)
    for group in grouped(result.nodes):
        _group(console, group)
    _verdict(console, result)
    _next_steps(console, check_next_steps(result))


def _header(console: Console, result: CheckResult) -> None:
    model, target = result.model, result.target
    opsets = ", ".join(f"{plain(d)} {v}" for d, v in model.opsets.items())
    console.print(
        Text.assemble(
            (plain(model.path) or "model", "bold"),
            f"  {model.nodes} nodes, {_amount(model.parameters)} parameters, opset {opsets}",
        )
    )
    console.print(
        Text.assemble(
            (target.id, "bold"),
            f"  {target.name}, {target.toolchain}, evidence: {target.evidence}",
        )
    )
    console.print()


def _amount(count: int) -> str:
    for size, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return str(count)


def _counts(console: Console, result: CheckResult) -> None:
    table = Table.grid(padding=(0, 2))
    for verdict in reversed(VERDICTS):
        count = result.counts[verdict]
        style = STYLES[verdict] if count else "dim"
        table.add_row(
            Text(f"  {count:>6}", style=style), Text(verdict, style=style), Text(MEANING[verdict])
        )
    console.print(table)
    console.print()


def _model_findings(console: Console, findings: Sequence[Finding]) -> None:
    for finding in findings:
        line = Text.assemble(
            (finding.verdict, STYLES[finding.verdict]), f"  the model: {plain(finding.message)}"
        )
        console.print(line)
        _details(console, finding)


def _group(console: Console, group: Group) -> None:
    count = len(group.nodes)
    times = f" x{count}" if count > 1 else ""
    head = Text.assemble(
        (group.verdict, STYLES[group.verdict]),
        "  ",
        (f"{plain(group.key)}{times}", "bold"),
        f"  {plain(group.finding.message)}",
    )
    console.print(head)
    names = [_place(n.scope, n.name) for n in group.nodes[:NODES_SHOWN]]
    more = f" and {count - NODES_SHOWN} more" if count > NODES_SHOWN else ""
    console.print(Padding(Text(f"at      {', '.join(names)}{more}"), (0, 0, 0, 4)))
    _details(console, group.finding)


def _place(scope: str, name: str) -> str:
    shown = shortened(name, 48)
    return f"{shown} in {shortened(scope, 48)}" if scope else shown


def _details(console: Console, finding: Finding) -> None:
    for label, text in (("source", finding.source), ("help", finding.help)):
        if text:
            line = Text(f"{label:<7} {plain(text)}", style="dim" if label == "source" else "")
            console.print(Padding(line, (0, 0, 0, 4)))


def _verdict(console: Console, result: CheckResult) -> None:
    failing = result.counts["unsupported"] + result.counts["deviates"]
    console.print()
    if result.passed:
        rest = result.counts["unknown"]
        note = f", {rest} cannot be decided" if rest else ""
        console.print(Text.assemble(("PASS", "bold green"), f"  no node fails{note}"))
    elif failing:
        text = f"  {failing} of {result.model.nodes} nodes fail on {result.target.id}"
        console.print(Text.assemble(("FAIL", "bold red"), text))
    else:
        text = f"  {result.target.id} does not take the model as it is"
        console.print(Text.assemble(("FAIL", "bold red"), text))


def check_next_steps(result: CheckResult) -> list[str]:
    """Commands worth running after a check, most useful first."""
    steps = []
    path = result.model.path or "MODEL"
    command = f"{path} --target {result.target.id}"
    open_inputs = [i for i in result.model.inputs if i.is_open]
    if result.counts["unknown"] and open_inputs:
        shapes = " ".join(f"--shape {i.name}={_shape_hint(i.shape)}" for i in open_inputs)
        steps.append(f"give the shapes that are open: port check {command} {shapes}")
    if not result.passed or result.counts["unknown"]:
        out = f"{path.removesuffix('.onnx')}.{result.target.id}.onnx"
        steps.append(f"rewrite what can be rewritten: port convert {command} -o {out}")
    return steps


def _shape_hint(shape: Sequence[int | str | None] | None) -> str:
    if shape is None:
        return "SIZES"
    return ",".join(str(d) if isinstance(d, int) else "SIZE" for d in shape)


def _next_steps(console: Console, steps: Iterable[str]) -> None:
    for step in steps:
        console.print(Text.assemble(("next", "bold"), f"  {plain(step)}"), soft_wrap=True)


def print_convert(console: Console, result: ConvertResult) -> None:
    """Prints a conversion: before, what was rewritten, what remains and why, the proof."""
    _header(console, result.before)
    _before_after(console, result)
    _rewrites(console, result.rewrites)
    _remaining(console, result)
    _proof(console, result.verification)
    _outcome(console, result)


def _before_after(console: Console, result: ConvertResult) -> None:
    table = Table.grid(padding=(0, 2))
    table.add_row("  before", "   after", "")
    for verdict in reversed(VERDICTS):
        old, new = result.before.counts[verdict], result.after.counts[verdict]
        style = STYLES[verdict] if new else "dim"
        table.add_row(f"  {old:>6}", Text(f"  {new:>6}", style=style), Text(verdict, style=style))
    console.print(table)
    old_opset, new_opset = (r.model.opsets.get("ai.onnx") for r in (result.before, result.after))
    if old_opset != new_opset:
        console.print(Text(f"  opset {old_opset} became {new_opset}"))
    console.print()


def _rewrites(console: Console, rewrites: Sequence[Rewrite]) -> None:
    kinds: dict[tuple[str, str, str], list[Rewrite]] = {}
    for rewrite in rewrites:
        kinds.setdefault((rewrite.op_type, rewrite.rule, rewrite.exactness), []).append(rewrite)
    for (op_type, rule, exactness), members in kinds.items():
        made = ", ".join(dict.fromkeys(members[0].produced)) or "nothing"
        times = f" x{len(members)}" if len(members) > 1 else ""
        console.print(
            Text.assemble(
                ("rewrote", "green"),
                "  ",
                (f"{plain(op_type)}{times}", "bold"),
                f"  to {made}  by {rule} ({exactness})",
            )
        )


def _remaining(console: Console, result: ConvertResult) -> None:
    groups = [g for g in grouped(result.after.nodes) if g.verdict != "fallback"]
    reasons: dict[str, dict[str, str]] = {}
    for declined in result.declined:
        label = declined.rule or "no rule"
        reasons.setdefault(declined.op_type, {}).setdefault(label, declined.reason)
    _model_findings(console, result.after.findings)
    for group in groups:
        _group(console, group)
        for rule, reason in reasons.get(group.key, {}).items():
            line = Text(f"tried   {rule}: {plain(reason)}")
            console.print(Padding(line, (0, 0, 0, 4)))


def _proof(console: Console, verification: Mapping[str, Any]) -> None:
    status = str(verification.get("status"))
    style = {"passed": "green", "failed": "red"}.get(status, "yellow")
    label = {"passed": "proved", "failed": "DIFFERS"}.get(status, "NOT VERIFIED")
    console.print()
    console.print(Text.assemble((label, style), f"  {plain(str(verification.get('reason', '')))}"))
    outputs = verification.get("outputs") or []
    if outputs:
        console.print(_comparison_table(outputs))
    for warning in verification.get("warnings") or []:
        console.print(Text.assemble(("warning", "yellow"), f"  {plain(str(warning))}"))


def _comparison_table(outputs: Sequence[Mapping[str, Any]]) -> Table:
    table = Table(box=None, padding=(0, 2), header_style="dim")
    for column in ("output", "shape", "max abs", "max rel", "cosine", "mismatches"):
        table.add_column(column, justify="left" if column in {"output", "shape"} else "right")
    for output in outputs:
        table.add_row(
            shortened(str(output["name"]), 40),
            "x".join(str(d) for d in output["shape"]),
            _figure(output["max_abs"]),
            _figure(output["max_rel"]),
            _figure(output["cosine"], "{:.7f}"),
            f"{output['mismatches']} of {output['elements']}",
        )
    return table


def _figure(value: float | None, form: str = "{:.2e}") -> str:
    return "-" if value is None else form.format(value)


def _outcome(console: Console, result: ConvertResult) -> None:
    console.print()
    if result.output is not None:
        console.print(Text.assemble(("wrote", "bold"), f"  {plain(result.output.path)}"))
    else:
        console.print(Text.assemble(("wrote nothing", "bold red"), f"  {_why_not(result)}"))
    _verdict(console, result.after)


def _why_not(result: ConvertResult) -> str:
    if result.verification.get("status") == "failed":
        return "the converted model does not compute the same"
    return "nodes remain that the target does not run; --partial writes the model all the same"


def print_verification(console: Console, verification: Mapping[str, Any]) -> None:
    """Prints a comparison of two models."""
    _proof(console, verification)
