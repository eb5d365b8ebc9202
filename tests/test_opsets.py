import json

import numpy as np
import onnx
import pytest
from legalize.toy import model

import porting
from porting.cli.app import run
from porting.errors import OpsetError, UsageError

REDUCE = """g (float[2,6] x) => (float[2,1] y) {
  axes = Constant<value = int64[1] {1}>() y = ReduceMax(x, axes) }"""
TEXTS = "g (string[2] a, string[2] b) => (string[2] y) { [text] y = StringConcat(a, b) }"


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "model.onnx"
    onnx.save_model(model(REDUCE, opset=18), path)
    return path


def test_a_model_in_memory_comes_back_at_the_other_opset():
    given = model(REDUCE, opset=18)
    result = porting.convert_opset(given, 13)
    onnx.checker.check_model(result, full_check=True)
    assert [(o.domain, o.version) for o in result.opset_import] == [("", 13)]
    assert given.opset_import[0].version == 18
    x = np.arange(12, dtype=np.float32).reshape(2, 6)
    (y,) = onnx.reference.ReferenceEvaluator(result).run(None, {"x": x})
    assert y.tolist() == [[5.0], [11.0]]


def test_weights_of_a_file_are_in_the_result(tmp_path):
    weights = np.arange(4000, dtype=np.float32)
    m = model("g (float[4000] x) => (float[4000] y) { y = Add(x, w) }", opset=14)
    m.graph.initializer.append(onnx.numpy_helper.from_array(weights, "w"))
    path = tmp_path / "m.onnx"
    onnx.save_model(m, path)
    (tensor,) = porting.convert_opset(path, 13).graph.initializer
    assert np.array_equal(onnx.numpy_helper.to_array(tensor), weights)


def test_what_an_older_opset_cannot_say_is_named_with_the_reason():
    with pytest.raises(OpsetError) as error:
        porting.convert_opset(model(TEXTS, opset=20), 13)
    assert error.value.code == "opset-blocked"
    assert "text (StringConcat): " in error.value.message


@pytest.mark.parametrize("version", [1, 99])
def test_a_version_out_of_range_is_refused(version):
    with pytest.raises(UsageError) as error:
        porting.convert_opset(model(REDUCE, opset=18), version)
    assert error.value.code == "opset-range"


def test_the_command_writes_a_proved_model(source, tmp_path, capsys):
    out = tmp_path / "out.onnx"
    assert run(["opset", str(source), "--to", "11", "-o", str(out)]) == 0
    text = capsys.readouterr().out
    assert "proved" in text
    assert "opset 11" in text
    assert onnx.load(out).opset_import[0].version == 11


def test_the_command_writes_nothing_where_a_node_blocks(tmp_path, capsys):
    path, out = tmp_path / "m.onnx", tmp_path / "out.onnx"
    onnx.save_model(model(TEXTS, opset=20), path)
    arguments = ["opset", str(path), "--to", "13", "-o", str(out)]
    assert run(arguments) == 1
    assert "StringConcat (text)" in capsys.readouterr().out
    assert run([*arguments, "--format", "json"]) == 1
    data = json.loads(capsys.readouterr().out)
    assert (data["schema"], data["verdict"], data["output"]) == ("port.opset/1", "fail", None)
    assert data["blockers"][0]["reason"]
    assert not out.exists()


def test_the_command_refuses_to_overwrite_its_input(source, capsys):
    assert run(["opset", str(source), "--to", "13", "-o", str(source)]) == 2
    assert "error[output-is-input]" in capsys.readouterr().err


def test_rules_are_listed_with_class_and_mathematics(capsys):
    assert run(["rules", "--operator", "Gelu"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("Gelu  gelu-to-erf ") and "reordered" in line for line in lines)
    assert all(line.startswith("Gelu ") for line in lines)
    assert run(["rules", "--format", "json"]) == 0
    rules = json.loads(capsys.readouterr().out)
    assert {"name", "op_type", "class", "summary"} == set(rules[0])
    assert len({r["name"] for r in rules}) == len(rules)


def test_one_rule_is_shown_in_full_and_a_wrong_name_gets_a_guess(capsys):
    assert run(["rules", "show", "gelu-to-erf"]) == 0
    assert "ONNX Gelu-20" in capsys.readouterr().out
    assert run(["rules", "show", "gelu-to-erg"]) == 2
    assert "did you mean gelu-to-erf" in capsys.readouterr().err
