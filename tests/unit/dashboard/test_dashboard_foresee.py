"""What would become of a job: the scheduler's rules over what the ledger tells."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.because import because, numbers
from dashboard.foresee import Known, as_row, foresee, saving_percent
from shared.domain.bands import Band, absolute_cuts
from shared.domain.decisions import Decision, Defer, Expire, Rules, RunNow, decide
from shared.domain.grid import Curve, Forecast, Freshness, Grid, Signal
from shared.domain.jobs import Job, OnDeadline, Priority
from shared.domain.reasons import Cause
from shared.domain.timetable import Pools, Timetable, Wheel
from shared.ledger.reads import GridNow, PlannedRoom, PoolSize, TimetableRow

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SLOT = timedelta(minutes=5)
WHEEL = Wheel(300.0, 288)
REGION = "CAISO_NORTH"
RULES = Rules(margin_seconds=60)


def a_job(**changes: object) -> Job:
    values: dict[str, object] = {
        "id": UUID(int=0),
        "type": "t",
        "priority": Priority.NORMAL,
        "max_band": Band.LOW,
        "submitted_at": NOW,
        "deadline": NOW + timedelta(hours=6),
        "expected_duration_seconds": 300.0,
        "regions": (REGION,),
        "power_watts": 1000.0,
    }
    return Job(**(values | changes))  # type: ignore[arg-type]  # made of strings and values


def grid(*ahead: float) -> GridNow:
    forecast = Forecast(NOW, NOW, 300.0, ahead) if ahead else None
    return GridNow(
        region=REGION,
        at=NOW,
        updated_at=NOW,
        period_seconds=300.0,
        signal=Signal.MARGINAL,
        source="watttime",
        simulated=False,
        freshness=Freshness.LIVE,
        band=Band.HIGH,
        intensity_g_per_kwh=ahead[0] if ahead else 450.0,
        index_percent=None,
        age_seconds=0.0,
        reason=None,
        next_update_at=NOW + SLOT,
        forecast=forecast,
        cuts=absolute_cuts(),
        warnings=(),
    )


def told(*loads_seconds: float) -> TimetableRow:
    slots = tuple(
        PlannedRoom(NOW + place * SLOT, Band.MEDIUM, None, 1, load, None)
        for place, load in enumerate(loads_seconds)
    )
    return TimetableRow(REGION, NOW, 300.0, 1, 0.0, slots)


POOL = PoolSize(NOW, "p", REGION, Band.MEDIUM, 1.0, 1, 1, 1, 1, "medium band")


def foreseen(job: Job, known: Known) -> Decision:
    return foresee(job, NOW, [known], WHEEL, RULES)


def test_a_job_waits_for_the_cleanest_slot() -> None:
    decision = foreseen(a_job(), Known(REGION, grid(450, 400, 100, 300, 300), None, []))
    assert isinstance(decision, Defer)
    assert decision.until == NOW + 2 * SLOT
    assert saving_percent(decision) == pytest.approx(100 * (1 - 100 / 450))
    row = as_row(decision, a_job(), NOW)
    assert because(row, UTC).endswith("100 g/kWh, 78 % less, is expected at 12:10")
    assert any("Expected saving" in line for line in numbers(row, UTC))


def test_a_full_slot_is_left_to_those_that_are_in_it() -> None:
    ahead = grid(450, 400, 100, 300, 200)
    decision = foreseen(a_job(), Known(REGION, ahead, told(0, 0, 600, 0, 0), [POOL]))
    assert isinstance(decision, Defer)
    assert decision.until == NOW + 4 * SLOT


def test_an_old_timetable_says_nothing_of_slots_that_are_over() -> None:
    before = TimetableRow(REGION, NOW - 9 * SLOT, 300.0, 1, 0.0, told(900).slots)
    old = tuple(PlannedRoom(NOW - SLOT, Band.LOW, None, 1, 900.0, None) for _ in range(3))
    row = TimetableRow(REGION, before.at, 300.0, 1, 0.0, old)
    decision = foreseen(a_job(), Known(REGION, grid(450, 400, 100, 300), row, [POOL]))
    assert isinstance(decision, Defer)
    assert decision.until == NOW + 2 * SLOT


def test_without_a_grid_it_runs_now() -> None:
    decision = foreseen(a_job(), Known(REGION, None, None, []))
    assert isinstance(decision, RunNow)
    assert decision.cause is Cause.GRID_UNKNOWN
    assert saving_percent(decision) is None
    assert because(as_row(decision, a_job(), NOW), UTC).startswith("The grid is unknown")


def test_what_cannot_be_done_in_time_expires_where_that_is_wanted() -> None:
    job = a_job(deadline=NOW + timedelta(seconds=10), on_deadline=OnDeadline.EXPIRE)
    decision = foreseen(job, Known(REGION, grid(450, 100), None, []))
    assert isinstance(decision, Expire)
    assert as_row(decision, job, NOW).outcome == "expired"


@given(
    st.lists(st.floats(1, 900), min_size=2, max_size=60),
    st.sampled_from(Priority),
    st.integers(1, 3000),
    st.integers(600, 20_000),
)
def test_with_room_everywhere_it_is_the_schedulers_own_decision(
    values: list[float], priority: Priority, duration_seconds: int, within_seconds: int
) -> None:
    job = a_job(
        priority=priority,
        expected_duration_seconds=float(duration_seconds),
        deadline=NOW + timedelta(seconds=within_seconds),
    )
    known = grid(*values)
    assert known.forecast is not None
    as_it_is = Grid(
        REGION,
        known.band,
        known.freshness,
        known.intensity_g_per_kwh,
        None,
        Curve.of(known.forecast),
        known.cuts,
        0.0,
    )
    timetable = Timetable(WHEEL)
    timetable.set_pools(REGION, Pools((100,), 100))
    empty = told(*[0.0] * 288)
    pool = PoolSize(NOW, "p", REGION, Band.MEDIUM, 1.0, 100, 1, 100, 1, "medium band")
    mine = foreseen(job, Known(REGION, known, empty, [pool]))
    assert mine == decide(job, NOW, as_it_is, timetable, RULES)
