"""Run a model in a process of its own, so that a crash there is a result here.

The parent imports neither onnxruntime nor anything heavy. How the two speak is in exchange.py.
"""

import json
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

from porting.proof.exchange import (
    Case,
    ModelRun,
    RunFailure,
    Values,
    gave_a_value,
    read_arrays,
    write_arrays,
)
from porting.proof.process import Child

__all__ = ["Case", "ModelRun", "RunFailure", "Values", "gave_a_value", "run_model"]

_CRASHES_BORNE = 3
PATIENCE = 10.0
"""Seconds of running after which a size is not run with more seeds than one."""


@dataclass
class _Log:
    """What the child's log says so far, by case number."""

    started: int | None = None
    done: dict[int, Values | RunFailure] = field(default_factory=dict)
    runner: str = ""
    why: str = ""
    notes: tuple[str, ...] = ()
    fatal: RunFailure | None = None
    finished: bool = False


@dataclass(frozen=True)
class _Job:
    """What a child is told besides the cases."""

    model: Path
    enough: int | None
    patience: float | None
    reference: bool


def run_model(
    model: Path,
    cases: Sequence[Case],
    *,
    enough: int | None = None,
    patience: float | None = None,
    reference: bool = False,
    timeout: float = 600.0,
    child: Child | None = None,
) -> ModelRun | RunFailure:
    """Run the model on the cases in a child process, on the CPU, optimizations off.

    Args:
        model: ONNX file; external data is found next to it.
        cases: Inputs, in ascending order of `group`.
        enough: Stop after this many groups in which a case ran and gave a value; None runs all.
        patience: Seconds of running after which a group gets no second case; None runs all.
        reference: Use `onnx.reference` and not onnxruntime.
        timeout: Seconds for all cases together.
        child: A process started beforehand, for the caller to close. Where a model ran in it
            before and this one fails, it is run again by itself.

    Returns:
        The run; a failure if the model cannot be loaded, or crashes on being loaded.
    """
    deadline = time.monotonic() + timeout
    job = _Job(model, enough, patience, reference)
    if child is None or not child.jobs:
        return _run(job, cases, deadline, child)
    run = _run(job, cases, deadline, child)
    if isinstance(run, ModelRun) and not any(isinstance(r, RunFailure) for r in run.results):
        return run
    return _run(job, cases, deadline)  # what came before it there is not to be its fault


def _run(
    job: _Job, cases: Sequence[Case], deadline: float, child: Child | None = None
) -> ModelRun | RunFailure:
    """In `child`, and in another process after each crash."""
    results: list[Values | RunFailure | None] = [None] * len(cases)
    todo = list(range(len(cases)))
    log = _Log()
    for _ in range(_CRASHES_BORNE):
        given = nullcontext(child) if child is not None and child.is_ready else Child()
        with given as worker:
            log, death = _run_child(worker, job, cases, todo, deadline)
        for number, result in log.done.items():
            results[number] = result
        if log.fatal is not None or not (log.finished or log.runner):
            return log.fatal or RunFailure(death)
        if log.finished or log.started is None:
            break
        results[log.started] = RunFailure(death)
        crashed = cases[log.started].group
        todo = [i for i in todo if cases[i].group > crashed]
        if job.enough is not None:
            good = {cases[i].group for i in log.done if gave_a_value(log.done[i])}
            job = replace(job, enough=job.enough - len(good))
        over = job.enough is not None and job.enough <= 0
        if not todo or time.monotonic() >= deadline or over:
            break
    return ModelRun(tuple(results), log.runner, log.why, log.notes)


def _run_child(
    child: Child,
    job: _Job,
    cases: Sequence[Case],
    todo: Sequence[int],
    deadline: float,
) -> tuple[_Log, str]:
    """One child over the cases numbered in `todo`: its log, and how it died if it did."""
    folder = child.folder_for_job()
    told = {
        "model": str(job.model.absolute()),
        "enough": job.enough,
        "patience": job.patience,
        "reference": job.reference,
        "cases": [
            {
                "number": i,
                "group": cases[i].group,
                "data": cases[i].data,
                "spare": cases[i].spare,
                "inputs": write_arrays(folder, f"in{i}", cases[i].feeds),
            }
            for i in todo
        ],
    }
    (folder / "job.json").write_text(json.dumps(told), encoding="utf-8")
    child.begin(folder)
    death = child.end(max(1.0, deadline - time.monotonic()))
    return _read_log(folder), death


def _read_log(folder: Path) -> _Log:
    log, path = _Log(), folder / "log.jsonl"
    lines = path.read_text(encoding="utf-8").split("\n")[:-1] if path.exists() else []
    for line in lines:
        entry = json.loads(line)
        if "runner" in entry:
            log.runner, log.why = entry["runner"], entry["why"]
            log.done.clear()
        elif "start" in entry:
            log.started = entry["start"]
        elif "fatal" in entry:
            log.fatal = RunFailure(entry["fatal"], entry["beyond"])
        elif "finished" in entry:
            log.finished = True
        elif "notes" in entry:
            log.notes = tuple(entry["notes"])
        elif "error" in entry:
            log.done[entry["case"]] = RunFailure(entry["error"])
        else:
            number = entry["case"]
            log.done[number] = read_arrays(folder, f"out{number}", entry["outputs"])
    return log
