"""The findings that were there before: a file that is committed, so that only new ones fail."""

import json
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from porting.errors import UsageError
from porting.gate.fingerprint import Named
from porting.results import Verdict

if TYPE_CHECKING:
    from porting.gate.outcome import Entry, Judged

SCHEMA = "port.baseline/1"
DEFAULT_NAME = "port-baseline.json"
MAX_BYTES = 64 << 20

Pair: TypeAlias = tuple[str, str]
"""A model's path from the baseline's folder, with slashes, and a target id."""


@dataclass(frozen=True, slots=True)
class Known:
    """Equal findings on nodes of one operator.

    Attributes:
        model: Path of the model, from the baseline's folder.
        target: Target id.
        operator: Of the nodes; empty for a finding about the model as a whole.
        verdict: What it makes of each node.
        code: Its code.
        reason: What the findings have in common.
        kind: See `fingerprint.kind_of`.
        nodes: Name of each node by the place of its finding.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012

    model: str
    target: str
    operator: str
    verdict: Verdict
    code: str
    reason: str
    kind: str
    nodes: dict[str, str]


@dataclass(frozen=True, slots=True)
class _File:
    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012

    schema: Literal["port.baseline/1"]
    findings: tuple[Known, ...]


@dataclass(frozen=True, slots=True)
class Baseline:
    """What is known already.

    Attributes:
        file: Where it is kept; paths in it are relative to its folder.
        findings: In the file's order.
    """

    file: Path
    findings: tuple[Known, ...] = ()

    def pair(self, model: str, target: str) -> Pair:
        """How the file names a model, given by its path, on a target."""
        if not model:
            return "", target
        try:
            path = os.path.relpath(model, self.file.parent)
        except ValueError:  # on another drive
            path = model
        return Path(path).as_posix(), target

    def of(self, model: str, target: str) -> tuple[Known, ...]:
        """What is known of a model on a target."""
        pair = self.pair(model, target)
        return tuple(k for k in self.findings if (k.model, k.target) == pair)

    def updated(self, entries: Iterable["Entry"]) -> "Baseline":
        """What stands in the file now, for every model and target of this run.

        What it says of others stays, unless the model is gone.
        """
        made = {self.pair(e.result.model.path, e.result.target.id): e for e in entries}
        kept = [
            k for k in self.findings if (k.model, k.target) not in made and self._is_there(k.model)
        ]
        new = [known for pair, entry in made.items() for known in _known(pair, entry.judged)]
        return Baseline(self.file, tuple(sorted((*kept, *new), key=_order)))

    def dumped(self) -> str:
        """The text of the file: sorted, a line for each node, the same for the same findings."""
        findings = [asdict(k) for k in self.findings]
        data = {"schema": SCHEMA, "findings": findings}
        return json.dumps(data, indent=1, ensure_ascii=True) + "\n"

    def write(self) -> None:
        """Puts the file in place, in one step.

        Raises:
            UsageError: It cannot be written.
        """
        from porting.model.save import write_atomically

        write_atomically(self.file, self.dumped())

    def orphans(self) -> list[str]:
        """Models that the file names and that are not there."""
        models = sorted({k.model for k in self.findings})
        return [m for m in models if not self._is_there(m)]

    def _is_there(self, model: str) -> bool:
        # unlike Path.exists it takes any text, such as one with a NUL or of great length
        return os.path.exists(self.file.parent / model)  # noqa: PTH110


def read(file: Path) -> Baseline:
    """Reads a baseline.

    Raises:
        UsageError: `baseline-missing`; `baseline-invalid` if it is not one.
    """
    from pydantic import TypeAdapter, ValidationError  # most runs have no baseline

    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except FileNotFoundError:
        raise UsageError(
            "baseline-missing", f"there is no baseline {file}", "--update-baseline writes it"
        ) from None
    if len(data) > MAX_BYTES:
        raise _invalid(file, f"larger than {MAX_BYTES >> 20} MiB")
    try:
        parsed = TypeAdapter(_File).validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise _invalid(file, f"{place or 'the file'}: {first['msg']}") from None
    return Baseline(file, parsed.findings)


def _invalid(file: Path, why: str) -> UsageError:
    return UsageError(
        "baseline-invalid", f"{file}: {why}", "take it from version control, or write it again"
    )


@dataclass(frozen=True, slots=True)
class Match:
    """Findings held against a baseline.

    Attributes:
        places: Those that it lists.
        gone: What it lists and nothing matches, a clause for each kind.
    """

    places: frozenset[str]
    gone: tuple[str, ...]


def match(findings: Sequence[Named], known: Sequence[Known]) -> Match:
    """Which findings are known: first by their own place, then by kind as often as it is listed.

    So a node that was renamed stays known, and one more of a kind is new.
    """
    listed = {place for k in known for place in k.nodes}
    places = {n.place for n in findings if n.place in listed}
    left = Counter({k.kind: len(k.nodes.keys() - places) for k in known})
    for named in findings:
        if named.place not in places and left[named.kind] > 0:
            left[named.kind] -= 1
            places.add(named.place)
    return Match(frozenset(places), tuple(_gone(known, left)))


def _gone(known: Sequence[Known], left: Mapping[str, int]) -> Iterator[str]:
    for each in known:
        count = left[each.kind]
        if count > 0:
            what = each.operator or "the model"
            yield f"{what}{f' x{count}' if count > 1 else ''}: {each.reason}"


def _known(pair: Pair, judged: Iterable["Judged"]) -> Iterator[Known]:
    """The kinds among the findings that fail, or did before."""
    kinds: dict[str, list[Judged]] = {}
    for each in judged:
        if each.standing in {"fails", "known"}:
            kinds.setdefault(each.kind, []).append(each)
    for kind, members in kinds.items():
        first = members[0]
        nodes = sorted((j.node.name if j.node else "", j.place) for j in members)
        yield Known(
            model=pair[0],
            target=pair[1],
            operator=first.node.key if first.node else "",
            verdict=first.finding.verdict,
            code=first.finding.code,
            reason=first.finding.reason or first.finding.message,
            kind=kind,
            nodes={place: name for name, place in nodes},
        )


def _order(known: Known) -> tuple[str, ...]:
    return (known.model, known.target, known.operator, known.code, known.reason, known.kind)
