"""What a conversion answers, as `results` for checks: plain data, whose `to_dict` is its JSON."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from porting.results import CheckResult

DeclinedKind: TypeAlias = Literal["policy", "result", "form"]


@dataclass(frozen=True, slots=True)
class Rewrite:
    """A rule that was applied.

    Attributes:
        node: Name of the loaded model's node that it stands for.
        op_type: The operator that was replaced.
        rule: Name of the rule.
        exactness: Its class.
        produced: Operators of the result, in order.
        scope: Path of the body in which it stands.
    """

    node: str
    op_type: str
    rule: str
    exactness: str
    produced: tuple[str, ...]
    scope: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "node": self.node,
            "op_type": self.op_type,
            "rule": self.rule,
            "class": self.exactness,
            "produced": list(self.produced),
            "scope": self.scope,
        }


@dataclass(frozen=True, slots=True)
class Declined:
    """A rule that was tried on a node that remains, and why it was not applied.

    Attributes:
        node: Name of the node.
        op_type: Its operator.
        rule: Name of the rule; empty for a reason that is no rule's.
        reason: A clause.
        scope: Path of the body in which the node stands.
        kind: `policy`: it would have to be allowed; `result`: the target refuses what it makes;
            `form`: it is for another form of the operator.
    """

    node: str
    op_type: str
    rule: str
    reason: str
    scope: str = ""
    kind: DeclinedKind = "form"

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "node": self.node,
            "op_type": self.op_type,
            "rule": self.rule,
            "reason": self.reason,
            "scope": self.scope,
            "kind": self.kind,
        }


@dataclass(frozen=True, slots=True)
class Offer:
    """A rule that would help and has to be allowed by name.

    Attributes:
        node: Name of the loaded model's node.
        rule: Name of the rule.
        exactness: Its class.
    """

    node: str
    rule: str
    exactness: str

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {"node": self.node, "rule": self.rule, "class": self.exactness}


@dataclass(frozen=True, slots=True)
class Kept:
    """A node that stays in float32 in a model that was asked for in half precision."""

    node: str
    op_type: str
    reason: str
    scope: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "node": self.node,
            "op_type": self.op_type,
            "reason": self.reason,
            "scope": self.scope,
        }


@dataclass(frozen=True, slots=True)
class Halving:
    """What `--float16` or `--bfloat16` did.

    Attributes:
        dtype: Element type that was asked for.
        keep_io_types: Whether inputs and outputs of the model stayed float32.
        kept: Nodes that stay in float32, and why.
        clamped: Mask constants that became the type's lowest finite number.
    """

    dtype: str
    keep_io_types: bool
    kept: tuple[Kept, ...]
    clamped: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "dtype": self.dtype,
            "keep_io_types": self.keep_io_types,
            "kept": [k.to_dict() for k in self.kept],
            "clamped": list(self.clamped),
        }


@dataclass(frozen=True, slots=True)
class Output:
    """A file that was written."""

    path: str
    sha256: str

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {"path": self.path, "sha256": self.sha256}


@dataclass(frozen=True, slots=True)
class ConvertResult:
    """What `porting.convert` answers.

    Attributes:
        before: Verdicts on the model as it was loaded.
        after: Verdicts on the model that was made.
        rewrites: Rules that were applied, in the model's order.
        declined: For each node that remains, why each rule declined.
        verification: The numerical proof, as in the JSON.
        output: What was written; None if nothing was.
        halving: What became of a request for half precision; None if there was none.
        simulation: What the compute type of `--as` makes of the result; None if none was named.
        kit: Where `--kit` was written, or why it was not; None if it was not asked for.
    """

    before: CheckResult
    after: CheckResult
    rewrites: tuple[Rewrite, ...]
    declined: tuple[Declined, ...]
    verification: Mapping[str, Any] = field(default_factory=dict)
    output: Output | None = None
    halving: Halving | None = None
    simulation: Mapping[str, Any] | None = None
    kit: Mapping[str, Any] | None = None

    @property
    def verified(self) -> bool:
        """Whether the proof was made and held."""
        return self.verification.get("status") == "passed"

    @property
    def disproved(self) -> bool:
        """Whether the proof, or a tolerance that was asked for, failed."""
        drifted = self.simulation is not None and self.simulation.get("status") == "failed"
        return self.verification.get("status") == "failed" or drifted

    @property
    def passed(self) -> bool:
        """Whether the result passes the gate and nothing is disproved."""
        return self.after.passed and not self.disproved

    def to_dict(self) -> dict[str, Any]:
        """The JSON form, schema `port.convert/1`."""
        return {
            "schema": "port.convert/1",
            "verdict": "pass" if self.passed else "fail",
            "before": self.before.to_dict(),
            "after": self.after.to_dict(),
            "rewrites": [r.to_dict() for r in self.rewrites],
            "declined": [d.to_dict() for d in self.declined],
            "verification": dict(self.verification),
            "halving": self.halving.to_dict() if self.halving else None,
            "simulation": dict(self.simulation) if self.simulation is not None else None,
            "kit": dict(self.kit) if self.kit is not None else None,
            "output": self.output.to_dict() if self.output else None,
        }
