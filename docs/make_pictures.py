"""Take the pictures of the dashboard: `python docs/make_pictures.py [URL]`.

Start the demo before (`make demo`) and let it run for a few minutes. Needs the extra `dev` and an
installed Chromium or Chrome. The live page is taken light and dark for the README, every page is
taken light.
"""

import re
import shutil
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright
from playwright.sync_api import TimeoutError as NotInTime

DOCS = Path(__file__).parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ("--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking")
MOST_BYTES = 400_000
WIDTH = 1440
FIRST_WAIT_MS = 90_000
STILL_MS = 700
LOOKS = 40
CHARTS = 3
LEAST_DEFERRED = 8
STEPS = 5
"""Of a job that was deferred once, from its submission to its end."""
WAITS_OFTEN = "ml_training"
"""The demo's type with the narrowest band and the longest patience."""


@dataclass(frozen=True)
class Picture:
    """One picture to take.

    Attributes:
        file: in the folder of documentation.
        path: of the page.
        prepare: brings the page to what the picture is to show.
    """

    file: str
    path: str
    height: int
    prepare: Callable[[Page], None]
    scheme: str = "light"


def main(url: str = "http://127.0.0.1:8501") -> int:
    """Write the pictures; returns the exit code."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        return _fail("no Chromium or Chrome is installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found, args=[*FLAGS, "--no-sandbox"], chromium_sandbox=False
        )
        for picture in PICTURES:
            file = DOCS / picture.file
            file.parent.mkdir(exist_ok=True)
            _take(browser, url, picture, file)
            size = file.stat().st_size
            sys.stdout.write(f"{file}: {size / 1000:.0f} kB\n")
            if size > MOST_BYTES:
                return _fail(f"{file} is larger than {MOST_BYTES / 1000:.0f} kB")
        browser.close()
    return 0


def _take(browser: Browser, url: str, picture: Picture, file: Path) -> None:
    page = browser.new_page(
        viewport={"width": WIDTH, "height": picture.height},
        color_scheme="dark" if picture.scheme == "dark" else "light",
    )
    page.goto(f"{url}/{picture.path}", timeout=FIRST_WAIT_MS)
    page.get_by_text("Grid now").first.wait_for(timeout=FIRST_WAIT_MS)
    picture.prepare(page)
    # The page has found its shape when nothing moved between two pictures; ages go on counting.
    before = b""
    for _ in range(LOOKS):
        page.wait_for_timeout(STILL_MS)
        if (now := page.screenshot()) == before:
            break
        before = now
    file.write_bytes(before)
    page.close()


def _as_it_comes(page: Page) -> None:
    """Whatever is on it, drawn to the end."""
    page.wait_for_load_state("networkidle")


def _live(page: Page) -> None:
    charts = page.get_by_test_id("stVegaLiteChart").locator("svg.marks")
    charts.nth(CHARTS - 1).wait_for(timeout=FIRST_WAIT_MS)
    page.get_by_text("Latest decisions").wait_for(timeout=FIRST_WAIT_MS)
    _wait_for_planned_jobs(page)


def _job(page: Page) -> None:
    """A job that was deferred, whose way has most to tell, by the oldest link on the live page."""
    links = page.locator('a[href*="job?id="]')
    links.last.wait_for(timeout=FIRST_WAIT_MS)
    link = page.locator("p", has_text="deferred").locator(links).last
    with suppress(NotInTime):
        link.wait_for(timeout=FIRST_WAIT_MS)
    link = link if link.count() else links.last
    page.goto(str(link.evaluate("link => link.href")), timeout=FIRST_WAIT_MS)
    page.locator("ol.trail").wait_for(timeout=FIRST_WAIT_MS)
    with suppress(NotInTime):  # its whole way, where it comes to its end meanwhile
        page.locator("ol.trail li").nth(STEPS - 1).wait_for(timeout=FIRST_WAIT_MS)


def _submit(page: Page) -> None:
    page.get_by_role("combobox", name="Job type").click()
    page.get_by_role("option", name=WAITS_OFTEN).click()
    page.get_by_role("heading", name=re.compile("^Would ")).wait_for(timeout=FIRST_WAIT_MS)


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


PICTURES = (
    Picture("dashboard-light.png", "", 1640, _live),
    Picture("dashboard-dark.png", "", 1640, _live, "dark"),
    Picture("pages/jobs.png", "jobs", 1100, _as_it_comes),
    Picture("pages/job.png", "", 1500, _job),
    Picture("pages/savings.png", "savings", 2300, _as_it_comes),
    Picture("pages/plan.png", "plan", 1300, _as_it_comes),
    Picture("pages/workers.png", "workers", 1300, _as_it_comes),
    Picture("pages/system.png", "system", 1800, _as_it_comes),
    Picture("pages/submit.png", "submit", 900, _submit),
)

if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
