"""Signing in by OpenID Connect, as `docs/dashboard.md` has it, with a provider of our own."""

import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

OIDC = runpy.run_path(str(Path(__file__).with_name("oidc_provider.py")))
ASKS = "Sign in to see this dashboard"
LIMIT_MS = 30_000
FIRST_WAIT_MS = 90_000


@pytest.fixture(scope="module")
def provider() -> Iterator[Any]:
    with OIDC["providing"]() as running:
        yield running


@pytest.fixture(scope="module")
def guarded(dashboards: Callable[..., str], provider: Any) -> str:
    def secrets(port: int) -> str:
        return f"""
[auth]
redirect_uri = "http://127.0.0.1:{port}/oauth2callback"
cookie_secret = "a long random text that nobody knows"
client_id = "{OIDC["CLIENT_ID"]}"
client_secret = "another secret"
server_metadata_url = "{provider.issuer}/.well-known/openid-configuration"
"""

    return dashboards(secrets=secrets)


@pytest.mark.parametrize("path", ["", "jobs", "savings", "system", "submit"])
def test_nothing_is_shown_before_signing_in(
    guarded: str, watch: Callable[..., Any], path: str
) -> None:
    seen = watch()
    seen.open(f"{guarded}/{path}", says=ASKS)
    page = seen.page
    expect(page.get_by_role("button", name="Sign in")).to_be_enabled()
    assert page.get_by_text("Grid now").count() == 0
    assert page.get_by_test_id("stMetric").count() == 0


def test_the_providers_page_brings_back_who_signed_in_and_out_again(
    guarded: str, provider: Any, watch: Callable[..., Any]
) -> None:
    seen = watch()
    seen.open(guarded, says=ASKS)
    page = seen.page
    page.get_by_role("button", name="Sign in").click(timeout=FIRST_WAIT_MS)
    page.get_by_text("Grid now").first.wait_for(timeout=FIRST_WAIT_MS)
    assert {"/authorize", "/token", "/keys"} <= set(provider.asked)
    signed_in = page.get_by_role("button", name=OIDC["EMAIL"])
    expect(signed_in).to_be_visible(timeout=LIMIT_MS)
    signed_in.click()
    page.get_by_text(ASKS).wait_for(timeout=FIRST_WAIT_MS)
    assert page.get_by_text("Grid now").count() == 0
