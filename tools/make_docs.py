"""Writes the reference pages in docs/ from the capability tables and the schema of reports.

python tools/make_docs.py [--output FOLDER]
"""

import argparse
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from cli_page import cli_page
from formats_page import formats_page
from json_page import json_page
from markup import escaped, table_of
from rules_page import codes_page, rules_page

from porting.capability.explain import FOLDED, Sentence, explain
from porting.capability.limits import Limit
from porting.capability.lint_onnx import operator_names
from porting.capability.table import CapabilityTable, load_table
from porting.capability.targets import shipped
from porting.results import VERDICTS, Verdict

DOCS = Path(__file__).parent.parent / "docs"
PAGES = {
    "cli.md": cli_page,
    "rules.md": rules_page,
    "codes.md": codes_page,
    "formats.md": formats_page,
    "json.md": json_page,
}
"""Pages that are not made of the tables."""
GENERATED = frozenset({"README.md", "operators.md", *PAGES})
FIRST = ("tutorial.md", "ci.md")
"""Pages that a new reader wants."""
COMMAND = "python tools/make_docs.py"
CLASSES = ("datacenter", "gpu", "edge", "embedded")
ABSENT = {
    "unsupported": "the toolchain rejects it",
    "fallback": "it runs on the host CPU",
    "unknown": "nothing is known about it; no full list is published",
}
MARKS: dict[Verdict, str] = {
    "supported": "✓",
    "fallback": "cpu",
    "unknown": "?",
    "deviates": "≠",
    "unsupported": "–",
}
LIMITED = "(✓)"
REMARKABLE = frozenset({"attribute", "condition", "input", "output", "rank"})
"""Kinds of limit that put a mark in brackets; every operator has element types and versions."""


class Numbered:
    """The sources of a table by number, in the table's order."""

    def __init__(self, table: CapabilityTable) -> None:
        self._sources = list(table.data.sources.values())

    def cite(self, citations: Sequence[str]) -> str:
        """`[1, p.93] [2]` for sources as `CapabilityTable.cite` writes them."""
        return " ".join(text for _, text in sorted(set(map(self._one, citations))))

    def _one(self, citation: str) -> tuple[int, str]:
        for number, source in enumerate(self._sources, 1):
            head, tail = source.title, f" ({source.where})"
            if citation.startswith(head) and citation.endswith(tail):
                place = citation[len(head) : len(citation) - len(tail)]
                if not place or place.startswith(", "):
                    return number, f"[{number}{escaped(place)}]"
        raise ValueError(f"not a source of the table: {citation}")


class Chip:
    """A table with what it says of each operator it lists.

    Attributes:
        table: The capability table.
        numbers: Its sources.
        explanations: By operator, in alphabetical order.
        common: Limits that count for most operators and are told once.
    """

    def __init__(self, table: CapabilityTable) -> None:
        self.table = table
        self.numbers = Numbered(table)
        keys = sorted(table.data.ops, key=lambda key: (key.lower(), key))
        self.explanations = {key: explain(table, key) for key in keys}
        found = Counter(_fact(s) for e in self.explanations.values() for s in e.sentences)
        everywhere = (*table.node_limits, *table.host_limits)
        self.common = {
            _limit(limit)
            for limit in everywhere
            if "op_type" not in limit.names or 2 * found[_limit(limit)] > len(keys)
        }

    def own(self, key: str) -> list[Sentence]:
        """What is said of an operator and not of most; the verdict comes first."""
        folds = (FOLDED, "", "")
        told = self.common | {folds} if self.table.data.folds else self.common
        return [s for s in self.explanations[key].sentences if _fact(s) not in told]


def _fact(sentence: Sentence) -> tuple[str, str, str]:
    text = sentence.text.removeprefix("on the host CPU: ").removesuffix(" (at run time)")
    return text, sentence.condition, sentence.guard


def _limit(limit: Limit) -> tuple[str, str, str]:
    return limit.why, limit.that.text, limit.when.text if limit.when is not None else ""


