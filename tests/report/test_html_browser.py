"""The HTML report in a real browser: it opens without a complaint and does what it offers."""

import shutil
import time

import pytest
from report.html_support import chained, large, page
from report.support import HOSTILE, checked, converted, node, output

from porting.conversion import Rewrite
from porting.results import Finding

sync_api = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")

SECONDS_TO_OPEN = 15
"""Far more than it takes, since machines that test are busy."""


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture
def opened(browser, tmp_path):
    """Opens a report; what the browser complains of fails the test."""
    complaints, contexts = [], []

    def open_page(text, **options):
        file = tmp_path / f"report{len(contexts)}.html"
        file.write_text(text, encoding="utf-8")
        context = browser.new_context(viewport={"width": 1300, "height": 900}, **options)
        contexts.append(context)
        tab = context.new_page()
        tab.on("console", lambda m: complaints.append(m.text) if m.type != "log" else None)
        tab.on("pageerror", lambda e: complaints.append(str(e)))
        tab.on("dialog", lambda d: (complaints.append("dialog"), d.dismiss()))
        tab.on("request", lambda r: None if r.url.startswith("file:") else complaints.append(r.url))
        tab.goto(file.as_uri())
        tab.wait_for_selector("html[data-ready]", timeout=SECONDS_TO_OPEN * 1000)
        return tab

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


def small():
    return checked(
        chained("/m/stem/Conv", 0, "supported"),
        chained("/m/stem/Pool", 1, "unsupported"),
        chained("/m/head/Gemm", 2, "fallback"),
        chained("/m/head/Softmax", 3, "supported"),
    )


def conversion():
    before = checked(chained("stem", 0, "supported"), chained("act", 1, "unsupported"))
    after = checked(chained("stem", 0, "supported"), chained("act/port/Erf_0", 1, "supported"))
    rewrites = (Rewrite("act", "Conv", "act-to-erf", "reordered", ("Erf",)),)
    proof = {"status": "failed", "reason": "y differs", "outputs": [output("y")]}
    return converted(before, after, rewrites=rewrites, verification=proof)


def focused(tab):
    return tab.evaluate("document.activeElement.dataset.node ?? document.activeElement.id")


def scale(tab):
    return tab.evaluate("new DOMMatrix(getComputedStyle(world).transform).a")


def test_a_click_on_a_node_shows_its_reason_and_escape_closes_it(opened):
    tab = opened(page(small()))
    tab.click('.item[data-node="1"]')
    assert tab.inner_text("#details .finding p >> nth=0") == "no kernel for /m/stem/Pool"
    assert "Reads from" in tab.inner_text("#details")
    tab.keyboard.press("Escape")
    assert tab.is_hidden("#details")
    assert focused(tab) == "1"


def test_search_lists_and_marks_what_matches(opened):
    tab = opened(page(small()))
    tab.fill("#graph-search", "head/")
    assert tab.locator("#nodes button").count() == 2
    assert tab.locator(".item.faded").count() == 2
    tab.keyboard.press("Enter")
    assert tab.inner_text("#details .full") == "/m/head/Gemm"
    tab.fill("#graph-search", "nothing has this name")
    assert tab.inner_text("#found") == "0 of 4 nodes"


def test_the_graph_is_filtered_by_verdict(opened):
    tab = opened(page(small()))
    tab.click('#graph-tools .toggle[data-verdict="supported"]')
    assert tab.locator("#nodes button").count() == 2
    assert tab.locator(".item.faded").count() == 2


def test_the_keyboard_alone_goes_through_the_graph(opened):
    tab = opened(page(small()))
    tab.keyboard.press("/")
    assert focused(tab) == "graph-search"
    tab.focus('.item[tabindex="0"]')
    assert focused(tab) == "0"
    tab.keyboard.press("ArrowDown")
    assert focused(tab) == "1"
    tab.keyboard.press("Enter")
    assert tab.inner_text("#details .full") == "/m/stem/Pool"
    tab.keyboard.press("Escape")
    tab.keyboard.press("c")
    assert tab.locator(".item.group").count() == 1
    tab.keyboard.press("Enter")
    assert tab.locator(".item.group").count() == 0
    before = scale(tab)
    tab.keyboard.press("+")
    tab.wait_for_timeout(400)
    assert scale(tab) > before


