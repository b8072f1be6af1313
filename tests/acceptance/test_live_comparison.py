"""How a day through the real services is compared with its replay, on records made up here."""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.domain.bands import Band
from shared.domain.decisions import Rules
from shared.domain.grid import Forecast, Freshness, Reading, Signal, utc
from shared.domain.jobs import Job, Priority
from shared.domain.replay import JobRow, Workload
from shared.domain.replay.adaptive import adaptive
from shared.domain.replay.planning import Situation
from shared.domain.replay.schedule import Schedule, account
from shared.domain.savings import EnergyMethod
from shared.domain.windows import Series
from shared.handlers import load_handlers
from shared.ledger.schema import migrate, open_engine, writing
from shared.ledger.writes import record
from shared.messages import IntensityUpdated, JobAccepted, JobStarted, JobSucceeded

START_S, POINT_S = 1_760_000_000.0, 5.0
VALUES = [400.0] * 6 + [100.0] * 10 + [300.0] * 24


@pytest.fixture
def bench(benchmark_script):
    return benchmark_script("live_against_replay")


@pytest.fixture
def days(benchmark_script):
    return benchmark_script("day_of_jobs")


@pytest.fixture
def ledger(tmp_path):
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    migrate(url)
    engine = open_engine(url)
    yield engine
    engine.dispose()


def broadcasts(bench):
    """A grid that gets clean after half a minute, foreseen as it comes."""
    forecasts = tuple(np.array(VALUES[point:]) for point in range(len(VALUES)))
    series = Series(START_S, POINT_S, VALUES)
    ranks = np.array([0 if value < 200 else 3 for value in VALUES])
    return bench.Broadcasts(series, ranks, forecasts, carried=0)


def load(*, slack_s=120.0):
    """Jobs of 20 s, submitted in the dirty half minute."""
    asked = [START_S + 3.0 * n for n in range(8)]
    return Workload.of([JobRow(at, 20.0, at + slack_s, 500.0, max_band=Band.LOW) for at in asked])


def lived(bench, started_s, jobs):
    """The record of jobs that really started then, with the ledger's accounts."""
    done = account(Series(START_S, POINT_S, VALUES), jobs, Schedule.whole(jobs, started_s))
    return bench.LiveJobs(
        workload=jobs,
        started_s=started_s,
        finished_s=started_s + jobs.duration_s,
        baseline_g=done.run_now_g,
        avoided_g=done.run_now_g - done.emissions_g,
        pools_full=0,
    )


def as_replayed(bench, jobs):
    told = broadcasts(bench)
    early = replace(jobs, deadline_s=jobs.deadline_s - bench.MARGIN_S)
    situation = Situation(START_S, POINT_S, early, told)
    return adaptive(situation, told.ranks, Rules()).start_s


def compared(bench, started_s, *, submitted=8, jobs=None):
    live = lived(bench, started_s, jobs or load())
    return bench.compared(broadcasts(bench), live, submitted, 0.05)


def test_a_day_that_went_as_the_replay_has_it_does_not_differ(bench):
    starts_s = as_replayed(bench, load())
    assert (starts_s == START_S + 30).all(), "all of them wait for the clean minute"
    done = compared(bench, starts_s)
    assert done.failures() == []
    assert done.difference == pytest.approx(0)
    dirty_s = sum(min(20, 30 - 3 * n) for n in range(8))  # of the runs at submission
    assert done.live_avoided_g == pytest.approx(500 * dirty_s / 3.6e6 * 300)
    assert not done.elsewhere.any()


def test_starts_some_tenths_of_a_second_late_pass_and_other_starts_do_not(bench):
    starts_s = as_replayed(bench, load())
    assert compared(bench, starts_s + 0.4).failures() == []
    at_once = np.where(np.arange(8) < 2, load().submitted_s, starts_s)
    done = compared(bench, at_once)
    assert done.failures() == ["the savings differ by more than 5%"]
    assert done.difference < -0.05
    assert done.elsewhere.sum() == 2


def test_more_saved_than_predicted_is_a_difference_too(bench):
    done = compared(bench, as_replayed(bench, load()))
    more = replace(done, live=replace(done.live, avoided_g=done.live.avoided_g * 1.06))
    assert more.failures() == ["the savings differ by more than 5%"]


def test_where_nothing_was_to_be_saved_any_saving_differs(bench):
    done = compared(bench, as_replayed(bench, load()))
    nothing = replace(done.predicted, emissions_g=done.predicted.run_now_g)
    assert replace(done, predicted=nothing).difference == np.inf
    none_live = replace(done.live, avoided_g=np.zeros(8))
    assert replace(done, predicted=nothing, live=none_live).failures() == []
    loss = replace(done.predicted, emissions_g=done.predicted.run_now_g + 1)
    assert replace(done, predicted=loss).difference > 0.05, "more is more where it was a loss too"


def test_a_missed_deadline_and_a_lost_job_are_failures(bench):
    jobs = load(slack_s=60.0)
    done = compared(bench, as_replayed(bench, jobs) + 40.0, submitted=9, jobs=jobs)
    assert "1 jobs were lost" in done.failures()
    assert any("deadlines were missed" in failure for failure in done.failures())


def test_the_report_and_the_table_show_both_sides(bench, tmp_path):
    done = compared(bench, as_replayed(bench, load()) + 0.4)
    text = "\n".join(bench.report(done))
    assert "SIMULATED" in text
    assert "8 submitted, 0 lost; deadlines missed: 0 live, 0 in the replay" in text
    bench.write_jobs(tmp_path / "jobs.csv", done)
    header, *rows = (tmp_path / "jobs.csv").read_text().splitlines()
    assert header.split(",") == list(bench.COLUMNS)
    assert len(rows) == 8


