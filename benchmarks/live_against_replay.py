"""A day of jobs through the real services, against the replay's prediction for the same day.

python benchmarks/live_against_replay.py [--speed 60] [--hours 24] [--jobs 240] [--seed 1]

Starts a whole system on a private broker, with the emulator replaying recorded Californian
marginal intensity faster than it was recorded, and submits a made-up day of jobs. Afterwards the
ledger says what was saved; and the replay is given the same jobs, the grid as it was observed and
the forecasts and bands as they were broadcast, and says what should have been. The jobs only
wait, and there are enough consumers for all. Ends with 1 where the two savings differ by more
than 5 %, a deadline was missed, or a job was lost.
"""

import argparse
import asyncio
import csv
import math
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import numpy as np
from day_of_jobs import HOUR_S, day_of_jobs
from live_record import Broadcasts, LiveJobs, read_broadcasts, read_jobs
from live_system import MARGIN_S, LiveSystem, NotInTimeError, Setup, running_system, wait_until

from shared.domain.decisions import Rules
from shared.domain.replay.adaptive import adaptive
from shared.domain.replay.planning import Situation
from shared.domain.replay.schedule import Outcome, Schedule, account
from shared.domain.replay.workload import Bools, Workload
from shared.domain.windows import Floats, Ints
from shared.errors import CarbonAwareError

TOLERANCE = 0.05
LATE_SECONDS = 60.0  # beyond the last deadline, before a job counts as lost
ACCOUNT_SECONDS = 30.0


@dataclass(frozen=True)
class Comparison:
    """A day as it was and as the replay has it; grams, and seconds of wall time.

    Attributes:
        submitted: how many jobs were published.
        predicted: what the replay did with the jobs that succeeded.
        predicted_start_s: when it started each of them (Unix seconds).
        audited: the replay's account of the starts as they really were: the difference to the
            ledger's is one of accounts, what remains to the prediction one of decisions.
        tolerance: the largest relative difference of the avoided grams.
    """

    submitted: int
    broadcasts: Broadcasts
    live: LiveJobs
    predicted: Outcome
    predicted_start_s: Floats
    audited: Outcome
    tolerance: float = TOLERANCE

    @property
    def live_avoided_g(self) -> float:
        """By the ledger."""
        return float(self.live.avoided_g.sum())

    @property
    def predicted_avoided_g(self) -> float:
        """By the replay."""
        return _avoided_g(self.predicted)

    @property
    def difference(self) -> float:
        """How much more was saved than predicted, as a share of the prediction."""
        more_g = self.live_avoided_g - self.predicted_avoided_g
        if not self.predicted_avoided_g:
            return math.copysign(math.inf, more_g) if more_g else 0.0
        return more_g / abs(self.predicted_avoided_g)

    @property
    def lost(self) -> int:
        """Jobs that were published and did not succeed."""
        return self.submitted - len(self.live.started_s)

    @property
    def late(self) -> int:
        """Jobs that succeeded after their deadline."""
        return int(np.count_nonzero(self.live.finished_s > self.live.workload.deadline_s))

    @property
    def elsewhere(self) -> Bools:
        """Which jobs really started more than a point away from the prediction."""
        apart_s = np.abs(self.live.started_s - self.predicted_start_s)
        different: Bools = apart_s > self.broadcasts.series.period_s
        return different

    def failures(self) -> list[str]:
        """What is not as it has to be, a line for each."""
        found = []
        if abs(self.difference) > self.tolerance:
            found.append(f"the savings differ by more than {self.tolerance:.0%}")
        if self.late:
            found.append(f"{self.late} deadlines were missed")
        if self.lost:
            found.append(f"{self.lost} jobs were lost")
        return found


def live_day(
    folder: Path, setup: Setup, *, hours: float, jobs: int, seed: int, tolerance: float = TOLERANCE
) -> Comparison:
    """Run a day of jobs through a system of its own, and replay it.

    Args:
        folder: where everything of the system goes.
        setup: of the system; its emulator begins some time before the day does.
        hours: length of the day, as recorded.
        jobs: how many.
        seed: of the made-up jobs.
        tolerance: the largest relative difference of the avoided grams.

    Raises:
        NotInTimeError: the system did not start, or no account came of the jobs.
        CarbonAwareError: a setting is wrong.
        ValueError: the day is too short, or no job succeeded.
    """
    day = day_of_jobs(hours, jobs, seed, setup.speed)
    with running_system(folder, setup) as system:
        end_s = time.monotonic() + hours * HOUR_S / setup.speed
        asyncio.run(system.submit(day))
        _wait_for_end(system, jobs, end_s)
        return compared(read_broadcasts(system.engine), read_jobs(system.engine), jobs, tolerance)


def _wait_for_end(system: LiveSystem, jobs: int, end_s: float) -> None:
    """Until the day is over and all jobs are accounted for; those that never end are lost."""

    def all_done() -> bool:
        counts = system.counts()
        done = counts.succeeded + counts.dead + counts.cancelled + counts.expired + counts.rejected
        return done >= jobs and time.monotonic() > end_s

    left_s = max(0.0, end_s - time.monotonic())
    try:
        wait_until(all_done, left_s + LATE_SECONDS, "jobs are missing")
    except NotInTimeError as error:
        print(error, file=sys.stderr)  # `lost` says how many
    told = f"not every account is there {ACCOUNT_SECONDS:.0f} s after the last job"
    wait_until(system.is_accounted, ACCOUNT_SECONDS, told)


