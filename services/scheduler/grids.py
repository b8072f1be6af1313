"""The last update of every region, judged as of any moment."""

from collections.abc import Iterable
from datetime import datetime

from shared.domain.bands import Band
from shared.domain.grid import Curve, Grid, grid_at
from shared.messages import IntensityUpdated


class Grids:
    """What the scheduler knows of the grids."""

    def __init__(self) -> None:
        """Start with every region unknown."""
        self._updates: dict[str, tuple[IntensityUpdated, Curve | None]] = {}

    def take(self, update: IntensityUpdated) -> bool:
        """Remember an update; False if a newer one is known."""
        region = update.reading.region
        known = self._updates.get(region)
        if known is not None and known[0].at >= update.at:
            return False
        self._updates[region] = update, Curve.of(update.forecast) if update.forecast else None
        return True

    def knows(self, regions: Iterable[str], now: datetime) -> bool:
        """Whether none of some regions is unknown."""
        return all(self.at(region, now).band is not Band.UNKNOWN for region in regions)

    def at(self, region: str, now: datetime) -> Grid:
        """A region's grid as its last update tells it at a moment."""
        if region not in self._updates:
            return Grid.unknown(region)
        last, curve = self._updates[region]
        return grid_at(
            now, last.reading, last.band, last.freshness, last.forecast, last.cuts, curve
        )

    def of(self, regions: Iterable[str], now: datetime) -> list[Grid]:
        """The grids of some regions."""
        return [self.at(region, now) for region in regions]
