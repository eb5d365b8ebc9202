"""What a report says of a proof besides the comparison of the outputs."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

MOST_NAMES = 5
MOST_REASONS = 3


def evidence_lines(verification: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Label and text of each line.

    Args:
        verification: The JSON form of the evidence for a conversion, or of a verification alone.
    """
    identical = verification.get("identical") or []
    if identical:
        yield "identical", f"by their computation, whatever the inputs: {_listed(identical)}"
    local = verification.get("local") or {}
    if local.get("proved"):
        kinds = f" of {local['kinds']} kinds" if local["kinds"] > 1 else ""
        yield "locally", f"{local['proved']} rewrites{kinds} agree when run by themselves"
    for each in (local.get("unproved") or [])[:MOST_REASONS]:
        yield "", f"not run by itself: the rewrite of {each['node']}: {each['reason']}"
    more = len(local.get("unproved") or []) - MOST_REASONS
    if more > 0:
        yield "", f"and {more} more"
    place = verification.get("first_difference")
    if place:
        where = f"value '{place['value']}', computed by {place['op_type']} {place['node']}"
        yield "first", f"difference at {where}: {place['reason']}"
    for each in verification.get("rolled_back") or []:
        yield "rolled back", f"{each['rule']} on {each['node']}: {each['reason']}"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMES
    return ", ".join(names[:MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
