"""Runs each kind of rewrite by itself: the nodes as they were beside what stands there now.

All exhibits of one pair of opsets are run side by side in one model, so that it takes two
processes; where that model does not run, they are run one by one.
"""

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import GraphProto, ModelProto, save_model

from porting.legalize.exhibits import Exhibit, Exhibits
from porting.proof.compare import compare_output
from porting.proof.exchange import Case, ModelRun, RunFailure, Values
from porting.proof.inputs import generate
from porting.proof.process import Child
from porting.proof.run import run_model
from porting.proof.shapes import declared_dims, graph_inputs
from porting.proof.styles import Style, styles_for
from porting.proof.tolerance import Tolerance
from porting.proof.verify import narrowest_float


@dataclass(frozen=True)
class Difference:
    """A kind of rewrite whose result differs from the original.

    Attributes:
        node: The first node to which it happened.
        rules: Names of the rules, the outermost first.
        reason: What differs.
        by_context: Whether a rule relied on what stands around the node, which was not there.
    """

    node: str
    rules: tuple[str, ...]
    reason: str
    by_context: bool


@dataclass(frozen=True)
class LocalProof:
    """What running the rewrites one by one has shown.

    Attributes:
        proved: Rewritten nodes of which the kind of rewrite was run and agreed.
        kinds: How many kinds these are.
        differing: Kinds that did not agree.
        unproved: Node and reason where a kind could not be run.
    """

    proved: int = 0
    kinds: int = 0
    differing: tuple[Difference, ...] = ()
    unproved: tuple[tuple[str, str], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The JSON form."""
        return {
            "proved": self.proved,
            "kinds": self.kinds,
            "differing": [
                {"node": d.node, "rules": list(d.rules), "reason": d.reason} for d in self.differing
            ],
            "unproved": [{"node": node, "reason": reason} for node, reason in self.unproved],
        }


@dataclass
class _Tally:
    """The proof while it is being made."""

    proved: int = 0
    kinds: int = 0
    differing: list[Difference] = field(default_factory=list)
    unproved: list[tuple[str, str]] = field(default_factory=list)


def prove_locally(exhibits: Exhibits, timeout: float = 120.0) -> LocalProof:
    """Runs every exhibit on generated inputs.

    Args:
        exhibits: What the rewriting has shown.
        timeout: Seconds for one model of several exhibits.
    """
    tally = _Tally(unproved=list(exhibits.missing))
    groups: dict[tuple[str, str, tuple[Style, ...]], list[tuple[Exhibit, int]]] = {}
    for key, exhibit in exhibits.items.items():
        like = (_opsets(exhibit.before), _opsets(exhibit.after), _styles(exhibit))
        groups.setdefault(like, []).append((exhibit, exhibits.counts[key]))
    for (_, _, styles), group in groups.items():
        if not _run(group, styles, tally, timeout):
            for each in group:
                if not _run([each], styles, tally, timeout):
                    tally.unproved.append((each[0].node, "the nodes do not run by themselves"))
    differing, unproved = tuple(tally.differing), tuple(tally.unproved)
    return LocalProof(tally.proved, tally.kinds, differing, unproved)


def _opsets(model: ModelProto) -> str:
    return str(sorted((o.domain, o.version) for o in model.opset_import))


def _styles(exhibit: Exhibit) -> tuple[Style, ...]:
    """An approximation may stand for a condition, too: only the weakest class is known."""
    opted = exhibit.exactness in ("conditional", "approximate")
    classes = {"conditional"} if opted else {exhibit.exactness}
    return styles_for(classes, narrowest_float(exhibit.after))


def _run(
    group: Sequence[tuple[Exhibit, int]], styles: Sequence[Style], tally: _Tally, timeout: float
) -> bool:
    """Runs exhibits side by side; False, and nothing noted, where the originals do not run."""
    before = _beside([e.before for e, _ in group])
    after = _beside([e.after for e, _ in group])
    cases = [Case(_inputs(before, i, style), i) for i, style in enumerate(styles)]
    with tempfile.TemporaryDirectory(prefix="port-") as folder:
        runs = []
        with Child() as child:  # small models: one process does
            for name, model in (("before", before), ("after", after)):
                path = Path(folder) / f"{name}.onnx"
                save_model(model, path)
                runs.append(run_model(path, cases, timeout=timeout, child=child))
    first, second = (_values(r) for r in runs)
    if first is None or (second is None and len(group) > 1):
        return False
    for number, (exhibit, count) in enumerate(group):
        reason = "what was made of it does not run"
        if second is not None:
            reason = _difference(exhibit, number, first, second)
        if reason:
            tally.differing.append(
                Difference(exhibit.node, exhibit.rules, reason, exhibit.by_context)
            )
        else:
            tally.proved += count
            tally.kinds += 1
    return True


def _values(run: ModelRun | RunFailure) -> list[Values] | None:
    if isinstance(run, RunFailure):
        return None
    values = [r for r in run.results if isinstance(r, dict)]
    return values if len(values) == len(run.results) else None


def _difference(
    exhibit: Exhibit, number: int, before: Sequence[Values], after: Sequence[Values]
) -> str:
    """What differs in the outputs of one exhibit; empty if nothing does."""
    tolerance = Tolerance.for_classes({exhibit.exactness}, narrowest_float(exhibit.after))
    for info in exhibit.before.graph.output:
        name = f"{number}:{info.name}"
        pairs = [(x.get(name), y.get(name)) for x, y in zip(before, after, strict=True)]
        both = [(x, y) for x, y in pairs if x is not None and y is not None]
        if len(both) < len(pairs):
            return f"output '{info.name}' is missing"
        result = compare_output(info.name, [x for x, _ in both], [y for _, y in both], tolerance)
        if not result.passed:
            return f"output '{info.name}': {result.reason}"
    return ""


def _inputs(model: ModelProto, seed: int, style: Style) -> Mapping[str, npt.NDArray[Any]]:
    shapes = {}
    for name, value in graph_inputs(model).items():
        dims = declared_dims(value) or ()
        sizes = [d.dim_value for d in value.type.tensor_type.shape.dim]
        shapes[name] = tuple(sizes[: len(dims)])
    drawn = generate(model, shapes, seed, style=style)
    return {name: np.asarray(array) for name, array in drawn.items()}


def _beside(models: Sequence[ModelProto]) -> ModelProto:
    """One model of several, the names of each with its number in front."""
    whole = ModelProto()
    whole.CopyFrom(models[0])
    whole.graph.CopyFrom(GraphProto(name="exhibits"))
    for number, model in enumerate(models):
        graph = GraphProto()
        graph.CopyFrom(model.graph)
        for tensor in graph.initializer:
            tensor.name = f"{number}:{tensor.name}"
        for info in (*graph.input, *graph.output):
            info.name = f"{number}:{info.name}"
        for node in graph.node:
            node.name = ""  # names of nodes must differ, values tell them apart
            _prefix(node.input, number)
            _prefix(node.output, number)
        whole.graph.MergeFrom(graph)
    whole.graph.name = "exhibits"
    return whole


def _prefix(names: Any, number: int) -> None:
    """Puts the number before each name in place; what is left out stays so."""
    fresh: Iterable[str] = [f"{number}:{name}" if name else "" for name in names]
    del names[:]
    names.extend(fresh)
