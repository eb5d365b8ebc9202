"""How often a capability table agrees with what the real compiler answered.

    python benchmarks/agreement.py
    python benchmarks/agreement.py --toolchain rockchip-rk3588 --target rk3588 --list

Agreement: `supported`, `fallback` or `deviates` where the compiler accepted, `unsupported` where
it rejected, crashed, ran out of time or left the kernel to the user. False yes: we say supported
or fallback, the compiler refuses. False no: we say unsupported, the compiler accepts. Where we say
that a model builds and fails on the board, the compiler ought to accept it.
"""

import argparse
import csv
import gzip
import io
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path

import onnx

from porting.capability.targets import available
from porting.checking import check
from porting.results import CheckResult, Finding, worst

TRUTH = Path(__file__).parent.parent / "tests" / "truth"
TOOLCHAINS = {
    "rockchip-rk3588": ("rockchip-rk3588", "float16"),
    "rockchip-rk3588-int8": ("rockchip-rk3588", "int8"),
    "rockchip-rk3576": ("rockchip-rk3576", "float16"),
    "rockchip-rk3566": ("rockchip-rk3566", "float16"),
    "rockchip-rv1106-int8": ("rockchip-rv1106", "int8"),
    "sophgo-bm1684x": ("sophgo-bm1684x", ""),
    "sophgo-cv181x": ("sophgo-cv181x", ""),
    "thead-c920": ("thead-hhb", ""),
    "thead-th1520": ("thead-hhb-th1520", ""),
    "thead-x86-ref": ("thead-hhb-x86-ref", ""),
    "canaan-nncase": ("canaan-k230", ""),
    "verisilicon-acuity": ("verisilicon-acuity", ""),
    "espressif-esp32p4-int8": ("espressif-esp32p4", "int8"),
}
"""Toolchain in the data to target and precision."""

LATE = "; it builds and fails"
"""How a reason says that the compiler does not notice."""


@dataclass(frozen=True)
class Row:
    """One answer of a compiler and what `port check` says of the same model.

    Attributes:
        name: The test and its variant.
        model: Name of the model in the archive.
        ops: Its operators.
        answer: What the compiler said.
        numbers: Whether its simulator agreed with onnxruntime: `ok`, `wrong` or empty.
        placement: Where the compiler put the nodes.
        reason: Its words.
        verdict: Ours.
        why: Our worst findings.
        advised: Whether a remark was made.
        late: Whether we say unsupported because of what shows on the board alone.
    """

    name: str
    model: str
    ops: str
    answer: str
    numbers: str
    placement: str
    reason: str
    verdict: str = ""
    why: str = ""
    advised: bool = False
    late: bool = False

    @property
    def accepted(self) -> bool:
        """Whether the compiler takes the model without code of the user's."""
        return self.answer == "accepted"

    @property
    def decided(self) -> bool:
        """Whether the table has an answer."""
        return self.verdict != "unknown"

    @property
    def agrees(self) -> bool:
        """Whether table and compiler say the same."""
        return self.decided and self.builds == self.accepted

    @property
    def builds(self) -> bool:
        """Whether the table has it that the compiler takes the model."""
        return self.verdict != "unsupported" or self.late

    @property
    def false_yes(self) -> bool:
        """Whether the table passes what the compiler refuses."""
        return self.verdict != "deviates" and self.decided and self.builds and not self.accepted


def answers(path: Path, toolchain: str) -> Iterator[Row]:
    """The rows of one toolchain."""
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as file:
        for r in csv.DictReader(file):
            if r["toolchain"] == toolchain:
                name = f"{r['test']}/{r['variant']}"
                texts = (r["model"], r["ops"], r["verdict"], r["numbers"], r["placement"])
                yield Row(name, *texts, r["reason"])


@cache
def _archive(path: Path) -> tuple[zipfile.ZipFile, dict[str, str]]:
    """The models, and their places in it by name; opened once in each process."""
    archive = zipfile.ZipFile(path)
    return archive, {Path(n).stem: n for n in archive.namelist() if n.endswith(".onnx")}


def judged(row: Row, models: Path, target: str, op_map: str | None, precision: str) -> Row:
    """The row with our verdict."""
    archive, names = _archive(models)
    proto = onnx.load(io.BytesIO(archive.read(names[row.model])))
    result = check(proto, target, op_map=op_map, precision=precision)
    findings = _findings(result)
    verdict = worst([f.verdict for f in findings])
    why = "; ".join(_reasons(findings, verdict))
    advised = any(f.code == "advice" for f in findings)
    late = verdict == "unsupported" and all(LATE in w for w in _reasons(findings, verdict))
    return Row(*_facts(row), verdict, why if verdict != "supported" else "", advised, late)


def _reasons(findings: Sequence[Finding], verdict: str) -> list[str]:
    return [f.message for f in findings if f.verdict == verdict]


def _facts(row: Row) -> tuple[str, str, str, str, str, str, str]:
    r = row
    return r.name, r.model, r.ops, r.answer, r.numbers, r.placement, r.reason


