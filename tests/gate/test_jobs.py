"""A cached answer is a fresh one: a change of anything that an answer rests on is seen."""

import os
import time
from hashlib import sha256
from pathlib import Path

import numpy as np
import onnx
import pytest
from gate.support import OPEN, RELU, TAN, save, write_tables
from legalize.toy import model, table_text
from onnx import TensorProto

from porting.cache import Cache
from porting.capability.targets import VARIABLE
from porting.errors import PortError
from porting.gate import jobs
from porting.gate.jobs import Job, run

TARGETS = ("nob-a", "nob-b", "oth-c")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(VARIABLE, str(write_tables(tmp_path / "tables")))
    monkeypatch.setattr("porting.cache._SETTLED_NS", 0)
    return Cache(tmp_path / "cache")


def unloaded(monkeypatch):
    """From here on nothing may be judged anew."""
    monkeypatch.setattr(jobs, "_judge", None)


def same_as_fresh(job, cache):
    """Whether an answer was stored; it is held to a fresh one in any case."""
    judged = []
    original = jobs._judge
    jobs._judge = lambda *given: judged.append(given) or original(*given)
    try:
        assert run(job, cache) == original(job, None).results
    finally:
        jobs._judge = original
    return not judged


def test_a_second_run_reads_no_model_and_answers_the_same(cache, monkeypatch):
    job = Job(save(Path("m.onnx"), TAN), TARGETS)
    first = run(job, cache)
    assert [r.counts["unsupported"] for r in first.values()] == [0, 1, 0]
    assert list(first) == list(TARGETS)
    assert same_as_fresh(job, cache)
    unloaded(monkeypatch)
    assert run(job, cache) == first


def test_a_digest_is_taken_where_it_is_named_or_known(cache):
    path = save(Path("m.onnx"), TAN)
    whole = sha256(path.read_bytes()).hexdigest()
    for digest, known, wanted in (
        (True, None, whole),
        (False, None, ""),
        (False, cache, whole),
        (True, cache, whole),
    ):
        found = run(Job(path, TARGETS, digest=digest), known)
        assert {r.model.sha256 for r in found.values()} == {wanted}


def test_only_what_is_missing_is_judged(cache):
    path = save(Path("m.onnx"), TAN)
    run(Job(path, ("nob-b",)), cache)
    asked = []
    original = jobs._judge
    jobs._judge = lambda job, digest: asked.append(job.targets) or original(job, digest)
    try:
        found = run(Job(path, TARGETS), cache)
    finally:
        jobs._judge = original
    assert asked == [("nob-a", "oth-c")]
    assert found == run(Job(path, TARGETS), None)


def test_the_model_s_contents_count_and_not_its_folder(cache):
    job = Job(save(Path("m.onnx"), RELU), TARGETS)
    run(job, cache)
    save(Path("m.onnx"), TAN)
    assert not same_as_fresh(job, cache)
    Path("sub").mkdir()
    Path("sub/m.onnx").write_bytes(Path("m.onnx").read_bytes())
    other = Job(Path("sub/m.onnx"), TARGETS)
    assert same_as_fresh(other, cache)
    assert run(other, cache)["nob-a"].model.path == str(Path("sub/m.onnx"))


def test_the_table_counts(cache):
    job = Job(save(Path("m.onnx"), TAN), TARGETS)
    run(job, cache)
    text = table_text("Relu: {}\nTan: {}").replace("target: toy", "target: nob-b")
    Path("tables/nobody/nob-b.yaml").write_text(text)
    assert not same_as_fresh(job, cache)
    assert run(job, cache)["nob-b"].counts["supported"] == 1


def test_an_own_table_counts_and_is_named_as_given(cache):
    path = save(Path("m.onnx"), RELU)
    Path("a.yaml").write_text(table_text("Relu: {}"))
    Path("b.yaml").write_text(table_text("Relu: {}"))
    run(Job(path, ("",), op_map=Path("a.yaml")), cache)
    same = Job(path, ("",), op_map=Path("b.yaml"))
    assert same_as_fresh(same, cache)
    assert run(same, cache)[""].target.op_map == "b.yaml"
    Path("b.yaml").write_text(table_text("Tan: {}"))
    assert not same_as_fresh(same, cache)


def test_shapes_and_choices_count(cache):
    path = save(Path("m.onnx"), OPEN)
    asked = [
        Job(path, TARGETS),
        Job(path, TARGETS, dims={"n": 2}),
        Job(path, TARGETS, dims={"n": 3}),
        Job(path, TARGETS, shapes={"x": (2, 2)}),
    ]
    assert [same_as_fresh(job, cache) for job in asked] == [False] * 4
    assert [same_as_fresh(job, cache) for job in asked] == [True] * 4


