"""What happens around the process that runs models: how it starts, ends, and is waited for."""

import io
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest

from porting.proof import child as worker
from porting.proof import process
from porting.proof.exchange import Case, RunFailure
from porting.proof.process import Child
from porting.proof.run import run_model
from porting.proof.tolerance import Tolerance
from porting.proof.verify import verify_files

ABS = "g (float[2] x) => (float[2] y) { y = Abs (x) }"
NEG = "g (float[2] x) => (float[2] y) { y = Neg (x) }"
CASE = Case({"x": np.array([-1, 2], np.float32)})
TRAPS = "g (int64[N] x, int64[N] d) => (int64[N] y) { y = Div (x, d) }"

KILLED = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
SLEEPS = "import time; time.sleep(60)"
BROKEN = "raise ValueError('a reason')"
SILENT = "pass"
ANSWERS = "input(); print('done'); input()"

signals = pytest.mark.skipif(os.name != "posix", reason="signals")


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


@pytest.mark.parametrize(
    ("code", "death"),
    [
        (ANSWERS, ""),
        (SILENT, "the process that ran it ended with status 0: "),
        (BROKEN, "the process that ran it ended with status 1: ValueError: a reason"),
        pytest.param(
            KILLED, "the process that ran it was killed by SIGKILL (out of memory?)", marks=signals
        ),
    ],
)
def test_how_a_job_ended_is_told(runs, code, death):
    runs(code)
    with Child() as child:
        child.begin(child.folder_for_job())
        assert child.end(60.0) == death
        assert child.is_ready == (not death)


def test_a_process_that_has_died_is_told_a_job_and_found_dead(runs):
    runs(BROKEN)
    with Child() as child:
        child._process.wait()
        child.begin(child.folder_for_job())
        assert "a reason" in child.end(60.0)
        assert "a reason" in child.end(60.0)


def test_a_process_that_does_not_end_is_given_up_and_gone(runs):
    runs(SLEEPS)
    start = time.monotonic()
    with Child() as child:
        assert child.end(0.2) == "did not finish in 0 s"
        assert not child.is_ready
    assert not child.folder.exists()
    child.close()
    assert time.monotonic() - start < 30


@pytest.mark.parametrize("name", ["plain", "with space", "umlaut-ü", 'quote"', "line\nbreak"])
def test_a_model_is_loaded_before_its_job_whatever_its_name(tmp_path, save, monkeypatch, name):
    if os.name != "posix" and not name.isalpha():
        pytest.skip("no such name there")
    a = tmp_path / f"{name}.onnx"
    a.write_bytes(save(ABS).read_bytes())
    said = io.BytesIO()

    def end(child, timeout):
        load, job = child._process.stdin.getvalue().decode("ascii").splitlines()

        def lines():
            yield load
            a.unlink()  # what it does not have by now it cannot have
            yield job

        monkeypatch.setattr(sys, "stdin", lines())
        worker.main()
        return ""

    monkeypatch.setattr(worker, "confine", lambda: None)
    monkeypatch.setattr(worker.os, "dup2", lambda old, new: None)
    monkeypatch.setattr(worker.os, "write", lambda handle, line: said.write(line))
    monkeypatch.setattr(Child, "_start", lambda child: Mock(stdin=io.BytesIO()))
    monkeypatch.setattr(Child, "is_ready", True)
    monkeypatch.setattr(Child, "end", end)
    with Child() as child:
        child.load(a)
        run = run_model(a, [CASE], child=child)
    assert run.results[0]["y"].tolist() == [1, 2]
    assert said.getvalue() == b"done\n"


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


def test_each_model_has_a_process_of_its_own(save, monkeypatch):
    loaded = []
    monkeypatch.setattr(Child, "load", lambda child, path: loaded.append((child.folder, path)))
    a, b = save(ABS), save(ABS)
    assert verify_files(a, b, tolerance=Tolerance.for_classes({"exact"})).passed
    (first, _), (second, _) = loaded
    assert first != second
    assert not first.exists()
    assert not second.exists()


@pytest.mark.parametrize("path", ["", "missing.onnx", "a\0b", "[", "**x"])
def test_of_a_path_that_is_none_the_size_is_nothing(path):
    assert process._bytes(Path(path) if path else Path("nowhere")) == 0


def test_a_process_runs_one_model_after_the_other(save):
    a, b = save(ABS), save(NEG)
    with Child() as child:
        child.load(a)
        runs = [run_model(path, [CASE], child=child) for path in (a, b, a)]
        assert child.jobs == 3
    assert [run.results[0]["y"].tolist() for run in runs] == [[1, 2], [1, -2], [1, 2]]


def test_what_is_printed_is_no_answer():
    code = (
        "from porting.proof import child\n"
        "child.work = lambda folder, loaded: print('noise', flush=True)\n"
        "child.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], input=b'{"job": "x"}\n' * 2, capture_output=True, check=True
    )
    assert done.stdout == b"done\ndone\n"
    assert b"noise" in done.stderr


def test_a_model_that_fails_after_another_has_a_process_of_its_own_to_fail_in(save, monkeypatch):
    a, wrong = save(ABS), save("g (float[2] x) => (float[2] y) { y = Reshape (x, x) }")
    started = []
    real = Child._start
    monkeypatch.setattr(Child, "_start", lambda child: started.append(1) or real(child))
    with Child() as child:
        run_model(a, [CASE], child=child)
        run = run_model(wrong, [CASE], child=child)
    assert isinstance(run, RunFailure)
    assert len(started) == 2


def test_a_crash_of_the_first_model_is_not_the_fault_of_the_second(save):
    lowest = {"x": np.array([-(2**63)]), "d": np.array([-1])}  # traps in hardware on x86
    good = {"x": np.array([6, 9]), "d": np.array([3, 3])}
    a = save(TRAPS)
    with Child() as child:
        run_model(a, [Case(lowest)], child=child)
        run = run_model(a, [Case(good)], child=child)
    assert run.results[0]["y"].tolist() == [2, 3]


def test_a_child_has_one_thread_for_sums_and_a_folder_of_its_own(runs):
    kept = runs(SILENT)
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
