"""A week in which everything happened, on top of the scenes of `busy_ledger`.

A person may look at it: `python tests/unit/dashboard/full_ledger.py sqlite:///full.db`
and then `LEDGER_URL=sqlite:///full.db streamlit run dashboard/server.py`.
"""

import runpy
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[3]))

from shared.domain.bands import Band
from shared.domain.grid import Forecast
from shared.domain.jobs import Job, Priority
from shared.domain.savings import EnergyMethod
from shared.ledger.schema import migrate, open_engine, writing
from shared.ledger.writes import record, settle_accounts
from shared.messages import (
    Action,
    AnyEvent,
    ControlTaken,
    IntensityUpdated,
    JobProgressed,
    JobRejected,
    JobStarted,
    PoolResized,
    ServiceBeat,
    SlotPlan,
    TimetableUpdated,
)

BUSY: Any = runpy.run_path(str(Path(__file__).parent / "busy_ledger.py"))
WEEK = BUSY["Scene"](period_seconds=1800.0, history=336, forecast=96, jobs=240, workers=3)
DEAD_WORKER = "host-900"
PRIORITIES = (Priority.NORMAL, Priority.LOW, Priority.HIGH, Priority.CRITICAL)
SETTINGS = {
    "setting.slot_seconds": 300.0,
    "setting.regions": "CAISO_NORTH",
    "setting.namespace": "",
    "setting.log_level": "INFO",
}
FACTS: dict[str, dict[str, Any]] = {
    "intensity_publisher": {
        "role": "leader",
        "setting.sources": "watttime@900",
        "order.CAISO_NORTH": "watttime>electricity_maps",
    },
    "scheduler": {"role": "leader", "waiting": 100, "accepted": 400, "rejected": 2},
    "ledger": {"recorded": 4000, "writing": True},
    "worker_pool": {"running": 1, "held": 1, "types": "ml_training,nightly_report"},
}


