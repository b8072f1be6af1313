"""Who may look: on this machine alone by default, and signed in where that is configured."""

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

CONFIG = Path(__file__).parents[3] / "dashboard" / ".streamlit" / "config.toml"
OpenPage = Callable[..., AppTest]
PAGES = ("", "jobs", "job", "savings", "plan", "workers", "system", "submit")


def labels(page: AppTest) -> list[str]:
    return [each.label for each in page.button]


def test_it_listens_on_loopback_and_tells_nobody_anything() -> None:
    config = tomllib.loads(CONFIG.read_text())
    assert config["server"]["address"] == "127.0.0.1"
    assert config["browser"] == {"gatherUsageStats": False, "serverAddress": "127.0.0.1"}
    assert config["client"]["showErrorDetails"] == "none"


@pytest.mark.parametrize("path", PAGES)
def test_who_has_to_sign_in_sees_nothing_before(
    fill: Callable[..., str], open_page: OpenPage, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    fill(jobs=8)
    monkeypatch.setattr(st, "user", {"is_logged_in": False})
    page = open_page(path)
    assert not page.exception
    assert labels(page) == ["Sign in"]
    assert not page.metric
    assert not page.dataframe
    assert not page.get("vega_lite_chart")


def test_who_is_signed_in_sees_the_page_and_the_way_out(
    fill: Callable[..., str], open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(jobs=8)
    asked: list[str] = []
    user: dict[str, Any] = {"is_logged_in": True, "email": "ana@example.org"}
    monkeypatch.setattr(st, "user", user)
    monkeypatch.setattr(st, "logout", lambda: asked.append("out"))
    page = open_page()
    assert not page.exception
    assert page.metric
    assert [label.replace("\\", "") for label in labels(page)] == ["ana@example.org"]
    page.button[0].click().run()
    assert asked == ["out"]
