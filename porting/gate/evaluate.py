"""From verdicts to pass or fail."""

from dataclasses import dataclass

from porting.gate.fingerprint import fingerprints
from porting.gate.outcome import Entry, Judged
from porting.results import FAILING, CheckResult, ConvertResult, Verdict


@dataclass(frozen=True, slots=True)
class Policy:
    """What fails the gate.

    Attributes:
        fail_on: Verdicts that fail it.
    """

    fail_on: frozenset[Verdict] = FAILING

    @property
    def is_default(self) -> bool:
        """Whether the verdicts alone decide, as they do where nothing is asked for."""
        return self == Policy()


DEFAULT = Policy()


def evaluate(result: CheckResult | ConvertResult, policy: Policy = DEFAULT) -> Entry:
    """Holds a check, or what a conversion made, against a policy."""
    conversion = result if isinstance(result, ConvertResult) else None
    check = result.after if isinstance(result, ConvertResult) else result
    judged = tuple(
        Judged(f, node, name, "fails" if f.verdict in policy.fail_on else "passes")
        for (f, node), name in fingerprints(check)
    )
    return Entry(check, judged, (), conversion, not policy.is_default)
