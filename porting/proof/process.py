"""A process that runs a model: how it is started, told what to do, and waited for.

It may be started before what it is to do is known, so that it loads its libraries while others load
theirs here. For that only the standard library is imported: not even numpy.
"""

import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType

_SMALL = 500 * 10**6
"""Bytes up to which a model is loaded while another one is in memory."""


class Child:
    """A process that has loaded what it needs by the time that it gets its job.

    Used as a context manager: it and its folder are gone at the end.
    """

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="port-verify-")
        self.folder = Path(self._folder.name)
        self._process = self._start()

    def _start(self) -> "subprocess.Popen[bytes]":
        root = str(Path(__file__).resolve().parents[2])
        old = os.environ.get("PYTHONPATH")
        env = os.environ | {"PYTHONPATH": root + (os.pathsep + old if old else "")}
        env |= dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(self.folder))  # onnxruntime leaves some
        # Threads that numpy starts and spins, for sums that take no time; onnxruntime has its own.
        env["OPENBLAS_NUM_THREADS"] = "1"
        # -P: files of the user's folder (an onnx.py, say) must not shadow libraries.
        command = [sys.executable, "-P", "-m", "porting.proof.child", str(self.folder)]
        with (self.folder / "stderr").open("wb") as errors:
            return subprocess.Popen(  # noqa: S603
                command,
                env=env,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=errors,
            )

    def load(self, model: Path) -> None:
        """Have a model loaded before there is a job, if it is small: two may be in memory."""
        if _bytes(model) <= _SMALL:
            self._say({"load": str(model.absolute())})

    def begin(self) -> None:
        """Have the job in the folder done."""
        self._say({"go": True})

    def _say(self, what: dict[str, object]) -> None:
        assert self._process.stdin is not None
        with suppress(OSError):  # it has died already, which `end` tells
            self._process.stdin.write(json.dumps(what).encode("ascii") + b"\n")
            self._process.stdin.flush()

    def end(self, timeout: float) -> str:
        """Wait until it is done; how the process died, empty if it did not.

        Args:
            timeout: Seconds.
        """
        if not self._wait(timeout):
            return f"did not finish in {timeout:.0f} s"
        code = self._process.returncode
        if code == 0:
            return ""
        if code < 0:
            known = -code in set(signal.Signals)
            name = signal.Signals(-code).name if known else str(-code)
            hint = " (out of memory?)" if name == "SIGKILL" else ""
            return f"the process that ran it was killed by {name}{hint}"
        text = (self.folder / "stderr").read_text(encoding="utf-8", errors="replace")
        last = " ".join(text.strip().splitlines()[-1:])
        return f"the process that ran it ended with status {code}: {last}"

    def _wait(self, timeout: float) -> bool:
        """Whether it ends in time."""
        handle = _handle(self._process.pid)
        if handle is not None and not _becomes_ready(handle, timeout):
            return False
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout)
            return True
        return False

    def __enter__(self) -> "Child":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        if self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()
        self._process.wait()
        self._folder.cleanup()


def _handle(pid: int) -> int | None:
    """What can be read when the process has ended; None where the system has no such thing.

    `Popen.wait` then looks every 50 ms on POSIX, which is longer than many models run.
    """
    if sys.platform == "linux":
        with suppress(AttributeError, OSError):  # an old kernel, or a Python built for one
            return os.pidfd_open(pid)
    return None


def _becomes_ready(handle: int, timeout: float) -> bool:
    """Whether it can be read within as many seconds; it is closed then."""
    try:
        with selectors.DefaultSelector() as selector:
            selector.register(handle, selectors.EVENT_READ)
            return bool(selector.select(timeout))
    finally:
        os.close(handle)


def _bytes(model: Path) -> int:
    """What the model's file and the data beside it hold at most."""
    with suppress(OSError):
        beside = (file.stat().st_size for file in model.parent.glob(f"{model.stem}*"))
        return max(model.stat().st_size, sum(beside))
    return 0
