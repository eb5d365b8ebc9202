"""What the gate makes of a result: which findings fail it, which are known, which are waived."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeAlias

from porting.gate.fingerprint import Names
from porting.results import CheckResult, Finding, NodeResult

if TYPE_CHECKING:
    from porting.conversion import ConvertResult
    from porting.gate.baseline import Baseline

Standing: TypeAlias = Literal["fails", "known", "waived", "passes"]
"""`fails` the gate; `known` from the baseline; `waived` with a reason; `passes` by its verdict."""


class Judged(NamedTuple):
    """One finding, and what the gate makes of it; a tuple, since there may be many.

    Attributes:
        finding: What the table says.
        node: About which node; None for the model as a whole.
        names: Of all findings of the result.
        number: Which of them this one is.
        standing: What it means to the gate.
        reason: Of the waiver, where it is waived; that it expired, where it was.
    """

    finding: Finding
    node: NodeResult | None
    names: Names
    number: int
    standing: Standing
    reason: str = ""

    @property
    def fingerprint(self) -> str:
        """The same for the same finding in every run; differs between nodes."""
        return self.names.all[self.number].fingerprint

    @property
    def kind(self) -> str:
        """Equal for equal findings on nodes of one operator."""
        return self.names.all[self.number].kind

    @property
    def place(self) -> str:
        """The fingerprint without the model's path."""
        return self.names.all[self.number].place

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "node": self.node.name if self.node else "",
            "scope": self.node.scope if self.node else "",
            "code": self.finding.code,
            "fingerprint": self.fingerprint,
            "standing": self.standing,
            "reason": self.reason,
        }


@dataclass(frozen=True, slots=True)
class Entry:
    """One model on one target.

    Attributes:
        result: Verdicts; for a conversion those on the model that was made.
        judged: Every finding that is not plain advice, in the model's order.
        broken: Limits on the whole that do not hold, a clause each.
        conversion: What was done, where the model was converted.
        gated: Whether anything but the verdicts decided: a baseline, a waiver, another threshold.
        gone: What the baseline lists and the model no longer has, a clause each.
        given: Options that a command on the same model needs too, such as `--shape x=1,3,8,8`.
    """

    result: CheckResult
    judged: tuple[Judged, ...]
    broken: tuple[str, ...] = ()
    conversion: "ConvertResult | None" = None
    gated: bool = False
    gone: tuple[str, ...] = ()
    given: str = ""

    @property
    def passed(self) -> bool:
        """Whether the gate passes."""
        if self.broken or any(j.standing == "fails" for j in self.judged):
            return False
        return self.conversion is None or not self.conversion.disproved

    def to_dict(self, *, every_node: bool = False) -> dict[str, Any]:
        """The JSON form: the result's own; `gate` is added where it had a say.

        Args:
            every_node: Lists supported nodes too.
        """
        if self.conversion is not None:
            form = self.conversion.to_dict()
        else:
            form = self.result.to_dict(every_node=every_node)
        form["verdict"] = "pass" if self.passed else "fail"
        if self.gated:
            listed = [j.to_dict() for j in self.judged if j.standing != "passes"]
            form["gate"] = {
                "broken": list(self.broken),
                "gone": list(self.gone),
                "findings": listed,
            }
        return form


@dataclass(frozen=True, slots=True)
class Report:
    """Everything that one run has to say; what every renderer takes.

    Attributes:
        entries: By model as given, then by target as given.
        notes: What the reader should know of the run, such as a waiver that nothing needs.
        baseline: What is to be written to the baseline's file once the report is; None for nothing.
    """

    entries: tuple[Entry, ...]
    notes: tuple[str, ...] = ()
    baseline: "Baseline | None" = None

    @property
    def passed(self) -> bool:
        """Whether the gate passes for every model and target."""
        return all(entry.passed for entry in self.entries)

    def failing(self) -> Iterator[tuple[Entry, Judged]]:
        """Every finding that fails the gate."""
        for entry in self.entries:
            for judged in entry.judged:
                if judged.standing == "fails":
                    yield entry, judged

    def to_dict(self, *, every_node: bool = False) -> dict[str, Any]:
        """The JSON form: of one entry its own, of several `port.report/1` around them."""
        forms = [entry.to_dict(every_node=every_node) for entry in self.entries]
        if len(forms) == 1:
            return forms[0] | ({"notes": list(self.notes)} if self.notes else {})
        return {
            "schema": "port.report/1",
            "verdict": "pass" if self.passed else "fail",
            "notes": list(self.notes),
            "results": forms,
        }
