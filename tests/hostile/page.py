"""Writes the tables of docs/hostile.md: python tests/hostile/page.py."""

import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "hostile.md"
START = "<!-- made by tests/hostile/page.py -->"


def tables() -> str:
    """Every case, and what comes of it."""
    return "\n".join(_rows()) + "\n"


def _rows() -> Iterator[str]:
    from hostile.case import COMMANDS
    from hostile.corpus import MODELS
    from hostile.tables import TABLES

    yield from ("## Models", "", f"| case | {' | '.join(COMMANDS)} |")
    yield "|---" * (len(COMMANDS) + 1) + "|"
    for case in MODELS:
        name = case.name + (" (extended)" if case.slow else "")
        yield f"| {name} | {' | '.join(map(case.of, COMMANDS))} |"
    yield from ("", "## Tables", "", "| case | check, convert, diff | explain | op-map lint |")
    yield "|---|---|---|---|"
    for each in TABLES:
        yield f"| {each.name} | {each.code} | {each.explained or each.code} | {each.lint} |"


def main() -> None:
    """Replaces what stands below the mark."""
    text = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(f"{text.split(START)[0]}{START}\n\n{tables()}", encoding="utf-8")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / "tests"))
    main()
