"""Patterns of paths, as shells and .gitignore have them."""

import re
from functools import lru_cache

MAGIC = re.compile(r"[*?\[]")


def is_glob(text: str) -> bool:
    """Whether a text is a pattern rather than a name."""
    return MAGIC.search(text) is not None


def matches_path(path: str, pattern: str) -> bool:
    """Whether a pattern fits the whole of a path with slashes.

    `*` and `?` stay within a folder, `**` stands for any number of folders. Without a slash the
    pattern is one of the file's name, in whatever folder.
    """
    if "/" not in pattern:
        path = path.rpartition("/")[2]
    return _compiled(pattern.removeprefix("./")).fullmatch(path) is not None


@lru_cache(1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    parts = pattern.split("/")
    text = ""
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        if part == "**":
            text += ".*" if last else "(?:[^/]+/)*"
        else:
            text += _segment(part) + ("" if last else "/")
    return re.compile(text, re.DOTALL)


def _segment(part: str) -> str:
    text = re.sub(r"\*+", "*", part)
    pieces = re.findall(r"\[!?[^]]+\]|.", text, re.DOTALL)
    return "".join(_piece(piece) for piece in pieces)


def _piece(piece: str) -> str:
    if piece == "*":
        return "[^/]*"
    if piece == "?":
        return "[^/]"
    if len(piece) > 2:
        inner = piece[1:-1]
        negated = inner.startswith("!")
        chars = re.sub(r"([\\^\[&~|])", r"\\\1", inner.removeprefix("!"))
        text = f"[{'^' if negated else ''}{chars}]"
        try:
            re.compile(text)
        except re.error:  # [z-a]
            return re.escape(piece)
        return text
    return re.escape(piece)
