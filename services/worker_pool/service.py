"""A worker process: one pool a region, each following its grid's band."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import structlog
from aio_pika.abc import AbstractConnection, AbstractIncomingMessage

from services.worker_pool.attempts import Attempts
from services.worker_pool.capacity import Base, Limit, Orders, stale_seconds
from services.worker_pool.consumers import Consumers
from services.worker_pool.control import ControlLog
from services.worker_pool.pool import Pool
from services.worker_pool.stops import Stops
from services.worker_pool.taking import Taker
from shared.broker.consume import acknowledge, give_back, settling
from shared.broker.publish import Publisher
from shared.broker.stream import follow
from shared.broker.topology import Topology, check, message_counts
from shared.domain.jobs import Lane
from shared.domain.lanes import deadlines_pile_up
from shared.errors import PublishFailed, Undecodable
from shared.messages import (
    IntensityUpdated,
    PoolResized,
    QueuedJob,
    Standing,
    decode_queued,
)

SETTLED_SECONDS = 1.0
"""A full pool in which nothing started or ended for so long runs long jobs ..."""
SHARES_SECONDS = 2.5
"""... and for so long after it was last seen like that it holds no jobs that others could run."""
CUT_SECONDS = 2.0
"""What the ended handlers' outcomes may take to be told."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class PoolRules:
    """How a pool behaves.

    Attributes:
        base: its size in a medium band.
        slot_seconds: the length of the timetable's slots.
        cancel_grace_seconds: what a cancelled handler gets to stop by itself.
        eco_off_backlog: more urgent jobs than this many times the band's capacity end the
            following of the band until none waits; 0 never does.
        look_seconds: how often the pool looks at what waits, without an update of the grid.
    """

    base: Base
    slot_seconds: float = 300.0
    cancel_grace_seconds: float = 10.0
    eco_off_backlog: float = 1.0
    look_seconds: float = 5.0


