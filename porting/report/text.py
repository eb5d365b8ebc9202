"""The terminal view: what fails first, why, by which source, and what to do next."""

from collections.abc import Iterable, Mapping, Sequence
from io import StringIO
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from porting.gate.outcome import Entry, Report
from porting.report.errors import comparison_table, tolerance_lines
from porting.report.evidence import evidence_lines
from porting.report.formats import View
from porting.report.groups import Group, counted, grouped
from porting.report.lots import Lot, lots, outcome, rewrites_by_kind, rules_by_reason
from porting.report.next_steps import next_steps
from porting.report.safe import plain, shortened
from porting.report.simulation import print_simulation
from porting.report.sources import Footnotes
from porting.report.summary import print_summary
from porting.report.terminal import console_for_file, print_item
from porting.results import VERDICTS, CheckResult, Finding, NodeResult, Verdict

if TYPE_CHECKING:
    from porting.conversion import ConvertResult, Declined, Halving, Rewrite
    from porting.opsets import OpsetChange

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
REASONS_SHOWN = 5


def render(report: Report, view: View) -> str:
    """A report without colours, for a file."""
    stream = StringIO()
    print_report(console_for_file(stream), report, view)
    return stream.getvalue()


def print_report(console: Console, report: Report, view: View) -> None:
    """Prints what became of each model on each target; of several that pass, a line each."""
    several = len(report.entries) > 1
    for entry in report.entries:
        if several and entry.passed and all(j.standing == "passes" for j in entry.judged):
            continue
        if entry.conversion is not None:
            print_convert(console, entry)
        else:
            print_check(console, entry)
        if several:
            console.print()
    if several:
        print_summary(console, report)
    for note in report.notes:
        console.print(Text.assemble(("note", "bold"), f"  {plain(note)}"), soft_wrap=True)


def render_verification(verification: Mapping[str, Any]) -> str:
    """A comparison of two models without colours, for a file."""
    stream = StringIO()
    print_verification(console_for_file(stream), verification)
    return stream.getvalue()


def print_check(console: Console, entry: Entry) -> None:
    """Prints a check: header, counts, findings worst first, what to do next."""
    result, notes = entry.result, Footnotes()
    _header(console, result)
    _counts(console, result)
    if entry.gated:
        _model_findings(console, [f for f in result.findings if f.code == "advice"], notes)
        for lot in lots(entry.judged):
            _lot(console, lot, notes)
    else:
        _model_findings(console, result.findings, notes)
        for group in grouped(result.nodes):
            _group(console, group, notes)
    notes.print(console)
    _verdict(console, entry)
    _next_steps(console, next_steps(entry))


def _header(console: Console, result: CheckResult) -> None:
    model, target = result.model, result.target
    opsets = ", ".join(f"{plain(d)} {v}" for d, v in model.opsets.items())
    size = f"{model.nodes} nodes, {_amount(model.parameters)} parameters, opset {opsets}"
    print_item(console, Text(f"{plain(model.path) or 'model'}  ", "bold"), size)
    print_item(console, Text(f"{target.id}  ", "bold"), target.name)
    known = f"{target.toolchain}, evidence: {target.evidence}"
    print_item(console, " " * (len(target.id) + 2), known)
    console.print()


def _amount(count: int) -> str:
    for size, unit in ((10**9, "G"), (10**6, "M"), (10**3, "k")):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return str(count)


def _counts(console: Console, result: CheckResult) -> None:
    for verdict in reversed(VERDICTS):
        count = result.counts[verdict]
        style = STYLES[verdict] if count else "dim"
        label = Text(f"{count:>8}  {verdict:<11}  ", style)
        print_item(console, label, Text(MEANING[verdict], style))
    console.print()


def _model_findings(console: Console, findings: Sequence[Finding], notes: Footnotes) -> None:
    for finding in findings:
        label = "note" if finding.code == "advice" else finding.verdict
        cited = notes.cite(finding.sources)
        _head(console, finding.verdict, "the model", finding.message, cited, label)
        _detail(console, "help", finding.help)


