"""What the ledger makes of events, one case at a time."""

from typing import Any

import pytest
from sqlalchemy import func, select

from shared.domain.grid import Freshness, Signal
from shared.domain.jobs import State
from shared.domain.savings import IntensityMethod
from shared.ledger import reads
from shared.ledger.tables import attempts, events, jobs


def job(ledger: Any, story: Any, number: int = 1) -> reads.JobStatus:
    return reads.job_status(ledger.engine, story.job_id(number))


def count(ledger: Any, table: Any) -> int:
    with ledger.engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(table))


def test_a_whole_life_in_one_row(ledger: Any, story: Any, life: Any) -> None:
    ledger.record(*life)
    row = job(ledger, story)
    assert row.state is State.SUCCEEDED
    assert (row.attempts, row.deferrals) == (2, 1)
    assert row.started_at == story.at(610)
    assert row.finished_at == story.at(1030)
    assert row.planned_at == story.at(600)
    assert row.wait_seconds == 600.0
    assert row.result == {"rows": 3}
    assert row.error is None


def test_the_account_counts_failed_attempts_as_wasted(ledger: Any, story: Any, life: Any) -> None:
    ledger.record(*life)
    row = job(ledger, story)
    # 730..1030 s lies 170 s in the point of 360 g and 130 s in that of 340 g.
    worked = (170 * 360 + 130 * 340) / 300
    assert row.energy_kwh == pytest.approx(1.5)
    assert row.wasted_kwh == pytest.approx(0.5)
    assert row.emissions_g == pytest.approx(worked + 0.5 * 360)
    # 300 s from second 10 on: 290 s at 400 g and 10 s at 380 g.
    assert row.baseline_g == pytest.approx((290 * 400 + 10 * 380) / 300)
    assert row.avoided_g == pytest.approx(row.baseline_g - row.emissions_g)
    assert row.avoided_g < 0  # losses are kept
    assert row.reference_g == pytest.approx(1.5 * 450)
    assert row.promised_g == 120.0
    assert row.signal is Signal.MARGINAL
    assert row.simulated is False
    assert row.intensity_method is IntensityMethod.OBSERVED


def test_a_second_success_of_an_attempt_changes_nothing(ledger: Any, story: Any, life: Any) -> None:
    ledger.record(*life)
    before = job(ledger, story)
    ledger.record(story.succeeded(1, 1100, 1900, attempt=2, energy_kwh=99.0))
    assert job(ledger, story) == before
    assert count(ledger, attempts) == 2


def test_an_event_counts_once(ledger: Any, life: Any) -> None:
    ledger.record(*life, *life)
    ledger.record(*life)
    assert count(ledger, events) == len(life)


def test_a_late_deferral_does_not_undo_a_release(ledger: Any, story: Any) -> None:
    ledger.record(story.released(1, 700, deferrals=2))
    ledger.record(story.deferred(1, 600, until=690, deferrals=2))
    assert job(ledger, story).state is State.READY
    ledger.record(story.deferred(1, 650, until=900, deferrals=3))
    assert job(ledger, story).state is State.DEFERRED


def test_a_final_state_is_not_left(ledger: Any, story: Any, life: Any) -> None:
    ledger.record(*life)
    ledger.record(story.released(1, 9000, attempts=2, deferrals=8), story.started(1, 9001, 3))
    assert job(ledger, story).state is State.SUCCEEDED


def test_a_dead_job_shows_what_it_wasted(ledger: Any, story: Any) -> None:
    ledger.record(
        story.intensity(0, 300.0),
        story.accepted(1, 10),
        story.started(1, 20),
        story.failed(1, 20, 120, energy_kwh=2.0),
        story.died(1, 121, 1),
    )
    row = job(ledger, story)
    assert (row.state, row.error) == (State.DEAD, "no attempt is left")
    assert (row.energy_kwh, row.wasted_kwh) == (2.0, 2.0)
    assert (row.emissions_g, row.baseline_g, row.avoided_g) == (600.0, 0.0, -600.0)


def test_a_replayed_dead_job_lives_again(ledger: Any, story: Any) -> None:
    ledger.record(story.accepted(1, 0), story.failed(1, 5, 9), story.died(1, 10, 1))
    ledger.record(story.released(1, 100, attempts=1))
    row = job(ledger, story)
    assert (row.state, row.energy_kwh, row.finished_at) == (State.READY, None, None)


def test_unknown_stays_unknown(ledger: Any, story: Any) -> None:
    ledger.record(story.accepted(1, 10), story.started(1, 20), story.succeeded(1, 20, 80))
    row = job(ledger, story)
    assert (row.energy_kwh, row.reference_g) == (1.0, 450.0)
    assert (row.emissions_g, row.baseline_g, row.avoided_g) == (None, None, None)
    assert (row.signal, row.simulated, row.intensity_method) == (None, None, None)


