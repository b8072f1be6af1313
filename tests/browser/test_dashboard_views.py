"""The pages Savings, Plan, Workers and System in a real Chromium."""

import runpy
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, expect
from playwright.sync_api import Error as PlaywrightError

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

HERE = Path(__file__).parent
LIVE: Any = runpy.run_path(str(HERE / "test_dashboard_page.py"))
FULL: Any = runpy.run_path(str(HERE.parent / "unit" / "dashboard" / "full_ledger.py"))
WIDE, NARROW = (1440, 2300), (390, 4600)
OWN_LOOKUPS = ("/_stcore/health", "/_stcore/host-config")
"""Opened at a page's own address, Streamlit looks for its server below that page first."""
LOADS = 10
CUT_OFF = "ERR_NETWORK_CHANGED"
"""Chromium breaks off whatever it loads when any network interface of the host comes or goes."""
CHARTS = {"savings": 5, "plan": 2, "workers": 1, "system": 1}
HEADINGS = {
    "savings": ("Running sums", "Promised and realised", "How long jobs waited", "All figures"),
    "plan": ("Work and room", "Slots", "What is due when", "Released before their slot"),
    "workers": ("Pools", "Jobs running now", "What people asked of the workers"),
    "system": ("Services", "Queues", "Dead letters", "Settings in force", "Versions"),
}


class View(LIVE["Watched"]):
    """One of these pages, with all that it asked for and complained about."""

    def _hear(self, message: Any) -> None:
        if message.page is self.page and not str(message.location.get("url", "")).endswith(
            OWN_LOOKUPS
        ):
            super()._hear(message)

    def complain(self, address: str) -> None:
        """Fail on an error in the console, or a request to another host, and tell which."""
        assert self.errors == []
        assert self.hosts - {""} == {urlsplit(address).netloc}

    def visit(self, address: str, name: str, query: str = "") -> None:
        """Open a page, and wait until all its charts and headings are there."""
        for _ in range(LOADS):
            self._begin_anew()
            with suppress(PlaywrightError):  # told in the console too
                self.page.goto(f"{address}/{name}{query}", timeout=LIVE["FIRST_WAIT_MS"])
            self.comes_to(True, lambda: self._cut_off() or self._is_there(name))
            if not self._cut_off():
                break
        assert self._is_there(name), self.errors[:3]

    def _begin_anew(self) -> None:
        """In a new tab, so that nothing that the last one still says is heard."""
        last = self.page
        self.__init__(last.context.new_page())
        last.close()

    def _is_there(self, name: str) -> bool:
        headings = (
            self.page.get_by_role("heading", name=text, exact=True) for text in HEADINGS[name]
        )
        return self.charts().count() == CHARTS[name] and all(each.count() for each in headings)

    def _cut_off(self) -> bool:
        return any(CUT_OFF in error for error in self.errors)

    def comes_to(self, wanted: Any, ask: Callable[[], Any]) -> Any:
        """Ask until the answer is what was wanted, or the time is over; the last answer."""
        until = monotonic() + LIVE["FIRST_WAIT_MS"] / 1000
        while (answer := ask()) != wanted and monotonic() < until:
            self.page.wait_for_timeout(100)
        return answer


@pytest.fixture
def view(chromium: Browser) -> Iterator[Callable[..., View]]:
    contexts = []

    def viewed(size: tuple[int, int] = WIDE, scheme: str = "light") -> View:
        context = chromium.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme=scheme,
            timezone_id="America/Los_Angeles",
        )
        contexts.append(context)
        return View(context.new_page())

    yield viewed
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def week(dashboards: Callable[..., str]) -> str:
    scene = replace(FULL["WEEK"], simulated=True)
    return dashboards(fill=lambda url: FULL["fill"](url, scene))


@pytest.mark.parametrize("name", CHARTS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_the_page_shows_its_figures_and_charts(
    week: str, view: Callable[..., View], size: tuple[int, int], scheme: str, name: str
) -> None:
    """Figures, charts, no complaint, nothing beyond the host, nothing beyond the edge."""
    seen = view(size, scheme)
    seen.visit(week, name)
    assert seen.charts().count() == CHARTS[name]
    assert all(LIVE["marks"](seen.charts().nth(place)) > 2 for place in range(CHARTS[name]))
    figures = seen.page.get_by_test_id("stMetricValue").all_inner_texts()
    assert len(figures) == {"savings": 8, "plan": 4, "workers": 4, "system": 0}[name]
    assert all(figure.strip() for figure in figures)
    badge = seen.page.locator(".stMarkdownBadge", has_text="SIMULATED").first
    expect(badge).to_be_visible(timeout=LIVE["LIMIT_MS"])
    assert seen.page.get_by_test_id("stException").count() == 0
    assert seen.comes_to([], lambda: LIVE["overhanging"](seen.page)) == []
    assert seen.comes_to([], lambda: cut_words(seen)) == []
    seen.complain(week)


def cut_words(seen: View) -> list[str]:
    """Words of a chart that reach beyond its edge."""
    found: list[str] = seen.page.evaluate(
        """() => {
            const cut = [];
            const charts = '[data-testid=stVegaLiteChart] svg.marks';
            for (const chart of document.querySelectorAll(charts)) {
                const edge = chart.getBoundingClientRect();
                for (const word of chart.querySelectorAll('text')) {
                    const box = word.getBoundingClientRect();
                    const out = box.left < edge.left - 8 || box.right > edge.right + 8
                        || box.top < edge.top - 8 || box.bottom > edge.bottom + 8;
                    if (box.width > 0 && out) cut.push(word.textContent);
                }
            }
            return cut;
        }"""
    )
    return found


def test_a_choice_is_kept_in_the_address_and_in_a_link(
    week: str, view: Callable[..., View]
) -> None:
    seen = view()
    seen.visit(week, "savings")
    seen.page.get_by_role("radio", name="Priority").click()
    seen.page.wait_for_url("**by=Priority**", timeout=LIVE["LIMIT_MS"])
    other = view()
    other.visit(week, "savings", "?by=Priority&period=7+days")
    chosen = other.page.get_by_role("radio", checked=True).all_inner_texts()
    assert chosen[:2] == ["7 days", "Priority"]
    other.complain(week)


def test_the_rows_can_be_taken_along(week: str, view: Callable[..., View]) -> None:
    seen = view()
    seen.visit(week, "savings")
    for name, start in (("CSV", b"signal,simulated,type,"), ("Parquet", b"PAR1")):
        with seen.page.expect_download(timeout=LIVE["LIMIT_MS"]) as download:
            seen.page.locator(f".st-key-download-{name.lower()} button").first.click()
        path = download.value.path()
        assert path.read_bytes().startswith(start)
        assert f"by-type.{name.lower()}" in download.value.suggested_filename
    seen.complain(week)
