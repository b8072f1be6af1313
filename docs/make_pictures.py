"""Take the README's pictures of the dashboard: `python docs/make_pictures.py [URL]`.

Start the demo before (`make demo`) and let it run for a few minutes. Needs the extra `dev` and an
installed Chromium or Chrome.
"""

import shutil
import sys
from contextlib import suppress
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright
from playwright.sync_api import TimeoutError as NotInTime

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ("--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking")
MOST_BYTES = 400_000
WIDTH, HEIGHT = 1440, 1640
FIRST_WAIT_MS = 90_000
CHARTS = 3
LEAST_DEFERRED = 8


def main(url: str = "http://127.0.0.1:8501") -> int:
    """Write docs/dashboard-light.png and docs/dashboard-dark.png; returns the exit code."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        return _fail("no Chromium or Chrome is installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found, args=[*FLAGS, "--no-sandbox"], chromium_sandbox=False
        )
        for scheme in ("light", "dark"):
            picture = Path(__file__).parent / f"dashboard-{scheme}.png"
            _take(browser, url, scheme, picture)
            size = picture.stat().st_size
            sys.stdout.write(f"{picture}: {size / 1000:.0f} kB\n")
            if size > MOST_BYTES:
                return _fail(f"{picture} is larger than {MOST_BYTES / 1000:.0f} kB")
        browser.close()
    return 0


def _take(browser: Browser, url: str, scheme: str, picture: Path) -> None:
    page = browser.new_page(
        viewport={"width": WIDTH, "height": HEIGHT},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page.goto(url)
    page.get_by_test_id("stMetricValue").first.wait_for(timeout=FIRST_WAIT_MS)
    charts = page.get_by_test_id("stVegaLiteChart").locator("svg.marks")
    charts.nth(CHARTS - 1).wait_for(timeout=FIRST_WAIT_MS)
    page.get_by_text("Latest decisions").wait_for(timeout=FIRST_WAIT_MS)
    _wait_for_planned_jobs(page)
    # The charts have found their size when nothing moved between two pictures.
    before = b""
    while (now := page.screenshot()) != before:
        before = now
        page.wait_for_timeout(300)
    picture.write_bytes(now)
    page.close()


def _wait_for_planned_jobs(page: Page) -> None:
    """A picture says more with jobs that wait; without any it is taken all the same."""
    with suppress(NotInTime):
        page.wait_for_function(
            """least => [...document.querySelectorAll('[data-testid=stMetric]')].some(card =>
                card.innerText.includes('Jobs deferred') &&
                Number(card.querySelector('[data-testid=stMetricValue]').innerText) >= least)""",
            arg=LEAST_DEFERRED,
            timeout=FIRST_WAIT_MS,
        )
        page.wait_for_timeout(6_000)  # the charts follow within one round of their refresh


def _fail(reason: str) -> int:
    sys.stderr.write(f"error: {reason}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
