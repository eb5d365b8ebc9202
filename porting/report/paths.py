"""Names of model files as reports for other programs write them."""

import os
from pathlib import PurePath
from urllib.parse import quote

from porting.gate.outcome import Entry
from porting.report.lots import subject

IN_MEMORY = "model"
"""What a model without a file is called."""


def path_of(entry: Entry) -> str:
    """The path as it was given, with slashes: relative to the folder of the run, if that was."""
    path = subject(entry).model.path
    return PurePath(path).as_posix() if path else IN_MEMORY


def uri_of(entry: Entry) -> str:
    """The same as a reference that a URI may hold; `file:` where an absolute path was given."""
    path = path_of(entry)
    reference = quote(os.fsencode(path))
    return f"file://{reference}" if path.startswith("/") else reference