def updated(point, *, told_at_s=None, forecast=True, value=None, freshness=Freshness.LIVE):
    at = utc(START_S + POINT_S * point)
    value = 100.0 + point if value is None else value
    ahead = Forecast(at, at, POINT_S, (value, 50.0, 40.0)) if forecast else None
    return IntensityUpdated(
        id=uuid4(),
        at=at + timedelta(seconds=0.2 if told_at_s is None else told_at_s),
        reading=Reading("R", at, POINT_S, Signal.MARGINAL, "watttime", True, value),
        band=Band.LOW if point % 2 else Band.HIGH,
        freshness=freshness,
        forecast=ahead,
    )


def recorded(engine, *told):
    with writing(engine) as connection:
        record(connection, told)


def test_broadcasts_are_read_as_they_were_first_told_point_by_point(bench, ledger):
    recorded(
        ledger,
        updated(-3, forecast=False),  # from the archive
        updated(0),
        updated(1),
        updated(1, told_at_s=3.0, value=999.0),  # the same point again
        updated(2, freshness=Freshness.FORECAST),  # nothing was observed
        updated(3),
    )
    told = bench.read_broadcasts(ledger)
    assert (told.series.start_s, told.series.period_s) == (START_S, POINT_S)
    assert told.series.values.tolist() == [100.0, 101.0, 101.0, 103.0]
    assert told.ranks.tolist() == [Band.HIGH.rank, Band.LOW.rank, Band.LOW.rank, Band.LOW.rank]
    assert told.carried == 1
    assert told.at(1, 3).tolist() == [101.0, 50.0, 40.0]
    assert told.at(2, 3).tolist() == [50.0, 40.0, 40.0], "what the update before said of it"
    assert told.at(99, 2).tolist() == [103.0, 50.0]


def test_a_ledger_without_a_live_forecast_cannot_be_replayed(bench, ledger):
    recorded(ledger, updated(0, forecast=False))
    with pytest.raises(ValueError, match="no live update"):
        bench.read_broadcasts(ledger)
    with pytest.raises(ValueError, match="no job succeeded"):
        bench.read_jobs(ledger)


def test_jobs_are_read_with_what_they_declared_and_the_ledgers_account(bench, ledger):
    ran_s = 12.5  # the handler took longer than the job had declared
    asked = Job(
        id=UUID(int=1),
        type="sleeping",
        priority=Priority.HIGH,
        max_band=Band.VERY_LOW,
        submitted_at=utc(START_S + 1),
        deadline=utc(START_S + 60),
        expected_duration_seconds=10.0,
        regions=("R",),
        power_watts=720.0,
    )
    run = {"job_id": asked.id, "attempt": 1, "pool": "p", "region": "R"}
    began, ended = utc(START_S + 20), utc(START_S + 20 + ran_s)
    recorded(
        ledger,
        *(updated(point, value=400.0 if point < 4 else 100.0) for point in range(8)),
        JobAccepted(id=uuid4(), at=asked.submitted_at, job_id=asked.id, job=asked),
        JobStarted(id=uuid4(), at=began, started_at=began, **run),
        JobSucceeded(
            id=uuid4(),
            at=ended,
            started_at=began,
            finished_at=ended,
            energy_kwh=720.0 * ran_s / 3.6e6,
            energy_method=EnergyMethod.DECLARED,
            **run,
        ),
    )
    live = bench.read_jobs(ledger)
    assert live.workload.power_watts == pytest.approx([720.0])
    assert live.workload.duration_s == pytest.approx([10.0])
    assert live.workload.priority == (Priority.HIGH,)
    assert live.workload.max_band == (Band.VERY_LOW,)
    assert (live.started_s, live.finished_s) == (START_S + 20, START_S + 32.5)
    assert live.baseline_g == pytest.approx([0.0025 * 400], rel=0.01)
    assert live.avoided_g == pytest.approx([0.0025 * 300], rel=0.01)
    assert live.pools_full == 0


@given(
    hours=st.floats(2.5, 48), jobs=st.integers(1, 40), seed=st.integers(0, 99), speed=st.just(60.0)
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
def test_every_job_of_a_day_can_be_done_within_it(days, hours, jobs, seed, speed):
    day = days.day_of_jobs(hours, jobs, seed, speed)
    assert len(day) == jobs
    assert day == days.day_of_jobs(hours, jobs, seed, speed)
    assert [job.submitted_s for job in day] == sorted(job.submitted_s for job in day)
    for job in day:
        assert 5.0 <= job.duration_s <= 90.0, "5 to 90 minutes, sixty times faster"
        assert job.submitted_s >= 0
        assert 119.0 <= job.deadline_s - job.submitted_s <= 960.0
        assert job.deadline_s <= hours * 60.0 + 1e-9


def test_a_day_shorter_than_a_deadline_is_refused(days, bench, capsys):
    with pytest.raises(ValueError, match=r"hours: must be more than 2 \(given 2\)"):
        days.day_of_jobs(2.0, 5, 1, 60.0)
    assert bench.main(["--hours", "2"]) == 1
    assert capsys.readouterr().err == "error: hours: must be more than 2 (given 2)\n"


def test_the_made_up_jobs_have_a_handler_and_a_valid_message(days):
    (job,) = days.day_of_jobs(24.0, 1, 1, 60.0)
    message = job.submission(utc(START_S))
    (found,) = load_handlers("sleeping_jobs").values()
    assert found.is_async
    assert found.type == message.type
    assert message.payload == {"seconds": message.expected_duration_seconds}
    assert message.interruptible is False
