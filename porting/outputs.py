"""Where files may be written, found out before the work for them is done."""

from pathlib import Path

from porting.errors import UsageError


def check_model_file(out: Path) -> None:
    """Refuses a place where no model can be put.

    Raises:
        UsageError: `output-folder-missing` or `output-not-a-file`.
    """
    if not out.parent.is_dir():
        raise UsageError(
            "output-folder-missing",
            f"{out} cannot be written: folder {out.parent} does not exist",
            "Create the folder first.",
        )
    if out.is_symlink() or (out.exists() and not out.is_file()):
        raise UsageError(
            "output-not-a-file",
            f"{out} cannot be written: it exists and is not a regular file",
            "Give the path of a new file.",
        )


def check_report_file(file: Path) -> None:
    """The same for a report, which may also go to a device or a pipe, and through a link.

    Raises:
        UsageError: As `check_model_file`.
    """
    target = file.resolve()
    if not is_stream(target):
        check_model_file(target)


def is_stream(target: Path) -> bool:
    """Whether a path is that of a device or a pipe, which is written to as it is."""
    return target.exists() and not target.is_file() and not target.is_dir()
