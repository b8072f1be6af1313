"""A real Chromium, and the dashboard over a filled ledger."""

import os
import runpy
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Locator, Page, WebSocket, sync_playwright
from playwright.sync_api import Error as Failed
from playwright.sync_api import TimeoutError as NotInTime

ROOT = Path(__file__).parents[2]
BUSY = runpy.run_path(str(ROOT / "tests" / "unit" / "dashboard" / "busy_ledger.py"))
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    # Whatever the page asks for elsewhere fails, and so shows.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)
START_SECONDS = 90.0
FIRST_WAIT_MS = 90_000
LIMIT_MS = 30_000
WIDE = (1440, 1900)
OPENINGS = 4
INTERRUPTED = "ERR_NETWORK_CHANGED"
"""Chromium gives its requests up where the machine's interfaces change, loopback's too."""
PROBED = ("/_stcore/health", "/_stcore/host-config")
"""A page that is opened by its own address looks for its server below that address first."""
E2E = runpy.run_path(str(ROOT / "tests" / "e2e" / "conftest.py"))
up, until = E2E["up"], E2E["until"]
"""The fixtures that run a whole system and wait for what it does."""


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

    def open(self, address: str, charts: int = 0) -> None:
        """Wait until the page says what the grid does, and shows so many charts."""
        shown = self.page.get_by_text("Grid now").first
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
        """The same once nothing moves any more: what hangs over stays so."""
        until = time.monotonic() + LIMIT_MS / 1000
        while (found := self._overhanging()) and time.monotonic() < until:
            self.page.wait_for_timeout(200)
        return found

    def _overhanging(self) -> list[str]:
        """What is wider than the window, and figures that are cut off."""
        found: list[str] = self.page.evaluate(
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
        return found


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The installed Chromium; a build server without one fails, a developer's machine skips."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        message = "no Chromium or Chrome is installed"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def dashboards(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., str]]:
    """Start a dashboard over a scene, described as `busy_ledger.Scene` does; gives its address."""
    running: list[Any] = []

    def start(**scene: Any) -> str:
        folder = tmp_path_factory.mktemp("dashboard")
        ledger_url = f"sqlite:///{folder / 'ledger.db'}"
        BUSY["fill"](ledger_url, BUSY["Scene"](**scene))
        server = _server(folder, ledger_url)
        address = server.__enter__()
        running.append(server)
        return address

    yield start
    for server in running:
        server.__exit__(None, None, None)


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


@contextmanager
def _server(folder: Path, ledger_url: str) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        *(sys.executable, "-m", "streamlit", "run", str(ROOT / "dashboard" / "app.py")),
        *(f"--server.port={port}", "--server.headless=true"),  # its address is loopback by itself
        "--server.fileWatcherType=none",
    ]
    log = folder / "dashboard.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,  # the page finds its modules and its settings from anywhere
            env=os.environ | {"LEDGER_URL": ledger_url},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait_until_healthy(process, port, log)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(timeout=20)


def _wait_until_healthy(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < until:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    pytest.fail(f"the dashboard did not start:\n{log.read_text()[-2000:]}")