def test_an_error_is_not_stored_and_stays_the_same(cache):
    path = save(Path("m.onnx"), RELU)
    jobs_ = [
        Job(path, ("nob-a",), dims={"z": 1}),
        Job(path, ("nob-a",), precision="int3"),
        Job(path, ("nob-a",), options={"o": "1"}),
        Job(path, ("",), op_map=Path("none.yaml")),
        Job(Path("none.onnx"), ("nob-a",)),
    ]
    for job in jobs_:
        for store in (None, cache, cache):
            with pytest.raises(PortError) as error:
                run(job, store)
            if store is None:
                first = (error.value.code, error.value.message)
            assert (error.value.code, error.value.message) == first


def external(path, values, location="w.bin", offset=0):
    """A Reshape whose shape is in a data file."""
    m = model("g (float[2,3] x) => (float[a,b] y) { y = Reshape(x, s) }")
    tensor = TensorProto(name="s", data_type=7, dims=[2], data_location=TensorProto.EXTERNAL)
    for key, value in (("location", location), ("offset", offset), ("length", 16)):
        tensor.external_data.add(key=key, value=str(value))
    m.graph.initializer.append(tensor)
    onnx.save_model(m, path)
    data = bytes(offset) + np.array(values, np.int64).tobytes()
    (path.parent / location).write_bytes(data + bytes(64))
    return path


@pytest.fixture
def reshaping(cache):
    rule = "Reshape: {require: [{that: 'reshaped.shape[0] == 3', why: rows are three}]}"
    Path("own.yaml").write_text(table_text(rule))
    return Job(external(Path("m.onnx"), (3, 2)), ("",), op_map=Path("own.yaml"))


def test_the_part_of_a_data_file_that_was_read_counts(reshaping, cache):
    assert run(reshaping, cache)[""].counts["supported"] == 1
    assert same_as_fresh(reshaping, cache)
    external(Path("m.onnx"), (2, 3))
    assert not same_as_fresh(reshaping, cache)
    assert run(reshaping, cache)[""].counts["unsupported"] == 1


def test_the_rest_of_a_data_file_does_not_count(reshaping, cache):
    run(reshaping, cache)
    data = bytearray(Path("w.bin").read_bytes())
    data[20:] = b"other weights of the same model"
    Path("w.bin").write_bytes(bytes(data))
    os.utime("w.bin", (time.time() + 9,) * 2)
    assert same_as_fresh(reshaping, cache)


@pytest.mark.parametrize("harm", ["gone", "short", "outside", "pipe"])
def test_a_data_file_that_is_refused_now_is_refused(reshaping, cache, harm):
    run(reshaping, cache)
    data = Path("w.bin").read_bytes()
    Path("w.bin").unlink()
    if harm == "short":
        Path("w.bin").write_bytes(data[:15])
    elif harm == "outside":
        Path("..", "outside.bin").write_bytes(data)
        Path("w.bin").symlink_to(Path("..", "outside.bin"))
    elif harm == "pipe":
        os.mkfifo("w.bin")
    with pytest.raises(PortError, match=r"w\.bin"):
        run(reshaping, cache)


def test_weights_that_nobody_read_have_to_be_there(cache):
    m = model("g (float[2] x) => (float[2] y) { y = Relu(x) }")
    tensor = TensorProto(name="w", data_type=1, dims=[4], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="w.bin")
    m.graph.initializer.append(tensor)
    onnx.save_model(m, "m.onnx")
    Path("w.bin").write_bytes(bytes(16))
    job = Job(Path("m.onnx"), TARGETS)
    run(job, cache)
    Path("w.bin").write_bytes(b"\x01" * 99)
    assert same_as_fresh(job, cache)
    Path("w.bin").write_bytes(bytes(15))
    with pytest.raises(PortError, match=r"w\.bin"):
        run(job, cache)


def test_weights_in_bodies_are_looked_for_too(cache):
    m = model("""g (bool c, float[2] x) => (float[2] y) {
        y = If(c) <then_branch = t () => (float[2] a) { a = Relu(x) },
                   else_branch = e () => (float[2] b) { b = Tan(x) }> }""")
    tensor = TensorProto(name="w", data_type=1, dims=[4], data_location=TensorProto.EXTERNAL)
    tensor.external_data.add(key="location", value="w.bin")
    m.graph.node[0].attribute[0].g.initializer.append(tensor)
    onnx.save_model(m, "m.onnx")
    Path("w.bin").write_bytes(bytes(16))
    job = Job(Path("m.onnx"), TARGETS)
    run(job, cache)
    Path("w.bin").unlink()
    with pytest.raises(PortError, match=r"w\.bin"):
        run(job, cache)


def test_an_entry_that_was_tampered_with_is_not_believed(cache):
    job = Job(save(Path("m.onnx"), TAN), TARGETS)
    run(job, cache)
    for path in Path("cache").glob("*/*.json"):
        path.write_bytes(path.read_bytes().replace(b"unsupported", b"supported"))
    assert not same_as_fresh(job, cache)
