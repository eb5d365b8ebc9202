"""Run a model in a process of its own, so that a crash there is a result here.

The parent imports neither onnxruntime nor anything heavy. Parent and child exchange files in a
temporary folder: `job.json` and one `.npz` per case in, `log.jsonl` and one `.npz` per case out.
The child appends a line to the log before and after each case; what is missing when it dies
tells which case killed it.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Values = dict[str, Array]

_CRASHES_BORNE = 3


@dataclass(frozen=True)
class RunFailure:
    """A model, or one case of it, did not run. `reason` is one line."""

    reason: str


@dataclass(frozen=True)
class Case:
    """One set of inputs.

    Attributes:
        feeds: Input name to array, of the type and shape that the model declares.
        group: Cases of one group are alternatives at the same sizes.
    """

    feeds: Mapping[str, Array]
    group: int = 0


@dataclass(frozen=True)
class ModelRun:
    """What a model made of its cases.

    Attributes:
        results: One for each case: output name to array in graph order, or why it did not run,
            or None where it was not tried because enough groups had run.
        runner: `onnxruntime` or `onnx.reference`.
        why: Why `onnx.reference` ran it; empty for onnxruntime.
    """

    results: tuple[Values | RunFailure | None, ...]
    runner: str
    why: str = ""


@dataclass
class _Log:
    """What the child's log says so far, by case number."""

    started: int | None = None
    done: dict[int, Values | RunFailure] = field(default_factory=dict)
    runner: str = ""
    why: str = ""
    fatal: str = ""
    finished: bool = False


def run_model(
    model: Path,
    cases: Sequence[Case],
    *,
    enough: int | None = None,
    reference: bool = False,
    timeout: float = 600.0,
) -> ModelRun | RunFailure:
    """Run the model on the cases in a child process, on the CPU, optimizations off.

    Args:
        model: ONNX file; external data is found next to it.
        cases: Inputs, in ascending order of `group`.
        enough: Stop after this many groups in which a case ran and gave a value; None runs all.
        reference: Use `onnx.reference` and not onnxruntime.
        timeout: Seconds for all cases together.

    Returns:
        The run; a failure if the model cannot be loaded, or crashes on being loaded.
    """
    results: list[Values | RunFailure | None] = [None] * len(cases)
    todo = list(range(len(cases)))
    deadline = time.monotonic() + timeout
    log = _Log()
    for _ in range(_CRASHES_BORNE):
        log, death = _run_child(model, cases, todo, enough, reference, deadline)
        for number, result in log.done.items():
            results[number] = result
        if log.fatal or not (log.finished or log.runner):
            return RunFailure(log.fatal or death)
        if log.finished or log.started is None:
            break
        results[log.started] = RunFailure(death)
        crashed = cases[log.started].group
        todo = [i for i in todo if cases[i].group > crashed]
        if enough is not None:
            enough -= len({cases[i].group for i in log.done if gave_a_value(log.done[i])})
        if not todo or time.monotonic() >= deadline or (enough is not None and enough <= 0):
            break
    return ModelRun(tuple(results), log.runner, log.why)


