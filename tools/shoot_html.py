"""Takes the picture of docs/html.md: the graph of the demo model after its conversion.

python tools/shoot_html.py    (needs Chromium and the development extras)
"""

import shutil
import tempfile
from contextlib import chdir
from pathlib import Path

from playwright.sync_api import sync_playwright

import porting
from porting.gate.evaluate import evaluate
from porting.gate.outcome import Report
from porting.report.formats import View
from porting.report.html import render

ROOT = Path(__file__).parent.parent
PICTURE = ROOT / "docs" / "html.png"
MODEL = ROOT / "porting" / "demo" / "demo.onnx"
TARGET = "rockchip-rk3588"
SHAPE = (1, 3, 32, 32)
NODE = "mlp.act/port/Erf_1"


def main() -> None:
    """Converts the demo, writes its report and takes the picture of the graph."""
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        shutil.copy(MODEL, "demo.onnx")
        result = porting.convert("demo.onnx", TARGET, "out.onnx", shapes={"image": SHAPE})
        page = Path(folder, "report.html")
        page.write_text(render(Report((evaluate(result),)), View()), encoding="utf-8")
        shoot(page)


def shoot(page: Path) -> None:
    """The graph with one node's reasons beside it."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"))
        tab = chromium.new_page(viewport={"width": 1180, "height": 1000}, color_scheme="light")
        tab.goto(page.as_uri())
        tab.wait_for_selector("html[data-ready]")
        tab.click(f'.spot[title="{NODE}"]')
        tab.locator("#stage").screenshot(path=PICTURE)
        chromium.close()


if __name__ == "__main__":
    main()
