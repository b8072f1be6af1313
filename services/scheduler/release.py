"""Opens the places of the wheel: when a slot is due, when the grid is better, at a takeover."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

import structlog
from aio_pika.abc import AbstractConnection, AbstractIncomingMessage

from services.scheduler.grids import Grids
from services.scheduler.placing import Placing
from services.scheduler.plan import Plan
from shared.broker.consume import Handle, settling
from shared.broker.publish import Publisher
from shared.broker.topology import Topology, message_counts
from shared.messages import IntensityUpdated, decode_queued

OPENED_AT_ONCE = 100
UPDATE_GRACE_SECONDS = 8.0
UPDATE_GRACE_SHARE = 0.1  # of a slot: how long a due slot waits for the update of its point

log = structlog.get_logger()


class Release:
    """The hand of the wheel."""

    def __init__(
        self,
        connection: AbstractConnection,
        topology: Topology,
        grids: Grids,
        placing: Placing,
        publisher: Publisher,
        clock: Callable[[], datetime],
    ) -> None:
        """Take over; nothing is opened before `run`."""
        self._connection = connection
        self._topology = topology
        self._grids = grids
        self._placing = placing
        self._plan: Plan = placing.plan
        self._clock = clock
        self._updated = asyncio.Event()
        self._regions: set[str] = set()
        self._settle: Handle = settling(self._again, publisher.set_aside)

    def take(self, update: IntensityUpdated) -> None:
        """Remember an update, to look for slots that now do better."""
        if self._grids.take(update):
            self._regions.add(update.reading.region)
            self._updated.set()

    async def wait_for_grids(self, most_seconds: float) -> None:
        """Wait until every region is known; the publisher may be starting, or its source dead."""
        with suppress(TimeoutError):
            async with asyncio.timeout(most_seconds):
                while not self._grids.knows(self._topology.regions, self._clock()):
                    self._updated.clear()
                    await self._updated.wait()

    async def run(self) -> None:
        """Open slots for ever; the first round opens every place that was inherited."""
        opened = self._current_slot()
        await self._open_inherited(opened)
        while True:
            await self._wait_for_slot_or_update(opened)
            current = self._current_slot()
            for slot in range(opened + 1, current + 1):
                await self._open(slot)
            opened = current
            await self._open_better()

    def _current_slot(self) -> int:
        return self._plan.timetable.wheel.slot_at(self._clock().timestamp())

    async def _wait_for_slot_or_update(self, opened: int) -> None:
        """Until the next slot starts and its update is there, or an update comes before."""
        wheel = self._plan.timetable.wheel
        next_start_s = wheel.start_s(opened + 1)
        grace = min(UPDATE_GRACE_SECONDS, UPDATE_GRACE_SHARE * wheel.slot_seconds)
        seconds = next_start_s + grace - self._clock().timestamp()
        with suppress(TimeoutError):
            async with asyncio.timeout(max(seconds, 0.0)):
                await self._updated.wait()

    async def _open_inherited(self, current: int) -> None:
        """Decide every job afresh that an earlier leader left, the latest slots first.

        Which slots fell due meanwhile is not written down, and need not be: each message is
        decided as of now, and reading them all tells the new leader what is planned where.
        """
        wheel = self._plan.timetable.wheel
        slots = [current - back for back in range(wheel.places)]
        names = [self._topology.place(wheel.place(slot)).name for slot in slots]
        counts = await message_counts(self._connection, names)
        waiting = [slot for slot, name in zip(slots, names, strict=True) if counts[name]]
        for slot in waiting:
            await self._open(slot)
        log.info("took over the wheel", places=len(waiting), jobs=sum(counts.values()))

    async def _open_better(self) -> None:
        """Open the slots of which a job would now do at least as well as it hoped."""
        self._updated.clear()
        regions, self._regions = self._regions, set()
        now = self._clock()
        for region in sorted(regions):
            grid = self._grids.at(region, now)
            for slot in list(self._plan.better_now(grid, now.timestamp())):
                await self._open(slot)

    async def _open(self, slot: int) -> None:
        """Take every job that is in a slot's place now and decide it afresh."""
        queue = self._topology.place(self._plan.timetable.wheel.place(slot))
        count = (await message_counts(self._connection, [queue.name]))[queue.name]
        if not count:
            return
        channel = await self._connection.channel()
        place = await channel.get_queue(queue.name, ensure=False)
        while count > 0:
            batch: list[AbstractIncomingMessage] = []
            for _ in range(min(count, OPENED_AT_ONCE)):
                message = await place.get(no_ack=False, fail=False)
                if message is None:
                    break
                batch.append(message)
            await asyncio.gather(*(self._settle(message) for message in batch))
            count = count - len(batch) if batch else 0
        await channel.close()

    async def _again(self, message: AbstractIncomingMessage) -> None:
        queued = decode_queued(message.body)
        if queued.slot is not None:
            self._plan.remove(queued.slot, queued.job.id)
        await self._placing.place(queued)
