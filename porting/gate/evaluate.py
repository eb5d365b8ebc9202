"""From verdicts to pass or fail."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from porting.gate.fingerprint import Named, fingerprints
from porting.gate.outcome import Entry, Judged, Standing
from porting.gate.thresholds import MaxFallback
from porting.gate.waivers import Waiver, waiver_for
from porting.results import FAILING, CheckResult, Verdict

if TYPE_CHECKING:
    from porting.conversion import ConvertResult
    from porting.gate.baseline import Known


@dataclass(frozen=True, slots=True)
class Policy:
    """What fails the gate, for one model on one target.

    Attributes:
        fail_on: Verdicts that fail it.
        max_fallback: How many nodes may run on the host.
        waivers: Those that concern the model and the target.
        known: What the baseline has of them; None if there is no baseline.
    """

    fail_on: frozenset[Verdict] = FAILING
    max_fallback: MaxFallback | None = None
    waivers: tuple[Waiver, ...] = ()
    known: "tuple[Known, ...] | None" = None

    @property
    def is_default(self) -> bool:
        """Whether the verdicts alone decide, as they do where nothing is asked for."""
        return self == Policy()


DEFAULT = Policy()


def evaluate(result: "CheckResult | ConvertResult", policy: Policy = DEFAULT) -> Entry:
    """Holds a check, or what a conversion made, against a policy."""
    conversion = None if isinstance(result, CheckResult) else result
    check = result if isinstance(result, CheckResult) else result.after
    named = fingerprints(check)
    waived = {
        n.place: waiver_for(policy.waivers, n.finding, n.node)
        for n in named
        if policy.waivers and n.finding.verdict in policy.fail_on
    }
    open_ = [
        n for n in named if n.finding.verdict in policy.fail_on and not _holds(waived.get(n.place))
    ]
    known, gone = _known(open_, policy)
    judged = tuple(_judged(n, policy, waived.get(n.place), known) for n in named)
    broken = policy.max_fallback.broken(check) if policy.max_fallback else ""
    return Entry(
        check,
        judged,
        (broken,) if broken else (),
        conversion,
        not policy.is_default,
        gone,
    )


def _known(found: Sequence[Named], policy: Policy) -> tuple[frozenset[str], tuple[str, ...]]:
    """The places of findings that the baseline has, and what it has and is not found."""
    if not policy.known:
        return frozenset(), ()
    from porting.gate.baseline import match  # most runs have no baseline

    matched = match(found, policy.known)
    return matched.places, matched.gone


def _holds(waiver: Waiver | None) -> bool:
    return waiver is not None and not waiver.expired


def _judged(named: Named, policy: Policy, waiver: Waiver | None, known: frozenset[str]) -> Judged:
    def stands(standing: Standing, reason: str = "") -> Judged:
        return Judged(
            named.finding, named.node, named.fingerprint, standing, reason, named.kind, named.place
        )

    if named.finding.verdict not in policy.fail_on:
        return stands("passes")
    if waiver is not None and not waiver.expired:
        return stands("waived", waiver.reason)
    if named.place in known:
        return stands("known")
    return stands("fails", waiver.why_expired if waiver is not None else "")
