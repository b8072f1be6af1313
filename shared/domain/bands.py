"""Five bands of carbon intensity, how a value gets one, and what capacity each grants."""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Band(StrEnum):
    """How clean the grid is, cleanest first; `unknown` when nothing trustworthy is left."""

    VERY_LOW = "very_low"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    VERY_HIGH = "very_high"
    UNKNOWN = "unknown"

    @property
    def rank(self) -> int:
        """0 for the cleanest band; `unknown` ranks last."""
        return _RANKS[self]

    @property
    def words(self) -> str:
        """The name as people write it: `very low`."""
        return self.value.replace("_", " ")

    def one_worse(self) -> "Band":
        """The next dirtier band, at most `very_high`."""
        return KNOWN_BANDS[min(self.rank + 1, len(KNOWN_BANDS) - 1)]


_RANKS = {band: rank for rank, band in enumerate(Band)}
KNOWN_BANDS: tuple[Band, ...] = tuple(band for band in Band if band is not Band.UNKNOWN)

ABSOLUTE_EDGES_G_PER_KWH = (150.0, 250.0, 400.0, 550.0)
FLAT_RANGE_G_PER_KWH = 30.0
HYSTERESIS_SHARE = 0.02
CAPACITY_FACTORS: dict[Band, float] = {
    Band.VERY_LOW: 2.0,
    Band.LOW: 1.5,
    Band.MEDIUM: 1.0,
    Band.HIGH: 0.5,
    Band.VERY_HIGH: 0.25,
    Band.UNKNOWN: 1.0,
}


@dataclass(frozen=True, slots=True)
class Cuts:
    """Where the bands change, in the unit of the value that they classify.

    Attributes:
        edges: the four upper edges of `very_low` to `high`; empty on a flat grid, where
            every value is `medium`.
        margin: how far beyond its edge a value must be to leave a band.
    """

    edges: tuple[float, ...]
    margin: float

    def band_of(self, value: float) -> Band:
        """The band of a value on its own, without regard to the band before it."""
        return KNOWN_BANDS[bisect_right(self.edges, value)] if self.edges else Band.MEDIUM


def relative_cuts(values: Sequence[float]) -> Cuts:
    """Cut the p5..p95 value range at 20/40/60/80 %; flat grids get no edges.

    Args:
        values: intensities in g/kWh, the trailing week or what there is of it; not empty.
    """
    ordered = sorted(values)
    low, high = _percentile(ordered, 0.05), _percentile(ordered, 0.95)
    span = high - low
    if span < FLAT_RANGE_G_PER_KWH:
        return Cuts((), 0.0)
    edges = tuple(low + span * share for share in (0.2, 0.4, 0.6, 0.8))
    return Cuts(edges, HYSTERESIS_SHARE * span)


def absolute_cuts(edges_g_per_kwh: Sequence[float] = ABSOLUTE_EDGES_G_PER_KWH) -> Cuts:
    """Fixed cuts in g/kWh, with the hysteresis taken from the span that they cover."""
    edges = tuple(edges_g_per_kwh)
    return Cuts(edges, HYSTERESIS_SHARE * (edges[-1] - edges[0]))


def index_cuts() -> Cuts:
    """Cuts of WattTime's percentile signal index, 0 cleanest to 100 dirtiest."""
    return Cuts((20.0, 40.0, 60.0, 80.0), 2.0)


def classify(value: float, cuts: Cuts, previous: Band = Band.UNKNOWN) -> Band:
    """The band of a value, keeping the previous band until its edge is passed by the margin."""
    fresh = cuts.band_of(value)
    if previous is Band.UNKNOWN or fresh is previous or not cuts.edges:
        return fresh
    if fresh.rank > previous.rank:
        left = value >= cuts.edges[previous.rank] + cuts.margin
    else:
        left = value <= cuts.edges[previous.rank - 1] - cuts.margin
    return fresh if left else previous


def capacity(base: int, band: Band) -> int:
    """How much of a base count the band grants: base x factor, half up, never below 1."""
    return max(1, math.floor(base * CAPACITY_FACTORS[band] + 0.5))


def _percentile(ordered: Sequence[float], share: float) -> float:
    """Linear interpolation between the two nearest ranks."""
    position = share * (len(ordered) - 1)
    below = math.floor(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)
