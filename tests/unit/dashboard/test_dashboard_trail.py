"""The trail of a job: each reason in words, in the viewer's own time."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from dashboard.because import because
from shared.domain.bands import Band
from shared.domain.grid import Freshness
from shared.domain.reasons import Cause
from shared.ledger.reads import DecisionRow

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def decision(**changes: Any) -> DecisionRow:
    row = DecisionRow(
        at=NOW,
        outcome="deferred",
        reason="somebody asked for it",
        intensity_g_per_kwh=400.0,
        band=Band.HIGH,
        planned_at=NOW + timedelta(hours=2),
        expected_g_per_kwh=100.0,
        expected_saving_g=3.0,
        latest_start=NOW + timedelta(hours=5),
        freshness=Freshness.LIVE,
        cause=Cause.CLEANER_LATER,
        region="R",
        lane=None,
        max_band=Band.LOW,
        index_percent=None,
        window_g_per_kwh=400.0,
        forecast_age_seconds=10.0,
        attempts=0,
        deferrals=1,
        piece=1,
    )
    return replace(row, **changes)


@pytest.mark.parametrize("cause", Cause)
def test_every_cause_is_a_sentence(cause: Cause) -> None:
    for planned_at in (None, NOW + timedelta(hours=2)):
        text = because(decision(cause=cause, planned_at=planned_at), UTC)
        assert text[0].isupper()
        assert not text.endswith(".")
        assert "None" not in text
        assert "{" not in text


def test_times_are_the_viewers_own() -> None:
    assert "100 g/kWh, 75 % less, is expected at 15:00" in because(decision(), BERLIN)


def test_what_people_asked_for_is_told_as_it_was_recorded() -> None:
    assert because(decision(cause=Cause.ASKED), UTC) == "Somebody asked for it"


def test_without_grams_the_index_is_told() -> None:
    row = decision(intensity_g_per_kwh=None, index_percent=80.0, expected_g_per_kwh=None)
    assert because(row, UTC).startswith("The grid is at index 80 (high)")