def target_page(chip: Chip) -> str:
    """The page of one chip."""
    table = chip.table
    lines = [f"# {escaped(table.data.name)}", "", *_facts(table), *_sources(table)]
    for title, limits in (
        ("The model", table.model_limits),
        ("Every node", [x for x in table.node_limits if _limit(x) in chip.common]),
        (
            "Every node on the host CPU",
            [x for x in table.host_limits if _limit(x) in chip.common],
        ),
    ):
        if limits:
            lines += [f"## {title}", "", *_general(chip, limits), ""]
    lines += [*_patterns(chip), *_operators(chip)]
    return "\n".join(lines).rstrip() + "\n"


def _facts(table: CapabilityTable) -> Iterator[str]:
    data = table.data
    counts = Counter(e.verdict for e in data.ops.values())
    matched = {"model": "of the model", "since": "in which ONNX last changed each operator"}
    rows = {
        "target": f"`{data.target}`",
        "vendor": data.vendor,
        "class": data.class_,
        "toolchain": f"{data.toolchain.name} {data.toolchain.version}",
        "evidence": data.evidence,
        "opset": f"{data.opset.range}; an operator's own is that {matched[data.opset.match]}",
        "operator not listed": f"{data.absent}: {ABSENT[data.absent]}",
        "precisions": ", ".join(data.precisions) or "not said",
        "constants": "what they alone decide is computed while building" if data.folds else "",
        "operators": ", ".join(f"{counts[v]} {v}" for v in VERDICTS if counts[v]),
    }
    yield from table_of(("", ""), ((k, escaped(v)) for k, v in rows.items() if v))
    if data.build is not None:
        cited = ", ".join(escaped(c) for c in table.cite(data.build.source))
        yield f"Compiled (`port convert --kit` fills this in), as in {cited}:"
        yield ""
        yield from (f"    {line}" for line in data.build.commands)
        yield ""
    if data.options:
        yield "Options (`--option NAME=VALUE`):"
        yield ""
        yield from (f"- `{name}`: {escaped(text)}" for name, text in data.options.items())
        yield ""
    if data.note:
        yield from (escaped(data.note), "")


def _sources(table: CapabilityTable) -> Iterator[str]:
    yield from ("## Sources", "")
    for number, source in enumerate(table.data.sources.values(), 1):
        date = f", {source.date}" if source.date else ""
        yield f"{number}. {escaped(source.title)} ({source.kind}{date}): {escaped(source.where)}"
    yield ""


def _general(chip: Chip, limits: Iterable[Limit]) -> Iterator[str]:
    for limit in limits:
        guard = f" where `{limit.when.text}`" if limit.when is not None else ""
        cited = chip.numbers.cite(chip.table.cite(limit.source))
        yield f"- {limit.verdict}: {escaped(limit.why)}{guard} {cited}"


def _patterns(chip: Chip) -> Iterator[str]:
    table = chip.table
    if not table.patterns:
        return
    yield from ("## Patterns of nodes", "")
    for pattern, data in zip(table.patterns, table.data.patterns, strict=True):
        yield f"- {escaped(pattern.name)}: `{' '.join(data.match.split())}`"
        if pattern.fuses:
            yield "  - its nodes are run as one"
        for line in _general(chip, pattern.limits):
            yield f"  {line}"
    yield ""


def _operators(chip: Chip) -> Iterator[str]:
    """Operators of which the table says the same share a row."""
    rows: dict[tuple[Verdict, str, str], list[str]] = {}
    for key, explanation in chip.explanations.items():
        own = chip.own(key)
        base = chip.numbers.cite(own[0].sources)
        said = _said(own, chip.numbers, base)
        rows.setdefault((explanation.verdict, said, base), []).append(key)
    ordered = sorted(rows.items(), key=lambda r: (VERDICTS.index(r[0][0]), r[1][0].lower()))
    yield from ("## Operators", "")
    yield "Each with the best verdict that a node can have, and what breaks it. The conditions"
    yield f"themselves: `port explain OPERATOR --target {chip.table.data.target}`."
    yield ""
    header = ("operator", "verdict", "limits", "source")
    cells = ((", ".join(map(escaped, k)), v, said, base) for (v, said, base), k in ordered)
    yield from table_of(header, cells)


def _said(sentences: Sequence[Sentence], numbers: Numbered, base: str) -> str:
    """The limits of an operator by verdict, in one cell; sources where they are others."""
    first, *others = sentences
    parts = [escaped(first.text)] if first.verdict != "supported" else []
    for verdict, group in groupby(others, key=lambda s: s.verdict):
        texts = []
        for sentence in group:
            cited = numbers.cite(sentence.sources)
            texts.append(escaped(sentence.text) + (f" {cited}" if cited != base else ""))
        parts.append(f"{verdict or 'note'}: {'; '.join(dict.fromkeys(texts))}")
    return "<br>".join(parts)


