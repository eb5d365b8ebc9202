"""Reads a table's YAML safely, remembering on which line every entry stands.

The YAML 1.2 core schema: only `true` and `false` are truth values, so that an unquoted NO stays
a string, and 1e3 is a number. No tags, no duplicate keys, bounded size and aliases.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from porting.capability.document import Document, Path_, text_of
from porting.errors import TableError

MAX_ENTRIES = 200_000
MAX_DEPTH = 40
MAX_DIGITS = 100

_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
"""What a terminal acts on or does not show; YAML writes it as an escape."""
_INT = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: Mapping[str, object] = {
    "": None,
    "null": None,
    "~": None,
    "true": True,
    "false": False,
}


def read(path: Path) -> Document:
    """Reads one YAML file.

    Raises:
        TableError: It cannot be read, is not YAML, has a duplicate key or is out of bounds.
    """
    return parse(text_of(path), str(path))


def parse(text: str, file: str) -> Document:
    """Reads the text of a table; `file` is what messages call it."""
    try:
        root = yaml.compose(text, Loader=_loader())
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{file}:{mark.line + 1}" if mark is not None else file
        problem = getattr(error, "problem", None) or "not YAML"
        raise TableError("table-yaml", f"{where}: {problem}") from None
    except RecursionError:
        raise TableError("table-yaml", f"{file}: nested too deep") from None
    document = Document(file, {})
    if not isinstance(root, yaml.MappingNode):
        raise TableError("table-yaml", f"{file}: a table is a mapping of fields at the top")
    document.data = _Builder(document).build(root, ())
    return document


def _loader() -> type[yaml.SafeLoader]:
    """A parser with bounds: libyaml would end the process at a text that is nested too deep."""
    base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

    class Bounded(base):  # type: ignore[misc]
        """Counts how deep it is while it goes down."""

        depth = 0

        def descend_resolver(self, current_node: yaml.Node | None, current_index: object) -> None:
            self.depth += 1
            if self.depth > MAX_DEPTH + 2 and current_node is not None:
                raise yaml.MarkedYAMLError(
                    problem="nested too deep", problem_mark=current_node.start_mark
                )
            super().descend_resolver(current_node, current_index)

        def ascend_resolver(self) -> None:
            self.depth -= 1
            super().ascend_resolver()

    return Bounded


class _Builder:
    """Turns YAML nodes into data, counting what aliases expand to."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._count = 0

    def build(self, node: yaml.Node, path: Path_) -> Any:
        self._count += 1
        if self._count > MAX_ENTRIES or len(path) > MAX_DEPTH:
            raise self._error(node, "too many entries; do aliases multiply?")
        self._document.lines[path] = (self._document.file, node.start_mark.line + 1)
        if node.tag != _implicit_tag(node):
            raise self._error(node, f"the tag {node.tag} is not allowed")
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*path, i)) for i, item in enumerate(node.value)]
        assert isinstance(node, yaml.ScalarNode)
        if _UNSEEN.search(node.value):
            raise self._error(node, "a control character in text")
        if node.style:
            return node.value
        if len(node.value) > MAX_DIGITS and _INT.fullmatch(node.value):
            raise self._error(node, f"a number of more than {MAX_DIGITS} digits")
        return _scalar(node.value)

    def _mapping(self, node: yaml.MappingNode, path: Path_) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                raise self._error(key_node, "a key is a plain word")
            key = str(key_node.value)
            if not key.isprintable():
                raise self._error(key_node, "a control character in a key")
            if key in result:
                raise self._error(key_node, f"the key '{key}' stands twice")
            result[key] = self.build(value_node, (*path, key))
            self._document.lines[(*path, key)] = (
                self._document.file,
                key_node.start_mark.line + 1,
            )
        return result

    def _error(self, node: yaml.Node, message: str) -> TableError:
        line = node.start_mark.line + 1
        return TableError("table-yaml", f"{self._document.file}:{line}: {message}")


_TAGS: Mapping[type[yaml.Node], str] = {
    yaml.MappingNode: "tag:yaml.org,2002:map",
    yaml.SequenceNode: "tag:yaml.org,2002:seq",
    yaml.ScalarNode: "tag:yaml.org,2002:str",
}
_RESOLVER = yaml.resolver.Resolver()


def _implicit_tag(node: yaml.Node) -> str:
    """The tag that a node has where the text writes none."""
    if isinstance(node, yaml.ScalarNode) and not node.style:
        return _tag_of_word(node.value)
    return _TAGS[type(node)]


@lru_cache(4096)
def _tag_of_word(text: str) -> str:
    """As PyYAML has it; the same few words make up most of a table."""
    return str(_RESOLVER.resolve(yaml.ScalarNode, text, (True, False)))  # type: ignore[no-untyped-call]


def _scalar(text: str) -> object:
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    return text
