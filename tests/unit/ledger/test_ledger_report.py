"""The figures of a report, against sums made by hand over the same rows."""

from datetime import timedelta
from math import ceil
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert

from shared.domain.grid import Signal
from shared.domain.waits import GROWTH, bucket_of
from shared.ledger.reads import report as reads
from shared.ledger.reads.report_rows import GroupBy, ReportRow
from shared.ledger.rollups import Changes
from shared.ledger.shape import shape_of
from shared.ledger.tables import daily, daily_waits, jobs

GRAMS = st.integers(0, 5000).map(float)


def row(story: Any, number: int, **fields: Any) -> dict[str, Any]:
    """A finished job as the ledger holds it."""
    values = {
        "id": UUID(int=number), "type": "etl", "priority": "normal", "region": "PJM",
        "state_key": "1", "state": "succeeded", "state_at": story.at(900),
        "submitted_at": story.at(0), "deadline": story.at(1000), "finished_at": story.at(900),
        "attempts": 1, "deferrals": 0, "wait_seconds": 60.0, "signal": "marginal",
        "simulated": False, "energy_kwh": 1.0, "wasted_kwh": 0.0, "energy_method": "declared",
        "emissions_g": 200.0, "baseline_g": 300.0, "avoided_g": 100.0, "reference_g": 450.0,
        "intensity_method": "observed", "promised_g": None, "replayed_deadline": None,
    }  # fmt: skip
    return values | fields


UNKNOWN: dict[str, Any] = dict.fromkeys(
    ("signal", "simulated", "emissions_g", "baseline_g", "avoided_g", "intensity_method")
)


def keep(ledger: Any, *rows: dict[str, Any]) -> None:
    changes = Changes()
    for each in rows:
        waited_seconds = each["wait_seconds"]
        each["wait_bucket"] = None if waited_seconds is None else bucket_of(waited_seconds)
        changes.after(shape_of(ledger.engine.dialect, jobs).stored(each))
    with ledger.engine.begin() as connection:
        connection.execute(insert(jobs), list(rows))
        changes.write(connection)


def of(ledger: Any, story: Any, by: GroupBy = GroupBy.TYPE, until: float = 1e6) -> Any:
    return reads.report(ledger.engine, story.at(0), story.at(until), by)


def test_a_job_told_by_events_is_reported_with_its_account(
    ledger: Any, story: Any, life: Any
) -> None:
    ledger.record(*life)
    ledger.settle()
    (kind,) = of(ledger, story)
    (told,) = kind.rows
    assert (kind.signal, kind.simulated, told.group) == (Signal.MARGINAL, False, "ml_training")
    assert (told.jobs, told.succeeded_jobs, told.known_jobs) == (1, 1, 1)
    assert (told.energy_kwh, told.wasted_kwh) == (1.5, 0.5)
    assert told.promised_g == 120.0
    assert told.realised_g == told.avoided_g == pytest.approx(told.baseline_g - told.emissions_g)
    assert told.mean_wait_seconds == told.p95_wait_seconds == 600.0


def test_kinds_are_apart_and_real_comes_before_simulated(ledger: Any, story: Any) -> None:
    kinds = [("average", True), ("marginal", True), ("average", False), ("marginal", False)]
    rows = [
        row(story, n, signal=signal, simulated=simulated, emissions_g=10.0**n)
        for n, (signal, simulated) in enumerate(kinds)
    ]
    keep(ledger, *rows, row(story, 9, **UNKNOWN))
    found = of(ledger, story)
    assert [(kind.signal, kind.simulated) for kind in found] == [
        *reversed([(Signal(signal), simulated) for signal, simulated in kinds]),
        (None, None),
    ]
    assert [kind.total.emissions_g for kind in found] == [1000.0, 100.0, 10.0, 1.0, None]


def test_what_is_unknown_is_counted_and_never_0(ledger: Any, story: Any) -> None:
    half = {"baseline_g": None, "avoided_g": None, "emissions_g": 7.0, "energy_kwh": 0.5}
    keep(ledger, row(story, 1), row(story, 2, **half), row(story, 3, **UNKNOWN, energy_kwh=None))
    marginal, unknown = (kind.total for kind in of(ledger, story))
    assert (marginal.jobs, marginal.known_jobs, marginal.unknown_jobs) == (2, 1, 1)
    assert (marginal.emissions_g, marginal.energy_kwh) == (200.0, 1.0)
    assert (marginal.emissions_without_baseline_g, marginal.unknown_jobs_energy_kwh) == (7.0, 0.5)
    assert (unknown.unknown_jobs, unknown.emissions_g, unknown.energy_kwh) == (1, None, None)
    assert (unknown.avoided_percent, unknown.sci_operational_g_per_job) == (None, None)