def test_the_list_beside_the_graph_has_every_node_for_the_keyboard(opened):
    tab = opened(page(small()))
    tab.focus("#nodes button")
    tab.keyboard.press("ArrowDown")
    tab.keyboard.press("Enter")
    assert tab.inner_text("#details .full") == "/m/head/Gemm"


def test_groups_collapse_and_open(opened):
    tab = opened(page(small()))
    tab.click("#collapse")
    assert tab.locator(".item").count() == 2
    assert "2 nodes, 1 unsupported" in tab.text_content(".item.group >> nth=0")
    tab.click(".item.group >> nth=0")
    assert tab.locator(".item.node").count() == 2


def test_failing_nodes_are_stepped_through(opened):
    tab = opened(page(large(3000, lambda i: f"n{i}")))
    tab.click("#next-failing")
    assert tab.inner_text("#details .full") == "n777"
    tab.click("#next-failing")
    assert tab.inner_text("#details .full") == "n1777"
    tab.click("#previous-failing")
    assert tab.inner_text("#failing-place") == "1 of 3 fail"


def test_the_graph_zooms_and_is_moved(opened):
    tab = opened(page(small()))
    before = scale(tab)
    tab.click("#zoom-in")
    tab.wait_for_timeout(400)
    assert scale(tab) > before
    box = tab.locator("#drawing").bounding_box()
    place = tab.locator('.item[data-node="0"]').bounding_box()
    tab.mouse.move(box["x"] + 30, box["y"] + 300)
    tab.mouse.down()
    tab.mouse.move(box["x"] + 90, box["y"] + 340, steps=4)
    tab.mouse.up()
    tab.wait_for_timeout(100)
    moved = tab.locator('.item[data-node="0"]').bounding_box()
    assert (round(moved["x"] - place["x"]), round(moved["y"] - place["y"])) == (60, 40)
    assert tab.is_hidden("#details")


def test_a_finding_leads_to_its_node(opened):
    tab = opened(page(small()))
    tab.click('.spot[title="/m/head/Gemm"]')
    assert tab.inner_text("#details .full") == "/m/head/Gemm"


def test_findings_are_filtered(opened):
    tab = opened(page(small()))
    assert tab.locator(".lot:visible").count() == 2
    tab.click('#lot-tools .toggle[data-verdict="fallback"]')
    assert tab.locator(".lot:visible").count() == 1
    tab.fill("#lot-search", "no such words")
    assert tab.locator(".lot:visible").count() == 0
    assert tab.inner_text("#lot-count") == "0 of 2"


def test_operators_are_sorted_and_filtered(opened):
    tab = opened(
        page(checked(node("a", op="Add"), node("b", "fallback", op="Mul"), node("c", op="Sub")))
    )
    rows = tab.locator("#operator-table tbody tr:visible th")
    assert rows.all_inner_texts() == ["Add", "Mul", "Sub"]
    tab.click("#operator-table thead th:nth-child(1) button")
    assert rows.all_inner_texts() == ["Sub", "Mul", "Add"]
    assert tab.get_attribute("#operator-table thead th:nth-child(1)", "aria-sort") == "descending"
    tab.click("#operator-table thead th:nth-child(2) button")
    assert rows.all_inner_texts()[2] == "Mul"
    tab.fill("#operator-search", "mul")
    assert rows.all_inner_texts() == ["Mul"]


def test_a_conversion_leads_from_what_was_made_to_the_rewrite_and_the_original(opened):
    tab = opened(page(conversion()))
    tab.click('.item[data-node="1"]')
    assert "act-to-erf" in tab.inner_text("#details")
    tab.click("text=Show the rewrite")
    assert tab.evaluate("document.activeElement.dataset.rewrites") == "0"
    tab.click("text=See it in the original")
    assert tab.get_attribute('[data-stage="before"]', "aria-pressed") == "true"
    assert tab.inner_text("#details .full") == "act"
    assert "no kernel for act" in tab.inner_text("#details")
    tab.click("text=See what it became")
    assert tab.inner_text("#details .full") == "act/port/Erf_0"
    tab.click('[data-stage="before"]')
    assert tab.locator(".item.unsupported").count() == 1


def background(tab):
    return tab.evaluate("getComputedStyle(document.body).backgroundColor")


def test_the_page_is_dark_or_light_as_the_system_or_the_reader_says(opened):
    text = page(small())
    dark, light = opened(text, color_scheme="dark"), opened(text, color_scheme="light")
    assert background(dark) != background(light)
    was = background(light)
    assert light.inner_text("#theme") == "Dark"
    light.click("#theme")
    assert background(light) == background(dark)
    light.click("#theme")
    assert background(light) == was