def test_unknown_energy_has_no_account(ledger: Any, story: Any) -> None:
    ledger.record(
        story.intensity(0, 300.0),
        story.accepted(1, 10),
        story.succeeded(1, 20, 80, energy_kwh=None),
    )
    row = job(ledger, story)
    assert (row.energy_kwh, row.emissions_g, row.reference_g) == (None, None, None)


def test_a_late_reading_completes_the_account(ledger: Any, story: Any) -> None:
    ledger.record(story.accepted(1, 10), story.succeeded(1, 20, 80))
    ledger.record(story.intensity(0, 250.0))
    row = job(ledger, story)
    assert (row.emissions_g, row.avoided_g) == (250.0, 0.0)


def test_a_carried_account_is_worked_out_again(ledger: Any, story: Any) -> None:
    ledger.record(story.intensity(0, 100.0), story.accepted(1, 10), story.succeeded(1, 300, 600))
    assert job(ledger, story).intensity_method is IntensityMethod.CARRIED
    ledger.record(story.intensity(300, 200.0))
    row = job(ledger, story)
    assert row.intensity_method is IntensityMethod.OBSERVED
    assert row.emissions_g == pytest.approx(200.0)


def test_a_new_reading_leaves_old_accounts_alone(ledger: Any, story: Any, life: Any) -> None:
    ledger.record(*life)
    with ledger.engine.connect() as connection, connection.begin():
        connection.execute(jobs.update().values(emissions_g=-1.0))
    ledger.record(story.intensity(86_400, 100.0))
    assert job(ledger, story).emissions_g == -1.0


def test_an_expected_point_is_no_observed_one(ledger: Any, story: Any) -> None:
    ledger.record(
        story.intensity(0, 100.0, freshness=Freshness.FORECAST, reason="no answer"),
        story.accepted(1, 10),
        story.succeeded(1, 20, 80),
    )
    assert job(ledger, story).intensity_method is IntensityMethod.FORECAST
    ledger.record(story.intensity(0, 130.0))
    late = story.intensity(0, 90.0, freshness=Freshness.FORECAST, told=500)
    ledger.record(late)
    row = job(ledger, story)
    assert (row.intensity_method, row.emissions_g) == (IntensityMethod.OBSERVED, 130.0)


def test_marginal_and_average_are_never_mixed(ledger: Any, story: Any) -> None:
    """The first half is known as marginal, the whole as average: the whole is taken."""
    ledger.record(
        story.intensity(0, 1000.0, period_seconds=30.0),
        story.intensity(0, 50.0, signal=Signal.AVERAGE, source="ukci", period_seconds=3600.0),
        story.accepted(1, 0),
        story.succeeded(1, 0, 600),
    )
    row = job(ledger, story)
    assert (row.signal, row.emissions_g) == (Signal.AVERAGE, 50.0)


def test_a_simulated_point_marks_the_account(ledger: Any, story: Any) -> None:
    ledger.record(
        story.intensity(0, 100.0),
        story.intensity(300, 100.0, simulated=True, source="emulator"),
        story.accepted(1, 10),
        story.succeeded(1, 200, 400),
        story.accepted(2, 10),
        story.succeeded(2, 200, 300),
    )
    assert job(ledger, story, 1).simulated is True
    assert job(ledger, story, 2).simulated is False


def test_failures_in_another_region_count_with_its_own_grid(ledger: Any, story: Any) -> None:
    failed = story.failed(1, 10, 20, energy_kwh=1.0).model_copy(update={"region": "FR"})
    ledger.record(
        story.intensity(0, 300.0),
        story.intensity(0, 40.0, region="FR"),
        story.accepted(1, 0),
        failed,
        story.succeeded(1, 30, 60, attempt=2),
    )
    row = job(ledger, story)
    assert row.emissions_g == pytest.approx(340.0)
    assert row.baseline_g == pytest.approx(300.0)


def test_more_accounts_than_a_batch_settles_are_not_forgotten(
    ledger: Any, story: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(1, 31):
        ledger.record(story.accepted(number, 10), story.succeeded(number, 20, 80))
    monkeypatch.setattr("shared.ledger.writes.MOST_AT_ONCE", 10)
    ledger.record(story.intensity(0, 100.0))
    ledger.settle()
    known = [job(ledger, story, number).emissions_g for number in range(1, 31)]
    assert known == [100.0] * 30


def test_a_result_of_any_json_survives(ledger: Any, story: Any) -> None:
    for number, result in enumerate([None, 0, False, "", [], {"a": [1, None]}], start=1):
        ledger.record(story.succeeded(number, 20, 80, result=result))
        assert job(ledger, story, number).result == result
