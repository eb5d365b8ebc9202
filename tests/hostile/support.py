"""Runs one case through one command and holds the run to what is promised of every run."""

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .case import SECRET, Case
from .files import write_secret
from .sandbox import MAX_RSS, ROOT, Run, Server, watched

_INSTALLED = (str(ROOT), sys.prefix, sys.base_prefix)
_SYSTEM = ("/proc", "/sys", "/dev/null", "/usr", "/etc/ld.so.cache", "/lib")
"""What libraries read of the machine."""
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@dataclass(frozen=True)
class Place:
    """The folders of a run.

    Attributes:
        root: All of them.
        model: The hostile file and what belongs to it.
        log: What the run says, and its temporary files.
        out: Where it may write.
    """

    root: Path

    def __post_init__(self) -> None:
        for folder in (self.model, self.log, self.out):
            folder.mkdir()
        write_secret(self.root / "outside")

    @property
    def model(self) -> Path:
        return self.root / "model"

    @property
    def log(self) -> Path:
        return self.root / "log"

    @property
    def out(self) -> Path:
        return self.root / "out"


def arguments(command: str, path: Path, out: Path) -> list[str]:
    """A command line."""
    target = ["--target", "ascend-310p"]
    made = ["-o", str(out / "out.onnx")]
    more = {
        "check": ["--no-config", *target],
        "convert": [*target, *made],
        "verify": [str(path)],
        "opset": ["--to", "18", *made],
        "diff": [str(path)],
    }
    return [command, str(path), *more[command]]


def held(
    server: Server, place: Place, line: Sequence[str], seconds: float, kept: Path | None = None
) -> Run:
    """Runs a command line and checks what holds for all; `kept` was in the output's folder."""
    before = _listing(place.model)
    with watched(place.root / "outside" / "secret.bin") as touched:
        run = server.run(line, place.log, seconds)
    said = f"{line}: {run}"
    assert run.status in (0, 1, 2), said
    assert "Traceback" not in run.out + run.err, said
    assert "error[internal]" not in run.err, said
    assert run.rss <= MAX_RSS, said
    assert not touched, said
    assert _listing(place.model) == before, said
    assert not list((place.log / "tmp").iterdir()), said
    assert not _outside(run.opened, place), said
    assert not _CONTROLS.search(run.out + run.err), said
    assert not re.search(r"^::", run.out + run.err, re.MULTILINE), said
    for file in place.out.iterdir():
        assert SECRET not in file.read_bytes(), said
    if run.status == 2:
        assert not run.out or line[0] == "op-map", said  # lint says what it found in the others
        assert [file for file in place.out.iterdir() if file != kept] == [], said
        lines = run.err.splitlines()
        assert re.match(r"error\[[a-z0-9-]+\]: .", lines[0]), said
        assert len(lines) == 1 or (len(lines) == 2 and lines[1].startswith("help: ")), said
    return run


def outcome(run: Run) -> str:
    """The code of the error, or the status of the verdict."""
    found = re.match(r"error\[(.*?)\]", run.err)
    return found[1] if run.status == 2 and found else str(run.status)


def run_case(
    server: Server, case: Case, command: str, folder: Path, more: Sequence[str] = (),
    seconds: float = 10,
) -> Run:  # fmt: skip
    """One case, one command, with more options."""
    place = Place(folder)
    path = case.make(place.model)
    return held(server, place, [*arguments(command, path, place.out), *more], seconds)


def _listing(folder: Path) -> list[tuple[str, int, int]]:
    entries = ((p, p.lstat()) for p in sorted(folder.rglob("*")))
    return [(str(p), found.st_mode, found.st_size) for p, found in entries]


def _outside(opened: frozenset[str], place: Place) -> list[str]:
    allowed = (*_INSTALLED, *_SYSTEM, str(place.model), str(place.log), str(place.out))
    return sorted(file for file in opened if not file.startswith(allowed))
