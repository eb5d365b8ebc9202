from hostile.page import PAGE, START, tables


def test_the_page_has_every_case_and_what_comes_of_it():
    found = PAGE.read_text(encoding="utf-8").split(START)[1].lstrip("\n")
    assert found == tables(), "run: python tests/hostile/page.py"
