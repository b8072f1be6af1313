"""Keeps what was told of a region's past in step with its source's history."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Protocol
from uuid import uuid4

import structlog

from services.intensity_publisher.backfill import Backfill
from services.intensity_publisher.revisions import Rereading, Told
from shared.errors import PublishFailed
from shared.messages import Event, IntensityRevised, IntensityUpdated
from shared.runtime import wait_or_stop

log = structlog.get_logger()
Broadcast = Callable[[Event, str], Awaitable[None]]


class Present(Protocol):
    """Knows the last update of a region."""

    @property
    def last(self) -> IntensityUpdated | None:
        """The last update that was made or remembered."""
        ...


class Reconciliation:
    """Reads one region's history again and again, and broadcasts what differs."""

    def __init__(
        self,
        region: str,
        rereading: Rereading,
        backfill: Backfill,
        broadcast: Broadcast,
        clock: Callable[[], datetime],
    ) -> None:
        """Take when to read what, from where, and the way out."""
        self._region = region
        self._rereading = rereading
        self._backfill = backfill
        self._broadcast = broadcast
        self._clock = clock
        self.told = Told(region)

    def recall(self, past: Sequence[IntensityUpdated | IntensityRevised]) -> None:
        """Begin with what the stream has, instead of what was remembered."""
        self.told = Told(self._region)
        for event in past:
            if isinstance(event, IntensityRevised):
                self.told.note_revision(event)
            else:
                self.told.note_update(event)

    async def keep(self, present: Present, stop: asyncio.Event) -> None:
        """Read again whenever it is time, until stopped."""
        while (seconds := self._rereading.seconds_to_next(self._clock())) is not None:
            if await wait_or_stop(stop, seconds):
                return
            await self.read_again(present)

    async def read_again(self, present: Present) -> None:
        """Read the history once, and tell what differs; whoever joins late still sees the present.

        Points that are not over are left to the polls.
        """
        now, last = self._clock(), present.last
        since = self._rereading.since(now)
        found = None
        if last is not None:
            found = await self._backfill.between(self._region, since, last.reading.at)
        self._rereading.note(now, since, answered=found is not None)
        if found is not None and last is not None:
            revised = list(self.told.revisions(found, last.cuts, now))
            await self._tell(revised, present)
            self.told.forget_before(now - self._rereading.reach)
            points = sum(len(each.points) for each in revised)
            log.info("history compared", region=self._region, revised_points=points)

    async def _tell(self, revised: Sequence[IntensityRevised], present: Present) -> None:
        try:
            for each in revised:
                await self._broadcast(each, self._region)
                self.told.note_revision(each)
            if revised:
                await self._tell_the_present(present)
        except PublishFailed as error:
            log.warning("revised history not broadcast", region=self._region, error=str(error))

    async def _tell_the_present(self, present: Present) -> None:
        """The end of the stream is what late joiners read."""
        if present.last is not None:
            await self._broadcast(present.last.model_copy(update={"id": uuid4()}), self._region)
