"""The band that the grid was in at every recorded point, as it was known then."""

import numpy as np

from shared.domain.bands import Band, absolute_cuts, classify, relative_cuts
from shared.domain.windows import Ints, Series

DAY_SECONDS = 86_400.0
RANGE_DAYS = 7
REFRESH_PER_DAY = 24


def band_ranks(series: Series, day_s: float = DAY_SECONDS) -> Ints:
    """Ranks of the bands, relative to the trailing seven days; absolute on the first day.

    The edges are taken afresh every hour, or at every point where points are longer.

    Args:
        series: the recorded grid.
        day_s: length of a day: 86,400, or less where time was replayed faster.
    """
    day = max(1, round(day_s / series.period_s))
    every = max(1, day // REFRESH_PER_DAY)
    values: list[float] = series.values.tolist()
    ranks = np.empty(len(values), dtype=np.int64)
    band, cuts = Band.UNKNOWN, absolute_cuts()
    for point, value in enumerate(values):
        if point >= day and point % every == 0:
            cuts = relative_cuts(values[max(0, point + 1 - RANGE_DAYS * day) : point + 1])
        band = classify(value, cuts, band)
        ranks[point] = band.rank
    return ranks
