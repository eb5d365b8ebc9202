"""Killed at any moment, out of space, not allowed to write: the old file or the whole new one."""

import hashlib
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from legalize.toy import write_table
from onnx import numpy_helper

from porting.cli.app import run
from porting.errors import UsageError
from porting.model.load import load
from porting.model.save import save, write_atomically

OLD = b"what was there before"


def _model(folder: Path, count: int = 1 << 20) -> Path:
    """A model with some megabytes of weights."""
    made = onnx.parser.parse_model(
        '<ir_version: 8, opset_import: ["": 17]> g (float[2] x) => (float[2] y) '
        "{ a = Add(x, x) i = Constant<value_ints = [0, 1]>() b = Gather(w, i) y = Add(a, b) }"
    )
    made.graph.initializer.append(numpy_helper.from_array(np.ones(count, np.float32), "w"))
    path = folder / "m.onnx"
    onnx.save(made, path)
    return path


def _line(folder: Path, *more: str) -> list[str]:
    table = write_table(folder, "Add: {}\nGather: {}")
    return ["convert", str(folder / "m.onnx"), "--op-map", str(table), "-o",
            str(folder / "out" / "out.onnx"), "--no-verify", *more]  # fmt: skip


def _started(folder: Path) -> "subprocess.Popen[bytes]":
    (folder / "tmp").mkdir(exist_ok=True)
    code = "import sys; from porting.cli import main; sys.argv[0] = 'port'; main()"
    return subprocess.Popen(
        [sys.executable, "-c", code, *_line(folder)],
        env=os.environ | {"TMPDIR": str(folder / "tmp"), "PORT_CACHE": "off"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _whole(folder: Path) -> str:
    """Digest of what an undisturbed run writes; it also says how long that takes."""
    start = time.monotonic()
    assert _started(folder).wait() == 0
    (folder / "seconds").write_text(str(time.monotonic() - start))
    return hashlib.sha256((folder / "out" / "out.onnx").read_bytes()).hexdigest()


def _kill_at_random(folder: Path, moments: int) -> None:
    _model(folder)
    (folder / "out").mkdir()
    out = folder / "out" / "out.onnx"
    complete = _whole(folder)
    seconds = float((folder / "seconds").read_text())
    random_ = random.Random(moments)
    for _ in range(moments):
        out.write_bytes(OLD)
        process = _started(folder)
        time.sleep(random_.uniform(0.3, 1.05) * seconds)
        process.send_signal(signal.SIGKILL)
        process.wait()
        found = out.read_bytes()
        assert found == OLD or hashlib.sha256(found).hexdigest() == complete
        rest = [p for p in out.parent.iterdir() if p != out]
        assert all(p.name.startswith(".port-") and p.suffix == ".tmp" for p in rest), rest


def test_killed_at_a_few_moments_the_output_is_old_or_whole(tmp_path):
    _kill_at_random(tmp_path, 3)


@pytest.mark.slow
def test_killed_at_fifty_moments_the_output_is_old_or_whole(tmp_path):
    _kill_at_random(tmp_path, 50)


def test_killed_at_any_call_of_writing_the_output_is_old_or_whole(tmp_path):
    """A forked process kills itself at the n-th call that it makes while it saves."""
    source = _model(tmp_path)
    out = tmp_path / "out" / "out.onnx"
    out.parent.mkdir()
    complete = (_save_until(source, out, None), out.read_bytes())[1]
    ended = {"old": 0, "whole": 0}
    for calls in range(0, 100_000, 25):
        out.write_bytes(OLD)
        if _save_until(source, out, calls) == 0:
            break
        found = out.read_bytes()
        assert found in (OLD, complete)
        ended["old" if found == OLD else "whole"] += 1
        rest = [p for p in out.parent.iterdir() if p != out]
        assert all(p.name.startswith(".port-") and p.suffix == ".tmp" for p in rest), rest
        for file in rest:
            file.unlink()
    assert ended["old"] >= 5


def _save_until(source: Path, out: Path, calls: int | None) -> int:
    """Saves in a forked process, which is killed at a call of this number; its exit status."""
    loaded = load(source)

    def work() -> int:
        left = calls

        def count(frame: object, event: str, argument: object) -> None:
            nonlocal left
            if left is not None and event in ("call", "c_call"):
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.setprofile(count)
        save(loaded.proto, out, source=loaded)
        sys.setprofile(None)
        return 0

    status = _forked(work)
    assert status in (0, -signal.SIGKILL)
    return status


def _forked(work: Callable[[], int]) -> int:
    """The exit status of a forked process, which ends whatever happens in it."""
    pid = os.fork()
    if pid == 0:
        status = 70
        try:
            status = work()
        finally:
            os._exit(status)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)


def test_what_a_killed_run_left_is_removed_by_the_next(tmp_path):
    source = _model(tmp_path)
    left = tmp_path / ".port-0123456789abcdef.tmp"
    left.write_bytes(b"half a model")
    os.utime(left, (0, 0))
    fresh = tmp_path / ".port-fedcba9876543210.tmp"
    fresh.write_bytes(b"another process is writing this")
    foreign = tmp_path / ".port-notes.tmp"
    foreign.write_bytes(b"the user's own")
    os.utime(foreign, (0, 0))
    loaded = load(source)
    save(loaded.proto, tmp_path / "out.onnx", source=loaded)
    assert not left.exists()
    assert fresh.exists()
    assert foreign.exists()


@pytest.mark.parametrize("existing", [True, False])
def test_a_disk_that_is_full_leaves_the_old_file(tmp_path, capfd, existing):
    """The file may be no longer than this; the system says so as it says that a disk is full."""
    _model(tmp_path)
    (tmp_path / "out").mkdir()
    out = tmp_path / "out" / "out.onnx"
    if existing:
        out.write_bytes(OLD)
    line = _line(tmp_path)

    def work() -> int:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
        return run(line)

    assert _forked(work) == 2
    assert capfd.readouterr().err.startswith("error[output-unwritable]: ")
    assert [p.read_bytes() for p in out.parent.iterdir()] == [OLD] * existing


@pytest.mark.slow
def test_a_real_disk_that_is_full_leaves_the_old_file(tmp_path):
    disk = tmp_path / "out"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a disk cannot be mounted here")
    try:
        _model(tmp_path)
        (disk / "out.onnx").write_bytes(OLD)
        assert run(_line(tmp_path)) == 2
        assert [p.read_bytes() for p in disk.iterdir()] == [OLD]
    finally:
        subprocess.run(["umount", str(disk)], check=True)


@pytest.mark.parametrize("kind", ["report", "model"])
def test_a_disk_that_is_full_when_the_data_is_flushed(tmp_path, monkeypatch, kind):
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    source = load(_model(tmp_path))
    before = sorted(tmp_path.iterdir())
    monkeypatch.setattr(os, "fsync", full)
    write = {
        "report": lambda: write_atomically(tmp_path / "report.json", "{}"),
        "model": lambda: save(source.proto, tmp_path / "out.onnx", source=source),
    }[kind]
    with pytest.raises(UsageError, match="No space left on device"):
        write()
    assert sorted(tmp_path.iterdir()) == before


def test_a_folder_that_may_not_be_written(tmp_path, monkeypatch, capsys):
    """Root may write anywhere: the system's refusal is put in place of the folder's."""
    _model(tmp_path)
    (tmp_path / "out").mkdir()
    line = _line(tmp_path)
    whole = Path.open

    def refuse(self: Path, mode: str = "r", *more: object, **named: object):
        if self.parent.name == "out" and mode != "rb":
            raise PermissionError(30, "Read-only file system")
        return whole(self, mode, *more, **named)

    monkeypatch.setattr(Path, "open", refuse)
    assert run(line) == 2
    assert capsys.readouterr().err.startswith("error[output-unwritable]: ")
    assert not list((tmp_path / "out").iterdir())
