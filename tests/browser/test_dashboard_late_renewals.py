"""What a browser still asks for the page that it has left does not clear the new page."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect
from streamlit.proto.BackMsg_pb2 import BackMsg

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

LIMIT_MS = 30_000
LOOK_MS = 100


class Renewals:
    """Stands between a browser and its server, and keeps what renews parts of a page."""

    def __init__(self) -> None:
        self.kept: list[bytes] = []
        self._server: WebSocketRoute | None = None

    def connect(self, browser: WebSocketRoute) -> None:
        self._server = browser.connect_to_server()
        browser.on_message(self._pass_on)

    def _pass_on(self, message: str | bytes) -> None:
        assert self._server is not None
        assert isinstance(message, bytes)
        if BackMsg.FromString(message).rerun_script.is_auto_rerun:
            self.kept.append(message)
        self._server.send(message)

    def wait(self, page: Page) -> None:
        """Until a page has renewed something; the browser's events come in while it waits."""
        for _ in range(LIMIT_MS // LOOK_MS):
            if self.kept:
                return
            page.wait_for_timeout(LOOK_MS)
        pytest.fail("nothing renews itself any more")

    def come_late(self) -> None:
        """Send all that was kept again."""
        assert self._server is not None
        late, self.kept = self.kept, []
        assert late
        for message in late:
            self._server.send(message)


def test_a_renewal_of_the_page_before_leaves_the_new_one_as_it_is(
    dashboards: Callable[..., str], watch: Callable[..., Any]
) -> None:
    address, renewals = dashboards(simulated=True), Renewals()
    seen = watch((1440, 1400), "light")
    seen.page.route_web_socket("**/_stcore/stream", renewals.connect)
    seen.open(f"{address}/workers")
    renewals.wait(seen.page)
    kept = list(renewals.kept)
    seen.page.get_by_role("link", name="Plan", exact=True).first.click()
    expect(seen.page.get_by_role("heading", name="Plan", exact=True)).to_be_visible(
        timeout=LIMIT_MS
    )
    renewals.kept = kept
    renewals.come_late()
    renewals.wait(seen.page)  # of the new page, so those that came late were answered before
    expect(seen.page.get_by_role("heading", name="Plan", exact=True)).to_be_visible()
    expect(seen.page.get_by_role("link", name="Jobs", exact=True).first).to_be_visible()
