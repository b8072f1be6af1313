"""Fill a ledger with a plausible state, through the same door as the ledger service.

Tests use it, and so may a person: `python tests/unit/dashboard/busy_ledger.py sqlite:///busy.db`
and then `LEDGER_URL=sqlite:///busy.db streamlit run dashboard/server.py`.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from uuid import UUID

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[3]))

from services.watttime_emulator.trace import bundled_trace
from shared.domain.bands import CAPACITY_FACTORS, Band, capacity, index_cuts, relative_cuts
from shared.domain.grid import Forecast, Freshness, Reading, Signal
from shared.domain.jobs import Job, Lane, Priority
from shared.domain.reasons import Cause, Numbers
from shared.domain.savings import EnergyMethod
from shared.ledger.schema import migrate, open_engine, writing
from shared.ledger.writes import record
from shared.messages import (
    AnyEvent,
    IntensityUpdated,
    JobAccepted,
    JobDeferred,
    JobDied,
    JobFailed,
    JobReleased,
    JobStarted,
    JobSucceeded,
    PoolResized,
    ServiceBeat,
)

REGION = "CAISO_NORTH"
BASE = 4
MORNING = 2 * 288 + 90
"""Where the recording is read: an expensive morning with clean midday hours ahead."""
TYPES = ("ml_training", "video_transcode", "nightly_report", "database_backup")


@dataclass(frozen=True)
class Scene:
    """What the ledger is to hold.

    Attributes:
        period_seconds: of a point; the demo's is 5.
        grams: whether intensities are known in grams, or the index alone.
        stale_periods: how long ago the updates stopped.
        region: its name, as a user may have set it.
    """

    period_seconds: float = 300.0
    history: int = 250
    forecast: int = 288
    jobs: int = 80
    workers: int = 2
    grams: bool = True
    simulated: bool = False
    stale_periods: float = 0.0
    region: str = REGION


class Story:
    """Makes up the events of a scene, the same ones for the same seed."""

    def __init__(self, scene: Scene, now: datetime) -> None:
        self.scene = scene
        self.random = Random(7)
        self.period = timedelta(seconds=scene.period_seconds)
        whole = now.timestamp() // scene.period_seconds * scene.period_seconds
        last = datetime.fromtimestamp(whole, UTC) - scene.stale_periods * self.period
        self.now = now
        self.times = [last - self.period * back for back in range(scene.history - 1, -1, -1)]
        values = bundled_trace().values[MORNING:]
        self.values = values[: scene.history]
        self.ahead = values[scene.history : scene.history + scene.forecast]
        self.cuts = relative_cuts(values[:2000]) if scene.grams else index_cuts()

    def events(self) -> Iterator[AnyEvent]:
        yield from self.grid()
        yield from self.beats()
        yield from self.sizes()
        for number in range(self.scene.jobs):
            yield from self.job(number)

    def uuid(self) -> UUID:
        return UUID(int=self.random.getrandbits(128), version=4)

    def value(self, place: int) -> float:
        """Grams, or a percentile that moves the same way."""
        value = self.values[place]
        return value if self.scene.grams else min(100.0, round(value / 5))

    def band(self, place: int) -> Band:
        return self.cuts.band_of(self.value(place))

    def grid(self) -> Iterator[AnyEvent]:
        grams = self.scene.grams
        for place, at in enumerate(self.times):
            is_last = place == len(self.times) - 1
            yield IntensityUpdated(
                id=self.uuid(),
                at=at + timedelta(seconds=0.2),
                reading=Reading(
                    region=self.scene.region,
                    at=at,
                    period_seconds=self.scene.period_seconds,
                    signal=Signal.MARGINAL,
                    source="watttime",
                    simulated=self.scene.simulated,
                    intensity_g_per_kwh=self.value(place) if grams else None,
                    index_percent=None if grams else self.value(place),
                ),
                band=self.band(place),
                freshness=Freshness.LIVE,
                forecast=self.forecast(at) if is_last and grams else None,
                cuts=self.cuts if grams else None,
            )

    def forecast(self, at: datetime) -> Forecast:
        values = (self.value(len(self.times) - 1), *self.ahead)
        return Forecast(at, at, self.scene.period_seconds, values)

    def beats(self) -> Iterator[AnyEvent]:
        for number, service in enumerate(
            ("ledger", "scheduler", *["worker_pool"] * self.scene.workers)
        ):
            running = {"running": 1} if service == "worker_pool" else {}
            yield ServiceBeat(
                id=self.uuid(),
                at=self.now,
                service=service,
                instance=f"host-{100 + number}",
                host="host",
                pid=100 + number,
                started_at=self.times[0],
                interval_seconds=3600.0,
                facts={**running, "regions": self.scene.region},
            )

    def sizes(self) -> Iterator[AnyEvent]:
        for worker in range(self.scene.workers):
            told = None
            for place, at in enumerate(self.times):
                band = self.band(place)
                if band is told:
                    continue
                told, factor = band, CAPACITY_FACTORS[band]
                yield PoolResized(
                    id=self.uuid(),
                    at=at + timedelta(seconds=0.3),
                    pool=f"host-{102 + worker}",
                    region=self.scene.region,
                    band=band,
                    factor=factor,
                    consumers=capacity(BASE, band),
                    prefetch=capacity(2, band),
                    base_consumers=BASE,
                    base_prefetch=2,
                    reason=f"{band.words} band: {factor:g} x the base",
                )

    def job(self, number: int) -> Iterator[AnyEvent]:
        """One job in four is still waiting, the others are somewhere further along."""
        last = len(self.times) - 1
        submitted = self.random.randrange(last // 3, last - 4)
        job = self.submitted(number, self.times[submitted])
        yield JobAccepted(id=self.uuid(), at=job.submitted_at, job_id=job.id, job=job)
        if number % 4 == 0:
            yield self.deferred(job, last, self.best_ahead())
            return
        start = self.cleanest(submitted, last - 3)
        if start > submitted:
            yield self.deferred(job, submitted, self.times[start])
        yield self.released(job, start)
        if number % 10 == 1:
            return  # ready
        yield from self.run(job, start, number)

    def submitted(self, number: int, at: datetime) -> Job:
        return Job(
            id=self.uuid(),
            type=TYPES[number % len(TYPES)],
            priority=Priority.NORMAL,
            max_band=Band.LOW,
            submitted_at=at,
            deadline=at + 280 * self.period,
            expected_duration_seconds=2 * self.scene.period_seconds,
            regions=(self.scene.region,),
            energy_kwh=0.05 * (1 + number % 5),
        )

    def cleanest(self, first: int, last: int) -> int:
        places = range(first, min(first + 60, last) + 1)
        return min(places, key=self.value, default=first)

    def best_ahead(self) -> datetime:
        if not self.scene.grams:
            return self.times[-1] + 20 * self.period
        ranked = sorted(range(len(self.ahead)), key=lambda place: self.ahead[place])
        return self.times[-1] + (1 + self.random.choice(ranked[:40])) * self.period

    def decided(self, job: Job, place: int, cause: Cause, reason: str) -> dict[str, object]:
        numbers = Numbers(
            region=self.scene.region,
            band=self.band(place),
            limit=Band.LOW,
            latest_start=job.deadline - 2 * self.period,
            freshness=Freshness.LIVE,
            intensity_g_per_kwh=self.value(place) if self.scene.grams else None,
            index_percent=None if self.scene.grams else self.value(place),
            forecast_age_seconds=20.0,
            window_g_per_kwh=self.value(place) if self.scene.grams else None,
            expected_g_per_kwh=None,
            expected_saving_g=None,
        )
        return {
            "id": self.uuid(),
            "job_id": job.id,
            "cause": cause,
            "reason": reason,
            "numbers": numbers,
            "attempts": 0,
        }

    def deferred(self, job: Job, place: int, until: datetime) -> JobDeferred:
        reason = (
            f"the grid is {self.value(place):.0f} g/kWh ({self.band(place).words}), the job's "
            f"limit is low; 60 % less is expected at {until:%-d %b %H:%M:%S} UTC; latest start "
            f"{job.deadline - 2 * self.period:%-d %b %H:%M:%S} UTC"
        )
        return JobDeferred(
            **self.decided(job, place, Cause.CLEANER_LATER, reason),
            at=self.times[place] + timedelta(seconds=0.4),
            deferrals=1,
            planned_at=until,
            slot=int(until.timestamp() // self.scene.period_seconds),
        )

    def released(self, job: Job, place: int) -> JobReleased:
        grid = f"the grid is {self.value(place):.0f} g/kWh ({self.band(place).words})"
        accepted = self.band(place).rank <= Band.LOW.rank
        cause = Cause.IN_BAND if accepted else Cause.NOTHING_CLEANER
        why = "in its band" if accepted else "nothing cleaner has room"
        return JobReleased(
            **self.decided(job, place, cause, f"{grid}: {why}"),
            at=self.times[place] + timedelta(seconds=0.5),
            deferrals=1,
            region=self.scene.region,
            lane=Lane.NORMAL,
        )

    def run(self, job: Job, place: int, number: int) -> Iterator[AnyEvent]:
        started = self.times[place] + timedelta(seconds=1)
        about = {
            "job_id": job.id,
            "attempt": 1,
            "pool": "host-102",
            "region": self.scene.region,
            "started_at": started,
        }
        yield JobStarted(id=self.uuid(), at=started, **about)
        if number % 10 == 2:
            return  # running
        ended = started + 2 * self.period
        used = {"energy_kwh": job.energy_kwh, "energy_method": EnergyMethod.DECLARED}
        about |= {"at": ended, "finished_at": ended, **used}
        if number % 30 == 3:
            error = "FlakyDependencyError: the backup share is away"
            yield JobFailed(id=self.uuid(), error=error, **about)
            yield JobDied(id=self.uuid(), at=ended, job_id=job.id, attempt=1, error=error)
            return
        yield JobSucceeded(id=self.uuid(), result={"blocks": 12}, **about)


def fill(url: str, scene: Scene | None = None) -> None:
    """Make a ledger, and put a scene into it that ends now."""
    migrate(url)
    now = datetime.now(UTC)
    engine = open_engine(url)
    with writing(engine) as connection:
        record(connection, list(Story(scene or Scene(), now).events()))
    engine.dispose()


if __name__ == "__main__":
    fill(sys.argv[1], Scene(period_seconds=float((*sys.argv, "300")[2])))
