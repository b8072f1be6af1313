"""The pages Savings, Plan, Workers and System in a real Chromium."""

import re
import runpy
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

FULL: Any = runpy.run_path(str(Path(__file__).parents[1] / "unit" / "dashboard" / "full_ledger.py"))
LIMIT_MS = 30_000
WIDE, NARROW = (1440, 2300), (390, 4600)
CHARTS = {"savings": 5, "plan": 2, "workers": 1, "system": 1}
HEADINGS = {
    "savings": ("Running sums", "Promised and realised", "How long jobs waited", "All figures"),
    "plan": ("Work and room", "Slots", "What is due when", "Released before their slot"),
    "workers": ("Pools", "Jobs running now", "What people asked of the workers"),
    "system": ("Services", "Queues", "Dead letters", "Settings in force", "Versions"),
}


@pytest.fixture(scope="module")
def week(dashboards: Callable[..., str]) -> str:
    scene = replace(FULL["WEEK"], simulated=True)
    return dashboards(fill=lambda url: FULL["fill"](url, scene))


def visit(seen: Any, address: str, name: str, query: str = "") -> None:
    """Open a page, and wait until all its charts and headings are there."""
    seen.open(f"{address}/{name}{query}", CHARTS[name])
    for text in HEADINGS[name]:
        heading = seen.page.get_by_role("heading", name=text, exact=True)
        expect(heading.first).to_be_visible(timeout=LIMIT_MS)
    expect(seen.charts()).to_have_count(CHARTS[name], timeout=LIMIT_MS)


def past_midnight() -> str:
    """A time zone where the day has just begun: its label is the last of a time axis."""
    hour = datetime.now(UTC).hour
    return f"Etc/GMT+{hour}" if hour <= 12 else f"Etc/GMT-{24 - hour}"


@pytest.mark.parametrize("name", ["plan", "workers"])
def test_the_label_of_a_new_day_is_not_cut_at_the_edge(
    week: str, watch: Callable[..., Any], name: str
) -> None:
    seen = watch(NARROW, "light", past_midnight())
    visit(seen, week, name)
    assert seen.cut_words() == []
    assert seen.charts().get_by_text(re.compile(r"^[A-Z][a-z]{2} \d+ ")).count() > 0


@pytest.mark.parametrize("name", CHARTS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_the_page_shows_its_figures_and_charts(
    week: str, watch: Callable[..., Any], size: tuple[int, int], scheme: str, name: str
) -> None:
    """Figures, charts, no complaint, nothing beyond the host, nothing beyond the edge."""
    seen = watch(size, scheme)
    visit(seen, week, name)
    assert seen.charts().count() == CHARTS[name]
    assert all(seen.marks(place) > 2 for place in range(CHARTS[name]))
    figures = seen.page.get_by_test_id("stMetricValue").all_inner_texts()
    assert len(figures) == {"savings": 8, "plan": 4, "workers": 4, "system": 0}[name]
    assert all(figure.strip() for figure in figures)
    badge = seen.page.locator(".stMarkdownBadge", has_text="SIMULATED").first
    expect(badge).to_be_visible(timeout=LIMIT_MS)
    assert seen.page.get_by_test_id("stException").count() == 0
    assert seen.overhanging() == []
    assert seen.cut_words() == []
    seen.complain(week)


def test_a_choice_is_kept_in_the_address_and_in_a_link(
    week: str, watch: Callable[..., Any]
) -> None:
    seen = watch(WIDE)
    visit(seen, week, "savings")
    seen.page.get_by_role("radio", name="Priority").click()
    seen.page.wait_for_url("**by=Priority**", timeout=LIMIT_MS)
    other = watch(WIDE)
    visit(other, week, "savings", "?by=Priority&period=7+days")
    chosen = other.page.get_by_role("radio", checked=True).all_inner_texts()
    assert chosen[:2] == ["7 days", "Priority"]
    other.complain(week)


def test_the_rows_can_be_taken_along(week: str, watch: Callable[..., Any]) -> None:
    seen = watch(WIDE)
    visit(seen, week, "savings")
    for name, start in (
        ("CSV", b"signal,simulated,type,"),
        ("Parquet", b"PAR1"),
        ("HTML", b"<!doctype html>"),
    ):
        with seen.page.expect_download(timeout=LIMIT_MS) as download:
            seen.page.locator(f".st-key-download-{name.lower()} button").first.click()
        path = download.value.path()
        assert path.read_bytes().startswith(start)
        assert f"by-type.{name.lower()}" in download.value.suggested_filename
    seen.complain(week)
