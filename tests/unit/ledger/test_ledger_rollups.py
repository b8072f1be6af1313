"""Daily roll-ups against the jobs that they add up, and against sums by hand over parts of days."""

from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, update

from shared.domain.energy import MOST_KWH
from shared.domain.waits import bucket_of
from shared.ledger import reads
from shared.ledger.contributions import LARGEST, NEEDED, NOT_ENDED, whole
from shared.ledger.packed_waits import pack
from shared.ledger.reads import report
from shared.ledger.reads.report_rows import GroupBy
from shared.ledger.rollups import Changes, fill_rollups, rollups_differences
from shared.ledger.schema import writing
from shared.ledger.shape import shape_of
from shared.ledger.tables import daily, daily_waits, jobs

DAY_SECONDS = 86_400
AMOUNT = st.one_of(st.none(), st.floats(-1e6, 1e6, width=32))


def differences(ledger: Any) -> list[str]:
    with ledger.engine.connect() as connection:
        return rollups_differences(connection)


def states(ledger: Any) -> dict[str, int]:
    with ledger.engine.connect() as connection:
        return {row.state: row.jobs for row in connection.execute(select(daily))}


def test_a_job_is_counted_where_it_is_and_nowhere_it_was(
    ledger: Any, story: Any, life: Any
) -> None:
    seen = []
    for event in life:
        ledger.record(event)
        assert differences(ledger) == []
        seen.append(states(ledger))
    followed = [found for found in seen if found]
    assert [list(found) for found in followed[:4]] == [
        ["submitted"], ["deferred"], ["ready"], ["running"]
    ]  # fmt: skip
    assert all(list(found.values()) == [1] for found in followed)
    assert followed[-1] == {"succeeded": 1}


def test_late_readings_change_the_sums_by_the_difference(ledger: Any, story: Any) -> None:
    ledger.record(story.accepted(1, 0), story.started(1, 10), story.succeeded(1, 10, 110))
    ledger.settle()
    assert reads.statistics(ledger.engine, story.at(200)).unknown_jobs == 1
    ledger.record(story.intensity(0, 300.0))
    ledger.settle()
    found = reads.statistics(ledger.engine, story.at(200))
    assert (found.emissions_g, found.unknown_jobs) == (300.0, 0)
    assert differences(ledger) == []


def test_a_replayed_job_leaves_its_day(ledger: Any, story: Any) -> None:
    ledger.record(story.intensity(0, 100.0), story.accepted(1, 0), story.started(1, 10))
    ledger.record(story.failed(1, 10, 60), story.died(1, 61, 1))
    ledger.settle()
    assert states(ledger) == {"dead": 1}
    ledger.record(story.replayed(1, 100, 1))
    assert states(ledger) == {"submitted": 1}
    with ledger.engine.connect() as connection:
        assert connection.scalars(select(daily.c.day)).all() == [NOT_ENDED]
        assert connection.execute(select(daily_waits)).all() == []


def test_rollups_outlive_deleted_jobs(ledger: Any, story: Any, life: Any) -> None:
    ledger.record(*life)
    ledger.settle()
    before = reads.statistics(ledger.engine, story.at(2910))
    with writing(ledger.engine) as connection:
        connection.execute(delete(jobs))
        fill_rollups(connection)
    after = reads.statistics(ledger.engine, story.at(2910))
    assert after == before
    assert before.jobs.succeeded == 1
    assert differences(ledger) == []


@pytest.mark.parametrize(
    ("table", "change"),
    [
        (daily, {"jobs": 0}),
        (daily, {"emissions_micrograms": daily.c.emissions_micrograms + 1}),
        (daily_waits, {"waits": pack({68: (1, 1)})}),
        (daily_waits, {"waits": pack({7: (1, 600_000_000)})}),
    ],
)
def test_the_check_finds_what_does_not_add_up(
    ledger: Any, story: Any, life: Any, table: Any, change: dict[str, Any]
) -> None:
    ledger.record(*life)
    ledger.settle()
    with writing(ledger.engine) as connection:
        connection.execute(update(table).values(**change))
    (line,) = differences(ledger)
    assert line.startswith(f"{table.name} of day ")


def test_the_check_finds_a_job_that_only_the_rollups_wait_for(ledger: Any, story: Any) -> None:
    ledger.record(story.accepted(1, 0))
    with writing(ledger.engine) as connection:
        connection.execute(delete(jobs))
    (line,) = differences(ledger)
    assert line.endswith("has no jobs")


def test_the_largest_energy_of_a_job_is_summed_whole(ledger: Any, story: Any) -> None:
    ledger.record(
        *(story.intensity(300 * n, 1500.0) for n in range(4)),
        *(story.accepted(1, 0), story.succeeded(1, 10, 310, energy_kwh=MOST_KWH)),
        *(story.accepted(2, 0), story.succeeded(2, 10, 310, energy_kwh=1.01 * MOST_KWH)),
    )
    ledger.settle()
    found = report.report(ledger.engine, story.at(0), story.at(DAY_SECONDS), GroupBy.TYPE)
    (whole_job, unknown) = (kind.total for kind in found)
    assert (whole_job.energy_kwh, whole_job.emissions_g) == (MOST_KWH, 1500 * MOST_KWH)
    # More than that no run can have used: what it did use is unknown, and nothing is made of it.
    assert (unknown.jobs, unknown.known_jobs, unknown.unknown_jobs_energy_kwh) == (1, 0, None)
    assert differences(ledger) == []


