"""The same rules on a recorded grid, in virtual time, with exact accounts."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

import numpy as np

from shared.domain.decisions import Rules
from shared.domain.replay.adaptive import USUAL, adaptive
from shared.domain.replay.capacity import adaptive_in_pool, queued
from shared.domain.replay.knowledge import Foreseen, Knowledge
from shared.domain.replay.optimum import optimal
from shared.domain.replay.pausing import interruptible
from shared.domain.replay.planning import Situation, carbon_time, lowest_slot, lowest_window
from shared.domain.replay.recorded_bands import DAY_SECONDS, band_ranks
from shared.domain.replay.schedule import Outcome, Schedule, account
from shared.domain.replay.threshold import threshold
from shared.domain.replay.workload import Workload
from shared.domain.windows import Floats, Ints, Series

NO_MARGINS = Rules(
    worthwhile_share=0.0,
    worthwhile_g_per_kwh=0.0,
    still_worthwhile_share=0.0,
    still_worthwhile_g_per_kwh=0.0,
)
"""Every gain is worth a wait."""


class Policy(StrEnum):
    """The policies that can be compared."""

    RUN_NOW = "run_now"
    THRESHOLD = "threshold"  # wait while the band is dirtier than the job's limit
    LOWEST_SLOT = "lowest_slot"
    LOWEST_WINDOW = "lowest_window"
    INTERRUPTIBLE = "interruptible"  # as if every job could be paused
    CARBON_TIME = "carbon_time"
    ADAPTIVE = "adaptive"  # the product's own
    OPTIMAL = "optimal"  # clairvoyant: the bound


@dataclass(frozen=True, slots=True)
class PolicyResult:
    """What a policy came to; the fields are those of `simulate --json`.

    Attributes:
        run_now_g: the same jobs, each run at its submission with a free place.
        optimal_percent: what a clairvoyant saves with unlimited places; it may pause jobs only
            where the policy may.
        share_of_optimal: None where there is nothing to be saved.
    """

    jobs: int
    emissions_g: float
    run_now_g: float
    avoided_g: float
    avoided_percent: float | None
    optimal_percent: float | None
    share_of_optimal: float | None
    mean_wait_seconds: float
    p95_wait_seconds: float
    missed_deadlines: int


@dataclass
class Replay:
    """Jobs on a recorded grid.

    Attributes:
        series: the true intensities; held on at the end for jobs that run past it.
        knowledge: what policies other than `optimal` know.
        capacity: how many jobs run at once; None for any number.
        progress: told of every batch of decisions.
        rules: the margins of `adaptive`.
        day_s: length of a day: 86,400, or less where time was replayed faster.
    """

    series: Series
    workload: Workload
    knowledge: Knowledge
    capacity: int | None = None
    progress: Callable[[int], None] = lambda _: None
    rules: Rules = USUAL
    day_s: float = DAY_SECONDS
    _bounds: dict[bool, float] = field(default_factory=dict)

    def run(self, policy: Policy) -> PolicyResult:
        """Replay one policy and account for it."""
        pausing = policy is Policy.INTERRUPTIBLE
        return self._result(self.outcome(policy), self._optimal_g(all_paused=pausing))

    def realised(self, ran: Schedule, power_watts: Floats) -> PolicyResult:
        """The account of what really happened, from the pieces of the jobs and their power."""
        outcome = account(self.series, self.workload, ran, power_watts)
        return self._result(outcome, self._optimal_g(all_paused=False))

    def outcome(self, policy: Policy) -> Outcome:
        """The account of every job under a policy."""
        return account(self.series, self.workload, self.schedule(policy))

    def schedule(self, policy: Policy) -> Schedule:
        """When a policy runs each job."""
        if self.capacity is not None and policy is Policy.ADAPTIVE:
            return adaptive_in_pool(self._situation, self._ranks, self.rules, self.capacity)
        if self.capacity is not None and policy is Policy.OPTIMAL:
            known = self._clairvoyant(self.workload.without_wishes())
            return adaptive_in_pool(known, self._ranks, NO_MARGINS, self.capacity)
        plan = self._plan(policy)
        return plan if self.capacity is None else queued(plan, self.capacity)

    def _plan(self, policy: Policy) -> Schedule:
        situation, load = self._situation, self.workload
        match policy:
            case Policy.RUN_NOW:
                return Schedule.whole(load, load.submitted_s)
            case Policy.INTERRUPTIBLE:
                return interruptible(situation)
            case Policy.ADAPTIVE:
                return adaptive(situation, self._ranks, self.rules)
            case Policy.OPTIMAL:
                return optimal(self._clairvoyant(load), self.series)
            case Policy.THRESHOLD:
                return Schedule.whole(load, threshold(situation, self._ranks))
            case _:
                return Schedule.whole(load, _PLANNERS[policy](situation))

    @cached_property
    def _situation(self) -> Situation:
        series = self.series
        return Situation(
            series.start_s, series.period_s, self.workload, self.knowledge, self.progress
        )

    def _clairvoyant(self, load: Workload) -> Situation:
        series = self.series
        return Situation(series.start_s, series.period_s, load, Foreseen(series))

    @cached_property
    def _ranks(self) -> Ints:
        """Bands of the points; not worked out where no policy looks at them."""
        return band_ranks(self.series, self.day_s)

    def _optimal_g(self, *, all_paused: bool) -> float:
        if all_paused not in self._bounds:
            load = self.workload.all_interruptible(True) if all_paused else self.workload
            schedule = optimal(self._clairvoyant(load), self.series)
            self._bounds[all_paused] = float(account(self.series, load, schedule).emissions_g.sum())
        return self._bounds[all_paused]

    def _result(self, outcome: Outcome, optimal_g: float) -> PolicyResult:
        emitted, at_once = float(outcome.emissions_g.sum()), float(outcome.run_now_g.sum())
        avoided, possible = at_once - emitted, at_once - optimal_g
        waits_s = outcome.wait_s
        return PolicyResult(
            jobs=len(waits_s),
            emissions_g=emitted,
            run_now_g=at_once,
            avoided_g=avoided,
            avoided_percent=100 * avoided / at_once if at_once else None,
            optimal_percent=100 * possible / at_once if at_once else None,
            share_of_optimal=avoided / possible if possible > 1e-9 * at_once else None,
            mean_wait_seconds=float(waits_s.mean()) if len(waits_s) else 0.0,
            p95_wait_seconds=float(np.percentile(waits_s, 95)) if len(waits_s) else 0.0,
            missed_deadlines=outcome.late,
        )


_PLANNERS = {
    Policy.LOWEST_SLOT: lowest_slot,
    Policy.LOWEST_WINDOW: lowest_window,
    Policy.CARBON_TIME: carbon_time,
}
