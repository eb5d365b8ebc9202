"""From what is asked and what is configured to jobs and policies; the command line wins."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from porting.errors import UsageError
from porting.gate import config, select
from porting.gate.config import Config
from porting.gate.evaluate import Policy
from porting.gate.jobs import Job
from porting.gate.request import Request
from porting.gate.thresholds import MaxFallback, failing, max_fallback
from porting.gate.waivers import Waiver
from porting.outputs import check_report_file
from porting.results import FAILING, CheckResult, Verdict

if TYPE_CHECKING:
    from porting.gate.baseline import Baseline
    from porting.gate.settings import Section


class Plan(NamedTuple):
    """All that a run needs to know.

    Attributes:
        request: What was asked.
        config: What is configured.
        jobs: A model and its targets each, in order.
        waivers: Findings that are let pass.
        baseline: What is known; None if there is no baseline.
    """

    request: Request
    config: Config | None
    jobs: tuple[Job, ...]
    waivers: tuple[Waiver, ...]
    baseline: "Baseline | None"

    @property
    def is_whole(self) -> bool:
        """Whether everything that is configured is checked, and nothing else."""
        request = self.request
        return not (request.models or request.targets or request.op_map)

    def name_of(self, model: Path) -> str:
        """How the configuration names a model."""
        return self.config.name_of(model) if self.config else model.as_posix()

    def policy(self, job: Job, result: CheckResult) -> Policy:
        """What fails the gate for one of a job's results."""
        sections = _sections(self.config, job.model)
        name, target = self.name_of(job.model), result.target.id
        return Policy(
            _fail_on(self.request, sections),
            _max_fallback(self.request, sections),
            tuple(w for w in self.waivers if w.concerns(name, target)),
            self.baseline.of(str(job.model), target) if self.baseline else None,
        )


def planned(request: Request, today: date) -> Plan:
    """What to do for a request.

    Args:
        request: What is asked.
        today: The day on which waivers are held to their dates.

    Raises:
        UsageError: No model or target, or one that does not exist; a configuration or baseline
            that cannot be used.
    """
    found = _config(request)
    models = _models(request, found)
    jobs = tuple(_job(model, request, found) for model in models)
    return Plan(request, found, jobs, _waivers(request, found, today), _baseline(request, found))


def planned_one(request: Request) -> Job:
    """What to do for a request that names one model file and means one target.

    Raises:
        UsageError: No target or several; a configuration that cannot be used.
    """
    (model,) = request.models
    found = _config(request)
    job = _job(Path(model), request, found)
    if len(job.targets) > 1:
        where = "" if request.targets or found is None else f" by {found.file}"
        raise UsageError(
            "target-several",
            f"{len(job.targets)} targets are named{where}, and this is done for one",
            f"choose: --target {job.targets[0]}",
        )
    return job


def _config(request: Request) -> Config | None:
    if not request.use_config:
        if request.config is not None:
            raise UsageError("config-twice", "--config and --no-config exclude each other")
        return None
    return config.load(request.config) if request.config is not None else config.find()


def _models(request: Request, found: Config | None) -> list[Path]:
    if request.models:
        return select.models(request.models)
    if found is not None and found.settings.models:
        return select.models(found.settings.models, found.folder)
    raise UsageError(
        "model-missing", "no model was given", "name an ONNX file, or `models` in port.toml"
    )


def _sections(found: Config | None, model: Path) -> Sequence["Section"]:
    """What is configured for a model, from the general to the special."""
    return found.settings.of(found.name_of(model)) if found is not None else ()


def _job(model: Path, request: Request, found: Config | None) -> Job:
    sections = _sections(found, model)
    shapes = {name: tuple(sizes) for s in sections for name, sizes in s.shape.items()}
    dims = {name: size for s in sections for name, size in s.dim.items()}
    options = {name: value for s in sections for name, value in s.option.items()}
    precisions = [p for p in (*(s.precision for s in sections), request.precision) if p]
    return Job(
        model,
        ("",) if request.op_map is not None else _targets(model, request, sections),
        request.op_map,
        {**shapes, **request.shapes},
        {**dims, **request.dims},
        precisions[-1] if precisions else "",
        {**options, **request.options},
        str(found.file) if found is not None and (shapes or dims) else "",
        request.digest,
    )


def _targets(model: Path, request: Request, sections: Sequence["Section"]) -> tuple[str, ...]:
    configured = [s.targets for s in sections if s.targets is not None]
    named = request.targets or (configured[-1] if configured else ())
    if not named:
        text = f"no target was given for {model}" if sections else "no target was given"
        raise UsageError("target-missing", text, "add --target ascend-310p, or --op-map FILE")
    return tuple(select.targets(named))


def _fail_on(request: Request, sections: Sequence["Section"]) -> frozenset[Verdict]:
    if request.fail_on or request.strict:
        return failing(request.fail_on, request.strict)
    said = [s for s in sections if s.fail_on is not None or s.strict is not None]
    return failing(said[-1].fail_on or "", said[-1].strict or False) if said else FAILING


def _max_fallback(request: Request, sections: Sequence["Section"]) -> MaxFallback | None:
    said = [s.max_fallback for s in sections if s.max_fallback is not None]
    text = request.max_fallback or (said[-1] if said else "")
    return max_fallback(text) if text else None


def _waivers(request: Request, found: Config | None, today: date) -> tuple[Waiver, ...]:
    if found is None:
        return ()
    return tuple(
        Waiver(
            w.reason,
            w.until,
            w.until is not None and w.until < today,
            tuple(w.model),
            tuple(w.target if request.op_map is not None else select.targets(w.target)),
            tuple(w.op),
            tuple(w.node),
            tuple(w.code),
            f"waiver {number} ({w.reason})",
        )
        for number, w in enumerate(found.settings.waiver, 1)
    )


def _baseline(request: Request, found: Config | None) -> "Baseline | None":
    file = request.baseline
    if file is None and found is not None and found.settings.baseline:
        file = found.folder / found.settings.baseline
    if file is None and not request.update_baseline:
        return None
    from porting.gate.baseline import DEFAULT_NAME, Baseline, read  # most runs have none

    if request.update_baseline:
        file = file or Path(DEFAULT_NAME)
        check_report_file(file)
        return read(file) if file.exists() else Baseline(file)
    assert file is not None
    return read(file)
