"""Traps of YAML: what looks right and is read as something else, here or by other tools."""

import re
from collections.abc import Iterator

import yaml

_TRUTH = re.compile(r"yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF")
_CAPITAL = re.compile(r"True|TRUE|False|FALSE|Null|NULL")
_OCTAL = re.compile(r"[-+]?0[0-9]+|0[ox][0-9a-fA-F]+")
_SPECIAL = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_SIXTIES = re.compile(r"[-+]?[0-9]+(:[0-5]?[0-9])+")
_GROUPED = re.compile(r"[-+]?[0-9][0-9_]*_[0-9_]*")
_EXPRESSIONS = frozenset({"that", "when"})
_TEXTS = frozenset(
    {"help", "name", "note", "say", "target", "title", "vendor", "version", "where", "why"}
)
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


def traps(text: str) -> Iterator[tuple[int, str]]:
    """Line number and message of each trap in the text of a table that is well-formed YAML."""
    for number, line in enumerate(text.splitlines(), 1):
        if "\t" in line:
            yield number, "a tab; write spaces"
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    root = yaml.compose(text, Loader=loader)
    if root is not None:
        yield from _walk(root, "")


def behind_operators(text: str) -> int | None:
    """The line of a field that stands behind `ops`; None if that is the last one, as it must be."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    root = yaml.compose(text, Loader=loader)
    keys = [k for k, _ in root.value] if isinstance(root, yaml.MappingNode) else []
    names = [k.value for k in keys]
    if "ops" not in names or names[-1] == "ops":
        return None
    line: int = keys[names.index("ops") + 1].start_mark.line
    return line + 1


def _walk(root: yaml.Node, field: str) -> Iterator[tuple[int, str]]:
    front, seen = [(root, field)], set[int]()
    while front:
        node, field = front.pop()
        if id(node) in seen:  # an alias
            continue
        seen.add(id(node))
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                yield from _scalar(key, "")
                front.append((value, key.value))
        elif isinstance(node, yaml.SequenceNode):
            front += [(item, field) for item in node.value]
        else:
            yield from _scalar(node, field)


def _scalar(node: yaml.Node, field: str) -> Iterator[tuple[int, str]]:
    if not isinstance(node, yaml.ScalarNode) or node.style:
        return
    text, line = node.value, node.start_mark.line + 1
    if _TRUTH.fullmatch(text):
        yield line, f"{text} without quotes is a truth value to many readers of YAML; quote it"
    elif field not in _EXPRESSIONS and _CAPITAL.fullmatch(text):
        yield line, f"{text} is a string here; write {text.lower()}, or quote it"
    elif _OCTAL.fullmatch(text):
        yield line, f"{text} is read in another base by some readers of YAML; quote or rewrite it"
    elif _SPECIAL.fullmatch(text) or _GROUPED.fullmatch(text):
        yield line, f"{text} is a string here and a number to other readers of YAML; quote it"
    elif _SIXTIES.fullmatch(text):
        yield line, f"{text} is a number in base 60 to some readers of YAML; quote it"
    elif field in _TEXTS and _NUMBER.fullmatch(text):
        yield line, f"{text} is a number, where text is meant; quote it"
