"""Text from model files made fit for a terminal or a log: no control characters."""

import re
import unicodedata

_COMMAND = re.compile(r"(?<!\S):(?=:)|#(?=#\[)")
"""What GitHub takes for a command in a log: `::error`, also indented, or `##[error]`."""


def plain(text: str) -> str:
    """`text` with control and format characters written as escapes: ESC as backslash x1b.

    So is the first character of what a CI system would take for a command.
    """
    if not text.isprintable():
        text = "".join(c if is_plain(c) else _escaped(c) for c in text)
    return _COMMAND.sub(lambda found: rf"\x{ord(found[0]):02x}", text)


def is_plain(character: str) -> bool:
    """Whether a terminal shows the character and nothing else."""
    return unicodedata.category(character) not in {"Cc", "Cf", "Cs", "Zl", "Zp"}


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def shortened(text: str, width: int) -> str:
    """At most `width` characters, the middle left out."""
    text = plain(text)
    if len(text) <= width:
        return text
    half = (width - 1) // 2
    return f"{text[: width - 1 - half]}…{text[-half:]}"
