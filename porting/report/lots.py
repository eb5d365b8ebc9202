"""Findings that are equal and stand equally before the gate, taken together."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, get_args

from porting.gate.outcome import Entry, Judged, Standing
from porting.report.groups import counted
from porting.results import VERDICTS, CheckResult, NodeResult

if TYPE_CHECKING:
    from porting.conversion import Declined, Rewrite

STANDINGS: tuple[Standing, ...] = get_args(Standing)
"""From what matters most to what matters least."""


@dataclass(frozen=True, slots=True)
class Lot:
    """Equal findings.

    Attributes:
        first: The first of them; what it says stands for all.
        judged: All, in the model's order.
    """

    first: Judged
    judged: tuple[Judged, ...]

    @property
    def nodes(self) -> tuple[NodeResult, ...]:
        """The nodes that have it; none where it is about the model as a whole."""
        return tuple(j.node for j in self.judged if j.node is not None)

    @property
    def title(self) -> str:
        """The operators with the number of nodes: `Conv x3`."""
        return counted(n.key for n in self.nodes) or "the model"

    @property
    def message(self) -> str:
        """What is the matter; with the first node's values where all are of one operator."""
        finding = self.first.finding
        several = len({n.key for n in self.nodes}) > 1
        return finding.reason or finding.message if several else finding.message


def lots(judged: Iterable[Judged]) -> list[Lot]:
    """Everything that a reader should know of: what fails first, then the worst, the largest.

    What neither changes the gate nor the verdict of its node is left out.
    """
    found: dict[tuple[str, ...], list[Judged]] = {}
    for each in judged:
        if not _matters(each):
            continue
        finding, node = each.finding, each.node
        operator = node.key if node is not None and finding.code != "opset" else ""
        about = "node" if node is not None else "model"
        said = finding.reason or finding.message
        key = (each.standing, each.reason, finding.verdict, about, operator, said)
        found.setdefault(key, []).append(each)
    made = [Lot(members[0], tuple(members)) for members in found.values()]
    return sorted(made, key=_rank)


def _matters(judged: Judged) -> bool:
    if judged.standing != "passes":
        return True
    verdict = judged.finding.verdict
    return verdict != "supported" and (judged.node is None or judged.node.verdict == verdict)


def _rank(lot: Lot) -> tuple[int, int, int, str]:
    first = lot.first
    worst_first = -VERDICTS.index(first.finding.verdict)
    return STANDINGS.index(first.standing), worst_first, -len(lot.judged), lot.title


def subject(entry: Entry) -> CheckResult:
    """What was given: of a conversion the model before it."""
    return entry.result if entry.conversion is None else entry.conversion.before


@dataclass(frozen=True, slots=True)
class Trouble:
    """What fails an entry besides its findings.

    Attributes:
        code: Its kind, as `porting.capability.codes.GATE` has it.
        text: What is the matter.
        fingerprint: The same in every run, whatever the numbers in the text.
    """

    code: str
    text: str
    fingerprint: str


def troubles(entry: Entry) -> Iterator[Trouble]:
    """Limits on the whole that are broken, and a proof that failed."""
    found = [("gate-limit", clause) for clause in entry.broken]
    conversion = entry.conversion
    if conversion is not None and conversion.disproved:
        failed = conversion.verification.get("status") == "failed"
        evidence = conversion.verification if failed else conversion.simulation or {}
        found.append(("proof-failed", str(evidence.get("reason", ""))))
    whole = subject(entry)
    for number, (code, text) in enumerate(found):
        parts = (PurePath(whole.model.path).as_posix(), whole.target.id, code, str(number))
        digest = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass"))
        yield Trouble(code, text, digest.hexdigest()[:32])


def sentence(judged: Judged, target: str) -> str:
    """A finding in one line, with its node and the target."""
    node, finding = judged.node, judged.finding
    place = "the model"
    if node is not None:
        place = f"{node.key} '{node.name}'" + (f" in '{node.scope}'" if node.scope else "")
    return f"{place}: {finding.verdict} on {target}: {finding.message}"


def outcome(entry: Entry) -> str:
    """A clause on why an entry passes or fails."""
    fails = [j.node for j in entry.judged if j.standing == "fails"]
    failing = set(map(id, fails)) - {id(None)}
    result = entry.result
    parts = []
    if failing:
        parts.append(f"{len(failing)} of {result.model.nodes} nodes fail on {result.target.id}")
    if None in fails:
        parts.append(f"{result.target.id} does not take the model as it is")
    parts += [trouble.text for trouble in troubles(entry)]
    parts = parts or ["no node fails"]
    standings = Counter([j.standing for j in entry.judged])
    for standing in ("known", "waived"):
        if standings[standing]:
            parts.append(f"{standings[standing]} {standing}")
    undecided = result.counts["unknown"]
    if undecided:
        parts.append(f"{undecided} cannot be decided")
    return ", ".join(parts)


def rewrites_by_kind(rewrites: Iterable["Rewrite"]) -> list[tuple["Rewrite", ...]]:
    """Rewrites of one operator by one rule together, in the model's order."""
    kinds: dict[tuple[str, str, str], list[Rewrite]] = {}
    for rewrite in rewrites:
        kinds.setdefault((rewrite.op_type, rewrite.rule, rewrite.exactness), []).append(rewrite)
    return [tuple(members) for members in kinds.values()]


_RELEVANCE = ("policy", "result", "form")


def rules_by_reason(declined: Sequence["Declined"]) -> dict[str, list[str]]:
    """Why rules declined, and which for each reason; what can be acted on comes first."""
    reasons: dict[str, list[str]] = {}
    for each in sorted(declined, key=lambda d: _RELEVANCE.index(d.kind)):
        rules = reasons.setdefault(each.reason, [])
        if each.rule and each.rule not in rules:
            rules.append(each.rule)
    return reasons
