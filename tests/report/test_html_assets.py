"""The libraries that the report carries are those that are recorded; the page is one safe file."""

import base64
import hashlib
import json
import re
from importlib.resources import files

import pytest

from porting.report.html import OWN, libraries

ASSETS = files("porting.report") / "html_assets"
VENDOR = ASSETS / "vendor"
RECORD = json.loads((VENDOR / "vendored.json").read_text(encoding="utf-8"))
FILES = [file for library in RECORD for file in library["files"]]


@pytest.mark.parametrize("file", FILES, ids=lambda f: f["name"])
def test_a_vendored_file_is_the_recorded_one(file):
    content = (VENDOR / file["name"]).read_bytes()
    assert hashlib.sha256(content).hexdigest() == file["sha256"]


def test_nothing_is_vendored_that_is_not_recorded():
    there = {path.name for path in VENDOR.iterdir()}
    assert there == {f["name"] for f in FILES} | {"README.md", "vendored.json"}


@pytest.mark.parametrize("library", RECORD, ids=lambda r: r["name"])
def test_a_library_is_recorded_with_what_an_update_needs(library):
    assert library["license"] == "MIT"
    assert library["home"].startswith("https://github.com/")
    assert re.fullmatch(r"\d+\.\d+\.\d+", library["version"])
    algorithm, _, digest = library["integrity"].partition("-")
    assert algorithm == "sha512"
    assert len(base64.b64decode(digest)) == 64


def test_the_terms_of_each_library_go_with_it():
    for library in libraries():
        assert any("Permission is hereby granted" in line for line in library["terms"])
        assert any("Copyright" in line for line in library["terms"])


@pytest.mark.parametrize("name", [*OWN, *(f["name"] for f in FILES if f["name"].endswith(".js"))])
def test_a_script_cannot_end_its_element_or_run_text(name):
    path = VENDOR / name if (VENDOR / name).is_file() else ASSETS / name
    code = path.read_text(encoding="utf-8")
    assert "</script" not in code.lower()
    assert "<!--" not in code
    assert not re.search(r"\beval\(|new Function|document\.write", code)


@pytest.mark.parametrize("name", OWN)
def test_our_program_makes_no_markup_of_text(name):
    code = (ASSETS / name).read_text(encoding="utf-8")
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|DOMParser|setHTML", code)


def test_the_style_loads_nothing():
    style = (ASSETS / "style.css").read_text(encoding="utf-8")
    assert not re.search(r"url\((?!#)|@import|https?:", style)
