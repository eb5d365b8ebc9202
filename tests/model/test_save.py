import os
import tracemalloc
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from porting.errors import ModelError, PortError, UsageError
from porting.model import save as save_module
from porting.model import stored
from porting.model.load import load
from porting.model.save import save, write_atomically

BIG = np.arange(2000, dtype=np.float32)


def weighted(*weights: np.ndarray, constant: np.ndarray = BIG) -> onnx.ModelProto:
    """A model with the given initializers, a constant, and both again inside a body."""

    def graph(suffix: str, extra: list[onnx.NodeProto]) -> onnx.GraphProto:
        value = numpy_helper.from_array(constant, f"c{suffix}")
        node = helper.make_node("Constant", [], [f"y{suffix}"], value=value)
        held = [numpy_helper.from_array(w, f"w{i}{suffix}") for i, w in enumerate(weights)]
        output = helper.make_tensor_value_info(f"y{suffix}", TensorProto.FLOAT, None)
        return helper.make_graph([node, *extra], f"g{suffix}", [], [output], held)

    choice = helper.make_node("If", ["y"], ["z"], then_branch=graph("_in", []))
    return helper.make_model(graph("", [choice]), opset_imports=[helper.make_opsetid("", 17)])


def write(path: Path, proto: onnx.ModelProto) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(proto.SerializeToString())
    return path


def write_external(path: Path, proto: onnx.ModelProto, data: str = "weights.bin") -> Path:
    """The same model with all weights in a data file beside it."""
    path.parent.mkdir(exist_ok=True)
    copied = onnx.ModelProto()
    copied.CopyFrom(proto)
    onnx.save_model(
        copied,
        path,
        save_as_external_data=True,
        location=data,
        size_threshold=0,
        convert_attribute=True,
    )
    return path


