"""Shows the timetable: an event for each region whose plan has changed."""

from collections.abc import Callable, Iterable
from datetime import datetime
from uuid import uuid4

from services.scheduler.grids import Grids
from shared.broker.publish import Publisher
from shared.domain.grid import utc
from shared.domain.timetable import SlotView, Timetable
from shared.messages import SlotPlan, TimetableUpdated

APART_SECONDS = 5.0
APART_SHARE = 0.2  # of a slot: how soon after one event of a region the next may follow
DECIMALS = 1


class Telling:
    """Publishes what changed, not more often than anybody looks."""

    def __init__(
        self,
        timetable: Timetable,
        grids: Grids,
        publisher: Publisher,
        clock: Callable[[], datetime],
    ) -> None:
        """Start with nothing told."""
        self._timetable = timetable
        self._grids = grids
        self._publisher = publisher
        self._clock = clock
        self._told: dict[str, TimetableUpdated] = {}

    async def tell(self, regions: Iterable[str]) -> None:
        """Publish the timetable of each region whose last event is out of date."""
        wheel = self._timetable.wheel
        apart = min(APART_SECONDS, APART_SHARE * wheel.slot_seconds)
        for region in regions:
            now = self._clock()
            last = self._told.get(region)
            if last is not None and (now - last.at).total_seconds() < apart:
                continue
            event = self._event(region, now)
            if last is None or _content(event) != _content(last):
                self._told[region] = event
                await self._publisher.event(event)

    def _event(self, region: str, now: datetime) -> TimetableUpdated:
        wheel, pools = self._timetable.wheel, self._timetable.pools(region)
        grid = self._grids.at(region, now)
        views = self._timetable.views(grid, wheel.slot_at(now.timestamp()))
        return TimetableUpdated(
            id=uuid4(),
            at=now,
            region=region,
            slot_seconds=wheel.slot_seconds,
            consumers=None if pools is None else pools.consumers,
            backlog_seconds=None if pools is None else round(pools.backlog_seconds, DECIMALS),
            slots=tuple(_slot(view, wheel.start_s(view.slot)) for view in views),
        )


def _slot(view: SlotView, start_s: float) -> SlotPlan:
    expected, room = view.expected_g_per_kwh, view.room_seconds
    return SlotPlan(
        at=utc(start_s),
        band=view.band,
        expected_g_per_kwh=None if expected is None else round(expected, DECIMALS),
        jobs=view.jobs,
        load_seconds=round(view.load_seconds, DECIMALS),
        room_seconds=None if room is None else round(room, DECIMALS),
    )


def _content(event: TimetableUpdated) -> tuple[object, ...]:
    return (event.consumers, event.backlog_seconds, event.slots)
