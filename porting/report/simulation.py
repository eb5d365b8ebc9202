"""What a chip's compute type makes of a model, for the terminal."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from porting.report.safe import plain, shortened

_WORDS = {
    "overflow": "overflows",
    "nan": "becomes NaN",
    "vanishes": "vanishes",
    "mask": "too wide",
}


def print_simulation(console: Console, simulation: Mapping[str, Any]) -> None:
    """Prints the drift of each output, what happens first, and what could be done about it."""
    status = simulation["status"]
    style = {"passed": "green", "failed": "red"}.get(status, "yellow")
    if status == "passed" and simulation["events"]:
        style = "yellow"
    label = {"failed": "DRIFTS", "skipped": "NOT RUN"}.get(status, "simulated")
    console.print(Text.assemble((f"{label:<11}", style), f"  {plain(simulation['reason'])}"))
    if simulation["outputs"]:
        console.print(_table(simulation))
    for label, text in simulation_lines(simulation):
        if label in _WORDS.values():
            console.print(Text.assemble((f"{label:<11}", "yellow"), f"  {plain(text)}"))
        else:
            _line(console, label, plain(text), "dim" if label == "note" else "")


def simulation_lines(simulation: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Label and text of what happens first, of what could be done about it, and of the notes."""
    for event in simulation["events"]:
        yield _WORDS[event["kind"]], _event(event, simulation["counts"].get(event["kind"], 1))
    offers: dict[str, list[str]] = {}
    for offer in simulation.get("offers", ()):
        offers.setdefault(f"--allow {offer['rule']} ({offer['class']})", []).append(offer["node"])
    for text, nodes in offers.items():
        more = f" and {len(nodes) - 1} more" if len(nodes) > 1 else ""
        yield "offer", f"{text} puts the mask of {nodes[0]}{more} within it"
    for note in simulation["notes"]:
        yield "note", note


def _table(simulation: Mapping[str, Any]) -> Table:
    table = Table(box=None, padding=(0, 2), header_style="dim")
    columns, rows = simulation_cells(simulation)
    for column in columns:
        table.add_column(column, justify="left" if column in {"output", "shape"} else "right")
    for name, *figures in rows:
        table.add_row(shortened(name, 40), *figures)
    return table


def simulation_cells(simulation: Mapping[str, Any]) -> tuple[list[str], list[list[str]]]:
    """Columns, and a row for each output."""
    rows = [
        [
            str(output["name"]),
            "x".join(str(d) for d in output["shape"]),
            _figure(output["drift"], "{:.2e}"),
            _figure(output["max_abs"], "{:.2e}"),
            _figure(output["cosine"], "{:.7f}"),
            _figure(output["snr_db"], "{:.1f}"),
        ]
        for output in simulation["outputs"]
    ]
    return ["output", "shape", "drift", "max abs", "cosine", "snr dB"], rows


def _event(event: Mapping[str, Any], count: int) -> str:
    size = event["magnitude"]
    what = f"'{shortened(event['value'], 48)}', {event['cause']}"
    what += f" of {size:.3g}" if size is not None else ""
    if event["node"]:
        what += f", at {event['op_type']} ({shortened(event['node'], 48)})"
    more = f"; {count - 1} more" if count > 1 else ""
    return f"{what}{more}"


def _line(console: Console, label: str, text: str, style: str = "") -> None:
    console.print(Padding(Text(f"{label:<6} {text}", style=style), (0, 0, 0, 13), expand=False))


def _figure(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)
