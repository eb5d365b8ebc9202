"""Whether verification catches wrong rewrites, and lets correct ones pass.

    python benchmarks/mutants.py
    python benchmarks/mutants.py --list --quick 10

Correct rewrites are one rule of each family on onnx's own node tests (all inputs but the first
constant), blocks of networks converted for several targets, and the real models of tests/real
where its tests have left them. Wrong ones are made of them by one small change to the nodes that
the rules made; see mutants_edits.py. All are drawn with fixed seeds.

A changed model counts as wrong if it is valid ONNX (onnx's full check), is run by onnxruntime, and
differs from the correct one by more than the accepted error, a thousandth of an output's largest
element, on inputs that verification has no part in; see mutants_criterion.py. What changed nothing
is left out, and what differs by less than that everywhere is counted apart.

Each is held against the original as `porting.convert` does it: by `verify_files`, with the
tolerance and the magnitudes of inputs that go with the classes of the rules applied. A model counts
as caught if that says `failed`.
Small models are verified side by side in one file, each with outputs of its own, since starting
the processes takes longest; `--alone` verifies each by itself.
"""

import argparse
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import onnx
from mutants_criterion import (
    ACCEPTED,
    APPROXIMATE,
    EQUAL,
    SMALL,
    WRONG,
    Judge,
    by_onnxruntime,
)
from mutants_edits import KINDS, Mutation, mutations
from mutants_models import Specimen, of_blocks, of_nodes, of_real_models
from onnx import ModelProto
from onnx.compose import add_prefix

from porting.proof.given import Given
from porting.proof.styles import Style, styles_for
from porting.proof.verify import Tolerance, narrowest_float, verify_files

CORRECT = "correct"
ATTEMPTS = 10
"""Changes tried for each wrong rewrite that is wanted of a specimen."""

WIDE = 1024
"""Elements of the inputs up to which onnx.reference is quick enough to judge with."""

SIDE_BY_SIDE = 24


@dataclass(frozen=True)
class Candidate:
    """A model that claims to be the original.

    Attributes:
        specimen: What it was made of.
        model: The model.
        kind: `correct`, or what sort of slip.
        truth: `equal`, `small` or `wrong`, by the criterion.
        detail: The node and the change.
    """

    specimen: Specimen
    model: ModelProto
    kind: str = CORRECT
    truth: str = EQUAL
    detail: str = ""

    @property
    def tolerance(self) -> Tolerance:
        """What `porting.convert` would allow."""
        classes = self.specimen.classes or {"exact"}
        return Tolerance.for_classes(classes, narrowest_float(self.specimen.correct))

    @property
    def styles(self) -> tuple[Style, ...]:
        """What `porting.convert` would draw."""
        return styles_for(self.specimen.classes, narrowest_float(self.specimen.correct))

    @property
    def key(self) -> tuple[object, ...]:
        """Candidates that agree in it can be verified side by side."""
        models = (self.specimen.original, self.model)
        opsets = (tuple(sorted((o.domain, o.version) for o in m.opset_import)) for m in models)
        return (
            *opsets,
            self.tolerance,
            self.styles,
            self.specimen.name if self.specimen.real else "",
        )


