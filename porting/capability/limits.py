"""From what a table says of an operator to conditions: every short form becomes an expression.

There is one mechanism below this: a `Limit` is an expression and a verdict. What decides is also
what explains, because texts are made from the same place.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple

from porting.capability.expression import Expression, parse
from porting.capability.operations import ExpressionError
from porting.capability.schema import (
    AttributeLimit,
    Condition,
    LimitKind,
    Limits,
    Otherwise,
    Stage,
)
from porting.capability.versions import Versions, parse_versions
from porting.model.schema import OpInfo, all_versions
from porting.results import Verdict
from porting.suggest import did_you_mean

GENERIC_NAMES = frozenset(
    {
        "C",
        "H",
        "N",
        "W",
        "blank_outputs",
        "inputs",
        "node_name",
        "op_type",
        "opset",
        "outputs",
        "precision",
        "since",
    }
)
"""Names that mean the same for every operator."""


class LimitError(Exception):
    """A limit is not well formed; `field` is where, as a path of keys."""

    def __init__(self, field: tuple[str | int, ...], message: str) -> None:
        super().__init__(message)
        self.field = field


class Limit(NamedTuple):
    """A condition that must hold, and what follows where it does not.

    Attributes:
        code: Kind of finding: `attribute`, `dtype`, `rank`, `input`, `output`, `compute`,
            `condition`.
        when: Guard; the limit counts only where it holds.
        that: What must hold.
        verdict: Where `that` is false.
        why: The reason, as a sentence without a full stop.
        source: Ids of the table's sources.
        help: What to do about it.
        stage: When the toolchain notices.
        outlook: Whether the vendor says "not yet" or "never".
    """

    code: str
    that: Expression
    verdict: Verdict
    why: str
    source: tuple[str, ...]
    when: Expression | None = None
    help: str = ""
    stage: Stage | None = None
    outlook: str | None = None

    @property
    def names(self) -> frozenset[str]:
        """Everything that the limit asks for."""
        return self.that.names | (self.when.names if self.when is not None else frozenset())


class Signature(NamedTuple):
    """The names that an operator has in any of its versions."""

    versions: tuple[OpInfo, ...]

    @classmethod
    def of(cls, key: str) -> "Signature":
        """For an operator as tables write it: `Conv`, `com.microsoft::Gelu`."""
        domain, _, op_type = key.rpartition("::")
        return cls(all_versions(op_type, domain or "ai.onnx"))

    @property
    def attributes(self) -> frozenset[str]:
        """Attributes of any version."""
        return frozenset(n for v in self.versions for n in v.attributes)

    @property
    def operands(self) -> frozenset[str]:
        """Inputs and outputs of any version."""
        return frozenset(n for v in self.versions for n in (*v.inputs, *v.outputs))

    @property
    def names(self) -> frozenset[str]:
        """Everything that an expression about the operator may name."""
        return self.attributes | self.operands | GENERIC_NAMES

    def shared(
        self, limits: Iterable[Limit], other: "Signature", compute: Sequence[str]
    ) -> list[Limit]:
        """Those limits of another operator that name only what this one has too.

        Args:
            limits: The other operator's.
            other: The other operator's names.
            compute: Kinds of arithmetic; where there are any, the other's do not count.
        """
        missing = (other.attributes | other.operands) - self.attributes - self.operands
        return [
            limit
            for limit in limits
            if missing.isdisjoint(limit.names) and not (compute and limit.code == "compute")
        ]

    def is_list(self, attribute: str) -> bool:
        """Whether an attribute holds several numbers or strings."""
        return any(
            str(v.schema.attributes[attribute].type).rsplit(".", 1)[-1] in _LIST_TYPES
            for v in self.versions
            if attribute in v.schema.attributes
        )

    def is_variadic(self, operand: str) -> bool:
        """Whether an input repeats."""
        return any(v.variadic and v.inputs[-1] == operand for v in self.versions)


_LIST_TYPES = frozenset({"INTS", "FLOATS", "STRINGS"})


@cache
def _parsed(text: str) -> Expression:
    return parse(text)


class Compiler:
    """Compiles the limits of one operator.

    Args:
        key: The operator, as the table writes it; empty for limits on every node.
        otherwise: Verdicts of limits that name none.
        source: Sources of limits that name none.
        stage: When the toolchain notices, where the limit does not say.
        options: Names of the choices that the table leaves to the user.
    """

    def __init__(
        self,
        key: str,
        otherwise: Otherwise,
        source: Sequence[str],
        stage: Stage,
        options: Collection[str] = (),
    ) -> None:
        self._options = options
        self._signature = Signature.of(key) if key else None
        self._otherwise = otherwise
        self._source = tuple(source)
        self._stage = stage

    def compile(self, limits: Limits) -> list[Limit]:
        """All limits of an entry, in the order in which they are tested.

        Raises:
            LimitError: A name that the operator does not have, a malformed expression.
        """
        return [
            *self._dtypes(limits.dtypes),
            *self._ranks(limits.rank),
            *self._attributes(limits.attributes),
            *self._inputs(limits.inputs),
            *self._outputs(limits.outputs),
            *self.conditions(limits.require),
            *self.conditions(limits.also, "also"),
        ]

    def conditions(self, conditions: Iterable[Condition], field: str = "require") -> list[Limit]:
        """Conditions in their long form."""
        return [self._condition(c, (field, i)) for i, c in enumerate(conditions)]

    def expression(self, text: str, field: tuple[str | int, ...]) -> Expression:
        """Parses `text` and holds its names to the operator's."""
        try:
            expression = _parsed(text)
        except ExpressionError as error:
            raise LimitError(field, f"{text!r}: {error}") from None
        for option in sorted(expression.options):
            if option not in self._options:
                known = ", ".join(self._options) or "none"
                raise LimitError(field, f"the table has no option '{option}'; it has: {known}")
        if self._signature is None or not self._signature.versions:
            return expression  # an operator of another domain: its names are not known to ONNX
        for name in sorted(expression.names):
            self._check_name(name, self._signature.names, field)
        return expression

    def _check_name(self, name: str, known: frozenset[str], field: tuple[str | int, ...]) -> None:
        if name not in known:
            guess = did_you_mean(name, known, 1)
            message = f"the operator has no {name} in any version"
            raise LimitError(field, f"{message}; {guess}" if guess else message)

    def _known(self, names: Iterable[str], field: str, *, attribute: bool) -> Iterator[str]:
        """Yields the keys of a short form after checking each."""
        for name in names:
            if self._signature is not None and self._signature.versions:
                known = self._signature.attributes if attribute else frozenset()
                self._check_name(name, known | self._signature.operands, (field, name))
            yield name

    def _make(
        self, code: str, kind: LimitKind, text: str, why: str, field: tuple[str | int, ...]
    ) -> Limit:
        return Limit(
            code,
            self.expression(text, field),
            self._otherwise.of(kind),
            why,
            self._source,
            stage=self._stage,
        )

    def _condition(self, c: Condition, field: tuple[str | int, ...]) -> Limit:
        return Limit(
            "condition",
            self.expression(c.that, (*field, "that")),
            c.else_ or self._otherwise.default,
            c.why,
            tuple(c.source) or self._source,
            self.expression(c.when, (*field, "when")) if c.when else None,
            c.help,
            c.stage or self._stage,
            c.outlook,
        )

    def _dtypes(self, dtypes: dict[str, list[str]] | list[str]) -> Iterator[Limit]:
        if isinstance(dtypes, list):
            if not dtypes:
                raise LimitError(("dtypes",), "the list is empty")
            text = f"all(x.dtype in {dtypes!r} for x in inputs)"
            why = f"inputs are {_one_of(dtypes)} only"
            yield self._make("dtype", "dtypes", text, why, ("dtypes",))
            return
        for name in self._known(dtypes, "dtypes", attribute=False):
            allowed = dtypes[name]
            if not allowed:
                raise LimitError(("dtypes", name), "the list is empty")
            text = self._over(name, f"{{x}}.dtype in {allowed!r}")
            yield self._make(
                "dtype", "dtypes", text, f"{name} is {_one_of(allowed)} only", ("dtypes", name)
            )

    def _ranks(self, ranks: dict[str, Versions]) -> Iterator[Limit]:
        for name in self._known(ranks, "rank", attribute=False):
            text = self._over(name, _within("{x}.rank", ranks[name]))
            why = f"{name} has rank {ranks[name]} only"
            yield self._make("rank", "rank", text, why, ("rank", name))

    def _over(self, name: str, test: str) -> str:
        """A test of an input if it is there, of each if the input repeats."""
        if self._signature is not None and self._signature.is_variadic(name):
            return f"all({test.format(x='x')} for x in {name})"
        return f"{name} is None or {test.format(x=name)}"

    def _inputs(self, inputs: dict[str, Any]) -> Iterator[Limit]:
        for name in self._known(inputs, "inputs", attribute=True):
            test, why = _INPUT_RULES[inputs[name]]
            yield self._make(
                "input", "inputs", test.format(x=name), why.format(x=name), ("inputs", name)
            )

    def _outputs(self, outputs: dict[str, Any]) -> Iterator[Limit]:
        for name in self._known(outputs, "outputs", attribute=False):
            why = f"output {name} is not available"
            yield self._make("output", "inputs", f"{name} is None", why, ("outputs", name))

    def _attributes(self, attributes: dict[str, Any]) -> Iterator[Limit]:
        for name in self._known(attributes, "attributes", attribute=True):
            field = ("attributes", name)
            limit = self._attribute_limit(attributes[name], field)
            if [] in (limit.in_, limit.not_in):
                raise LimitError(field, "the list is empty")
            for text, why in self._attribute_tests(name, limit, field):
                yield Limit(
                    "attribute",
                    self.expression(text, field),
                    limit.else_ or self._otherwise.of("attributes"),
                    f"{why}: {limit.why}" if limit.why else why,
                    tuple(limit.source) or self._source,
                    help=limit.help,
                    stage=self._stage,
                )

    def _attribute_limit(self, value: Any, field: tuple[str | int, ...]) -> AttributeLimit:
        """The short forms: a list of values, a range, `explicit`, `absent`, `default`."""
        if isinstance(value, AttributeLimit):
            return value
        if isinstance(value, list):
            return AttributeLimit(in_=value)
        if value in ("explicit", "absent", "default"):
            return AttributeLimit(written=value)
        try:
            if isinstance(value, dict):
                return _long_form(value)
            return AttributeLimit(range=parse_versions(value))
        except ValueError as error:
            raise LimitError(field, _first_message(error)) from None

    def _attribute_tests(
        self, name: str, limit: AttributeLimit, field: tuple[str | int, ...]
    ) -> Iterator[tuple[str, str]]:
        many = self._signature is not None and self._signature.is_list(name)
        if limit.in_ is not None:
            allowed = _tuples(limit.in_)
            whole = not many or any(isinstance(v, tuple) for v in allowed)
            test = f"{name} in {allowed!r}" if whole else f"all(k in {allowed!r} for k in {name})"
            yield f"{name} is None or {test}", f"{name} is {_one_of(limit.in_)} only"
        if limit.not_in is not None:
            refused = _tuples(limit.not_in)
            whole = not many or any(isinstance(v, tuple) for v in refused)
            one = f"{name} not in {refused!r}"
            test = one if whole else f"all(k not in {refused!r} for k in {name})"
            yield f"{name} is None or {test}", f"{name} is not {_one_of(limit.not_in)}"
        if limit.range is not None:
            one = _within(name, limit.range)
            test = f"all({_within('k', limit.range)} for k in {name})" if many else one
            each = "every item of " if many else ""
            yield f"{name} is None or {test}", f"{each}{name} is within {limit.range}"
        if limit.written is not None:
            if self._signature is not None and name not in self._signature.attributes:
                raise LimitError(field, f"{name} is not an attribute")
            test, why = _WRITTEN[limit.written]
            yield test.format(x=name), why.format(x=name)


