"""How much a pool may run, given what it last heard of its grid."""

from dataclasses import dataclass
from datetime import datetime

from shared.domain.bands import CAPACITY_FACTORS, Band, capacity
from shared.messages import IntensityUpdated

STALE_PERIODS = 3.0


@dataclass(frozen=True, slots=True)
class Limit:
    """A pool's size.

    Attributes:
        consumers: how many jobs run at once.
        prefetch: how many messages each consumer holds per lane.
    """

    consumers: int
    prefetch: int
    band: Band
    reason: str

    @property
    def factor(self) -> float:
        """The band's capacity factor."""
        return CAPACITY_FACTORS[self.band]


@dataclass(frozen=True, slots=True)
class Base:
    """A pool's size in a medium band."""

    consumers: int
    prefetch: int

    def limit(self, update: IntensityUpdated | None, now: datetime) -> Limit:
        """The size for the last update; one that is too old leaves the grid unknown."""
        if update is None:
            return self._limit(Band.UNKNOWN, "nothing is known of the grid yet")
        age_seconds = (now - update.at).total_seconds()
        if age_seconds > stale_seconds(update):
            return self._limit(Band.UNKNOWN, f"no update of the grid for {age_seconds:.0f} s")
        factor = CAPACITY_FACTORS[update.band]
        return self._limit(update.band, f"{update.band.words} band: {factor:g} x the base")

    def _limit(self, band: Band, reason: str) -> Limit:
        return Limit(capacity(self.consumers, band), capacity(self.prefetch, band), band, reason)


def stale_seconds(update: IntensityUpdated) -> float:
    """How long an update may be relied on."""
    return STALE_PERIODS * update.reading.period_seconds
