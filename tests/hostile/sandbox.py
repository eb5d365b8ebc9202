"""Runs port on hostile input in a process of its own, bounded and watched.

One server process has loaded what every command needs; it forks for each run. A run has limits of
its own for memory and processor time. What it and the processes that it starts open is recorded
twice: Python's own opens by an audit hook (see site/sitecustomize.py), and every open of the
sentinel outside the model's folder, by whatever library, by the kernel.
"""

import contextlib
import ctypes
import gc
import io
import json
import os
import resource
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

SITE = Path(__file__).parent / "site"
ROOT = Path(__file__).resolve().parents[2]
MAX_RSS = 1 << 30
"""Bytes of memory that a run, and each process that it starts, may have held at most."""
MAX_DATA = 8 << 30
"""Bytes that it may ask for before it is stopped; a file that is mapped is not counted."""


@dataclass(frozen=True)
class Run:
    """What came of one run.

    Attributes:
        status: Its exit status; negative where a signal ended it, None where time ran out.
        out: Standard output.
        err: Standard error.
        rss: The most memory that it or a process of its held, in bytes.
        cpu: Seconds of processor time, with the processes that it started.
        wall: Seconds that passed.
        opened: Files that Python opened in it, resolved.
    """

    status: int | None
    out: str
    err: str
    rss: int
    cpu: float
    wall: float
    opened: frozenset[str]


class Server:
    """The process that forks the runs; a context manager."""

    def __enter__(self) -> "Server":
        path = os.pathsep.join([str(SITE), str(ROOT), os.environ.get("PYTHONPATH", "")])
        env = os.environ | {"PYTHONPATH": path.rstrip(os.pathsep), "PORT_CACHE": "off"}
        env |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        env.pop("PORT_TRACEBACK", None)
        self._process = subprocess.Popen(
            [sys.executable, __file__],
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def run(self, arguments: Sequence[str], folder: Path, seconds: float = 10) -> Run:
        """Runs `port ARGUMENTS`.

        Args:
            arguments: Of the command line.
            folder: Empty; for the logs and temporary files of the run.
            seconds: Of processor time for each process of the run. Six times as many may pass.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        (folder / "tmp").mkdir()
        job = {"arguments": list(arguments), "folder": str(folder), "seconds": seconds}
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        told = json.loads(self._process.stdout.readline())
        logs = folder.glob("opened.*")
        opened = frozenset(line for log in logs for line in log.read_text().split("\n")) - {""}
        texts = ((folder / name).read_text(errors="replace") for name in ("out", "err"))
        return Run(told["status"], *texts, told["rss"], told["cpu"], told["wall"], opened)


@contextlib.contextmanager
def watched(file: Path) -> Iterator[list[str]]:
    """Collects `file` at the end if anything opened or read it meanwhile; Linux tells."""
    libc = ctypes.CDLL(None, use_errno=True)
    watch = libc.inotify_init1(os.O_NONBLOCK)
    assert watch >= 0
    accessed, opened = 0x1, 0x20
    assert libc.inotify_add_watch(watch, os.fsencode(file), accessed | opened) >= 0
    found: list[str] = []
    try:
        yield found
        try:
            events = os.read(watch, 1 << 16)
        except BlockingIOError:
            return
        found += [str(file)] * (len(events) // struct.calcsize("iIII"))
    finally:
        os.close(watch)


def _serve() -> None:
    """Forks for each line on standard input; answers when the run has ended."""
    import numpy  # noqa: F401
    import onnx  # noqa: F401

    import porting.capability.table
    import porting.converting
    import porting.differing
    import porting.gate.run
    import porting.opsets
    import porting.proof.verify
    import porting.report.text  # noqa: F401
    from porting.capability.targets import load_target
    from porting.cli.app import run
    from porting.rules import registry

    registry()
    load_target("ascend-310p")
    with contextlib.redirect_stdout(io.StringIO()):  # what a command line takes is built once
        run(["check", "--help"])
    gc.collect()
    gc.freeze()  # so that a fork copies no more than it uses
    for line in sys.stdin:
        job = json.loads(line)
        start = time.monotonic()
        pid = os.fork()
        if pid == 0:
            _run(job["arguments"], Path(job["folder"]), job["seconds"])
        status, used = _wait(pid, start + 6 * job["seconds"])
        print(
            json.dumps(
                {
                    "status": status,
                    "rss": used.ru_maxrss * 1024,
                    "cpu": used.ru_utime + used.ru_stime,
                    "wall": time.monotonic() - start,
                }
            ),
            flush=True,
        )


def _run(arguments: list[str], folder: Path, seconds: float) -> None:
    """The forked process: never returns."""
    os.setsid()
    os.chdir(folder / "tmp")
    os.environ["TMPDIR"] = str(folder / "tmp")
    os.environ["PORT_TEST_OPENED"] = str(folder / "opened")
    for name, descriptor in (("out", 1), ("err", 2)):
        os.dup2(os.open(folder / name, os.O_WRONLY | os.O_CREAT), descriptor)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.stdin = open(os.devnull)  # noqa: PTH123, SIM115
    resource.setrlimit(resource.RLIMIT_DATA, (MAX_DATA, MAX_DATA))
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds), int(seconds) + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    import sitecustomize

    sitecustomize.record()
    from porting.cli.app import run

    status = 70
    try:
        status = run(arguments)
    except BaseException:  # noqa: BLE001 - whatever it is, it is shown
        import traceback

        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _wait(pid: int, deadline: float) -> tuple[int | None, resource.struct_rusage]:
    """The run's status; it and all that it started are gone then."""
    while True:
        done, status, used = os.wait4(pid, os.WNOHANG)
        if done:
            _kill(pid)
            return os.waitstatus_to_exitcode(status), used
        if time.monotonic() > deadline:
            _kill(pid)
            return None, os.wait4(pid, 0)[2]
        time.sleep(0.002)


def _kill(group: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    _serve()