def test_figures_beyond_all_measure_are_held() -> None:
    assert whole(1e300, 10**6) == LARGEST
    assert whole(float("-inf"), 10**6) == -LARGEST
    assert [whole(value, 1) for value in (0.5, -0.5, 0.49, None)] == [1, -1, 0, 0]
    assert whole(float("nan"), 10**6) == 0, "what is no number is unknown"


def test_an_old_row_with_what_is_no_number_breaks_no_sum(ledger: Any, story: Any) -> None:
    """PostgreSQL keeps it, SQLite makes NULL of it."""
    ledger.record(story.intensity(0, 300.0), story.accepted(1, 0), story.started(1, 10))
    ledger.record(story.succeeded(1, 10, 110))
    ledger.settle()
    with writing(ledger.engine) as connection:
        connection.execute(update(jobs).values(wasted_kwh=float("nan"), promised_g=float("nan")))
        connection.execute(delete(daily))
        connection.execute(delete(daily_waits))
        fill_rollups(connection)
        (row,) = connection.execute(select(daily))
    assert (row.known_jobs, row.wasted_microwatt_hours, row.promised_micrograms) == (1, 0, 0)
    assert differences(ledger) == []


@st.composite
def told_rows(draw: st.DrawFn) -> dict[str, Any]:
    """A row of any content, as long as its account is whole or not."""
    state = draw(st.sampled_from(["succeeded", "dead", "cancelled", "running", "deferred"]))
    final = state in {"succeeded", "dead", "cancelled"}
    known = draw(st.booleans())
    wait_seconds = draw(st.one_of(st.none(), st.floats(-10, 1e6, width=32)))
    return {
        "state": state,
        "ended": draw(st.integers(0, 4 * DAY_SECONDS * 10)) / 10 if final else None,
        "type": draw(st.sampled_from([None, "etl", "ml"])),
        "region": draw(st.sampled_from([None, "PJM"])),
        "priority": "low",
        "attempts": draw(st.integers(0, 2)),
        "deferrals": draw(st.integers(0, 1)),
        "wait_seconds": wait_seconds,
        "wait_bucket": None if wait_seconds is None else bucket_of(wait_seconds),
        "deadline_s": draw(st.one_of(st.none(), st.integers(0, 4 * DAY_SECONDS))),
        "promised_g": draw(AMOUNT),
        "signal": "marginal" if known else None,
        "simulated": draw(st.booleans()) if known else None,
        "energy_method": draw(st.sampled_from([None, "measured", "declared"])),
        "intensity_method": draw(st.sampled_from([None, "observed", "carried"])),
        **{name: draw(AMOUNT) for name in ("energy_kwh", "wasted_kwh", "emissions_g")},
        **{name: draw(AMOUNT) for name in ("baseline_g", "reference_g", "avoided_g")},
    }


def stored(story: Any, number: int, told: dict[str, Any]) -> dict[str, Any]:
    midnight = story.start.replace(hour=0)
    ended, deadline_s = told["ended"], told["deadline_s"]
    times = {
        "finished_at": None if ended is None else midnight + timedelta(seconds=ended),
        "deadline": None if deadline_s is None else midnight + timedelta(seconds=deadline_s),
        "replayed_deadline": None,
    }
    row = {"id": UUID(int=number), "state_key": "1", "state_at": story.at(0), **times}
    return row | {name: value for name, value in told.items() if name in NEEDED or "wait" in name}


@given(told=st.lists(told_rows(), max_size=12), edges=st.tuples(*[st.integers(0, 4 * 24)] * 2))
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_rows_add_up_the_same_in_python_in_sql_and_by_hand(
    ledger: Any, story: Any, told: list[dict[str, Any]], edges: tuple[int, int]
) -> None:
    rows = [stored(story, number, one) for number, one in enumerate(told)]
    changes = Changes()
    for row in rows:
        changes.after(shape_of(ledger.engine.dialect, jobs).stored(row))
    with writing(ledger.engine) as connection:
        for table in (jobs, daily, daily_waits):
            connection.execute(delete(table))
        if rows:
            connection.execute(insert(jobs), rows)
        changes.write(connection)
        assert rollups_differences(connection) == []
    midnight = story.start.replace(hour=0)
    since, until = (midnight + timedelta(hours=hours) for hours in sorted(edges))
    found = report.report(ledger.engine, since, until, GroupBy.REGION)
    total: Counter[str] = Counter()
    for kind in found:
        for told_row in kind.rows:
            total[told_row.group] += told_row.jobs
    by_hand = Counter(
        row["region"] or report.UNNAMED
        for row in rows
        if row["finished_at"] and since <= row["finished_at"] < until and row["attempts"]
    )
    assert total == by_hand
    avoided = sum(kind.total.avoided_g or 0.0 for kind in found)
    ended = (r for r in rows if r["finished_at"] and since <= r["finished_at"] < until)
    wanted = sum(r["avoided_g"] or 0.0 for r in ended if r["attempts"])
    assert avoided == pytest.approx(wanted, abs=1e-4)
