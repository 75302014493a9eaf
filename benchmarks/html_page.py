"""What the HTML page costs: written beside the JSON report, and opened beside an empty page.

A report of 2,000 queries, each with its plans and three tests, 200 of them with a finding. Needs
Chromium (Debian: ``apt-get install chromium``). Both sides run in turn; the times in the browser
are its own, from the navigation to the end of the load event.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Browser

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import fix_chromium  # noqa: E402 - the tests' reports and browser
import fix_pages  # noqa: E402
from pytest_planguard.model.report import Report  # noqa: E402
from pytest_planguard.report import html, json  # noqa: E402

ROUNDS = 5
EMPTY = '<!DOCTYPE html><html lang="en"><title>empty</title></html>'
_LOADED = "performance.getEntriesByType('navigation')[0].loadEventEnd"
_STEPS = {
    "filtered by a rule": "document.getElementById('by-r').selectedIndex = 2;"
    "document.getElementById('by-r').dispatchEvent(new Event('input', {bubbles: true}))",
    "sorted by cost": "document.querySelector('[data-by=c]').click()",
    "searched for a text": "document.getElementById('text').value = 'test_memoize';"
    "document.getElementById('text').dispatchEvent(new Event('input', {bubbles: true}))",
}


def seconds(render: Callable[[Report], str], report: Report) -> float:
    """To render a report once."""
    start = time.perf_counter()
    render(report)
    return time.perf_counter() - start


def opened(browser: Browser, file: Path) -> float:
    """Seconds until all of a file is loaded."""
    page = browser.new_page()
    page.goto(file.as_uri())
    took = float(page.evaluate(_LOADED)) / 1000
    page.close()
    return took


def main() -> None:
    """Two sizes of a suite."""
    for count in (200, 2_000):
        report = fix_pages.thousands(count)
        text = html.render(report)
        pairs = [
            (seconds(html.render, report), seconds(json.render, report)) for _ in range(ROUNDS)
        ]
        page, beside = (statistics.median(one) for one in zip(*pairs, strict=True))
        print(f"{count:,} queries: {len(text.encode()) / 1e6:.2f} MB", end="; ")
        print(f"written in {page:.2f} s, {page / beside:.0f} times the JSON report's", end="; ")
        with tempfile.TemporaryDirectory() as folder, fix_chromium.browser() as browser:
            large, empty = Path(folder, "large.html"), Path(folder, "empty.html")
            large.write_text(text, encoding="utf-8")
            empty.write_text(EMPTY, encoding="utf-8")
            times = [(opened(browser, large), opened(browser, empty)) for _ in range(ROUNDS)]
            page, beside = (statistics.median(one) for one in zip(*times, strict=True))
            print(f"opened in {page:.2f} s (an empty page: {beside:.2f} s)")
            view = browser.new_page()
            view.goto(large.as_uri())
            for name, script in _STEPS.items():
                do = f"(() => {{ const start = performance.now(); {script};"
                do += "document.body.offsetHeight; return performance.now() - start; })()"
                print(f"  {name}: {float(view.evaluate(do)):.0f} ms")


if __name__ == "__main__":
    main()
