"""How much a pool may run, given what it last heard of its grid and what was asked for."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.domain.bands import CAPACITY_FACTORS, Band, capacity
from shared.domain.reasons import clock
from shared.messages import IntensityUpdated, PauseWork, SetEco, asker

STALE_PERIODS = 3.0


class Rule(StrEnum):
    """What a pool's size follows; the first that holds."""

    PAUSED = "paused"  # no job starts until somebody resumes
    ECO_OFF = "eco_off"  # somebody switched the eco mode off
    DEADLINES = "deadlines"  # too many urgent jobs wait
    BAND = "band"
    UNKNOWN = "unknown"  # nothing trustworthy is known of the grid


@dataclass(frozen=True, slots=True)
class Limit:
    """A pool's size.

    Attributes:
        consumers: how many jobs run at once; 0 only while everything is paused.
        prefetch: how many messages each consumer holds per lane.
        band: of the grid, also where the size does not follow it.
        factor: the size as a multiple of the base, before rounding.
        rule: what the size follows.
        reason: the same in words.
    """

    consumers: int
    prefetch: int
    band: Band
    factor: float
    rule: Rule
    reason: str

    @property
    def essence(self) -> tuple[int, int, Band, Rule]:
        """What a change of makes news: the size and why, not the words."""
        return self.consumers, self.prefetch, self.band, self.rule


@dataclass(frozen=True, slots=True)
class Orders:
    """What a pool's size follows besides the band.

    Attributes:
        paused: the pause of everything in its region.
        eco_off: the order to leave the band aside.
        piling_up: how many urgent jobs wait, where they are too many
            (`shared.domain.lanes.deadlines_pile_up`); else 0.
    """

    paused: PauseWork | None = None
    eco_off: SetEco | None = None
    piling_up: int = 0


NO_ORDERS = Orders()


@dataclass(frozen=True, slots=True)
class Base:
    """A pool's size in a medium band."""

    consumers: int
    prefetch: int

    def limit(
        self, update: IntensityUpdated | None, now: datetime, orders: Orders = NO_ORDERS
    ) -> Limit:
        """The size for the last update; one that is too old leaves the grid unknown."""
        by_band = self._by_band(update, now)
        if orders.paused is not None:
            what = "the region" if orders.paused.region else "all work"
            reason = f"{what} was paused{asker(orders.paused)}"
            return Limit(0, by_band.prefetch, by_band.band, 0.0, Rule.PAUSED, reason)
        if orders.eco_off is not None:
            until = orders.eco_off.until
            end = f"until {clock(until)}" if until else "until it is switched on"
            reason = f"eco mode off {end}, set{asker(orders.eco_off)}: 1 x the base"
            return self._whole(by_band.band, Rule.ECO_OFF, reason)
        if orders.piling_up and by_band.factor < 1:
            reason = (
                f"{orders.piling_up} urgent jobs wait for {by_band.consumers} "
                f"places of the {by_band.band.words} band: eco mode off, 1 x the base"
            )
            return self._whole(by_band.band, Rule.DEADLINES, reason)
        return by_band

    def _by_band(self, update: IntensityUpdated | None, now: datetime) -> Limit:
        if update is None:
            return self._whole(Band.UNKNOWN, Rule.UNKNOWN, "nothing is known of the grid yet")
        age_seconds = (now - update.at).total_seconds()
        if age_seconds > stale_seconds(update):
            reason = f"no update of the grid for {age_seconds:.0f} s"
            return self._whole(Band.UNKNOWN, Rule.UNKNOWN, reason)
        band, factor = update.band, CAPACITY_FACTORS[update.band]
        reason = f"{band.words} band: {factor:g} x the base"
        consumers, prefetch = capacity(self.consumers, band), capacity(self.prefetch, band)
        return Limit(consumers, prefetch, band, factor, Rule.BAND, reason)

    def _whole(self, band: Band, rule: Rule, reason: str) -> Limit:
        return Limit(self.consumers, self.prefetch, band, 1.0, rule, reason)


def stale_seconds(update: IntensityUpdated) -> float:
    """How long an update may be relied on."""
    return STALE_PERIODS * update.reading.period_seconds
