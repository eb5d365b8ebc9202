"""Judge what two models made of the same inputs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy.typing as npt

from porting.proof.compare import OutputComparison, compare_output
from porting.proof.doubts import Role, doubts, is_all_nan
from porting.proof.exchange import Values
from porting.proof.request import Values as Data
from porting.proof.tolerance import FLOOR, Tolerance

Array = npt.NDArray[Any]
Status = Literal["passed", "failed", "skipped"]


@dataclass(frozen=True)
class Verification:
    """Whether two models agree.

    Attributes:
        status: `passed`; `failed`: they differ, or only the original runs; `skipped`: nothing
            is proved either way.
        reason: One line for the reader, never empty.
        outputs: One comparison for each output, in graph order; empty if none could be made.
        warnings: What makes the result weaker than it looks, one line each.
        tolerance: What was allowed; None if nothing was compared.
        runs: Sets of inputs that both models ran on.
        expected: Outputs of the converted model against those that the user's data expect.
    """

    status: Status
    reason: str
    outputs: tuple[OutputComparison, ...] = ()
    warnings: tuple[str, ...] = ()
    tolerance: Tolerance | None = None
    runs: int = 0
    expected: tuple[OutputComparison, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether the models were run and agree: what was skipped is not proved."""
        return self.status == "passed"

    def to_dict(self) -> dict[str, Any]:
        """The JSON form, schema `port.verify/1`."""
        return {"schema": "port.verify/1", **self.fields()}

    def fields(self) -> dict[str, Any]:
        """The same as a part of another form, which has a schema of its own."""
        return {
            "status": self.status,
            "reason": self.reason,
            "outputs": [output.to_dict() for output in self.outputs],
            "warnings": list(self.warnings),
            "tolerance": asdict(self.tolerance) | {"floor": FLOOR} if self.tolerance else None,
            "runs": self.runs,
            "expected": [output.to_dict() for output in self.expected],
        }


def compare_runs(
    originals: list[Values],
    converted: list[Values],
    groups: list[int],
    tolerance: Tolerance,
    warnings: list[str],
    roles: Mapping[str, Role] | None = None,
) -> Verification:
    """Compare all outputs over all runs.

    Args:
        originals: Output name to array, one dictionary a run.
        converted: The same for the converted model; at least one run.
        groups: A number for each run; runs of one number had inputs of the same shapes.
        tolerance: What is allowed for float elements.
        warnings: Put before those found here.
        roles: What the original's graph tells of its outputs.

    Returns:
        The result, with one comparison for each output of the original.
    """
    outputs: list[OutputComparison] = []
    for name in dict.fromkeys(name for values in originals for name in values):
        pairs = [(x.get(name), y.get(name)) for x, y in zip(originals, converted, strict=True)]
        both = [(x, y) for x, y in pairs if x is not None and y is not None]
        if any((x is None) != (y is None) for x, y in pairs):
            reason = f"only one model gives output {name}"
            return Verification("failed", reason, tuple(outputs), tuple(warnings))
        role = (roles or {}).get(name, Role())
        result = compare_output(
            name,
            [x for x, _ in both],
            [y for _, y in both],
            tolerance,
            scores=role.scores,
            unit=role.unit,
        )
        outputs.append(result)
        warnings += doubts(result, pairs, groups, role)
    extra = {name for y in converted for name in y} - {name for x in originals for name in x}
    if extra:
        reason = f"only the converted model gives output {listed(sorted(extra))}"
        return Verification("failed", reason, tuple(outputs), tuple(warnings))
    status, reason = _judge(outputs, len(originals), originals)
    return Verification(status, reason, tuple(outputs), tuple(warnings), tolerance, len(originals))


def hold_to_expected(
    result: Verification,
    originals: Sequence[Values],
    converted: Sequence[Values],
    data: Sequence[Data],
    tolerance: Tolerance,
) -> Verification:
    """The result, with the outputs that the user's data expect compared too.

    What the original itself does not give is a warning, and nothing that the converted model
    could be blamed for.

    Args:
        result: Of comparing the two models.
        originals: Output name to array, one dictionary a run.
        converted: The same for the converted model.
        data: The set that each run is about.
        tolerance: What is allowed between the expected outputs and either model's.
    """
    expected: list[OutputComparison] = []
    warnings, status, reason = list(result.warnings), result.status, result.reason
    for values, made, rewritten in zip(data, originals, converted, strict=True):
        for name, wanted in values.outputs.items():
            if name not in made or name not in rewritten:
                continue
            own = compare_output(name, [wanted], [made[name]], tolerance)
            found = compare_output(name, [wanted], [rewritten[name]], tolerance)
            found = replace(found, name=f"{name} of {values.name}")
            expected.append(found)
            if not own.passed:
                text = f"the original does not give the expected {found.name}: {own.reason}"
                warnings.append(text)
            elif not found.passed and status != "failed":
                status, reason = "failed", f"expected {found.name}: {found.reason}"
    return replace(
        result,
        status=status,
        reason=reason,
        warnings=tuple(warnings),
        expected=tuple(expected),
    )


def _judge(
    outputs: list[OutputComparison], runs: int, originals: list[Values]
) -> tuple[Status, str]:
    wrong = [output for output in outputs if not output.passed]
    if wrong:
        return "failed", f"output {wrong[0].name}: {wrong[0].reason}"
    arrays = [array for values in originals for array in values.values()]
    if not any(array.size for array in arrays):
        return "skipped", "every output is empty, nothing is proved"
    if all(is_all_nan(array) for array in arrays if array.size):
        return "skipped", "every output is NaN, nothing is proved"
    return "passed", f"{len(outputs)} outputs agree over {runs} runs"


def listed(names: Iterable[str]) -> str:
    """Names in one line."""
    return ", ".join(names) or "none"
