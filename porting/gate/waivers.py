"""Findings that somebody has looked at and lets pass, with a reason and perhaps until a day."""

from collections.abc import Iterable, Sequence
from datetime import date
from fnmatch import fnmatchcase
from typing import NamedTuple

from porting.gate.globs import matches_path
from porting.results import Finding, NodeResult


class Waiver(NamedTuple):
    """What is let pass. A selector with no patterns takes everything.

    Attributes:
        reason: Why.
        until: The last day on which it holds; None for ever.
        expired: Whether that day is over.
        models: Patterns of paths, from the configuration's folder.
        targets: Target ids, or patterns of them.
        ops: Patterns of operators, as tables write them.
        nodes: Patterns of node names; `*` takes slashes too.
        codes: Patterns of codes of findings.
        label: How notes call it.
    """

    reason: str
    until: date | None = None
    expired: bool = False
    models: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    ops: tuple[str, ...] = ()
    nodes: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    label: str = "a waiver"

    def concerns(self, model: str, target: str) -> bool:
        """Whether it is about a model on a target at all."""
        on_target = not self.targets or any(fnmatchcase(target, t) for t in self.targets)
        return on_target and (
            not self.models or any(matches_path(model, pattern) for pattern in self.models)
        )

    def covers(self, finding: Finding, node: NodeResult | None) -> bool:
        """Whether it is about a finding of a model that it concerns."""
        return (
            _any(finding.code, self.codes)
            and _any(node.key if node else "", self.ops)
            and _any(node.name if node else "", self.nodes)
        )

    @property
    def why_expired(self) -> str:
        """What to tell of it once it is over."""
        return f"the waiver expired on {self.until}: {self.reason}"


def waiver_for(
    waivers: Iterable[Waiver], finding: Finding, node: NodeResult | None
) -> Waiver | None:
    """The first waiver that covers a finding and holds; else the first that did."""
    found = [w for w in waivers if w.covers(finding, node)]
    return next((w for w in found if not w.expired), found[0] if found else None)


def takes_everything(selectors: Iterable[Sequence[str]]) -> bool:
    """Whether selectors leave nothing out."""
    return all(not patterns or any(set(p) <= set("*/") for p in patterns) for patterns in selectors)


def _any(text: str, patterns: Sequence[str]) -> bool:
    return not patterns or any(fnmatchcase(text, pattern) for pattern in patterns)
