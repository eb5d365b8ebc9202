"""Text from model files made fit for a terminal or a log: no control characters."""

import unicodedata


def plain(text: str) -> str:
    """`text` with control and format characters written as escapes: ESC as backslash x1b."""
    if text.isprintable():
        return text
    return "".join(c if is_plain(c) else _escaped(c) for c in text)


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
