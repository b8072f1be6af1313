"""The report's page in a browser: on a desk, on a phone, in the dark and on paper."""

import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

ROOT = Path(__file__).parents[2]
BUSY = runpy.run_path(str(ROOT / "tests" / "unit" / "dashboard" / "busy_ledger.py"))
OVERFLOW = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
BACKGROUND = "getComputedStyle(document.body).backgroundColor"
WRITE_SECONDS = 60.0

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a busy ledger, written by the command."""
    folder = tmp_path_factory.mktemp("report")
    url = f"sqlite:///{folder / 'ledger.db'}"
    BUSY["fill"](url, BUSY["Scene"]())
    subprocess.run(
        [sys.executable, "-m", "services.cli", "report", "--html", "report.html"],
        cwd=folder,
        env={**os.environ, "LEDGER_URL": url, "PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
        timeout=WRITE_SECONDS,
    )
    return folder / "report.html"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_the_page_fits_its_window_and_asks_for_nothing(
    chromium: Browser, page_file: Path, scheme: Any, width: int
) -> None:
    page = chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(page_file.as_uri())
    assert asked == [page_file.as_uri()]
    assert page.evaluate(OVERFLOW) == 0
    red = int(page.evaluate(BACKGROUND).removeprefix("rgb(").split(",")[0])
    assert (red < 128) == (scheme == "dark")
    # A chart that shrinks with a phone's window cannot be read: it scrolls instead.
    chart = page.locator("figure svg").first.bounding_box()
    assert chart is not None
    assert chart["width"] >= 600
    page.close()


def test_paper_is_white_and_no_table_is_cut(chromium: Browser, page_file: Path) -> None:
    a4_less_margins = 703
    page = chromium.new_page(
        viewport={"width": a4_less_margins, "height": 900}, color_scheme="dark"
    )
    page.emulate_media(media="print")
    page.goto(page_file.as_uri())
    assert page.evaluate(BACKGROUND) == "rgb(255, 255, 255)"
    assert page.evaluate(OVERFLOW) == 0
    for table in page.locator("table").all():
        box = table.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= a4_less_margins
    assert page.pdf(format="A4").startswith(b"%PDF")
    page.close()
