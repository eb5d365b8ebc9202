"""One model on its targets: from the cache, or loaded once and judged by each table."""

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from shlex import quote
from typing import NamedTuple

from porting.cache import Cache, stamp_of
from porting.errors import PortError
from porting.gate import answers, identity
from porting.results import CheckResult


class Job(NamedTuple):
    """A model and what it is held against.

    Attributes:
        model: Its path.
        targets: Target ids; one empty one where `op_map` is given.
        op_map: The user's own table.
        shapes: Shapes of inputs by name.
        dims: Sizes of symbolic dimensions by name.
        precision: Compute type; the tables' defaults if empty.
        options: Choices that the tables name.
        config: The configuration, where it says something of shapes or dimensions.
        digest: Whether results have the digest of the model's file, if it has to be taken.
    """

    model: Path
    targets: tuple[str, ...]
    op_map: Path | None = None
    shapes: Mapping[str, tuple[int, ...]] = {}
    dims: Mapping[str, int] = {}
    precision: str = ""
    options: Mapping[str, str] = {}
    config: str = ""
    digest: bool = True

    @property
    def given(self) -> str:
        """The options that say the same of shapes."""
        options = [f"--shape {quote(n)}={','.join(map(str, s))}" for n, s in self.shapes.items()]
        options += [f"--dim {quote(name)}={size}" for name, size in self.dims.items()]
        return " ".join(options)

    def keys(self, sha256: str) -> dict[str, str]:
        """By target, what a stored answer is found by: all that decides it, but for data files.

        A target whose table cannot be read has none.
        """
        shapes = sorted((name, list(sizes)) for name, sizes in self.shapes.items())
        given = [shapes, sorted(self.dims.items()), self.precision, sorted(self.options.items())]
        found = {}
        for target in self.targets:
            # the check itself says what is wrong with a table
            with contextlib.suppress(OSError, ValueError, PortError):
                table = identity.table(target, self.op_map)
                parts = [identity.program(), sha256, self.model.name, table, *given]
                found[target] = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
        return found


@contextlib.contextmanager
def telling_of(job: Job, *, name: bool = False) -> Iterator[None]:
    """Errors within say where the trouble may come from.

    Args:
        job: What is being done.
        name: Whether they name the model, as they must where there are several.
    """
    try:
        yield
    except PortError as error:
        text, help_ = error.message, error.help
        if name and str(job.model) not in text:
            text = f"{job.model}: {text}"
        if job.config and error.code in {"input-unknown", "dim-unknown"}:
            help_ = f"{help_}; {job.config} may name it, which [model.'PATTERN'] confines"
        if (text, help_) == (error.message, error.help):
            raise
        raise type(error)(error.code, text, help_) from error


Results = dict[str, CheckResult]
"""By target."""


def recall(job: Job, cache: Cache, keys: Mapping[str, str]) -> Results:
    """What the cache knows of a job."""
    found: Results = {}
    path, op_map = str(job.model), str(job.op_map or "")
    for target, key in keys.items():
        answer = answers.loaded(cache.get(key) or b"", key, path, op_map)
        if answer is not None and (not answer.data or _unchanged(job.model, answer.data)):
            found[target] = answer.result
    return found


def _unchanged(path: Path, data: tuple[answers.DataFile, ...]) -> bool:
    from porting.gate.witness import unchanged

    return unchanged(path, data)


def run(job: Job, cache: Cache | None) -> Results:
    """The verdicts on a model, from the cache where it has them.

    Raises:
        PortError: As `porting.check`.
    """
    if cache is None:
        return _judge(job, None).results
    try:
        stamp, digest = stamp_of(job.model), cache.sha256(job.model)
    except (OSError, ValueError):  # the loader says what is wrong with the file
        return _judge(job, None).results
    keys = job.keys(digest)
    found = recall(job, cache, keys)
    missing = tuple(t for t in job.targets if t not in found)
    if missing:
        judged = _judge(job._replace(targets=missing), digest)
        found |= judged.results
        if stamp_of(job.model) == stamp:
            _store(cache, keys, judged)
    return {target: found[target] for target in job.targets}


class _Judged(NamedTuple):
    """New results, and what they rest on beside the model's file."""

    results: Results
    data: tuple[answers.DataFile, ...]


def _judge(job: Job, sha256: str | None) -> _Judged:
    """Loads the model once, and holds it against each table."""
    from porting.checking import judge_for, judge_model
    from porting.gate.witness import Watched, data_files
    from porting.model.build import build
    from porting.model.inline import inline_functions
    from porting.model.load import load
    from porting.prepare import Prepared

    judges = [judge_for(t, job.op_map, job.precision, job.options) for t in job.targets]
    loaded = load(job.model)
    plain = inline_functions(loaded)
    watched = Watched(plain.proto, plain.path, plain.stamp, checked=plain.messages)
    prepared = Prepared(loaded, build(watched, job.shapes, job.dims))
    if sha256 is None:
        sha256 = loaded.sha256 if job.digest else ""
    info = prepared.describe(str(job.model), sha256)
    results = {
        target: judge_model(judge, prepared.graph, info)
        for target, judge in zip(job.targets, judges, strict=True)
    }
    return _Judged(results, data_files(loaded, watched.read))


def _store(cache: Cache, keys: Mapping[str, str], judged: _Judged) -> None:
    for target, result in judged.results.items():
        if target in keys:
            with contextlib.suppress(ValueError):  # a name that is no Unicode
                data = answers.dumped(answers.Answer(keys[target], result, judged.data))
                cache.put(keys[target], data)
