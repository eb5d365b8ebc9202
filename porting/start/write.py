"""`port init`: a configuration and what runs it in CI, for the repository at hand."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from porting.errors import UsageError
from porting.model.save import write_atomically

System: TypeAlias = Literal["github", "gitlab", "pre-commit"]
SYSTEMS: tuple[System, ...] = get_args(System)

CONFIG = "port.toml"
PRE_COMMIT = ".pre-commit-config.yaml"
GITLAB_MAIN = ".gitlab-ci.yml"
GITLAB_OURS = "port.gitlab-ci.yml"

_TRACES: Mapping[System, str] = {
    "github": ".github",
    "gitlab": GITLAB_MAIN,
    "pre-commit": PRE_COMMIT,
}
"""What shows that a repository uses a system."""


@dataclass(frozen=True, slots=True)
class Start:
    """What is to be written, or was.

    Attributes:
        folder: The repository's root, or the working directory outside of any.
        files: Text by path from there.
        steps: What to do next, each a line, or a line and a block that belongs into a file.
    """

    folder: Path
    files: Mapping[str, str]
    steps: tuple[str, ...]

    def write(self, *, replace: bool = False) -> None:
        """Writes every file, or none.

        Args:
            replace: Whether files that exist are replaced.

        Raises:
            UsageError: `file-exists`.
        """
        taken = [name for name in self.files if (self.folder / name).exists()]
        if taken and not replace:
            raise UsageError(
                "file-exists", f"{taken[0]} exists, nothing was written", "--force replaces it"
            )
        for name, text in self.files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, text)


def plan(
    folder: Path, targets: Sequence[str], requirement: str, systems: Sequence[System] = ()
) -> Start:
    """What a repository needs.

    Files of other tools are never replaced: where one exists, a step says what belongs into it.

    Args:
        folder: In the repository.
        targets: Target ids, and patterns of them.
        requirement: What pip has to install.
        systems: For which systems; those that the repository shows traces of if none.
    """
    root = root_of(folder)
    chosen = systems or [s for s in SYSTEMS if (root / _TRACES[s]).exists()]
    config = _template(CONFIG).replace("@TARGETS@", f"[{', '.join(map(_quoted, targets))}]")
    written, steps = {CONFIG: config}, ["port check"]
    for system in dict.fromkeys(chosen):
        found, more = _WRITERS[system](root, requirement)
        written |= found
        steps += more
    if not chosen:
        steps.append(f"port init --force --ci SYSTEM, one of {', '.join(SYSTEMS)}")
    steps.append(f"git add {' '.join(written)}")
    return Start(root, written, tuple(steps))


def root_of(folder: Path) -> Path:
    """The root of the repository that a folder is in; the folder itself outside of any."""
    upwards = (folder, *folder.parents)
    return next((each for each in upwards if (each / ".git").exists()), folder)


Written: TypeAlias = tuple[dict[str, str], list[str]]


def _github(root: Path, requirement: str) -> Written:
    return {".github/workflows/port.yml": _filled("github.yml", requirement)}, []


def _gitlab(root: Path, requirement: str) -> Written:
    written = {GITLAB_OURS: _filled("gitlab.yml", requirement)}
    include = f"include:\n  - local: {GITLAB_OURS}\n"
    if (root / GITLAB_MAIN).exists():
        return written, [f"add to {GITLAB_MAIN}:\n{include}"]
    return {**written, GITLAB_MAIN: include}, []


def _pre_commit(root: Path, requirement: str) -> Written:
    block = _filled("pre-commit.yaml", requirement)
    if (root / PRE_COMMIT).exists():
        return {}, [f"add to the repos of {PRE_COMMIT}:\n{block}"]
    return {PRE_COMMIT: f"repos:\n{block}"}, ["pre-commit install"]


_WRITERS: Mapping[System, Callable[[Path, str], Written]] = {
    "github": _github,
    "gitlab": _gitlab,
    "pre-commit": _pre_commit,
}


def _filled(name: str, requirement: str) -> str:
    return _template(name).replace("@REQUIREMENT@", _quoted(requirement))


def _quoted(text: str) -> str:
    """Text as TOML and YAML both write it."""
    written = json.dumps(text, ensure_ascii=False)
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in written)


def _template(name: str) -> str:
    return (files("porting.start") / "templates" / name).read_text(encoding="utf-8")
