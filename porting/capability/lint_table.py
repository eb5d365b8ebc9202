"""Looks for what is wrong with a table as data: names, versions, values, conditions, sources."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from porting.capability.build_schema import Build
from porting.capability.document import Path_
from porting.capability.limits import Compiler, LimitError, Signature
from porting.capability.lint_conditions import constant_parts
from porting.capability.lint_onnx import (
    Expectations,
    admitted,
    meant,
    possible_versions,
    resembles,
)
from porting.capability.patterns import compile_pattern
from porting.capability.record import written
from porting.capability.schema import (
    Advice,
    Condition,
    Limits,
    OperatorEntry,
    Otherwise,
    Pattern,
    Stage,
    Table,
)
from porting.model.dtypes import NUMBER_OF

MANY = 3
"""Operators that share a list of element types before it says nothing about each of them."""


class Add(Protocol):
    """Takes a problem."""

    def __call__(self, keys: Path_, code: str, message: str, warning: bool = False) -> None:
        """At a path of keys."""


@dataclass(frozen=True)
class _Scope:
    """What expressions at one place may say, and how they are compiled.

    Attributes:
        compiler: With the operator's names and the verdicts and sources that limits inherit.
        expected: What things may be compared with.
        domains: The numbers that `opset` and `since` can be.
    """

    compiler: Compiler
    expected: Expectations
    domains: Mapping[str, frozenset[int]]


@dataclass
class TableLinter:
    """Looks for problems in a table that has the right form.

    Attributes:
        table: The table as data, what it extends merged in.
        cited: Sources that it or a table that extends it cites.
        opsets: Operator sets that it or a table that extends it is about.
        add: Takes a problem: path of keys, code, message, whether it is a mere warning.
    """

    table: Table
    cited: frozenset[str]
    opsets: frozenset[int]
    add: Add
    _constants: list[tuple[Path_, str, tuple[str, bool]]] = field(default_factory=list)
    _useful: set[str] = field(
        default_factory=set
    )  # what operators share may be idle for one of them

    def run(self) -> None:
        """Reports every problem."""
        self._head()
        for key, entry in self.table.ops.items():
            self._entry(key, entry)
        for path, text, part in self._constants:
            if text not in self._useful:
                self.add(path, "lint-constant", f"'{part[0]}' {_HOLDS[part[1]]} holds here")

    def _scope(
        self,
        key: str = "",
        otherwise: Otherwise | None = None,
        source: Sequence[str] = (),
        stage: Stage | None = None,
    ) -> _Scope:
        table, signature = self.table, Signature.of(key) if key else Signature(())
        return _Scope(
            Compiler(
                key,
                otherwise or table.else_,
                source or table.source,
                stage or table.stage,
                table.options,
            ),
            Expectations(key, signature, table.precisions, table.ops),
            {"opset": self.opsets, "since": frozenset(v.since for v in signature.versions)},
        )

    def _head(self) -> None:
        """Everything that stands before the operators."""
        table, scope = self.table, self._scope()
        on_host = self._scope(otherwise=Otherwise(), stage=table.host_stage)
        for name, conditions, where in (
            ("require", table.require, scope),
            ("model", table.model, scope),
            ("host", table.host, on_host),
        ):
            for index, condition in enumerate(conditions):
                self._piece((name, index), condition, where)
            self._repeated((name,), conditions)
        for index, pattern in enumerate(table.patterns):
            self._pattern(("patterns", index), pattern, scope)
        if table.build is not None:
            self._sources(("build",), table.build.source)
            self._build(table.build)
        for name, cited in (("source", table.source), ("opset", table.opset.source)):
            if cited:
                self._sources((name,), cited)
        for source in table.sources:
            if source not in self.cited:
                self.add(("sources", source), "lint-source", "no fact cites it")

    def _build(self, build: Build) -> None:
        """Whether what the commands ask for is there, and what is there is asked for."""
        texts = " ".join([*build.commands, *build.files.values()])
        self._words(("build",), build.note, "", "note")
        if not self.table.precisions:  # the common part of a family, which says neither
            return
        if "{chip}" in texts and not build.chip:
            self.add(("build",), "lint-form", "{chip} stands in a text, and there is no chip")
        if "{precision}" in texts and not build.precision:
            self.add(("build",), "lint-form", "{precision} stands in a text, and there is none")
        for name in build.files:
            if name not in " ".join([*build.commands, *build.files.values()]):
                self.add(("build", "files", name), "lint-value", "no command names the file", True)

    def _pattern(self, path: Path_, pattern: Pattern, scope: _Scope) -> None:
        self._words(path, pattern.why, pattern.help)
        try:
            compiled = compile_pattern(pattern, scope.compiler)
        except LimitError as error:
            self.add((*path, *error.field), "lint-form", str(error))
            return
        for limit in compiled.limits:
            self._sources(path, limit.source)

    def _entry(self, key: str, entry: OperatorEntry) -> None:
        """One operator."""
        path: Path_ = ("ops", key)
        source = entry.source or self.table.source
        scope = self._scope(key, entry.else_, source, entry.stage)
        self._name(path, key, entry)
        self._versions(path, entry, scope.expected.signature)
        self._sources(path, source)
        self._words(path, entry.why, entry.help)
        if entry.verdict != "supported" and not entry.why:
            self.add((*path, "verdict"), "lint-why", "a verdict of one's own needs a why")
        self._limits(path, entry, scope)
        if entry.fallback is not None:
            host = entry.fallback.source or source
            on_host = self._scope(key, Otherwise(), host, self.table.host_stage)
            self._limits((*path, "fallback"), entry.fallback, on_host)
        if entry.verdict == "unsupported":
            for name in set(_FIELDS) & written(entry):
                message = "changes nothing: the operator is unsupported as it is"
                self.add((*path, name), "lint-shadowed", message, warning=True)
        for index, advice in enumerate(entry.advise):
            self._advice((*path, "advise", index), advice, scope)

    def _name(self, path: Path_, key: str, entry: OperatorEntry) -> None:
        """The operator's own name, and that of the one which it is run as."""
        if key.startswith("ai.onnx::"):
            message = f"operators of ONNX's own domain are written {key.removeprefix('ai.onnx::')}"
            self.add(path, "lint-operator", message)
        close = resembles(key)
        if close and close not in self.table.ops and not entry.note:
            message = (
                f"ONNX has no {key}; did you mean {close}? If it is the toolchain's own, say so in "
                "its note"
            )
            self.add(path, "lint-operator", message, warning=True)
        other = self.table.ops.get(entry.like)
        if entry.like and other is None:
            message = f"the table has no {entry.like}{meant(entry.like, self.table.ops)}"
            self.add((*path, "like"), "lint-operator", message)
        elif other is not None and other.like:
            message = f"{entry.like} is run as another one itself; name that"
            self.add((*path, "like"), "lint-form", message)

    def _versions(self, path: Path_, entry: OperatorEntry, signature: Signature) -> None:
        """Whether an operator's `opset` can match anything."""
        versions, match = entry.opset, self.table.opset.match
        if versions is None or not signature.versions:
            return
        possible = possible_versions(signature, match, self.opsets)
        kind = "opsets" if match == "model" else "versions"
        if not possible:
            first, own = signature.versions[0].since, self.table.opset.range
            message = f"no model has it: ONNX does from opset {first}, the table is about {own}"
            self.add((*path, "opset"), "lint-opset", message, warning=True)
        elif not any(n in versions for n in possible):
            shown = ", ".join(map(str, sorted(possible)))
            message = f"{versions} never matches; the {kind} that can be are {shown}"
            self.add((*path, "opset"), "lint-opset", message)
        elif match == "since":
            known = {v.since for v in signature.versions}
            for low, high in versions.ranges:
                if low == high and low not in known:
                    shown = ", ".join(map(str, sorted(known)))
                    message = f"there is no version {low} of it; the versions are {shown}"
                    self.add((*path, "opset"), "lint-opset", message)

    def _limits(self, path: Path_, limits: Limits, scope: _Scope) -> None:
        """The limits of an operator, each compiled by itself, so that all errors show."""
        for place, piece in _pieces(limits):
            self._piece((*path, *place), piece, scope)
        for name in ("require", "also"):
            self._repeated((*path, name), getattr(limits, name))
        self._types(path, limits, scope.expected.signature)

    def _piece(self, path: Path_, piece: Condition | Limits, scope: _Scope) -> None:
        """A condition, or one field of a short form."""
        try:
            if isinstance(piece, Limits):
                limits = scope.compiler.compile(piece)
            else:
                limits = scope.compiler.conditions([piece])
        except LimitError as error:
            inner = () if isinstance(piece, Limits) else error.field[2:]
            self.add((*path, *inner), "lint-form", str(error))
            return
        for limit in limits:
            self._sources(path, limit.source)
            if isinstance(piece, Limits) and not piece.dtypes:  # for those, see _types
                self._expression(path, limit.that.text, scope)
        if isinstance(piece, Condition):
            self._condition(path, piece, scope)

    def _condition(self, path: Path_, condition: Condition, scope: _Scope) -> None:
        """Whether a condition can ever make a difference."""
        self._words(path, condition.why, condition.help)
        if not condition.why.strip():
            self.add((*path, "why"), "lint-why", "is empty")
        if condition.when:
            self._expression((*path, "when"), condition.when, scope)
        if "that" not in written(condition):
            return
        if condition.that.strip() == "False":
            instead = "leave it out" if condition.when else "give the operator the verdict instead"
            if condition.when or path[0] == "ops":  # elsewhere it is the way to say "never"
                self.add((*path, "that"), "lint-constant", f"False holds nowhere: {instead}")
        else:
            self._expression((*path, "that"), condition.that, scope)

    def _advice(self, path: Path_, advice: Advice, scope: _Scope) -> None:
        self._words(path, advice.say, "", "say")
        if "when" not in written(advice):
            return
        try:
            scope.compiler.expression(advice.when, ())
        except LimitError as error:
            self.add((*path, "when"), "lint-form", str(error))
        else:
            self._expression((*path, "when"), advice.when, scope)

    def _expression(self, path: Path_, text: str, scope: _Scope) -> None:
        """Constants that cannot be, and parts that are always or never true."""
        for message in dict.fromkeys(scope.expected.wrong(text)):
            self.add(path, "lint-value", message)
        parts = constant_parts(text, scope.domains)
        self._constants += [(path, text, part) for part in parts]
        if not parts:
            self._useful.add(text)

    def _repeated(self, path: Path_, conditions: Iterable[Condition]) -> None:
        """The same condition twice: the second one only says it again."""
        seen: dict[tuple[str, str], int] = {}
        for index, c in enumerate(conditions):
            key = (" ".join(c.when.split()), " ".join(c.that.split()))
            first = seen.setdefault(key, index)
            if first != index and (c.when or "that" in written(c)):
                message = f"is the same condition as {path[-1]}.{first}"
                self.add((*path, index), "lint-shadowed", message)

    def _types(self, path: Path_, limits: Limits, signature: Signature) -> None:
        """Names of element types, and whether ONNX allows them for an input."""
        given = limits.dtypes if isinstance(limits.dtypes, dict) else {"": limits.dtypes}
        for operand, names in given.items():
            place: Path_ = (*path, "dtypes", operand) if operand else (*path, "dtypes")
            for name in names:
                if name not in NUMBER_OF:
                    message = f"'{name}' is not an element type{meant(name, NUMBER_OF)}"
                    self.add(place, "lint-dtype", message)
            # a list for all inputs or many operators is what the toolchain has, no claim about ONNX
            general = not operand or self._lists[tuple(names)] > MANY
            possible = frozenset() if general else admitted(signature, operand)
            refused = [n for n in names if possible and n in NUMBER_OF and n not in possible]
            if refused:
                message = f"ONNX does not allow {', '.join(refused)} here"
                self.add(place, "lint-dtype", message, warning=True)

    @cached_property
    def _lists(self) -> Counter[tuple[str, ...]]:
        """How many operators have the same list of element types for an input."""
        entries = (e.dtypes for e in self.table.ops.values() if isinstance(e.dtypes, dict))
        return Counter(names for d in entries for names in set(map(tuple, d.values())))

    def _sources(self, path: Path_, ids: Sequence[str]) -> None:
        """Whether a fact cites something, and something that is there."""
        known = self.table.sources
        if not ids:
            self.add(path, "lint-source", "no source is given")
        for reference in ids:
            name = (reference.split(None, 1) or [""])[0]
            if name not in known:
                self.add(path, "lint-source", f"there is no source '{name}'{meant(name, known)}")

    def _words(self, path: Path_, why: str, help_: str, field: str = "why") -> None:
        """Texts are clauses, which reports put together."""
        for name, text in ((field, why.rstrip()), ("help", help_.rstrip())):
            if text.endswith(".") and not text.endswith(("...", "etc.")):
                self.add((*path, name), "lint-why", "ends in a full stop")


_HOLDS = {True: "always", False: "never"}
_FIELDS = ("dtypes", "rank", "attributes", "inputs", "outputs", "require", "also")


def _pieces(limits: Limits) -> Iterator[tuple[Path_, Condition | Limits]]:
    """Every single limit with the path of keys that leads to it."""
    if isinstance(limits.dtypes, list) and limits.dtypes:
        yield ("dtypes",), Limits(dtypes=limits.dtypes)
    for name in ("dtypes", "rank", "attributes", "inputs", "outputs"):
        values = getattr(limits, name)
        if isinstance(values, dict):
            for key, value in values.items():
                only: dict[str, Any] = {name: {key: value}}
                yield (name, key), Limits(**only)
    for name in ("require", "also"):
        for index, condition in enumerate(getattr(limits, name)):
            yield (name, index), condition
