"""Footnotes: each source is written once, at the end of a report, on one line (JSON has all)."""

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.text import Text

from porting.report.safe import plain


class Footnotes:
    """Numbers for sources, in the order in which they are first cited."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def cite(self, sources: Sequence[str]) -> str:
        """` [1][3]`; empty for no sources."""
        numbers = self.numbers(sources)
        return " " + "".join(f"[{n}]" for n in numbers) if numbers else ""

    def numbers(self, sources: Sequence[str]) -> list[int]:
        """The number of each source."""
        return [self._numbers.setdefault(s, len(self._numbers) + 1) for s in sources]

    def items(self) -> Iterator[tuple[int, str]]:
        """Number and source of what was cited."""
        for source, number in self._numbers.items():
            yield number, source

    def print(self, console: Console) -> None:
        """The list of what was cited."""
        if not self._numbers:
            return
        console.print()
        for number, source in self.items():
            line = Text(f"[{number}] {plain(source)}", style="dim")
            console.print(line, no_wrap=True, overflow="ellipsis")
