"""Opens the places of the wheel: when a slot is due, when the grid is better, at a takeover."""

import asyncio
from collections.abc import Callable, Collection
from contextlib import suppress
from datetime import datetime
from functools import partial
from uuid import UUID

import structlog
from aio_pika.abc import AbstractConnection, AbstractIncomingMessage

from services.scheduler.fleet import Fleet
from services.scheduler.grids import Grids
from services.scheduler.placing import Placing
from services.scheduler.plan import Plan, Waiting
from services.scheduler.replan import Replan
from services.scheduler.telling import Telling
from shared.broker.consume import Handle, settling
from shared.broker.publish import Publisher
from shared.broker.topology import Topology, message_counts
from shared.domain.jobs import Lane, rest_of
from shared.errors import Undecodable
from shared.messages import IntensityUpdated, QueuedJob, decode_queued
from shared.tracing import Trace

OPENED_AT_ONCE = 100
LOOKED_AT_ONCE = 200
UPDATE_GRACE_SECONDS = 8.0
UPDATE_GRACE_SHARE = 0.1  # of a slot: how long a due slot waits for the update of its point
LOOKS_APART_SECONDS = 1.0
LOOKS_APART_SHARE = 0.1  # of a slot: how soon after a look at the pools the next may follow

Goes = Callable[[AbstractIncomingMessage], bool]

log = structlog.get_logger()


