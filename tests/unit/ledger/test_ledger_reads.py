"""What the command line and the dashboard are told."""

from dataclasses import fields
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from shared.domain.bands import Band
from shared.domain.grid import Freshness, Signal
from shared.domain.jobs import State
from shared.errors import LedgerUnreachable, NotFound
from shared.ledger import reads
from shared.ledger.spelled import drop_views
from shared.ledger.tables import metadata


def test_an_empty_ledger_has_zero_sums_and_an_unknown_grid(ledger: Any, story: Any) -> None:
    found = reads.statistics(ledger.engine, story.at(0))
    assert (found.band, found.freshness) == (Band.UNKNOWN, Freshness.UNKNOWN)
    assert (found.region, found.intensity_g_per_kwh, found.age_seconds) == (None, None, None)
    assert (found.emissions_g, found.avoided_g, found.energy_kwh) == (0.0, 0.0, 0.0)
    assert found.capacity == reads.Capacity(0, 0, 0, None, 0)


def test_the_statistics_have_the_fields_that_scripts_depend_on() -> None:
    promised = {
        "region", "intensity_g_per_kwh", "band", "signal", "source", "simulated", "freshness",
        "age_seconds", "jobs", "capacity", "emissions_g", "baseline_g", "reference_g",
        "avoided_g", "energy_kwh",
    }  # fmt: skip
    assert promised <= {field.name for field in fields(reads.Statistics)}
    states = {
        "submitted", "deferred", "ready", "running", "succeeded", "dead", "cancelled", "expired",
        "rejected",
    }  # fmt: skip
    assert states <= {field.name for field in fields(reads.JobCounts)}
    job = {"progress", "pieces", "cancelled_by", "result", "error", "planned_at", "deadline"}
    assert job <= {field.name for field in fields(reads.JobStatus)}


def test_the_statistics_of_a_life(ledger: Any, story: Any, life: Any) -> None:
    ledger.record(*life, story.accepted(2, 0), story.deferred(3, 5, 600), story.released(4, 6))
    ledger.record(story.resized(8, 6), story.resized(7, 2), story.beat(2900, running=3))
    ledger.record(story.rejected(1), story.beat(100, instance="host-9"))
    found = reads.statistics(ledger.engine, story.at(2910))
    counts = found.jobs
    assert (counts.succeeded, counts.submitted, counts.deferred, counts.ready) == (1, 1, 1, 1)
    assert (counts.rejected, found.pending, found.processed) == (1, 3, 1)
    assert found.capacity == reads.Capacity(6, 12, 4, 1.5, 1)
    assert (found.active_workers, found.worker_running) == (1, 3)
    job = reads.job_status(ledger.engine, story.job_id(1))
    assert found.emissions_g == pytest.approx(job.emissions_g)
    assert found.avoided_g == pytest.approx(job.avoided_g)
    assert (found.intensity_g_per_kwh, found.freshness) == (220.0, Freshness.LIVE)
    assert found.age_seconds == 210.0
    assert found.next_update_at == story.at(3000)
    by_region = reads.statistics(ledger.engine, story.at(2910), story.region)
    assert by_region.jobs.deferred == 1
    assert reads.statistics(ledger.engine, story.at(0), "FR").jobs.succeeded == 0


def test_sums_of_unknown_jobs_are_unknown(ledger: Any, story: Any) -> None:
    ledger.record(story.accepted(1, 0), story.succeeded(1, 5, 9))
    found = reads.statistics(ledger.engine, story.at(10))
    assert (found.emissions_g, found.avoided_g, found.unknown_jobs) == (None, None, 1)


