"""Which waiting jobs would now do better elsewhere: tried out before anything is moved."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from services.scheduler.grids import Grids
from services.scheduler.plan import Plan, Waiting, leave, take
from shared.domain.bands import Band
from shared.domain.decisions import Defer, Rules, RunNow, decide_among
from shared.domain.grid import Grid
from shared.domain.jobs import Job
from shared.domain.timetable import Wheel

Seconds = Callable[[str, float], float]
Regions = Callable[[Job], tuple[str, ...]]


class Replan:
    """One look at all that waits, earliest latest start first, on a copy of the timetable.

    Every job is decided as if it were asked anew, and each one that goes takes its room with
    it; so no more are picked than there is room for, and none is picked without a gain.
    """

    def __init__(
        self,
        plan: Plan,
        grids: Grids,
        now: datetime,
        rules: Rules,
        busy_seconds: Seconds,
        open_regions: Regions = lambda job: job.regions,
    ) -> None:
        """Take what is known at a moment.

        Args:
            plan: what waits.
            grids: the grids.
            now: the moment.
            rules: the rules of decisions.
            busy_seconds: how long a job of some duration keeps a consumer of a region busy.
            open_regions: where a job is not paused.
        """
        self._plan = plan
        self._trial = plan.timetable.copy()
        self._wheel: Wheel = plan.timetable.wheel
        self._grids = grids
        self._now = now
        self._now_slot = self._wheel.slot_at(now.timestamp())
        self._rules = rules
        self._busy_seconds = busy_seconds
        self._open_regions = open_regions
        self._seen: dict[str, Grid] = {}
        self.moves: dict[int, set[UUID]] = defaultdict(set)

    def steps(self, *, only_to_run: bool) -> Iterator[None]:
        """Look at one job after the other, and note in `moves` which should leave which slot.

        Args:
            only_to_run: leave alone what could merely wait elsewhere; for looks between updates.
        """
        margin = self._rules.margin_seconds
        for waiting in sorted(self._plan.waiting(), key=lambda w: w.job.latest_start(margin)):
            if self._may_move(waiting, only_to_run=only_to_run):
                leave(self._trial, waiting)
                if self._moves(waiting, only_to_run=only_to_run):
                    self.moves[waiting.slot].add(waiting.job.id)
                else:
                    take(self._trial, waiting)
            yield

    def _may_move(self, waiting: Waiting, *, only_to_run: bool) -> bool:
        if waiting.slot <= self._now_slot or waiting.paused:
            return False
        if waiting.not_before is not None and waiting.not_before > self._now:
            return False
        grids = [self._grid(region) for region in self._open_regions(waiting.job)]
        known = [grid for grid in grids if grid.band is not Band.UNKNOWN]
        if not only_to_run:
            return bool(known)
        return any(grid.band.rank <= waiting.job.accepts().rank for grid in known)

    def _moves(self, waiting: Waiting, *, only_to_run: bool) -> bool:
        job, trial = waiting.job, self._trial
        grids = [self._grid(region) for region in self._open_regions(job)]
        decision = decide_among(job, self._now, grids, trial, self._rules)
        region = decision.numbers.region
        if isinstance(decision, RunNow):
            trial.hold(region, self._busy_seconds(region, job.expected_duration_seconds))
            return True
        if only_to_run or not isinstance(decision, Defer) or not self._gains(waiting, decision):
            return False
        take(trial, replace(waiting, region=region, load_slot=decision.load_slot))
        return True

    def _gains(self, waiting: Waiting, decision: Defer) -> bool:
        """Whether the newest forecast has it that much cleaner there than where the job waits."""
        there = decision.numbers.expected_g_per_kwh
        if there is None or decision.slot == waiting.slot:
            return False
        slot = waiting.slot if waiting.load_slot is None else waiting.load_slot
        curve = self._grid(waiting.region).curve
        seconds = waiting.job.expected_duration_seconds
        here = curve.mean(self._wheel.start_s(slot), seconds) if curve else None
        if here is None:  # beyond the forecast: what is known and earlier is better
            return decision.slot < waiting.slot
        rules = self._rules
        return here - there >= max(rules.worthwhile_g_per_kwh, rules.worthwhile_share * here)

    def _grid(self, region: str) -> Grid:
        if region not in self._seen:
            self._seen[region] = self._grids.at(region, self._now)
        return self._seen[region]
