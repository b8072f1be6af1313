"""When a job runs: now, in a later slot, or not at all. Pure; the shell acts on the answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.domain.bands import Band
from shared.domain.grid import Grid, utc
from shared.domain.jobs import Job, Lane, OnDeadline, Priority, lane_of
from shared.domain.offers import Offer, Offers
from shared.domain.reasons import Cause, Numbers, Order, reason
from shared.domain.timetable import Timetable


@dataclass(frozen=True, slots=True)
class Rules:
    """What decisions may be tuned by; `docs/forecaster.md` has what the margins are chosen by.

    Attributes:
        margin_seconds: safety kept before the latest start.
        worthwhile_share: how much cleaner a later window must be to begin to wait for it.
        worthwhile_g_per_kwh: the same, as an absolute difference.
        still_worthwhile_share: how much cleaner it must be to go on waiting; asking for much
            again at every update would end most waits just before the best hours.
        still_worthwhile_g_per_kwh: the same, as an absolute difference.
        patient_share: what makes a low-priority job wait although its band is accepted.
    """

    margin_seconds: float = 0.0
    worthwhile_share: float = 0.01
    worthwhile_g_per_kwh: float = 0.5
    still_worthwhile_share: float = 0.0025
    still_worthwhile_g_per_kwh: float = 0.01
    patient_share: float = 0.10

    def enough(self, job: Job, now_g_per_kwh: float) -> float:
        """How much cleaner than now, in g/kWh, is worth waiting for; less for who waits already."""
        if job.deferrals:
            share, least = self.still_worthwhile_share, self.still_worthwhile_g_per_kwh
        else:
            share, least = self.worthwhile_share, self.worthwhile_g_per_kwh
        return max(least, share * abs(now_g_per_kwh))


@dataclass(frozen=True, slots=True)
class RunNow:
    """Send the job to a ready queue.

    Attributes:
        order: what somebody asked for, where that settled it.
    """

    cause: Cause
    numbers: Numbers
    lane: Lane
    order: Order | None = None

    @property
    def reason(self) -> str:
        """Why, in words."""
        return reason(self.cause, self.numbers, order=self.order)


@dataclass(frozen=True, slots=True)
class Defer:
    """Keep the job on the wheel.

    Attributes:
        slot: where it waits.
        until: when it is planned to run: the slot's start, or later than the wheel reaches.
        load_slot: the slot that starts then; None where that lies beyond the wheel, and where
            the job will not run then.
        order: what somebody asked for, where that settled it.
    """

    cause: Cause
    numbers: Numbers
    slot: int
    until: datetime
    load_slot: int | None
    order: Order | None = None

    @property
    def reason(self) -> str:
        """Why, in words."""
        return reason(self.cause, self.numbers, self.until, self.order)


@dataclass(frozen=True, slots=True)
class Expire:
    """Give the job up: it cannot finish by its deadline and asked for this."""

    cause: Cause
    numbers: Numbers

    @property
    def reason(self) -> str:
        """Why, in words."""
        return reason(self.cause, self.numbers)


Decision = RunNow | Defer | Expire


def decide(job: Job, now: datetime, grid: Grid, timetable: Timetable, rules: Rules) -> Decision:
    """Decide one job afresh with what is known now; never plans past its latest start."""
    asked = _Question(job, now, grid, timetable, rules)
    return asked.without_waiting() or asked.with_the_grid()


class _Question:
    """One decision in the making: the job, the moment, and what the grid offers."""

    def __init__(
        self, job: Job, now: datetime, grid: Grid, timetable: Timetable, rules: Rules
    ) -> None:
        self.job, self.grid, self.timetable, self.rules = job, grid, timetable, rules
        self.wheel = timetable.wheel
        self.now_s = now.timestamp()
        self.now_slot = self.wheel.slot_at(self.now_s)
        self.latest = job.latest_start(rules.margin_seconds)
        self.latest_s = self.latest.timestamp()
        self.latest_slot = self.wheel.slot_at(self.latest_s)
        self.duration_s = job.expected_duration_seconds
        whole = self._mean(self.now_s)
        self.window = grid.intensity_g_per_kwh if whole is None else whole
        self.expected_now = self.window

    def without_waiting(self) -> Decision | None:
        """The rules that leave no choice."""
        job = self.job
        too_late = self.now_s > job.deadline.timestamp() - self.duration_s
        if too_late and job.on_deadline is OnDeadline.EXPIRE:
            return Expire(Cause.DEADLINE_PASSED, self._numbers(None))
        if job.priority is Priority.CRITICAL:
            return self._run(Cause.CRITICAL)
        if self.wheel.start_s(self.now_slot + 1) > self.latest_s:
            return self._run(Cause.LATEST_START)
        if self.grid.band is Band.UNKNOWN:
            return self._run(Cause.GRID_UNKNOWN)
        return None

    def with_the_grid(self) -> Decision:
        """Weigh running now against the best later window that has room."""
        accepted = self.grid.band.rank <= self.job.accepts().rank
        offers = self._offers(self.latest_slot)
        later = self._best(offers)
        if accepted and not self._patient_enough(later):
            return self._run_with_room(Cause.IN_BAND, offers)
        if later is not None and self._worthwhile(later):
            return self._defer(Cause.CLEANER_LATER, later.slot, later.mean_g_per_kwh)
        if accepted or self._sees_latest_start():
            return self._run_with_room(Cause.NOTHING_CLEANER, offers)
        slot = self._slot_to_look_again()
        return self._defer(Cause.OUT_OF_BAND, slot, self._mean(self.wheel.start_s(slot)))

    def _offers(self, last_slot: int) -> Offers:
        return Offers(self.grid, self.timetable, self.now_slot, last_slot, self.job.priority)

    def _best(self, offers: Offers) -> Offer | None:
        """The best later window, or for a job that may be paused the best set of slots."""
        now = self.grid.intensity_g_per_kwh
        if not self.job.interruptible or now is None:
            return offers.window(self.duration_s)
        slot_s = self.wheel.slot_seconds
        last = self.wheel.slot_at(self.latest_s + self.duration_s - slot_s)
        pieces = self._offers(last).pieces(self.duration_s, now, self.rules.enough(self.job, now))
        if pieces is None or self.duration_s % slot_s:  # a window may end inside the last slot
            window = offers.window(self.duration_s)
            if pieces is None or (window and window.mean_g_per_kwh < pieces.mean_g_per_kwh):
                return window
        if pieces.slot > self.now_slot:
            return pieces
        self.expected_now = pieces.mean_g_per_kwh
        return None

    def _run_with_room(self, cause: Cause, offers: Offers) -> RunNow | Defer:
        """Run now, or where the pools have more to do than fits into a slot, soon after."""
        if self.timetable.has_room_now(self.grid, self.now_slot, self.job.priority):
            return self._run(cause)
        limit = float("inf")
        if self.window is not None:
            limit = self.window + self.rules.enough(self.job, self.window)
        soon = offers.first_window(self.duration_s, limit) or offers.window(self.duration_s)
        if soon is None:
            return self._run(cause)
        return self._defer(Cause.POOLS_FULL, soon.slot, soon.mean_g_per_kwh)

    def _slot_to_look_again(self) -> int:
        """Where the forecast ends, or at the latest start, whichever comes first."""
        curve = self.grid.curve
        last = min(self.latest_slot, self.wheel.last_slot(self.now_s))
        if curve is None:
            return last
        forecast_end = self.wheel.slot_at(curve.end_s - self.duration_s)
        return min(last, max(forecast_end, self.now_slot + 1))

    def _sees_latest_start(self) -> bool:
        """Whether the forecast reaches to the end of a run that starts at the last moment."""
        return self._mean(self.wheel.start_s(self.latest_slot)) is not None

    def _mean(self, start_s: float) -> float | None:
        return self.grid.curve.mean(start_s, self.duration_s) if self.grid.curve else None

    def _worthwhile(self, later: Offer) -> bool:
        if self.window is None or later.in_pieces:
            return later.in_pieces  # every slot of the set was weighed by itself
        gain = self.window - later.mean_g_per_kwh
        return gain >= self.rules.enough(self.job, self.window)

    def _patient_enough(self, later: Offer | None) -> bool:
        """Low priority waits inside its accepted band too, if that saves much."""
        if self.job.priority is not Priority.LOW or later is None or self.window is None:
            return False
        gain = self.window - later.mean_g_per_kwh
        return self._worthwhile(later) and gain >= self.rules.patient_share * self.window

    def _run(self, cause: Cause) -> RunNow:
        # A job that is released just before its latest start must not stand in a slow lane at it.
        soon = self.latest_slot <= self.now_slot + 1
        lane = lane_of(self.job.priority, due=soon)
        return RunNow(cause, self._numbers(self.expected_now), lane)

    def _defer(self, cause: Cause, slot: int, expected: float | None) -> Defer:
        last, until = self.wheel.last_slot(self.now_s), utc(self.wheel.start_s(slot))
        numbers = self._numbers(expected)
        return Defer(cause, numbers, min(slot, last), until, slot if slot <= last else None)

    def _numbers(self, expected: float | None) -> Numbers:
        saving = None
        energy_kwh = self.job.expected_energy_kwh()
        if expected is not None and self.window is not None and energy_kwh is not None:
            saving = (self.window - expected) * energy_kwh
        grid = self.grid
        return Numbers(
            region=grid.region,
            band=grid.band,
            limit=self.job.accepts(),
            latest_start=self.latest,
            freshness=grid.freshness,
            intensity_g_per_kwh=grid.intensity_g_per_kwh,
            index_percent=grid.index_percent,
            forecast_age_seconds=grid.forecast_age_seconds,
            window_g_per_kwh=self.window,
            expected_g_per_kwh=expected,
            expected_saving_g=saving,
        )


def decide_among(
    job: Job, now: datetime, grids: Sequence[Grid], timetable: Timetable, rules: Rules
) -> Decision:
    """Decide a job that may run in any of some regions: the best (region, window) with room.

    Regions of which it is known that no pool serves them are left out while others are served.
    """
    served = [grid for grid in grids if _is_served(timetable, grid.region)]
    decisions = [decide(job, now, grid, timetable, rules) for grid in served or grids]
    return best_of(decisions, job, rules)


def _is_served(timetable: Timetable, region: str) -> bool:
    pools = timetable.pools(region)
    return pools is None or bool(pools.bases)


def best_of(decisions: Sequence[Decision], job: Job, rules: Rules) -> Decision:
    """Of one job's decisions for several regions, the one to act on.

    A region whose grid the job accepts as it is comes first, then the one where it is expected
    to run cleanest; those of which nothing is expected are the last choice. Ties go to the
    job's own order. To wait for another region takes as much of a gain as within one.
    """
    best = min(decisions, key=_dirtiness)
    runs = [decision for decision in decisions if isinstance(decision, RunNow)]
    if not isinstance(best, Defer) or not runs:
        return best
    run = min(runs, key=_dirtiness)
    here, there = run.numbers.expected_g_per_kwh, best.numbers.expected_g_per_kwh
    if here is None or there is None or here - there >= rules.enough(job, here):
        return best
    return run


def _dirtiness(decision: Decision) -> tuple[bool, float]:
    value = decision.numbers.expected_g_per_kwh
    in_band = isinstance(decision, RunNow) and decision.cause is Cause.IN_BAND
    return not in_band, float("inf") if value is None else value