def _run_child(
    model: Path,
    cases: Sequence[Case],
    todo: Sequence[int],
    enough: int | None,
    reference: bool,
    deadline: float,
) -> tuple[_Log, str]:
    """One child over the cases numbered in `todo`: its log, and how it died if it did."""
    with tempfile.TemporaryDirectory(prefix="port-verify-") as name:
        folder = Path(name)
        job = {
            "model": str(model.absolute()),
            "enough": enough,
            "reference": reference,
            "cases": [
                {
                    "number": i,
                    "group": cases[i].group,
                    "inputs": _write(folder / f"in{i}.npz", cases[i].feeds),
                }
                for i in todo
            ],
        }
        (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
        death = _start(folder, max(1.0, deadline - time.monotonic()))
        return _read_log(folder), death


def _start(folder: Path, timeout: float) -> str:
    """Run the child to its end; how it died, empty if it did not."""
    root = str(Path(__file__).resolve().parents[2])
    old = os.environ.get("PYTHONPATH")
    env = os.environ | {"PYTHONPATH": root + (os.pathsep + old if old else "")}
    # -P: files of the user's folder (an onnx.py, say) must not shadow libraries.
    command = [sys.executable, "-P", "-m", "porting.proof.run", str(folder)]
    try:
        done = subprocess.run(  # noqa: S603
            command,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"did not finish in {timeout:.0f} s"
    if done.returncode == 0:
        return ""
    if done.returncode < 0:
        number = -done.returncode
        known = number in set(signal.Signals)
        name = signal.Signals(number).name if known else str(number)
        hint = " (out of memory?)" if name == "SIGKILL" else ""
        return f"the process that ran it was killed by {name}{hint}"
    last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
    return f"the process that ran it ended with status {done.returncode}: {' '.join(last)}"


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
            log.fatal = entry["fatal"]
        elif "finished" in entry:
            log.finished = True
        elif "error" in entry:
            log.done[entry["case"]] = RunFailure(entry["error"])
        else:
            number = entry["case"]
            log.done[number] = _read(folder / f"out{number}.npz", entry["outputs"])
    return log


def gave_a_value(result: Values | RunFailure | None) -> bool:
    """Whether there is anything to compare: a run whose outputs are all empty gives nothing."""
    return isinstance(result, dict) and any(a.size for a in result.values())


def _write(path: Path, arrays: Mapping[str, Array]) -> list[tuple[str, str]]:
    """Save arrays; names and types go beside, numpy files cannot hold all of them."""
    stored, kinds = {}, []
    for i, (name, array) in enumerate(arrays.items()):
        value = np.asarray(array)
        kinds.append((name, value.dtype.name))
        if value.dtype.kind == "O":
            value = value.astype(str)
        elif value.dtype.kind == "V":  # bfloat16 and other types that numpy has not itself
            value = value.view(f"u{value.dtype.itemsize}")
        stored[f"i{i}"] = value
    np.savez(path, **stored)  # type: ignore[arg-type]
    return kinds


def _read(path: Path, kinds: Sequence[Sequence[str]]) -> Values:
    arrays = {}
    with np.load(path, allow_pickle=False) as stored:
        for i, (name, dtype) in enumerate(kinds):
            value = stored[f"i{i}"]
            if value.dtype.kind == "U":
                value = value.astype(object)
            elif value.dtype.name != dtype:
                import ml_dtypes

                value = value.view(np.dtype(getattr(ml_dtypes, dtype)))
            arrays[name] = value
    return arrays


# From here on: the child.


class _NoRunnerError(Exception):
    """The message says why neither library can run the model."""


def _child(folder: Path) -> None:
    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    with (folder / "log.jsonl").open("a", encoding="utf-8") as out:

        def say(**entry: object) -> None:
            out.write(json.dumps(entry) + "\n")
            out.flush()

        try:
            why = "asked for" if job["reference"] else _run_by_onnxruntime(folder, job, say)
            if why:
                _run_by_reference(folder, job, say, why)
            say(finished=True)
        except _NoRunnerError as error:
            say(fatal=str(error))
        except MemoryError:
            say(fatal="out of memory")


def _run_by_onnxruntime(folder: Path, job: dict[str, Any], say: Any) -> str:
    """Run all cases; returns why it cannot if another library should."""
    import onnxruntime as ort

    ort.set_default_logger_severity(4)
    ort.set_seed(0)
    options = ort.SessionOptions()
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = min(4, os.cpu_count() or 1)
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = ort.InferenceSession(job["model"], options, providers=["CPUExecutionProvider"])
    except Exception as error:
        if _is_unknown_to_onnxruntime(error):
            return _one_line(error)
        raise _NoRunnerError(f"onnxruntime cannot load it: {_one_line(error)}") from error
    say(runner="onnxruntime", why="")
    names = [output.name for output in session.get_outputs()]

    def run(feeds: Values) -> list[Any]:
        return list(session.run(names, feeds))

    return _run_cases(folder, job, say, names, run, give_up=_is_unknown_to_onnxruntime)


def _is_unknown_to_onnxruntime(error: BaseException) -> bool:
    """Whether the model is beyond onnxruntime, rather than wrong."""
    signs = (
        "Unsupported model IR version",
        "Current official support for domain",
        "is not a registered function/op",
        "No Op registered for",
        "Could not find an implementation",
        "can't be converted to MLDataType",
    )
    return type(error).__name__ == "NotImplemented" or any(s in str(error) for s in signs)


def _run_by_reference(folder: Path, job: dict[str, Any], say: Any, why: str) -> None:
    import onnx
    from onnx.reference import ReferenceEvaluator

    try:
        session = ReferenceEvaluator(onnx.load(job["model"]))
    except Exception as error:
        text = f"onnxruntime cannot run it ({why}), nor can onnx.reference ({_one_line(error)})"
        raise _NoRunnerError(text) from error
    say(runner="onnx.reference", why=why)

    def run(feeds: Values) -> list[Any]:
        with np.errstate(all="ignore"):
            return list(session.run(None, feeds))

    _run_cases(folder, job, say, list(session.output_names), run)


def _run_cases(
    folder: Path, job: dict[str, Any], say: Any, names: list[str], run: Any, give_up: Any = None
) -> str:
    """Run the cases in order; returns why another library should, if `give_up` says so."""
    ran: set[int] = set()
    for case in job["cases"]:
        number, group = case["number"], case["group"]
        if job["enough"] is not None and group not in ran and len(ran) >= job["enough"]:
            break
        say(start=number)
        feeds = _read(folder / f"in{number}.npz", case["inputs"])
        try:
            values = _flatten(names, run(feeds))
        except Exception as error:  # noqa: BLE001 - whatever a kernel raises is the result
            if give_up is not None and give_up(error):
                return _one_line(error)
            say(case=number, error=_one_line(error))
            continue
        say(case=number, outputs=_write(folder / f"out{number}.npz", values))
        if gave_a_value(values):
            ran.add(group)
    return ""


def _flatten(names: Sequence[str], values: Sequence[Any]) -> Values:
    """Sequences and maps become one array for each item, named `name[item]`."""
    flat: Values = {}
    for name, value in zip(names, values, strict=True):
        items: list[tuple[Any, Any]] | None = None
        if isinstance(value, dict):
            items = list(value.items())
        elif isinstance(value, (list, tuple)):
            items = list(enumerate(value))
        if items is not None:
            flat |= _flatten([f"{name}[{key}]" for key, _ in items], [v for _, v in items])
        elif value is not None:  # an optional output may hold nothing
            flat[name] = np.asarray(value)
    return flat


def _one_line(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    text = text.removeprefix("[ONNXRuntimeError] : ")
    return text if len(text) <= 400 else text[:397] + "..."


if __name__ == "__main__":
    _child(Path(sys.argv[1]))
