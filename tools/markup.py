"""Text and tables as Markdown, for pages that sites show and the site generator builds."""

from collections.abc import Iterable, Sequence


def escaped(text: str) -> str:
    """Text as it is, fit for a cell of a table."""
    for character in "\\|*<[]":
        text = text.replace(character, f"\\{character}")
    return " ".join(text.split())


def row(*cells: str) -> str:
    """A line of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def table_of(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A Markdown table."""
    return [row(*header), row(*("---" for _ in header)), *(row(*r) for r in rows), ""]
