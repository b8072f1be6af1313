"""What the dashboard's server tells beside its pages."""

from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from dashboard.numbers import PageMetrics
from dashboard.server import problems
from shared.ledger.schema import migrate


@pytest.fixture
def ledger_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    monkeypatch.setenv("LEDGER_URL", url)
    return url


def test_it_is_ready_with_a_ledger(ledger_url: str) -> None:
    migrate(ledger_url)
    assert problems() == {}


@pytest.mark.usefixtures("ledger_url")
def test_it_is_not_ready_without_one() -> None:
    assert "there is no ledger at" in problems()["ledger"]


def test_a_page_that_breaks_is_timed_too() -> None:
    registry = CollectorRegistry()
    with pytest.raises(ValueError, match="broken"), PageMetrics(registry).drawing("Live"):
        raise ValueError("broken")
    count = "carbonq_dashboard_page_duration_seconds_count"
    assert registry.get_sample_value(count, {"page": "Live"}) == 1