class FullStory(BUSY["Story"]):
    """Tells of forecasts, promises, priorities, progress, a timetable, orders and a dead worker."""

    def __init__(self, scene: Any, now: datetime, *, rule: str = "band") -> None:
        super().__init__(scene, now)
        self.rule = rule

    def events(self) -> Iterator[AnyEvent]:
        yield from super().events()
        yield from self.orders()
        yield self.timetable()

    def grid(self) -> Iterator[IntensityUpdated]:
        """Every update brings a forecast, the half of it the source's own, a little too high."""
        for place, told in enumerate(super().grid()):
            if not self.scene.grams:
                yield told
                continue
            ahead = [*self.values[place:], *self.ahead][: self.scene.forecast]
            values = tuple(1.05 * value + 4.0 for value in ahead)
            forecast = Forecast(told.reading.at, told.reading.at, self.scene.period_seconds, values)
            until = told.reading.at + len(values) // 2 * self.period
            yield told.model_copy(
                update={"forecast": forecast, "forecast_issued_until": until, "cuts": self.cuts}
            )

    def beats(self) -> Iterator[ServiceBeat]:
        services = ("intensity_publisher", "scheduler", "scheduler", "ledger")
        yield self.beat("worker_pool", 900, rule=False).model_copy(
            update={"at": self.now - timedelta(hours=6)}
        )
        for number, service in enumerate(services):
            yield self.beat(service, 200 + number, standby=number == 2)
        for number in range(self.scene.workers):
            yield self.beat("worker_pool", 102 + number)

    def beat(self, service: str, pid: int, *, standby: bool = False, rule: bool = True) -> Any:
        facts = {**FACTS[service], **SETTINGS, "version": "0.1.0", "regions": self.scene.region}
        if standby:
            facts |= {"role": "standby", "waiting": None}
        if service == "worker_pool" and rule:
            facts[f"rule.{self.scene.region}"] = self.rule
        return ServiceBeat(
            id=self.uuid(), at=self.now, service=service, instance=f"host-{pid}", host="host",
            pid=pid, started_at=self.times[0], interval_seconds=3600.0, facts=facts,
        )  # fmt: skip

    def sizes(self) -> Iterator[PoolResized]:
        told = list(super().sizes())
        yield from told
        if self.rule == "band":
            return
        reason = (
            "all work was paused by ana"
            if self.rule == "paused"
            else ("eco mode off until 12:00, set by ana: 1 x the base")
        )
        last = {event.pool: event for event in told}
        for event in last.values():
            size = {"consumers": 0, "factor": 0.0} if self.rule == "paused" else {"consumers": 4}
            yield event.model_copy(
                update={"id": self.uuid(), "at": self.now, "reason": reason, **size}
            )

    def submitted(self, number: int, at: datetime) -> Job:
        job = super().submitted(number, at)
        changes: dict[str, Any] = {"priority": PRIORITIES[number % 7 % 4]}
        if number % 9 == 5:
            changes["energy_kwh"] = None
        return replace(job, **changes)

    def decided(self, job: Job, place: int, cause: Any, reason: str) -> dict[str, object]:
        energy = job.energy_kwh
        promised = None if energy is None or not self.scene.grams else 150.0 * energy
        return {**super().decided(job, place, cause, reason), "promised_g": promised}

    def run(self, job: Job, place: int, number: int) -> Iterator[AnyEvent]:
        for told in super().run(job, place, number):
            if isinstance(told, JobStarted) and number % 40 == 2:
                yield told.model_copy(update={"pool": DEAD_WORKER})
            elif getattr(told, "energy_kwh", 0.0) is None:
                yield told.model_copy(update={"energy_method": None})
            elif getattr(told, "energy_method", None) and number % 5 == 0:
                yield told.model_copy(update={"energy_method": EnergyMethod.MEASURED})
            else:
                yield told
        if number % 10 == 2:
            yield self.progress(job, place, number)

    def progress(self, job: Job, place: int, number: int) -> JobProgressed:
        started = self.times[place] + timedelta(seconds=1)
        return JobProgressed(
            id=self.uuid(), at=started + timedelta(seconds=60), job_id=job.id, attempt=1,
            pool=DEAD_WORKER if number % 40 == 2 else "host-102", region=self.scene.region,
            started_at=started, fraction=(number % 9) / 10, message=f"block {number}",
        )  # fmt: skip

    def orders(self) -> Iterator[AnyEvent]:
        """What was rejected, and what people asked for."""
        for back, reason in ((30, "type: required"), (90, "deadline: is in the past")):
            yield JobRejected(id=self.uuid(), at=self.now - timedelta(minutes=back), reason=reason)
        for back, action, scope in (
            (300, Action.PAUSE, "job type video_transcode: host-102"),
            (200, Action.RESUME, "job type video_transcode: host-102"),
        ):
            yield ControlTaken(
                id=self.uuid(), at=self.now - timedelta(minutes=back), action=action,
                scope=scope, by="ana",
            )  # fmt: skip

    def timetable(self) -> TimetableUpdated:
        """24 h in slots of 5 minutes, some of them full and some of them empty."""
        start = self.now.timestamp() // 300 * 300
        slots = tuple(
            self.slot(datetime.fromtimestamp(start + 300 * place, UTC), place)
            for place in range(288)
        )
        return TimetableUpdated(
            id=self.uuid(), at=self.now, region=self.scene.region, slot_seconds=300.0,
            consumers=12, backlog_seconds=900.0, slots=slots,
        )  # fmt: skip

    def slot(self, at: datetime, place: int) -> SlotPlan:
        grams = self.ahead[place // 6 % len(self.ahead)] if self.scene.grams else None
        band = Band.MEDIUM if grams is None else self.cuts.band_of(grams)
        consumers = {Band.VERY_LOW: 24, Band.LOW: 18, Band.MEDIUM: 12}.get(band, 6)
        jobs = place % 5 * 2 if band is Band.MEDIUM else 0
        load = min(600.0 * jobs, 300.0 * consumers)
        return SlotPlan(
            at=at, band=band, expected_g_per_kwh=grams, jobs=jobs, load_seconds=load,
            room_seconds=300.0 * consumers - load,
        )  # fmt: skip

    def deferred(self, job: Job, place: int, until: datetime) -> Any:
        """A job in five was planned for later than it was let run."""
        is_early = until <= self.times[-1] and job.id.int % 5 == 0
        return super().deferred(job, place, until + 4 * self.period if is_early else until)


def fill(url: str, scene: Any = WEEK, *, rule: str = "band") -> None:
    """Make a ledger, and put the week into it that ends now; `rule` is what pools follow."""
    migrate(url)
    engine = open_engine(url)
    with writing(engine) as connection:
        record(connection, list(FullStory(scene, datetime.now(UTC), rule=rule).events()))
        while settle_accounts(connection):
            pass
    engine.dispose()


if __name__ == "__main__":
    fill(sys.argv[1])
