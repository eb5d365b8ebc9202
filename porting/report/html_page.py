"""What the sections of the page say; the template only lays it out."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from porting.conversion import ConvertResult, Rewrite
from porting.gate.evaluate import evaluate
from porting.gate.outcome import Entry, Judged, Report
from porting.report.errors import comparison_cells, tolerance_lines
from porting.report.evidence import evidence_lines
from porting.report.html_graph import drawn
from porting.report.lots import Lot, lots, outcome, rewrites_by_kind, rules_by_reason, subject
from porting.report.next_steps import next_steps
from porting.report.origins import place_of
from porting.report.plots import Dot, drift_dot, share_dot, signal_dot
from porting.report.simulation import simulation_cells, simulation_lines
from porting.report.sources import Footnotes
from porting.results import CheckResult, ModelInfo, TargetInfo

MOST_NODES = 200
"""Of a lot that are named; the graph finds the others."""

REASONS_SHOWN = 5

SHARE_SCALE = (
    "Share of the tolerance: by powers of ten, from a millionth to ten times; the dashed line is "
    "the tolerance. SNR: 0 to 160 dB."
)
DRIFT_SCALE = (
    "Drift: by powers of ten, from a millionth to ten times an output's largest value; a dashed "
    "line is the tolerance that was asked for. SNR: 0 to 160 dB."
)

_ADDRESS = re.compile(r"(https?://[^\s<>()\"']+)")


@dataclass(frozen=True, slots=True)
class Spot:
    """A node that the page can go to: its name, and where the graph has it."""

    name: str
    scope: str
    view: int
    node: int


@dataclass(frozen=True, slots=True)
class Trouble:
    """Equal findings, as the page shows them."""

    lot: Lot
    spots: tuple[Spot, ...]
    more: int
    cited: tuple[int, ...]
    tried: tuple[tuple[str, tuple[str, ...]], ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """Rewrites of one operator by one rule; `spots` in the loaded model."""

    first: Rewrite
    count: int
    anchors: tuple[int, ...]
    spots: tuple[Spot, ...]
    more: int


@dataclass(frozen=True, slots=True)
class Figures:
    """A table of numbers with a plot or two for each row."""

    columns: Sequence[str]
    rows: Sequence[tuple[Sequence[str], Sequence[Dot | None]]]
    plots: Sequence[str]
    scale: str
    lines: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Part:
    """All that the page says of one model on one target."""

    number: int
    entry: Entry
    subject: CheckResult
    outcome: str
    troubles: tuple[Trouble, ...]
    earlier: tuple[Trouble, ...] = ()
    changes: tuple[Change, ...] = ()
    proof: Mapping[str, Any] = field(default_factory=dict)
    figures: tuple[tuple[str, Figures], ...] = ()
    evidence: tuple[tuple[str, str], ...] = ()
    simulated: tuple[tuple[str, str], ...] = ()
    steps: tuple[str, ...] = ()

    @property
    def whole(self) -> int:
        """Findings on the model as a whole that fail the gate."""
        return sum(j.standing == "fails" and j.node is None for j in self.entry.judged)


class Page:
    """The whole page: parts, the table of models and targets, and the sources by number."""

    def __init__(self, report: Report) -> None:
        """Gathers everything that the run has to say."""
        self.report = report
        self.views = drawn(report.entries)
        self._notes = Footnotes()
        self._indices = [
            {id(node): number for number, node in enumerate(view.result.nodes)}
            for view in self.views
        ]
        self.parts = [self._part(n, entry) for n, entry in enumerate(report.entries)]

    @property
    def title(self) -> str:
        """What the page is about, in a few words."""
        if len(self.parts) == 1:
            checked = self.parts[0].subject
            return f"{file_name(checked.model.path)} on {checked.target.id}"
        return f"{_several(len(self.models), 'model')} on {_several(len(self.targets), 'target')}"

    @property
    def sources(self) -> list[tuple[int, list[tuple[str, bool]]]]:
        """Each source by number, in pieces: text, and whether it is an address."""
        return [(number, pieces(source)) for number, source in self._notes.items()]

    @property
    def models(self) -> list[ModelInfo]:
        """Each model once, as given."""
        return list({_model_key(p.subject.model): p.subject.model for p in self.parts}.values())

    @property
    def targets(self) -> list[TargetInfo]:
        """Each target once, as given."""
        return list({_target_key(p.subject): p.subject.target for p in self.parts}.values())

    def cell(self, model: ModelInfo, target: TargetInfo) -> list[Part]:
        """What there is of a model on a target."""
        wanted = (_model_key(model), (target.id, target.op_map))
        return [
            p for p in self.parts if (_model_key(p.subject.model), _target_key(p.subject)) == wanted
        ]

    def _part(self, number: int, entry: Entry) -> Part:
        common = (number, entry, subject(entry), outcome(entry))
        made = entry.conversion
        if made is None:
            view = self._view(number, "")
            troubles = self._troubles(entry.judged, view, ())
            steps = tuple(next_steps(entry))
            return Part(*common, troubles, steps=steps)
        after, before = self._view(number, "after"), self._view(number, "before")
        judged = evaluate(made.before).judged
        return Part(
            *common,
            self._troubles(entry.judged, after, made.declined),
            self._troubles(judged, before, ()),
            self._changes(made, before),
            made.verification,
            tuple(_figures(made)),
            tuple(evidence_lines(made.verification)),
            tuple(simulation_lines(made.simulation)) if made.simulation else (),
        )

    def _view(self, entry: int, stage: str) -> int:
        return next(n for n, v in enumerate(self.views) if (v.entry, v.stage) == (entry, stage))

    def _troubles(
        self, judged: Iterable[Judged], view: int, declined: Sequence[Any]
    ) -> tuple[Trouble, ...]:
        found = []
        for lot in lots(judged):
            keys = {n.key for n in lot.nodes}
            reasons = rules_by_reason([d for d in declined if d.op_type in keys])
            tried = tuple((reason, tuple(rules)) for reason, rules in reasons.items())
            spots = tuple(
                Spot(n.name, n.scope, view, self._indices[view][id(n)])
                for n in lot.nodes[:MOST_NODES]
            )
            cited = tuple(self._notes.numbers(lot.first.finding.sources))
            more = len(lot.nodes) - len(spots)
            found.append(Trouble(lot, spots, more, cited, tried[:REASONS_SHOWN]))
        return tuple(found)

    def _changes(self, made: ConvertResult, view: int) -> tuple[Change, ...]:
        places = {place_of(n): i for i, n in enumerate(made.before.nodes)}
        numbers = {id(r): i for i, r in enumerate(made.rewrites)}
        changes = []
        for members in rewrites_by_kind(made.rewrites):
            there = [r for r in members if (r.scope, r.node) in places]
            spots = tuple(
                Spot(r.node, r.scope, view, places[r.scope, r.node]) for r in there[:MOST_NODES]
            )
            anchors = tuple(numbers[id(r)] for r in members)
            more = len(there) - len(spots)
            changes.append(Change(members[0], len(members), anchors, spots, more))
        return tuple(changes)


def _model_key(model: ModelInfo) -> tuple[str, str]:
    return model.path, model.sha256


def _target_key(result: CheckResult) -> tuple[str, str]:
    return result.target.id, result.target.op_map


def _figures(made: ConvertResult) -> Iterable[tuple[str, Figures]]:
    proof, simulation = made.verification, made.simulation
    plots = ("share of the tolerance", "SNR")
    for title, name in (
        ("Converted against the original", "outputs"),
        ("Against what was expected", "expected"),
    ):
        outputs = proof.get(name) or []
        if outputs:
            columns, cells = comparison_cells(outputs)
            dots = [(share_dot(o), signal_dot(o)) for o in outputs]
            lines = tolerance_lines(proof) if name == "outputs" else []
            yield (
                title,
                Figures(columns, list(zip(cells, dots, strict=True)), plots, SHARE_SCALE, lines),
            )
    if simulation is not None and simulation["outputs"]:
        columns, cells = simulation_cells(simulation)
        allowed = simulation.get("tolerance")
        drifts = [(drift_dot(o, allowed), signal_dot(o)) for o in simulation["outputs"]]
        rows = list(zip(cells, drifts, strict=True))
        yield (
            f"Simulated in {simulation['as']}",
            Figures(columns, rows, ("drift", "SNR"), DRIFT_SCALE),
        )


@dataclass(frozen=True, slots=True)
class Row:
    """One operator of one model, counted by verdict in each view."""

    model: ModelInfo
    operator: str
    counts: tuple[Mapping[str, int], ...]


def operators(page: Page) -> list[Row]:
    """A row for each operator of each model; an empty count where a view lacks it."""
    rows: dict[tuple[tuple[str, str], str], list[dict[str, int]]] = {}
    models: dict[tuple[str, str], ModelInfo] = {}
    columns = columns_of(page)
    for view in page.views:
        part = page.parts[view.entry]
        model = part.subject.model
        models.setdefault(_model_key(model), model)
        column = columns.index((part.subject.target.id, view.stage))
        for node in view.result.nodes:
            key = (_model_key(model), node.key)
            counts = rows.setdefault(key, [{} for _ in columns])[column]
            counts[node.verdict] = counts.get(node.verdict, 0) + 1
    return [Row(models[m], operator, tuple(c)) for (m, operator), c in sorted(rows.items())]


def columns_of(page: Page) -> list[tuple[str, str]]:
    """Target and stage of each column, what was loaded before what was made."""
    order = {"": 0, "before": 1, "after": 2}
    targets = [t.id for t in page.targets]
    found = {(page.parts[v.entry].subject.target.id, v.stage) for v in page.views}
    return sorted(found, key=lambda c: (targets.index(c[0]), order[c[1]]))


def pieces(source: str) -> list[tuple[str, bool]]:
    """A source in pieces: text, and whether it is an address to link to."""
    parts = _ADDRESS.split(source)
    return [(text, bool(number % 2)) for number, text in enumerate(parts) if text]


def file_name(path: str) -> str:
    """The last step of a path of any system; `model` for a model in memory."""
    return path.replace("\\", "/").rpartition("/")[2] or "model"


def _several(count: int, thing: str) -> str:
    return f"{count} {thing}" if count == 1 else f"{count} {thing}s"
