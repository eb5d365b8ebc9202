"""What is done to a graph, step by step, before the result is proved and written."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from onnx import ModelProto

from porting.capability.judge import Judge
from porting.conversion import Declined, Halving, Kept, Rewrite
from porting.legalize.casts import cancel_casts
from porting.legalize.driver import legalize
from porting.legalize.exhibits import Exhibits
from porting.legalize.halve import halve
from porting.legalize.normalise import clean, normalise
from porting.legalize.policy import Policy
from porting.legalize.search import LEGAL
from porting.legalize.sharing import share_constants
from porting.legalize.singles import singles
from porting.legalize.tame import Tamed, tame_masks
from porting.legalize.window import enter_window
from porting.model.graph import Graph
from porting.model.write import write_model
from porting.prepare import Prepared
from porting.rules import registry


@dataclass(frozen=True)
class Wishes:
    """What the rewriting has to know besides the chip.

    Attributes:
        policy: Which rules may be applied.
        dtype: Half precision to bring the model to; empty for none.
        keep_io_types: Whether its inputs and outputs stay float32 then.
        as_type: Compute type that will be simulated; empty for none.
    """

    policy: Policy
    dtype: str = ""
    keep_io_types: bool = True
    as_type: str = ""


@dataclass(frozen=True)
class Rewritten:
    """The converted model, not yet on disk.

    Attributes:
        proto: The model; untouched weights still refer to the loaded file.
        rewrites: What was rewritten, in the order of the steps and of the model.
        declined: Why rules declined, for nodes that remain.
        halving: What half precision changed, where it was asked for.
        tamed: What was done to masks for the type that is simulated.
        exhibits: Each kind of rewrite by itself; empty if none were asked for.
    """

    proto: ModelProto
    rewrites: tuple[Rewrite, ...]
    declined: tuple[Declined, ...]
    halving: Halving | None = None
    tamed: Tamed = field(default_factory=Tamed)
    exhibits: Exhibits = field(default_factory=Exhibits)


def rewrite(
    prepared: Prepared, judge: Judge, wishes: Wishes, exhibits: Exhibits | None = None
) -> Rewritten:
    """Legalizes a prepared model in place.

    Args:
        prepared: The loaded model and its graph, which is used up.
        judge: Says what is legal.
        wishes: What the user wants.
        exhibits: Takes a small model of each kind of rewrite; None makes none.
    """
    graph, policy = prepared.graph, wishes.policy
    normalise(graph)
    window = enter_window(graph, judge.table, registry(), policy, exhibits)
    normalise(graph)
    narrowed = singles(graph, judge, policy)
    halves, halving = _halve(graph, wishes) if wishes.dtype else ((), None)
    tamed = Tamed()
    if wishes.as_type:
        tamed = tame_masks(graph, wishes.as_type, registry(), policy)
    rewrites, declined = legalize(graph, judge, registry(), policy, exhibits)
    cancel_casts(graph, lambda node: judge.verdict(node) in LEGAL)
    share_constants(graph)
    clean(graph)
    proto = write_model(graph, prepared.loaded.proto, graph.context.opsets)
    done = (*window.rewrites, *narrowed, *halves, *tamed.rewrites, *rewrites)
    left = (*window.declined, *declined)
    return Rewritten(proto, done, left, halving, tamed, exhibits or Exhibits())


def _halve(graph: Graph, wishes: Wishes) -> tuple[Sequence[Rewrite], Halving]:
    """Half precision before anything is judged, so that the chip is asked about what it gets."""
    done = halve(graph, wishes.dtype, keep_io=wishes.keep_io_types)
    rewrites = [
        Rewrite(n.origin or n.name, n.key, "halve", "approximate", (n.key,), n.graph.path)
        for n in done.nodes.changed
    ]
    kept = tuple(
        Kept(n.origin or n.name, n.key, reason, n.graph.path) for n, reason in done.nodes.kept
    )
    clean(graph)
    return rewrites, Halving(wishes.dtype, wishes.keep_io_types, kept, done.masks)
