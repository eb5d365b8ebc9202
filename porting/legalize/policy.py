"""Which rules may be applied: by class, and one by one by name."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from porting.errors import UsageError
from porting.legalize.rule import EXACTNESS, Exactness, Rule
from porting.suggest import did_you_mean

DEFAULT_CLASSES: frozenset[Exactness] = frozenset({"exact", "reordered", "narrowing"})
"""Classes that are applied without being asked for; a narrowing rule proves its range itself."""


@dataclass(frozen=True)
class Policy:
    """What the user allows and denies.

    A rule's own name decides before its family (`reduce-axes` for `reduce-axes/ReduceMax`), the
    family before the class. What is both denied and allowed under the same name is denied.

    Attributes:
        classes: Exactness classes that may be applied.
        allowed: Names of rules and families that may be applied whatever their class.
        denied: Names of rules and families that may not.
        rolled_back: Names of rules whose results were found to differ.
    """

    classes: frozenset[Exactness] = DEFAULT_CLASSES
    allowed: frozenset[str] = frozenset()
    denied: frozenset[str] = frozenset()
    rolled_back: frozenset[str] = frozenset()

    def without(self, name: str) -> "Policy":
        """The same policy, but for one rule that has proved wrong on this model."""
        return replace(self, rolled_back=self.rolled_back | {name})

    def refusal(self, rule: Rule) -> str:
        """Why a rule may not be applied, as a clause; empty where it may."""
        if rule.name in self.rolled_back:
            return "it was rolled back, because its result differs"
        for name in (rule.name, rule.family):
            if name in self.denied:
                return f"it is denied with --deny {name}"
            if name in self.allowed:
                return ""
        if rule.exactness in self.classes:
            return ""
        return f"it is {rule.exactness}; allow it with --allow {rule.exactness}"


DEFAULT = Policy()


def policy_of(allow: Iterable[str], deny: Iterable[str], rules: Iterable[Rule]) -> Policy:
    """The policy that a user's words mean.

    Args:
        allow: Classes and names of rules besides what is allowed by default.
        deny: Classes and names of rules to leave out.
        rules: All that there are.

    Raises:
        UsageError: There is no such class or rule.
    """
    known = {n for each in rules for n in (each.name, each.family)}
    more, allowed = _sorted_out(allow, known)
    less, denied = _sorted_out(deny, known)
    return Policy((DEFAULT_CLASSES | more) - less, allowed, denied)


def _sorted_out(
    words: Iterable[str], known: set[str]
) -> tuple[frozenset[Exactness], frozenset[str]]:
    """Words apart into classes and names of rules."""
    given = set(words)
    classes = frozenset(c for c in EXACTNESS if c in given)
    names = given.difference(EXACTNESS)
    for name in sorted(names - known):
        guess = did_you_mean(name, known | set(EXACTNESS))
        raise UsageError(
            "rule-unknown",
            f"there is no class or rule '{name}'",
            f"{guess} classes: {', '.join(EXACTNESS)}; port rules lists the rules".lstrip(),
        )
    return classes, frozenset(names)
