"""What forecasts are worth on three recorded months of marginal intensity, by the carbon saved.

python benchmarks/issued_forecasts.py [--every MINUTES]

Northern California in 5-minute points, with the forecasts that were issued for it, each 3 hours
long. Jobs of 2 hours that may start up to 12 hours after their submission run under `adaptive`,
which knows the rolling seven-day profile, or the built-in forecaster, or the issued forecasts
continued by the built-in forecaster. The first two weeks, from which it learns, are left out.
"""

import argparse
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from published_results import SevenDayProfile

from services.watttime_emulator.trace import BUNDLED, POINT_SECONDS, load_trace
from shared.domain.replay import (
    BuiltIn,
    Issued,
    Knowledge,
    Policy,
    PolicyResult,
    Replay,
    Workload,
)
from shared.domain.windows import Series

CONTINUED = Path(__file__).parent / "data" / "caiso_north_2021-04-16_to_07-01.csv.xz"
JOB_S, SLACK_S = 7200.0, 43_200.0
LEFT_OUT_DAYS = 14
USUAL_EVERY_MINUTES = 60


def recording() -> tuple[Series, dict[float, Series]]:
    """The intensities of 2021-04-02 to 2021-07-01, and the forecasts by their issue.

    The first fourteen days are those that the emulator brings along.
    """
    parts = [load_trace(path) for path in (BUNDLED, CONTINUED)]
    if parts[0].time_of(len(parts[0])) != parts[1].start:
        raise ValueError(f"{CONTINUED.name} does not go on where {BUNDLED.name} ends")
    values = [value for part in parts for value in part.values]
    issues: dict[float, Series] = {}
    for part in parts:
        for place, said in part.issues.items():
            at_s = part.time_of(place).timestamp()
            issues[at_s] = Series(at_s + POINT_SECONDS, POINT_SECONDS, said)
    return Series(parts[0].start.timestamp(), POINT_SECONDS, values), issues


def results(every_minutes: int = USUAL_EVERY_MINUTES) -> dict[str, PolicyResult]:
    """`adaptive` with each kind of knowledge; `optimal_percent` is what was possible."""
    series, issues = recording()
    first_s = series.start_s + LEFT_OUT_DAYS * 86_400.0
    last_s = series.end_s - JOB_S - SLACK_S
    load = Workload.uniform(np.arange(first_s, last_s, 60.0 * every_minutes), JOB_S, SLACK_S)
    kinds: dict[str, Knowledge] = {
        "7-day profile": SevenDayProfile(series),
        "built-in": BuiltIn(series),
        "issued + built-in": Issued(series, issues),
    }
    return {name: Replay(series, load, kinds[name]).run(Policy.ADAPTIVE) for name in kinds}


def main(arguments: Iterable[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--every", type=int, default=USUAL_EVERY_MINUTES, metavar="MINUTES")
    options = parser.parse_args(None if arguments is None else list(arguments))
    began = time.monotonic()
    print(f"{'knowledge':<18} {'saving %':>8} {'wait h':>7} {'share':>6}")
    for name, result in results(options.every).items():
        wait_h = result.mean_wait_seconds / 3600
        print(
            f"{name:<18} {result.avoided_percent:8.2f} {wait_h:7.2f} {result.share_of_optimal:6.3f}"
        )
    print(f"{'possible':<18} {result.optimal_percent:8.2f}   {result.jobs:,} jobs")
    print(f"({time.monotonic() - began:.1f} s)")


if __name__ == "__main__":
    main()
