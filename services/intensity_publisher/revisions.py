"""Reads a source's history again, and tells where it says other than what was told before.

What a source says live is its first estimate: WattTime's live value is the first point of a
forecast, and its history is revised for days. So the last two days are read again every few hours,
and the whole week once a day: one request each.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import NAMESPACE_URL, UUID, uuid5

from shared.domain.bands import Band, Cuts
from shared.domain.grid import Freshness, Reading, Signal
from shared.domain.revisions import differs
from shared.messages import (
    MOST_REVISED_POINTS,
    IntensityRevised,
    IntensityUpdated,
    RevisedPoint,
)

RECENT_DAYS = 2.0
ALL_DAYS = 7.0

Place = tuple[str, Signal, datetime]


@dataclass(slots=True)
class Rereading:
    """When to read how much of the history again.

    Attributes:
        every_seconds: between two readings; 0 never reads.
        day_seconds: length of a day, less than 86,400 where time is replayed faster.
        last_at: of the last reading, whether or not the source answered.
        all_at: of the last one of the whole week.
    """

    every_seconds: float
    day_seconds: float
    last_at: datetime | None = None
    all_at: datetime | None = None

    @property
    def reach(self) -> timedelta:
        """How far back the longest reading goes."""
        return timedelta(seconds=ALL_DAYS * self.day_seconds)

    def seconds_to_next(self, now: datetime) -> float | None:
        """How long to wait; None for ever."""
        if self.every_seconds <= 0:
            return None
        if self.last_at is None:
            return 0.0
        return max(0.0, self.every_seconds - (now - self.last_at).total_seconds())

    def since(self, now: datetime) -> datetime:
        """From when on to read: two days, or the week where that was not read for a day."""
        day = timedelta(seconds=self.day_seconds)
        reads_all = self.all_at is None or now - self.all_at >= day
        return now - (self.reach if reads_all else RECENT_DAYS * day)

    def note(self, now: datetime, since: datetime, *, answered: bool) -> None:
        """Note a reading; one that was not answered does not count as the week's."""
        self.last_at = now
        if answered and now - since >= self.reach:
            self.all_at = now


class Told:
    """The last word on each point of a region's past, as the stream has it."""

    def __init__(self, region: str) -> None:
        """Start with nothing told."""
        self._region = region
        self._live: dict[Place, Reading] = {}
        self._revised: dict[Place, float] = {}
        self._last_id: UUID | None = None

    def note_update(self, told: IntensityUpdated) -> None:
        """Take what was told live; it never replaces a revision."""
        if told.freshness is Freshness.LIVE:
            self._live[_place(told.reading)] = told.reading

    def note_revision(self, told: IntensityRevised) -> None:
        """Take a revision that was told."""
        for point in told.points:
            place = (told.source, told.signal, point.at)
            self._revised[place] = point.intensity_g_per_kwh
        self._last_id = told.id

    def forget_before(self, at: datetime) -> None:
        """Drop what is too old to be read again."""
        self._live = {place: told for place, told in self._live.items() if place[2] >= at}
        self._revised = {place: told for place, told in self._revised.items() if place[2] >= at}

    def revisions(
        self, found: Sequence[Reading], cuts: Cuts | None, now: datetime
    ) -> Iterator[IntensityRevised]:
        """What differs from what was told or was missing, a day at a time.

        Each id follows from the points and from the last revision before, so that a repetition,
        by this process or by the next one, is known to be one.

        Args:
            found: a source's points as its history has them now, in their order.
            cuts: the band edges that hold.
            now: dates the events.
        """
        changed = [each for each in found if self._is_news(each)]
        previous = self._last_id
        for first in range(0, len(changed), MOST_REVISED_POINTS):
            told = self._event(changed[first : first + MOST_REVISED_POINTS], previous, cuts, now)
            previous = told.id
            yield told

    def _is_news(self, found: Reading) -> bool:
        place = _place(found)
        live = self._live.get(place)
        known = self._revised.get(place, live.intensity_g_per_kwh if live else None)
        return found.intensity_g_per_kwh is not None and differs(known, found.intensity_g_per_kwh)

    def _event(
        self, readings: Sequence[Reading], previous: UUID | None, cuts: Cuts | None, now: datetime
    ) -> IntensityRevised:
        first = readings[0]
        values = ";".join(f"{each.at.isoformat()}={each.intensity_g_per_kwh}" for each in readings)
        name = f"{previous}:{self._region}:{first.source}:{first.signal.value}:{values}"
        return IntensityRevised(
            id=uuid5(NAMESPACE_URL, name),
            at=now,
            region=self._region,
            source=first.source,
            signal=first.signal,
            simulated=first.simulated,
            period_seconds=first.period_seconds,
            points=tuple(self._points(readings, cuts)),
        )

    def _points(self, readings: Sequence[Reading], cuts: Cuts | None) -> Iterator[RevisedPoint]:
        for each in readings:
            value, live = each.intensity_g_per_kwh, self._live.get(_place(each))
            if value is not None:
                yield RevisedPoint(
                    at=each.at,
                    intensity_g_per_kwh=value,
                    band=Band.UNKNOWN if cuts is None else cuts.band_of(value),
                    index_percent=live.index_percent if live else None,
                )


def _place(told: Reading) -> Place:
    return told.source, told.signal, told.at
