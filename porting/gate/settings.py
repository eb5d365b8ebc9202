"""The form of `port.toml`, as data."""

from datetime import date
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    field_validator,
    model_validator,
)

from porting.errors import UsageError
from porting.gate import thresholds
from porting.gate.waivers import takes_everything


def _listed(value: object) -> object:
    return value if isinstance(value, list) else [value]


def _text(value: object) -> object:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if is_number else value


Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Words = Annotated[list[Word], BeforeValidator(_listed)]
Size = Annotated[int, Field(strict=True, ge=1)]


def _kebab(name: str) -> str:
    return name.replace("_", "-")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=_kebab)


class Section(_Strict):
    """What may be said of some models, or of all.

    Attributes:
        targets: As `--target`.
        shape: As `--shape`, by input.
        dim: As `--dim`, by symbol.
        precision: As `--precision`.
        option: As `--option`, by name.
        fail_on: As `--fail-on`.
        strict: As `--strict`.
        max_fallback: As `--max-fallback`.
    """

    targets: Words | None = None
    shape: dict[str, list[Size]] = {}
    dim: dict[str, Size] = {}
    precision: str = ""
    option: dict[str, str] = {}
    fail_on: str | None = None
    strict: Annotated[bool, Field(strict=True)] | None = None
    max_fallback: Annotated[str, BeforeValidator(_text)] | None = None

    @field_validator("fail_on")
    @classmethod
    def _a_verdict(cls, value: str) -> str:
        return _checked(value, thresholds.failing)

    @field_validator("max_fallback")
    @classmethod
    def _a_number(cls, value: str) -> str:
        return _checked(value, thresholds.max_fallback)


class WaiverForm(_Strict):
    """One `[[waiver]]`: findings that fit every selector are let pass.

    Attributes:
        reason: Why; it cannot be left out.
        until: The last day on which it holds.
        model: Patterns of paths, from the configuration's folder.
        target: As `--target`.
        op: Patterns of operators.
        node: Patterns of node names.
        code: Patterns of codes of findings.
    """

    reason: Word
    until: Annotated[date, Field(strict=True)] | None = None
    model: Words = []
    target: Words = []
    op: Words = []
    node: Words = []
    code: Words = []

    @model_validator(mode="after")
    def _selects(self) -> "WaiverForm":
        targets = [t.replace("all", "*") if t == "all" else t for t in self.target]
        if takes_everything((self.model, targets, self.op, self.node, self.code)):
            raise ValueError("it waives everything; name a model, target, op, node or code")
        return self


class Settings(Section):
    """All of `port.toml`, or of `[tool.port]`.

    Attributes:
        models: Files and patterns that are checked where the command line names none.
        baseline: File of known findings.
        model: Sections by pattern; what a later one says replaces an earlier one's.
        waiver: Findings that are let pass.
    """

    models: Words = []
    baseline: Word | None = None
    model: dict[Word, Section] = {}
    waiver: list[WaiverForm] = []

    def of(self, model: str) -> list[Section]:
        """What is said of a model, given by its path from the configuration's folder."""
        from porting.gate.globs import matches_path

        return [self, *(s for glob, s in self.model.items() if matches_path(model, glob))]


def _checked(value: str, check: Any) -> str:
    try:
        check(value)
    except UsageError as error:
        raise ValueError(f"{error.message}; {error.help}") from None
    return value