class RegionPool:
    """One region's pool: consumes its ready queues and changes its size with the band."""

    def __init__(
        self,
        region: str,
        instance: str,
        rules: PoolRules,
        topology: Topology,
        attempts: Attempts,
        publisher: Publisher,
        clock: Callable[[], datetime],
    ) -> None:
        """Start with the capacity of an unknown grid."""
        self.region = region
        self.name = f"{instance}:{region}"
        self.base = rules.base
        self._rules = rules
        self._topology = topology
        self._publisher = publisher
        self._clock = clock
        self._update: IntensityUpdated | None = None
        self._piling_up = 0
        self._last_settled = clock() - timedelta(seconds=SHARES_SECONDS)
        self._in_force_since = clock()
        self._changed = asyncio.Event()
        self._told: Limit | None = None
        self._turning_away: set[asyncio.Future[None]] = set()
        self._returned: dict[UUID, QueuedJob] = {}
        self._standing = Standing()
        self._taker = Taker(self.name, region, attempts, publisher, self._standing, clock)
        self._work = settling(self._taker.work, publisher.set_aside, publisher.tracing)
        self.pool = Pool(self._work, self._hand_back, rules.base.limit(None, clock()), clock)
        self.pool.on_ended = self._job_ended
        self._stops = Stops(
            self._taker,
            attempts,
            self._standing,
            clock,
            cancel_grace_seconds=rules.cancel_grace_seconds,
            slot_seconds=rules.slot_seconds,
        )
        self._control = ControlLog(
            self.name, region, self._standing, self._stops, publisher, clock, self._obey
        )

    @property
    def mean_seconds(self) -> float | None:
        """How long jobs have taken here of late."""
        return self._taker.mean_seconds

    async def session(self, connection: AbstractConnection, stop: asyncio.Event) -> None:
        """Consume over one connection until stopped; the pool outlives the connection."""
        self.pool.forget_held()
        queues = [(lane, self._topology.ready_queue(self.region, lane)) for lane in Lane]
        await check(connection, [*(queue for _, queue in queues), self._topology.control_log])
        await self._control.follow(connection, self._topology.control_log)
        consumers = await Consumers.open(connection, queues, self._take)
        channel = await connection.channel()
        await follow(channel, self._topology.intensity_log, "last", self._take_update)
        while not stop.is_set():
            await self._look_at_backlog(connection)
            limit = self._refresh()
            await consumers.fit(self.pool, limit, self._free_places())
            await self._tell(limit)
            await self._wait_for_change(stop)
        self._stops.drain()
        await consumers.stop(self.pool)

    async def drain(self, grace_seconds: float) -> int:
        """Let what runs end, at most within the grace, then end it and give it back.

        Returns:
            How many could not be ended: threads that go on until the process ends.
        """
        self._stops.drain()
        if not await self.pool.wait_idle(grace_seconds):
            cut = self._stops.cut()
            log.warning("jobs cut at the end of the grace", region=self.region, jobs=cut)
            await self.pool.wait_idle(CUT_SECONDS)
        self._returned = self._stops.returned()
        left = await self.pool.cut()
        if self._turning_away:
            await asyncio.wait(self._turning_away, timeout=CUT_SECONDS)
        await self._control.close()
        return left

    async def _take(self, lane: Lane, message: AbstractIncomingMessage) -> None:
        try:
            queued = decode_queued(message.body)
        except Undecodable:
            await self.pool.take(lane, message)  # its turn comes to be set aside
            return
        if self._taker.turns_away(queued.job):
            self._turn_away(message)
            return
        rest = queued.remaining_seconds or queued.job.expected_duration_seconds
        await self.pool.take(lane, message, queued.job.deadline - timedelta(seconds=rest))

    def _turn_away(self, message: AbstractIncomingMessage) -> None:
        """Settle at once, without a place, what will not run."""
        task = asyncio.ensure_future(self._work(message))
        self._turning_away.add(task)
        task.add_done_callback(self._turning_away.discard)

    def _take_update(self, update: IntensityUpdated) -> None:
        newer = self._update is None or update.at > self._update.at
        if update.reading.region == self.region and newer:
            self._update = update
            self._refresh()
            self._changed.set()

    def _job_ended(self) -> None:
        if self._shares():
            self._changed.set()

    def _shares(self) -> bool:
        """Whether jobs run so long here that what waits in the pool had better run elsewhere."""
        return self._clock() - self._last_settled < timedelta(seconds=SHARES_SECONDS)

    def _free_places(self) -> int | None:
        """How many jobs to take; None: as many as the prefetch allows, to be quick with short ones.

        A full pool's consumers would hold jobs of every lane while another pool has free places.
        """
        now = self._clock()
        if self.pool.is_full and now - self.pool.changed_at >= timedelta(seconds=SETTLED_SECONDS):
            self._last_settled = now
        if not self._shares():
            return None
        return max(0, self.pool.limit.consumers - self.pool.running)

    def _obey(self) -> None:
        """Something else was asked for: the size may change, and what is held may not run."""
        for message in self.pool.take_out(self._taker.unwanted):
            self._turn_away(message)
        self._refresh()
        self._changed.set()

    def _refresh(self) -> Limit:
        """Put the limit of this moment in force; the consumers follow later."""
        now = self._clock()
        orders = Orders(
            self._standing.pause_of_region(self.region),
            self._standing.eco_off(now),
            self._piling_up,
        )
        limit = self.base.limit(self._update, now, orders)
        if limit.essence != self.pool.limit.essence:
            self._in_force_since = now
        self.pool.resize(limit)
        if self._update is not None:
            self._stops.pause(self._update)
        return limit

    async def _look_at_backlog(self, connection: AbstractConnection) -> None:
        """Count the urgent jobs that wait, where the band leaves the pool less than its base."""
        by_band = self.base.limit(self._update, self._clock())
        waiting = 0
        if self._rules.eco_off_backlog > 0 and by_band.factor < 1:
            name = self._topology.ready_queue(self.region, Lane.URGENT).name
            counts = await message_counts(connection, [name])
            waiting = counts[name] + self.pool.held_in(Lane.URGENT)
        too_many = deadlines_pile_up(
            waiting,
            by_band.consumers,
            self._rules.eco_off_backlog,
            already=self._piling_up > 0,
        )
        self._piling_up = waiting if too_many else 0

    async def _wait_for_change(self, stop: asyncio.Event) -> None:
        """Until something is heard, it is time to look again, or the stop."""
        waits = {asyncio.ensure_future(self._changed.wait()), asyncio.ensure_future(stop.wait())}
        try:
            await asyncio.wait(
                waits, timeout=self._seconds_to_look(), return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            for wait in waits:
                wait.cancel()
        self._changed.clear()

    def _seconds_to_look(self) -> float:
        """Until the usual look, or sooner where the update gets too old or the eco mode is on."""
        now = self._clock()
        moments = [self._rules.look_seconds]
        if self.pool.is_full or self._shares():
            moments.append(SETTLED_SECONDS)
        if self._update is not None:
            age_seconds = (now - self._update.at).total_seconds()
            moments.append(stale_seconds(self._update) - age_seconds)
        eco_off = self._standing.eco_off(now)
        if eco_off is not None and eco_off.until is not None:
            moments.append((eco_off.until - now).total_seconds())
        return min([moment for moment in moments if moment > 0]) + 0.01

    async def _tell(self, limit: Limit) -> None:
        if self._told is not None and self._told.essence == limit.essence:
            return
        self._told = limit
        log.info("pool resized", region=self.region, consumers=limit.consumers, reason=limit.reason)
        await self._publisher.event(
            PoolResized(
                id=uuid4(),
                at=self._in_force_since,
                pool=self.name,
                region=self.region,
                band=limit.band,
                factor=limit.factor,
                consumers=limit.consumers,
                prefetch=limit.prefetch,
                base_consumers=self.base.consumers,
                base_prefetch=self.base.prefetch,
                reason=limit.reason,
            )
        )

    async def _hand_back(self, lane: Lane, message: AbstractIncomingMessage) -> None:
        """Return a job that has not ended here, as a new message.

        A plain return would raise the broker's count of deliveries, which is to tell how often a
        job took its worker down with it.
        """
        try:
            queued = decode_queued(message.body)
            rest = self._returned.get(queued.job.id, queued)
            await self._publisher.ready(rest, self.region, lane)
        except (Undecodable, PublishFailed):
            await give_back(message)
        else:
            await acknowledge(message)
