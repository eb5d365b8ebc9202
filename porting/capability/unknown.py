"""The third truth value: a condition that cannot be decided, and what would decide it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias


class Missing(NamedTuple):
    """One fact that is not known.

    Attributes:
        what: Such as `dimension 2 of X`.
        hint: What the user can do about it, such as `--dim height=224`; may be empty.
    """

    what: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Unknown:
    """The value of an expression over facts that are not known."""

    missing: frozenset[Missing]

    @classmethod
    def of(cls, what: str, hint: str = "") -> "Unknown":
        """Unknown because of one fact."""
        return cls(frozenset({Missing(what, hint)}))

    def __or__(self, other: "Unknown") -> "Unknown":
        return Unknown(self.missing | other.missing)

    def __bool__(self) -> bool:
        raise TypeError("an unknown value is neither true nor false")


Truth: TypeAlias = bool | Unknown


def join(values: Iterable[object]) -> Unknown | None:
    """The union of the unknown ones among `values`; None if all are known."""
    result: Unknown | None = None
    for value in values:
        if isinstance(value, Unknown):
            result = value if result is None else result | value
    return result


def every(truths: Iterable[Truth]) -> Truth:
    """Kleene's "and": false if any is false, else unknown if any is unknown."""
    return _decided(truths, by=False)


def some(truths: Iterable[Truth]) -> Truth:
    """Kleene's "or": true if any is true, else unknown if any is unknown."""
    return _decided(truths, by=True)


def _decided(truths: Iterable[Truth], *, by: bool) -> Truth:
    """The value that decides if any is that, else unknown if any is unknown, else the other one."""
    unknown: Unknown | None = None
    for truth in truths:
        if isinstance(truth, Unknown):
            unknown = truth if unknown is None else unknown | truth
        elif bool(truth) is by:
            return by
    return not by if unknown is None else unknown


def negate(truth: Truth) -> Truth:
    """Kleene's "not"."""
    return truth if isinstance(truth, Unknown) else not truth
