"""What the page draws as graphs: nodes, edges, groups, verdicts and reasons, in compact JSON."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from porting.conversion import Rewrite
from porting.gate.outcome import Entry
from porting.report.origins import Place, origins, place_of
from porting.report.safe import plain
from porting.report.scopes import tree_of
from porting.report.wiring import edges_of
from porting.results import VERDICTS, CheckResult, Finding, NodeResult

LETTERS: Mapping[str, str] = dict(zip(VERDICTS, "SF?DU", strict=True))
"""A verdict where only one character fits."""

_NOT_IN_HTML = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}


def embedded(data: Any) -> Markup:
    """JSON that no browser takes for markup, whatever the model's names are."""
    text = json.dumps(
        _plain(data), ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True
    )
    return Markup(text.translate(_NOT_IN_HTML))  # noqa: S704 - escaped by the line itself


def _plain(data: Any) -> Any:
    """The same without control characters in any text."""
    if isinstance(data, str):
        return plain(data)
    if isinstance(data, dict):
        return {plain(key): _plain(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_plain(each) for each in data]
    return data


@dataclass(frozen=True, slots=True)
class Drawn:
    """One model with its verdicts on one target.

    Attributes:
        entry: Place of the entry in the report.
        stage: `before` or `after` a conversion; empty for a check.
        result: The verdicts.
        touched: For nodes that rewrites made or replaced, those rewrites' places in the entry.
    """

    entry: int
    stage: str
    result: CheckResult
    touched: Mapping[int, tuple[int, ...]]


def drawn(entries: Sequence[Entry]) -> list[Drawn]:
    """Everything that can be drawn: of a conversion what was made, then what was loaded."""
    found = []
    for number, entry in enumerate(entries):
        made = entry.conversion
        if made is None:
            found.append(Drawn(number, "", entry.result, {}))
            continue
        loaded: set[Place] = {place_of(n) for n in made.before.nodes}
        for stage, result in (("after", made.after), ("before", made.before)):
            touched = origins(result.nodes, made.rewrites, loaded)
            found.append(Drawn(number, stage, result, touched))
    return found


class _Numbers:
    """Equal things stored once."""

    def __init__(self) -> None:
        self._numbers: dict[Any, int] = {}

    def of(self, thing: Any) -> int:
        return self._numbers.setdefault(thing, len(self._numbers))

    def __iter__(self) -> Any:
        return iter(self._numbers)


def payload(entries: Sequence[Entry]) -> dict[str, Any]:
    """What the page's program reads."""
    graphs: dict[tuple[Any, ...], int] = {}
    forms: list[dict[str, Any]] = []
    findings, sources = _Numbers(), _Numbers()
    views = []
    for each in drawn(entries):
        nodes = each.result.nodes
        key = tuple((n.scope, n.name, n.key, n.inputs, n.outputs) for n in nodes)
        if key not in graphs:
            graphs[key] = len(forms)
            forms.append(_graph(nodes))
        views.append(_view(each, graphs[key], findings))
    return {
        "verdicts": list(VERDICTS),
        "letters": LETTERS,
        "graphs": forms,
        "views": views,
        "findings": [_finding(f, sources) for f in findings],
        "sources": list(sources),
        "rewrites": [_rewrites(e.conversion.rewrites if e.conversion else ()) for e in entries],
    }


def _graph(nodes: Sequence[NodeResult]) -> dict[str, Any]:
    tree = tree_of(nodes)
    operators, scopes = _Numbers(), _Numbers()
    names = [
        node.name.removeprefix(tree.groups[home].prefix)
        for node, home in zip(nodes, tree.homes, strict=True)
    ]
    return {
        "op": [operators.of(n.key) for n in nodes],
        "scope": [scopes.of(n.scope) for n in nodes],
        "name": names,
        "home": tree.homes,
        "groups": [[g.parent, g.label, g.prefix] for g in tree.groups],
        "edges": [end for edge in edges_of(nodes) for end in edge],
        "operators": list(operators),
        "scopes": list(scopes),
    }


def _view(each: Drawn, graph: int, findings: _Numbers) -> dict[str, Any]:
    result = each.result
    nodes = result.nodes
    return {
        "entry": each.entry,
        "stage": each.stage,
        "model": result.model.path or "model",
        "target": result.target.id,
        "graph": graph,
        "verdicts": "".join(LETTERS[n.verdict] for n in nodes),
        "findings": {
            str(i): [findings.of(f) for f in n.findings] for i, n in enumerate(nodes) if n.findings
        },
        "touched": {str(i): list(numbers) for i, numbers in each.touched.items()},
    }


def _finding(finding: Finding, sources: _Numbers) -> list[Any]:
    cited = [sources.of(s) for s in finding.sources]
    verdict = LETTERS[finding.verdict]
    return [verdict, finding.code, finding.message, finding.help, cited]


def _rewrites(rewrites: Iterable[Rewrite]) -> list[list[Any]]:
    return [[r.node, r.scope, r.op_type, r.rule, r.exactness, list(r.produced)] for r in rewrites]