def test_only_jobs_that_ran_and_ended_in_the_time(ledger: Any, story: Any) -> None:
    keep(
        ledger,
        row(story, 1, finished_at=story.at(0)),
        row(story, 2, finished_at=story.at(100)),
        row(story, 3, finished_at=story.at(-1)),
        row(story, 4, state="expired", attempts=0, finished_at=story.at(50)),
        row(story, 5, state="running", finished_at=None),
    )
    assert [kind.total.jobs for kind in of(ledger, story, until=100)] == [1]
    assert reads.never_ran(ledger.engine, story.at(0), story.at(100)) == 1


def test_a_deadline_is_missed_only_after_it_and_a_replay_has_its_own(
    ledger: Any, story: Any
) -> None:
    keep(
        ledger,
        row(story, 1, deadline=story.at(900)),
        row(story, 2, deadline=story.at(899)),
        row(story, 3, deadline=story.at(10), replayed_deadline=story.at(2000)),
        row(story, 4, deadline=None),
    )
    assert of(ledger, story)[0].total.missed_deadlines == 1


def test_groups_are_utc_days_regions_and_priorities(ledger: Any, story: Any) -> None:
    midnight = story.start.replace(hour=0) + timedelta(days=1)
    keep(
        ledger,
        row(story, 1, finished_at=midnight - timedelta(microseconds=1), region="GB"),
        row(story, 2, finished_at=midnight, priority=None),
    )

    def groups(by: GroupBy) -> list[str]:
        return [told.group for told in of(ledger, story, by)[0].rows]

    assert groups(GroupBy.DAY) == ["2026-11-22", "2026-11-23"]
    assert groups(GroupBy.REGION) == ["GB", "PJM"]
    assert groups(GroupBy.PRIORITY) == [reads.UNNAMED, "normal"]


def test_curves_run_from_0_to_the_total_of_each_kind(ledger: Any, story: Any) -> None:
    keep(
        ledger,
        row(story, 1, finished_at=story.at(5)),
        row(story, 2, finished_at=story.at(95), emissions_g=500.0, avoided_g=-200.0),
        row(story, 3, finished_at=story.at(50), simulated=True),
        row(story, 4, **UNKNOWN),
    )
    found = reads.curves(ledger.engine, story.at(0), story.at(100), 10)
    assert set(found) == {(Signal.MARGINAL, False), (Signal.MARGINAL, True)}
    real = found[Signal.MARGINAL, False]
    assert [point.at for point in real] == [story.at(0), story.at(10), story.at(100)]
    assert [point.emissions_g for point in real] == [0.0, 200.0, 700.0]
    assert [point.reference_g for point in real] == [0.0, 450.0, 900.0]


def test_an_empty_ledger_has_no_kinds(ledger: Any, story: Any) -> None:
    assert of(ledger, story) == []
    assert reads.curves(ledger.engine, story.at(0), story.at(100), 10) == {}


@st.composite
def told_jobs(draw: st.DrawFn) -> dict[str, Any]:
    account = draw(st.one_of(st.none(), st.tuples(GRAMS, GRAMS)))
    emissions, baseline = account or (None, None)
    return {
        "type": draw(st.sampled_from(["etl", "ml"])),
        "wait_seconds": draw(st.one_of(st.none(), GRAMS)),
        "emissions_g": emissions,
        "baseline_g": baseline,
        "avoided_g": account[1] - account[0] if account else None,
        "promised_g": draw(st.one_of(st.none(), GRAMS)),
    }


@given(told=st.lists(told_jobs(), min_size=1, max_size=30))
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_every_group_is_what_is_added_up_by_hand(
    ledger: Any, story: Any, told: list[dict[str, Any]]
) -> None:
    with ledger.engine.begin() as connection:
        for table in (jobs, daily, daily_waits):
            connection.execute(delete(table))
    keep(ledger, *(row(story, n, **fields) for n, fields in enumerate(told)))
    (kind,) = of(ledger, story)
    assert kind.total.jobs == len(told)
    for found in kind.rows:
        check(found, [fields for fields in told if fields["type"] == found.group])


def check(found: ReportRow, told: list[dict[str, Any]]) -> None:
    known = [fields for fields in told if fields["avoided_g"] is not None]
    promised = [fields for fields in known if fields["promised_g"] is not None]
    waits = sorted(fields["wait_seconds"] for fields in told if fields["wait_seconds"] is not None)
    assert (found.jobs, found.known_jobs, found.promised_jobs) == (
        len(told), len(known), len(promised)
    )  # fmt: skip
    for name in ("emissions_g", "baseline_g", "avoided_g"):
        total = sum(fields[name] for fields in known) if known else None
        assert getattr(found, name) == total
    assert found.realised_g == (sum(f["avoided_g"] for f in promised) if promised else None)
    if waits:
        assert found.mean_wait_seconds == pytest.approx(sum(waits) / len(waits))
        exact_seconds = waits[ceil(len(waits) * 19 / 20) - 1]
        assert exact_seconds / GROWTH - 1 <= found.p95_wait_seconds <= exact_seconds * GROWTH + 1
    else:
        assert found.mean_wait_seconds is found.p95_wait_seconds is None
