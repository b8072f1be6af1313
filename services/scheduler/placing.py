"""Carries a decision out: one publish to where the job goes, one event that explains it."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

import structlog

from services.scheduler.grids import Grids
from services.scheduler.plan import Plan, Waiting
from shared.broker.publish import Publisher
from shared.domain.decisions import Decision, Defer, Expire, Rules, RunNow, best_of, decide
from shared.domain.grid import Grid
from shared.messages import JobDeferred, JobExpired, JobReleased, QueuedJob

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Placing:
    """Decides jobs one by one and sends each where it belongs."""

    grids: Grids
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
        await self.publisher.defer(queued.model_copy(update={"slot": slot}), wheel.place(slot))

    def _decide(self, queued: QueuedJob) -> Decision:
        now = self.clock()
        grids = self.grids.of(queued.job.regions, now)
        return best_of([self._decide_in(queued, now, grid) for grid in grids])

    def _decide_in(self, queued: QueuedJob, now: datetime, grid: Grid) -> Decision:
        return decide(queued.job, now, grid, self.plan.timetable, self.rules)

    async def _release(self, queued: QueuedJob, decision: RunNow) -> None:
        region = decision.numbers.region
        ready = queued.model_copy(update={"slot": None, "region": region, "not_before": None})
        await self.publisher.ready(ready, region, decision.lane)
        await self.publisher.event(
            JobReleased(
                **self._explained(queued, decision, "released"), region=region, lane=decision.lane
            )
        )

    async def _defer(self, queued: QueuedJob, decision: Defer) -> None:
        numbers, job = decision.numbers, queued.job
        moved = queued.slot != decision.slot
        if moved:
            job = replace(job, deferrals=job.deferrals + 1)
        waiting = queued.model_copy(
            update={"job": job, "slot": decision.slot, "region": numbers.region}
        )
        place = self.plan.timetable.wheel.place(decision.slot)
        await self.publisher.defer(waiting, place)
        self.plan.add(decision.slot, Waiting(job, numbers.region, numbers.expected_g_per_kwh))
        if moved:
            await self.publisher.event(
                JobDeferred(
                    **self._explained(waiting, decision, "deferred"),
                    planned_at=decision.until,
                    slot=decision.slot,
                )
            )

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
