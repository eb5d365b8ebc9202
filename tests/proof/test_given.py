"""Inputs that the user gives: files, folders of test data, ranges, seeds."""

import json

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from porting.cli.app import run
from porting.errors import UsageError
from porting.proof.given import DataSet, Given, read_sets
from porting.proof.inputs import generate
from porting.proof.tolerance import Tolerance
from porting.proof.verify import verify_files
from porting.verifying import inputs_of

EXACT = Tolerance.for_classes(["exact"])
ADD = "g (float[N] x, float[N] z) => (float[N] y) { y = Add (x, z) }"
OTHER = "g (float[N] x, float[N] z) => (float[N] y) { n = Neg (z) y = Sub (x, n) }"
ABS_OF_SUM = "g (float[N] x, float[N] z) => (float[N] y) { s = Add (x, z) y = Abs (s) }"


def write(folder, **tensors):
    """Tensors as protobuf files; names of inputs are left out, as some exporters do."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in tensors.items():
        tensor = numpy_helper.from_array(np.asarray(value, np.float32))
        (folder / f"{name}.pb").write_bytes(tensor.SerializeToString())
    return folder


def test_a_folder_of_sets_is_a_run_each_in_the_order_of_their_numbers(tmp_path):
    for number in (0, 2, 10):
        write(tmp_path / f"test_data_set_{number}", input_0=[number], input_1=[1.0], output_0=[5])
    sets = read_sets(tmp_path)
    assert [s.name for s in sets] == ["test_data_set_0", "test_data_set_2", "test_data_set_10"]
    assert list(sets[2].inputs) == [0, 1]
    np.testing.assert_array_equal(sets[2].inputs[0], [10])
    np.testing.assert_array_equal(sets[2].outputs[0], [5])


def test_tensors_with_names_of_their_own_count_by_position(save, tmp_path):
    for number, name in enumerate(("first", "second")):
        tensor = numpy_helper.from_array(np.float32([number, 2]), name)
        (tmp_path / f"input_{number}.pb").write_bytes(tensor.SerializeToString())
    (only,) = read_sets(tmp_path)
    assert list(only.inputs) == ["first", "second"]
    a, wrong = save(ADD), save(ABS_OF_SUM)
    assert verify_files(a, wrong, inputs=Given((only,)), tolerance=EXACT).status == "passed"


def test_protobufs_in_the_folder_itself_are_one_set(tmp_path):
    names = {f"input_{i}": [i] for i in range(11)}
    (only,) = read_sets(write(tmp_path / "data", **names))
    assert [int(v[0]) for v in only.inputs.values()] == list(range(11))


def test_npz_files_and_folders_of_them(tmp_path):
    for i in range(2):
        np.savez(tmp_path / f"s{i}.npz", x=np.full(2, i))
    assert [s.name for s in read_sets(tmp_path)] == ["s0.npz", "s1.npz"]
    (only,) = read_sets(tmp_path / "s1.npz")
    np.testing.assert_array_equal(only.inputs["x"], [1, 1])


def test_what_is_no_data_is_refused(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.npz").write_text("no")
    np.save(tmp_path / "one.npy", np.zeros(2))
    broken = write(tmp_path / "broken", input_0=[1])
    (broken / "input_0.pb").write_bytes(b"\xff\xff")
    for name, code in (
        ("absent", "inputs-not-found"), ("empty", "inputs-form"), ("text.npz", "inputs-form"),
        ("one.npy", "inputs-form"), ("broken", "inputs-form"),
    ):  # fmt: skip
        with pytest.raises(UsageError) as caught:
            read_sets(tmp_path / name)
        assert caught.value.code == code


def test_every_set_is_run_at_its_own_size(save, tmp_path):
    write(tmp_path / "test_data_set_0", input_0=[1, 2, 3], input_1=[1, 1, 1])
    write(tmp_path / "test_data_set_1", input_0=[-5], input_1=[1])
    a, b, wrong = save(ADD), save(OTHER), save(ABS_OF_SUM)
    given = Given(read_sets(tmp_path))
    result = verify_files(a, b, inputs=given, tolerance=EXACT)
    assert (result.status, result.runs, result.outputs[0].elements) == ("passed", 2, 4)
    assert verify_files(a, wrong, inputs=given, tolerance=EXACT).outputs[0].mismatches == 1


def test_expected_outputs_are_compared(save, tmp_path):
    write(tmp_path / "test_data_set_0", input_0=[1, -3], input_1=[1, 1], output_0=[2, -2])
    write(tmp_path / "test_data_set_1", input_0=[1], input_1=[1], output_0=[2.5])
    a, b, wrong = save(ADD), save(OTHER), save(ABS_OF_SUM)
    given = Given(read_sets(tmp_path))
    result = verify_files(a, b, inputs=given, tolerance=EXACT)
    assert result.status == "passed"
    assert [(e.name, e.passed) for e in result.expected] == [
        ("y of test_data_set_0", True), ("y of test_data_set_1", False)
    ]  # fmt: skip
    assert result.warnings == (
        "the original does not give the expected y of test_data_set_1: 1 of 1 elements differ",
    )
    loose = Tolerance(rel=0, abs=10)  # the two models agree, but not with what is expected
    result = verify_files(a, wrong, inputs=Given(given.sets[:1]), tolerance=loose)
    assert result.status == "passed"
    tight = DataSet("mine", given.sets[0].inputs, given.sets[0].outputs)
    result = verify_files(wrong, wrong, inputs=Given((tight,)), tolerance=EXACT)
    assert result.status == "passed"
    assert "the original does not give the expected y of mine" in result.warnings[0]


def test_a_partial_set_is_completed_and_its_outputs_ignored(save, tmp_path):
    write(tmp_path / "data", input_0=[1, 2, 3], output_0=[0, 0, 0])
    a = save(ADD)
    result = verify_files(a, a, inputs=Given(read_sets(tmp_path / "data")), tolerance=EXACT)
    assert (result.status, result.runs, result.outputs[0].elements) == ("passed", 12, 36)
    assert result.warnings == ("data: its outputs were not used, since it lacks inputs",)


def test_values_become_the_declared_type_where_that_holds_them(save):
    a = save("g (float[N] x, int32[N] i) => (float[N] y) { f = Cast <to = 1> (i) y = Add (x, f) }")
    good = {"x": np.array([1.5]), "i": np.array([7])}
    assert verify_files(a, a, inputs=good, tolerance=EXACT).status == "passed"
    for bad in ({"i": np.array([2**40])}, {"i": np.array([1.5])}, {"x": np.array(["a"])}):
        with pytest.raises(UsageError, match="the value given is"):
            verify_files(a, a, inputs=bad, tolerance=EXACT)


def test_names_that_the_model_has_not_are_refused(save):
    a = save(ADD)
    for given in (
        {"q": np.zeros(1)},
        Given((DataSet("d", {7: np.zeros(1)}),)),
        Given(ranges={"q": (0, 1)}),
    ):
        with pytest.raises(UsageError, match="no input is"):
            verify_files(a, a, inputs=given, tolerance=EXACT)


def test_ranges_hold_for_floats_and_integers(save):
    path = save("""g (float[N] x, float16[N] h, bfloat16[N] b, int64[N] i, uint8[N] u)
        => (float[N] y) { y = Identity (x) }""")
    ranges = {"x": (5.0, 6.0), "h": (-0.5, 0.5), "b": (2.0, 4.0), "i": (-3, 3), "u": (254, 255)}
    shapes = dict.fromkeys(ranges, (400,))
    drawn = generate(onnx.load(path), shapes, 0, ranges=ranges)
    for name, (low, high) in ranges.items():
        values = drawn[name].astype("float64")
        assert low <= values.min() < values.max() <= high, name
    assert sorted(set(drawn["i"].tolist())) == [-3, -2, -1, 0, 1, 2, 3]


@pytest.mark.parametrize(
    ("name", "ends", "reason"),
    [
        ("x", (2, 1), "is no range"),
        ("x", (0, float("inf")), "is no range"),
        ("x", (0, float("nan")), "is no range"),
        ("h", (0, 1e6), "float16, which has no"),
        ("i", (0.5, 2), "int64, which has no"),
        ("u", (0, 256), "uint8, which has no"),
        ("m", (0, 1), "bool and has no range"),
    ],
)
def test_ranges_that_a_type_has_not_are_refused(save, name, ends, reason):
    a = save("""g (float[N] x, float16[N] h, int64[N] i, uint8[N] u, bool[N] m)
        => (float[N] y) { y = Identity (x) }""")
    with pytest.raises(UsageError, match=reason):
        verify_files(a, a, inputs=Given(ranges={name: ends}), tolerance=EXACT)


def test_a_range_shows_what_lies_there(save):
    a = save("g (float[N] x) => (float[N] y) { y = Identity (x) }")
    b = save("g (float[N] x) => (float[N] y) <float h = {5000}> { y = Min (x, h) }")
    assert verify_files(a, b, tolerance=EXACT).status == "passed"
    far = Given(ranges={"x": (0, 25500)})
    assert verify_files(a, b, inputs=far, tolerance=EXACT).status == "failed"


def test_the_command_takes_folders_ranges_and_seeds(save, tmp_path, capsys):
    a, b = save(ADD), save(OTHER)
    write(tmp_path / "data" / "test_data_set_0", input_0=[1, 2], input_1=[1, 1], output_0=[2, 3])
    arguments = ["verify", str(a), str(b), "--format", "json"]
    assert run([*arguments, "--inputs", str(tmp_path / "data")]) == 0
    record = json.loads(capsys.readouterr().out)
    assert (record["runs"], record["expected"][0]["passed"]) == (1, True)
    assert run([*arguments, "--range", "x=0:255", "--seeds", "2", "--dim", "N=4"]) == 0
    assert json.loads(capsys.readouterr().out)["runs"] == 2
    for wrong in ("x", "x=1", "x=1:b", "=1:2"):
        assert run([*arguments, "--range", wrong]) == 2
        assert "option-form" in capsys.readouterr().err


def test_convert_and_opset_take_ranges(save, tmp_path, capsys):
    a = save(ADD)
    out = tmp_path / "out.onnx"
    common = ["-o", str(out), "--range", "x=0:255"]
    assert run(["opset", str(a), "--to", "13", *common]) == 0
    assert run(["convert", str(a), "--target", "ort-cpu", *common]) == 0
    assert run(["convert", str(a), "--target", "ort-cpu", *common[:3], "q=0:255"]) == 2
    assert "no input is named q" in capsys.readouterr().err


def test_what_a_command_line_says_is_one_object(tmp_path):
    np.savez(tmp_path / "s.npz", x=np.zeros(1))
    given = inputs_of(tmp_path / "s.npz", {"z": (0, 1)}, 2)
    assert (len(given.sets), given.ranges, given.seeds) == (1, {"z": (0, 1)}, (0, 1))
    assert inputs_of(None, {}) is None
