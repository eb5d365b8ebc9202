"""A capability table, loaded and compiled: what the judge asks."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import Any, NamedTuple

from porting.capability import stored
from porting.capability.document import Document, Path_
from porting.capability.expression import Expression
from porting.capability.limits import Compiler, Limit, LimitError, Signature
from porting.capability.patterns import CompiledPattern, compile_pattern
from porting.capability.record import changed, written
from porting.capability.schema import (
    Advice,
    OperatorEntry,
    Otherwise,
    Pattern,
    Source,
    Stage,
    Table,
)
from porting.capability.stored import Files
from porting.capability.versions import Versions
from porting.errors import TableError
from porting.results import TargetInfo


class Advised(NamedTuple):
    """A remark that is made where `when` holds."""

    when: Expression
    say: str
    source: tuple[str, ...]


class Operator(NamedTuple):
    """What a table says of one operator.

    Attributes:
        key: Its name, as the table writes it.
        entry: The entry as data.
        opset: Versions at which the toolchain takes it; None if the table does not say.
        limits: For the accelerator.
        cpu_limits: For the kernel on the host, tested where the node falls back.
        advice: Remarks.
        otherwise: Verdicts of limits that name none.
        source: Sources of the entry.
    """

    key: str
    entry: OperatorEntry
    opset: Versions | None
    limits: tuple[Limit, ...]
    cpu_limits: tuple[Limit, ...]
    advice: tuple[Advised, ...]
    otherwise: Otherwise
    source: tuple[str, ...]


class CapabilityTable:
    """One chip and toolchain version; operators are compiled when they are first asked for.

    Attributes:
        data: The table as data.
        where: `FILE:LINE` of an entry by the keys that lead to it, for messages.
        op_map: The file, where it is the user's own.
    """

    def __init__(self, data: Table, where: Callable[[Path_], str]) -> None:
        self.data = data
        self.where = where
        self.op_map = ""
        self._operators: dict[str, Operator | None] = {}
        self._patterns: tuple[CompiledPattern, ...] | None = None

    @property
    def target(self) -> TargetInfo:
        """The chip and toolchain, for results."""
        d = self.data
        toolchain = f"{d.toolchain.name} {d.toolchain.version}"
        return TargetInfo(d.target, d.name, d.vendor, toolchain, d.evidence, self.op_map)

    @property
    def precision(self) -> str:
        """The compute type that the toolchain takes by default; empty if the table names none."""
        return self.data.precisions[0] if self.data.precisions else ""

    def operator(self, key: str) -> Operator | None:
        """What the table says of `Conv` or `com.microsoft::Gelu`; None if nothing.

        Raises:
            TableError: The entry is not well formed.
        """
        if key not in self._operators:
            entry = self.data.ops.get(key)
            self._operators[key] = self._compile(key, entry) if entry is not None else None
        return self._operators[key]

    @cached_property
    def node_limits(self) -> tuple[Limit, ...]:
        """Limits that hold for every node.

        Raises:
            TableError: One is not well formed; so for the others here.
        """
        return self._general("require", self.data.require)

    @cached_property
    def model_limits(self) -> tuple[Limit, ...]:
        """Limits that hold for the model as a whole."""
        return self._general("model", self.data.model)

    @cached_property
    def host_limits(self) -> tuple[Limit, ...]:
        """Limits that hold for every node on the host CPU."""
        return self._general("host", self.data.host)

    def _general(self, name: str, conditions: Sequence[Any]) -> tuple[Limit, ...]:
        data = self.data
        otherwise, stage = data.else_, data.stage
        if name == "host":
            otherwise, stage = Otherwise(), data.host_stage
        compiler = Compiler("", otherwise, data.source, stage, data.options)
        try:
            limits = tuple(compiler.conditions(conditions, name))
        except LimitError as error:
            raise self._error(error.field, f"{_field(error.field)}: {error}") from None
        for index, limit in enumerate(limits):
            self._check_sources(limit.source, (name, index))
        return limits

    @property
    def patterns(self) -> tuple[CompiledPattern, ...]:
        """Facts about several nodes together.

        Raises:
            TableError: A pattern is not well formed.
        """
        if self._patterns is None:
            data = self.data
            compiler = Compiler("", data.else_, data.source, data.stage, data.options)
            self._patterns = tuple(
                self._pattern(compiler, p, i) for i, p in enumerate(data.patterns)
            )
        return self._patterns

    @cached_property
    def anchored(self) -> Mapping[str, Sequence[CompiledPattern]]:
        """The patterns by the operator of their last node."""
        found: dict[str, list[CompiledPattern]] = {}
        for pattern in self.patterns:
            found.setdefault(pattern.anchor, []).append(pattern)
        return found

    @cached_property
    def fusing(self) -> Mapping[str, Sequence[CompiledPattern]]:
        """The patterns whose nodes run as one, by the operator of each of these."""
        found: dict[str, list[CompiledPattern]] = {}
        for pattern in self.patterns:
            for key in sorted(pattern.operators) if pattern.fuses else ():
                found.setdefault(key, []).append(pattern)
        return found

    def _pattern(self, compiler: Compiler, pattern: Pattern, index: int) -> CompiledPattern:
        path: tuple[str | int, ...] = ("patterns", index)
        try:
            compiled = compile_pattern(pattern, compiler)
        except LimitError as error:
            path = (*path, *error.field)
            text = f"pattern {pattern.name}: {_field(path[2:])}: {error}"
            raise self._error(path, text) from None
        for limit in compiled.limits:
            self._check_sources(limit.source, path)
        return compiled

    def validate(self) -> None:
        """Compiles everything, so that a broken entry shows at once.

        Raises:
            TableError: Naming file, line, operator and field.
        """
        _ = self.node_limits
        _ = self.model_limits
        _ = self.host_limits
        self._check_sources(self.data.source, ("source",))
        if self.data.opset.source:
            self._check_sources(self.data.opset.source, ("opset", "source"))
        _ = self.patterns
        if self.data.build is not None:
            self._check_sources(self.data.build.source, ("build",))
        for key in self.data.ops:
            self.operator(key)

    def cite(self, ids: Sequence[str]) -> tuple[str, ...]:
        """Sources as a reader wants them: title and place.

        What stands behind an id, as in `plugins conv_onnx_plugin.cpp`, is the place in the source.
        """
        return tuple(self._citation(i) for i in ids)

    def _citation(self, reference: str) -> str:
        source, (_, *place) = self._source(reference), reference.split(None, 1)
        return ", ".join([source.title, *place]) + f" ({source.where})"

    def _source(self, reference: str) -> Source:
        return self.data.sources[_source_id(reference)]

    def _compile(self, key: str, entry: OperatorEntry) -> Operator:
        other = self._like(key, entry) if entry.like else None
        otherwise = entry.else_ or (other.otherwise if other else self.data.else_)
        source = tuple(entry.source) or tuple(self.data.source)
        stage = entry.stage or self.data.stage
        compiler = Compiler(key, otherwise, source, stage, self.data.options)
        path: tuple[str | int, ...] = ("ops", key)
        cpu: list[Limit] = []
        try:
            limits = compiler.compile(entry)
            if entry.compute:
                limits.append(_compute_limit(compiler, entry, otherwise, source, stage))
            if entry.fallback is not None:
                path = ("ops", key, "fallback")
                host = tuple(entry.fallback.source) or source
                compiler_of_host = Compiler(
                    key, Otherwise(), host, self.data.host_stage, self.data.options
                )
                cpu = compiler_of_host.compile(entry.fallback)
                path = ("ops", key)
            advice = tuple(
                self._advised(compiler, a, i, source) for i, a in enumerate(entry.advise)
            )
        except LimitError as error:
            path = (*path, *error.field)
            raise self._error(path, f"{key}: {_field(path[2:])}: {error}") from None
        self._check_sources(source, path)
        for cited in (*(x.source for x in (*limits, *cpu)), *(a.source for a in advice)):
            self._check_sources(cited, path)
        if entry.verdict != "supported" and not entry.why:
            raise self._error((*path, "verdict"), f"{key}: verdict: one of its own needs a why")
        if other is not None:
            entry = _run_as(entry, other.entry)
            own = Signature.of(key)
            limits += own.shared(other.limits, Signature.of(other.key), entry.compute)
            cpu = cpu or own.shared(other.cpu_limits, Signature.of(other.key), [])
        return Operator(
            key, entry, entry.opset, tuple(limits), tuple(cpu), advice, otherwise, source
        )

    def _advised(
        self, compiler: Compiler, advice: Advice, index: int, source: tuple[str, ...]
    ) -> Advised:
        when = compiler.expression(advice.when, ("advise", index, "when"))
        return Advised(when, advice.say, tuple(advice.source) or source)

    def _like(self, key: str, entry: OperatorEntry) -> Operator:
        """The operator as which another one is run."""
        other = self.data.ops.get(entry.like)
        if other is None or other.like:
            raise self._error(
                ("ops", key, "like"), f"{key}: like: names an operator that has limits of its own"
            )
        return self._compile(entry.like, other)

    def _check_sources(self, ids: Sequence[str], path: tuple[str | int, ...]) -> None:
        if not ids:
            raise self._error(path, f"{_entry(path)}: no source is given")
        for reference in ids:
            if _source_id(reference) not in self.data.sources:
                known = ", ".join(self.data.sources)
                raise self._error(
                    path, f"{_entry(path)}: there is no source {reference}; there are {known}"
                )

    def _error(self, path: tuple[str | int, ...], message: str) -> TableError:
        return TableError("table-invalid", f"{self.where(path)}: {message}")


def _source_id(reference: str) -> str:
    """A reference is the id of a source, and may go on with the place in it."""
    return (reference.split(None, 1) or [""])[0]


def _field(path: Sequence[str | int]) -> str:
    return ".".join(map(str, path))


def _run_as(entry: OperatorEntry, other: OperatorEntry) -> OperatorEntry:
    """The entry of an operator that is run as another: what it does not say, the other says."""
    taken = {"verdict", "why", "help", "compute", "folds", "stage"} - written(entry)
    return changed(entry, **{name: getattr(other, name) for name in taken})


def _entry(path: tuple[str | int, ...]) -> str:
    return str(path[1]) if path[:1] == ("ops",) and len(path) > 1 else ".".join(map(str, path))


def _compute_limit(
    compiler: Compiler,
    entry: OperatorEntry,
    otherwise: Otherwise,
    source: tuple[str, ...],
    stage: Stage,
) -> Limit:
    """Kinds of arithmetic that the accelerator has for the operator, after quantisation."""
    text = f"precision == '' or precision in {entry.compute!r}"
    return Limit(
        "compute",
        compiler.expression(text, ("compute",)),
        otherwise.of("compute"),
        f"the accelerator computes it in {', '.join(entry.compute)} only",
        source,
        stage=stage,
    )


def load_table(path: Path, bases: Mapping[str, Path] | None = None) -> CapabilityTable:
    """Loads a table file and what it extends.

    Args:
        path: The YAML file.
        bases: Files by target id, for `extends`; a name may also be a file beside `path`.

    Raises:
        TableError: Naming file, line, operator and field.
    """
    return read_table(Files([path], bases or {}))


def recalled_table(kind: str, files: Files) -> CapabilityTable | None:
    """The table of a file as it is kept; see `stored.recalled`."""
    found = stored.recalled(kind, Table, files)
    return _located(found[0], files) if found is not None else None


def read_table(files: Files) -> CapabilityTable:
    """The table of a file.

    Raises:
        TableError: As `load_table`.
    """
    from porting.capability.form import validated

    return _located(validated(Table, files.document(files.tables[0])), files)


def _located(data: Table, files: Files) -> CapabilityTable:
    """A table whose lines are looked up when one is asked for."""
    return CapabilityTable(data, partial(files.where, files.tables[0]))


def table_of(document: Document) -> CapabilityTable:
    """The table of a document that extends nothing any more."""
    from porting.capability.form import validated

    return CapabilityTable(validated(Table, document), document.where)
