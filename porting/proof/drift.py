"""How far a chip's compute type takes a model from the original, and what overflows first."""

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from porting.errors import PortError, UsageError
from porting.model.build import build
from porting.model.graph import Graph
from porting.model.load import LoadedModel, load
from porting.model.save import save
from porting.proof.cause import Event, events
from porting.proof.compare import OutputComparison, compare_output
from porting.proof.exchange import Array, Case, RunFailure, Values
from porting.proof.given import Inputs
from porting.proof.rounding import KINDS, AsIs, Half, Int8, Rounding
from porting.proof.run import run_model
from porting.proof.samples import Samples, samples
from porting.proof.simulate import WATCH, Simulation, simulate
from porting.proof.tolerance import Tolerance

SIZE = Tolerance(rel=0.0, scale=1.0)
"""What drift is measured in: the largest magnitude of the output."""

_WEIGHT = 1 << 28
"""Elements up to which a weight is read for its scales."""


@dataclass(frozen=True)
class Drift:
    """A model in a chip's compute type against the original in its own.

    Attributes:
        kind: The compute type.
        status: `passed`; `failed` where the drift exceeds the tolerance that was asked for;
            `skipped` where it could not be simulated.
        reason: One line.
        tolerance: The greatest drift allowed; None where none was asked for.
        outputs: The comparison of each output; `drift_of` gives its drift.
        events: The first overflow, the first NaN, the first tensor that vanishes.
        counts: Tensors that overflow, hold NaN, vanish.
        notes: What was not simulated.
    """

    kind: str
    status: Literal["passed", "failed", "skipped"]
    reason: str
    tolerance: float | None = None
    outputs: tuple[OutputComparison, ...] = ()
    events: tuple[Event, ...] = ()
    counts: Mapping[str, int] | None = None
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """A dictionary that JSON can hold."""
        return {
            "as": self.kind,
            "status": self.status,
            "reason": self.reason,
            "tolerance": self.tolerance,
            "outputs": [_listed(o) for o in self.outputs],
            "events": [e.to_dict() for e in self.events],
            "counts": dict(self.counts or {}),
            "notes": list(self.notes),
        }


def check_kind(kind: str, tolerance: float | None) -> None:
    """Whether there is such a compute type.

    Raises:
        UsageError: There is not, or the tolerance is no number that can be.
    """
    if kind not in KINDS:
        known = ", ".join(KINDS)
        raise UsageError("as-unknown", f"'{kind}' cannot be simulated", f"one of: {known}")
    if tolerance is not None and not 0 <= tolerance < float("inf"):
        raise UsageError("as-tolerance", f"{tolerance} is no tolerance", "such as 0.05")


def drift(
    a: Path,
    b: Path,
    kind: str,
    *,
    dims: Mapping[str, int] | None = None,
    shapes: Mapping[str, Sequence[int]] | None = None,
    inputs: Inputs = None,
    tolerance: float | None = None,
    timeout: float = 600.0,
) -> Drift:
    """Runs `b` with every tensor rounded to `kind`, and `a` as it is, on the same inputs.

    Args:
        a: The original model.
        b: The converted model.
        kind: `float16`, `bfloat16` or `int8`.
        dims: Sizes of symbolic dimensions.
        shapes: Shapes of inputs.
        inputs: Values of inputs; those without are generated. With int8 they calibrate, too.
        tolerance: The greatest drift of an output: its largest error over its largest magnitude.
        timeout: Seconds for the runs of each model.

    Raises:
        ModelError: A model cannot be read.
        UsageError: There is no such type, or an input does not fit.
    """
    check_kind(kind, tolerance)
    found = samples(a, b, dims=dims, shapes=shapes, inputs=inputs, timeout=timeout)
    if isinstance(found, str):
        return Drift(kind, "skipped", f"{kind} was not simulated: {found}", tolerance)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="port-as-")))
        try:
            job = _Job(_new_enough(b, kind, folder), kind, found, folder, timeout)
            return job.run(tolerance)
        except _NotRunError as error:
            return Drift(kind, "skipped", f"{kind} was not simulated: {error}", tolerance)


class _NotRunError(Exception):
    """The message says why a rounded model does not run."""


def _new_enough(path: Path, kind: str, folder: Path) -> LoadedModel:
    """The model at an opset that has the operators for rounding."""
    loaded = load(path)
    least = 13 if kind == "bfloat16" else 9
    if loaded.opsets.get("ai.onnx", least) >= least:
        return loaded
    from porting.opsets import change_opset  # it needs the proof itself

    newer = folder / "newer.onnx"
    try:
        change_opset(path, least, newer, verify=False)
        return load(newer)
    except PortError as error:
        raise _NotRunError(error.message) from error


