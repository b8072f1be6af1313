"""What would become of a job if it were submitted now: the scheduler's own rules, from the ledger.

Pure: what the ledger knows comes in as values.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.domain.decisions import Decision, Defer, Expire, Rules, decide_among
from shared.domain.grid import Curve, Grid
from shared.domain.jobs import Job, Priority
from shared.domain.timetable import Pools, Timetable, Wheel
from shared.ledger.reads import DecisionRow, GridNow, PoolSize, TimetableRow


@dataclass(frozen=True, slots=True)
class Known:
    """What the ledger knows of one region.

    Attributes:
        grid: None before its first update.
        timetable: None before the scheduler told one.
        pools: those that are alive; while nothing is heard, the last that were.
    """

    region: str
    grid: GridNow | None
    timetable: TimetableRow | None
    pools: Sequence[PoolSize]


def foresee(
    job: Job, now: datetime, known: Sequence[Known], wheel: Wheel, rules: Rules
) -> Decision:
    """The decision that the scheduler would take of a job now.

    Args:
        job: as it would be accepted.
        now: the moment.
        known: of each region that it may run in, first choice first.
        wheel: the deployment's.
        rules: in force.
    """
    timetable = Timetable(wheel)
    for region in known:
        _fill(timetable, region, now)
    return decide_among(job, now, [_grid(region, now) for region in known], timetable, rules)


def as_row(decision: Decision, job: Job, now: datetime) -> DecisionRow:
    """The same as the ledger would keep it."""
    numbers = decision.numbers
    outcome = {Defer: "deferred", Expire: "expired"}.get(type(decision), "released")
    return DecisionRow(
        at=now,
        outcome=outcome,
        reason=decision.reason,
        intensity_g_per_kwh=numbers.intensity_g_per_kwh,
        band=numbers.band,
        planned_at=decision.until if isinstance(decision, Defer) else None,
        expected_g_per_kwh=numbers.expected_g_per_kwh,
        expected_saving_g=numbers.expected_saving_g,
        latest_start=numbers.latest_start,
        freshness=numbers.freshness,
        cause=decision.cause,
        region=numbers.region,
        lane=None,
        max_band=numbers.limit,
        index_percent=numbers.index_percent,
        window_g_per_kwh=numbers.window_g_per_kwh,
        forecast_age_seconds=numbers.forecast_age_seconds,
        attempts=0,
        deferrals=job.deferrals,
        piece=1,
    )


def saving_percent(decision: Decision) -> float | None:
    """By how much cleaner than now it is expected to run; None where that is not known."""
    numbers = decision.numbers
    if numbers.expected_g_per_kwh is None or not numbers.window_g_per_kwh:
        return None
    return 100 * (1 - numbers.expected_g_per_kwh / numbers.window_g_per_kwh)


def _grid(known: Known, now: datetime) -> Grid:
    grid = known.grid
    if grid is None:
        return Grid.unknown(known.region)
    forecast = grid.forecast
    return Grid(
        region=known.region,
        band=grid.band,
        freshness=grid.freshness,
        intensity_g_per_kwh=grid.intensity_g_per_kwh,
        index_percent=grid.index_percent,
        curve=Curve.of(forecast) if forecast else None,
        cuts=grid.cuts,
        forecast_age_seconds=(now - forecast.generated_at).total_seconds() if forecast else None,
    )


def _fill(timetable: Timetable, known: Known, now: datetime) -> None:
    """Plan what the scheduler last told into a region; of what priority it is, it did not tell."""
    told = known.timetable
    if told is None:
        return
    bases = tuple(pool.base_consumers for pool in known.pools)
    consumers = sum(pool.consumers for pool in known.pools)
    timetable.set_pools(known.region, Pools(bases, consumers, told.backlog_seconds or 0.0))
    wheel, now_slot = timetable.wheel, timetable.wheel.slot_at(now.timestamp())
    for slot in told.slots:
        number = wheel.slot_at(slot.at.timestamp())
        if now_slot <= number <= wheel.last_slot(now.timestamp()):
            for seconds in _pieces(slot.load_seconds, wheel.slot_seconds):
                timetable.add(known.region, number, seconds, Priority.CRITICAL)


def _pieces(load_seconds: float, slot_seconds: float) -> Iterable[float]:
    """A load as jobs that each end within their slot."""
    whole, rest = divmod(load_seconds, slot_seconds)
    return [*[slot_seconds] * int(whole), *([rest] if rest > 0 else [])]
