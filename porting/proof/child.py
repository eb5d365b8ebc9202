"""The process that runs models: loads onnxruntime, does what the lines on stdin say.

It is started before its job is known, so that loading the library, and a model that is named before
the job, costs no time of its own. It says a line when a job is done.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from porting.proof.exchange import Values, gave_a_value, one_line, read_arrays, write_arrays
from porting.proof.sessions import (
    NoRunnerError,
    confine,
    is_unknown_to_onnxruntime,
    session_options,
)

if TYPE_CHECKING:
    from porting.proof.nodewise import Nodewise

Run = Callable[[Values], list[Any]]


class _GiveUpError(Exception):
    """A case met what onnxruntime has no kernel for; the message is onnxruntime's."""


def work(folder: Path, loaded: dict[str, Any]) -> None:
    """Does the job in the folder; of models that are loaded, the job's is taken out."""
    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    with (folder / "log.jsonl").open("a", encoding="utf-8") as out:

        def say(**entry: object) -> None:
            out.write(json.dumps(entry) + "\n")
            out.flush()

        try:
            _Worker(folder, job, say, loaded.pop(job["model"], None)).work()
            say(finished=True)
        except NoRunnerError as error:
            say(fatal=str(error), beyond=error.beyond)
        except MemoryError:
            say(fatal="out of memory", beyond=True)


class _Worker:
    """One job: a model, and cases to run it on."""

    def __init__(
        self, folder: Path, job: dict[str, Any], say: Callable[..., None], session: Any
    ) -> None:
        self.folder = folder
        self.job = job
        self.say = say
        self.session = session

    def work(self) -> None:
        """By onnxruntime; else node by node; else the whole model by onnx.reference."""
        if self.job["reference"]:
            self._by_reference("asked for")
            return
        why = self._by_onnxruntime()
        if why:
            nodewise = self._nodewise(why)
            if nodewise is None:
                self._by_reference(why)
            else:
                self._by_several(nodewise, why)

    def _by_onnxruntime(self) -> str:
        """Run all cases; returns why it cannot if others should."""
        try:
            session = self.session or _load(self.job["model"])
        except Exception as error:
            if is_unknown_to_onnxruntime(error):
                return one_line(error)
            raise NoRunnerError(f"onnxruntime cannot load it: {one_line(error)}") from error
        self.say(runner="onnxruntime", why="")
        names = [output.name for output in session.get_outputs()]
        try:
            run = partial(session.run, names)
            self._run_cases(self.job["cases"], names, run, give_up=True)
        except _GiveUpError as error:
            return str(error)
        return ""

    def _nodewise(self, why: str) -> "Nodewise | None":
        """None where the model cannot be taken apart."""
        from porting.proof.nodewise import Nodewise

        try:
            return Nodewise(Path(self.job["model"]))
        except NoRunnerError as error:
            text = f"onnxruntime cannot run it ({why}): {error}"
            raise NoRunnerError(text, error.beyond) from error
        except Exception:  # noqa: BLE001 - whatever it stumbles over, a way is left
            return None

    def _by_several(self, nodewise: "Nodewise", why: str) -> None:
        self.say(runner="onnxruntime and others", why=why)
        self._run_cases(self._needed(), nodewise.output_names, nodewise.run)
        self.say(notes=nodewise.notes())

    def _by_reference(self, why: str) -> None:
        import onnx
        from onnx.reference import ReferenceEvaluator

        from porting.proof.reference import distrusted

        try:
            model = onnx.load(self.job["model"])
            session = ReferenceEvaluator(model)
        except Exception as error:
            text = f"onnxruntime cannot run it ({why}), nor can onnx.reference ({one_line(error)})"
            raise NoRunnerError(text) from error
        doubt = distrusted(model)
        if doubt:
            text = f"onnxruntime cannot run it ({why}), and onnx.reference is wrong there: {doubt}"
            raise NoRunnerError(text, beyond=True)
        self.say(runner="onnx.reference", why=why)

        def run(feeds: Values) -> list[Any]:
            with np.errstate(all="ignore"):
                return list(session.run(None, feeds))

        self._run_cases(self._needed(), list(session.output_names), run)

    def _needed(self) -> list[dict[str, Any]]:
        """The cases that are run even where that takes its time."""
        return [case for case in self.job["cases"] if not case["spare"]]

    def _run_cases(
        self, cases: list[dict[str, Any]], names: list[str], run: Run, give_up: bool = False
    ) -> None:
        """Run the cases in order.

        Raises:
            _GiveUpError: A case is beyond onnxruntime, and `give_up`.
        """
        enough, patience = self.job["enough"], self.job["patience"]
        ran: dict[int, set[int]] = {}
        spent = 0.0
        for case in cases:
            number, group = case["number"], case["group"]
            groups = ran.setdefault(case["data"], set())
            if group in groups and patience is not None and spent > patience:
                continue
            if enough is not None and group not in groups and len(groups) >= enough:
                continue
            self.say(start=number)
            feeds = read_arrays(self.folder, f"in{number}", case["inputs"], mapped=True)
            start = time.monotonic()
            try:
                values = flatten(names, run(feeds))
            except NoRunnerError:
                raise
            except Exception as error:  # whatever a kernel raises is the result
                if give_up and is_unknown_to_onnxruntime(error):
                    raise _GiveUpError(one_line(error)) from error
                self.say(case=number, error=one_line(error))
                continue
            spent += time.monotonic() - start
            kinds = write_arrays(self.folder, f"out{number}", values)
            self.say(case=number, outputs=kinds)
            if gave_a_value(values):
                groups.add(group)


def flatten(names: Sequence[str], values: Sequence[Any]) -> Values:
    """Sequences and maps become one array for each item, named `name[item]`."""
    flat: Values = {}
    for name, value in zip(names, values, strict=True):
        items: list[tuple[Any, Any]] | None = None
        if isinstance(value, dict):
            items = list(value.items())
        elif isinstance(value, (list, tuple)):
            items = list(enumerate(value))
        if items is not None:
            flat |= flatten([f"{name}[{key}]" for key, _ in items], [v for _, v in items])
        elif value is not None:  # an optional output may hold nothing
            flat[name] = np.asarray(value)
    return flat


def main() -> None:
    """Loads what takes long, does as it is told; ends without a word where no job comes."""
    answers = os.dup(1)
    os.dup2(2, 1)  # what libraries print is no answer
    confine()
    import onnxruntime  # noqa: F401

    loaded: dict[str, Any] = {}
    for line in sys.stdin:
        told = json.loads(line)
        if "load" in told:
            with suppress(Exception):  # why it cannot be loaded is said when it has to be
                loaded[told["load"]] = _load(told["load"])
        else:
            work(Path(told["job"]), loaded)
            os.write(answers, b"done\n")


def _load(model: str) -> Any:
    import onnxruntime as ort

    ort.set_default_logger_severity(4)
    ort.set_seed(0)
    options, providers = session_options(ort), ["CPUExecutionProvider"]
    return ort.InferenceSession(model, options, providers=providers)


if __name__ == "__main__":
    main()
