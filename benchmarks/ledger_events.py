"""Made-up but lifelike histories for measuring the ledger: the events of many jobs, in their order.

A typical life has five events: accepted, deferred, released, started, succeeded. One job in fifty
dies, one in fifty is cancelled while it waits, and jobs of the last hours are still on their way.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

from shared.domain.bands import Band, absolute_cuts
from shared.domain.grid import Freshness, Reading, Signal
from shared.domain.jobs import Job, Lane, Priority
from shared.domain.reasons import Cause, Numbers, reason
from shared.domain.savings import EnergyMethod
from shared.messages import (
    AnyEvent,
    IntensityUpdated,
    JobAccepted,
    JobCancelled,
    JobDeferred,
    JobDied,
    JobFailed,
    JobReleased,
    JobStarted,
    JobSucceeded,
)

START = datetime(2026, 7, 1, tzinfo=UTC)
REGIONS = ("CAISO_NORTH", "PJM_DC")
RARE_TYPE = "yearly_audit"
TYPES = ("ml_training", "video_encoding", "database_backup", "nightly_report", "etl", "indexing")
PRIORITIES = (Priority.NORMAL,) * 7 + (Priority.LOW, Priority.HIGH, Priority.CRITICAL)
READING_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Span:
    """How many jobs, evenly submitted over how many days."""

    jobs: int
    days: float

    @property
    def end(self) -> datetime:
        """When the history ends."""
        return START + timedelta(days=self.days)


def history(
    span: Span, seed: int = 1, unfinished: timedelta = timedelta(hours=2)
) -> Iterator[AnyEvent]:
    """Every event of a span in the order in which they happen.

    Args:
        span: of the jobs' submissions.
        seed: decides everything.
        unfinished: jobs that are submitted this shortly before the end have only begun.
    """
    random = Random(seed)
    step = timedelta(days=span.days) / span.jobs
    coming: list[tuple[datetime, int, AnyEvent]] = []
    readings = _readings(span, random)
    reading = next(readings, None)
    told = 0
    for number in range(span.jobs):
        now = START + number * step
        while reading is not None and reading.at <= now:
            yield reading
            reading = next(readings, None)
        while coming and coming[0][0] <= now:
            yield heapq.heappop(coming)[2]
        for event in life(now, random, unfinished=span.end - now < unfinished):
            told += 1
            heapq.heappush(coming, (event.at, told, event))
    while coming:
        yield heapq.heappop(coming)[2]


def life(now: datetime, random: Random, *, unfinished: bool = False) -> list[AnyEvent]:
    """The events of one job that is submitted now."""
    return _Life(now, random).tell(unfinished=unfinished)


class _Life:
    """One job."""

    def __init__(self, now: datetime, random: Random) -> None:
        self._random = random
        self._region = random.choice(REGIONS)
        self._job = _job(now, self._region, random)
        self._events: list[AnyEvent] = []
        self._at = now

    def tell(self, *, unfinished: bool) -> list[AnyEvent]:
        fate = self._random.random()
        wait_seconds = 300.0 * self._random.randint(1, 150)
        self._events = [JobAccepted(**self._base(), job=self._job)]
        self._pass(0.02)
        self._defer(wait_seconds)
        if unfinished:
            return self._events
        self._pass(wait_seconds * (0.5 if fate < 0.02 else 1.0))
        if fate < 0.02:
            self._events.append(JobCancelled(**self._base(), by="ana", reason="not needed"))
            return self._events
        self._release()
        self._pass(self._random.uniform(0.01, 30))
        self._run(fails=fate < 0.04)
        return self._events

    def _pass(self, seconds: float) -> None:
        self._at += timedelta(microseconds=int(seconds * 1e6) + self._random.randint(1, 9999))

    def _base(self) -> dict[str, UUID | datetime]:
        return {"id": uuid(self._random), "at": self._at, "job_id": self._job.id}

    def _numbers(self, band: Band) -> Numbers:
        now_g = round(self._random.uniform(100, 700), 1)
        expected_g = round(now_g * self._random.uniform(0.4, 0.95), 6)
        energy = self._job.expected_energy_kwh() or 0.0
        return Numbers(
            region=self._region,
            band=band,
            limit=self._job.max_band,
            latest_start=self._job.submitted_at + timedelta(hours=20),
            freshness=Freshness.LIVE,
            intensity_g_per_kwh=now_g,
            index_percent=None,
            forecast_age_seconds=round(self._random.uniform(1, 300), 3),
            window_g_per_kwh=now_g,
            expected_g_per_kwh=expected_g,
            expected_saving_g=(now_g - expected_g) * energy,
        )

    def _decided(self, cause: Cause, numbers: Numbers, until: datetime | None) -> dict[str, object]:
        told = {"cause": cause, "reason": reason(cause, numbers, until), "numbers": numbers}
        counters = {"attempts": 0, "deferrals": 1, "promised_g": numbers.expected_saving_g}
        return {**self._base(), **told, **counters}

    def _defer(self, wait_seconds: float) -> None:
        numbers, until = self._numbers(Band.HIGH), self._at + timedelta(seconds=wait_seconds)
        until = until.replace(minute=until.minute // 5 * 5, second=0, microsecond=0)
        told = self._decided(Cause.CLEANER_LATER, numbers, until)
        slot = int(until.timestamp() // 300)
        self._events.append(JobDeferred(**told, planned_at=until, slot=slot))

    def _release(self) -> None:
        told = self._decided(Cause.IN_BAND, self._numbers(Band.LOW), None)
        self._events.append(JobReleased(**told, region=self._region, lane=Lane.NORMAL))

    def _run(self, *, fails: bool) -> None:
        where = {"attempt": 1, "pool": f"worker-1:{self._region}", "region": self._region}
        begun = {**where, "started_at": self._at}
        self._events.append(JobStarted(**self._base(), **begun))
        self._pass(self._job.expected_duration_seconds * self._random.uniform(0.8, 1.2))
        ended = {
            **begun,
            "finished_at": self._at,
            "energy_kwh": self._job.declared_energy_kwh((self._at - begun["started_at"]).seconds),
            "energy_method": EnergyMethod.DECLARED,
        }
        if fails:
            self._events.append(JobFailed(**self._base(), **ended, error="the disk is full"))
            self._events.append(JobDied(**self._base(), attempt=1, error="no attempt is left"))
        else:
            result = {"rows": self._random.randint(1, 10**6)}
            self._events.append(JobSucceeded(**self._base(), **ended, result=result))


def uuid(random: Random) -> UUID:
    """A random id that the seed decides."""
    return UUID(int=random.getrandbits(128), version=4)


def _job(now: datetime, region: str, random: Random) -> Job:
    duration_seconds = float(random.choice((60, 300, 900, 1800)))
    return Job(
        id=uuid(random),
        type=RARE_TYPE if random.random() < 0.0001 else random.choice(TYPES),
        submitted_at=now,
        deadline=now + timedelta(hours=24),
        expected_duration_seconds=duration_seconds,
        regions=(region,),
        power_watts=float(random.choice((50, 250, 1000))),
        priority=random.choice(PRIORITIES),
        max_band=Band.LOW,
    )


def _readings(span: Span, random: Random) -> Iterator[IntensityUpdated]:
    """A point of each region's grid every hour."""
    for hour in range(int(span.days * 24) + 48):
        at = START + timedelta(hours=hour - 24)
        for region in REGIONS:
            reading = Reading(
                region=region,
                at=at,
                period_seconds=READING_SECONDS,
                signal=Signal.MARGINAL,
                source="watttime",
                simulated=True,
                intensity_g_per_kwh=round(random.uniform(50, 700), 2),
                index_percent=None,
            )
            yield IntensityUpdated(
                id=uuid(random), at=at, reading=reading, band=Band.MEDIUM,
                freshness=Freshness.LIVE, forecast=None, cuts=absolute_cuts(),
            )  # fmt: skip
