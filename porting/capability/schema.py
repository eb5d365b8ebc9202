"""The form of a capability table, as data: what the YAML may say.

Nothing is imported here that is slow to import. What the form asks for besides is in `models`,
which validates data against it.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from porting.capability.build_schema import Build
from porting.capability.fields import Line, OneOrMore, Ranges
from porting.capability.record import Record
from porting.results import Verdict

Evidence: TypeAlias = Literal["measured", "vendor-source", "vendor-doc", "third-party", "inferred"]
Stage: TypeAlias = Literal["build", "run", "load"]
LimitKind: TypeAlias = Literal["opset", "dtypes", "rank", "attributes", "inputs", "compute"]


class Toolchain(Record):
    """The software that the facts are about.

    Attributes:
        name: As the vendor calls it, such as `CANN ATC`.
        version: In quotes where it looks like a number.
    """

    name: Line
    version: Line


class Source(Record):
    """Where a fact was read or measured.

    Attributes:
        title: What it is, for a reader.
        where: An address, or a file in a repository with its commit.
        date: Of publication or of the measurement.
        kind: How good it is as evidence.
    """

    title: Line
    where: str
    date: str = ""
    kind: Evidence


class OpsetRule(Record):
    """Which operator set versions a model may import, and how each operator's are matched.

    Attributes:
        range: Such as `11..18`.
        match: What an operator's `opset` is held against: `model`, the opset that the model
            imports; `since`, the version in which ONNX last changed the operator.
        source: Where it says so.
    """

    range: Ranges
    match: Literal["model", "since"] = "since"
    source: OneOrMore = []


class Otherwise(Record):
    """The verdict of a broken limit that names none itself, by kind of limit.

    Attributes:
        default: Of conditions, and of every kind that is not named.
    """

    default: Verdict = "unsupported"
    opset: Verdict | None = None
    dtypes: Verdict | None = None
    rank: Verdict | None = None
    attributes: Verdict | None = None
    inputs: Verdict | None = None
    compute: Verdict | None = None

    def of(self, kind: LimitKind | None) -> Verdict:
        """The verdict for one kind of limit; None is a condition under `require`."""
        specific: Verdict | None = getattr(self, kind) if kind is not None else None
        return specific or self.default


class Condition(Record):
    """What must hold; `else` is the verdict where it does not.

    Without `that`, nothing could hold: wherever `when` is true, the verdict is `else`. With
    neither, it is a limit that nobody can test, and `else: unknown` says so.

    Attributes:
        when: The condition counts only where this expression holds.
        that: An expression over attributes, inputs and outputs, such as `group == 1`.
        else_: Of a node that breaks it.
        why: The reason as a clause, without a full stop.
        source: Ids of sources; what stands behind an id is the place in it.
        help: What to do about it.
        stage: When the toolchain notices.
        outlook: Whether the vendor says "not yet" or "never".
    """

    when: str = ""
    that: str = "False"
    else_: Verdict | None = None
    why: Line
    source: OneOrMore = []
    help: str = ""
    stage: Stage | None = None
    outlook: Literal["not-yet", "never"] | None = None


class AttributeLimit(Record):
    """The long form of a limit on an attribute, with a reason of its own.

    Attributes:
        in_: Values that are taken; of a list of numbers, each item.
        not_in: Values that are not.
        range: Such as `1..63`; of a list of numbers, each item.
        written: Whether the attribute must or must not stand on the node.
    """

    in_: list[Any] | None = None
    not_in: list[Any] | None = None
    range: Ranges | None = None
    written: Literal["explicit", "absent", "default"] | None = None
    else_: Verdict | None = None
    why: Line = ""
    source: OneOrMore = []
    help: str = ""


Attributes: TypeAlias = dict[str, AttributeLimit | Any]
"""By attribute; a long form that is not well formed stays as it was written."""


class Advice(Record):
    """Something worth knowing that changes no verdict.

    Attributes:
        when: Where it is worth knowing.
        say: A clause, without a full stop.
    """

    when: str = "True"
    say: str
    source: OneOrMore = []


InputRule: TypeAlias = Literal["const", "computed", "absent", "present"]


class Folding(Record):
    """How a toolchain computes what is constant while it builds, where `true` says too little.

    Attributes:
        opset: Opsets of a model at which it does; at others the nodes stay.
        unlisted: Whether it does so with a runtime of its own, before it looks at the operators, so
            that those which it lacks go away as well.
    """

    opset: Ranges | None = None
    unlisted: bool = False


class Limits(Record):
    """Limits on a node: of an operator on the accelerator, or of its kernel on the CPU.

    Attributes:
        dtypes: Element types by the names of inputs and outputs; or one list for all inputs.
        rank: Numbers of dimensions by input, such as `{X: 3..5}`.
        attributes: Values by attribute: a list, a range, `explicit`, `absent`, `default`, or the
            long form.
        inputs: What an input must be.
        outputs: Optional outputs that are not available.
        require: Conditions.
        also: Conditions beside `require`. A table that extends another writes its own here, and
            those under `require` of the other stay.
        source: Ids of sources; the table's own if not given.
    """

    dtypes: dict[str, list[str]] | list[str] = {}
    rank: dict[str, Ranges] = {}
    attributes: Attributes = {}
    inputs: dict[str, InputRule] = {}
    outputs: dict[str, Literal["absent"]] = {}
    require: list[Condition] = []
    also: list[Condition] = []
    source: OneOrMore = []


class OperatorEntry(Limits):
    """Everything that a table says of one operator.

    Attributes:
        verdict: The best that a node of it can have; another than `supported` needs a why.
        why: The reason of that verdict, without a full stop.
        help: What to do about it.
        opset: Opsets or versions at which it is taken, as the table's rule says: `8, 12..18`.
        compute: Precisions that the accelerator has for it.
        else_: Verdict of limits that name none.
        stage: When the toolchain notices.
        advise: Remarks.
        fallback: Limits of the kernel on the host, where the node falls back.
        folds: Whether it is computed while building where its inputs are constant.
        like: Another operator as which it is run, whose limits count as well.
        note: More about it, for `port explain`.
    """

    verdict: Verdict = "supported"
    why: Line = ""
    help: str = ""
    opset: Ranges | None = None
    compute: list[str] = []
    else_: Otherwise | None = None
    stage: Stage | None = None
    advise: list[Advice] = []
    fallback: Limits | None = None
    folds: bool | Folding | None = None
    like: str = ""
    note: str = ""


class Pattern(Record):
    """What a table says of several nodes together.

    `match` is ONNX's text form, one node a line, the last one computing what the pattern is about.

    Attributes:
        name: Of the pattern, for reports.
        match: The nodes; what no line computes stands for anything.
        when: What else tells the pattern apart.
        verdict: Of the last node, where it is found.
        require: What must hold where it is found.
        want: The spelling that the toolchain takes.
        fuses: Whether the nodes are run as one, and not judged one by one.
    """

    name: Line
    match: str
    when: str = ""
    verdict: Verdict = "supported"
    why: Line = ""
    help: str = ""
    require: list[Condition] = []
    want: str = ""
    fuses: bool = False
    source: OneOrMore = []


class TableHead(Record):
    """One chip and toolchain version: everything but the operators.

    Attributes:
        schema_: The version of this form.
        target: The id, which is the name of the file.
        name: As the vendor calls the chip.
        aliases: Other names under which `--target` finds it.
        class_: Where it is used.
        evidence: The best on which the table as a whole rests.
        absent: What it means that an operator is not listed.
        precisions: Compute types, the default first.
        options: Choices that the table leaves to the user, with what they are.
        sources: By id.
        source: Ids of the sources of everything that names none.
        else_: Verdict of limits that name none.
        stage: When the toolchain notices.
        host_stage: When a limit of a kernel on the host shows.
        folds: Whether what is constant is computed while building.
        model: Conditions on the model as a whole.
        require: Conditions on every node.
        host: Conditions on every node that falls back to the host CPU.
        patterns: Facts about several nodes together.
        build: The compiler's commands.
        note: What a user of the chip should know.
    """

    schema_: Literal[1]
    target: str
    name: Line
    aliases: list[str] = []
    vendor: Line
    class_: Literal["datacenter", "edge", "embedded", "gpu"]
    toolchain: Toolchain
    evidence: Evidence
    absent: Literal["unsupported", "fallback", "unknown"]
    opset: OpsetRule
    precisions: list[str] = []
    options: dict[str, str] = {}
    sources: dict[str, Source]
    source: OneOrMore = []
    else_: Otherwise = Otherwise()
    stage: Stage = "build"
    host_stage: Stage = "run"  # when a limit of a kernel on the host shows
    folds: bool | Folding = False
    model: list[Condition] = []
    require: list[Condition] = []
    host: list[Condition] = []  # on every node that falls back, such as the kernels there are
    patterns: list[Pattern] = []
    build: Build | None = None
    note: str = ""


class Table(TableHead):
    """One chip and toolchain version with its operators, which come last in the file."""

    ops: dict[str, OperatorEntry]
