"""The onnx package's own node tests, taken to older opsets and back up."""

import onnx
import pytest
from onnx.backend.test.case.node import collect_testcases
from rules.harness import _all_cases
from rules.opset_sweep import Swept, frozen, inexpressible, sweep, types_of

MISSED = {
    18: "AveragePool DeformConv Mod Resize",
    17: "AveragePool DeformConv Mod Resize Split",
    13: """
        AveragePool BatchNormalization DeformConv Identity MelWeightMatrix Mod OptionalGetElement
        Resize RoiAlign SequenceMap Split
    """,
    11: """
        AveragePool BatchNormalization DeformConv Identity MelWeightMatrix Mod OptionalGetElement
        Pow Resize RoiAlign Split
    """,
}
"""Operators some of whose cases the opset could express, and are declined."""


def run(targets: tuple[int, ...], every: int = 1) -> Swept:
    swept = Swept(list(sweep(targets, every)))
    wrong = [f"{o.name}: {o.reason[:300]}" for o in swept.outcomes if o.verdict == "wrong"]
    assert not wrong, "\n".join(wrong)
    assert all(o.reason for o in swept.outcomes if o.verdict != "passed")
    return swept


def test_some_to_13() -> None:
    swept = run((13,), every=5)
    assert swept.count("passed") > 4 * swept.count("not run")
    assert swept.share > 0.97


@pytest.mark.slow
@pytest.mark.parametrize("target", [18, 17, 13, 11])
def test_all_lowered(target: int) -> None:
    swept = run((target,))
    assert swept.share > 0.97
    assert {o.op_type for o in swept.missed} <= set(MISSED[target].split())


@pytest.mark.slow
@pytest.mark.parametrize("target", [13, 18, 21])
def test_all_lowered_and_raised(target: int) -> None:
    assert run((9, target)).count("passed") > 1000


def test_sweep_counts_what_it_should() -> None:
    assert onnx.defs.onnx_opset_version() >= 28
    assert len(_all_cases(collect_testcases)) > 1500


def test_what_cannot_be_expressed_is_told_from_what_could_be() -> None:
    cases = {c.name: c for c in _all_cases(collect_testcases)}

    def why(name: str, opset: int) -> str:
        model, _ = frozen(cases[name].model, cases[name].data_sets[0][0])
        return inexpressible(model, model.graph.node[0], opset)

    assert "the type tensor(float8e4m3fn)" in why("test_cast_FLOAT_to_FLOAT8E4M3FN", 18)
    assert "tensor(float8e4m3fn)" in types_of(19) - types_of(18)
    assert "bfloat16" in why("test_celu_bfloat16", 11)
    assert why("test_celu_bfloat16", 13) == ""
    assert "images" in why("test_image_decoder_decode_jpeg_rgb", 18)
    assert "strings" in why("test_equal_string", 18)
    assert "random" in why("test_training_dropout_default", 11)
    assert "sequence" in why("test_loop13_seq", 11)
    assert why("test_loop13_seq", 13) == ""
    assert why("test_cumprod_1d", 11) == ""
