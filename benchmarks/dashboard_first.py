"""How long it takes a person to see the first figures of a page, in a real browser."""

import shutil
import time
from collections.abc import Sequence
from statistics import median

from playwright.async_api import Browser, async_playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = ("--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage")
FIGURES = "[data-testid=stMetricValue], [data-testid=stDataFrame], [data-testid=stTextInput]"
"""A card's figure, a table, or the form where a page is one."""
LIMIT_MS = 90_000.0


async def first_figures(address: str, pages: Sequence[str], rounds: int) -> dict[str, float]:
    """Median seconds from asking for each page to its first figure; none without a browser.

    Every look is a person's first in a browser that has the program's files, as on a second visit.
    """
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        return {}
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=found, args=list(FLAGS))
        await _look(browser, address, pages[0], 1)  # the files, from the disk
        return {page: await _look(browser, address, page, rounds) for page in pages}


async def _look(browser: Browser, address: str, page: str, rounds: int) -> float:
    taken = []
    context = await browser.new_context(viewport={"width": 1440, "height": 1900})
    tab = await context.new_page()
    for number in range(rounds + 1):
        began = time.perf_counter()
        await tab.goto(f"{address}/{page}", timeout=LIMIT_MS)
        await tab.locator(FIGURES).first.wait_for(timeout=LIMIT_MS)
        if number:  # the first one filled the context's own cache
            taken.append(time.perf_counter() - began)
        await tab.goto("about:blank")
    await context.close()
    return median(taken)