def files(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


def refused(code: str, *args: object, **kwargs: object) -> PortError:
    with pytest.raises(PortError) as caught:
        save(*args, **kwargs)
    assert caught.value.code == code
    return caught.value


def test_embedded_weights_are_written_inline(tmp_path: Path):
    source = load(write(tmp_path / "m.onnx", weighted(BIG)))
    out = tmp_path / "out.onnx"
    save(source.proto, out, source=source)
    assert onnx.load(out, load_external_data=False) == weighted(BIG)
    assert files(tmp_path) == {"m.onnx", "out.onnx"}


def test_the_model_that_is_saved_is_not_modified(tmp_path: Path):
    source = load(write(tmp_path / "m.onnx", weighted(BIG)))
    before = source.proto.SerializeToString()
    save(source.proto, tmp_path / "out.onnx", source=source)
    assert source.proto.SerializeToString() == before


def test_changes_to_the_model_are_saved_with_its_untouched_weights(tmp_path: Path):
    source = load(write(tmp_path / "m.onnx", weighted(BIG)))
    changed = onnx.ModelProto()
    changed.CopyFrom(source.proto)
    changed.graph.initializer[0].name = "renamed"
    changed.graph.initializer[0].dims[:] = [20, 100]
    changed.graph.initializer.append(numpy_helper.from_array(BIG[:600], "new"))
    save(changed, tmp_path / "out.onnx", source=source)
    saved = onnx.load(tmp_path / "out.onnx").graph
    old, new = (numpy_helper.to_array(t) for t in saved.initializer)
    assert saved.initializer[0].name == "renamed"
    np.testing.assert_array_equal(old, BIG.reshape(20, 100))
    np.testing.assert_array_equal(new, BIG[:600])


def test_a_model_given_as_an_object_is_saved_whole(tmp_path: Path):
    proto = weighted(BIG)
    save(proto, tmp_path / "out.onnx", source=load(proto))
    assert onnx.load(tmp_path / "out.onnx") == proto


arrays = st.lists(
    st.builds(
        lambda kind, count, seed: np.random.default_rng(seed).integers(0, 9, count).astype(kind),
        st.sampled_from([np.float32, np.int8, np.int64]),
        st.integers(0, 3000),
        st.integers(0, 99),
    ),
    max_size=4,
)


@settings(deadline=None, max_examples=30)
@given(arrays, st.booleans(), st.booleans())
def test_load_save_load_gives_the_same_model(tmp_path_factory, weights, external, same_folder):
    folder = tmp_path_factory.mktemp("round")
    proto = weighted(*weights)
    source = load((write_external if external else write)(folder / "a" / "m.onnx", proto))
    out = folder / ("a" if same_folder else "b") / "out.onnx"
    out.parent.mkdir(exist_ok=True)
    save(source.proto, out, source=source)
    assert plain(onnx.load(out)) == plain(proto)
    again = load(out)
    for name, held in enumerate(again.proto.graph.initializer):
        np.testing.assert_array_equal(again.tensor(held), weights[name])


def plain(proto: onnx.ModelProto) -> onnx.ModelProto:
    """The same model without the entries that differ between inline and resolved tensors."""
    graphs = [proto.graph]
    while graphs:
        graph = graphs.pop()
        for node in graph.node:
            graphs += [a.g for a in node.attribute if a.HasField("g")]
        constants = [a.t for n in graph.node for a in n.attribute if a.HasField("t")]
        for tensor in (*graph.initializer, *constants):
            tensor.ClearField("data_location")
            tensor.raw_data = tensor.raw_data
    return proto


def test_data_files_stay_where_they_are_in_the_same_folder(tmp_path: Path):
    source = load(write_external(tmp_path / "m.onnx", weighted(BIG)))
    save(source.proto, tmp_path / "out.onnx", source=source)
    assert files(tmp_path) == {"m.onnx", "out.onnx", "weights.bin"}
    assert plain(onnx.load(tmp_path / "out.onnx")) == plain(weighted(BIG))


def test_data_files_go_into_one_beside_a_model_in_another_folder(tmp_path: Path):
    source = load(write_external(tmp_path / "a" / "m.onnx", weighted(BIG, BIG[:700])))
    (tmp_path / "b").mkdir()
    save(source.proto, tmp_path / "b" / "out.onnx", source=source)
    assert files(tmp_path / "b") == {"out.onnx", "out.onnx.data"}
    saved = onnx.load(tmp_path / "b" / "out.onnx", load_external_data=False)
    references = [stored.Reference.of(t) for t in saved.graph.initializer]
    assert {r.location for r in references} == {"out.onnx.data"}
    assert all(r.offset % 64 == 0 for r in references)


def test_bytes_that_tensors_share_are_written_once(tmp_path: Path):
    source = load(write_external(tmp_path / "a" / "m.onnx", weighted(BIG)))
    (tmp_path / "b").mkdir()
    shared = onnx.ModelProto()
    shared.CopyFrom(source.proto)
    tied = shared.graph.initializer.add()
    tied.CopyFrom(shared.graph.initializer[0])
    tied.name = "tied"
    save(shared, tmp_path / "b" / "once", source=source)
    save(source.proto, tmp_path / "b" / "plain", source=source)
    sizes = [(tmp_path / "b" / f"{name}.data").stat().st_size for name in ("once", "plain")]
    assert sizes[0] == sizes[1]


def test_a_model_above_the_limit_of_protobuf_keeps_its_weights_apart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(save_module, "INLINE_LIMIT", 10_000)
    source = load(write(tmp_path / "m.onnx", weighted(BIG)))
    out = tmp_path / "out.onnx"
    save(source.proto, out, source=source)
    assert files(tmp_path) == {"m.onnx", "out.onnx", "out.onnx.data"}
    assert out.stat().st_size < 10_000
    assert plain(onnx.load(out)) == plain(weighted(BIG))


@pytest.mark.parametrize("kernel", ["copies", "refuses", "is asked in vain"])
def test_weights_are_copied_whoever_copies_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kernel: str
) -> None:
    def refused(*arguments: object) -> int:
        raise OSError(18, "Invalid cross-device link")

    if kernel != "copies":
        answer = refused if kernel == "refuses" else lambda *arguments: 0
        monkeypatch.setattr(os, "copy_file_range", answer, raising=False)
    path = write_external(tmp_path / "m" / "model.onnx", weighted(BIG, BIG + 1))
    (tmp_path / "o").mkdir()
    loaded = load(path)
    save(loaded.proto, tmp_path / "o" / "out.onnx", source=loaded)
    held = onnx.load(tmp_path / "o" / "out.onnx").graph.initializer
    assert [numpy_helper.to_array(t).tolist() for t in held] == [BIG.tolist(), (BIG + 1).tolist()]


def test_weights_are_not_held_in_memory(tmp_path: Path):
    size = 64 << 20
    source = load(write(tmp_path / "m.onnx", weighted(np.zeros(size, np.uint8))))
    tracemalloc.start()
    try:
        save(load(source.path).proto, tmp_path / "out.onnx", source=source)
        assert tracemalloc.get_traced_memory()[1] < size / 8
    finally:
        tracemalloc.stop()
    assert (tmp_path / "out.onnx").stat().st_size > 2 * size


def test_an_earlier_output_is_replaced(tmp_path: Path):
    source = load(write(tmp_path / "m.onnx", weighted(BIG)))
    out = tmp_path / "out.onnx"
    out.write_bytes(b"old")
    save(source.proto, out, source=source)
    assert onnx.load(out) == weighted(BIG)


@pytest.mark.parametrize("name", ["m.onnx", "../a/m.onnx", "link", "hard"])
def test_the_source_is_never_overwritten(tmp_path: Path, name: str):
    path = write(tmp_path / "a" / "m.onnx", weighted(BIG))
    (tmp_path / "a" / "link").symlink_to(path)
    os.link(path, tmp_path / "a" / "hard")
    before = path.read_bytes()
    source = load(path)
    code = "output-not-a-file" if name == "link" else "output-is-input"
    refused(code, source.proto, tmp_path / "a" / name, source=source)
    assert path.read_bytes() == before


