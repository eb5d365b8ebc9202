import hashlib

import numpy as np
import onnx
import pytest
from legalize.toy import model, write_table

import porting
from porting import converting, rewriting
from porting.errors import ModelError, UsageError
from porting.legalize.rule import Registry, rule
from porting.proof.judge import Verification
from porting.proof.local import LocalProof
from porting.proving import Evidence
from porting.rules import registry

HARD_SWISH = "g (float[n,4] x) => (float[n,4] y) { y = HardSwish(x) }"
TABLE = "Mul: {}\nAdd: {}\nClip: {}\nHardSigmoid: {}\nRelu: {}"


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "model.onnx"
    onnx.save_model(model(HARD_SWISH), path)
    return path


def test_a_model_is_rewritten_proved_and_written(source, tmp_path):
    out = tmp_path / "out.onnx"
    result = porting.convert(source, "", out, op_map=write_table(tmp_path, TABLE))
    assert result.before.counts["unsupported"] == 1
    assert result.after.legal
    assert result.verification["status"] == "passed"
    assert result.verification["outputs"][0]["max_rel"] < 1e-3
    assert result.output is not None
    assert result.output.sha256 == hashlib.sha256(out.read_bytes()).hexdigest()
    assert (result.after.model.path, result.after.model.sha256) == (str(out), result.output.sha256)
    assert "HardSwish" not in {n.op_type for n in onnx.load(out).graph.node}


def test_the_input_file_is_not_modified(source, tmp_path):
    before = source.read_bytes()
    porting.convert(source, "", tmp_path / "o.onnx", op_map=write_table(tmp_path, TABLE))
    assert source.read_bytes() == before


def test_two_conversions_write_the_same_bytes(source, tmp_path):
    table = write_table(tmp_path, TABLE)
    for name in ("a.onnx", "b.onnx"):
        porting.convert(source, "", tmp_path / name, op_map=table)
    assert (tmp_path / "a.onnx").read_bytes() == (tmp_path / "b.onnx").read_bytes()


def test_a_model_that_is_not_fully_legal_is_written_with_partial_only(source, tmp_path):
    table = write_table(tmp_path, "Relu: {}")
    out = tmp_path / "out.onnx"
    result = porting.convert(source, "", out, op_map=table)
    assert not result.passed
    assert result.output is None
    assert not out.exists()
    assert {d.op_type for d in result.declined} == {"HardSwish"}
    assert all(d.reason for d in result.declined)
    result = porting.convert(source, "", out, op_map=table, partial=True)
    assert not result.passed
    assert out.exists()


def test_a_result_that_differs_is_never_written(source, tmp_path, monkeypatch):
    failed = Evidence(Verification("failed", "they differ"), LocalProof())
    monkeypatch.setattr(converting, "gather", lambda *arguments, **options: failed)
    out = tmp_path / "out.onnx"
    table = write_table(tmp_path, TABLE)
    result = porting.convert(source, "", out, op_map=table, partial=True)
    assert not result.passed
    assert result.output is None
    assert not out.exists()


@rule("HardSwish", exactness="reordered")
def hard_swish_wrongly(op, node):
    """HardSwish as Relu, which is cheap and wrong."""
    return op.Relu(node.inputs[0])


@pytest.fixture
def a_wrong_rule(monkeypatch):
    rules = Registry([*hard_swish_wrongly.rules, *registry()])  # type: ignore[attr-defined]
    monkeypatch.setattr(rewriting, "registry", lambda: rules)


@pytest.mark.usefixtures("a_wrong_rule")
def test_a_rule_that_proves_wrong_is_rolled_back_and_the_next_one_tried(source, tmp_path):
    out = tmp_path / "out.onnx"
    result = porting.convert(source, "", out, op_map=write_table(tmp_path, TABLE))
    (rolled_back,) = result.verification["rolled_back"]
    assert (rolled_back["rule"], rolled_back["node"]) == ("hard-swish-wrongly", "y")
    assert "elements differ" in rolled_back["reason"]
    assert result.passed
    assert result.verification["local"]["proved"] == 1
    assert out.exists()


@pytest.mark.usefixtures("a_wrong_rule")
def test_nothing_is_written_where_only_a_wrong_rule_would_do(source, tmp_path):
    out = tmp_path / "out.onnx"
    result = porting.convert(source, "", out, op_map=write_table(tmp_path, "Relu: {}"))
    assert not result.passed
    assert not out.exists()
    reasons = {d.rule: d.reason for d in result.declined}
    assert reasons["hard-swish-wrongly"] == "it was rolled back, because its result differs"
    assert result.verification["rolled_back"]


