"""A settled account that changes gets a version, and says what it said before."""

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from shared.domain.grid import Freshness, Signal
from shared.domain.revisions import RevisionCause
from shared.domain.savings import IntensityMethod
from shared.ledger import reads
from shared.ledger.schema import writing
from shared.ledger.tables import readings
from shared.ledger.writes import record

NOW = datetime(2026, 11, 23, 5, 0, tzinfo=UTC)


@pytest.fixture
def done(ledger: Any, story: Any) -> Any:
    """A ledger with a job of 1 kWh, submitted at 400 g/kWh and run at 300 and 200."""
    grid = [story.intensity(300 * n, 400.0 - 100 * n) for n in range(4)]
    ledger.record(*grid, story.accepted(1, 0), story.succeeded(1, 300, 900))
    return ledger


def figures(ledger: Any, story: Any) -> tuple[Any, ...]:
    row = reads.job_status(ledger.engine, story.job_id(1))
    return row.emissions_g, row.baseline_g, row.avoided_g, row.account_version


def revisions(ledger: Any, story: Any) -> tuple[reads.AccountRevision, ...]:
    return reads.job_status(ledger.engine, story.job_id(1)).account_revisions


def test_the_first_account_is_version_one(done: Any, story: Any) -> None:
    assert figures(done, story) == (250.0, 350.0, 100.0, 1)
    assert revisions(done, story) == ()


def test_a_revision_makes_a_second_version_that_keeps_the_first(done: Any, story: Any) -> None:
    with writing(done.engine) as connection:
        record(connection, [story.revised(5000, 300, [360.0, 260.0])], NOW)
    assert figures(done, story) == (310.0, 380.0, 70.0, 2)
    (kept,) = revisions(done, story)
    assert (kept.version, kept.at, kept.cause) == (2, NOW, RevisionCause.REVISED)
    assert (kept.readings, kept.revised_readings, kept.sources) == (3, 2, ("watttime",))
    assert (kept.was.emissions_g, kept.was.baseline_g, kept.was.avoided_g) == (250.0, 350.0, 100.0)
    assert (kept.now.emissions_g, kept.now.baseline_g, kept.now.avoided_g) == (310.0, 380.0, 70.0)
    assert kept.now.signal is Signal.MARGINAL
    assert kept.now.intensity_method is IntensityMethod.OBSERVED


def test_each_version_counts_what_was_revised_since_the_one_before(done: Any, story: Any) -> None:
    done.record(story.revised(5000, 300, [360.0, 260.0]))
    done.record(story.revised(6000, 600, [100.0]))
    first, second = revisions(done, story)
    assert (first.revised_readings, second.revised_readings) == (2, 1)
    assert second.was == first.now
    assert figures(done, story)[3] == 3


@pytest.mark.parametrize("value", [200.0, 200.0 * (1 + 1e-12)])
def test_the_same_figures_are_no_new_version(done: Any, story: Any, value: float) -> None:
    done.record(story.revised(5000, 600, [value]))
    assert figures(done, story)[3] == 1
    assert revisions(done, story) == ()


def test_a_revision_outside_the_job_s_time_changes_nothing(done: Any, story: Any) -> None:
    done.record(story.revised(5000, 900, [900.0, 900.0]), story.revised(5001, -600, [900.0]))
    assert figures(done, story) == (250.0, 350.0, 100.0, 1)


def test_the_same_event_twice_is_one_version(done: Any, story: Any) -> None:
    told = story.revised(5000, 600, [260.0])
    done.record(told)
    done.record(told)
    assert figures(done, story)[3] == 2


def test_a_late_reading_is_a_version_too(ledger: Any, story: Any) -> None:
    ledger.record(story.intensity(0, 400.0), story.accepted(1, 0), story.succeeded(1, 300, 900))
    assert figures(ledger, story) == (400.0, 400.0, 0.0, 1)
    ledger.record(story.intensity(600, 100.0))
    (kept,) = revisions(ledger, story)
    assert (kept.cause, kept.revised_readings, kept.sources) == (RevisionCause.LATE, 0, ())
    assert kept.was.intensity_method is IntensityMethod.CARRIED
    assert figures(ledger, story) == (250.0, 400.0, 150.0, 2)


