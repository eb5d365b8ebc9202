"""What a command costs: seconds of the processor, and the peak of memory."""

import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass

PORT = (sys.executable, "-P", "-c", "from porting.cli import main; main()")
"""The installed one, not what lies in the folder from which the benchmark is started."""


@dataclass(frozen=True)
class Cost:
    """Seconds of the processor, in user and system mode together, and megabytes at the peak."""

    seconds: float
    megabytes: float


def measure(
    command: Sequence[str], limit: float, accepted: frozenset[int] = frozenset({0})
) -> Cost | None:
    """Runs a command in a process of its own, from start to end.

    Args:
        command: Program and arguments.
        limit: Seconds of the processor that it may take.
        accepted: Exit statuses that mean the job was done.

    Returns:
        Its cost; None where it fails, shows a traceback or takes longer.
    """
    with tempfile.TemporaryFile() as errors:
        pid = subprocess.Popen(  # noqa: S603 - commands of the benchmark
            list(command), stdout=subprocess.DEVNULL, stderr=errors
        ).pid
        resource.prlimit(pid, resource.RLIMIT_CPU, (int(limit), int(limit) + 1))
        _, status, usage = os.wait4(pid, 0)
        errors.seek(0)
        crashed = b"Traceback (most recent call last)" in errors.read()
    if crashed or os.waitstatus_to_exitcode(status) not in accepted:
        return None
    return Cost(usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


_SHORT = 1.0
"""Seconds that one command is run for, again and again if it is quick."""


def best(
    command: Sequence[str], limit: float, accepted: frozenset[int] = frozenset({0})
) -> Cost | None:
    """The cost of the quickest of some runs; None once one fails."""
    done: list[Cost] = []
    while sum(run.seconds for run in done) < _SHORT:
        run = measure(command, limit, accepted)
        if run is None:
            return None
        done.append(run)
    return min(done, key=lambda run: run.seconds)