def matrix_page(chips: Sequence[Chip]) -> str:
    """Operators by chips."""
    listed = {key for chip in chips for key in chip.explanations}
    names = sorted(listed & operator_names())
    legend = [f"`{MARKS[v]}` {v}" for v in VERDICTS]
    legend[0] += f", `{LIMITED}` within limits on shapes, attributes or constants"
    lines = [
        *("# Operators by chip", ""),
        f"{'; '.join(legend)}.",
        "The best that a node can have. An operator that a table does not list has the verdict",
        "that the table gives to those. Operators of ONNX's own domain that a table lists.",
        "",
    ]
    for class_ in CLASSES:
        of_class = [c for c in chips if c.table.data.class_ == class_]
        if of_class:
            ids = [c.table.data.target for c in of_class]
            heads = [f"[{target}](targets/{target}.md)" for target in ids]
            rows = ([name, *(_mark(c, name) for c in of_class)] for name in names)
            lines += [f"## {class_}", "", *table_of(["operator", *heads], rows)]
    return "\n".join(lines).rstrip() + "\n"


def _mark(chip: Chip, key: str) -> str:
    operator = chip.table.operator(key)
    if operator is None:
        return MARKS[chip.table.data.absent]
    limited = any(limit.code in REMARKABLE for limit in operator.limits)
    limited |= any("op_type" in s.guard + s.condition for s in chip.own(key))
    verdict = operator.entry.verdict
    return LIMITED if verdict == "supported" and limited else MARKS[verdict]


def index_page(tables: Sequence[CapabilityTable], pages: Mapping[str, str]) -> str:
    """The list of chips and of other pages, given by file name and text."""
    lines = ["# Reference", "", "[Operators by chip](operators.md)", ""]
    rest = sorted(pages.keys() - set(FIRST), key=lambda name: (name not in PAGES, name))
    for name in (*(n for n in FIRST if n in pages), *rest):
        title = pages[name].splitlines()[0].lstrip("# ")
        lines += [f"[{title}]({name})", ""]
    rows = []
    for table in tables:
        data = table.data
        counts = Counter(e.verdict for e in data.ops.values())
        shown = ", ".join(f"{counts[v]} {v}" for v in VERDICTS if counts[v])
        link = f"[{data.target}](targets/{data.target}.md)"
        toolchain = f"{data.toolchain.name} {data.toolchain.version}"
        rows.append(
            (link, *map(escaped, (data.name, data.class_, toolchain, data.evidence, shown)))
        )
    header = ("target", "chip", "class", "toolchain", "evidence", "operators")
    lines += [*table_of(header, rows), f"Written by `{COMMAND}` from the tables in op_maps/."]
    return "\n".join(lines) + "\n"


def write(folder: Path, others: Iterable[Path]) -> None:
    """Writes every page, and removes those of chips that are gone."""
    paths = shipped()
    tables = [load_table(p, paths) for name, p in paths.items() if not name.startswith("_")]
    targets = folder / "targets"
    targets.mkdir(parents=True, exist_ok=True)
    for page in targets.glob("*.md"):
        if page.stem not in paths:
            page.unlink()
    chips = [Chip(table) for table in tables]
    for chip in chips:
        page = targets / f"{chip.table.data.target}.md"
        page.write_text(target_page(chip), encoding="utf-8")
    (folder / "operators.md").write_text(matrix_page(chips), encoding="utf-8")
    made = {name: page() for name, page in PAGES.items()}
    for name, text in made.items():
        (folder / name).write_text(text, encoding="utf-8")
    by_hand = {p.name: p.read_text(encoding="utf-8") for p in others}
    (folder / "README.md").write_text(index_page(tables, made | by_hand), encoding="utf-8")


def main() -> None:
    """Writes the pages to docs/ or another folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=DOCS)
    by_hand = [p for p in DOCS.glob("*.md") if p.name not in GENERATED]
    write(parser.parse_args().output, by_hand)


if __name__ == "__main__":
    main()
