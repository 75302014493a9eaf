"""The page in a browser: every control does what it says, nothing is fetched, nothing complains."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

import fix_chromium
import fix_pages
from fix_chromium import Watched
from pytest_planguard.report import html

CONTROLS = {"theme", "text", "by-t", "by-m", "by-r", "by-k", "cost", "reset"}
"""Each is used by a test below."""

HEADINGS = "ncskmtx"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with fix_chromium.browser() as started:
        yield started


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[str]]]:
    folder: Path = tmp_path_factory.mktemp("site")
    (folder / "report.html").write_text(html.render(fix_pages.everything()), encoding="utf-8")
    (folder / "large.html").write_text(html.render(fix_pages.thousands()), encoding="utf-8")
    with fix_chromium.served(folder) as (address, asked):
        yield address, asked


@pytest.fixture
def watched(browser: Browser, site: tuple[str, list[str]]) -> Iterator[Watched]:
    """The page, just opened; in the end nothing may have complained or been fetched."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    one = Watched(context.new_page())
    address, asked = site
    asked.clear()
    one.page.goto(f"{address}/report.html")
    yield one
    context.close()
    assert one.complaints == []
    assert one.requests == [f"{address}/report.html"]
    assert asked == ["/report.html"]


@pytest.fixture
def page(watched: Watched) -> Page:
    return watched.page


_CELLS = """number => [...document.querySelectorAll("#table > tbody")]
    .filter(body => !body.hidden)
    .map(body => number ? body.rows[0].cells[number - 1] : body.querySelector(".toggle"))
    .map(element => element.innerText)
"""


def shown(page: Page) -> list[str]:
    """Keys of the rows in their order."""
    return [key.removeprefix("Details of query ") for key in page.evaluate(_CELLS, 0)]


def column(page: Page, number: int) -> list[str]:
    """The cells of a column in their order, the first one's number is 1."""
    return page.evaluate(_CELLS, number)


def cost_of(text: str) -> float:
    """A query without a plan is cheaper than any."""
    return float(text.replace(",", "")) if text != "–" else -1.0


def test_there_is_no_control_that_no_test_uses(page: Page) -> None:
    names = page.locator("select, input, button:not(.toggle):not([data-by])").evaluate_all(
        "all => all.map(one => one.id)"
    )

    assert set(names) == CONTROLS
    keys = page.locator("[data-by]").evaluate_all("all => all.map(one => one.dataset.by)")
    assert "".join(keys) == HEADINGS


def test_the_theme_is_the_systems_until_another_is_chosen(page: Page) -> None:
    ground = "getComputedStyle(document.body).backgroundColor"
    grounds = {"light": "rgb(255, 255, 255)", "dark": "rgb(18, 22, 28)"}

    for system in ("light", "dark"):
        page.emulate_media(color_scheme="dark" if system == "dark" else "light")
        assert page.evaluate(ground) == grounds[system]
        for chosen in ("light", "dark"):
            page.select_option("#theme", chosen)
            assert page.evaluate(ground) == grounds[chosen]
        page.select_option("#theme", "")
        assert page.evaluate(ground) == grounds[system]


def test_each_control_filters_and_all_are_shown_again(page: Page) -> None:
    total = len(shown(page))
    expect(page.locator("#count")).to_have_text(f"{total} of {total} queries")
    for fill, is_right in (
        (lambda: page.fill("#text", "partitions_PARALLEL"), lambda: len(shown(page)) == 1),
        (
            lambda: page.select_option("#by-t", label="public.events (2)"),
            lambda: all("events" in text for text in column(page, 6)) and len(shown(page)) == 2,
        ),
        (
            lambda: page.select_option("#by-m", label="app/seq.py (1)"),
            lambda: column(page, 5) == ["app/seq.py:10 seq_equality"],
        ),
        (
            lambda: page.select_option("#by-r", label="PLN003 (1)"),
            lambda: column(page, 3) == ["PLN003"],
        ),
        (
            lambda: page.select_option("#by-r", "-"),
            lambda: set(column(page, 3)) == {""},
        ),
        (
            lambda: page.select_option("#by-k", label="worse (1)"),
            lambda: len(shown(page)) == 1 and column(page, 4)[0].startswith("worse"),
        ),
        (
            lambda: page.fill("#cost", "6000"),
            lambda: all(cost_of(text) >= 6000 for text in column(page, 2)),
        ),
    ):
        fill()
        assert 0 < len(shown(page)) < total
        assert is_right()
        expect(page.locator("#count")).to_have_text(f"{len(shown(page))} of {total} queries")
        page.click("#reset")
        assert len(shown(page)) == total


def test_where_no_query_is_left_the_page_says_so(page: Page) -> None:
    page.fill("#text", "no query has this")

    assert shown(page) == []
    expect(page.locator("#nothing")).to_be_visible()


