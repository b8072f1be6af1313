"""The dashboard's own server, and tabs that are open on it without a browser.

A tab speaks what Streamlit's page speaks: it asks for a page once, and then for each part that is
to stay current as often as that part says. So what is measured is the server's work alone.
"""

import asyncio
import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from subprocess import Popen
from tempfile import TemporaryFile

import psutil
from httpx import TransportError, get
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import ClientConnection, connect

APP = Path(__file__).parents[1] / "dashboard" / "server.py"
START_SECONDS, RUN_SECONDS = 60.0, 60.0
ZONE = "America/Los_Angeles"


class Server:
    """A dashboard that runs."""

    def __init__(self, process: Popen[bytes], port: int) -> None:
        self._process = psutil.Process(process.pid)
        self.port = port

    def cpu_seconds(self) -> float:
        """Processor time that it has taken so far."""
        times = self._process.cpu_times()
        return float(times.user + times.system)

    def megabytes(self) -> float:
        """Memory that it holds now."""
        return float(self._process.memory_info().rss) / 1e6


@contextmanager
def serving(ledger_url: str) -> Iterator[Server]:
    """Start the dashboard over a ledger, and stop it in the end.

    Raises:
        RuntimeError: it did not start.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", str(APP), f"--server.port={port}"]
    command += ["--server.headless=true", "--server.fileWatcherType=none"]
    env = os.environ | {"LEDGER_URL": ledger_url}  # noqa: TID251 - for the program that is started
    with TemporaryFile() as log, Popen(command, env=env, stdout=log, stderr=log) as process:  # noqa: S603 - our own
        try:
            _wait_until_healthy(process, port)
            yield Server(process, port)
        finally:
            process.terminate()


def _wait_until_healthy(process: Popen[bytes], port: int) -> None:
    until = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < until:
        try:
            get(f"http://127.0.0.1:{port}/_stcore/health", timeout=2.0, trust_env=False)
        except TransportError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError("the dashboard did not start")


class Tab:
    """A page that is open.

    Attributes:
        first_figure_seconds: from asking for the page to its first figure or row; None where there
            was none.
        parts: what is to stay current, each with its period in seconds.
        refreshes: how many of them were renewed since the page was there.
        received_bytes: all that the server has sent.
    """

    def __init__(self, connection: ClientConnection, page: str) -> None:
        self._connection = connection
        self._page = page
        self._page_hash = ""
        self.first_figure_seconds: float | None = None
        self.parts: dict[str, float] = {}
        self.refreshes = 0
        self.received_bytes = 0

    async def run(self, part: str = "") -> float:
        """Ask for the page, or for a part of it; seconds until all of it was there.

        Raises:
            RuntimeError: the page failed.
        """
        message = BackMsg()
        state = message.rerun_script
        state.page_name, state.fragment_id, state.is_auto_rerun = self._page, part, bool(part)
        state.page_script_hash = self._page_hash if part else ""
        state.context_info.timezone = ZONE
        began = time.perf_counter()
        await self._connection.send(message.SerializeToString())
        async with asyncio.timeout(RUN_SECONDS):
            while not self._take(await self._connection.recv(decode=False), began):
                pass
        return time.perf_counter() - began

    def _take(self, body: bytes, began: float) -> bool:
        """Take a message; whether it is the last one of a run."""
        self.received_bytes += len(body)
        message = ForwardMsg.FromString(body)
        kind = message.WhichOneof("type")
        if kind == "navigation":
            self._page_hash = message.navigation.page_script_hash
        elif kind == "auto_rerun":
            self.parts[message.auto_rerun.fragment_id] = message.auto_rerun.interval
        elif kind == "delta":
            element = message.delta.new_element.WhichOneof("type")
            if element == "exception":
                raise RuntimeError(f"page {self._page}: {message.delta.new_element.exception}")
            if self.first_figure_seconds is None and element in {"metric", "arrow_data_frame"}:
                self.first_figure_seconds = time.perf_counter() - began
        return kind == "script_finished"

    async def stay(self, seconds: float) -> None:
        """Renew each part as often as it says."""
        began = time.monotonic()
        due = {part: began + period for part, period in self.parts.items()}
        while due and (part := min(due, key=due.__getitem__)) and due[part] < began + seconds:
            await asyncio.sleep(max(0.0, due[part] - time.monotonic()))
            await self.run(part)
            due[part] = max(due[part] + self.parts[part], time.monotonic())
            self.refreshes += 1


@asynccontextmanager
async def open_tab(server: Server, page: str) -> AsyncIterator[Tab]:
    """Connect; nothing is asked for yet."""
    address = f"ws://127.0.0.1:{server.port}/_stcore/stream"
    protocol = ["streamlit"]
    async with connect(address, subprotocols=protocol, max_size=None, proxy=None) as connection:
        yield Tab(connection, page)
