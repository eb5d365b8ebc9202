"""What is handed over for the run on the chip."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import onnx
import pytest
from legalize.toy import model, table_text
from onnx import numpy_helper

import porting
from porting.capability.table import load_table, table_of
from porting.capability.targets import shipped
from porting.capability.yaml_reader import parse
from porting.errors import TableError, UsageError
from porting.kit import compare
from porting.kit.commands import commands
from porting.kit.write import check_kit

BUILD = """
precisions: [float16, int8]
build:
  commands: ['toyc {model} -o {output} --shapes "{shapes}" --as {precision} --chip {chip}']
  files: {conf.json: '{"a": {"names": "{input_names} {output_names}"}, "in": "{files}"}'}
  chip: toy1
  precision: {float16: half}
  note: bring a chip
  source: s1
"""
RELU = "g (float[2,3] x) => (float[2,3] y) { y = Relu(x) }"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    onnx.save_model(model(RELU), "model.onnx")
    text = table_text("Relu: {}\nMatMul: {}").replace("\nops:", BUILD + "ops:")
    (tmp_path / "toy.yaml").write_text(text)
    return tmp_path


def convert(name: str = "model.onnx", **options: Any) -> Any:
    options = {"op_map": "toy.yaml", "kit": "kit", **options}
    return porting.convert(name, "", "out.onnx", **options)


def test_a_kit_holds_what_the_device_run_needs(folder):
    result = convert(inputs={"x": np.array([[-1, 2, -3], [4, -5, 6]], np.float32)})
    assert result.to_dict()["kit"] == {"path": "kit", "reason": ""}
    kit = folder / "kit"
    manifest = json.loads((kit / "kit.json").read_text())
    assert manifest["schema"] == "port.kit/1"
    assert manifest["tolerance"] == {"rel": 0.01, "scale": 0.005, "floor": 0.001}
    expected = np.load(kit / "expected.npz")["y"]
    assert expected.tolist() == [[0, 2, 0], [4, 0, 6]]
    raw = np.frombuffer((kit / "inputs" / "00_x.bin").read_bytes(), np.float32)
    assert raw.tolist() == np.load(kit / "inputs.npz")["x"].ravel().tolist()
    onnx.checker.check_model(str(kit / "model.onnx"))
    script = (kit / "build.sh").read_text()
    assert 'toyc model.onnx -o model --shapes "x:2,3" --as half --chip toy1' in script
    conf = json.loads((kit / "conf.json").read_text())
    assert conf == {"a": {"names": "x y"}, "in": "inputs/00_x.npy"}
    text = (kit / "README.md").read_text()
    assert "Bring a chip." in text
    assert "Toy list" in text
    assert sorted(p.name for p in folder.iterdir()) == ["kit", "model.onnx", "out.onnx", "toy.yaml"]


def test_the_script_needs_only_numpy_and_judges(folder):
    convert()
    kit = folder / "kit"

    def run(*arguments: str) -> Any:
        command = [sys.executable, "-I", str(kit / "compare.py"), *arguments]
        return subprocess.run(command, check=False, capture_output=True, text=True)

    done = run(str(kit / "expected.npz"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "all outputs agree" in done.stdout
    y = np.load(kit / "expected.npz")["y"]
    np.savez(folder / "wrong.npz", y=y + np.float32(0.1) * np.abs(y).max())
    done = run(str(folder / "wrong.npz"))
    assert done.returncode == 1
    assert "DIFFERS" in done.stdout
    done = run(str(folder / "wrong.npz"), "--tolerance", "50")
    assert done.returncode == 0
    done = run(str(folder / "none.npz"))
    assert done.returncode == 2


def test_device_outputs_come_as_raw_halves_in_a_folder(folder, monkeypatch):
    convert()
    kit = folder / "kit"
    y = np.load(kit / "expected.npz")["y"]
    device = folder / "device"
    device.mkdir()
    (device / "out.bin").write_bytes(y.astype(np.float16).tobytes())
    monkeypatch.setattr(compare, "HERE", kit)
    assert compare.main([str(device)]) == 0
    (device / "out.bin").write_bytes(y.tobytes())
    assert compare.main([str(device)]) == 0
    (device / "out.bin").write_bytes(y.tobytes()[:8])
    assert compare.main([str(device)]) == 2
    shutil.rmtree(device)
    device.mkdir()
    np.save(device / "0.npy", y.ravel())
    assert compare.main([str(device)]) == 0


@pytest.mark.parametrize(
    ("a", "b", "passed"),
    [
        ([1.0, np.nan], [1.0, np.nan], True),
        ([1.0, np.inf], [1.0, np.inf], True),
        ([1.0, np.inf], [1.0, -np.inf], False),
        ([1.0, 2.0], [1.0, np.nan], False),
        ([100.0, 0.0], [100.0, 0.4], True),
        ([100.0, 0.0], [100.0, 0.6], False),
        ([], [], True),
    ],
)
def test_what_agrees(a, b, passed):
    tolerance = {"rel": 0.0, "scale": 0.005, "floor": 0.001}
    result = compare.compare(np.array(a, np.float32), np.array(b, np.float32), tolerance, 1.0)
    assert result[1] is passed


def test_integers_have_to_be_equal():
    tolerance = {"rel": 1.0, "scale": 1.0, "floor": 0.001}
    a = np.array([1, 2, 3])
    assert compare.compare(a, a, tolerance, 1.0)[1]
    assert not compare.compare(a, a + 1, tolerance, 1.0)[1]


def test_an_earlier_kit_is_replaced_and_nothing_else(folder):
    convert()
    (folder / "kit" / "stale").touch()
    convert()
    assert not (folder / "kit" / "stale").exists()
    (folder / "mine").mkdir()
    convert(kit="mine")
    (folder / "other").mkdir()
    (folder / "other" / "thesis.txt").write_text("years of work")
    (folder / "out.onnx").unlink()
    with pytest.raises(UsageError, match="something else than a kit"):
        convert(kit="other")
    assert (folder / "other" / "thesis.txt").exists()
    assert not (folder / "out.onnx").exists()


@pytest.mark.parametrize(
    ("kit", "code"),
    [("toy.yaml", "kit-not-a-folder"), ("none/kit", "kit-folder-missing")],
)
def test_where_no_kit_can_be(folder, kit, code):
    with pytest.raises(UsageError) as caught:
        check_kit(Path(kit))
    assert caught.value.code == code


def test_a_failure_leaves_the_earlier_kit(folder, monkeypatch):
    convert()
    before = sorted(p.name for p in (folder / "kit").iterdir())

    def fail(*_: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("porting.kit.write.readme", fail)
    with pytest.raises(UsageError, match="No space left"):
        convert()
    assert sorted(p.name for p in (folder / "kit").iterdir()) == before
    assert sorted(p.name for p in folder.iterdir()) == ["kit", "model.onnx", "out.onnx", "toy.yaml"]


def test_names_that_a_shell_would_read_are_not_put_into_commands(folder):
    text = RELU.replace("x", "x0").replace("Relu", "Relu")
    odd = model(text)
    evil = "x;rm -rf $(HOME)"
    odd.graph.input[0].name = odd.graph.node[0].input[0] = evil
    onnx.save_model(odd, "odd.onnx")
    convert("odd.onnx")
    script = (folder / "kit" / "build.sh").read_text()
    assert "rm -rf" not in script
    assert '--shapes "SHAPES"' in script
    assert "SHAPES is to be filled in" in (folder / "kit" / "README.md").read_text()
    assert json.loads((folder / "kit" / "kit.json").read_text())["inputs"][0]["name"] == evil


def test_types_that_numpy_has_not_are_float32_beside_their_bytes(folder):
    onnx.save_model(model("g (bfloat16[2] x) => (bfloat16[2] y) { y = Relu(x) }"), "half.onnx")
    convert("half.onnx", inputs={"x": np.array([1.5, -2], ml_dtypes.bfloat16)})
    assert np.load(folder / "kit" / "inputs.npz")["x"].dtype == np.float32
    assert len((folder / "kit" / "inputs" / "00_x.bin").read_bytes()) == 4


def test_large_weights_lie_beside_the_model(folder, monkeypatch):
    monkeypatch.setattr("porting.model.save.INLINE_LIMIT", 1000)
    large = model("g (float[2,64] x) => (float[2,64] y) { y = MatMul(x, w) }")
    w = np.random.default_rng(0).standard_normal((64, 64)).astype(np.float32)
    large.graph.initializer.append(numpy_helper.from_array(w, "w"))
    onnx.save_model(large, "large.onnx")
    convert("large.onnx")
    assert (folder / "kit" / "model.onnx.data").stat().st_size >= w.nbytes
    loaded = onnx.load(str(folder / "kit" / "model.onnx"))
    assert np.array_equal(numpy_helper.to_array(loaded.graph.initializer[0]), w)


def test_without_a_known_command_the_readme_says_so(folder):
    (folder / "toy.yaml").write_text(table_text("Relu: {}"))
    convert()
    assert not (folder / "kit" / "build.sh").exists()
    assert "No command of the vendor's compiler is known" in (folder / "kit/README.md").read_text()


def test_a_model_that_does_not_run_gives_no_kit(folder):
    onnx.save_model(model("g (float[2,3] x) => (float[2,2] y) { y = MatMul(x, x) }"), "never.onnx")
    result = convert("never.onnx", partial=True)
    assert result.kit is None or result.kit["path"] is None
    assert not (folder / "kit").exists()


def test_a_type_without_a_name_is_left_to_the_user(folder):
    convert(precision="int8")
    assert "--as PRECISION" in (folder / "kit" / "build.sh").read_text()
    assert "what the compiler calls int8" in (folder / "kit" / "README.md").read_text()
    assert json.loads((folder / "kit" / "kit.json").read_text())["tolerance"]["scale"] == 0.1


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        ("{commands: ['a {modle}'], source: s1}", "no placeholder {modle}"),
        ("{commands: [a], source: s1, files: {'../x': y}}", "no plain file name"),
        ("{commands: [a], source: s1, shapes: {each: '{size}'}}", "no placeholder {size}"),
        ("{commands: [], source: s1}", "at least 1"),
        ("{commands: [a]}", "missing"),
        ("{commands: [a], source: s9}", "no source s9"),
    ],
)
def test_a_broken_build_is_an_error_of_the_table(build, reason):
    text = table_text("Relu: {}").replace("\nops:", f"\nbuild: {build}\nops:")
    with pytest.raises(TableError, match=r"toy.yaml:\d+: ") as caught:
        table_of(parse(text, "toy.yaml")).validate()
    assert reason in str(caught.value)


@pytest.mark.parametrize("name", [n for n in shipped() if not n.startswith("_")])
def test_commands_of_every_chip_are_filled_in(name):
    paths = shipped()
    table = load_table(paths[name], paths)
    for precision in table.data.precisions or [""]:
        how = commands(table, precision, {"x": (1, 3, 8, 8)}, ["y"], ["inputs/00_x.npy"])
        for text in (*how.lines, *(how.files or {}).values()):
            assert "{model}" not in text
            assert "{chip}" not in text
        for file, text in (how.files or {}).items():
            if file.endswith(".py"):
                compile(text.replace("PRECISION", "0"), file, "exec")
            if file.endswith(".json"):
                json.loads(text)
        assert not how.lines or how.sources