@dataclass
class _Job:
    """A model to be rounded, and what to run it on."""

    model: LoadedModel
    kind: str
    samples: Samples
    folder: Path
    timeout: float

    def run(self, tolerance: float | None) -> Drift:
        """Simulates and compares."""
        graph = build(self.model)
        before: Mapping[str, Array] = {}
        if self.kind == "int8":
            before = self._watched(*self._run(AsIs(), "as-is"))
            ranges = {name: (float(row[0]), float(row[1])) for name, row in before.items()}
            simulation, runs = self._run(Int8(ranges, _Contents(graph)), "rounded")
        else:
            simulation, runs = self._run(Half(self.kind), "rounded")
        rows = self._watched(simulation, runs)
        found = events(self.kind, simulation.watched, rows, graph)
        if not before and any(e.kind == "nan" for e in found):
            before = self._watched(*self._run(AsIs(), "as-is"))
        own = {name for name, row in before.items() if np.isnan(row[2])}
        found = [e for e in found if e.kind != "nan" or e.value not in own]
        return self._judged(simulation, runs, found, tolerance)

    def _run(self, rounding: Rounding, name: str) -> tuple[Simulation, Sequence[Values]]:
        simulation = simulate(self.model, rounding)
        path = self.folder / f"{name}.onnx"
        save(simulation.proto, path, source=self.model)
        cases = [
            Case({simulation.fed.get(n, n): v for n, v in case.feeds.items()}, i)
            for i, case in enumerate(self.samples.cases)
        ]
        run = run_model(path, cases, timeout=self.timeout)
        if isinstance(run, RunFailure):
            raise _NotRunError(run.reason)
        failure = next((r for r in run.results if isinstance(r, RunFailure)), None)
        if failure is not None:
            raise _NotRunError(failure.reason)
        return simulation, [r for r in run.results if isinstance(r, dict)]

    @staticmethod
    def _watched(simulation: Simulation, runs: Sequence[Values]) -> dict[str, Array]:
        """The row of each watched tensor over all runs."""
        rows = np.stack([run[WATCH] for run in runs]).astype(np.float64)
        table = np.stack([rows[..., 0].min(0), rows[..., 1].max(0), rows[..., 2].sum(0)], axis=-1)
        return {w.name: row for w, row in zip(simulation.watched, table, strict=True)}

    def _judged(
        self,
        simulation: Simulation,
        runs: Sequence[Values],
        found: Sequence[Event],
        tolerance: float | None,
    ) -> Drift:
        outputs = tuple(_compared(self.samples.outputs, runs))
        far = [o for o in outputs if tolerance is not None and _sorted_last(o) > tolerance]
        status: Literal["passed", "failed"] = "failed" if far else "passed"
        kinds = ("overflow", "nan", "vanishes", "mask")
        counts = {k: sum(e.kind == k for e in found) for k in kinds}
        first = [next((e for e in found if e.kind == k), None) for k in kinds]
        result = Drift(
            self.kind,
            status,
            _reason(self.kind, outputs, far, tolerance),
            tolerance,
            outputs,
            tuple(e for e in first if e is not None),
            {k: n for k, n in counts.items() if n},
        )
        return replace(result, notes=tuple(_notes(self.kind, simulation, len(runs))))


def _compared(originals: Sequence[Values], runs: Sequence[Values]) -> Iterator[OutputComparison]:
    for name in originals[0]:
        pairs = [(x[name], y[name]) for x, y in zip(originals, runs, strict=True) if name in y]
        if pairs:
            yield compare_output(name, [x for x, _ in pairs], [y for _, y in pairs], SIZE)


def drift_of(output: OutputComparison) -> float | None:
    """How far an output is off: its largest error over its largest magnitude.

    Of integers and booleans, the share that differs. None where it is not finite in the places in
    which the original is, or of another shape.
    """
    if output.dtype.startswith(("float", "bfloat")):
        return output.needed_factor
    return output.mismatches / output.elements if output.elements else 0.0


_SHOWN = ("name", "dtype", "shape", "max_abs", "mean_abs", "cosine", "snr_db", "top1", "elements")


def _listed(output: OutputComparison) -> dict[str, Any]:
    values = output.to_dict()
    return {**{name: values[name] for name in _SHOWN}, "drift": drift_of(output)}


def _sorted_last(output: OutputComparison) -> float:
    far = drift_of(output)
    return np.inf if far is None else far


def _reason(
    kind: str,
    outputs: Sequence[OutputComparison],
    far: Sequence[OutputComparison],
    tolerance: float | None,
) -> str:
    if far:
        return f"in {kind} output {far[0].name} {_moved(far[0])}, more than {tolerance:g}"
    if not outputs:
        return f"in {kind} there is no output to compare"
    worst = max(outputs, key=_sorted_last)
    return f"in {kind} output {worst.name} {_moved(worst)}"


def _moved(output: OutputComparison) -> str:
    far = drift_of(output)
    if far is None:
        return "is not finite in the same places as the original"
    if not output.dtype.startswith(("float", "bfloat")):
        return f"differs in {output.mismatches} of {output.elements} elements"
    return f"drifts by {far:.2g} of its largest value"


def _notes(kind: str, simulation: Simulation, runs: int) -> Iterator[str]:
    yield (
        "tensors are rounded where they are stored; inside an operator sums are float32, "
        "as on chips that accumulate so"
    )
    if kind == "int8":
        plural = "" if runs == 1 else "s"
        yield f"calibrated on {runs} set{plural} of inputs, by least and greatest value"
    if simulation.bodies:
        how = "not rounded" if kind == "int8" else "rounded, but not watched,"
        yield f"{simulation.bodies} bodies of If, Loop or Scan are {how} inside"
    if simulation.unknown:
        names = ", ".join(simulation.unknown[:3])
        yield f"{len(simulation.unknown)} tensors of unknown type are not rounded: {names}"


class _Contents(Mapping[str, Array]):
    """Contents of the main graph's constants, read one at a time."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._graph.value(name).is_const

    def __getitem__(self, name: str) -> Array:
        array = self._graph.value(name).value(_WEIGHT)
        if array is None:
            raise KeyError(name)
        return np.asarray(array)

    def __iter__(self) -> Iterator[str]:
        return iter(self._graph.initializers)

    def __len__(self) -> int:
        return len(self._graph.initializers)