def _group(console: Console, group: Group, notes: Footnotes) -> None:
    finding = group.finding
    _head(console, group.verdict, group.title, group.message, notes.cite(finding.sources))
    _places(console, group.nodes)
    _detail(console, "help", finding.help)


def _lot(console: Console, lot: Lot, notes: Footnotes) -> None:
    """Findings with what the gate makes of them."""
    judged = lot.first
    finding, standing = judged.finding, judged.standing
    label = standing if standing in {"known", "waived"} else finding.verdict
    _head(console, finding.verdict, lot.title, lot.message, notes.cite(finding.sources), label)
    _places(console, lot.nodes)
    _detail(console, "help", finding.help)
    if standing == "known":
        _detail(console, "why", f"{finding.verdict}, and in the baseline")
    elif judged.reason:
        _detail(console, "why", judged.reason)


def _places(console: Console, nodes: Sequence[NodeResult]) -> None:
    names = [_place(n.scope, n.name) for n in nodes[:NODES_SHOWN]]
    more = len(nodes) - NODES_SHOWN
    _detail(console, "at", ", ".join(names) + (f" and {more} more" if more > 0 else ""))


def _head(
    console: Console, verdict: Verdict, title: str, message: str, notes: str, label: str = ""
) -> None:
    text = Text.assemble((plain(title), "bold"), f"  {plain(message)}", (notes, "dim"))
    print_item(console, Text(f"{label or verdict:<11}  ", STYLES[verdict]), text)


def _place(scope: str, name: str) -> str:
    shown = shortened(name, 48)
    return f"{shown} in {shortened(scope, 48)}" if scope else shown


def _detail(console: Console, label: str, text: str) -> None:
    if text:
        print_item(console, f"{'':<13}{label:<6} ", plain(text))


def _verdict(console: Console, entry: Entry) -> None:
    style, word = ("bold green", "PASS") if entry.passed else ("bold red", "FAIL")
    console.print()
    print_item(console, Text(f"{word}  ", style), plain(outcome(entry)))


def _next_steps(console: Console, steps: Iterable[str]) -> None:
    for step in steps:
        console.print(Text.assemble(("next", "bold"), f"  {plain(step)}"), soft_wrap=True)


def print_convert(console: Console, entry: Entry) -> None:
    """Prints a conversion: before, what was rewritten, what remains and why, the proof."""
    result, notes = entry.conversion, Footnotes()
    assert result is not None
    _header(console, result.before)
    _before_after(console, result)
    _rewrites(console, result.rewrites)
    if result.halving is not None:
        _kept(console, result.halving)
    _remaining(console, result, notes)
    _proof(console, result.verification)
    if result.simulation is not None:
        print_simulation(console, result.simulation)
    notes.print(console)
    _outcome(console, result)
    _verdict(console, entry)


def print_opset(console: Console, result: "OpsetChange") -> None:
    """Prints a change of opset: what was rewritten, what blocks it, the proof."""
    old = result.model.opsets.get("ai.onnx")
    console.print(Text.assemble((plain(result.model.path) or "model", "bold"), f"  opset {old}"))
    console.print()
    _rewrites(console, result.rewrites)
    for blocker in result.blockers:
        title = f"{blocker.op_type} ({_place(blocker.scope, blocker.node)})"
        _head(console, "unsupported", title, blocker.reason, "")
    if result.blockers:
        console.print(f"\nwrote nothing  opset {result.version} cannot express the model")
        return
    _proof(console, result.verification)
    written = plain(result.output.path) if result.output is not None else "nothing"
    console.print(Text.assemble(("\nwrote", "bold"), f"  {written}, opset {result.version}"))


def _before_after(console: Console, result: "ConvertResult") -> None:
    console.print(Text("  before   after"))
    for verdict in reversed(VERDICTS):
        old, new = result.before.counts[verdict], result.after.counts[verdict]
        style = STYLES[verdict] if new else "dim"
        console.print(Text(f"{old:>8}{new:>8}  {verdict}", style=style))
    old_opset, new_opset = (r.model.opsets.get("ai.onnx") for r in (result.before, result.after))
    if old_opset != new_opset:
        console.print(Text(f"opset {old_opset} became {new_opset}"))
    console.print()


