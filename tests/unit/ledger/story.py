"""A teller of consistent histories: events with made-up ids, and times in seconds."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from shared.domain.bands import Band, absolute_cuts
from shared.domain.grid import Forecast, Freshness, Reading, Signal
from shared.domain.jobs import Job, Lane, Priority
from shared.domain.reasons import Cause, Numbers
from shared.domain.savings import EnergyMethod
from shared.messages import (
    Action,
    Asked,
    ControlTaken,
    IntensityRevised,
    IntensityUpdated,
    JobAccepted,
    JobCancelled,
    JobDeferred,
    JobDied,
    JobExpired,
    JobFailed,
    JobPaused,
    JobProgressed,
    JobRejected,
    JobReleased,
    JobReplayed,
    JobRetried,
    JobStarted,
    JobSucceeded,
    PoolResized,
    RevisedPoint,
    ServiceBeat,
    SlotPlan,
    TimetableUpdated,
)

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
REGION = "CAISO_NORTH"
_NAMES = UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")


class Story:
    """Tells events with made-up ids and times in seconds after the start."""

    start = START
    region = REGION

    def __init__(self) -> None:
        self.told = 0

    def at(self, seconds: float) -> datetime:
        return START + timedelta(seconds=seconds)

    def job_id(self, number: int) -> UUID:
        return uuid5(_NAMES, f"job {number}")

    def _base(self, seconds: float, **fields: Any) -> dict[str, Any]:
        self.told += 1
        return {"id": uuid5(_NAMES, f"event {self.told}"), "at": self.at(seconds), **fields}

    def accepted(self, job: int, seconds: float, **fields: Any) -> JobAccepted:
        values: dict[str, Any] = {
            "type": "ml_training",
            "priority": Priority.NORMAL,
            "max_band": Band.LOW,
            "deadline": self.at(seconds + 86_400),
            "expected_duration_seconds": 300.0,
            "regions": (REGION,),
            "energy_kwh": 1.0,
        }
        told = Job(id=self.job_id(job), submitted_at=self.at(seconds), **(values | fields))
        return JobAccepted(**self._base(seconds, job_id=told.id), job=told)

    def _decided(self, job: int, seconds: float, **fields: Any) -> dict[str, Any]:
        numbers = Numbers(
            region=REGION,
            band=Band.HIGH,
            limit=Band.LOW,
            latest_start=self.at(80_000),
            freshness=Freshness.LIVE,
            intensity_g_per_kwh=420.0,
            index_percent=71.0,
            forecast_age_seconds=12.0,
            window_g_per_kwh=410.0,
            expected_g_per_kwh=fields.pop("expected", 200.0),
            expected_saving_g=210.0,
        )
        base = self._base(seconds, job_id=self.job_id(job), numbers=numbers, reason="it is dirty")
        return base | {"attempts": 0, "deferrals": 0} | fields

    def deferred(self, job: int, seconds: float, until: float, **fields: Any) -> JobDeferred:
        values = {"cause": Cause.CLEANER_LATER, "planned_at": self.at(until), "slot": int(until)}
        return JobDeferred(**self._decided(job, seconds, **(values | fields)))

    def released(self, job: int, seconds: float, **fields: Any) -> JobReleased:
        values = {"cause": Cause.IN_BAND, "region": REGION, "lane": Lane.NORMAL}
        return JobReleased(**self._decided(job, seconds, **(values | fields)))

    def expired(self, job: int, seconds: float, **fields: Any) -> JobExpired:
        values = {"cause": Cause.DEADLINE_PASSED}
        return JobExpired(**self._decided(job, seconds, **(values | fields)))

    def _attempted(
        self, job: int, seconds: float, attempt: int, begun: float, piece: int = 1
    ) -> dict[str, Any]:
        base = self._base(seconds, job_id=self.job_id(job), attempt=attempt, piece=piece)
        return base | {"pool": "host-1:" + REGION, "region": REGION, "started_at": self.at(begun)}

    def started(self, job: int, seconds: float, attempt: int = 1, piece: int = 1) -> JobStarted:
        return JobStarted(**self._attempted(job, seconds, attempt, seconds, piece))

    def progressed(
        self,
        job: int,
        begun: float,
        seconds: float,
        fraction: float | None,
        *,
        attempt: int = 1,
        piece: int = 1,
        message: str | None = None,
    ) -> JobProgressed:
        told = self._attempted(job, seconds, attempt, begun, piece)
        return JobProgressed(**told, fraction=fraction, message=message)

    def _finished(
        self,
        job: int,
        begun: float,
        ended: float,
        *,
        attempt: int = 1,
        piece: int = 1,
        energy_kwh: float | None = 1.0,
    ) -> dict[str, Any]:
        method = None if energy_kwh is None else EnergyMethod.DECLARED
        ending = {"finished_at": self.at(ended), "energy_kwh": energy_kwh, "energy_method": method}
        return self._attempted(job, ended, attempt, begun, piece) | ending

    def succeeded(
        self, job: int, begun: float, ended: float, *, result: Any = None, **run: Any
    ) -> JobSucceeded:
        """Told with the attempt, piece and energy in `run`, as every end of a run."""
        return JobSucceeded(**self._finished(job, begun, ended, **run), result=result)

    def failed(self, job: int, begun: float, ended: float, **run: Any) -> JobFailed:
        told = self._finished(job, begun, ended, **run)
        return JobFailed(
            **told, error=f"attempt {told['attempt']} broke", traceback="Traceback ..."
        )

    def paused(self, job: int, begun: float, ended: float, *, left: float, **run: Any) -> JobPaused:
        told = self._finished(job, begun, ended, **run)
        return JobPaused(**told, reason="the grid became dirty", remaining_seconds=left)

    def cancelled(self, job: int, seconds: float, by: str | None = "ana") -> JobCancelled:
        """Where nothing ran."""
        base = self._base(seconds, job_id=self.job_id(job))
        return JobCancelled(**base, by=by, reason="not needed")

    def cut(self, job: int, begun: float, ended: float, **run: Any) -> JobCancelled:
        """While it ran."""
        told = self._finished(job, begun, ended, **run)
        return JobCancelled(**told, by="ana", reason="not needed")

    def replayed(
        self, job: int, seconds: float, attempts: int, deadline: float | None = None
    ) -> JobReplayed:
        base = self._base(seconds, job_id=self.job_id(job), attempts=attempts, by="ana")
        return JobReplayed(**base, deadline=None if deadline is None else self.at(deadline))

    def taken(self, seconds: float, action: Action | Asked, job: int | None = None) -> ControlTaken:
        job_id = None if job is None else self.job_id(job)
        scope = "everything" if job is None else f"job {job_id}"
        return ControlTaken(
            **self._base(seconds), action=action, job_id=job_id, scope=scope, by="ana"
        )

    def retried(self, job: int, seconds: float, attempt: int, until: float) -> JobRetried:
        base = self._base(seconds, job_id=self.job_id(job), attempt=attempt)
        return JobRetried(**base, not_before=self.at(until))

    def died(self, job: int, seconds: float, attempt: int) -> JobDied:
        base = self._base(seconds, job_id=self.job_id(job), attempt=attempt)
        return JobDied(**base, error="no attempt is left")

    def rejected(self, seconds: float) -> JobRejected:
        return JobRejected(**self._base(seconds), reason="type: required")

    def intensity(self, seconds: float, g_per_kwh: float | None, **fields: Any) -> IntensityUpdated:
        """An update whose point starts at `seconds`; `told` says when it was told."""
        told_at = fields.pop("told", seconds)
        values = {
            "signal": Signal.MARGINAL,
            "source": "watttime",
            "simulated": False,
            "period_seconds": 300.0,
            "index_percent": 50.0,
            "region": REGION,
        }
        outer = {
            "band": Band.MEDIUM,
            "freshness": Freshness.LIVE,
            "cuts": absolute_cuts(),
            "forecast": None,
            "reason": None,
            "warnings": (),
        }
        outer |= {name: fields.pop(name) for name in list(fields) if name in outer}
        reading = Reading(at=self.at(seconds), intensity_g_per_kwh=g_per_kwh, **(values | fields))
        return IntensityUpdated(**self._base(told_at), reading=reading, **outer)

    def revised(self, told: float, first: float, values: Sequence[float], **fields: Any) -> Any:
        """A revision that is told at `told`, of points from `first` on."""
        usual = {"source": "watttime", "signal": Signal.MARGINAL, "simulated": False}
        points = tuple(
            RevisedPoint(at=self.at(first + 300 * n), intensity_g_per_kwh=value, band=Band.LOW)
            for n, value in enumerate(values)
        )
        told_of = self._base(told, region=REGION, period_seconds=300.0, points=points)
        return IntensityRevised(**told_of, **(usual | fields))

    def forecast(self, seconds: float, *values: float, period: float = 300.0) -> Forecast:
        return Forecast(self.at(seconds), self.at(seconds), period, values)

    def resized(self, seconds: float, consumers: int, instance: str = "host-1") -> PoolResized:
        return PoolResized(
            **self._base(seconds),
            pool=f"{instance}:{REGION}",
            region=REGION,
            band=Band.LOW,
            factor=1.5,
            consumers=consumers,
            prefetch=2 * consumers,
            base_consumers=4,
            base_prefetch=8,
            reason="the grid is low",
        )

    def timetable(self, seconds: float, *jobs: int, consumers: int | None = 2) -> TimetableUpdated:
        slots = tuple(
            SlotPlan(
                at=self.at(300 * n),
                band=Band.LOW,
                expected_g_per_kwh=100.0 + n,
                jobs=count,
                load_seconds=60.0 * count,
                room_seconds=None if consumers is None else 600.0 - 60.0 * count,
            )
            for n, count in enumerate(jobs)
        )
        return TimetableUpdated(
            **self._base(seconds),
            region=REGION,
            slot_seconds=300.0,
            consumers=consumers,
            backlog_seconds=None if consumers is None else 120.0,
            slots=slots,
        )

    def beat(self, seconds: float, instance: str = "host-1", **facts: Any) -> ServiceBeat:
        process: dict[str, Any] = {"service": "worker_pool", "host": "host", "pid": 1}
        told = self._base(seconds, instance=instance, interval_seconds=10.0, **process)
        return ServiceBeat(**told, started_at=START, facts=facts)