class Collection:
    """Candidates, made so that all kinds of slips come up.

    Args:
        kinds: The slips to make.
    """

    def __init__(self, kinds: Iterable[str] = tuple(KINDS)) -> None:
        self._kinds = frozenset(kinds)
        self.candidates: list[Candidate] = []
        self.left_out: Counter[str] = Counter()
        self._drawn: Counter[str] = Counter()

    def add(self, specimen: Specimen, wanted: int) -> None:
        """Adds a specimen, and as many wrong ones of it as can be found, up to `wanted`."""
        if not all(_valid(m, specimen) for m in (specimen.original, specimen.correct)):
            self.left_out["specimens that onnxruntime does not run"] += 1
            return
        small = sum(array.size for array in specimen.example.values()) <= WIDE
        accepted = APPROXIMATE if "approximate" in specimen.classes else ACCEPTED
        runs = 8 if specimen.real else 24
        judge = Judge(specimen.correct, specimen.example, runs, accepted, small)
        if not judge.usable:
            self.left_out["specimens without a judgement"] += 1
            return
        self.candidates.append(Candidate(specimen, specimen.correct))
        found = 0
        for mutation in self._order(specimen, wanted * ATTEMPTS):
            truth, model = self._judged(mutation, specimen, judge)
            self.left_out[f"changes: {truth}"] += truth not in (WRONG, SMALL)
            if model is not None and truth in (WRONG, SMALL):
                detail = f"{mutation.node}: {mutation.detail}"
                made = Candidate(specimen, model, mutation.kind, truth, detail)
                self.candidates.append(made)
                self._drawn[mutation.kind] += truth == WRONG
                found += truth == WRONG
            if found == wanted:
                break

    def _order(self, specimen: Specimen, most: int) -> Iterator[Mutation]:
        """Changes to try; kinds that came up seldom so far first."""
        by_kind: dict[str, list[Mutation]] = {}
        for mutation in mutations(specimen.correct):
            if mutation.kind in self._kinds:
                by_kind.setdefault(mutation.kind, []).append(mutation)
        chance = random.Random(specimen.name)  # noqa: S311 - the same each time
        for each in by_kind.values():
            chance.shuffle(each)
        for _ in range(most):
            left = [kind for kind in KINDS if by_kind.get(kind)]
            if not left:
                return
            kind = min(left, key=lambda k: self._drawn[k])
            yield by_kind[kind].pop()
            if len(by_kind) > 1 and chance.random() < 0.5:  # no kind takes all attempts
                other = chance.choice(left)
                if by_kind[other]:
                    yield by_kind[other].pop()

    @staticmethod
    def _judged(
        mutation: Mutation, specimen: Specimen, judge: Judge
    ) -> tuple[str, ModelProto | None]:
        try:
            model = mutation.applied(specimen.correct)
        except ValueError:  # no such attribute value in a message
            return "invalid", None
        if not _valid(model, specimen):
            return "invalid", None
        return judge.judge(model)[0], model


def _valid(model: ModelProto, specimen: Specimen) -> bool:
    try:
        onnx.checker.check_model(model, full_check=True)
        by_onnxruntime(model)(specimen.example)
    except Exception:  # noqa: BLE001 - whatever is wrong with it, it is not valid
        return False
    return True


def collect(quick: int = 1, real: bool = True) -> Collection:
    """All candidates; of every `quick`-th specimen only."""
    collection = Collection()
    for specimen in list(of_nodes())[::quick]:
        collection.add(specimen, 2)
    for specimen in list(of_blocks())[::quick]:
        collection.add(specimen, 5)
    if real:
        for specimen in list(of_real_models())[::quick]:
            collection.add(specimen, 5)
    return collection


def verdicts(candidates: Sequence[Candidate], alone: bool = False) -> dict[int, str]:
    """By position, why verification calls a candidate wrong; empty where it does not."""
    groups: dict[tuple[object, ...], list[int]] = {}
    for position, candidate in enumerate(candidates):
        groups.setdefault(candidate.key, []).append(position)
    reasons: dict[int, str] = {}
    for group in groups.values():
        size = 1 if alone or candidates[group[0]].specimen.real else SIDE_BY_SIDE
        for start in range(0, len(group), size):
            part = group[start : start + size]
            found = _verified([candidates[p] for p in part])
            if found is None:
                found = [(_verified([candidates[p]]) or ["failed"])[0] for p in part]
            reasons |= dict(zip(part, found, strict=True))
    return reasons