def test_what_was_unknown_and_becomes_known_is_a_version(ledger: Any, story: Any) -> None:
    ledger.record(story.accepted(1, 0), story.succeeded(1, 300, 900))
    assert figures(ledger, story) == (None, None, None, 1)
    ledger.record(story.revised(5000, 0, [400.0, 300.0, 200.0]))
    assert figures(ledger, story) == (250.0, 350.0, 100.0, 2)
    (kept,) = revisions(ledger, story)
    assert (kept.was.emissions_g, kept.was.signal) == (None, None)
    assert (kept.cause, kept.readings, kept.revised_readings) == (RevisionCause.REVISED, 3, 3)


def test_no_version_before_the_submission_is_known(ledger: Any, story: Any) -> None:
    grid = [story.intensity(300 * n, 400.0 - 100 * n) for n in range(4)]
    ledger.record(*grid, story.succeeded(1, 300, 900))
    ledger.record(story.accepted(1, 0))
    assert figures(ledger, story) == (250.0, 350.0, 100.0, 1)


def test_no_version_while_the_job_goes_on_after_a_replay(ledger: Any, story: Any) -> None:
    grid = [story.intensity(300 * n, 400.0) for n in range(8)]
    ledger.record(*grid, story.accepted(1, 0), story.failed(1, 300, 400), story.died(1, 401, 1))
    ledger.record(story.replayed(1, 500, 1))
    ledger.record(story.revised(5000, 300, [900.0]))
    assert figures(ledger, story) == (None, None, None, 1)
    ledger.record(story.succeeded(1, 600, 900, attempt=2))
    # Its baseline begins at the replay: 100 s at 900 g/kWh, then 200 s at 400.
    baseline_g = pytest.approx(1700 / 3)
    assert figures(ledger, story) == (1300.0, baseline_g, pytest.approx(1700 / 3 - 1300), 1)


def test_a_run_that_is_told_late_is_a_version(done: Any, story: Any) -> None:
    done.record(story.failed(1, 10, 20, energy_kwh=0.5, attempt=2))
    (kept,) = revisions(done, story)
    assert (kept.cause, kept.was.energy_kwh, kept.now.energy_kwh) == (RevisionCause.LATE, 1.0, 1.5)


def test_the_latest_revision_wins_whatever_comes_first(new_ledger: Any, story: Any) -> None:
    told = [
        story.intensity(300, 300.0, told=305),
        story.intensity(300, 310.0, told=9000),
        story.intensity(300, 320.0, freshness=Freshness.FORECAST, told=9500),
        story.revised(5000, 300, [111.0]),
        story.revised(6000, 300, [222.0]),
    ]
    for order in itertools.permutations(told):
        assert values(new_ledger(), order) == [(222.0, story.at(6000))]


def values(ledger: Any, told: Sequence[Any]) -> list[tuple[Any, ...]]:
    for event in told:
        ledger.record(event)
    query = select(readings.c.intensity_g_per_kwh, readings.c.revised_at)
    with ledger.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(query)]


def test_without_a_clock_a_revision_is_dated_by_the_latest_event(done: Any, story: Any) -> None:
    done.record(story.revised(5000, 600, [260.0]))
    assert [kept.at for kept in revisions(done, story)] == [story.at(5000)]


def test_the_dashboard_reads_all_of_a_time_newest_first(done: Any, story: Any) -> None:
    done.record(story.revised(5000, 600, [260.0]))
    done.record(story.revised(6000, 600, [100.0]))
    found = reads.account_revisions(done.engine, story.at(0))
    assert [kept.version for kept in found] == [3, 2]
    assert found[0].job_id == story.job_id(1)
    assert [kept.version for kept in reads.account_revisions(done.engine, story.at(5500))] == [3]


def test_exported_lines_have_every_column_and_plain_values(done: Any, story: Any) -> None:
    done.record(story.revised(5000, 600, [260.0]))
    (line,) = reads.revision_lines(done.engine)
    assert line["type"] == "account.revision"
    assert (line["job_id"], line["version"]) == (str(story.job_id(1)), 2)
    assert line["at"] == story.at(5000).isoformat()
    assert (line["was_avoided_g"], line["now_emissions_g"]) == (100.0, 280.0)
