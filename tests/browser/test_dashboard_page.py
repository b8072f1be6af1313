"""The live page in a real Chromium: what a person sees, and what leaves the host."""

import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, WebSocket, expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

FIRST_WAIT_MS = 90_000
LIMIT_MS = 30_000
RENEWALS_SECONDS = 12.0
"""More than two rounds of the charts' refresh."""
CHARTS = 3
WIDE, NARROW = (1440, 1900), (390, 3400)
NASTY = "**bold** :smile: :red[x] <b>tag</b> $a$ [l](http://example.org)"


class Watched:
    """A page, with all that it asked for and complained about."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.errors: list[str] = []
        self.hosts: set[str] = set()
        self.sockets: list[WebSocket] = []
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))
        page.on("websocket", self._connected)

    def _hear(self, message: Any) -> None:
        if message.type == "error":
            self.errors.append(message.text)

    def _connected(self, socket: WebSocket) -> None:
        self.hosts.add(urlsplit(socket.url).netloc)
        self.sockets.append(socket)

    def charts(self) -> Locator:
        return self.page.get_by_test_id("stVegaLiteChart").locator("svg.marks")

    def open(self, address: str) -> None:
        """Wait until the figures and all charts are there."""
        self.page.goto(address, timeout=FIRST_WAIT_MS)
        self.page.get_by_test_id("stMetricValue").first.wait_for(timeout=FIRST_WAIT_MS)
        self.charts().nth(CHARTS - 1).wait_for(timeout=LIMIT_MS)

    def complain(self, address: str) -> None:
        """Fail on an error in the console, or a request to another host."""
        assert not self.errors
        assert self.hosts - {""} == {urlsplit(address).netloc}


@pytest.fixture
def watch(chromium: Browser) -> Iterator[Callable[..., Watched]]:
    contexts = []

    def watched(size: tuple[int, int] = WIDE, scheme: str = "light") -> Watched:
        context = chromium.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme=scheme,
            timezone_id="America/Los_Angeles",
        )
        contexts.append(context)
        return Watched(context.new_page())

    yield watched
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def busy(dashboards: Callable[..., str]) -> str:
    return dashboards(simulated=True)


def marks(chart: Locator) -> int:
    """How many lines, areas, bars and points a chart shows; an empty one has none."""
    return chart.locator("g[class*=mark-]:not([class*=role-axis]) > path").count()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_the_page_shows_its_figures_and_charts(
    busy: str, watch: Callable[..., Watched], size: tuple[int, int], scheme: str
) -> None:
    """Figures, charts, no complaint, nothing beyond the host, nothing beyond the edge."""
    seen = watch(size, scheme)
    seen.open(busy)
    figures = seen.page.get_by_test_id("stMetricValue").all_inner_texts()
    assert len(figures) == 8
    assert "45" in figures
    assert all(figure.strip() for figure in figures)
    assert all(marks(seen.charts().nth(place)) > 4 for place in range(CHARTS))
    for text in ("Latest decisions", "Recent jobs", "Workers"):
        expect(seen.page.get_by_text(text, exact=True).first).to_be_visible(timeout=LIMIT_MS)
    badge = seen.page.locator(".stMarkdownBadge", has_text="SIMULATED")
    expect(badge).to_be_visible(timeout=LIMIT_MS)
    assert seen.page.get_by_test_id("stException").count() == 0
    assert overhanging(seen.page) == []
    seen.complain(busy)


def overhanging(page: Page) -> list[str]:
    """What is wider than the window, and figures that are cut off."""
    found: list[str] = page.evaluate(
        """() => {
            const wide = document.documentElement.scrollWidth > window.innerWidth ? ['page'] : [];
            const main = document.querySelector('[data-testid=stMain]');
            if (main.scrollWidth > main.clientWidth) wide.push('main');
            for (const figure of document.querySelectorAll('[data-testid=stMetricValue] *'))
                if (figure.scrollWidth > figure.clientWidth + 1 && figure.clientWidth > 0)
                    wide.push(figure.innerText);
            return wide;
        }"""
    )
    return found


def test_the_background_follows_the_viewers_theme(busy: str, watch: Callable[..., Watched]) -> None:
    colours = []
    for scheme in ("light", "dark"):
        seen = watch(WIDE, scheme)
        seen.open(busy)
        app = seen.page.get_by_test_id("stApp")
        colours.append(app.evaluate("node => getComputedStyle(node).backgroundColor"))
    assert colours == ["rgb(255, 255, 255)", "rgb(17, 22, 29)"]


def test_the_page_renews_itself_without_being_drawn_anew(
    busy: str, watch: Callable[..., Watched]
) -> None:
    """News keep coming, and the drawing of the hero chart stays the same one."""
    seen = watch()
    seen.open(busy)
    chart = seen.charts().first
    chart.evaluate("drawing => { drawing.dataset.kept = 'yes'; }")
    until = time.monotonic() + RENEWALS_SECONDS
    while time.monotonic() < until:
        seen.sockets[-1].wait_for_event("framereceived", timeout=LIMIT_MS)
    assert seen.charts().first.get_attribute("data-kept") == "yes"
    seen.complain(busy)


def test_user_text_is_shown_as_it_is(
    dashboards: Callable[..., str], watch: Callable[..., Watched]
) -> None:
    """Neither Markdown nor HTML nor an emoji comes of a name that a user chose."""
    address = dashboards(region=NASTY, jobs=8)
    seen = watch()
    seen.open(address)
    badge = seen.page.get_by_text("**bold**").first
    badge.wait_for(timeout=LIMIT_MS)
    assert badge.inner_text().replace("\N{WORD JOINER}", "") == NASTY
    assert badge.locator("strong, b, a, em").count() == 0
    seen.complain(address)
