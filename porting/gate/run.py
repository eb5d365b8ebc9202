"""The gate: many models on many targets, held to what the repository asks for."""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from porting.cache import Cache, folder
from porting.gate import jobs
from porting.gate.evaluate import evaluate
from porting.gate.globs import matches_path
from porting.gate.jobs import Job, Results
from porting.gate.outcome import Entry, Report
from porting.gate.plan import Plan, planned
from porting.gate.request import Request
from porting.gate.waivers import Waiver
from porting.results import CheckResult

if TYPE_CHECKING:
    from porting.gate.baseline import Baseline

Progress: TypeAlias = Callable[[int, int, str], None]
"""Takes the number of models that are done, of all, and the path of one that is."""


def run(
    request: Request, progress: Progress = lambda *_: None, today: date | None = None
) -> Report:
    """Checks models on targets and holds the results against what may fail.

    Args:
        request: What to check and what fails.
        progress: Told of each model that is done, in order.
        today: The day for waivers with a date; the present one if None.

    Returns:
        An entry for each model and target, by model, then by target. Nothing is written but to
        the cache.

    Raises:
        ModelError: A model cannot be read.
        TableError: A table is broken.
        UsageError: Something that is named does not exist, or is not well formed.
    """
    plan = planned(request, today or date.today())
    found = [
        (job, result)
        for job, results in zip(plan.jobs, _results(plan, progress), strict=True)
        for result in results.values()
    ]
    entries = _entries(plan, found)
    if not request.update_baseline or plan.baseline is None:
        return Report(tuple(entries), tuple(_notes(plan, found, entries)))
    updated = plan.baseline.updated(entries)
    plan = plan._replace(baseline=updated)
    entries = _entries(plan, found)
    written = f"{updated.file} now holds {_counted(updated)}"
    return Report(tuple(entries), (written, *_notes(plan, found, entries)), updated)


def _entries(plan: Plan, found: Iterable[tuple[Job, CheckResult]]) -> list[Entry]:
    return [
        replace(evaluate(result, plan.policy(job, result)), given=job.given)
        for job, result in found
    ]


def _results(plan: Plan, progress: Progress) -> Iterator[Results]:
    """The results of each job, in order."""
    request, place = plan.request, folder()
    cache = Cache(place) if request.use_cache and place is not None else None
    known = {n: _recalled(job, cache) for n, job in enumerate(plan.jobs)} if cache else {}
    left = [job for n, job in enumerate(plan.jobs) if not known.get(n)]
    judge = partial(_run, cache=cache, named=len(plan.jobs) > 1)
    with closing(_worked(judge, left, request.jobs)) as work:
        for number, job in enumerate(plan.jobs):
            yield known.get(number) or next(work)
            progress(number + 1, len(plan.jobs), str(job.model))
    if cache is not None:
        cache.trim()


def _worked(
    judge: Callable[[Job], Results], left: Sequence[Job], processes: int
) -> Generator[Results, None, None]:
    """The results of the jobs that are left, by several processes where there are several jobs."""
    if len(left) < 2:
        yield from map(judge, left)
        return
    from porting.gate import pool  # a lone job is done before all of that is imported

    yield from pool.ordered(judge, left, processes or pool.cores())


def _recalled(job: Job, cache: Cache) -> Results:
    """What is known of a job without reading its model; nothing unless it is all of it."""
    digest = cache.known_sha256(job.model)
    found = jobs.recall(job, cache, job.keys(digest)) if digest is not None else {}
    return found if len(found) == len(job.targets) else {}


def _run(job: Job, cache: Cache | None, named: bool) -> Results:
    """A job's results; an error names the model, where there are several."""
    with jobs.telling_of(job, name=named):
        return jobs.run(job, cache)


def _counted(baseline: "Baseline") -> str:
    count = sum(len(k.nodes) for k in baseline.findings)
    return f"{count} finding{'' if count == 1 else 's'}"


def _notes(
    plan: Plan, found: Sequence[tuple[Job, object]], entries: Sequence[Entry]
) -> Iterator[str]:
    """What the reader should know of the run."""
    named = [(plan.name_of(job.model), e) for (job, _), e in zip(found, entries, strict=True)]
    for waiver in plan.waivers:
        yield from _of_waiver(waiver, named, plan.is_whole)
    if plan.config is not None and plan.is_whole:
        for pattern in plan.config.settings.model:
            if not any(matches_path(name, pattern) for name, _ in named):
                yield f"{plan.config.file}: no model fits '{pattern}'"
    if plan.baseline is not None:
        yield from _of_baseline(plan.baseline, named)


def _of_baseline(baseline: "Baseline", named: Sequence[tuple[str, Entry]]) -> Iterator[str]:
    """What the baseline lists and is no longer there."""
    for name, entry in named:
        for clause in entry.gone:
            yield f"{baseline.file}: gone from {name} on {entry.result.target.id}: {clause}"
    orphans = baseline.orphans()
    for model in orphans:
        yield f"{baseline.file}: there is no model {model} any more"
    if orphans or any(entry.gone for _, entry in named):
        yield "--update-baseline takes out what is gone"


def _of_waiver(waiver: Waiver, named: Iterable[tuple[str, Entry]], whole: bool) -> Iterator[str]:
    """That a waiver is over, or that nothing needs it."""
    concerned = [e for name, e in named if waiver.concerns(name, e.result.target.id)]
    covered = [
        j
        for entry in concerned
        for j in entry.judged
        if j.standing != "passes" and waiver.covers(j.finding, j.node)
    ]
    if covered and waiver.expired:
        yield f"{waiver.label} expired on {waiver.until}"
    elif not covered and (concerned or whole):
        yield f"{waiver.label} covers nothing and can be taken out"
