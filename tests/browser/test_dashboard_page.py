"""The live page in a real Chromium: what a person sees, and what leaves the host."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

LIMIT_MS = 30_000
RENEWALS_SECONDS = 12.0
"""More than two rounds of the charts' refresh."""
CHARTS = 3
WIDE, NARROW = (1440, 1900), (390, 3400)
NASTY = "**bold** :smile: :red[x] <b>tag</b> $a$ [l](http://example.org)"


@pytest.fixture(scope="module")
def busy(dashboards: Callable[..., str]) -> str:
    return dashboards(simulated=True)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_the_page_shows_its_figures_and_charts(
    busy: str, watch: Callable[..., Any], size: tuple[int, int], scheme: str
) -> None:
    """Figures, charts, no complaint, nothing beyond the host, nothing beyond the edge."""
    seen = watch(size, scheme)
    seen.open(busy, CHARTS)
    seen.page.get_by_test_id("stMetricValue").nth(9).wait_for(timeout=LIMIT_MS)
    figures = seen.page.get_by_test_id("stMetricValue").all_inner_texts()
    assert len(figures) == 10
    assert "45" in figures
    assert all(figure.strip() for figure in figures)
    assert all(seen.marks(place) > 4 for place in range(CHARTS))
    for text in ("Latest decisions", "Recent jobs", "Workers"):
        expect(seen.page.get_by_text(text, exact=True).first).to_be_visible(timeout=LIMIT_MS)
    badge = seen.page.locator(".stMarkdownBadge", has_text="SIMULATED")
    expect(badge).to_be_visible(timeout=LIMIT_MS)
    assert seen.page.get_by_test_id("stException").count() == 0
    assert seen.overhanging() == []
    seen.complain(busy)


def test_the_background_follows_the_viewers_theme(busy: str, watch: Callable[..., Any]) -> None:
    colours = []
    for scheme in ("light", "dark"):
        seen = watch(WIDE, scheme)
        seen.open(busy, CHARTS)
        app = seen.page.get_by_test_id("stApp")
        colours.append(app.evaluate("node => getComputedStyle(node).backgroundColor"))
    assert colours == ["rgb(255, 255, 255)", "rgb(17, 22, 29)"]


def test_the_page_renews_itself_without_being_drawn_anew(
    busy: str, watch: Callable[..., Any]
) -> None:
    """News keep coming, and the drawing of the hero chart stays the same one."""
    seen = watch()
    seen.open(busy, CHARTS)
    chart = seen.charts().first
    chart.evaluate("drawing => { drawing.dataset.kept = 'yes'; }")
    until = time.monotonic() + RENEWALS_SECONDS
    while time.monotonic() < until:
        seen.sockets[-1].wait_for_event("framereceived", timeout=LIMIT_MS)
    assert seen.charts().first.get_attribute("data-kept") == "yes"
    seen.complain(busy)


def test_user_text_is_shown_as_it_is(
    dashboards: Callable[..., str], watch: Callable[..., Any]
) -> None:
    """Neither Markdown nor HTML nor an emoji comes of a name that a user chose."""
    address = dashboards(region=NASTY, jobs=8)
    seen = watch()
    seen.open(address, CHARTS)
    badge = seen.page.get_by_text("**bold**").first
    badge.wait_for(timeout=LIMIT_MS)
    assert badge.inner_text().replace("\N{WORD JOINER}", "") == NASTY
    assert badge.locator("strong, b, a, em").count() == 0
    seen.complain(address)
