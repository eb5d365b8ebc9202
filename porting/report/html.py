"""HTML: one file that needs no network, with the graph drawn.

What comes from a model reaches the page in two ways only: as text that the template escapes, and
as JSON that the page's program puts into text nodes. A Content Security Policy names the page's
own scripts and style by digest, so that nothing else would run.
"""

import base64
import hashlib
import json
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from porting import __version__
from porting.gate.outcome import Report
from porting.report.formats import View
from porting.report.html_graph import embedded, payload
from porting.report.html_page import Page, columns_of, file_name, operators
from porting.report.plots import WIDTH, bar
from porting.report.safe import plain, shortened
from porting.report.text import MEANING
from porting.results import VERDICTS, worst

OWN = (
    "data.js",
    "layout.js",
    "draw.js",
    "panel.js",
    "tables.js",
    "graph.js",
    "input.js",
    "main.js",
)
"""The page's own program, in the order in which it is read."""

_ASSETS = files("porting.report") / "html_assets"


def render(report: Report, view: View) -> str:
    """The report as one HTML file, the same for the same report."""
    page = Page(report)
    scripts = [*(_vendored(v) for v in libraries()), _program()]
    style = _asset("style.css")
    return (
        _environment()
        .get_template("page.html.j2")
        .render(
            page=page,
            policy=_policy(scripts, style),
            scripts=[Markup(s) for s in scripts],  # noqa: S704 - our own files
            style=Markup(style),  # noqa: S704 - likewise
            data=embedded(payload(report.entries)),
            rows=operators(page),
            columns=columns_of(page),
            libraries=libraries(),
            version=__version__,
        )
    )


def libraries() -> list[dict[str, Any]]:
    """What is recorded of each library that the page carries, with the text of its licence."""
    records: list[dict[str, Any]] = json.loads(_asset("vendor/vendored.json"))
    for record in records:
        script, licence = record["files"]
        record["script"] = script["name"]
        record["terms"] = _asset(f"vendor/{licence['name']}").strip().splitlines()
    return records


@cache
def _asset(name: str) -> str:
    return _ASSETS.joinpath(*name.split("/")).read_text(encoding="utf-8")


def _vendored(library: dict[str, Any]) -> str:
    """A library without the reference to its source map, which would be looked for."""
    lines = _asset(f"vendor/{library['script']}").splitlines()
    return "\n".join(line for line in lines if not line.startswith("//# sourceMappingURL="))


def _program() -> str:
    """Our own program as one script that leaves no names behind."""
    body = "\n".join(_asset(name) for name in OWN)
    return f'"use strict";\n(() => {{\n{body}}})();\n'


def _policy(scripts: list[str], style: str) -> str:
    """Only what is in the page runs, and nothing is loaded or sent."""
    allowed = " ".join(_digest(s) for s in scripts)
    return (
        f"default-src 'none'; script-src {allowed}; style-src {_digest(style)}; "
        "base-uri 'none'; form-action 'none'"
    )


def _digest(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FunctionLoader(_asset),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.filters.update(file=file_name, grouped=_grouped, short=shortened)
    environment.globals.update(bar=bar, meaning=MEANING, plot=WIDTH, verdicts=VERDICTS, worst=worst)
    return environment


def _shown(value: Any) -> Any:
    """Text without control characters; markup of our own as it is."""
    return plain(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _grouped(number: int) -> str:
    """12 345, with a space that does not break."""
    return f"{number:,}".replace(",", "\u202f")
