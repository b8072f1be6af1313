"""What a baseline makes of the same runs: a fixed average, and the work run at its submission.

python benchmarks/which_baseline.py [--data ../shared/data] [--only ZONE ...]

Jobs of 2 hours at 1 kW each hour of 2022 on the hourly zones, latest start 12 hours later, the
first 30 days left out. They run at once, and under `adaptive` with the built-in forecaster, decided
again every hour. The table is the one of docs/method.md.
"""

import argparse
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from forecasters import uniform_jobs
from published_results import USUAL_DATA, zones

from shared.domain.replay import BuiltIn, Policy, PolicyResult, Replay
from shared.domain.savings import JOULES_PER_KWH, reference_g
from shared.domain.windows import Series

HEADER = (
    "| zone | mean g/kWh | at once, by 450 g % | at once, by ours % "
    "| adaptive, by 450 g % | adaptive, by ours % | possible % |"
)


@dataclass(frozen=True, slots=True)
class Credits:
    """What one zone's jobs are credited with, in percent of the baseline that is named.

    Attributes:
        mean_g_per_kwh: the intensity that the jobs meet when they run at once.
        at_once_fixed: run at submission, against 450 g/kWh.
        at_once_ours: the same runs, against the same work at submission.
        adaptive_fixed: run when `adaptive` says so, against 450 g/kWh.
        adaptive_ours: the same runs, against the same work at submission.
        possible: what a clairvoyant saves, against the same work at submission.
    """

    mean_g_per_kwh: float
    at_once_fixed: float
    at_once_ours: float
    adaptive_fixed: float
    adaptive_ours: float
    possible: float

    def cells(self) -> tuple[str, ...]:
        """The figures as they are printed."""
        percents = (
            self.at_once_fixed,
            self.at_once_ours,
            self.adaptive_fixed,
            self.adaptive_ours,
            self.possible,
        )
        return (f"{self.mean_g_per_kwh:.0f}", *(f"{percent:.1f}" for percent in percents))


def credits_of(series: Series) -> Credits:
    """Replay a zone's jobs and credit them by either baseline.

    Args:
        series: the zone's true intensities.

    Raises:
        ValueError: on a grid without emissions, where a share has no meaning.
    """
    load = uniform_jobs(series)
    replay = Replay(series, load, BuiltIn(series))
    at_once, adaptive = replay.run(Policy.RUN_NOW), replay.run(Policy.ADAPTIVE)
    used_kwh = float((load.power_watts * load.duration_s).sum()) / JOULES_PER_KWH
    if adaptive.optimal_percent is None:
        raise ValueError("nothing is emitted in this zone")
    return Credits(
        mean_g_per_kwh=at_once.emissions_g / used_kwh,
        at_once_fixed=fixed_percent(at_once.emissions_g, used_kwh),
        at_once_ours=_ours(at_once),
        adaptive_fixed=fixed_percent(adaptive.emissions_g, used_kwh),
        adaptive_ours=_ours(adaptive),
        possible=adaptive.optimal_percent,
    )


def fixed_percent(emissions_g: float, used_kwh: float) -> float:
    """What a fixed baseline of 450 g/kWh credits, in percent of itself."""
    return 100 * (1 - emissions_g / reference_g(used_kwh))


def _ours(result: PolicyResult) -> float:
    return 100 * (result.run_now_g - result.emissions_g) / result.run_now_g


def rows(data: Path, only: Iterable[str] = ()) -> Iterator[tuple[str, Credits]]:
    """Each zone with its credits; some zones where they are named.

    Args:
        data: the folder with the hourly zones.
        only: the zones that are wanted; all of them where none is named.

    Raises:
        ValueError: where a zone is wanted that the data does not hold.
    """
    grids, wanted = zones(data), list(only)
    if missing := [zone for zone in wanted if zone not in grids]:
        raise ValueError(f"--only: no zone {missing[0]}; there are {', '.join(grids)}")
    for zone in wanted or grids:
        yield zone, credits_of(grids[zone])


def main(arguments: Iterable[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=USUAL_DATA)
    parser.add_argument("--only", nargs="*", default=[], metavar="ZONE")
    options = parser.parse_args(None if arguments is None else list(arguments))
    print(HEADER)
    print("| --- |" + " ---: |" * 6)
    try:
        for zone, found in rows(options.data, options.only):
            print(f"| {zone} | {' | '.join(found.cells())} |", flush=True)
    except ValueError as error:
        parser.error(str(error))


if __name__ == "__main__":
    main()
