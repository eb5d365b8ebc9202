"""The summary of a step on GitHub: a page that a workflow's steps append Markdown to."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from porting.gate.outcome import Report
    from porting.report.formats import View

VARIABLE = "GITHUB_STEP_SUMMARY"


def append_summary(report: "Report", view: "View") -> None:
    """Appends the report, where GitHub names a file for it.

    Raises:
        OSError: The file cannot be written.
    """
    path = os.environ.get(VARIABLE)
    if not path:
        return
    from porting.report.markdown import render

    # In one piece: what another process appends comes before it or after.
    with Path(path).open("ab", buffering=0) as file:
        file.write(f"\n{render(report, view)}\n".encode())
