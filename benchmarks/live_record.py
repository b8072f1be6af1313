"""What the ledger says of a finished day: the grid as it was broadcast, and each job's account."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Engine, select

from shared.domain.bands import Band
from shared.domain.grid import Freshness
from shared.domain.jobs import Priority, State
from shared.domain.reasons import Cause
from shared.domain.replay import JobRow, Workload
from shared.domain.savings import JOULES_PER_KWH
from shared.domain.windows import Floats, Ints, Series
from shared.ledger.decided import told, told_body
from shared.ledger.reads.query import reading
from shared.ledger.tables import AnyRow, events, jobs
from shared.messages import AnyEvent, Event, IntensityUpdated, JobDeferred, decode_event


@dataclass(frozen=True, slots=True)
class Broadcasts:
    """The grid as every service was told it, point by point.

    Attributes:
        series: the observed intensities.
        ranks: of the bands.
        forecasts: as they were sent with each point; they begin with it.
        carried: how many points had no update of their own and keep what was told before.
    """

    series: Series
    ranks: Ints
    forecasts: tuple[Floats, ...]
    carried: int

    def at(self, point: int, count: int) -> Floats:
        """What was expected of `count` points from `point` on, when its update was sent."""
        values = self.forecasts[min(point, len(self.forecasts) - 1)][:count]
        return np.pad(values, (0, count - len(values)), mode="edge")


@dataclass(frozen=True, slots=True)
class LiveJobs:
    """The jobs that succeeded, and what became of them; instants in Unix seconds.

    Attributes:
        avoided_g: the ledger's own account, as `baseline_g` is.
        pools_full: how many decisions made a job wait because the pools had no room.
    """

    workload: Workload
    started_s: Floats
    finished_s: Floats
    baseline_g: Floats
    avoided_g: Floats
    pools_full: int


def read_broadcasts(engine: Engine) -> Broadcasts:
    """Every observed point from the first that came with a forecast on, on an even axis.

    Raises:
        ValueError: there is none.
    """
    told = _told_in_time(_updates(engine))
    period_s = next(iter(told.values())).reading.period_seconds
    first_s, last_s = min(told), max(told)
    values, ranks, forecasts, carried = [], [], [], 0
    newest = told[first_s]
    for point in range(round((last_s - first_s) / period_s) + 1):
        at_s = first_s + period_s * point
        carried += at_s not in told
        newest = told.get(at_s, newest)
        values.append(newest.reading.intensity_g_per_kwh or 0.0)
        ranks.append(newest.band.rank)
        forecasts.append(_from(newest, at_s))
    series = Series(first_s, period_s, values)
    return Broadcasts(series, np.array(ranks, dtype=np.int64), tuple(forecasts), carried)


def _updates(engine: Engine) -> Iterable[IntensityUpdated]:
    for event in _events(engine, IntensityUpdated):
        if isinstance(event, IntensityUpdated):
            yield event


def _events(engine: Engine, kind: type[Event]) -> Iterable[AnyEvent]:
    query = told().where(events.c.type == kind.model_fields["type"].default)
    with reading(engine) as connection:
        for row in connection.execute(query.order_by(events.c.at)):
            yield decode_event(told_body(row).encode())


def _told_in_time(updates: Iterable[IntensityUpdated]) -> dict[float, IntensityUpdated]:
    """The first update of each point, by its start; without the archive's and the failures'."""
    told: dict[float, IntensityUpdated] = {}
    for update in updates:
        known = update.reading.intensity_g_per_kwh is not None and update.forecast is not None
        if known and update.freshness is Freshness.LIVE:
            told.setdefault(update.reading.at.timestamp(), update)
    if not told:
        raise ValueError("the ledger has no live update with a forecast")
    return told


def _from(update: IntensityUpdated, at_s: float) -> Floats:
    """An update's forecast from an instant on."""
    forecast = update.forecast
    if forecast is None:  # `_told_in_time` leaves these out
        raise ValueError(f"the update of {update.at} has no forecast")
    gone = round((at_s - forecast.start.timestamp()) / forecast.period_seconds)
    return np.asarray(forecast.values_g_per_kwh[max(0, gone) :], dtype=np.float64)


def read_jobs(engine: Engine) -> LiveJobs:
    """The jobs as they were accepted, in the order of their submission.

    Raises:
        ValueError: none succeeded.
    """
    columns = jobs.c
    query = (
        select(jobs).where(columns.state == State.SUCCEEDED.value).order_by(columns.submitted_at)
    )
    with reading(engine) as connection:
        rows = list(connection.execute(query))
    deferrals = _events(engine, JobDeferred)
    waits = sum(
        isinstance(told, JobDeferred) and told.cause is Cause.POOLS_FULL for told in deferrals
    )
    if not rows:
        raise ValueError("no job succeeded; the logs of the worker pools say why")
    return LiveJobs(
        workload=Workload.of([_asked(row) for row in rows]),
        started_s=np.array([row.started_at.timestamp() for row in rows]),
        finished_s=np.array([row.finished_at.timestamp() for row in rows]),
        baseline_g=np.array([row.baseline_g for row in rows], dtype=np.float64),
        avoided_g=np.array([row.avoided_g for row in rows], dtype=np.float64),
        pools_full=waits,
    )


def _asked(row: AnyRow) -> JobRow:
    """The job as it was asked for: with the duration and the power that it declared."""
    seconds = row.expected_duration_seconds
    return JobRow(
        submitted_s=row.submitted_at.timestamp(),
        duration_s=seconds,
        deadline_s=row.deadline.timestamp(),
        power_watts=row.declared_energy_kwh * JOULES_PER_KWH / seconds,
        priority=Priority(row.priority),
        max_band=Band(row.max_band),
        interruptible=bool(row.interruptible),
    )