class Release:
    """The hand of the wheel."""

    def __init__(
        self,
        connection: AbstractConnection,
        topology: Topology,
        grids: Grids,
        fleet: Fleet,
        placing: Placing,
        publisher: Publisher,
        clock: Callable[[], datetime],
    ) -> None:
        """Take over; nothing is opened before `run`."""
        self._connection = connection
        self._topology = topology
        self._grids = grids
        self._fleet = fleet
        self._placing = placing
        self._plan: Plan = placing.plan
        self._calls = placing.calls
        self._clock = clock
        self._tracing = publisher.tracing
        self._woken = asyncio.Event()
        self._calls.wake = self._woken.set
        self._updated = False
        self._looked_at_s = 0.0
        self._telling = Telling(self._plan.timetable, grids, publisher, clock)
        self._settle: Handle = settling(
            self._again, publisher.set_aside, publisher.tracing, apart=True
        )

    def take(self, update: IntensityUpdated) -> None:
        """Remember an update, to look for jobs that now do better."""
        if self._grids.take(update):
            self._updated = True
            self._woken.set()

    def heard_of_pools(self) -> None:
        """There may be room again; look, unless that was done a moment ago."""
        slot_seconds = self._plan.timetable.wheel.slot_seconds
        apart = min(LOOKS_APART_SECONDS, LOOKS_APART_SHARE * slot_seconds)
        if self._clock().timestamp() - self._looked_at_s >= apart:
            self._woken.set()

    async def wait_for_grids(self, most_seconds: float) -> None:
        """Wait until every region is known; the publisher may be starting, or its source dead."""
        with suppress(TimeoutError):
            async with asyncio.timeout(most_seconds):
                while not self._grids.knows(self._topology.regions, self._clock()):
                    self._woken.clear()
                    await self._woken.wait()

    async def run(self) -> None:
        """Open slots for ever, after a look at every place that was inherited."""
        opened = self._current_slot()
        await self._look_at_pools()
        await self._inherit(opened)
        while True:
            await self._wait_for_slot_or_news(opened)
            current = self._current_slot()
            await self._look_at_pools()
            for slot in range(opened + 1, current + 1):
                await self._open(slot)
            opened = current
            await self._obey()
            await self._replan()
            await self._telling.tell(self._topology.regions)

    def _current_slot(self) -> int:
        return self._plan.timetable.wheel.slot_at(self._clock().timestamp())

    async def _wait_for_slot_or_news(self, opened: int) -> None:
        """Until the next slot starts and its update is there, or there is news before."""
        wheel = self._plan.timetable.wheel
        next_start_s = wheel.start_s(opened + 1)
        grace = min(UPDATE_GRACE_SECONDS, UPDATE_GRACE_SHARE * wheel.slot_seconds)
        seconds = next_start_s + grace - self._clock().timestamp()
        with suppress(TimeoutError):
            async with asyncio.timeout(max(seconds, 0.0)):
                await self._woken.wait()
        self._woken.clear()

    async def _look_at_pools(self) -> None:
        """Bring the timetable's room up to date with queues and pools as they are."""
        names = {
            region: [self._topology.ready_queue(region, lane).name for lane in Lane]
            for region in self._topology.regions
        }
        flat = [name for region in names.values() for name in region]
        counts = await message_counts(self._connection, flat)
        ready = {region: sum(counts[name] for name in queues) for region, queues in names.items()}
        now = self._clock()
        self._fleet.tell(self._plan.timetable, ready, now)
        self._looked_at_s = now.timestamp()

    async def _inherit(self, current: int) -> None:
        """Learn what an earlier leader left on the wheel, and decide what fell due meanwhile.

        Reading it all tells the new leader what is planned where; what is not due goes back.
        """
        wheel = self._plan.timetable.wheel
        slots = [current - back for back in range(wheel.places)]
        names = [self._topology.place(wheel.place(slot)).name for slot in slots]
        counts = await message_counts(self._connection, names)
        places = [slot for slot, name in zip(slots, names, strict=True) if counts[name]]

        def is_due(message: AbstractIncomingMessage) -> bool:
            waiting = self._waiting(message)
            if waiting is None or self._is_due(waiting, current):
                return True
            self._plan.add(waiting)
            return False

        for slot in places:
            await self._open(slot, is_due)
        log.info("took over the wheel", places=len(places), jobs=sum(counts.values()))

    def _waiting(self, message: AbstractIncomingMessage) -> Waiting | None:
        """What a message on the wheel says of itself; None where it is none of ours."""
        try:
            queued = decode_queued(message.body)
        except Undecodable:
            return None
        if queued.slot is None or not queued.job.regions:
            return None
        region = queued.region or queued.job.regions[0]
        rest = rest_of(queued.job, queued.remaining_seconds)
        paused = self._placing.orders.pause_of(rest) is not None
        load_slot = None if paused else queued.slot
        return Waiting(rest, region, queued.slot, load_slot, queued.not_before, paused)

    def _is_due(self, waiting: Waiting, current: int) -> bool:
        """Its slot is over; an order says so; or a pause that has ended took it past its time."""
        if waiting.slot <= current or self._calls.concerns(waiting):
            return True
        if waiting.paused or waiting.not_before is not None:
            return False
        latest = waiting.job.latest_start(self._placing.rules.margin_seconds)
        return waiting.slot > self._plan.timetable.wheel.slot_at(latest.timestamp())

    async def _obey(self) -> None:
        """Look at once at the jobs that somebody's order is about, and tell what was asked."""
        for slot, called in self._calls.take().items():
            await self._open(slot, partial(_is_one_of, called))
            self._calls.looked(called)
        await self._calls.tell_all()

    async def _replan(self) -> None:
        """Open slots early for the jobs in them that now do better, as far as there is room.

        After an update whatever gains may move; at other times only what can run.
        """
        updated, self._updated = self._updated, False
        replan = Replan(
            self._plan,
            self._grids,
            self._clock(),
            self._placing.rules,
            self._fleet.expected_seconds,
            self._placing.orders.open_regions,
        )
        for number, _ in enumerate(replan.steps(only_to_run=not updated)):
            if number % LOOKED_AT_ONCE == LOOKED_AT_ONCE - 1:
                await asyncio.sleep(0)
        for slot in sorted(replan.moves):
            await self._open(slot, partial(_is_one_of, replan.moves[slot]))

    async def _open(self, slot: int, goes: Goes = lambda _: True) -> None:
        """Take jobs out of a slot's place and decide them afresh: all, or those that should go.

        What should not goes back as it was, once everything has been looked through: a message
        that is returned sooner would be the next one to come.
        """
        queue = self._topology.place(self._plan.timetable.wheel.place(slot))
        count = (await message_counts(self._connection, [queue.name]))[queue.name]
        if not count:
            return
        channel = await self._connection.channel()
        place = await channel.get_queue(queue.name, ensure=False)
        staying: list[AbstractIncomingMessage] = []
        while count > 0:
            batch: list[AbstractIncomingMessage] = []
            for _ in range(min(count, OPENED_AT_ONCE)):
                message = await place.get(no_ack=False, fail=False)
                if message is None:
                    break
                batch.append(message)
            going: list[AbstractIncomingMessage] = []
            for each in batch:
                (going if goes(each) else staying).append(each)
            going.sort(key=self._latest_start_s)
            await asyncio.gather(*(self._settle(message) for message in going))
            count = count - len(batch) if batch else 0
        for message in staying:
            await message.nack(requeue=True)
        await channel.close()

    def _latest_start_s(self, message: AbstractIncomingMessage) -> float:
        """By what jobs that are opened together choose first; unknown ones come last."""
        job_id = _job_id(message)
        waiting = self._plan.get(job_id) if job_id else None
        if waiting is None:
            return float("inf")
        return waiting.job.latest_start(self._placing.rules.margin_seconds).timestamp()

    async def _again(self, message: AbstractIncomingMessage) -> None:
        queued: QueuedJob = decode_queued(message.body)
        self._tracing.link(Trace(queued.traceparent, queued.tracestate))
        self._plan.remove(queued.job.id)
        await self._placing.place(queued)


def _is_one_of(jobs: Collection[UUID], message: AbstractIncomingMessage) -> bool:
    """Whether a message is one of some jobs; what has no id is looked at too."""
    job_id = _job_id(message)
    return job_id is None or job_id in jobs


def _job_id(message: AbstractIncomingMessage) -> UUID | None:
    try:
        return UUID(message.correlation_id or "")
    except ValueError:
        return None
