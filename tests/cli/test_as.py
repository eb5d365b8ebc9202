"""`--as`: a chip's compute type, simulated by `port verify` and `port convert`."""

import json

import onnx
import pytest
from legalize.toy import model, write_table

import porting
from porting.cli.app import run

LOW = ", ".join("0" if j <= i else "-3.4e38" for i in range(4) for j in range(4))
MASKED = (
    f"g (float[2,4,4] x) => (float[2,4,4] y) <float[4,4] m = {{{LOW}}}>"
    "{ a = MatMul(x, x) s = Add(a, m) y = Softmax(s) }"
)
TABLE = "Add: {}\nMatMul: {}\nSoftmax: {}\nExp: {}\nLog: {}"
CONVERT = ["convert", "masked.onnx", "--op-map", "toy.yaml", "-o", "out.onnx"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    onnx.save_model(model(MASKED), "masked.onnx")
    onnx.save_model(model("g (float[2] x) => (float[2] y) { y = Exp(x) }"), "exp.onnx")
    write_table(tmp_path, TABLE)
    return tmp_path


def test_verify_tells_the_drift_and_fails_only_by_a_tolerance(folder, capsys):
    command = ["verify", "exp.onnx", "exp.onnx", "--as", "bfloat16"]
    assert run(command) == 0
    assert "simulated    in bfloat16 output y drifts by" in capsys.readouterr().out
    assert run([*command, "--as-tolerance", "0.05"]) == 0
    capsys.readouterr()
    assert run([*command, "--as-tolerance", "1e-7"]) == 1
    assert "DRIFTS" in capsys.readouterr().out


def test_verify_writes_it_as_json_and_text(folder, capsys):
    command = ["verify", "masked.onnx", "masked.onnx", "--as", "float16"]
    assert run([*command, "--format", "json"]) == 0
    data = json.loads(capsys.readouterr().out)
    found = data["simulation"]
    assert (found["as"], found["status"], found["counts"]) == ("float16", "passed", {"overflow": 1})
    assert found["outputs"][0]["drift"] < 0.01
    assert run([*command, "-o", "report.txt"]) == 0
    text = (folder / "report.txt").read_text()
    assert "overflows    'm', a mask constant of 3.4e+38, at Add (s)" in text


def test_convert_offers_a_rule_and_applies_it_where_it_is_allowed(folder, capsys):
    assert run([*CONVERT, "--as", "float16"]) == 0
    text = capsys.readouterr().out
    assert "offer  --allow mask-of-ten-thousand (conditional)" in text
    assert [n.op_type for n in onnx.load("out.onnx").graph.node] == ["MatMul", "Add", "Softmax"]
    allowed = [*CONVERT, "--as", "float16", "--allow", "mask-of-ten-thousand"]
    assert run([*allowed, "--report", "r.json"]) == 0
    data = json.loads((folder / "r.json").read_text())
    assert [r["rule"] for r in data["rewrites"]] == ["mask-of-ten-thousand"]
    assert data["simulation"]["events"] == []
    assert data["verification"]["status"] == "passed"


def test_a_drift_beyond_the_tolerance_fails_but_the_model_is_written(folder, capsys):
    assert run([*CONVERT, "--as", "float16", "--as-tolerance", "1e-9"]) == 1
    assert (folder / "out.onnx").exists()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--as", "float8"], "as-unknown"),
        (["--as-tolerance", "0.1"], "as-missing"),
        (["--as", "int8", "--as-tolerance", "-1"], "as-tolerance"),
    ],
)
def test_what_cannot_be_is_refused_at_once(folder, capsys, arguments, code):
    assert run([*CONVERT, *arguments]) == 2
    assert code in capsys.readouterr().err
    assert run(["verify", "exp.onnx", "exp.onnx", *arguments]) == 2
    assert code in capsys.readouterr().err
    assert not (folder / "out.onnx").exists()


def test_from_python(folder):
    result = porting.simulate("exp.onnx", "exp.onnx", "int8", tolerance=0.1)
    assert result.status == "passed"
    assert result.to_dict()["as"] == "int8"
