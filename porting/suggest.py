"""What somebody may have meant who wrote a name that there is not."""

from collections.abc import Iterable


def closest(name: str, known: Iterable[str], most: int = 3, likeness: float = 0.6) -> list[str]:
    """Names that there are and that look like one that there is not, the closest first.

    Args:
        name: What was written; small letters count as large ones.
        known: The names that there are.
        most: How many at the most.
        likeness: How like they must be, from 0 for any to 1 for the same letters.
    """
    from difflib import get_close_matches

    folded = {k.lower(): k for k in sorted(known)}
    return [folded[c] for c in get_close_matches(name.lower(), folded, most, likeness)]


def question(names: Iterable[str]) -> str:
    """`did you mean a or b?`, or nothing where there is no name."""
    shown = " or ".join(names)
    return f"did you mean {shown}?" if shown else ""


def did_you_mean(name: str, known: Iterable[str], most: int = 3, likeness: float = 0.6) -> str:
    """The question whether one of the closest names was meant; empty if none is close.

    Args:
        name: What was written; small letters count as large ones.
        known: The names that there are.
        most: How many at the most.
        likeness: How like they must be, from 0 for any to 1 for the same letters.
    """
    return question(closest(name, known, most, likeness))
