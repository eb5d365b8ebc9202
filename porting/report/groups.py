"""Nodes with the same trouble, taken together: what a reader wants to see first."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from porting.results import FAILING, VERDICTS, Finding, NodeResult, Verdict


@dataclass(frozen=True, slots=True)
class Group:
    """Nodes with one finding in common.

    Attributes:
        verdict: What the finding makes of them.
        title: The operator with the number of nodes: `Conv x3`; several where the reason is the
            model's opset.
        message: The finding; with the first node's values.
        finding: That of the first node.
        nodes: In the model's order.
    """

    verdict: Verdict
    title: str
    message: str
    finding: Finding
    nodes: tuple[NodeResult, ...]


def grouped(nodes: Sequence[NodeResult]) -> list[Group]:
    """Groups of everything that is not plainly supported: worst first, then the largest.

    A node stands in the group of each of its findings that is as bad as its verdict, or fails by
    itself: what a change of the opset would leave is worth knowing at once.
    """
    found: dict[tuple[Verdict, str, str], list[tuple[NodeResult, Finding]]] = {}
    for node in nodes:
        for finding in node.findings:
            if finding.verdict in FAILING or finding.verdict == node.verdict != "supported":
                operator = "" if finding.code == "opset" else node.key
                key = (finding.verdict, operator, finding.reason or finding.message)
                found.setdefault(key, []).append((node, finding))
    groups = [_group(verdict, reason, members) for (verdict, _, reason), members in found.items()]
    return sorted(groups, key=lambda g: (-VERDICTS.index(g.verdict), -len(g.nodes), g.title))


def _group(verdict: Verdict, reason: str, members: list[tuple[NodeResult, Finding]]) -> Group:
    nodes, finding = tuple([n for n, _ in members]), members[0][1]
    operators = [n.key for n in nodes]
    message = reason if len(set(operators)) > 1 else finding.message
    return Group(verdict, counted(operators), message, finding, nodes)


def counted(names: Iterable[str]) -> str:
    """`Add, Conv x3`, in alphabetical order."""
    counts = Counter(names)
    return ", ".join(f"{n} x{c}" if c > 1 else n for n, c in sorted(counts.items()))
