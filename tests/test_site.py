"""The site of docs/ builds without a warning, and leads to every page."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "-d", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_every_page_is_built(site):
    pages = {p.relative_to(ROOT / "docs") for p in (ROOT / "docs").rglob("*.md")}
    built = {p.parent.relative_to(site).with_suffix(".md") for p in site.rglob("*/index.html")}
    assert pages - {Path("README.md")} == built
    assert (site / "index.html").is_file()


def test_nothing_is_fetched_from_elsewhere(site):
    for page in (site / "index.html", site / "tutorial" / "index.html"):
        text = page.read_text(encoding="utf-8")
        assert 'src="http' not in text
        assert 'rel="stylesheet" href="http' not in text


def test_every_page_but_those_of_chips_is_in_the_navigation():
    listed = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    names = {p.name for p in (ROOT / "docs").glob("*.md")}
    assert set(leaves(listed)) == names


def leaves(tree):
    if isinstance(tree, str):
        return [tree]
    inner = tree.values() if isinstance(tree, dict) else tree
    return [name for each in inner for name in leaves(each)]
