"""A page of the dashboard in a browser, with all that it asks for and complains about."""

import time
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Error as Failed
from playwright.sync_api import Locator, Page, WebSocket
from playwright.sync_api import TimeoutError as NotInTime

FIRST_WAIT_MS = 90_000
LIMIT_MS = 30_000
OPENINGS = 4
INTERRUPTED = "ERR_NETWORK_CHANGED"
"""Chromium gives its requests up where the machine's interfaces change, loopback's too."""
PROBED = ("/_stcore/health", "/_stcore/host-config")
"""A page that is opened by its own address looks for its server below that address first."""


class Watched:
    """A page, with all that it asked for and complained about."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.errors: list[str] = []
        self.interrupted = False
        self.hosts: set[str] = set()
        self.sockets: list[WebSocket] = []
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", lambda request: self.hosts.add(urlsplit(request.url).netloc))
        page.on("websocket", self._connected)

    def _hear(self, message: Any) -> None:
        where = urlsplit(message.location["url"]).path
        if INTERRUPTED in message.text:
            self.interrupted = True
        elif message.type == "error" and not where.endswith(PROBED):
            self.errors.append(f"{message.text} {where}")

    def _connected(self, socket: WebSocket) -> None:
        self.hosts.add(urlsplit(socket.url).netloc)
        self.sockets.append(socket)

    def charts(self) -> Locator:
        return self.page.get_by_test_id("stVegaLiteChart").locator("svg.marks")

    def open(self, address: str, charts: int = 0, says: str = "Grid now") -> None:
        """Wait until the page says so, usually what the grid does, and shows so many charts."""
        shown = self.page.get_by_text(says).first
        for _ in range(OPENINGS):
            self.interrupted = False
            try:
                self.page.goto(address, timeout=FIRST_WAIT_MS)
                with suppress(NotInTime):
                    shown.wait_for(timeout=LIMIT_MS)
            except Failed as error:
                if INTERRUPTED not in error.message:
                    raise
                self.interrupted = True
            if not self.interrupted:
                break
        shown.wait_for(timeout=FIRST_WAIT_MS)
        if charts:
            self.charts().nth(charts - 1).wait_for(timeout=LIMIT_MS)

    def complain(self, address: str) -> None:
        """Fail on an error in the console, or a request to another host."""
        assert not self.errors
        assert self.hosts - {""} == {urlsplit(address).netloc}

    def marks(self, place: int) -> int:
        """How many lines, areas, bars and points a chart shows; an empty one has none."""
        chart = self.charts().nth(place)
        return chart.locator("g[class*=mark-]:not([class*=role-axis]) > path").count()

    def overhanging(self) -> list[str]:
        """What is wider than the window, and figures that are cut off."""
        return self._settled(
            """() => {
                const root = document.documentElement;
                const wide = root.scrollWidth > window.innerWidth ? ['page'] : [];
                const main = document.querySelector('[data-testid=stMain]');
                if (main.scrollWidth > main.clientWidth) wide.push('main');
                for (const figure of document.querySelectorAll('[data-testid=stMetricValue] *'))
                    if (figure.scrollWidth > figure.clientWidth + 1 && figure.clientWidth > 0)
                        wide.push(figure.innerText);
                return wide;
            }"""
        )

    def cut_words(self) -> list[str]:
        """Words of a chart that reach beyond its edge."""
        return self._settled(
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

    def _settled(self, script: str) -> list[str]:
        """What a script finds once nothing moves any more: what is wrong stays so."""
        until = time.monotonic() + LIMIT_MS / 1000
        while (found := self.page.evaluate(script)) and time.monotonic() < until:
            self.page.wait_for_timeout(200)
        return list(found)
