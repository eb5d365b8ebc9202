"""What a rewrite rule is, and the registry of all of them.

A rule is one function from a node to the values that replace its outputs:

    @rule("Celu", exactness="reordered")
    def celu(op: Ops, node: Node) -> str:
        '''celu(x) = max(x, 0) + min(alpha * (exp(x / alpha) - 1), 0).

        Source: ONNX Celu-12.
        '''
        x, alpha = node.inputs[0], node.attribute("alpha")
        ...
        return op.Add(op.Max(x, zero), op.Min(below, zero))

It builds nodes with `op`, reads facts from `node`, and calls `decline(reason)` where it does not
apply. It never looks at a target: the driver judges what the rule produces.
"""

import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NoReturn, TypeAlias, get_args

from porting.legalize.ops import Ops
from porting.model.graph import Node
from porting.model.value import Array, Value

Exactness: TypeAlias = Literal["exact", "reordered", "narrowing", "conditional", "approximate"]
EXACTNESS: tuple[Exactness, ...] = get_args(Exactness)
"""From the strongest claim to the weakest; design: the classes of the legalizer."""

RuleFunction: TypeAlias = Callable[[Ops, Node], str | Sequence[str]]


class DeclinedError(Exception):
    """A rule does not apply to a node; the message is the reason, for the report."""


def decline(reason: str) -> NoReturn:
    """Ends a rule: it does not apply, and this is why (a clause, without a full stop)."""
    raise DeclinedError(reason)


def require(condition: bool, reason: str) -> None:
    """Declines with `reason` unless `condition` holds."""
    if not condition:
        decline(reason)


@dataclass(frozen=True, slots=True)
class Rule:
    """A registered rewrite.

    Attributes:
        name: Unique, kebab-case: the function's name.
        op_type: Operator that it replaces, as tables write it (`Celu`, `com.microsoft::Gelu`).
        exactness: What the result has in common with the original.
        function: Builds the replacement.
        since: Lowest opset of the target model at which the function can be used.
        versions: Operator versions (`OpInfo.since`) that the rule reads; all if empty.
    """

    name: str
    op_type: str
    exactness: Exactness
    function: RuleFunction
    since: int = 1
    versions: tuple[int, ...] = ()

    @property
    def family(self) -> str:
        """The name without the operator: `reduce-axes` for `reduce-axes/ReduceMax`."""
        return self.name.partition("/")[0]

    @property
    def doc(self) -> str:
        """The mathematics, the condition and the source."""
        return inspect.getdoc(self.function) or ""

    @property
    def summary(self) -> str:
        """The first line of `doc`."""
        return self.doc.split("\n", 1)[0]


class Registry:
    """All rules, by the operator that they replace."""

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        self._rules: dict[str, list[Rule]] = {}
        self._names: set[str] = set()
        for each in rules:
            self.add(each)

    def add(self, new: Rule) -> None:
        """Registers a rule; two of one name are a programming error."""
        if new.name in self._names:
            raise ValueError(f"two rules are named {new.name}")
        self._names.add(new.name)
        self._rules.setdefault(new.op_type, []).append(new)

    def for_operator(self, key: str) -> Sequence[Rule]:
        """The rules for an operator, in order of registration."""
        return self._rules.get(key, ())

    def __iter__(self) -> Iterator[Rule]:
        return (each for rules in self._rules.values() for each in rules)


def rule(
    *op_types: str,
    exactness: Exactness,
    since: int = 1,
    versions: tuple[int, ...] = (),
) -> Callable[[RuleFunction], RuleFunction]:
    """Marks a function as the rule for one or several operators.

    With several, the rule's name gets the operator appended: `reduce-axes/ReduceMax`.
    """

    def mark(function: RuleFunction) -> RuleFunction:
        base = function.__name__.replace("_", "-")
        marked: list[Rule] = getattr(function, "rules", [])
        for op_type in op_types:
            name = base if len(op_types) == 1 else f"{base}/{op_type}"
            marked.append(Rule(name, op_type, exactness, function, since, versions))
        function.rules = marked  # type: ignore[attr-defined]
        return function

    return mark


def collect(modules: Iterable[Any]) -> Registry:
    """The registry of every rule that the given modules define."""
    registry = Registry()
    for module in modules:
        for item in vars(module).values():
            if getattr(item, "__module__", None) == module.__name__:
                for each in getattr(item, "rules", ()):
                    registry.add(each)
    return registry


def static_shape(value: Value | None, what: str) -> tuple[int, ...]:
    """The dimensions of a value, all known; declines naming `what` otherwise."""
    if value is None or value.shape is None:
        decline(f"the shape of {what} is not known")
    if not value.is_static:
        decline(f"the shape of {what} is not static; give it with --shape or --dim")
    return tuple(int(d) for d in value.shape if isinstance(d, int))


def known_rank(value: Value | None, what: str) -> int:
    """The rank of a value; declines naming `what` where it is not known."""
    if value is None or value.rank is None:
        decline(f"the rank of {what} is not known")
    return value.rank


def known_dtype(value: Value | None, what: str) -> str:
    """The element type of a value; declines naming `what` where it is not known."""
    if value is None or value.dtype is None:
        decline(f"the element type of {what} is not known")
    return value.dtype


def known_constant(node: Node, formal: str | int) -> Array:
    """The contents of a constant input; declines where it is absent, computed or large."""
    array = node.const(formal)
    if array is None:
        label = formal if isinstance(formal, str) else f"input {formal}"
        decline(f"{label} is not a constant")
    return array
