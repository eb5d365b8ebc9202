"""A process that runs a model: how it is started, told what to do, and waited for.

It may be started before what it is to do is known, so that it loads its libraries while others load
theirs here. For that only the standard library is imported: not even numpy.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from glob import escape
from pathlib import Path
from threading import Thread
from types import TracebackType

_SMALL = 500 * 10**6
"""Bytes up to which a model is loaded while another one is in memory."""

_GRACE = 5.0
"""Seconds that a process may take to end."""


class Child:
    """A process that has loaded what it needs by the time that it gets a job, or several.

    Used as a context manager: it and its folder are gone at the end.

    Attributes:
        folder: Where its jobs have their folders.
        jobs: How many it was given.
    """

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="port-verify-")
        self.jobs = 0
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
                stdout=subprocess.PIPE,
                stderr=errors,
            )

    def load(self, model: Path) -> None:
        """Have a model loaded before there is a job, if it is small: two may be in memory."""
        if _bytes(model) <= _SMALL:
            self._say({"load": str(model.absolute())})

    def folder_for_job(self) -> Path:
        """A new place for a job and what comes of it."""
        self.jobs += 1
        folder = self.folder / str(self.jobs)
        folder.mkdir()
        return folder

    def begin(self, folder: Path) -> None:
        """Have the job in the folder done."""
        self._say({"job": str(folder)})

    @property
    def is_ready(self) -> bool:
        """Whether it has not died, nor was given up."""
        return self._process.poll() is None

    def _say(self, what: dict[str, object]) -> None:
        assert self._process.stdin is not None
        with suppress(OSError):  # it has died already, which `end` tells
            self._process.stdin.write(json.dumps(what).encode("ascii") + b"\n")
            self._process.stdin.flush()

    def end(self, timeout: float) -> str:
        """Wait until the job is done; how the process died, empty if it did not.

        Args:
            timeout: Seconds. A process that takes longer is killed.
        """
        said: list[bytes] = []
        # Blocked in a thread: `Popen.wait` looks for an end every 50 ms only, longer than many
        # models run, and not all systems can wait for a pipe.
        reader = Thread(target=lambda: said.append(self._line()), daemon=True)
        reader.start()
        reader.join(timeout)
        if reader.is_alive():
            self._process.kill()
            self._process.wait()
            return f"did not finish in {timeout:.0f} s"
        if said[0]:
            return ""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_GRACE)
        self._process.kill()  # it is no use if it is there and says nothing
        code = self._process.wait()
        if code < 0:
            known = -code in set(signal.Signals)
            name = signal.Signals(-code).name if known else str(-code)
            hint = " (out of memory?)" if name == "SIGKILL" else ""
            return f"the process that ran it was killed by {name}{hint}"
        text = (self.folder / "stderr").read_text(encoding="utf-8", errors="replace")
        last = " ".join(text.strip().splitlines()[-1:])
        return f"the process that ran it ended with status {code}: {last}"

    def _line(self) -> bytes:
        """What it says when a job is done; empty if it can say nothing any more."""
        assert self._process.stdout is not None
        with suppress(OSError, ValueError):  # closed by us
            return self._process.stdout.readline()
        return b""

    def close(self) -> None:
        """End it, and remove what it made; more than once does nothing."""
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        self._process.wait()
        self._folder.cleanup()

    def __enter__(self) -> "Child":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


@contextmanager
def children() -> Iterator[tuple[Child, Child]]:
    """A process for each of two models."""
    with Child() as first, Child() as second:
        yield first, second


def _bytes(model: Path) -> int:
    """What the model's file and the data beside it hold at most."""
    with suppress(OSError, ValueError):  # what is wrong with a path is said where it is read
        beside = (file.stat().st_size for file in model.parent.glob(f"{escape(model.stem)}*"))
        return max(model.stat().st_size, sum(beside))
    return 0
