"""How many of the operators that a chip refuses or computes otherwise become legal.

    python benchmarks/legalization.py
    python benchmarks/legalization.py --target canaan-k230 --reasons

A pair is an operator that a rewrite is known for and a target on which at least one specimen of
it is `unsupported` or `deviates`. Specimens are the node tests of the onnx package in which the
operator stands alone, all inputs but the first constant as in most models (sizes are constant,
too), at the newest opset that both onnx's test and port know. An Add stands in front of and behind
the node, since what toolchains refuse of models of a single node is not the operator's. Left out
are training, and types that models are not written in: text, floats of 8 and 4 bits, integers of 2
and 4, and those of 8 and 16 bits but for operators of quantisation. Each is converted as
`port convert` does, without the proof, which the tests of the rules make. A specimen counts as
legal if every node that stands in its place runs on the chip or its host.

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
from porting.results import FAILING
from porting.rules import registry

TARGETS = ("rockchip-rk3588", "axera-ax650", "ascend-310p", "sophgo-bm1684x")
WEAK = ("conditional", "approximate")

WITHOUT_RULE = ("DeformConv", "MaxRoiPool", "Multinomial", "RandomNormal", "TensorScatter")
"""Operators that the literature has a rewrite for, and port has none."""

SIZES = {
    "BlackmanWindow",
    "ConstantOfShape",
    "HammingWindow",
    "HannWindow",
    "MelWeightMatrix",
    "Range",
}
"""Operators whose inputs are sizes, which a model knows when it is exported."""

TYPES = {"bool", "float16", "float32", "float64", "int32", "int64"}
BYTES = {"int8", "uint8"}
QUANTISED = (
    "Cast",
    "Quantize",
    "Dequantize",
    "DynamicQuantize",
    "QLinear",
    "MatMulInteger",
    "ConvI",
)
"""How the names of operators begin that work on bytes."""

NAME = "specimen"


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
    node = model.graph.node[0]
    numbers = {v.type.tensor_type.elem_type for v in values}
    types = TYPES | (BYTES if node.op_type.startswith(QUANTISED) else set())
    if not {NAME_OF.get(n, "") for n in numbers} <= types or _trains(node):
        return []
    copy = ModelProto()
    copy.CopyFrom(model)
    copy.graph.node[0].name = NAME
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
    _surround(copy)
    return [copy]


def _trains(node: onnx.NodeProto) -> bool:
    is_dropout = node.op_type == "Dropout" and len(node.input) > 2
    return is_dropout or any(a.name == "training_mode" and a.i for a in node.attribute)


def _surround(model: ModelProto) -> None:
    """Puts an Add before the first input and behind each output, if the type has one."""
    graph, node = model.graph, model.graph.node[0]
    for info in (*graph.input[:1], *graph.output):
        number = info.type.tensor_type.elem_type
        dtype = helper.tensor_dtype_to_np_dtype(number)
        if dtype.kind not in "fi" or dtype.name in BYTES:
            continue
        outer, inner = info.name, f"{info.name}/inner"
        zero = f"{info.name}/zero"
        shape = (1,) if info.type.tensor_type.shape.dim else ()  # which keeps a scalar one
        graph.initializer.append(numpy_helper.from_array(np.ones(shape, dtype), zero))
        names = node.input if info in graph.input else node.output
        for index, name in enumerate(names):
            if name == outer:
                names[index] = inner
        ends = ([outer, zero], [inner]) if info in graph.input else ([inner, zero], [outer])
        add = helper.make_node("Add", *ends, name=f"{info.name}/add")
        graph.node.insert(0 if info in graph.input else len(graph.node), add)


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
    if not FAILING.isdisjoint(n.verdict for n in result.before.nodes if n.name == NAME):
        failing = [n for n in result.after.nodes if n.name.startswith(NAME)]
        yield _reason(result) if not FAILING.isdisjoint(n.verdict for n in failing) else ""


def _reason(result: porting.conversion.ConvertResult) -> str:
    order = ("policy", "result", "form")
    rules = [d for d in result.declined if d.rule and d.node == NAME]
    first = min(rules or result.declined, key=lambda d: order.index(d.kind), default=None)
    if first is None:
        return result.after.findings[0].message if result.after.findings else "not known"
    return f"{first.rule or first.op_type}: {re.sub(r'[0-9]+', 'N', first.reason)}"


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
