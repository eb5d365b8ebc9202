"""From verdicts to pass or fail."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from porting.gate.fingerprint import Names, located
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
    names, found = Names(check), list(located(check))
    failing = [i for i, (finding, _) in enumerate(found) if finding.verdict in policy.fail_on]
    waived = {
        i: waiver
        for i in (failing if policy.waivers else ())
        if (waiver := waiver_for(policy.waivers, *found[i])) is not None
    }
    known, gone = _known(policy, names, [i for i in failing if not _holds(waived.get(i))])
    standings = dict.fromkeys(failing, _FAILS)
    standings |= dict.fromkeys(known, _KNOWN)
    standings |= {i: _of_waiver(w) for i, w in waived.items() if _holds(w) or i not in known}
    judged = tuple(
        Judged(finding, node, names, i, *standings.get(i, _PASSES))
        for i, (finding, node) in enumerate(found)
    )
    broken = policy.max_fallback.broken(check) if policy.max_fallback else ""
    return Entry(
        check, judged, (broken,) if broken else (), conversion, not policy.is_default, gone
    )


_Stands: TypeAlias = tuple[Standing, str]
"""How a finding stands before the gate, and a reason."""
_FAILS: _Stands = ("fails", "")
_KNOWN: _Stands = ("known", "")
_PASSES: _Stands = ("passes", "")


def _known(policy: Policy, names: Names, open_: Sequence[int]) -> tuple[set[int], tuple[str, ...]]:
    """Which findings are in the baseline, and what it has that is gone."""
    if not policy.known:
        return set(), ()
    from porting.gate.baseline import match  # most runs have no baseline

    matched = match([names.all[i] for i in open_], policy.known)
    return {i for i in open_ if names.all[i].place in matched.places}, matched.gone


def _holds(waiver: Waiver | None) -> bool:
    return waiver is not None and not waiver.expired


def _of_waiver(waiver: Waiver) -> _Stands:
    return ("fails", waiver.why_expired) if waiver.expired else ("waived", waiver.reason)
