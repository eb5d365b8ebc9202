"""How bad a verdict may be, and how many nodes may run on the host."""

import re
from dataclasses import dataclass

from porting.errors import UsageError
from porting.results import FAILING, VERDICTS, CheckResult, Verdict

_SHARE = re.compile(r"(\d{1,3}(?:\.\d{1,6})?)\s*%")
_COUNT = re.compile(r"\d{1,9}")


@dataclass(frozen=True, slots=True)
class MaxFallback:
    """The most nodes that may run on the host.

    Attributes:
        text: As it was written: `10%` or `12`.
        count: A number of nodes; None where it is a share.
        share: A share of all nodes, 0 to 1; None where it is a number.
    """

    text: str
    count: int | None = None
    share: float | None = None

    def broken(self, result: CheckResult) -> str:
        """How the result breaks it, as a clause; empty if it does not."""
        host, nodes = result.counts["fallback"], result.model.nodes
        allowed = self.count if self.share is None else self.share * nodes
        if allowed is None or host <= allowed:
            return ""
        return f"{host} of {nodes} nodes run on the host, {self.text} may"


def max_fallback(text: str) -> MaxFallback:
    """`10%` or `12`.

    Raises:
        UsageError: Another form, or more than all.
    """
    share, count = _SHARE.fullmatch(text.strip()), _COUNT.fullmatch(text.strip())
    if count:
        return MaxFallback(count[0], count=int(count[0]))
    if share and float(share[1]) <= 100:
        return MaxFallback(f"{share[1]}%", share=float(share[1]) / 100)
    raise UsageError(
        "max-fallback-form", f"'{text}' is no number of nodes", "write 10% or a number such as 12"
    )


def failing(fail_on: str = "", strict: bool = False) -> frozenset[Verdict]:
    """The verdicts that fail the gate: one and all that are worse.

    Args:
        fail_on: The best verdict that fails; as the gate does by default if empty.
        strict: What cannot be decided fails as well.

    Raises:
        UsageError: There is no such verdict, or it is `supported`.
    """
    lowest = VERDICTS.index("deviates")
    if fail_on:
        if fail_on not in VERDICTS[1:]:
            known = ", ".join(VERDICTS[1:])
            raise UsageError(
                "fail-on-unknown", f"'{fail_on}' is no verdict to fail on", f"one of {known}"
            )
        lowest = VERDICTS[1:].index(fail_on) + 1
    if strict:
        lowest = min(lowest, VERDICTS.index("unknown"))
    found = frozenset(VERDICTS[lowest:])
    return FAILING if found == FAILING else found
