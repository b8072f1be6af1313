"""Carries a decision out: one publish to where the job goes, one event that explains it."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

import structlog

from services.scheduler.control import Orders
from services.scheduler.control_calls import Calls
from services.scheduler.fleet import Fleet
from services.scheduler.grids import Grids
from services.scheduler.metrics import SchedulerMetrics
from services.scheduler.plan import Plan, Waiting
from shared.broker.publish import Publisher
from shared.domain.decisions import Decision, Defer, Expire, Rules, RunNow, decide_among
from shared.domain.jobs import State, rest_of
from shared.domain.orders import hold_back, run_as_asked
from shared.domain.reasons import Cause, Order
from shared.messages import (
    CancelJob,
    JobCancelled,
    JobDeferred,
    JobExpired,
    JobReleased,
    QueuedJob,
)

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
    orders: Orders
    calls: Calls
    metrics: SchedulerMetrics = field(default_factory=SchedulerMetrics)

    async def place(self, queued: QueuedJob) -> None:
        """Decide a job afresh and act on it; everything is confirmed at the return."""
        cancelled = self.orders.cancelled(queued.job.id)
        if cancelled is not None:
            await self._drop(queued, cancelled)
            return
        if queued.not_before is not None and self._in_backoff(queued):
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
                self.metrics.jobs.entered(queued.job.type, State.EXPIRED)
        self.metrics.decided(decision)

    async def wait_out(self, queued: QueuedJob, seconds: float) -> None:
        """Hold a retry for its backoff, unless somebody called it off or asked to run it now."""
        job = queued.job
        if self.orders.cancelled(job.id) is None and not self.orders.ends_backoff(job):
            await self.calls.wait_out(job.id, seconds)

    async def _drop(self, queued: QueuedJob, asked: CancelJob) -> None:
        """Let a job go that was called off; however often it is met, it counts once."""
        job_id = queued.job.id
        log.info("cancelled job dropped", job_id=str(job_id), by=asked.by)
        await self.publisher.event(
            JobCancelled(
                id=uuid5(job_id, "cancelled"),
                at=self.clock(),
                job_id=job_id,
                by=asked.by,
                reason=asked.reason,
            )
        )
        self.metrics.jobs.entered(queued.job.type, State.CANCELLED)
        await self.calls.tell(asked)

    def _in_backoff(self, queued: QueuedJob) -> bool:
        """Whether a retry has to wait on; a paused one waits for the end of its pause instead."""
        job, not_before = queued.job, queued.not_before
        if not_before is None or not_before <= self.clock():
            return False
        return self.orders.pause_of(job) is None and not self.orders.ends_backoff(job)

    async def _park(self, queued: QueuedJob, not_before: datetime) -> None:
        """Put a retry into the slot after its backoff; it is decided when that slot opens."""
        wheel = self.plan.timetable.wheel
        last = wheel.last_slot(self.clock().timestamp())
        slot = min(wheel.slot_at(not_before.timestamp()) + 1, last)
        region = queued.region or queued.job.regions[0]
        rest = rest_of(queued.job, queued.remaining_seconds)
        await self._wait(queued, Waiting(rest, region, slot, slot, not_before))

    def _decide(self, queued: QueuedJob) -> Decision:
        """Somebody's order first, then the grid; of a job that was paused, only its rest counts."""
        orders, now = self.orders, self.clock()
        job = rest_of(queued.job, queued.remaining_seconds)
        pause, asked = orders.pause_of(job), orders.asked_to_run(job)
        regions = job.regions if pause else orders.open_regions(job)
        grids = self.grids.of(regions, now)
        if pause is not None:
            return hold_back(job, now, grids, self.plan.timetable, self.rules, pause)
        if asked is not None:
            order = Order(asked.at, asked.by)
            return run_as_asked(job, now, grids, self.plan.timetable, self.rules, order)
        return decide_among(job, now, grids, self.plan.timetable, self.rules)

    async def _release(self, queued: QueuedJob, decision: RunNow) -> None:
        region = decision.numbers.region
        seconds = queued.remaining_seconds or queued.job.expected_duration_seconds
        before = self.plan.timetable.pools(region)
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
        self.metrics.released(queued, self.clock(), before)
        asked = self.orders.asked_to_run(queued.job)
        if decision.cause is Cause.ASKED and asked is not None:
            self.orders.followed(queued.job)
            await self.calls.tell(asked)

    async def _defer(self, queued: QueuedJob, decision: Defer) -> None:
        region, job = decision.numbers.region, queued.job
        moved = queued.slot != decision.slot
        if moved:
            job = replace(job, deferrals=job.deferrals + 1)
        queued = queued.model_copy(update={"job": job})
        waiting = Waiting(
            rest_of(job, queued.remaining_seconds),
            region,
            decision.slot,
            decision.load_slot,
            paused=decision.cause is Cause.PAUSED,
        )
        await self._wait(queued, waiting)
        if moved:
            await self.publisher.event(
                JobDeferred(
                    **self._explained(queued, decision, "deferred"),
                    planned_at=decision.until,
                    slot=decision.slot,
                )
            )
            self.metrics.jobs.entered(job.type, State.DEFERRED)

    async def _wait(self, queued: QueuedJob, waiting: Waiting) -> None:
        """Put a job into a slot; its load is noted first, so that the next one sees it."""
        self.plan.add(waiting)
        there = queued.model_copy(update={"slot": waiting.slot, "region": waiting.region})
        try:
            await self.publisher.defer(there, self.plan.timetable.wheel.place(waiting.slot))
        except BaseException:
            self.plan.remove(waiting.job.id)
            raise
        # An order that came meanwhile found no message in the slot.
        self.calls.placed(waiting)

    def _explained(self, queued: QueuedJob, decision: Decision, what: str) -> dict[str, Any]:
        job = queued.job
        return {
            "id": decision_id(job.id, what, job.attempts, job.deferrals, queued.piece),
            "at": self.clock(),
            "job_id": job.id,
            "cause": decision.cause,
            "reason": decision.reason,
            "numbers": decision.numbers,
            "attempts": job.attempts,
            "deferrals": job.deferrals,
            "piece": queued.piece,
            "promised_g": queued.promised_g,
        }


def decision_id(job_id: UUID, what: str, attempts: int, deferrals: int, piece: int = 1) -> UUID:
    """The same for the same step of a job, so that a repeated step is counted once."""
    later_piece = f":{piece}" if piece > 1 else ""
    return uuid5(job_id, f"{what}:{attempts}:{deferrals}{later_piece}")
