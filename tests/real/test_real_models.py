import json

import onnx
import pytest
from real.models import MODELS, located

import porting

TARGETS = ["ascend-310p", "rockchip-rk3588", "axera-ax650"]
PAIRS = [pytest.param(m, t, id=f"{m.name}-{t}") for m in MODELS for t in TARGETS]
FAILING = {"deviates", "unsupported"}


@pytest.mark.parametrize(("model", "target"), PAIRS)
def test_check_gives_every_node_a_verdict_with_its_source(model, target, model_cache):
    path = located(model, model_cache)
    result = porting.check(path, target, shapes=model.shapes, dims=model.dims)
    assert sum(result.counts.values()) == len(result.nodes) == result.model.nodes > 0
    for node in result.nodes:
        if node.verdict != "supported":
            assert node.findings
            assert all(f.message and f.source for f in node.findings), node
    assert json.loads(json.dumps(result.to_dict()))["counts"] == result.counts


@pytest.mark.parametrize(("model", "target"), PAIRS)
def test_convert_gives_a_proved_model_or_a_reason_for_each_node(
    model, target, model_cache, tmp_path
):
    path = located(model, model_cache)
    out = tmp_path / "out.onnx"
    result = porting.convert(path, target, out, shapes=model.shapes, dims=model.dims, partial=True)
    assert result.verification["status"] == "passed", result.verification
    assert result.verification["outputs"]
    onnx.checker.check_model(str(out))
    explained = {(d.op_type, d.scope) for d in result.declined if d.reason}
    for node in result.after.nodes:
        if node.verdict in FAILING:
            assert (node.key, node.scope) in explained, node
    if not any(n.verdict in FAILING for n in result.after.nodes):
        assert result.passed


@pytest.mark.parametrize("model", MODELS[:3], ids=lambda m: m.name)
def test_ppocr_runs_on_ascend_310p_with_proof(model, model_cache, tmp_path):
    path = located(model, model_cache)
    out = tmp_path / "out.onnx"
    result = porting.convert(path, "ascend-310p", out, shapes=model.shapes)
    assert result.after.legal, [n for n in result.after.nodes if n.verdict == "unknown"][:3]
    assert result.after.model.opsets["ai.onnx"] <= 18
    assert result.verification["status"] == "passed"
    for output in result.verification["outputs"]:
        assert output["max_rel"] < 1e-3, output
