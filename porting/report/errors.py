"""How far outputs are apart: the table of metrics, and the tolerance that they were held to.

docs/verification.md defines each figure.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table

from porting.report.safe import shortened

Output = Mapping[str, Any]


def comparison_table(outputs: Sequence[Output], title: str = "output") -> Table:
    """A row for each output."""
    table = Table(box=None, padding=(0, 2), header_style="dim")
    columns, rows = comparison_cells(outputs, title)
    for column in columns:
        table.add_column(column, justify="left" if column in {title, "shape"} else "right")
    for name, *figures in rows:
        table.add_row(shortened(name, 40), *figures)
    return table


def comparison_cells(
    outputs: Sequence[Output], title: str = "output"
) -> tuple[list[str], list[list[str]]]:
    """Columns and rows; the share of equal top-1 only where an output has one."""
    ranked = any(output.get("top1") is not None for output in outputs)
    columns = [title, "shape", "max abs", "max rel", "cosine", "SNR dB"]
    rows = []
    for output in outputs:
        row = [
            str(output["name"]),
            "x".join(str(d) for d in output["shape"]),
            _figure(output["max_abs"]),
            _figure(output["max_rel"]),
            _figure(output["cosine"], "{:.7f}"),
            _signal(output),
        ]
        if ranked:
            row.append(_figure(output.get("top1"), "{:.2%}"))
        rows.append([*row, f"{output['mismatches']} of {output['elements']}"])
    return [*columns, *(["top-1"] if ranked else []), "mismatches"], rows


def tolerance_lines(verification: Mapping[str, Any]) -> list[str]:
    """What was allowed, and the smallest tolerance with which all would pass."""
    allowed = verification.get("tolerance")
    outputs = verification.get("outputs") or []
    if not allowed:
        return []
    terms = [f"{allowed['abs']:g}"] if allowed["abs"] else []
    terms += [f"{allowed['scale']:g} S"] if allowed["scale"] else []
    terms.append(f"{allowed['rel']:g} max(|a|, {allowed['floor']:g} S)")
    text = f"allowed: |a - b| <= {' + '.join(terms)}, S the output's largest magnitude"
    return [text, _needed(outputs, allowed["rel"])]


def _needed(outputs: Sequence[Output], rel: float) -> str:
    factors = [output.get("needed_factor", 0.0) for output in outputs]
    hopeless = [o for o, f in zip(outputs, factors, strict=True) if f is None]
    if hopeless:
        return f"no tolerance would do for {shortened(str(hopeless[0]['name']), 40)}"
    factor = max(factors, default=0.0)
    if factor == 0:
        return "equal: a tolerance of zero would do"
    needed = max(output.get("needed_rel") or 0.0 for output in outputs)
    alone = f", or rel {_up(needed)} in place of {rel:g}" if needed > rel else ""
    return f"needed: {_up(factor)} of that{alone}"


def _up(value: float) -> str:
    """Two digits, rounded up, so that what is shown is enough."""
    step = 10.0 ** (math.floor(math.log10(value)) - 1)
    return f"{math.ceil(value / step) * step:.2g}"


def _signal(output: Output) -> str:
    if output.get("max_abs") == 0:
        return "inf"
    return _figure(output.get("snr_db"), "{:.1f}")


def _figure(value: float | None, form: str = "{:.2e}") -> str:
    return "-" if value is None else form.format(value)