def test_print_has_all_and_no_tools(opened):
    tab = opened(page(conversion()), color_scheme="dark")
    tab.emulate_media(media="print", color_scheme="dark")
    assert tab.is_hidden("#graph-tools")
    assert tab.is_hidden(".top")
    assert tab.is_visible("#drawing")
    assert tab.evaluate("getComputedStyle(document.body).color") == "rgb(28, 31, 34)"
    assert tab.pdf().startswith(b"%PDF")
    tab.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert tab.locator("main details:not([open])").count() == 0


def test_a_narrow_screen_is_not_scrolled_sideways(opened):
    tab = opened(page(small(), conversion()))
    tab.set_viewport_size({"width": 380, "height": 800})
    assert tab.evaluate("document.documentElement.scrollWidth") <= 380


def test_the_drawing_stays_in_sight_when_the_window_changes(opened):
    tab = opened(page(small()))
    tab.set_viewport_size({"width": 420, "height": 800})
    tab.wait_for_timeout(200)
    frame = tab.locator("#drawing").bounding_box()
    for number in range(4):
        box = tab.locator(f'.item[data-node="{number}"]').bounding_box()
        assert frame["x"] <= box["x"] <= frame["x"] + frame["width"] - box["width"]


@pytest.mark.parametrize(
    "name",
    [lambda i: f"n{i}", lambda i: f"/model/layers.{i // 50}/mlp/Gemm_{i}"],
    ids=["flat", "paths"],
)
def test_five_thousand_nodes_open_and_expand_in_time(opened, name):
    text = page(large(5000, name))
    start = time.monotonic()
    tab = opened(text)
    assert time.monotonic() - start < SECONDS_TO_OPEN
    assert 1 < tab.locator(".item").count() <= 100
    tab.click("#collapse")
    start = time.monotonic()
    for _ in range(3):
        tab.click(".item.group >> nth=0", force=True)
    assert time.monotonic() - start < SECONDS_TO_OPEN
    assert tab.locator(".item.node").count() > 10
    tab.fill("#graph-search", name(4321))
    tab.keyboard.press("Enter")
    assert tab.inner_text("#details .full") == name(4321)
    assert tab.locator(".item").count() <= 250


def test_no_more_is_drawn_than_can_be_placed_at_once(opened):
    tab = opened(page(large(600, lambda i: f"n{i}")))
    tab.click("#collapse")
    for _ in range(7):
        tab.focus(".item.group >> nth=-1")
        tab.keyboard.press("Enter")
    assert 150 < tab.locator(".item").count() <= 250
    assert "collapsed to make room" in tab.inner_text("#graph-note")


def test_names_that_attack_the_page_stay_text(opened):
    attacks = [*HOSTILE, "</script><script>alert(1)</script>", "javascript:alert(1)", "__proto__"]
    nodes = [chained(name, i, "unsupported", name) for i, name in enumerate(attacks)]
    whole = Finding("deviates", "c", attacks[-3], ("javascript:alert(1)",), attacks[-3])
    tab = opened(page(checked(*nodes, path="x<img src=x onerror=alert(1)>", findings=(whole,))))
    before = tab.evaluate("document.querySelectorAll('script, img, iframe').length")
    for index in range(len(attacks)):
        tab.evaluate("n => document.querySelectorAll('#nodes button')[n].click()", index)
        tab.keyboard.press("Escape")
    assert tab.evaluate("document.querySelectorAll('script, img, iframe').length") == before
    assert tab.locator('a[href^="javascript"]').count() == 0


def test_without_nodes_there_is_nothing_to_draw_and_nothing_breaks(opened):
    tab = opened(page(checked()))
    tab.focus("#drawing")
    tab.click("#fit")
    assert tab.inner_text("#found") == "0 of 0 nodes"


def test_several_models_are_chosen_from_a_list_and_the_first_that_fails_is_shown(opened):
    passing = checked(chained("other", 0, "supported"), path="k.onnx")
    tab = opened(page(passing, small()))
    assert tab.inner_text("#found") == "4 of 4 nodes"
    tab.select_option("#graph-entry", "0")
    assert tab.inner_text("#found") == "1 of 1 nodes"
    assert tab.is_hidden("#graph-stage")
