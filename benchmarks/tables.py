"""How long it takes to load capability tables, and to list the chips.

    python benchmarks/tables.py

Held to: one table under 50 ms, `port targets` under 0.4 s, all tables together under 1.5 s. Beside
the wall clock stands the time of the processor, which other programs disturb less; each is the
best of several runs. A table is read from its file each time, with what it extends.
"""

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from processes import PORT

from porting.capability import yaml_reader
from porting.capability.table import load_table
from porting.capability.targets import available

RUNS = 5


def best(function: Callable[[], object]) -> tuple[float, float]:
    """Milliseconds of wall clock and processor, the best of several runs."""
    walls, processors = [], []
    for _ in range(RUNS):
        wall, processor = time.perf_counter(), time.process_time()
        function()
        walls.append(time.perf_counter() - wall)
        processors.append(time.process_time() - processor)
    return 1000 * min(walls), 1000 * min(processors)


def list_targets() -> tuple[float, float]:
    """The same of a whole `port targets`, a process of its own."""
    command = [*PORT, "targets"]
    walls, processors = [], []
    for _ in range(RUNS):
        wall, before = time.perf_counter(), os.times()
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603
        after = os.times()
        walls.append(time.perf_counter() - wall)
        used = after.children_user + after.children_system
        processors.append(used - before.children_user - before.children_system)
    return 1000 * min(walls), 1000 * min(processors)


def report(name: str, limit: float, measured: tuple[float, float]) -> None:
    """One line."""
    wall, processor = measured
    note = "" if wall <= limit else f"  above {limit:.0f}"
    print(f"{name:<30} {wall:8.1f} ms {processor:8.1f} ms of the processor{note}")


def main() -> None:
    """Prints every time."""
    tables = available()

    def load(path: Path) -> object:
        forget = getattr(yaml_reader.read, "cache_clear", None)
        if forget is not None:
            forget()
        return load_table(path, tables)

    load(next(iter(tables.values())))  # builds the validators, once in a process
    singles = {name: best(lambda p=path: load(p)) for name, path in tables.items()}
    for name, measured in singles.items():
        report(name, 50, measured)
    report("all tables", 1500, best(lambda: [load(p) for p in tables.values()]))
    report("port targets", 400, list_targets())


if __name__ == "__main__":
    main()