def test_sums_never_mix_kinds(ledger: Any, story: Any) -> None:
    average = {"signal": Signal.AVERAGE, "source": "ukci", "region": "GB"}
    in_britain = story.succeeded(2, 20, 80).model_copy(update={"region": "GB"})
    ledger.record(
        story.intensity(0, 100.0, simulated=True, source="emulator"),
        story.accepted(1, 10),
        story.succeeded(1, 20, 80),
        story.intensity(0, 900.0, **average),
        story.accepted(2, 10),
        in_britain,
    )
    simulated = reads.statistics(ledger.engine, story.at(90), story.region)
    assert (simulated.emissions_g, simulated.simulated) == (100.0, True)
    ledger.record(story.intensity(300, 800.0, **average))
    found = reads.statistics(ledger.engine, story.at(310))
    assert (found.region, found.signal, found.emissions_g) == ("GB", Signal.AVERAGE, 900.0)
    assert (found.other_kind_jobs, found.unknown_jobs) == (1, 0)


def test_a_silent_source_falls_back_to_its_forecast(ledger: Any, story: Any) -> None:
    forecast = story.forecast(0, *[100.0] * 4, 300.0)
    ledger.record(story.intensity(0, 500.0, forecast=forecast))
    rungs = [
        (900, Freshness.LIVE, Band.MEDIUM, 500.0),
        (901, Freshness.FORECAST, Band.VERY_LOW, 100.0),
        (1200, Freshness.FORECAST, Band.MEDIUM, 300.0),
        (1500, Freshness.UNKNOWN, Band.UNKNOWN, None),
    ]
    for seconds, freshness, band, intensity in rungs:
        grid = reads.latest_grid(ledger.engine, story.region, story.at(seconds))
        assert grid is not None
        assert (grid.freshness, grid.band, grid.intensity_g_per_kwh) == (freshness, band, intensity)
    assert grid.reason == "the last update is 1200 s overdue"
    assert grid.forecast == forecast


def test_an_unknown_grid_says_why(ledger: Any, story: Any) -> None:
    told = story.intensity(
        0,
        None,
        freshness=Freshness.UNKNOWN,
        band=Band.UNKNOWN,
        reason="the login is refused",
        warnings=("set WATTTIME_USERNAME",),
    )
    ledger.record(told)
    found = reads.statistics(ledger.engine, story.at(9999))
    assert (found.reason, found.warnings) == ("the login is refused", ("set WATTTIME_USERNAME",))
    assert found.freshness is Freshness.UNKNOWN


def test_a_job_is_found_by_the_beginning_of_its_id(ledger: Any, story: Any, life: Any) -> None:
    ledger.record(*life)
    whole = str(story.job_id(1))
    for given in (whole, whole.upper(), whole[:6], whole[:12], whole.replace("-", "")):
        assert reads.job_status(ledger.engine, given).id == story.job_id(1)


@pytest.mark.parametrize("given", ["", "abc", "12345", "nothex", "0" * 32, "0" * 33, "ffffff"])
def test_an_unknown_id_is_not_found(ledger: Any, life: Any, given: str) -> None:
    ledger.record(*life)
    with pytest.raises(NotFound):
        reads.job_status(ledger.engine, given)


def test_a_shared_beginning_is_refused(ledger: Any, story: Any) -> None:
    first, second = (
        story.accepted(number, 0).model_copy(
            update={"job_id": story.job_id(1).__class__(f"abcdef0{number}" + "0" * 24)}
        )
        for number in (1, 2)
    )
    ledger.record(first, second)
    with pytest.raises(NotFound, match="more than one"):
        reads.job_status(ledger.engine, "abcdef")
    assert reads.job_status(ledger.engine, "abcdef01").id == first.job_id


def test_decisions_come_in_the_order_in_which_they_were_made(
    ledger: Any, story: Any, life: Any
) -> None:
    ledger.record(*reversed(life))
    found = reads.decisions(ledger.engine, story.job_id(1))
    assert [row.outcome for row in found] == ["deferred", "released", "released"]
    assert (found[0].planned_at, found[0].expected_g_per_kwh) == (story.at(600), 200.0)
    assert (found[0].band, found[0].max_band, found[0].freshness) == (
        Band.HIGH,
        Band.LOW,
        Freshness.LIVE,
    )