def test_each_heading_sorts_both_ways(page: Page) -> None:
    for number, key in enumerate(HEADINGS, start=1):
        heading = page.locator(f"th:has([data-by={key}])")
        found = {}
        for _ in range(2):
            heading.locator("button").click()
            found[heading.get_attribute("aria-sort")] = column(page, number)
            assert page.locator("th:is([aria-sort=ascending], [aria-sort=descending])").count() == 1
        assert found.keys() == {"ascending", "descending"}
        assert found["ascending"] != found["descending"]
        assert sorted(found["ascending"]) == sorted(found["descending"])
        if key == "c":
            costs = [cost_of(text) for text in found["descending"]]
            assert costs == sorted(costs, reverse=True)


def test_a_row_unfolds_by_keyboard_and_folds_again(page: Page) -> None:
    toggle = page.locator(".toggle").first
    details = page.locator("#p1")

    expect(details).to_be_hidden()
    toggle.focus()
    page.keyboard.press("Enter")
    expect(details).to_be_visible()
    expect(toggle).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("Space")
    expect(details).to_be_hidden()


def test_a_link_to_a_query_shows_it_whatever_is_filtered(page: Page) -> None:
    page.fill("#text", "no query has this")
    link = page.locator("#f1 a[href^='#q']")
    row = page.locator(link.get_attribute("href") or "")

    link.click()
    expect(row.locator(".more")).to_be_visible()
    expect(row.locator(".toggle")).to_be_focused()
    row.locator("a[href='#f1']").click()
    expect(page.locator("#f1")).to_be_in_viewport()


def test_the_same_link_again_shows_a_query_that_was_folded_meanwhile(page: Page) -> None:
    link = page.locator("#f1 a[href^='#q']")
    row = page.locator(link.get_attribute("href") or "")
    link.click()
    row.locator(".toggle").click()
    expect(row.locator(".more")).to_be_hidden()

    link.click()
    expect(row.locator(".more")).to_be_visible()
    expect(row.locator(".toggle")).to_be_focused()
    for _ in range(2):
        row.locator("a[href='#f1']").click()
        expect(page.locator("#f1")).to_be_in_viewport()


def test_a_link_to_a_folded_finding_unfolds_it(page: Page) -> None:
    page.locator("#by-r").select_option(label="QRY007 (1)")
    link = page.locator("#table > tbody:visible td a")
    link.click()

    expect(page.locator(link.get_attribute("href") or "")).to_be_visible()


def test_the_keyboard_reaches_the_findings_first(page: Page) -> None:
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_in_viewport()
    page.keyboard.press("Enter")

    expect(page.locator("#findings")).to_be_focused()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1280), ("dark", 375)])
def test_axe_finds_no_serious_violation(
    browser: Browser, site: tuple[str, list[str]], scheme: str, width: int
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page = context.new_page()
    page.goto(f"{site[0]}/report.html")
    page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    page.evaluate("for (const one of document.querySelectorAll('.toggle')) one.click()")
    found = Axe().run(page).response["violations"]
    context.close()

    assert [
        (one["id"], one["impact"], [node["html"] for node in one["nodes"]][:3])
        for one in found
        if one["impact"] in ("serious", "critical")
    ] == []


def test_nothing_is_wider_than_a_phone(browser: Browser, site: tuple[str, list[str]]) -> None:
    context = browser.new_context(viewport={"width": 375, "height": 800})
    page = context.new_page()
    page.goto(f"{site[0]}/report.html")
    width = page.evaluate("document.documentElement.scrollWidth")
    context.close()

    assert width <= 375


def test_without_scripts_all_is_there_and_no_control(
    browser: Browser, site: tuple[str, list[str]]
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{site[0]}/report.html")
    expect(page.locator("#p1")).to_be_visible()
    expect(page.locator("#text")).to_be_hidden()
    expect(page.locator("#theme")).to_be_hidden()
    context.close()


def test_on_paper_there_are_findings_and_no_controls(page: Page) -> None:
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")

    expect(page.locator(".controls")).to_be_hidden()
    assert page.locator("#findings details:not([open])").count() == 0
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    assert page.locator("#findings details[open]").count() == 0


def test_two_thousand_queries_sort_and_filter(
    browser: Browser, site: tuple[str, list[str]]
) -> None:
    page = browser.new_page()
    page.goto(f"{site[0]}/large.html")
    expect(page.locator("#count")).to_have_text("2,000 of 2,000 queries")
    page.select_option("#by-r", label="PLN001 (200)")
    expect(page.locator("#count")).to_have_text("200 of 2,000 queries")
    page.click("[data-by=c]")
    costs = [cost_of(text) for text in column(page, 2)]
    page.close()

    assert costs == sorted(costs)
