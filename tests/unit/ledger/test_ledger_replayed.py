"""What a replay of the ledger says really happened is what the ledger's own accounts say."""

import pytest
from sqlalchemy import select

from services.cli.simulate_ledger import read_history
from shared.domain.replay import Foreseen, Replay, Workload
from shared.errors import NotFound
from shared.ledger.tables import jobs
from shared.messages import JobPaused


@pytest.fixture
def paused(story):
    """A job of an hour in two pieces, which drew more power in the second."""
    return [
        *(story.intensity(300 * point, 100.0 + 10 * (point % 5)) for point in range(60)),
        story.accepted(1, 10, expected_duration_seconds=3600.0, interruptible=True),
        story.released(1, 11),
        story.started(1, 12),
        story.paused(1, 12, 3012, left=600, energy_kwh=8.0),
        story.deferred(1, 3013, until=9000, deferrals=1),
        story.released(1, 9000, deferrals=1),
        story.started(1, 9001, piece=2),
        story.succeeded(1, 9001, 9601, piece=2, energy_kwh=2.0),
    ]


def history_of(ledger, story):
    return read_history(ledger.engine, story.at(20_000), 86_400.0)


def test_a_paused_job_is_replayed_whole(ledger, story, paused):
    ledger.record(*paused)
    ledger.settle()
    history = history_of(ledger, story)
    (row,) = history.rows
    assert row.duration_s == 3600.0
    assert row.power_watts == pytest.approx(10_000.0)
    load = Workload.of(history.rows)
    replay = Replay(history.series, load, Foreseen(history.series))
    told = replay.realised(history.ran, history.power_watts)
    with ledger.engine.connect() as connection:
        emitted_g, baseline_g = connection.execute(
            select(jobs.c.emissions_g, jobs.c.baseline_g)
        ).one()
    assert told.emissions_g == pytest.approx(emitted_g)
    assert told.run_now_g == pytest.approx(baseline_g)
    assert told.mean_wait_seconds == pytest.approx(9601 - 10 - 3600)  # the pause is a wait


def test_a_piece_that_took_no_time_keeps_its_energy(ledger, story):
    ledger.record(
        *(story.intensity(300 * point, 100.0) for point in range(10)),
        story.accepted(1, 10, expected_duration_seconds=600.0, interruptible=True),
        story.paused(1, 20, 20, left=590, energy_kwh=1.0),
        story.succeeded(1, 600, 1190, piece=2, energy_kwh=3.0),
    )
    history = history_of(ledger, story)
    replay = Replay(history.series, Workload.of(history.rows), Foreseen(history.series))
    assert replay.realised(history.ran, history.power_watts).emissions_g == pytest.approx(
        400.0, rel=1e-4
    )


def test_a_job_whose_pieces_ran_in_several_regions_is_left_out(ledger, story, paused):
    told = [
        event.model_copy(update={"region": "ELSEWHERE"}) if isinstance(event, JobPaused) else event
        for event in paused
    ]
    ledger.record(*told)
    with pytest.raises(NotFound, match="1 left out: they ran in several regions"):
        history_of(ledger, story)


def test_a_piece_of_unknown_energy_leaves_its_job_out(ledger, story, paused):
    unknown = {"energy_kwh": None, "energy_method": None}
    told = [
        event.model_copy(update=unknown) if isinstance(event, JobPaused) else event
        for event in paused
    ]
    ledger.record(*told)
    with pytest.raises(NotFound, match="1 left out: their energy is unknown"):
        history_of(ledger, story)
