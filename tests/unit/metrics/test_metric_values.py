"""What the numbers mean."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from uuid import UUID

import pytest
from prometheus_client import CollectorRegistry

from services.ledger.metrics import LedgerMetrics
from services.scheduler.metrics import SchedulerMetrics
from services.worker_pool.metrics import PoolNow, WorkerMetrics
from shared.domain.bands import Band
from shared.domain.decisions import Defer, Expire, RunNow
from shared.domain.energy import Energy
from shared.domain.grid import Signal
from shared.domain.jobs import Job, Priority, State
from shared.domain.reasons import Cause
from shared.domain.savings import EnergyMethod
from shared.domain.timetable import Pools
from shared.ledger.reads.totals import Totals
from shared.messages import QueuedJob
from shared.metrics import MOST_TYPES, OTHER_TYPE, JobMetrics, PublishMetrics, watch_broker

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
MARGINAL = {"signal": "marginal", "simulated": "false"}


def job(**changes):
    usual = {
        "id": UUID(int=7),
        "type": "t",
        "priority": Priority.NORMAL,
        "max_band": Band.LOW,
        "submitted_at": NOW - HOUR,
        "deadline": NOW + HOUR,
        "expected_duration_seconds": 600.0,
        "regions": ("R",),
    }
    return Job(**(usual | changes))


@pytest.fixture
def registry():
    return CollectorRegistry()


@pytest.fixture
def value(registry):
    def read(name, **labels):
        return registry.get_sample_value(name, labels)

    return read


def test_states_are_counted_by_type(registry, value):
    jobs = JobMetrics(registry)
    jobs.entered("t", State.READY)
    jobs.entered("t", State.READY)
    jobs.entered("t", State.DEAD)
    assert value("carbonq_jobs_total", type="t", state="ready") == 2
    assert value("carbonq_jobs_total", type="t", state="dead") == 1


def test_too_many_types_count_as_one(registry, value):
    jobs = JobMetrics(registry)
    for number in range(MOST_TYPES + 5):
        jobs.entered(f"t{number}", State.READY)
    jobs.entered("t0", State.READY)
    assert value("carbonq_jobs_total", type=OTHER_TYPE, state="ready") == 5
    assert value("carbonq_jobs_total", type="t0", state="ready") == 2


def test_a_publish_is_a_confirm_or_a_failure(registry, value):
    metrics = PublishMetrics(registry)
    with metrics.publishing():
        pass
    with pytest.raises(OSError, match="gone"), metrics.publishing():
        raise OSError("gone")
    assert value("carbonq_publish_confirms_total") == 1
    assert value("carbonq_publish_failures_total") == 1


def test_an_alarm_and_a_lost_broker_show_at_the_next_scrape(registry, value):
    now = {"blocked": False, "problems": {}}
    metrics = PublishMetrics(registry)
    metrics.watch(lambda: now["blocked"])
    watch_broker(registry, lambda: now["problems"])
    shown = ("carbonq_publisher_blocked", "carbonq_broker_connected")
    assert [value(name) for name in shown] == [0, 1]
    now |= {"blocked": True, "problems": {"broker": "the connection was lost"}}
    assert [value(name) for name in shown] == [1, 0]


@pytest.mark.parametrize(("kind", "word"), [(RunNow, "run"), (Defer, "defer"), (Expire, "expire")])
def test_decisions_are_counted_by_outcome_and_cause(registry, value, kind, word):
    decision = object.__new__(kind)
    object.__setattr__(decision, "cause", Cause.IN_BAND)
    SchedulerMetrics(registry).decided(decision)
    assert value("carbonq_decisions_total", outcome=word, cause="in_band") == 1


def test_a_deferral_lasts_from_submission_to_the_first_release(registry, value):
    metrics = SchedulerMetrics(registry)
    metrics.released(QueuedJob(job=job(deferrals=1)), NOW, None)
    assert value("carbonq_job_deferral_seconds_sum") == 3600
    metrics.released(QueuedJob(job=job()), NOW, None)  # never deferred
    metrics.released(QueuedJob(job=job(deferrals=1, attempts=1)), NOW, None)  # a retry
    metrics.released(QueuedJob(job=job(deferrals=1), piece=2), NOW, None)  # the rest of one
    assert value("carbonq_job_deferral_seconds_count") == 1


@pytest.mark.parametrize(
    ("pools", "minutes_left", "at_risk"),
    [
        (None, 11, 0),  # starts at once, a minute before its latest start
        (None, 9, 1),
        (Pools((4,), 4, 4 * 59.0), 11, 0),  # four places free in 59 s
        (Pools((4,), 4, 4 * 61.0), 11, 1),
        (Pools((4,), 0, 1000.0), 11, 0),  # a paused region's wait is not known
    ],
)
def test_a_job_is_at_risk_where_its_wait_passes_its_latest_start(
    registry, value, pools, minutes_left, at_risk
):
    late = job(deadline=NOW + timedelta(minutes=minutes_left))
    SchedulerMetrics(registry).released(QueuedJob(job=late), NOW, pools)
    assert value("carbonq_jobs_at_risk_total") == at_risk


def test_a_piece_is_at_risk_by_what_is_left_of_it(registry, value):
    late = job(deadline=NOW + timedelta(minutes=5))
    metrics = SchedulerMetrics(registry)
    metrics.released(QueuedJob(job=late, piece=2, remaining_seconds=60.0), NOW, None)
    assert value("carbonq_jobs_at_risk_total") == 0


def test_only_the_leader_tells_of_queues(registry, value):
    metrics = SchedulerMetrics(registry)
    metrics.leads()
    metrics.saw({"jobs.dead": 3}, {"R": Pools((4,), 2, 60.0), "S": None})
    assert value("carbonq_scheduler_leader") == 1
    assert value("carbonq_queue_messages", queue="jobs.dead") == 3
    assert value("carbonq_pool_consumers", region="R") == 2
    assert value("carbonq_pool_consumers", region="S") is None
    metrics.stands_by()
    assert value("carbonq_scheduler_leader") == 0
    assert value("carbonq_queue_messages", queue="jobs.dead") is None
    assert value("carbonq_pool_backlog_seconds", region="R") is None


def test_what_a_run_used_is_in_joules_and_by_method(registry, value):
    metrics = WorkerMetrics(registry)
    metrics.ended(job(), State.SUCCEEDED, NOW, 60.0, Energy(0.5, EnergyMethod.MEASURED))
    metrics.ended(job(), State.RETRYING, NOW, 60.0, Energy())
    assert value("carbonq_energy_joules_total", type="t", method="measured") == 1_800_000
    assert value("carbonq_job_duration_seconds_sum", type="t") == 120
    assert value("carbonq_jobs_total", type="t", state="succeeded") == 1


@pytest.mark.parametrize(
    ("state", "late", "missed"),
    [(State.SUCCEEDED, True, 1), (State.SUCCEEDED, False, 0), (State.DEAD, True, 0)],
)
def test_a_deadline_is_missed_by_what_succeeds_after_it(registry, value, state, late, missed):
    finished = NOW + (2 * HOUR if late else timedelta())
    WorkerMetrics(registry).ended(job(), state, finished, 60.0, Energy())
    assert value("carbonq_deadlines_missed_total") == missed


def test_pools_are_shown_as_they_are_when_asked(registry, value):
    pools = [PoolNow("R", limit=8, base=4, running=3, held=1)]
    WorkerMetrics(registry).watch(lambda: pools)
    assert value("carbonq_workers", region="R", state="running") == 3
    assert value("carbonq_workers", region="R", state="free") == 5
    pools[0] = PoolNow("R", limit=1, base=4, running=3, held=0)  # a dirty hour has just begun
    assert value("carbonq_workers", region="R", state="free") == 0
    assert value("carbonq_worker_limit", region="R") == 1
    assert value("carbonq_worker_held_jobs", region="R") == 0


def test_the_lag_is_the_age_of_the_oldest_event_at_its_commit(registry, value):
    metrics = LedgerMetrics(registry)
    metrics.wrote(2, 1, 0.25, NOW - timedelta(seconds=30), NOW)
    assert value("carbonq_ledger_lag_seconds") == 30
    assert value("carbonq_ledger_events_total", outcome="recorded") == 2
    assert value("carbonq_ledger_events_total", outcome="set_aside") == 1
    metrics.wrote(1, 0, 0.25, None, NOW)  # it does not say when it happened
    assert value("carbonq_ledger_lag_seconds") == 30
    assert value("carbonq_ledger_batch_duration_seconds_sum") == 0.5
    assert value("carbonq_ledger_last_write_timestamp_seconds") == NOW.timestamp()


def test_an_event_of_the_same_second_is_not_younger_than_now(registry, value):
    LedgerMetrics(registry).wrote(1, 0, 0.1, NOW + timedelta(milliseconds=400), NOW)
    assert value("carbonq_ledger_lag_seconds") == 0


def test_sums_grow_and_never_mix_signals(registry, value):
    metrics = LedgerMetrics(registry)
    metrics.summed([Totals(Signal.MARGINAL, False, 9.0, 4.0, 1.0)])
    metrics.summed([Totals(Signal.AVERAGE, True, 5.0, 0.0, 0.0)])
    assert value("carbonq_emissions_grams_total", **MARGINAL) == 9
    assert value("carbonq_emissions_avoided_grams_total", **MARGINAL) == 4
    assert value("carbonq_emissions_added_grams_total", **MARGINAL) == 1
    assert value("carbonq_emissions_grams_total", signal="average", simulated="true") == 5


@pytest.mark.parametrize(
    ("sums", "counted"),
    [
        ((9.0, 8.0, 10.0), (9, 9, 11)),  # a revision
        ((9.0, 3.0, 3.5, 1.0, 2.0), (9, 9, 9.5, 9.5, 10.5)),  # prunes
        ((9.0, None, 2.0), (9, 9, 11)),  # every job of this kind was pruned
    ],
)
def test_a_sum_that_was_lowered_stops_no_counter(registry, value, sums, counted):
    metrics, seen = LedgerMetrics(registry), []
    for total_g in sums:
        known = [] if total_g is None else [total_g]
        metrics.summed([Totals(Signal.MARGINAL, False, each, each, each) for each in known])
        names = ("emissions", "emissions_avoided", "emissions_added")
        seen += [value(f"carbonq_{name}_grams_total", **MARGINAL) for name in names]
    assert seen == [pytest.approx(each) for each in counted for _ in range(3)]


def test_without_a_registry_the_numbers_go_nowhere():
    SchedulerMetrics().decided(SimpleNamespace(cause=Cause.IN_BAND))
    WorkerMetrics().started(job())
    LedgerMetrics().summed([])
