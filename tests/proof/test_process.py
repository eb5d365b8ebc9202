"""What happens around the process that runs a model: how it starts, ends, and is waited for."""

import io
import json
import os
import subprocess
import sys
import time
from unittest.mock import Mock

import numpy as np
import pytest

from porting.proof import child as worker
from porting.proof import process
from porting.proof.exchange import Case, RunFailure
from porting.proof.process import Child
from porting.proof.run import run_model

KILLED = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
SLEEPS = "import time; time.sleep(60)"
BROKEN = "raise ValueError('a reason')"
DONE = "pass"


@pytest.fixture(params=["event", "polling"])
def waiting(request, monkeypatch):
    """How the end of a process is waited for: by what Linux tells, and by what others have."""
    if request.param == "polling":
        monkeypatch.setattr(process, "_handle", lambda pid: None)


@pytest.fixture
def runs(monkeypatch):
    """Has a child run code of ours instead; what it was started with is kept."""
    real, kept = subprocess.Popen, []

    def instead(code):
        def start(command, **kwargs):
            kept.append(kwargs)
            return real([sys.executable, "-c", code], **kwargs)

        monkeypatch.setattr(process.subprocess, "Popen", start)
        return kept

    return instead


@pytest.mark.usefixtures("waiting")
@pytest.mark.parametrize(
    ("code", "death"),
    [
        (DONE, ""),
        (BROKEN, "the process that ran it ended with status 1: ValueError: a reason"),
        pytest.param(
            KILLED,
            "the process that ran it was killed by SIGKILL (out of memory?)",
            marks=pytest.mark.skipif(os.name != "posix", reason="signals"),
        ),
    ],
)
def test_how_a_process_ended_is_told(runs, code, death):
    runs(code)
    with Child() as child:
        assert child.end(60.0) == death
        child.begin()  # of a process that has ended already: nothing happens
        assert child.end(60.0) == death


@pytest.mark.usefixtures("waiting")
def test_a_process_that_does_not_end_is_given_up_and_gone(runs):
    runs(SLEEPS)
    start = time.monotonic()
    with Child() as child:
        assert child.end(0.2) == "did not finish in 0 s"
        assert child._process.poll() is None
    assert child._process.poll() is not None
    assert not child.folder.exists()
    assert time.monotonic() - start < 30


@pytest.mark.usefixtures("waiting")
def test_a_model_runs_however_its_end_is_waited_for(save):
    a = save("g (float[2] x) => (float[2] y) { y = Abs (x) }")
    run = run_model(a, [Case({"x": np.array([-1, 2], np.float32)})])
    np.testing.assert_array_equal(run.results[0]["y"], [1, 2])


def test_a_model_that_kills_its_process_while_it_is_loaded_is_a_failure(save, runs):
    runs(KILLED)
    a = save("g (float[2] x) => (float[2] y) { y = Abs (x) }")
    with Child() as child:
        child._process.wait()
        child.load(a)
        run = run_model(a, [Case({"x": np.zeros(2, np.float32)})], child=child)
    assert isinstance(run, RunFailure)


@pytest.mark.parametrize("name", ["plain", "with space", "umlaut-ü", 'quote"', "line\nbreak"])
def test_a_model_is_loaded_before_its_job_whatever_its_name(tmp_path, save, monkeypatch, name):
    if os.name != "posix" and not name.isalpha():
        pytest.skip("no such name there")
    a = tmp_path / f"{name}.onnx"
    a.write_bytes(save("g (float[2] x) => (float[2] y) { y = Abs (x) }").read_bytes())

    def end(child, timeout):
        load, go = child._process.stdin.getvalue().decode("ascii").splitlines()

        def lines():
            yield load
            a.unlink()  # what it does not have by now it cannot have
            yield go

        monkeypatch.setattr(sys, "stdin", lines())
        monkeypatch.setattr(sys, "argv", ["child", str(child.folder)])
        worker.main()
        return ""

    monkeypatch.setattr(worker, "confine", lambda: None)
    monkeypatch.setattr(worker.os, "_exit", lambda code: None)
    monkeypatch.setattr(Child, "_start", lambda child: Mock(stdin=io.BytesIO()))
    monkeypatch.setattr(Child, "end", end)
    with Child() as child:
        child.load(a)
        run = run_model(a, [Case({"x": np.array([-1, 2], np.float32)})], child=child)
    assert run.results[0]["y"].tolist() == [1, 2]


def test_only_a_small_model_is_loaded_beforehand(tmp_path, monkeypatch):
    small, large = tmp_path / "small.onnx", tmp_path / "large.onnx"
    small.write_bytes(b"x")
    with large.open("wb") as file:
        file.truncate(process._SMALL + 1)
    told = []
    monkeypatch.setattr(Child, "_say", lambda child, what: told.append(what))
    with Child() as child:
        child.load(small)
        child.load(large)
    assert told == [{"load": str(small)}]


def test_a_child_has_one_thread_for_sums_and_a_folder_of_its_own(runs):
    kept = runs(DONE)
    with Child() as child:
        environment = kept[0]["env"]
        assert environment["OPENBLAS_NUM_THREADS"] == "1"
        assert environment["TMPDIR"] == str(child.folder)
    assert os.environ.get("TMPDIR") != environment["TMPDIR"]


def test_starting_one_imports_nothing_heavy():
    code = (
        "import sys, json, porting; porting.verify;"
        "print(json.dumps([m for m in ('numpy', 'onnx', 'onnxruntime') if m in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert json.loads(done.stdout) == []
