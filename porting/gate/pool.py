"""Work shared among processes: answers in order, and no process left behind, however it ends."""

import os
import signal
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence, Set
from concurrent.futures import Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import active_children, get_context, parent_process
from multiprocessing.process import BaseProcess
from typing import TypeVar

from porting.errors import PortError

_Item = TypeVar("_Item")
_Answer = TypeVar("_Answer")

_AWAKE_EVERY, _MOMENT = 0.5, 0.01
"""Seconds."""


def cores() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def ordered(
    function: Callable[[_Item], _Answer], items: Sequence[_Item], jobs: int
) -> Generator[_Answer, None, None]:
    """The answers to some items, in the items' order.

    Args:
        function: Of a module's top level; what it raises is raised here, the first item's first.
        items: Can be sent to another process.
        jobs: How many processes; one means this one.

    Raises:
        PortError: `process-died` if one was killed, as happens where memory runs out.
    """
    if min(jobs, len(items)) <= 1:
        yield from map(function, items)
        return
    others: Set[BaseProcess] = set(active_children())
    # not forked: a library may have threads by now
    pool = ProcessPoolExecutor(min(jobs, len(items)), get_context("spawn"), initializer=_begin)
    try:
        with _interrupts_waiting():
            futures = [pool.submit(function, item) for item in items]
        for future in futures:
            yield _answer(future)
    except BrokenProcessPool:
        _stop(pool, others)
        raise PortError(
            "process-died", "a process that checked a model was killed", "try --jobs 1"
        ) from None
    except BaseException:
        _stop(pool, others)
        raise
    pool.shutdown()


def _answer(future: Future[_Answer]) -> _Answer:
    """What it gives; no wait is long, since one that begins just after Ctrl-C would not end."""
    while not wait((future,), _AWAKE_EVERY).done:
        pass
    return future.result()


def _stop(pool: ProcessPoolExecutor, others: Set[BaseProcess]) -> None:
    """Ends a pool's processes at once, whatever they are doing."""
    pool.shutdown(wait=False, cancel_futures=True)
    ours = set(active_children()) - others
    for child in ours:
        child.terminate()
    # the pool's own thread may be the one that hears of the end, and tell of it a little later
    while any(child.is_alive() for child in ours):
        time.sleep(_MOMENT)


@contextmanager
def _interrupts_waiting() -> Iterator[None]:
    """Keeps Ctrl-C until later, for this process and for those that it starts meanwhile."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin() -> None:
    """Lets the parent alone answer to Ctrl-C, and ends with it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
