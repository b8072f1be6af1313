"""How fast jobs are decided, on one core; medians over repeats in one run.

python benchmarks/decisions.py [--repeats N]

`decide()` is what the scheduler asks for one job: here with a forecast of 72 hours in 5-minute
points, a timetable without known pools, and jobs of mixed lengths. A replay decides all jobs that
wait at a point together.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import numpy as np

from shared.domain.bands import Band, absolute_cuts
from shared.domain.decisions import Rules, decide
from shared.domain.grid import Curve, Freshness, Grid, utc
from shared.domain.jobs import Job, Priority
from shared.domain.replay import Foreseen, Policy, Replay, Workload
from shared.domain.timetable import Timetable, Wheel
from shared.domain.windows import Floats, Series

POINT_S, HOUR_S = 300.0, 3600.0
POINTS_PER_DAY = 288
FORECAST_POINTS = 864
START_S = 1_640_995_200.0  # 2022-01-01
JOBS_AT_ONCE = 5_000
REPEATS = 5
MANY = 1_000_000


@dataclass(frozen=True, slots=True)
class Speed:
    """One line of the table.

    Attributes:
        decisions: how many are made in one repeat.
        seconds: of processor time, the median of the repeats.
    """

    what: str
    decisions: int
    seconds: float

    @property
    def microseconds_each(self) -> float:
        """Of one decision."""
        return 1e6 * self.seconds / self.decisions

    @property
    def seconds_for_a_million(self) -> float:
        """What a million decisions take at this speed."""
        return self.seconds / self.decisions * MANY


def grid_values(points: int, seed: int = 1) -> Floats:
    """A daily wave with noise, in g/kWh; the same at each run."""
    noise = np.random.default_rng(seed).normal(0, 30, points)
    day = 2 * np.pi * np.arange(points) / POINTS_PER_DAY
    return np.maximum(300 + 120 * np.sin(day) + noise, 0.0)


def live_decisions(repeats: int, hours: float, *, paused: bool = False) -> Speed:
    """`decide()` for jobs that have to finish within `hours`, all on one update of the grid."""
    jobs = mixed_jobs(hours, paused=paused)
    now, rules = utc(START_S + 10), Rules()
    timetable = Timetable(Wheel(POINT_S, FORECAST_POINTS))

    def decide_all() -> int:
        grid = fresh_grid()  # nothing that an earlier repeat worked out is kept
        for job in jobs:
            decide(job, now, grid, timetable, rules)
        return len(jobs)

    kind = "may be paused" if paused else "in one piece"
    return measured(f"decide(), deadline within {hours:g} h, {kind}", repeats, decide_all)


def fresh_grid() -> Grid:
    """A dirty moment and 72 hours of forecast."""
    values = grid_values(FORECAST_POINTS)
    return Grid(
        region="R",
        band=Band.VERY_HIGH,
        freshness=Freshness.LIVE,
        intensity_g_per_kwh=float(values[0]),
        curve=Curve(START_S, POINT_S, values.tolist()),
        cuts=absolute_cuts(),
        forecast_age_seconds=10.0,
    )


def mixed_jobs(hours: float, *, paused: bool) -> list[Job]:
    """Jobs of 5 minutes to 2 hours, and deadlines between that and `hours`."""
    now, rng = utc(START_S + 10), np.random.default_rng(2)
    minutes = rng.choice(np.arange(5, 125, 5), JOBS_AT_ONCE)
    slack_s = rng.uniform(HOUR_S, (hours - 2) * HOUR_S, JOBS_AT_ONCE)
    return [
        Job(
            id=UUID(int=number),
            type="benchmark",
            priority=Priority.NORMAL,
            max_band=Band.VERY_LOW,
            submitted_at=now,
            deadline=now + timedelta(minutes=float(length), seconds=float(more_s)),
            expected_duration_seconds=60.0 * float(length),
            regions=("R",),
            power_watts=1000.0,
            interruptible=paused,
        )
        for number, (length, more_s) in enumerate(zip(minutes, slack_s, strict=True))
    ]


def replayed_decisions(repeats: int, policy: Policy, days: int = 60) -> Speed:
    """A replay of two-hour jobs, one for each point, with 12 hours of slack."""
    points = POINTS_PER_DAY * days
    series = Series(START_S, POINT_S, grid_values(points))
    submitted_s = START_S + POINT_S * np.arange(points - POINTS_PER_DAY)
    load = Workload.uniform(submitted_s, 2 * HOUR_S, 12 * HOUR_S)

    def replay() -> int:
        made: list[int] = []
        Replay(series, load, Foreseen(series), progress=made.append).outcome(policy)
        return sum(made)

    return measured(f"replay, {policy}, {len(load):,} jobs", repeats, replay)


def measured(what: str, repeats: int, work: Callable[[], int]) -> Speed:
    """The median processor time of some work that returns how many decisions it made."""
    seconds: list[float] = []
    decisions = 0
    for _ in range(repeats):
        began = time.process_time()
        decisions = work()
        seconds.append(time.process_time() - began)
    return Speed(what, decisions, statistics.median(seconds))


def speeds(repeats: int = REPEATS) -> Iterator[Speed]:
    """Every line of the table."""
    for hours in (14.0, 72.0):
        yield live_decisions(repeats, hours)
    yield live_decisions(repeats, 14.0, paused=True)
    for policy in (Policy.ADAPTIVE, Policy.LOWEST_WINDOW, Policy.CARBON_TIME):
        yield replayed_decisions(repeats, policy)


def main(arguments: Iterable[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=REPEATS)
    options = parser.parse_args(None if arguments is None else list(arguments))
    print(f"medians of {options.repeats} repeats, processor time of one core")
    print(f"{'what':<48} {'decisions':>10} {'us each':>9} {'s per million':>14}")
    for one in speeds(options.repeats):
        print(
            f"{one.what:<48} {one.decisions:>10,} {one.microseconds_each:9.2f} "
            f"{one.seconds_for_a_million:14.2f}"
        )


if __name__ == "__main__":
    main()
