"""The pages Jobs, Job and Submit in a real Chromium, wide and narrow, light and dark."""

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

LIMIT_MS = 30_000
WIDE, NARROW = (1440, 1400), (390, 3000)
SCHEMES = pytest.mark.parametrize("scheme", ["light", "dark"])
SIZES = pytest.mark.parametrize("size", [WIDE, NARROW])
HEADER_PX, ROW_PX = 35, 35


@pytest.fixture(scope="module")
def busy(dashboards: Callable[..., str]) -> str:
    return dashboards(simulated=True)


def is_clean(seen: Any, address: str) -> None:
    """It is marked as simulated, nothing hangs over, nothing complains or leaves the host."""
    badge = seen.page.locator(".stMarkdownBadge", has_text="SIMULATED").first
    expect(badge).to_be_visible(timeout=LIMIT_MS)
    assert seen.page.get_by_test_id("stException").count() == 0
    assert seen.overhanging() == []
    seen.complain(address)


def open_first_job(seen: Any) -> None:
    """Click into the first row of the table: the canvas has no elements of its own."""
    table = seen.page.get_by_test_id("stDataFrame").first
    table.wait_for(timeout=LIMIT_MS)
    seen.page.get_by_text("Select a row").wait_for(timeout=LIMIT_MS)
    table.click(position={"x": 20, "y": HEADER_PX + ROW_PX / 2})
    seen.page.wait_for_url("**/job?id=*", timeout=LIMIT_MS)


@SCHEMES
@SIZES
def test_a_row_of_the_table_opens_its_job(
    busy: str, watch: Callable[..., Any], size: tuple[int, int], scheme: str
) -> None:
    seen = watch(size, scheme)
    seen.open(f"{busy}/jobs?state=done")
    is_clean(seen, busy)
    open_first_job(seen)
    trail = seen.page.locator("ol.trail")
    for step in ("Submitted", "Started", "Succeeded"):
        expect(trail.get_by_text(step, exact=True)).to_be_visible(timeout=LIMIT_MS)
    expect(seen.page.get_by_text("declared, not measured")).to_be_visible(timeout=LIMIT_MS)
    is_clean(seen, busy)


@SCHEMES
@SIZES
def test_a_job_is_foreseen_while_it_is_written(
    busy: str, watch: Callable[..., Any], size: tuple[int, int], scheme: str
) -> None:
    seen = watch(size, scheme)
    seen.open(f"{busy}/submit")
    kind = seen.page.get_by_role("combobox", name="Job type")
    kind.fill("my_own_type")
    kind.press("Enter")
    seen.page.get_by_role("textbox", name="Done within").fill("20h")
    seen.page.get_by_role("textbox", name="Done within").press("Enter")
    headline = seen.page.get_by_role("heading", name="Would run at")
    expect(headline).to_be_visible(timeout=LIMIT_MS)
    expect(seen.page.get_by_text("Without a power its grams")).to_be_visible(timeout=LIMIT_MS)
    expect(seen.page.get_by_role("button", name="Submit this job")).to_be_disabled()
    is_clean(seen, busy)


def test_filters_are_kept_in_the_address(busy: str, watch: Callable[..., Any]) -> None:
    seen = watch(WIDE)
    seen.open(f"{busy}/jobs")
    seen.page.get_by_role("textbox", name="Search").fill("training")
    seen.page.get_by_role("textbox", name="Search").press("Enter")
    seen.page.wait_for_url("**q=training*", timeout=LIMIT_MS)
    address = seen.page.url
    assert parse_qs(urlsplit(address).query) == {"q": ["training"]}
    again = watch(WIDE)
    again.open(address)
    expect(again.page.get_by_role("textbox", name="Search")).to_have_value(
        "training", timeout=LIMIT_MS
    )
    expect(again.page.get_by_text("20 jobs shown")).to_be_visible(timeout=LIMIT_MS)


def test_the_file_holds_what_is_filtered(busy: str, watch: Callable[..., Any]) -> None:
    seen = watch(WIDE)
    seen.open(f"{busy}/jobs?state=done")
    with seen.page.expect_download(timeout=LIMIT_MS) as download:
        seen.page.get_by_role("button", name="Download all as CSV").click()
    lines = download.value.path().read_text().splitlines()
    assert lines[0].startswith("id,type,state,")
    assert len(lines) == 46
    assert all(",succeeded," in line for line in lines[1:])


def test_every_page_is_in_the_menu_except_a_single_job(
    busy: str, watch: Callable[..., Any]
) -> None:
    seen = watch(WIDE)
    seen.open(busy)
    links = seen.page.get_by_test_id("stTopNavLink")
    expect(links.first).to_be_visible(timeout=LIMIT_MS)
    names = ["Live", "Jobs", "Savings", "Plan", "Workers", "System", "Submit"]
    assert links.all_inner_texts() == names
