"""Findings that one model has and the other has not."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from porting.difference.compare import Overlay
from porting.difference.outcome import Located, Verdicts
from porting.model.graph import Graph, Node
from porting.results import CheckResult, Finding, NodeResult


def compared(
    old: tuple[Graph, CheckResult], new: tuple[Graph, CheckResult], laid: Sequence[Overlay]
) -> Verdicts:
    """What the chip makes of both models, findings held against each other node by node.

    Args:
        old: The old model's main graph and its verdicts.
        new: The new model's main graph and its verdicts.
        laid: Every pair of graphs with its matched nodes.
    """
    before, after = _by_node(*old), _by_node(*new)
    matched = {a: b for overlay in laid for a, b in overlay.matching.nodes.items()}
    appeared = [Located(f) for f in _without(new[1].findings, old[1].findings)]
    gone = [Located(f) for f in _without(old[1].findings, new[1].findings)]
    origin = {b: a for a, b in matched.items()}
    for node, result in after.items():
        was = before[origin[node]].findings if node in origin else ()
        appeared += [Located(f, result) for f in _without(result.findings, was)]
    for node, result in before.items():
        now = after[matched[node]].findings if node in matched else ()
        gone += [Located(f, result) for f in _without(result.findings, now)]
    return Verdicts(old[1], new[1], tuple(appeared), tuple(gone))


def _by_node(graph: Graph, result: CheckResult) -> dict[Node, NodeResult]:
    """Verdicts stand in the order in which the graph was walked."""
    return {n: r for (_, n), r in zip(graph.walk(), result.nodes, strict=True)}


def _without(findings: Iterable[Finding], known: Iterable[Finding]) -> Iterator[Finding]:
    """Findings of which there are more than among the known ones; advice is left out."""
    left = Counter(map(_kind, known))
    for finding in findings:
        kind = _kind(finding)
        left[kind] -= 1
        if left[kind] < 0 and finding.code != "advice":
            yield finding


def _kind(finding: Finding) -> tuple[str, str, str]:
    return finding.verdict, finding.code, finding.reason or finding.message
