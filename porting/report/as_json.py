"""JSON: the results as they are, for programs."""

import json
from typing import Any

from porting.gate.outcome import Report
from porting.report.formats import View


def render(report: Report, view: View) -> str:
    """The report as JSON; see `Report.to_dict` and docs/json.md."""
    return dumped(report.to_dict(every_node=view.every_node))


def dumped(data: Any) -> str:
    """The stable form: keys in the schema's order, two spaces, non-ASCII kept."""
    return json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False)
