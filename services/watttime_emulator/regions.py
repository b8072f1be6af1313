"""Which grid regions are served, what they are called and where they lie."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.watttime_emulator.replay import Replay

FREE_REGION = "CAISO_NORTH"

# South, north, west and east edge: rough boxes, enough to find a region from a location.
_PLACES: dict[str, tuple[str, tuple[float, float, float, float]]] = {
    "CAISO_NORTH": ("California ISO Northern", (35.8, 42.0, -124.5, -119.0)),
    "CAISO_SOUTH": ("California ISO Southern", (32.5, 35.8, -121.0, -114.1)),
    "PSCO": ("Public Service Co of Colorado", (37.0, 41.0, -109.1, -102.0)),
    "PJM_DC": ("PJM District of Columbia", (38.79, 39.0, -77.12, -76.9)),
    "PJM_NJ": ("PJM New Jersey", (38.9, 41.36, -75.56, -73.9)),
    "ERCOT_NORTHCENTRAL": ("ERCOT North Central", (31.0, 33.9, -99.5, -95.5)),
    "DE": ("Germany", (47.3, 55.1, 5.9, 15.0)),
    "FR": ("France", (42.3, 51.1, -4.8, 8.2)),
    "UK": ("United Kingdom", (49.9, 60.9, -8.2, 1.8)),
}


@dataclass(frozen=True, slots=True)
class Region:
    """A grid region with the recording that is replayed for it."""

    name: str
    replay: Replay

    @property
    def full_name(self) -> str:
        """The name for people; the code itself where none is known."""
        return _PLACES[self.name][0] if self.name in _PLACES else self.name

    @property
    def parent(self) -> str:
        """The operator's area that the region is a part of."""
        return self.name.partition("_")[0]

    def covers(self, latitude: float, longitude: float) -> bool:
        """Whether a location lies in the region; never where its place is unknown."""
        if self.name not in _PLACES:
            return False
        south, north, west, east = _PLACES[self.name][1]
        return south <= latitude < north and west <= longitude < east


def region_at(regions: Mapping[str, Region], latitude: float, longitude: float) -> Region | None:
    """The first of the regions that covers a location."""
    return next((r for r in regions.values() if r.covers(latitude, longitude)), None)
