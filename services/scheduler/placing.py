"""Carries a decision out: one publish to where the job goes, one event that explains it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

import structlog

from services.scheduler.fleet import Fleet
from services.scheduler.grids import Grids
from services.scheduler.plan import Plan, Waiting
from shared.broker.publish import Publisher
from shared.domain.decisions import Decision, Defer, Expire, Rules, RunNow, decide_among
from shared.messages import JobDeferred, JobExpired, JobReleased, QueuedJob

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Placing:
    """Decides jobs one by one and sends each where it belongs."""

    grids: Grids
    fleet: Fleet
    plan: Plan
    rules: Rules
    publisher: Publisher
    clock: Callable[[], datetime]

    async def place(self, queued: QueuedJob) -> None:
        """Decide a job afresh and act on it; everything is confirmed at the return."""
        if queued.not_before is not None and queued.not_before > self.clock():
            await self._park(queued, queued.not_before)
            return
        decision = self._decide(queued)
        if queued.promised_g is None:
            promised = decision.numbers.expected_saving_g
            queued = queued.model_copy(update={"promised_g": promised})
        match decision:
            case RunNow():
                await self._release(queued, decision)
            case Defer():
                await self._defer(queued, decision)
            case Expire():
                expired = JobExpired(**self._explained(queued, decision, "expired"))
                await self.publisher.event(expired)

    async def _park(self, queued: QueuedJob, not_before: datetime) -> None:
        """Put a retry into the slot after its backoff; it is decided when that slot opens."""
        wheel = self.plan.timetable.wheel
        last = wheel.last_slot(self.clock().timestamp())
        slot = min(wheel.slot_at(not_before.timestamp()) + 1, last)
        region = queued.region or queued.job.regions[0]
        await self._wait(queued, Waiting(queued.job, region, slot, slot, not_before))

    def _decide(self, queued: QueuedJob) -> Decision:
        now = self.clock()
        grids = self.grids.of(queued.job.regions, now)
        return decide_among(queued.job, now, grids, self.plan.timetable, self.rules)

    async def _release(self, queued: QueuedJob, decision: RunNow) -> None:
        region = decision.numbers.region
        seconds = queued.job.expected_duration_seconds
        # Before anything is awaited: the next job must find less room already.
        self.plan.timetable.hold(region, self.fleet.expected_seconds(region, seconds))
        self.fleet.sent(region, seconds)
        ready = queued.model_copy(update={"slot": None, "region": region, "not_before": None})
        await self.publisher.ready(ready, region, decision.lane)
        await self.publisher.event(
            JobReleased(
                **self._explained(queued, decision, "released"), region=region, lane=decision.lane
            )
        )

    async def _defer(self, queued: QueuedJob, decision: Defer) -> None:
        region, job = decision.numbers.region, queued.job
        moved = queued.slot != decision.slot
        if moved:
            job = replace(job, deferrals=job.deferrals + 1)
        queued = queued.model_copy(update={"job": job})
        await self._wait(queued, Waiting(job, region, decision.slot, decision.load_slot))
        if moved:
            await self.publisher.event(
                JobDeferred(
                    **self._explained(queued, decision, "deferred"),
                    planned_at=decision.until,
                    slot=decision.slot,
                )
            )

    async def _wait(self, queued: QueuedJob, waiting: Waiting) -> None:
        """Put a job into a slot; its load is noted first, so that the next one sees it."""
        self.plan.add(waiting)
        there = queued.model_copy(update={"slot": waiting.slot, "region": waiting.region})
        try:
            await self.publisher.defer(there, self.plan.timetable.wheel.place(waiting.slot))
        except BaseException:
            self.plan.remove(waiting.job.id)
            raise

    def _explained(self, queued: QueuedJob, decision: Decision, what: str) -> dict[str, Any]:
        job = queued.job
        return {
            "id": decision_id(job.id, what, job.attempts, job.deferrals),
            "at": self.clock(),
            "job_id": job.id,
            "cause": decision.cause,
            "reason": decision.reason,
            "numbers": decision.numbers,
            "attempts": job.attempts,
            "deferrals": job.deferrals,
            "promised_g": queued.promised_g,
        }


def decision_id(job_id: UUID, what: str, attempts: int, deferrals: int) -> UUID:
    """The same for the same step of a job, so that a repeated step is counted once."""
    return uuid5(job_id, f"{what}:{attempts}:{deferrals}")
