"""Forecasters compared by the carbon that they save, not by their error.

python benchmarks/forecasters.py [--data ../shared/data] [--only NAME ...]

For each forecaster the share of the clairvoyant window's saving that `adaptive` earns with it:
jobs of 2 hours each hour, latest start 12 hours later, decided again every hour on the hourly zones
of 2022, the first 30 days left out.
"""

import argparse
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from published_results import HOUR_S, USUAL_DATA, SevenDayProfile, zones

from shared.domain.forecaster import REMEMBERS_DAYS, Forecaster
from shared.domain.hourly import Hourly
from shared.domain.replay import BuiltIn, Knowledge, Policy, Replay, Workload
from shared.domain.replay.workload import Bools
from shared.domain.windows import Floats, Ints, Series

DAY_SECONDS = 86_400.0
LEFT_OUT_DAYS = 30
THURSDAY, SATURDAY = 3, 5
"""Days after a Monday; Unix time begins with a Thursday."""


class WeekdayProfile:
    """The same hour's mean over those of the last seven days that are of the same kind.

    Working days and weekends are two kinds; days are those of UTC.
    """

    def __init__(self, series: Series) -> None:
        """The present is known, and what came before it."""
        self._series = series

    def at(self, point: int, count: int) -> Floats:
        """The present as observed, then the profile of each day's kind."""
        values, ahead = self._series.values, np.arange(count)
        day = round(DAY_SECONDS / self._series.period_s)
        back = day * (ahead[:, None] // day + np.arange(1, 8))
        past = point + ahead[:, None] - back
        alike = self._is_weekend(past) == self._is_weekend(point + ahead)[:, None]
        alike &= past >= 0
        total = np.where(alike, values[np.maximum(past, 0)], 0.0).sum(axis=1)
        days = alike.sum(axis=1)
        row = np.where(days > 0, total / np.maximum(days, 1), values[point])
        row[0] = values[point]
        return row

    def _is_weekend(self, points: Ints) -> Bools:
        at_s = self._series.start_s + self._series.period_s * points
        weekend: Bools = (np.floor(at_s / DAY_SECONDS) + THURSDAY) % 7 >= SATURDAY
        return weekend


class Parts(Forecaster):
    """The built-in forecaster with some of its parts; the others are not asked."""

    def hourly(self, values: Floats, start_s: float, nows: Ints) -> Hourly:
        """The history up to the last of some moments."""
        return Hourly(values[: int(nows[-1]) + 1], self.steps_per_day, start_s / self._day_s)


class DecayingError(Parts):
    """The seven-day profile, and the present error, which decays into it."""

    def rows(self, values: Floats, start_s: float, nows: Ints, count: int) -> Floats:
        """See `Forecaster.rows`."""
        return self.hourly(values, start_s, nows).decaying(nows, count)


class AnalogDays(Parts):
    """The past moments whose last day looked most alike, and what followed them."""

    def rows(self, values: Floats, start_s: float, nows: Ints, count: int) -> Floats:
        """See `Forecaster.rows`."""
        hourly = self.hourly(values, start_s, nows)
        hours = hourly.analogs(nows, REMEMBERS_DAYS)
        return hourly.in_points(nows, np.maximum(hours, 0.0), count)


class Ridge(Parts):
    """The ridge regression of the profile's errors, refitted weekly."""

    def rows(self, values: Floats, start_s: float, nows: Ints, count: int) -> Floats:
        """See `Forecaster.rows`."""
        hourly = self.hourly(values, start_s, nows)
        errors = self._fit(hourly, int(nows[0]), start_s).errors(hourly.features(nows))
        hours = hourly.profile_ahead(nows) + errors
        return hourly.in_points(nows, np.maximum(hours, 0.0), count)


def _built_in(kind: type[Forecaster]) -> Callable[[Series], Knowledge]:
    return lambda series: BuiltIn(series, kind(series.period_s, DAY_SECONDS))


FORECASTERS: dict[str, Callable[[Series], Knowledge]] = {
    "profile": SevenDayProfile,
    "weekdays": WeekdayProfile,
    "decaying": _built_in(DecayingError),
    "analogs": _built_in(AnalogDays),
    "ridge": _built_in(Ridge),
    "built-in": BuiltIn,
}


def shares(name: str, data: Path) -> dict[str, float]:
    """The share that a forecaster earns in each zone."""
    return {zone: _share(series, FORECASTERS[name](series)) for zone, series in zones(data).items()}


def uniform_jobs(series: Series) -> Workload:
    """The jobs of the comparison."""
    hours = np.arange(24 * LEFT_OUT_DAYS, len(series) - 14)
    return Workload.uniform(series.start_s + HOUR_S * hours, 2 * HOUR_S, 12 * HOUR_S)


def _share(series: Series, known: Knowledge) -> float:
    share = Replay(series, uniform_jobs(series), known).run(Policy.ADAPTIVE).share_of_optimal
    if share is None:
        raise ValueError("nothing can be saved on a flat grid")
    return share


def main(arguments: Iterable[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=USUAL_DATA)
    parser.add_argument("--only", nargs="*", choices=FORECASTERS, default=list(FORECASTERS))
    options = parser.parse_args(None if arguments is None else list(arguments))
    print(
        f"{'forecaster':<10}" + "".join(f"{zone:>13}" for zone in zones(options.data)) + "   mean"
    )
    for name in options.only:
        began = time.monotonic()
        earned = list(shares(name, options.data).values())
        cells = "".join(f"{share:13.3f}" for share in earned)
        print(f"{name:<10}{cells} {np.mean(earned):6.3f}  ({time.monotonic() - began:.0f} s)")


if __name__ == "__main__":
    main()
