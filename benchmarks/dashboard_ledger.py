"""The ledger over which the dashboard is measured: a million jobs, and a system that is alive now.

The jobs are those of `ledger_build`, up to yesterday. Around them stand what a page reads besides:
a week of readings with their forecasts, jobs that wait, live services and a timetable.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from math import cos, pi
from pathlib import Path
from random import Random
from uuid import UUID

from ledger_build import build
from ledger_events import REGIONS, life, uuid

from shared.domain.bands import Band, absolute_cuts
from shared.domain.grid import Forecast, Freshness, Reading, Signal
from shared.ledger.schema import writing
from shared.ledger.writes import record
from shared.messages import (
    AnyEvent,
    IntensityUpdated,
    PoolResized,
    ServiceBeat,
    SlotPlan,
    TimetableUpdated,
)

PERIOD = timedelta(minutes=5)
WEEK, FORECAST_POINTS = 2016, 576
"""Periods of a week, and of the two days that a forecast reaches."""
BASE, PREFETCH, SLOTS = 8, 2, 288


def fill(folder: Path, jobs: int, days: int, waiting: int) -> str:
    """The address of such a ledger in a folder; what is there already is kept, and made current.

    Args:
        folder: is made where it is not there yet.
        jobs: that have ended.
        days: over which they were submitted.
        waiting: jobs that are deferred now.
    """
    folder.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC)  # noqa: TID251 - a benchmark has no clock to be given
    file = folder / f"dashboard-{jobs}-{days}-{now:%Y%m%d}.db"
    engine = build(file, jobs, days, now - timedelta(days=1))
    told = list(_surroundings(now, waiting))
    with writing(engine) as connection:
        record(connection, told)
    engine.dispose()
    return f"sqlite:///{file}"


def _surroundings(now: datetime, waiting: int) -> Iterator[AnyEvent]:
    """What goes on around the jobs; what is told of a moment is the same in each run."""
    random = Random(now.timestamp())
    latest = datetime.fromtimestamp(now.timestamp() // 300 * 300, UTC)
    for place in range(-WEEK, 1):
        for region in REGIONS:
            yield _update(region, latest + place * PERIOD)
    for number in range(waiting):
        yield from life(now - number * timedelta(seconds=2), random, unfinished=True)
    for number, service in enumerate(("intensity_publisher", "scheduler", "ledger", "worker_pool")):
        yield ServiceBeat(
            id=uuid(random), at=now, service=service, instance=f"host-{number}", host="host",
            pid=number, started_at=now - PERIOD, interval_seconds=3600.0,
            facts={"role": "leader", "regions": ", ".join(REGIONS), "running": 0},
        )  # fmt: skip
    for region in REGIONS:
        yield from _of_region(region, now, latest, random)


def _of_region(region: str, now: datetime, latest: datetime, random: Random) -> Iterator[AnyEvent]:
    for hours in range(24, -1, -1):
        factor = (2.0, 1.5, 1.0, 0.5, 0.25)[hours % 5]
        yield PoolResized(
            id=uuid(random), at=now - timedelta(hours=hours), pool=f"host-3:{region}",
            region=region, consumers=int(BASE * factor), base_consumers=BASE, prefetch=PREFETCH,
            base_prefetch=PREFETCH, factor=factor, band=Band.MEDIUM, reason=f"{factor:g} x base",
        )  # fmt: skip
    yield TimetableUpdated(
        id=uuid(random), at=now, region=region, slot_seconds=300.0, consumers=BASE,
        backlog_seconds=60.0, slots=tuple(_slot(latest + n * PERIOD, n) for n in range(SLOTS)),
    )  # fmt: skip


def _update(region: str, at: datetime) -> IntensityUpdated:
    place = int(at.timestamp() // 300)
    ahead = tuple(_grams(place + n) + 5.0 for n in range(FORECAST_POINTS))
    return IntensityUpdated(
        id=UUID(int=place * len(REGIONS) + REGIONS.index(region), version=4),
        at=at,
        reading=Reading(region, at, 300.0, Signal.MARGINAL, "watttime", True, _grams(place)),
        band=absolute_cuts().band_of(_grams(place)),
        freshness=Freshness.LIVE,
        forecast=Forecast(at, at, 300.0, ahead),
        cuts=absolute_cuts(),
    )


def _slot(at: datetime, place: int) -> SlotPlan:
    return SlotPlan(
        at=at,
        band=Band.MEDIUM,
        expected_g_per_kwh=_grams(place),
        jobs=place % 3,
        load_seconds=300.0 * (place % 3),
        room_seconds=2400.0 - 300.0 * (place % 3),
    )


def _grams(place: int) -> float:
    """A day that is clean at noon."""
    return 300.0 + 200.0 * cos(2 * pi * place / SLOTS)