def _rewrites(console: Console, rewrites: Sequence["Rewrite"]) -> None:
    for members in rewrites_by_kind(rewrites):
        first = members[0]
        made = ", ".join(dict.fromkeys(first.produced)) or "nothing"
        text = f"  to {plain(made)}, by {first.rule} ({first.exactness})"
        operators = (plain(counted(m.op_type for m in members)), "bold")
        print_item(console, Text("rewrote      ", "green"), Text.assemble(operators, text))


def _kept(console: Console, halving: "Halving") -> None:
    """What a model in half precision has still in float32, by reason."""
    reasons: dict[str, list[str]] = {}
    for kept in halving.kept:
        reasons.setdefault(kept.reason, []).append(kept.op_type)
    for reason, operators in reasons.items():
        text = f"  in float32: {plain(reason)}"
        named = Text.assemble((plain(counted(operators)), "bold"), text)
        print_item(console, Text("kept         ", "yellow"), named)
    if halving.clamped:
        names = ", ".join(plain(n) for n in halving.clamped)
        text = f"  to the lowest {halving.dtype}; a row masked everywhere differs"
        named = Text.assemble((names, "bold"), text)
        print_item(console, Text("clamped      ", "yellow"), named)


def _remaining(console: Console, result: "ConvertResult", notes: Footnotes) -> None:
    _model_findings(console, result.after.findings, notes)
    for group in grouped(result.after.nodes):
        if group.verdict == "fallback":
            continue
        _group(console, group, notes)
        keys = {n.key for n in group.nodes}
        _tried(console, [d for d in result.declined if d.op_type in keys])


def _tried(console: Console, declined: Sequence["Declined"]) -> None:
    """Why each rule declined."""
    reasons = rules_by_reason(declined)
    for reason, rules in list(reasons.items())[:REASONS_SHOWN]:
        _detail(console, "tried", f"{', '.join(rules)}: {reason}" if rules else reason)
    more = len(reasons) - REASONS_SHOWN
    if more > 0:
        _detail(console, "", f"and {more} more reasons, see --report FILE.json")


def print_verification(console: Console, verification: Mapping[str, Any]) -> None:
    """Prints a comparison of two models."""
    status = str(verification.get("status"))
    style = {"passed": "green", "failed": "red"}.get(status, "yellow")
    label = {"passed": "proved", "failed": "DIFFERS"}.get(status, "NOT VERIFIED")
    reason = plain(str(verification.get("reason", "")))
    print_item(console, Text(f"{label:<11}  ", style), reason)
    outputs = verification.get("outputs") or []
    if outputs:
        console.print(comparison_table(outputs))
        _print(console, tolerance_lines(verification))
    expected = verification.get("expected") or []
    if expected:
        console.print(comparison_table(expected, "against the expected"))
    for label, line in evidence_lines(verification):
        console.print(Text.assemble((f"{label:<11}", "dim"), f"  {plain(line)}"), soft_wrap=True)
    for warning in verification.get("warnings") or []:
        print_item(console, Text("warning      ", "yellow"), plain(str(warning)))
    if verification.get("simulation"):
        print_simulation(console, verification["simulation"])


def _proof(console: Console, verification: Mapping[str, Any]) -> None:
    console.print()
    print_verification(console, verification)


def _print(console: Console, lines: Iterable[str]) -> None:
    for line in lines:
        console.print(Text(f"             {plain(line)}", style="dim"), soft_wrap=True)


def _outcome(console: Console, result: "ConvertResult") -> None:
    console.print()
    if result.output is not None:
        console.print(Text.assemble(("wrote", "bold"), f"  {plain(result.output.path)}"))
        if result.kit is not None:
            found = result.kit["path"]
            text = f"  the kit in {plain(found)}" if found else f"  no kit: {result.kit['reason']}"
            console.print(Text.assemble(("wrote", "bold"), plain(text)))
    else:
        console.print(Text.assemble(("wrote nothing", "bold red"), f"  {_why_not(result)}"))


def _why_not(result: "ConvertResult") -> str:
    if result.verification.get("status") == "failed":
        return "the converted model does not compute the same"
    return "nodes remain that the target does not run; --partial writes the model all the same"
