"""Judge what two models made of the same inputs."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from porting.proof.compare import OutputComparison, Tolerance, compare_output
from porting.proof.run import Values

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
    """

    status: Status
    reason: str
    outputs: tuple[OutputComparison, ...] = ()
    warnings: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """A dictionary that JSON can hold."""
        return {
            "status": self.status,
            "reason": self.reason,
            "outputs": [output.to_dict() for output in self.outputs],
            "warnings": list(self.warnings),
        }


def compare_runs(
    originals: list[Values],
    converted: list[Values],
    groups: list[int],
    tolerance: Tolerance,
    warnings: list[str],
) -> Verification:
    """Compare all outputs over all runs.

    Args:
        originals: Output name to array, one dictionary a run.
        converted: The same for the converted model; at least one run.
        groups: A number for each run; runs of one number had inputs of the same shapes.
        tolerance: What is allowed for float elements.
        warnings: Put before those found here.

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
        result = compare_output(name, [x for x, _ in both], [y for _, y in both], tolerance)
        outputs.append(result)
        warnings += _doubts(result, pairs, groups)
    extra = {name for y in converted for name in y} - {name for x in originals for name in x}
    if extra:
        reason = f"only the converted model gives output {listed(sorted(extra))}"
        return Verification("failed", reason, tuple(outputs), tuple(warnings))
    status, reason = _judge(outputs, len(originals), originals)
    return Verification(status, reason, tuple(outputs), tuple(warnings))


def _judge(
    outputs: list[OutputComparison], runs: int, originals: list[Values]
) -> tuple[Status, str]:
    wrong = [output for output in outputs if not output.passed]
    if wrong:
        return "failed", f"output {wrong[0].name}: {wrong[0].reason}"
    arrays = [array for values in originals for array in values.values()]
    if not any(array.size for array in arrays):
        return "skipped", "every output is empty, nothing is proved"
    if all(_is_all_nan(array) for array in arrays if array.size):
        return "skipped", "every output is NaN, nothing is proved"
    return "passed", f"{len(outputs)} outputs agree over {runs} runs"


def _doubts(
    result: OutputComparison, pairs: list[tuple[Array | None, Array | None]], groups: list[int]
) -> list[str]:
    """What makes agreement on this output prove little."""
    name = result.name
    arrays = [(group, x) for group, (x, _) in zip(groups, pairs, strict=True) if x is not None]
    doubts = []
    if arrays[0][1].dtype != next(y for _, y in pairs if y is not None).dtype:
        doubts.append(f"output {name} is {result.dtype} in the original only")
    if result.passed and result.elements == 0:
        return [*doubts, f"output {name} is empty; the comparison proves nothing"]
    if all(_is_all_nan(x) for _, x in arrays):
        return [*doubts, f"output {name} is all NaN; the comparison proves little"]
    by_group: dict[int, list[bytes]] = {}
    for group, x in arrays:
        key = str(x.tolist()).encode() if x.dtype.kind == "O" else x.tobytes()
        by_group.setdefault(group, []).append(key)
    several = [values for values in by_group.values() if len(values) > 1]
    if several and all(len(set(values)) == 1 for values in several):
        text = f"output {name} does not depend on the inputs drawn; the comparison proves little"
        doubts.append(text)
    return doubts


def listed(names: Iterable[str]) -> str:
    """Names in one line."""
    return ", ".join(names) or "none"


def _is_all_nan(array: Array) -> bool:
    if array.size == 0 or array.dtype.kind in "iubOSU" or "int" in array.dtype.name:
        return False
    values = array if array.dtype.kind == "c" else array.astype(np.float64)
    return bool(np.isnan(values).all())