def _findings(result: CheckResult) -> list[Finding]:
    return [*result.findings, *(f for n in result.nodes for f in n.findings)]


def _batch(rows: Sequence[Row], *how: object) -> list[Row]:
    return [judged(row, *how) for row in rows]  # type: ignore[arg-type]


def judge_all(rows: Sequence[Row], how: Sequence[object], processes: int) -> list[Row]:
    """Every row judged, in batches over several processes."""
    remaining, batches = iter(rows), []
    while batch := list(islice(remaining, 50)):
        batches.append(batch)
    with ProcessPoolExecutor(processes) as pool:
        futures = [pool.submit(_batch, b, *how) for b in batches]
        return [row for f in futures for row in f.result()]


def figures(rows: Sequence[Row]) -> dict[str, str]:
    """What the rows come to, by name."""
    decided = [r for r in rows if r.decided]
    wrong = [r for r in rows if r.accepted and r.numbers == "wrong"]
    found = [r for r in wrong if r.verdict in {"deviates", "unsupported"} or r.advised]
    placed = [r for r in decided if r.agrees and r.placement in {"NPU", "CPU"}]
    right = [r for r in placed if (r.placement == "CPU") == (r.verdict == "fallback" or r.late)]
    right += [r for r in placed if r.verdict == "deviates"]
    false_no = [r for r in decided if not r.builds and r.accepted]
    return {
        "models": str(len(rows)),
        "decided": _share(len(decided), len(rows)),
        "agree, of decided": _share(sum(r.agrees for r in decided), len(decided)),
        "false yes, of decided": _share(sum(r.false_yes for r in decided), len(decided)),
        "false no, of decided": _share(len(false_no), len(decided)),
        "wrong numbers found": _share(len(found), len(wrong)),
        "placement, NPU or CPU": _share(len(right), len(placed)),
        "fails after the build": _share(sum(r.late for r in decided), len(rows)),
    }


def summary(rows: Sequence[Row]) -> str:
    """The figures, one a line."""
    return "\n".join(f"{name:24}{value}" for name, value in figures(rows).items())


def markdown(toolchain: str, target: str, rows: Sequence[Row]) -> str:
    """The row of docs/agreement.md."""
    values = list(figures(rows).values())[1:6]
    return f"| {toolchain} | {target} | {' | '.join(values)} |"


def _share(part: int, whole: int) -> str:
    return f"{part} of {whole} ({100 * part / max(whole, 1):.1f} %)"


def details(rows: Sequence[Row]) -> Iterator[str]:
    """Disagreements, undecided and unseen wrong numbers, grouped by operators."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        unseen = row.numbers == "wrong" and not row.advised and row.verdict != "deviates"
        if not row.agrees or unseen:
            groups[row.ops].append(row)
    for ops, group in sorted(groups.items(), key=lambda g: (-len(g[1]), g[0])):
        kinds = Counter(f"{r.verdict} / {r.answer} {r.numbers}".strip() for r in group)
        yield f"\n{ops}: " + ", ".join(f"{k} x{n}" for k, n in kinds.items())
        for r in group:
            yield f"  {r.verdict:11} {r.answer} {r.numbers} {r.name} {r.model}"
            yield f"      we: {r.why[:300]}\n      it: {r.reason[:200]}"


def measured(given: argparse.Namespace) -> Iterator[tuple[str, str, str]]:
    """Toolchain, target and precision of each table to hold to its compiler."""
    if given.toolchain:
        yield given.toolchain, given.target, given.precision
        return
    known = available()
    for toolchain, (target, precision) in TOOLCHAINS.items():
        if target in known:
            yield toolchain, target, precision


def main() -> None:
    """Prints the figures, with --list the disagreements."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--answers", type=Path, default=TRUTH / "answers.csv.gz", help="CSV")
    parser.add_argument("--models", type=Path, default=TRUTH / "models.zip", help="ONNX models")
    parser.add_argument("--toolchain", default="", help="only this one; needs --target")
    parser.add_argument("--target", default="", help="target id")
    parser.add_argument("--op-map", help="table file to use instead")
    parser.add_argument("--precision", default="")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--markdown", action="store_true", help="rows of docs/agreement.md")
    parser.add_argument("--list", action="store_true", help="list every disagreement")
    given = parser.parse_args()
    for toolchain, target, precision in measured(given):
        rows = list(answers(given.answers, toolchain))
        if not rows:
            parser.error(f"no row of {toolchain} in {given.answers}")
        how = (given.models, target, given.op_map, precision)
        done = judge_all(rows, how, given.processes)
        if given.list:
            print(*details(done), sep="\n")
            print()
        name = target or given.op_map
        if given.markdown:
            print(markdown(toolchain, name, done), flush=True)
        else:
            print(f"{toolchain}, held against {name}", summary(done), "", sep="\n", flush=True)


if __name__ == "__main__":
    main()
