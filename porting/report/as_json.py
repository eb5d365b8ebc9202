"""JSON: the results as they are, for programs."""

import json
from typing import Any

from porting.gate.outcome import Report
from porting.report.formats import View
from porting.report.safe import is_plain


def render(report: Report, view: View) -> str:
    """The report as JSON; see `Report.to_dict` and docs/json.md."""
    return dumped(report.to_dict(every_node=view.every_node))


def dumped(data: Any) -> str:
    """The stable form: keys in the schema's order, two spaces, non-ASCII kept.

    Characters that a terminal could act on, and halves of surrogate pairs, which UTF-8 cannot
    hold, are written as JSON's escapes: readers of JSON see no difference.
    """
    text = json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False)
    return "\n".join(line if line.isprintable() else _escaped(line) for line in text.split("\n"))


def _escaped(line: str) -> str:
    return "".join(c if is_plain(c) else json.dumps(c)[1:-1] for c in line)
