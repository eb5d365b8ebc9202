"""Nodes with the same trouble, taken together: what a reader wants to see first."""

from collections.abc import Sequence
from dataclasses import dataclass

from porting.results import VERDICTS, Finding, NodeResult, Verdict


@dataclass(frozen=True, slots=True)
class Group:
    """Nodes of one operator with one finding.

    Attributes:
        verdict: What the finding makes of them.
        key: The operator.
        finding: That of the first node.
        nodes: In the model's order.
    """

    verdict: Verdict
    key: str
    finding: Finding
    nodes: tuple[NodeResult, ...]


def grouped(nodes: Sequence[NodeResult]) -> list[Group]:
    """Groups of everything that is not plainly supported: worst first, then the largest.

    A node stands in the group of each of its findings that is as bad as its verdict.
    """
    found: dict[tuple[Verdict, str, str], list[tuple[NodeResult, Finding]]] = {}
    for node in nodes:
        for finding in node.findings:
            if finding.verdict == node.verdict and finding.verdict != "supported":
                reason = finding.reason or finding.message
                key = (finding.verdict, node.key, reason)
                found.setdefault(key, []).append((node, finding))
    groups = [
        Group(verdict, key, members[0][1], tuple(n for n, _ in members))
        for (verdict, key, _), members in found.items()
    ]
    return sorted(groups, key=lambda g: (-VERDICTS.index(g.verdict), -len(g.nodes), g.key))