def compared(
    broadcasts: Broadcasts, live: LiveJobs, submitted: int, tolerance: float
) -> Comparison:
    """Replay the jobs of a record under the product's own policy and the scheduler's rules."""
    series, load = broadcasts.series, live.workload
    # The replay knows no margin; a deadline that is as much earlier has the same latest start.
    early = replace(load, deadline_s=load.deadline_s - MARGIN_S)
    situation = Situation(series.start_s, series.period_s, early, broadcasts)
    schedule = adaptive(situation, _ranks_until(broadcasts, load), Rules(margin_seconds=MARGIN_S))
    as_it_was = Schedule.whole(load, live.started_s)
    return Comparison(
        submitted=submitted,
        broadcasts=broadcasts,
        live=live,
        predicted=account(series, load, schedule),
        predicted_start_s=schedule.start_s,
        audited=account(series, load, as_it_was),
        tolerance=tolerance,
    )


def _ranks_until(broadcasts: Broadcasts, load: Workload) -> Ints:
    """The bands of the points, the last one held on until the last job has to be over."""
    series = broadcasts.series
    missing = round((load.ends_s - series.end_s) / series.period_s) + 1
    return np.pad(broadcasts.ranks, (0, max(0, missing)), mode="edge")


def _avoided_g(outcome: Outcome) -> float:
    return float(outcome.run_now_g.sum() - outcome.emissions_g.sum())


def report(done: Comparison) -> list[str]:
    """What came of it, in lines."""
    live, predicted, audited = done.live, done.predicted, done.audited
    waits_s = live.started_s - live.workload.submitted_s
    moved_g = (predicted.emissions_g - audited.emissions_g)[done.elsewhere]
    accounts_g = done.live_avoided_g - _avoided_g(audited)
    ledger = _saving(done.live_avoided_g, live.baseline_g, waits_s)
    replay = _saving(done.predicted_avoided_g, predicted.run_now_g, predicted.wait_s)
    late = f"deadlines missed: {done.late} live, {predicted.late} in the replay"
    return [
        _grid(done.broadcasts),
        f"jobs: {done.submitted} submitted, {done.lost} lost; {late}",
        f"live:      {ledger}",
        f"predicted: {replay}",
        f"difference of the avoided grams: {done.difference:+.2%}",
        f"from the accounts: {accounts_g:+.3f} g",
        f"from {len(moved_g)} jobs that started more than a point apart: {moved_g.sum():+.3f} g",
        f"decisions to wait for room in the pools: {live.pools_full}",
    ]


def _grid(told: Broadcasts) -> str:
    series, lowest, highest = told.series, told.series.values.min(), told.series.values.max()
    points = f"{len(series)} points of {series.period_s:g} s ({told.carried} without an update)"
    return f"grid: {points}, {lowest:.0f} to {highest:.0f} g/kWh, SIMULATED"


def _saving(avoided_g: float, baseline_g: Floats, waits_s: Floats) -> str:
    total_g = float(baseline_g.sum())
    percent = 100 * avoided_g / total_g
    grams = f"{avoided_g:.3f} g of {total_g:.3f} g avoided"
    return f"{grams}, {percent:.2f} %; mean wait {waits_s.mean():.2f} s"


COLUMNS = (
    "submitted_s",
    "duration_s",
    "deadline_s",
    "power_watts",
    "priority",
    "max_band",
    "live_start_s",
    "predicted_start_s",
    "live_avoided_g",
    "predicted_avoided_g",
)


def write_jobs(path: Path, done: Comparison) -> None:
    """Every job with both its starts, for a look at where they differ."""
    load, live = done.live.workload, done.live
    saved_g = done.predicted.run_now_g - done.predicted.emissions_g
    asked = (load.submitted_s, load.duration_s, load.deadline_s, load.power_watts)
    starts_s = (live.started_s, done.predicted_start_s)
    rows = zip(
        *asked, load.priority, load.max_band, *starts_s, live.avoided_g, saved_g, strict=True
    )
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows(rows)


def main(arguments: Iterable[str] | None = None) -> int:
    """Run the day and print what came of it; the exit code."""
    given = _options(arguments)
    try:
        done = _day(given)
    except (CarbonAwareError, NotInTimeError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print("\n".join(report(done)))
    if given.out is not None:
        write_jobs(given.out, done)
    for failure in done.failures():
        print(f"FAILED: {failure}", file=sys.stderr)
    return 1 if done.failures() else 0


def _options(arguments: Iterable[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--speed", type=float, default=60.0)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--jobs", type=int, default=240)
    parser.add_argument("--seed", type=int, default=1)
    start = "recorded time to begin with, with its zone"
    parser.add_argument("--start", type=datetime.fromisoformat, help=start)
    parser.add_argument("--out", type=Path, help="a CSV with both starts of every job")
    parser.add_argument("--folder", type=Path, help="for logs and ledger; else a temporary one")
    return parser.parse_args(None if arguments is None else list(arguments))


def _day(given: argparse.Namespace) -> Comparison:
    setup = Setup(given.speed, given.start)
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        return live_day(folder, setup, hours=given.hours, jobs=given.jobs, seed=given.seed)


if __name__ == "__main__":
    sys.exit(main())