def test_recent_jobs_are_newest_first(ledger: Any, story: Any, life: Any) -> None:
    ledger.record(*life, story.accepted(2, 20), story.accepted(3, 5))
    found = reads.recent_jobs(ledger.engine)
    assert [row.id for row in found] == [story.job_id(n) for n in (2, 1, 3)]
    waiting = reads.recent_jobs(ledger.engine, states=[State.SUBMITTED], limit=1)
    assert [row.id for row in waiting] == [story.job_id(2)]


def test_planned_slots_tell_what_waits_for_them(ledger: Any, story: Any, life: Any) -> None:
    ledger.record(*life)  # its job no longer waits
    for number, until, expected in [(2, 900, 100.0), (3, 900, 200.0), (4, 1200, None)]:
        ledger.record(story.accepted(number, 1))
        ledger.record(story.deferred(number, 2, until, deferrals=1, expected=expected))
    assert reads.planned(ledger.engine, story.region, story.at(0)) == [
        reads.PlannedSlot(story.at(900), 2, 2.0, 150.0),
        reads.PlannedSlot(story.at(1200), 1, 1.0, None),
    ]
    assert len(reads.planned(ledger.engine, story.region, story.at(1000))) == 1


def test_savings_run_up(ledger: Any, story: Any) -> None:
    ledger.record(story.intensity(0, 100.0), story.intensity(300, 50.0))
    for number, begun in [(1, 310), (2, 20), (3, 400)]:
        ledger.record(story.accepted(number, 0), story.succeeded(number, begun, begun + 60))
    found = reads.savings_over_time(ledger.engine, story.at(0), signal=Signal.MARGINAL)
    assert [point.finished_at for point in found] == [story.at(s) for s in (80, 370, 460)]
    assert [point.avoided_g for point in found] == [0.0, 50.0, 100.0]
    assert found[-1].baseline_g == 300.0
    assert reads.savings_over_time(ledger.engine, story.at(0), simulated=True) == []


def test_histories_start_where_they_are_asked_to(ledger: Any, story: Any, life: Any) -> None:
    ledger.record(*life, story.resized(50, 2), story.resized(60, 3))
    since = story.at(600)
    found = reads.readings_since(ledger.engine, story.region, since)
    assert [row.at for row in found] == [story.at(300 * n) for n in range(2, 10)]
    sizes = reads.pool_sizes_since(ledger.engine, story.region, story.at(55))
    assert [size.consumers for size in sizes] == [3]
    assert reads.regions(ledger.engine) == [story.region]
    latest = reads.recent_events(ledger.engine, 2)
    assert [row.type for row in latest] == ["pool.resized.v1"] * 2, "as recorded"


def test_a_silent_process_is_not_alive(ledger: Any, story: Any) -> None:
    ledger.record(story.intensity(0, 1.0), story.resized(5, 6))
    ledger.record(story.beat(20, load=0.5), story.beat(10), story.beat(1, instance="host-2"))
    found = reads.services(ledger.engine, story.at(50))
    assert [(row.instance, row.alive) for row in found] == [("host-1", True), ("host-2", False)]
    assert found[0].facts == {"load": 0.5}
    assert len(reads.pools(ledger.engine, story.at(50))) == 1
    assert reads.pools(ledger.engine, story.at(51)) == []
    assert reads.services(ledger.engine, story.at(50) + timedelta(days=2)) == []


