"""Bad input to the command line: exit 2, one clear line, no traceback, nothing written."""

import onnx
import pytest
from legalize.toy import model, write_table
from onnx import TensorProto, helper

from porting.cli.app import run

RELU = "g (float[2] x) => (float[2] y) { y = Relu(x) }"


def save(path, m):
    path.write_bytes(m.SerializeToString())
    return path


def truncated(folder):
    data = model(RELU).SerializeToString()
    path = folder / "truncated.onnx"
    path.write_bytes(data[: len(data) // 2])
    return path


def empty(folder):
    path = folder / "empty.onnx"
    path.write_bytes(b"")
    return path


def not_a_model(folder):
    path = folder / "readme.onnx"
    path.write_text("this is not a model, it is a sentence\n")
    return path


def external(folder, location):
    m = model("g (float[2] x) => (float[2] y) { y = Add(x, w) }")
    tensor = TensorProto(name="w", data_type=1, dims=[2], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value=location)
    m.graph.initializer.append(tensor)
    return save(folder / "external.onnx", m)


def cyclic(folder):
    m = model("g (float[2] x) => (float[2] y) { a = Add(x, b) b = Relu(a) y = Relu(b) }")
    return save(folder / "cyclic.onnx", m)


def unknown_domain(folder):
    m = model(RELU)
    m.graph.node[0].domain = "nowhere.example"
    return save(folder / "domain.onnx", m)


CASES = [
    (truncated, "model-truncated"),
    (empty, "model-empty"),
    (not_a_model, "model-not-onnx"),
    (lambda folder: external(folder, "weights.bin"), "model-external-missing"),
    (lambda folder: external(folder, "../secret.bin"), "model-external-outside"),
    (lambda folder: external(folder, "/etc/hostname"), "model-external-outside"),
    (cyclic, "model-cycle"),
    (unknown_domain, "model-domain-not-imported"),
]


@pytest.mark.parametrize("command", ["check", "convert"])
@pytest.mark.parametrize(("make", "code"), CASES, ids=[c for _, c in CASES])
def test_a_broken_model_is_one_line_and_exit_2(make, code, command, tmp_path, capsys):
    (tmp_path / "models").mkdir()
    (tmp_path / "secret.bin").write_bytes(bytes(8))
    path = make(tmp_path / "models")
    out = tmp_path / "out.onnx"
    arguments = [command, str(path), "--op-map", str(write_table(tmp_path, "Relu: {}\nAdd: {}"))]
    before = sorted(tmp_path.rglob("*"))
    assert run([*arguments, "-o", str(out)]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.strip().splitlines()
    assert lines[0].startswith(f"error[{code}]: ")
    assert len(lines) <= 2
    assert sorted(tmp_path.rglob("*")) == before


BROKEN_TABLES = {
    "table-yaml": "schema: 1\nops: [",
    "table-invalid": "schema: 1\ntarget: t\n",
}


@pytest.mark.parametrize(("code", "text"), BROKEN_TABLES.items())
def test_a_broken_table_is_one_line_that_names_the_file(code, text, tmp_path, capsys):
    table = tmp_path / "broken.yaml"
    table.write_text(text)
    path = save(tmp_path / "m.onnx", model(RELU))
    assert run(["check", str(path), "--op-map", str(table)]) == 2
    err = capsys.readouterr().err
    assert err.startswith(f"error[{code}]: ")
    assert "broken.yaml" in err.splitlines()[0]


def test_a_broken_table_entry_names_line_operator_and_field(tmp_path, capsys):
    table = write_table(tmp_path, "Relu: {}\nConv:\n  attributes: {stride: 1..3}")
    path = save(tmp_path / "m.onnx", model(RELU))
    assert run(["check", str(path), "--op-map", str(table)]) == 2
    line = capsys.readouterr().err.splitlines()[0]
    number = table.read_text().splitlines().index("    attributes: {stride: 1..3}") + 1
    assert f"toy.yaml:{number}: Conv: " in line
    assert "did you mean strides?" in line


def test_an_operator_that_onnx_does_not_define_fails_the_gate(tmp_path, capsys):
    m = model(RELU)
    m.graph.node[0].op_type = "Rely"
    path = save(tmp_path / "m.onnx", m)
    assert run(["check", str(path), "--op-map", str(write_table(tmp_path, "Relu: {}"))]) == 1
    assert "ONNX has no operator Rely" in capsys.readouterr().out


def test_an_imported_custom_domain_is_judged_not_refused(tmp_path, capsys):
    m = model(RELU)
    m.graph.node[0].domain = "com.example"
    m.opset_import.append(helper.make_opsetid("com.example", 1))
    path = save(tmp_path / "m.onnx", m)
    assert run(["check", str(path), "--op-map", str(write_table(tmp_path, "Relu: {}"))]) == 1
    assert "com.example::Relu" in capsys.readouterr().out


def test_names_with_control_characters_do_not_reach_the_terminal(tmp_path, capsys):
    m = model("g (float[2] x) => (float[2] y) { y = Abs(x) }")
    m.graph.node[0].name = "evil\x1b[31m\n::error::forged"
    path = save(tmp_path / "m.onnx", m)
    assert run(["check", str(path), "--op-map", str(write_table(tmp_path, "Relu: {}"))]) == 1
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert not any(line.lstrip().startswith("::error") for line in out.splitlines())


def test_a_model_without_nodes_passes(tmp_path):
    graph = helper.make_graph([], "g", [], [])
    m = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path = save(tmp_path / "m.onnx", m)
    assert isinstance(onnx.load(path), onnx.ModelProto)
    assert run(["check", str(path), "--op-map", str(write_table(tmp_path, "Relu: {}"))]) == 0