def _verified(candidates: Sequence[Candidate]) -> list[str] | None:
    """Why each failed; None where several are not told apart."""
    with tempfile.TemporaryDirectory() as folder:
        a, b = Path(folder) / "a.onnx", Path(folder) / "b.onnx"
        if len(candidates) == 1:
            onnx.save(candidates[0].specimen.original, a)
            onnx.save(candidates[0].model, b)
        else:
            onnx.save(_beside([c.specimen.original for c in candidates]), a)
            onnx.save(_beside([c.model for c in candidates]), b)
        first = candidates[0]
        given = Given(styles=first.styles)
        result = verify_files(a, b, inputs=given, tolerance=first.tolerance)
    if len(candidates) == 1:
        return [result.reason if result.status == "failed" else ""]
    by_name = {output.name: output for output in result.outputs}
    if len(by_name) < sum(len(c.specimen.original.graph.output) for c in candidates):
        return None
    found = []
    for number, _ in enumerate(candidates):
        wrong = [o for n, o in by_name.items() if n.startswith(f"{number}:") and not o.passed]
        found.append(f"{wrong[0].name}: {wrong[0].reason}" if wrong else "")
    return found


def _beside(models: Sequence[ModelProto]) -> ModelProto:
    """One model of several, the names of each with its number in front."""
    whole = ModelProto()
    whole.CopyFrom(models[0])
    whole.graph.Clear()
    whole.ir_version = max(m.ir_version for m in models)
    for number, model in enumerate(models):
        whole.graph.MergeFrom(add_prefix(model, f"{number}:").graph)
    whole.graph.name = "beside"
    return whole


def report(collection: Collection, reasons: dict[int, str], listing: bool) -> int:
    """Prints the tables; how many wrong ones were missed and correct ones flagged."""
    pairs = list(enumerate(collection.candidates))
    wrong = [(p, c) for p, c in pairs if c.truth == WRONG]
    small = [(p, c) for p, c in pairs if c.truth == SMALL]
    correct = [(p, c) for p, c in pairs if c.kind == CORRECT]
    print(f"{'change':<30} {'caught':>6} {'missed':>6}")
    for kind in KINDS:
        mine = [bool(reasons[p]) for p, c in wrong if c.kind == kind]
        print(f"{kind:<30} {sum(mine):>6} {len(mine) - sum(mine):>6}")
    missed = [(p, c) for p, c in wrong if not reasons[p]]
    alarms = [(p, c) for p, c in correct if reasons[p]]
    caught, rules = len(wrong) - len(missed), {r for _, c in wrong for r in c.specimen.rules}
    print(f"{'all':<30} {caught:>6} {len(missed):>6}   {caught / max(len(wrong), 1):.1%}")
    print(
        f"wrong rewrites of {len(rules)} rules, {len({c.specimen.name for _, c in wrong})} models"
    )
    print(f"correct rewrites: {len(correct)}, flagged {len(alarms)}")
    print(f"within the accepted error: {len(small)}, ", end="")
    print(f"caught {sum(bool(reasons[p]) for p, _ in small)}")
    for what, count in sorted(collection.left_out.items()):
        if count:
            print(f"left out, {what}: {count}")
    for title, rows in (("missed", missed), ("flagged", alarms)) if listing else ():
        for position, c in rows:
            print(f"{title}: {c.specimen.name}: {c.kind}: {c.detail} {reasons[position]}")
    return len(missed) + len(alarms)


def main() -> None:
    """Makes the models, verifies them, prints the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--list", action="store_true", help="Show what was missed or flagged.")
    parser.add_argument("--alone", action="store_true", help="Verify each model by itself.")
    parser.add_argument("--quick", type=int, default=1, help="Take every so many models only.")
    parser.add_argument("--no-real", action="store_true", help="Leave the real models out.")
    arguments = parser.parse_args()
    collection = collect(arguments.quick, not arguments.no_real)
    reasons = verdicts(collection.candidates, arguments.alone)
    sys.exit(bool(report(collection, reasons, arguments.list)))


if __name__ == "__main__":
    main()
