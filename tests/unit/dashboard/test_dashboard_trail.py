"""The trail of a job: each reason in words, in the viewer's own time."""

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from dashboard.because import because
from dashboard.trail import Trail, steps
from shared.domain.bands import Band
from shared.domain.grid import Freshness
from shared.domain.jobs import State
from shared.domain.reasons import Cause
from shared.domain.revisions import RevisionCause
from shared.ledger.reads import AccountRevision, DecisionRow, recent_jobs
from shared.ledger.reads.revisions import AccountFigures
from shared.ledger.schema import open_engine

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


def test_a_revised_account_is_the_last_step_with_what_it_said_before(
    fill: Callable[..., str],
) -> None:
    engine = open_engine(fill(jobs=8))
    (job,) = recent_jobs(engine, states=[State.SUCCEEDED], limit=1)
    engine.dispose()
    now = AccountFigures(*(getattr(job, field.name) for field in fields(AccountFigures)))
    was = replace(now, avoided_g=120.0)
    at = NOW + timedelta(days=1)
    cause = RevisionCause.REVISED
    revision = AccountRevision(
        job.id, 2, at, cause, 5, 3, ("watttime",), was, replace(now, avoided_g=96.0)
    )
    revised = replace(job, account_version=2, account_revisions=(revision,))
    before, last = steps(Trail(job, [], [], []), UTC), steps(Trail(revised, [], [], []), UTC)[-1]
    assert "Account revised" not in [step.title for step in before]
    assert (last.at, last.title, last.tone) == (at, "Account revised", "asked")
    assert last.text.startswith("Version 2: avoided +120.0 g -> +96.0 g: WattTime revised 3 of 5")
