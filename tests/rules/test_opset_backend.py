"""The onnx package's own node tests, taken to older opsets and back up."""

from collections import Counter
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import ModelProto, numpy_helper
from onnx.backend.test.case.node import collect_testcases
from rules.harness import _all_cases, difference, run_ort, run_reference
from rules.test_opset_support import attempt

from porting.rules import registry

BLOCKED = {
    18: """
        AveragePool BitCast Cast CastLike CausalConvWithState CumProd DeformConv
        DequantizeLinear Equal GridSample ImageDecoder LinearAttention Mod QuantizeLinear
        RegexFullMatch Resize StringConcat StringSplit
    """,
    17: """
        AveragePool BitCast BitwiseAnd BitwiseNot BitwiseOr BitwiseXor Cast CastLike
        CausalConvWithState Col2Im CumProd DeformConv DequantizeLinear Equal GridSample
        ImageDecoder LinearAttention LpPool Mod OptionalGetElement OptionalHasElement
        QuantizeLinear RegexFullMatch Resize ScatterElements ScatterND Split StringConcat
        StringSplit
    """,
    13: """
        AveragePool BatchNormalization Bernoulli BitCast BitwiseAnd BitwiseNot BitwiseOr
        BitwiseXor Cast CastLike CausalConvWithState Col2Im CumProd DFT DeformConv
        DequantizeLinear Equal GridSample Identity If ImageDecoder LinearAttention Loop LpPool
        MelWeightMatrix Mod OptionalGetElement OptionalHasElement QuantizeLinear RegexFullMatch
        Resize RoiAlign STFT ScatterElements ScatterND SequenceMap Split StringConcat
        StringSplit
    """,
    11: """
        Attention AveragePool BatchNormalization Bernoulli BitCast BitwiseAnd BitwiseNot
        BitwiseOr BitwiseXor Cast CastLike CausalConvWithState Celu Col2Im Compress CumProd DFT
        DeformConv DequantizeLinear Dropout Einsum Equal GridSample Identity If ImageDecoder
        LinearAttention Loop LpPool MelWeightMatrix Mod NegativeLogLikelihoodLoss OneHot
        OptionalGetElement OptionalHasElement Pow QuantizeLinear Range RegexFullMatch Resize
        ReverseSequence RoiAlign STFT ScatterElements ScatterND SequenceMap Shape
        SoftmaxCrossEntropyLoss Split StringConcat StringSplit Unique
    """,
}
"""Operators some of whose cases cannot be expressed, with a reason that names the cause."""

PASSING = {18: 800, 17: 900, 13: 1100, 11: 1290}
"""At least so many cases give what they should."""


def _frozen(model: ModelProto, inputs: list[Any]) -> tuple[ModelProto, dict[str, Any]]:
    """The case with shapes, axes, sizes and the like as initializers, as models have them."""
    copy = ModelProto()
    copy.CopyFrom(model)
    copy.ir_version = min(copy.ir_version, 10)
    infos = list(copy.graph.input)
    del copy.graph.input[:]
    feed: dict[str, Any] = {}
    for index, (info, given) in enumerate(zip(infos, inputs, strict=False)):
        value = np.asarray(given) if isinstance(given, np.generic) else given
        settled = index > 0 or model.graph.node[0].op_type.endswith("Window")
        settled = settled and isinstance(value, np.ndarray) and value.dtype.kind in "iub"
        named = info.name in {"scales", "roi", "ratio"} and isinstance(value, np.ndarray)
        if named or (settled and value.size < 4096):
            copy.graph.initializer.append(numpy_helper.from_array(value, info.name))
        else:
            copy.graph.input.append(info)
            feed[info.name] = value
    return copy, feed


def _problem(case: Any, model: ModelProto, feed: dict[str, Any], wanted: list[Any]) -> str:
    """Empty if one of the runtimes gives the expected outputs; else what went wrong.

    One is enough: each lacks operators and types, and the reference has known faults in old
    versions, such as DequantizeLinear below opset 19, which it does not have at all.
    """
    last = "nothing ran it"
    model.ir_version = min(model.ir_version, 10)
    for run in (run_ort, run_reference):
        try:
            got = run(model, feed)
        except Exception as error:  # noqa: BLE001 - a runtime without the operator raises anything
            last = f"{run.__name__}: {error}"
            continue
        problems = [
            difference(a, np.asarray(b), max(case.rtol, 1e-3), max(case.atol, 1e-5))
            for a, b in zip(wanted, got, strict=True)
            if isinstance(a, np.ndarray)
        ]
        if not any(problems):
            return ""
        last = f"{run.__name__}: {max(problems)}"
    return last


def _opset(model: ModelProto) -> int:
    return next((o.version for o in model.opset_import if not o.domain), 0)


def _sweep(targets: tuple[int, ...], every: int = 1) -> tuple[Counter[str], dict[str, str]]:
    """Takes all cases through some opsets; shares, and the first reason of each operator."""
    shares: Counter[str] = Counter()
    blocked: dict[str, str] = {}
    wrong: list[str] = []
    for case in _all_cases(collect_testcases)[::every]:
        if not case.model.graph.node or case.model.functions or _opset(case.model) <= targets[0]:
            continue
        if case.name == "test_mvn":
            continue  # onnx's own full check of the unchanged model fails: no default for its body
        inputs, wanted = case.data_sets[0]
        model, feed = _frozen(case.model, inputs)
        original = model
        report = None
        for target in targets:
            model, report = attempt(model, target, registry())
            if report.blockers:
                break
        assert report is not None
        if report.blockers:
            shares["blocked"] += 1
            blocked.setdefault(report.blockers[0].node.op_type, report.blockers[0].reason)
            continue
        problem = _problem(case, model, feed, wanted)
        if not problem:
            shares["passed"] += 1
        elif _problem(case, original, feed, wanted):
            shares["runs in no runtime as it is"] += 1
        else:
            wrong.append(f"{case.name}: {problem[:300]}")
    assert not wrong, "\n".join(wrong)
    return shares, blocked


def _report(target: int, shares: Counter[str], blocked: dict[str, str]) -> None:
    total = sum(shares.values())
    print(f"\nto opset {target}: " + ", ".join(f"{k} {v / total:.0%}" for k, v in shares.items()))
    for op_type, reason in sorted(blocked.items()):
        print(f"  {op_type}: {reason[:120]}")


def test_some_to_13() -> None:
    shares, blocked = _sweep((13,), every=5)
    assert shares["passed"] > 4 * shares["runs in no runtime as it is"]
    assert all(blocked.values())


@pytest.mark.slow
@pytest.mark.parametrize("target", [18, 17, 13, 11])
def test_all_lowered(target: int) -> None:
    shares, blocked = _sweep((target,))
    _report(target, shares, blocked)
    assert shares["passed"] >= PASSING[target]
    assert set(blocked) <= set(BLOCKED[target].split())


@pytest.mark.slow
@pytest.mark.parametrize("target", [13, 18, 21])
def test_all_lowered_and_raised(target: int) -> None:
    shares, blocked = _sweep((9, target))
    _report(target, shares, blocked)
    assert shares["passed"] > 1000


def test_sweep_counts_what_it_should() -> None:
    assert onnx.defs.onnx_opset_version() >= 28
    assert len(_all_cases(collect_testcases)) > 1500
