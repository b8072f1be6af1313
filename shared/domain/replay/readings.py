"""From the points that were observed to an even series: short gaps bridged, long ones left out."""

from dataclasses import dataclass

import numpy as np

from shared.domain.windows import Floats, Series

MOST_BRIDGED = 3
"""Up to a quarter of an hour at 5 minutes; a longer gap would be mostly our own invention."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """The longest part of a record that has no long gap.

    Attributes:
        series: its intensities in g/kWh.
        bridged: how many of its points were missing and lie on straight lines between others.
        left_out: how many observed points lie outside it.
    """

    series: Series
    bridged: int
    left_out: int


def longest_stretch(
    at_s: Floats, g_per_kwh: Floats, period_s: float, most_bridged: int = MOST_BRIDGED
) -> Stretch:
    """Put observed points on an even axis and take the longest part without a long gap.

    A point that lies beside the axis of the first one is moved by half a period at most; of two
    that fall together the later one stays. Of equally long parts the latest is taken.

    Args:
        at_s: starts of the points (Unix seconds), ascending; at least one.
        g_per_kwh: their intensities.
        period_s: the distance of points.
        most_bridged: how many missing points in a row are bridged.
    """
    places = np.rint((at_s - at_s[0]) / period_s).astype(np.int64)
    last_of_each = np.append(places[1:] != places[:-1], True)
    places, values = places[last_of_each], g_per_kwh[last_of_each]
    breaks = np.flatnonzero(np.diff(places) - 1 > most_bridged) + 1
    begins, ends = np.append(0, breaks), np.append(breaks, len(places)) - 1
    spans = places[ends] - places[begins]
    chosen = len(spans) - 1 - int(np.argmax(spans[::-1]))
    part = slice(int(begins[chosen]), int(ends[chosen]) + 1)
    axis = np.arange(places[part][0], places[part][-1] + 1)
    start_s = float(at_s[0]) + period_s * int(axis[0])
    series = Series(start_s, period_s, np.interp(axis, places[part], values[part]))
    known = len(places[part])
    return Stretch(series, len(axis) - known, len(places) - known)
