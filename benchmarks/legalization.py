"""How many of the operators that a chip refuses or computes otherwise become legal.

    python benchmarks/legalization.py
    python benchmarks/legalization.py --target canaan-k230 --reasons

A pair is an operator that a rewrite is known for and a target on which at least one specimen of
it is `unsupported` or `deviates`. Specimens are the node tests of the onnx package in which the
operator stands alone, all inputs but the first constant as in most models (sizes are constant,
too), at the newest opset that both onnx's test and port know. Left out are those in types that
models are not written in: text, floats of 8 and 4 bits, integers of 2 and 4, the unsigned and
16-bit integers that no framework computes in. Each is converted as `port convert` does, without
the proof, which the tests of the rules make. A specimen counts as legal if every node of the
result runs on the chip or its host.

Printed per target: pairs; the share of them of which every refused specimen becomes legal, and the
mean share of a pair's refused specimens; then the same with approximate and conditional rules.
"""

import argparse
import functools
import re
import tempfile
import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
from onnx import ModelProto, helper, numpy_helper

import porting
from porting.capability.targets import available
from porting.errors import PortError
from porting.legalize.opset import NEWEST
from porting.model.dtypes import NAME_OF
from porting.rules import registry

TARGETS = ("rockchip-rk3588", "axera-ax650", "ascend-310p", "sophgo-bm1684x")
WEAK = ("conditional", "approximate")

WITHOUT_RULE = {
    "Col2Im": "",
    "DeformConv": "",
    "ImageDecoder": "decodes files",
    "LabelEncoder": "maps text",
    "MaxRoiPool": "regions known at run time only",
    "Multinomial": "random",
    "RandomNormal": "random",
    "RandomUniform": "random",
    "RegexFullMatch": "text",
    "StringConcat": "text",
    "StringNormalizer": "text",
    "StringSplit": "text",
    "TensorScatter": "",
    "TfIdfVectorizer": "text",
}
"""Operators that the literature covers and port has no rule for, and why they cannot have one."""


SIZES = {
    "BlackmanWindow",
    "ConstantOfShape",
    "HammingWindow",
    "HannWindow",
    "MelWeightMatrix",
    "Range",
}
"""Operators whose inputs are sizes, which a model knows when it is exported."""

TYPES = {"bool", "float16", "float32", "float64", "int32", "int64", "int8", "uint8"}


@dataclass
class Pair:
    """One operator on one target.

    Attributes:
        refused: Specimens that the target refuses.
        legal: How many of them become legal.
        reasons: What remains, in port's words, with counts.
    """

    refused: int = 0
    legal: int = 0
    reasons: Counter[str] = field(default_factory=Counter)


@functools.cache
def specimens() -> dict[str, list[ModelProto]]:
    """Models of one node, by operator."""
    from onnx.backend.test.case.node import collect_testcases

    covered = {r.op_type for r in registry()} | set(WITHOUT_RULE)
    found: dict[str, list[ModelProto]] = defaultdict(list)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for case in collect_testcases(None):
            nodes = case.model.graph.node
            if len(nodes) == 1 and nodes[0].op_type in covered and not nodes[0].domain:
                found[nodes[0].op_type] += specimen(case.model, case.data_sets)
    return found


def specimen(
    model: ModelProto, data_sets: Sequence[tuple[Sequence[object], ...]]
) -> list[ModelProto]:
    """The model with all inputs but the first as constants; none where that cannot be."""
    values = (*model.graph.input, *model.graph.output)
    opset = next(o.version for o in model.opset_import if not o.domain)
    if not data_sets or not all(v.type.HasField("tensor_type") for v in values):
        return []
    numbers = {v.type.tensor_type.elem_type for v in values}
    if not {NAME_OF.get(n, "") for n in numbers} <= TYPES:
        return []
    copy = ModelProto()
    copy.CopyFrom(model)
    first = 0 if model.graph.node[0].op_type in SIZES else 1
    given = data_sets[0][0]
    arrays = [
        numpy_helper.to_array(a) if isinstance(a, onnx.TensorProto) else np.asarray(a)
        for a in given
    ]
    names = [i.name for i in copy.graph.input]
    for index, array in reversed(list(enumerate(arrays))[first:]):
        copy.graph.initializer.append(numpy_helper.from_array(array, names[index]))
        del copy.graph.input[index]
    del copy.opset_import[:]
    copy.opset_import.append(helper.make_opsetid("", min(opset, NEWEST)))
    try:
        onnx.checker.check_model(copy)
    except onnx.checker.ValidationError:
        return []
    return [copy]


def measure(target: str, allow: Sequence[str], folder: Path) -> dict[str, Pair]:
    """The pairs of a target."""
    pairs: dict[str, Pair] = {}
    for op_type, models in sorted(specimens().items()):
        pair = Pair()
        for model in models:
            for reason in converted(model, target, allow, folder):
                pair.refused += 1
                pair.legal += not reason
                pair.reasons.update([reason] * bool(reason))
        if pair.refused:
            pairs[op_type] = pair
    return pairs


def converted(model: ModelProto, target: str, allow: Sequence[str], folder: Path) -> Iterator[str]:
    """Nothing for a model that the target takes; else why it is refused still, or an empty text."""
    try:
        result = porting.convert(model, target, folder / "o.onnx", allow=allow, verify=False)
    except PortError as error:
        yield error.message
        return
    verdicts = {n.verdict for n in result.before.nodes}
    if verdicts & {"unsupported", "deviates"}:
        yield "" if result.after.passed else _reason(result)


def _reason(result: porting.results.ConvertResult) -> str:
    rules = [d for d in result.declined if d.rule and not d.rule.startswith("opset-")]
    remaining = [n for n in result.after.nodes if n.verdict not in {"supported", "fallback"}]
    if not remaining:
        return result.after.findings[0].message
    first = next(iter(rules or result.declined), None)
    if first is not None:
        return f"{first.rule or first.op_type}: {re.sub(r'[0-9]+', 'N', first.reason)}"
    return remaining[0].findings[0].message


def line(target: str, note: str, pairs: dict[str, Pair]) -> str:
    """The row of a target."""
    whole = sum(1 for p in pairs.values() if p.legal == p.refused)
    mean = np.mean([p.legal / p.refused for p in pairs.values()]) if pairs else 1.0
    count = max(len(pairs), 1)
    return (
        f"{target:<22} {note:<12} {len(pairs):5d} pairs  {100 * whole / count:5.1f} % wholly legal"
        f"  {100 * mean:5.1f} % of specimens"
    )


def main() -> None:
    """Prints the shares."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--target", action="append", help="May be repeated; all for every one.")
    parser.add_argument("--reasons", action="store_true", help="Print what remains, and why.")
    arguments = parser.parse_args()
    targets = arguments.target or TARGETS
    if targets == ["all"]:
        targets = sorted(available())
    with tempfile.TemporaryDirectory() as folder:
        for target in targets:
            for note, allow in (("by default", ()), ("with weak", WEAK)):
                pairs = measure(target, allow, Path(folder))
                print(line(target, note, pairs), flush=True)
            if arguments.reasons:
                for op_type, pair in pairs.items():
                    if pair.legal < pair.refused:
                        print(f"  {op_type}: {pair.legal} of {pair.refused}")
                        for reason, count in pair.reasons.most_common(3):
                            print(f"    {count} x {reason[:200]}")


if __name__ == "__main__":
    main()
