"""How much cleaner a later window has to be: margins compared by the carbon that they save.

python benchmarks/margins.py [--data ../shared/data]

For each pair of margins, to begin to wait and to go on waiting, the mean share of the clairvoyant
window's saving over the hourly zones of 2022, with the built-in forecaster: jobs of 2 hours each
hour, latest start 12 hours later, decided again every hour, the first 30 days left out.
"""

import argparse
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from forecasters import LEFT_OUT_DAYS, uniform_jobs
from published_results import USUAL_DATA, zones

from shared.domain.decisions import Rules
from shared.domain.replay import BuiltIn, Policy, Replay
from shared.domain.windows import Floats, Series

POINTS_AHEAD = 14
MARGINS = ((0.0025, 0.01), (0.01, 0.5), (0.015, 0.5), (0.03, 1.0))
PAIRS = [(begin, MARGINS[0]) for begin in MARGINS] + [(both, both) for both in MARGINS[1::2]]


class Kept:
    """Forecasts that are made once and asked for again with every pair of margins."""

    def __init__(self, series: Series) -> None:
        """Make them all."""
        known = BuiltIn(series)
        self._rows = [known.at(point, POINTS_AHEAD).copy() for point in range(len(series))]

    def at(self, point: int, count: int) -> Floats:
        """The first points of a forecast."""
        return self._rows[point][:count]


def mean_share(
    grids: Iterable[tuple[Series, Kept]], begin: tuple[float, float], go_on: tuple[float, float]
) -> float:
    """What a pair of margins (share, g/kWh) earns on average."""
    rules = Rules(
        worthwhile_share=begin[0],
        worthwhile_g_per_kwh=begin[1],
        still_worthwhile_share=go_on[0],
        still_worthwhile_g_per_kwh=go_on[1],
    )
    shares = [
        Replay(series, uniform_jobs(series), known, rules=rules).run(Policy.ADAPTIVE)
        for series, known in grids
    ]
    return float(np.mean([result.share_of_optimal for result in shares]))


def main(arguments: Iterable[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=USUAL_DATA)
    options = parser.parse_args(None if arguments is None else list(arguments))
    grids = [(series, Kept(series)) for series in zones(options.data).values()]
    print(f"the first {LEFT_OUT_DAYS} days left out")
    print(f"{'to begin':>20} {'to go on':>20} {'mean share':>11}")
    for begin, go_on in PAIRS:
        words = [f"{100 * share:g} %, {grams:g} g/kWh" for share, grams in (begin, go_on)]
        print(f"{words[0]:>20} {words[1]:>20} {mean_share(grids, begin, go_on):11.3f}")


if __name__ == "__main__":
    main()