def test_the_latest_timetable_of_a_region_replaces_the_one_before(ledger: Any, story: Any) -> None:
    assert reads.latest_timetables(ledger.engine) == []
    ledger.record(story.timetable(60, 0, 3), story.timetable(30, 9), story.timetable(10, 1))
    (plan,) = reads.latest_timetables(ledger.engine)
    assert (plan.region, plan.at, plan.consumers) == (story.region, story.at(60), 2)
    assert plan.slots[1] == reads.PlannedRoom(story.at(300), Band.LOW, 101.0, 3, 180.0, 420.0)
    assert reads.latest_timetables(ledger.engine, "ELSEWHERE") == []
    assert reads.recent_events(ledger.engine, 9) == [], "it is how things are, not what happened"


def test_a_database_that_breaks_is_one_line(ledger: Any, story: Any) -> None:
    with ledger.engine.connect() as connection:
        drop_views(connection)
        metadata.drop_all(connection)
        connection.commit()
    with pytest.raises(LedgerUnreachable, match=r"no such table|does not exist"):
        reads.statistics(ledger.engine, story.at(0))


HOT = {
    "latest_grid": lambda engine, story: reads.latest_grid(engine, "X", story.at(0)),
    "job_status": lambda engine, story: reads.job_status(engine, story.job_id(1)),
    "decisions": lambda engine, story: reads.decisions(engine, story.job_id(1)),
    "recent_jobs": lambda engine, _: reads.recent_jobs(engine),
    "recent_jobs of a state": lambda engine, _: reads.recent_jobs(engine, states=[State.DEAD]),
    "readings_since": lambda engine, story: reads.readings_since(engine, "X", story.at(0)),
    "planned": lambda engine, story: reads.planned(engine, "X", story.at(0)),
    "pool_sizes_since": lambda engine, story: reads.pool_sizes_since(engine, "X", story.at(0)),
    "pools": lambda engine, story: reads.pools(engine, story.at(0)),
    "savings_over_time": lambda engine, story: reads.savings_over_time(engine, story.at(0)),
    "attempts": lambda engine, story: reads.attempts(engine, story.job_id(1)),
    "recent_decisions": lambda engine, _: reads.recent_decisions(engine, region="X"),
    "audit": lambda engine, story: reads.audit(engine, story.at(0)),
    "audit_of_job": lambda engine, story: reads.audit_of_job(engine, story.job_id(1)),
    "recent_events": lambda engine, _: reads.recent_events(engine),
}


@pytest.mark.parametrize("name", HOT)
def test_hot_queries_use_indices(sqlite_ledger: Any, story: Any, life: Any, name: str) -> None:
    """PostgreSQL would rather walk a table this small; it has the same indices."""
    sqlite_ledger.record(*life, story.resized(1, 4), story.beat(2))
    # What was recorded last is read backwards from the end, and no further than is asked for.
    backwards = {"recent_events": ["SCAN events"], "recent_decisions": ["SCAN decisions"]}
    scans = _scans(sqlite_ledger, lambda: HOT[name](sqlite_ledger.engine, story))
    assert scans == backwards.get(name, [])


def test_writing_uses_indices(sqlite_ledger: Any, story: Any, life: Any) -> None:
    sqlite_ledger.record(*life)
    more = [story.intensity(9000, 1.0), story.accepted(7, 1), story.succeeded(7, 2, 3)]
    assert _scans(sqlite_ledger, lambda: sqlite_ledger.record(*more)) == []


def _scans(ledger: Any, act: Any) -> list[str]:
    """The steps that walk a whole table, of every statement that `act` runs."""
    seen: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        one = parameters[0] if isinstance(parameters, list) else parameters
        seen.append((statement, one))

    event.listen(ledger.engine, "before_cursor_execute", note)
    act()
    event.remove(ledger.engine, "before_cursor_execute", note)
    plans = []
    with ledger.engine.connect() as connection:
        for statement, parameters in seen:
            if statement.startswith(("SELECT", "UPDATE")):
                rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
                plans += [row[3] for row in rows]
    assert plans
    whole = [step for step in plans if step.startswith("SCAN") and "USING" not in step]
    return [step for step in whole if not step.startswith(("SCAN latest", "SCAN grids"))]
