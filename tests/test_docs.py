"""The reference pages in docs/ are those of the tables."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
TOOL = ROOT / "tools" / "make_docs.py"


def pages(folder: Path) -> dict[str, str]:
    """Every generated page by its place in the folder."""
    made = ("README.md", "cli.md", "codes.md", "formats.md", "json.md", "operators.md", "rules.md")
    found = [*(folder / name for name in made), *(folder / "targets").glob("*.md")]
    return {str(p.relative_to(folder)): p.read_text(encoding="utf-8") for p in found}


def test_the_pages_are_up_to_date(tmp_path):
    command = [sys.executable, str(TOOL), "--output", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    made, there = pages(tmp_path), pages(ROOT / "docs")
    outdated = [n for n in made.keys() | there.keys() if made.get(n) != there.get(n)]
    assert sorted(outdated) == [], "run: python tools/make_docs.py"


def test_links_lead_somewhere():
    for page in (ROOT / "docs").rglob("*.md"):
        name, text = page.name, page.read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([\w./-]+\.md)\)", text):
            assert (page.parent / target).is_file(), f"{name}: {target}"


def test_each_row_of_a_table_has_as_many_cells_as_its_head():
    for name, text in pages(ROOT / "docs").items():
        width = 0
        for line in text.splitlines():
            if not line.startswith("|"):
                width = 0
                continue
            cells = len(re.split(r"(?<!\\)\|", line)) - 2
            width = width or cells
            assert cells == width, f"{name}: {line[:80]}"
