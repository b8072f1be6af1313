"""A real Chromium, and the dashboard over a filled ledger."""

import os
import runpy
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

ROOT = Path(__file__).parents[2]
BUSY = runpy.run_path(str(ROOT / "tests" / "unit" / "dashboard" / "busy_ledger.py"))
START_SECONDS = 90.0
WIDE = (1440, 1900)
Watched: Any = runpy.run_path(str(Path(__file__).with_name("watched.py")))["Watched"]
E2E = runpy.run_path(str(ROOT / "tests" / "e2e" / "conftest.py"))
up = E2E["up"]
"""The fixture that runs a whole system."""


@pytest.fixture(scope="module")
def dashboards(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[..., str]]:
    """Start a dashboard over a scene, described as `busy_ledger.Scene` does; gives its address.

    `fill` fills the ledger at an address in another way; `secrets` writes Streamlit's file of
    secrets for a dashboard on a port.
    """
    running: list[Any] = []

    def start(
        fill: Callable[[str], None] | None = None,
        secrets: Callable[[int], str] | None = None,
        **scene: Any,
    ) -> str:
        folder = tmp_path_factory.mktemp("dashboard")
        ledger_url = f"sqlite:///{folder / 'ledger.db'}"
        if fill is not None:
            fill(ledger_url)
        else:
            BUSY["fill"](ledger_url, BUSY["Scene"](**scene))
        server = _server(folder, ledger_url, secrets)
        address = server.__enter__()
        running.append(server)
        return address

    yield start
    for server in running:
        server.__exit__(None, None, None)


@pytest.fixture
def watch(chromium: Browser) -> Iterator[Callable[..., Any]]:
    contexts = []

    def watched(
        size: tuple[int, int] = WIDE, scheme: str = "light", zone: str = "America/Los_Angeles"
    ) -> Any:
        context = chromium.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme=scheme,
            timezone_id=zone,
        )
        contexts.append(context)
        return Watched(context.new_page())

    yield watched
    for context in contexts:
        context.close()


@contextmanager
def _server(folder: Path, ledger_url: str, secrets: Callable[[int], str] | None) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    if secrets is not None:
        (folder / ".streamlit").mkdir()
        (folder / ".streamlit" / "secrets.toml").write_text(secrets(port))
    command = [
        *(sys.executable, "-m", "streamlit", "run", str(ROOT / "dashboard" / "server.py")),
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