def test_a_data_file_of_the_source_is_never_overwritten(tmp_path: Path):
    path = write_external(tmp_path / "m.onnx", weighted(BIG), "weights")
    before = (tmp_path / "weights").read_bytes()
    source = load(path)
    refused("output-is-input", source.proto, tmp_path / "weights", source=source)
    assert (tmp_path / "weights").read_bytes() == before


def test_the_new_data_file_does_not_overwrite_one_of_the_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    proto = weighted(BIG)
    path = write_external(tmp_path / "m.onnx", proto, "out.data")
    mixed = onnx.load(path, load_external_data=False)
    mixed.graph.initializer.append(numpy_helper.from_array(BIG, "inline"))
    before = (tmp_path / "out.data").read_bytes()
    source = load(write(path, mixed))
    monkeypatch.setattr(save_module, "INLINE_LIMIT", 5000)
    refused("output-is-input", source.proto, tmp_path / "out", source=source)
    assert (tmp_path / "out.data").read_bytes() == before


def test_a_missing_folder_is_refused_and_not_created(tmp_path: Path):
    source = load(write(tmp_path / "m.onnx", weighted(BIG)))
    error = refused("output-folder-missing", source.proto, tmp_path / "b" / "o", source=source)
    assert isinstance(error, UsageError)
    assert not (tmp_path / "b").exists()


def test_an_output_that_is_no_regular_file_is_refused(tmp_path: Path):
    source = load(write(tmp_path / "m.onnx", weighted(BIG)))
    os.mkfifo(tmp_path / "pipe")
    for out in (tmp_path, tmp_path / "pipe"):
        refused("output-not-a-file", source.proto, out, source=source)


def test_a_source_that_changed_is_refused_and_nothing_is_left(tmp_path: Path):
    path = write(tmp_path / "m.onnx", weighted(BIG))
    source = load(path)
    write(path, weighted(BIG[:1999]))
    refused("model-changed", source.proto, tmp_path / "out.onnx", source=source)
    assert files(tmp_path) == {"m.onnx"}


@pytest.mark.parametrize("step", ["fsync", "replace"])
@pytest.mark.parametrize("nth", [1, 2])
def test_a_failed_write_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, nth: int
):
    source = load(write_external(tmp_path / "a" / "m.onnx", weighted(BIG)))
    (tmp_path / "b").mkdir()
    original, calls = getattr(os, step), []

    def fail(*args: object) -> None:
        calls.append(args)
        if len(calls) == nth:
            raise OSError(28, "No space left on device")
        original(*args)

    monkeypatch.setattr(os, step, fail)
    error = refused("output-unwritable", source.proto, tmp_path / "b" / "out.onnx", source=source)
    assert "No space left" in error.message
    assert files(tmp_path / "b") == set()


def test_a_source_that_shrinks_during_the_copy_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = write(tmp_path / "m.onnx", weighted(BIG))
    source = load(path)
    write_file = save_module._write

    def shrink(*args: object) -> None:
        path.write_bytes(b"gone")
        write_file(*args)

    monkeypatch.setattr(save_module, "_write", shrink)
    error = refused("model-changed", source.proto, tmp_path / "out.onnx", source=source)
    assert isinstance(error, ModelError)
    assert files(tmp_path) == {"m.onnx"}


def test_a_failed_write_keeps_the_earlier_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    source = load(write(tmp_path / "m.onnx", weighted(BIG)))
    (tmp_path / "out.onnx").write_bytes(b"old")

    def fail(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(os, "fsync", fail)
    refused("output-unwritable", source.proto, tmp_path / "out.onnx", source=source)
    assert (tmp_path / "out.onnx").read_bytes() == b"old"
    assert files(tmp_path) == {"m.onnx", "out.onnx"}


def test_text_and_bytes_are_written(tmp_path: Path):
    write_atomically(tmp_path / "r.md", "ü\n")
    assert (tmp_path / "r.md").read_bytes() == "ü\n".encode()
    write_atomically(tmp_path / "r.md", b"\x00")
    assert (tmp_path / "r.md").read_bytes() == b"\x00"
    assert files(tmp_path) == {"r.md"}


def test_new_files_have_the_permissions_that_the_user_asks_for(tmp_path: Path):
    write_atomically(tmp_path / "r.md", "")
    (tmp_path / "plain").touch()
    assert (tmp_path / "r.md").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_report_into_a_missing_folder_or_a_folder_is_refused(tmp_path: Path):
    for path, code in (
        (tmp_path / "no" / "r", "output-folder-missing"),
        (tmp_path, "output-not-a-file"),
    ):
        with pytest.raises(UsageError) as caught:
            write_atomically(path, "x")
        assert caught.value.code == code


def test_a_report_through_a_link_replaces_the_file_and_not_the_link(tmp_path: Path):
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    write_atomically(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_a_report_to_a_device_is_written_to_the_device():
    write_atomically(Path(os.devnull), "x")
    assert Path(os.devnull).is_char_device()
