"""Ledgers to look at, and the page over one of them."""

import runpy
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest
from streamlit.util import calc_hash

from dashboard.data.source import forget

APP = Path(__file__).parents[3] / "dashboard" / "app.py"
BUSY = runpy.run_path(str(Path(__file__).parent / "busy_ledger.py"))
FULL: Any = runpy.run_path(str(Path(__file__).parent / "full_ledger.py"))


@pytest.fixture(autouse=True)
def main_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put back the main module, in whose place Streamlit puts each page that it runs.

    A process that a later test starts would load the page as its own main module.
    """
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


@pytest.fixture
def ledger_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A ledger's address, which the page is told; whatever was opened is closed again."""
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    monkeypatch.setenv("LEDGER_URL", url)
    yield url
    st.cache_resource.clear()


@pytest.fixture
def fill(ledger_url: str) -> Callable[..., str]:
    """Fill the ledger with a scene, described as `busy_ledger.Scene` does."""

    def filled(**scene: Any) -> str:
        BUSY["fill"](ledger_url, BUSY["Scene"](**scene))
        return ledger_url

    return filled


@pytest.fixture
def fill_week(ledger_url: str) -> Callable[..., str]:
    """Fill the ledger with the week in which everything happened."""

    def filled(rule: str = "band", **changes: Any) -> str:
        FULL["fill"](ledger_url, replace(FULL["WEEK"], **changes), rule=rule)
        return ledger_url

    return filled


@pytest.fixture
def open_page(ledger_url: str) -> Callable[..., AppTest]:
    """Open a page anew by its path, the first one without, with nothing cached from before."""

    def opened(path: str = "", **query: str) -> AppTest:
        forget()
        app = AppTest.from_file(str(APP), default_timeout=60)
        if path:
            # By itself it opens pages only that are files.
            app._page_hash = calc_hash(path)
        for name, value in query.items():
            app.query_params[name] = value
        return app.run()

    return opened