def _long_form(value: object) -> AttributeLimit:
    """What is no limit, as the form would have made one of it; so this says what is wrong."""
    from porting.capability.models import record

    return record(AttributeLimit, value)


def _first_message(error: ValueError) -> str:
    errors = getattr(error, "errors", None)
    if errors is None:
        return str(error)
    first = errors()[0]
    place = ".".join(str(p) for p in first["loc"])
    return f"{place}: {first['msg']}" if place else str(first["msg"])


def _tuples(values: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(_tuples(v) if isinstance(v, list) else v for v in values)


def _within(name: str, versions: Versions) -> str:
    return " or ".join(_between(name, low, high) for low, high in versions.ranges)


def _between(name: str, low: int | None, high: int | None) -> str:
    if low == high:
        return f"{name} == {low}"
    left = f"{low} <= " if low is not None else ""
    right = f" <= {high}" if high is not None else ""
    return f"{left}{name}{right}"


def _one_of(values: Sequence[Any]) -> str:
    shown = [str(v) for v in values]
    return shown[0] if len(shown) == 1 else ", ".join(shown[:-1]) + f" or {shown[-1]}"


_INPUT_RULES = {
    "const": ("{x} is None or {x}.is_const", "{x} must be a constant"),
    "computed": ("{x} is None or not {x}.is_const", "{x} must not be a constant"),
    "absent": ("{x} is None", "{x} must be left out"),
    "present": ("{x} is not None", "{x} must be given"),
}
_WRITTEN = {
    "explicit": ("explicit({x})", "{x} must be written on the node"),
    "absent": ("not explicit({x})", "{x} must not be written on the node"),
    "default": ("not explicit({x}) or {x} == default({x})", "{x} must keep its default"),
}
