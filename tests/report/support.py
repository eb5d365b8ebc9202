"""A result as a report in text, without colours."""

from porting.gate.evaluate import evaluate
from porting.gate.outcome import Report
from porting.report.formats import View
from porting.report.text import render
from porting.results import CheckResult, ConvertResult


def shown(result: CheckResult | ConvertResult) -> str:
    return render(Report((evaluate(result),)), View())