def test_outputs_that_no_rewrite_has_touched_are_identical_by_their_computation(tmp_path):
    path = tmp_path / "m.onnx"
    body = "g (float[2,4] x) => (float[2,4] y, float[2,4] z) { y = Gelu(x) z = Relu(x) }"
    onnx.save_model(model(body, opset=20), path)
    out = tmp_path / "o.onnx"
    result = porting.convert(
        path, "", out, op_map=write_table(tmp_path, TABLE + "\nErf: {}\nDiv: {}")
    )
    assert result.verification["identical"] == ["z"]


def test_shapes_that_are_given_are_fixed_in_the_result(source, tmp_path):
    out = tmp_path / "out.onnx"
    table = write_table(tmp_path, TABLE)
    porting.convert(source, "", out, op_map=table, dims={"n": 3})
    shape = onnx.load(out).graph.input[0].type.tensor_type.shape
    assert [d.dim_value for d in shape.dim] == [3, 4]


def test_without_verification_that_is_said(source, tmp_path):
    out = tmp_path / "out.onnx"
    result = porting.convert(source, "", out, op_map=write_table(tmp_path, TABLE), verify=False)
    assert result.verification["status"] == "skipped"
    assert "no-verify" in result.verification["reason"]
    assert not result.verified
    assert result.passed
    assert out.exists()


def test_a_model_in_memory_is_converted_too(tmp_path):
    given = model(HARD_SWISH)
    copy = given.SerializeToString()
    table = write_table(tmp_path, TABLE)
    result = porting.convert(given, "", tmp_path / "o.onnx", op_map=table)
    assert result.verified
    assert given.SerializeToString() == copy


def test_own_inputs_are_what_is_compared(source, tmp_path):
    inputs = {"x": np.array([[np.nan, np.inf, -np.inf, -0.0]], np.float32)}
    table = write_table(tmp_path, TABLE)
    result = porting.convert(source, "", tmp_path / "o.onnx", op_map=table, inputs=inputs)
    assert result.verification["outputs"][0]["shape"] == [1, 4]


def test_an_older_toolchain_gets_an_older_opset(tmp_path):
    path = tmp_path / "m.onnx"
    body = """g (float[2,6] x) => (float[2,3] a, float[2,3] b) {
                a, b = Split<axis = 1, num_outputs = 2>(x) }"""
    onnx.save_model(model(body, opset=18), path)
    table = write_table(tmp_path, "Split: {}", "{range: 11..12}")
    result = porting.convert(path, "", tmp_path / "o.onnx", op_map=table)
    assert result.before.findings[0].code == "model-opset"
    assert result.after.model.opsets == {"ai.onnx": 12}
    assert (result.before.model.ir_version, result.after.model.ir_version) == (8, 7)
    assert result.passed
    assert result.verified


def test_the_json_is_what_the_design_says(source, tmp_path):
    table = write_table(tmp_path, TABLE)
    data = porting.convert(source, "", tmp_path / "o.onnx", op_map=table).to_dict()
    assert data["schema"] == "port.convert/1"
    assert data["before"]["schema"] == data["after"]["schema"] == "port.check/1"
    assert set(data["rewrites"][0]) >= {"node", "op_type", "rule", "class", "produced"}
    assert data["verification"]["status"] == "passed"
    assert set(data["output"]) == {"path", "sha256"}


def test_an_output_that_cannot_be_is_refused_before_any_work(source, tmp_path):
    table = write_table(tmp_path, TABLE)
    for out, code in [
        (tmp_path, "output-not-a-file"),
        (tmp_path / "none" / "o.onnx", "output-folder-missing"),
        (source, "output-is-input"),
    ]:
        with pytest.raises(UsageError) as error:
            porting.convert(source, "", out, op_map=table)
        assert error.value.code == code


def test_an_unknown_class_or_rule_is_refused(source, tmp_path):
    with pytest.raises(UsageError) as error:
        porting.convert(
            source, "", tmp_path / "o", op_map=write_table(tmp_path, TABLE), allow=["x"]
        )
    assert error.value.code == "rule-unknown"


def test_a_broken_model_is_refused_and_nothing_written(tmp_path):
    path = tmp_path / "broken.onnx"
    path.write_bytes(b"\x08\x08\x3a")
    with pytest.raises(ModelError):
        porting.convert(path, "", tmp_path / "o.onnx", op_map=write_table(tmp_path, TABLE))
    assert not (tmp_path / "o.onnx").exists()


def test_a_node_that_onnx_forbids_is_named_and_nothing_written(tmp_path):
    path, out = tmp_path / "m.onnx", tmp_path / "o.onnx"
    body = "g (float[4] x) => (float[2] y, float[2] z) { [cut] y, z = Split <num_outputs = 2> (x) }"
    onnx.save_model(model(body), path)
    table = write_table(tmp_path, "Split: {}")
    with pytest.raises(ModelError) as error:
        porting.convert(path, "", out, op_map=table, verify=False)
    assert error.value.code == "node-invalid"
    assert "node cut (Split)" in error.value.message
    assert not out.exists()
