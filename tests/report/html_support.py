"""Reading an HTML report back as a browser's parser sees it."""

import json
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser

from report.support import checked

from porting.gate.evaluate import evaluate
from porting.gate.outcome import Report
from porting.report.formats import View
from porting.report.html import render
from porting.results import Finding, NodeResult


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    text: str = ""


@dataclass
class Parsed(HTMLParser):
    """Every element with its attributes and the text directly in it."""

    elements: list[Element] = field(default_factory=list)
    open: list[Element] = field(default_factory=list)

    def __post_init__(self):
        super().__init__(convert_charrefs=True)

    def handle_starttag(self, tag, attrs):
        self.elements.append(Element(tag, dict(attrs)))
        self.open.append(self.elements[-1])

    def handle_startendtag(self, tag, attrs):
        self.elements.append(Element(tag, dict(attrs)))

    def handle_endtag(self, tag):
        while self.open and self.open.pop().tag != tag:
            pass

    def handle_data(self, data):
        if self.open:
            self.open[-1].text += data

    def all(self, tag):
        return [e for e in self.elements if e.tag == tag]


def parsed(text):
    parser = Parsed()
    parser.feed(text)
    parser.close()
    return parser


def island(text):
    """What the page's program reads."""
    (found,) = [e for e in parsed(text).all("script") if e.attributes.get("id") == "data"]
    return json.loads(found.text)


def page(*results, notes=(), given=""):
    entries = tuple(replace(evaluate(r), given=given) for r in results)
    return render(Report(entries, notes), View())


def chained(name, number, verdict, reason="no kernel"):
    """Node of a chain: reads what the one before makes."""
    found = ()
    if verdict != "supported":
        found = (Finding(verdict, "condition", f"{reason} for {name}", ("list",), "help", reason),)
    values = (f"v{number - 1}",), (f"v{number}",)
    return NodeResult(name, "Conv", "ai.onnx", 17, verdict, "", found, *values)


def large(count, name):
    """A chain of many nodes, a few of which fail."""
    nodes = [
        chained(name(i), i, "unsupported" if i % 1000 == 777 else "supported") for i in range(count)
    ]
    return checked(*nodes)
