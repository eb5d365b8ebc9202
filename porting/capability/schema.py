"""The form of a capability table, as data: what the YAML may say, validated on load."""

from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from porting.capability.versions import Versions, parse_versions
from porting.results import Verdict

Evidence: TypeAlias = Literal["measured", "vendor-source", "vendor-doc", "third-party", "inferred"]
Stage: TypeAlias = Literal["build", "run", "load"]
LimitKind: TypeAlias = Literal["opset", "dtypes", "rank", "attributes", "inputs", "compute"]


def _listed(value: object) -> object:
    return value if isinstance(value, list) else [value]


def _ranges(value: object) -> object:
    return value if isinstance(value, Versions) else parse_versions(value)


def _verdicts(value: object) -> object:
    return {"default": value} if isinstance(value, str) else value


OneOrMore: TypeAlias = Annotated[list[str], BeforeValidator(_listed)]
Ranges: TypeAlias = Annotated[Versions, BeforeValidator(_ranges)]


class _Strict(BaseModel):
    # a validator is built when it is first used: a list of chips needs none for operators
    model_config = ConfigDict(
        extra="forbid", populate_by_name=True, arbitrary_types_allowed=True, defer_build=True
    )


class Toolchain(_Strict):
    """The software that the facts are about."""

    name: str
    version: str


class Source(_Strict):
    """Where a fact was read or measured."""

    title: str
    where: str
    date: str = ""
    kind: Evidence

    @field_validator("date", mode="before")
    @classmethod
    def _as_text(cls, value: object) -> object:
        return str(value)


class OpsetRule(_Strict):
    """Which operator set versions a model may import, and how each operator's are matched."""

    range: Ranges
    match: Literal["model", "since"] = "since"
    source: OneOrMore = []


class Otherwise(_Strict):
    """The verdict of a broken limit that names none itself, by kind of limit."""

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


OtherwiseField: TypeAlias = Annotated[Otherwise, BeforeValidator(_verdicts)]


class Condition(_Strict):
    """What must hold; `else` is the verdict where it does not.

    Without `that`, nothing could hold: wherever `when` is true, the verdict is `else`. With
    neither, it is a limit that nobody can test, and `else: unknown` says so.
    """

    when: str = ""
    that: str = "False"
    else_: Verdict | None = Field(None, alias="else")
    why: str
    source: OneOrMore = []
    help: str = ""
    stage: Stage | None = None
    outlook: Literal["not-yet", "never"] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "Condition":
        if "that" not in self.model_fields_set and not self.when and self.else_ != "unknown":
            raise ValueError("`that` is missing; only `else: unknown` can do without a condition")
        return self


class AttributeLimit(_Strict):
    """The long form of a limit on an attribute, with a reason of its own."""

    in_: list[Any] | None = Field(None, alias="in")
    not_in: list[Any] | None = None
    range: Ranges | None = None
    written: Literal["explicit", "absent", "default"] | None = None
    else_: Verdict | None = Field(None, alias="else")
    why: str = ""
    source: OneOrMore = []
    help: str = ""


class Advice(_Strict):
    """Something worth knowing that changes no verdict."""

    when: str = "True"
    say: str
    source: OneOrMore = []


InputRule: TypeAlias = Literal["const", "computed", "absent", "present"]


class Folding(_Strict):
    """How a toolchain computes what is constant while it builds, where `true` says too little.

    Attributes:
        opset: Opsets of a model at which it does; at others the nodes stay.
        unlisted: Whether it does so with a runtime of its own, before it looks at the operators, so
            that those which it lacks go away as well.
    """

    opset: Ranges | None = None
    unlisted: bool = False


class Limits(_Strict):
    """Limits on a node: of an operator on the accelerator, or of its kernel on the CPU.

    Attributes:
        also: Conditions beside `require`. A table that extends another writes its own here, and
            those under `require` of the other stay.
    """

    dtypes: dict[str, list[str]] | list[str] = {}
    rank: dict[str, Ranges] = {}
    attributes: dict[str, Any] = {}
    inputs: dict[str, InputRule] = {}
    outputs: dict[str, Literal["absent"]] = {}
    require: list[Condition] = []
    also: list[Condition] = []
    source: OneOrMore = []


class OperatorEntry(Limits):
    """Everything that a table says of one operator."""

    verdict: Verdict = "supported"
    why: str = ""
    help: str = ""
    opset: Ranges | None = None
    compute: list[str] = []
    else_: OtherwiseField | None = Field(None, alias="else")
    stage: Stage | None = None
    advise: list[Advice] = []
    fallback: Limits | None = None
    folds: bool | Folding | None = None
    like: str = ""
    note: str = ""


class Pattern(_Strict):
    """What a table says of several nodes together.

    `match` is ONNX's text form, one node a line, the last one computing what the pattern is about.
    """

    name: str
    match: str
    when: str = ""
    verdict: Verdict = "supported"
    why: str = ""
    help: str = ""
    require: list[Condition] = []
    want: str = ""
    fuses: bool = False
    source: OneOrMore = []


class TableHead(_Strict):
    """One chip and toolchain version: everything but the operators."""

    schema_: Literal[1] = Field(alias="schema")
    target: str
    name: str
    vendor: str
    class_: Literal["datacenter", "edge", "embedded", "gpu"] = Field(alias="class")
    toolchain: Toolchain
    evidence: Evidence
    absent: Literal["unsupported", "fallback", "unknown"]
    opset: OpsetRule
    precisions: list[str] = []
    options: dict[str, str] = {}
    sources: dict[str, Source]
    source: OneOrMore = []
    else_: OtherwiseField = Field(default_factory=Otherwise, alias="else")
    stage: Stage = "build"
    host_stage: Stage = "run"  # when a limit of a kernel on the host shows
    folds: bool | Folding = False
    model: list[Condition] = []
    require: list[Condition] = []
    host: list[Condition] = []  # on every node that falls back, such as the kernels there are
    patterns: list[Pattern] = []
    note: str = ""


class Table(TableHead):
    """One chip and toolchain version with its operators, which come last in the file."""

    ops: dict[str, OperatorEntry]
