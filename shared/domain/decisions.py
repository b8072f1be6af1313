"""When a job runs: now, in a later slot, or not at all. Pure; the shell acts on the answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.domain.bands import Band
from shared.domain.grid import Freshness, Grid, utc
from shared.domain.jobs import Job, Lane, OnDeadline, Priority, lane_of
from shared.domain.timetable import Timetable


class Cause(StrEnum):
    """The rule that settled a decision."""

    DEADLINE_PASSED = "deadline_passed"
    CRITICAL = "critical"
    LATEST_START = "latest_start"
    GRID_UNKNOWN = "grid_unknown"
    IN_BAND = "in_band"
    NOTHING_CLEANER = "nothing_cleaner"
    CLEANER_LATER = "cleaner_later"
    OUT_OF_BAND = "out_of_band"
    BACKOFF = "backoff"


@dataclass(frozen=True, slots=True)
class Rules:
    """What decisions may be tuned by.

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
    worthwhile_share: float = 0.03
    worthwhile_g_per_kwh: float = 1.0
    still_worthwhile_share: float = 0.0025
    still_worthwhile_g_per_kwh: float = 0.01
    patient_share: float = 0.10


@dataclass(frozen=True, slots=True)
class Numbers:
    """What a decision saw and expected.

    Attributes:
        intensity_g_per_kwh: the grid now.
        limit: the dirtiest band that the job runs in.
        window_g_per_kwh: mean over the job's duration if it started now.
        expected_g_per_kwh: mean over its duration where it is planned to run.
        expected_saving_g: (window - expected) x the job's energy; None without both.
    """

    region: str
    band: Band
    limit: Band
    latest_start: datetime
    freshness: Freshness
    intensity_g_per_kwh: float | None
    index_percent: float | None
    forecast_age_seconds: float | None
    window_g_per_kwh: float | None
    expected_g_per_kwh: float | None
    expected_saving_g: float | None


@dataclass(frozen=True, slots=True)
class RunNow:
    """Send the job to a ready queue."""

    cause: Cause
    reason: str
    numbers: Numbers
    lane: Lane


@dataclass(frozen=True, slots=True)
class Defer:
    """Keep the job on the wheel until `until`, the start of `slot`."""

    cause: Cause
    reason: str
    numbers: Numbers
    slot: int
    until: datetime


@dataclass(frozen=True, slots=True)
class Expire:
    """Give the job up: it cannot finish by its deadline and asked for this."""

    cause: Cause
    reason: str
    numbers: Numbers


Decision = RunNow | Defer | Expire


@dataclass(frozen=True, slots=True)
class _Window:
    slot: int
    mean_g_per_kwh: float


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
        self.latest = job.latest_start(rules.margin_seconds)
        self.latest_s = self.latest.timestamp()
        self.duration_s = job.expected_duration_seconds
        whole = self._mean(self.now_s)
        self.window = grid.intensity_g_per_kwh if whole is None else whole

    def without_waiting(self) -> Decision | None:
        """The rules that leave no choice."""
        job = self.job
        too_late = self.now_s > job.deadline.timestamp() - self.duration_s
        if too_late and job.on_deadline is OnDeadline.EXPIRE:
            return Expire(
                Cause.DEADLINE_PASSED,
                f"it can no longer finish by its deadline {clock(job.deadline)}",
                self._numbers(None),
            )
        if job.priority is Priority.CRITICAL:
            return self._run(Cause.CRITICAL, "critical jobs run at once on any grid")
        if self.wheel.start_s(self.wheel.slot_at(self.now_s) + 1) > self.latest_s:
            text = f"its latest start {clock(self.latest)} is reached"
            return self._run(Cause.LATEST_START, text, due=True)
        if self.grid.band is Band.UNKNOWN:
            return self._run(
                Cause.GRID_UNKNOWN, "the grid is unknown, and no job is held by missing data"
            )
        return None

    def with_the_grid(self) -> Decision:
        """Weigh running now against the best later window."""
        accepted = self.grid.band.rank <= self.job.accepts().rank
        later = self._best_later()
        if accepted and not self._patient_enough(later):
            text = f"the grid is {self._now_words()}, within its limit {self._limit_words()}"
            return self._run(Cause.IN_BAND, text)
        if later is not None and self._worthwhile(later):
            return self._defer(Cause.CLEANER_LATER, later.slot, later.mean_g_per_kwh)
        if accepted or self._sees_latest_start():
            text = f"the grid is {self._now_words()}, and no window before its latest start "
            return self._run(Cause.NOTHING_CLEANER, text + f"{clock(self.latest)} is cleaner")
        slot = self._slot_to_look_again()
        return self._defer(Cause.OUT_OF_BAND, slot, self._mean(self.wheel.start_s(slot)))

    def _best_later(self) -> _Window | None:
        """The cleanest window that starts with a later slot, in time and with room."""
        best: _Window | None = None
        for slot in range(self.wheel.slot_at(self.now_s) + 1, self._last_slot() + 1):
            start_s = self.wheel.start_s(slot)
            mean = self._mean(start_s)
            if mean is None:
                break
            if best is not None and mean >= best.mean_g_per_kwh:
                continue
            band = self.grid.band_at(start_s)
            if self.timetable.has_room(self.grid.region, slot, self.duration_s, band):
                best = _Window(slot, mean)
        return best

    def _last_slot(self) -> int:
        return min(self.wheel.slot_at(self.latest_s), self.wheel.last_slot(self.now_s))

    def _slot_to_look_again(self) -> int:
        """Where the forecast ends, or at the latest start, whichever comes first."""
        curve = self.grid.curve
        last = self._last_slot()
        if curve is None:
            return last
        forecast_end = self.wheel.slot_at(curve.end_s - self.duration_s)
        return min(last, max(forecast_end, self.wheel.slot_at(self.now_s) + 1))

    def _sees_latest_start(self) -> bool:
        """Whether the forecast reaches to the end of a run that starts at the last moment."""
        last_start_s = self.wheel.start_s(self.wheel.slot_at(self.latest_s))
        return self._mean(last_start_s) is not None

    def _mean(self, start_s: float) -> float | None:
        return self.grid.curve.mean(start_s, self.duration_s) if self.grid.curve else None

    def _worthwhile(self, later: _Window) -> bool:
        if self.window is None:
            return False
        gain = self.window - later.mean_g_per_kwh
        enough = max(
            self.rules.worthwhile_g_per_kwh, self.rules.worthwhile_share * abs(self.window)
        )
        return gain >= enough

    def _patient_enough(self, later: _Window | None) -> bool:
        """Low priority waits inside its accepted band too, if that saves much."""
        if self.job.priority is not Priority.LOW or later is None or self.window is None:
            return False
        gain = self.window - later.mean_g_per_kwh
        return self._worthwhile(later) and gain >= self.rules.patient_share * self.window

    def _run(self, cause: Cause, reason: str, *, due: bool = False) -> RunNow:
        lane = lane_of(self.job.priority, due=due)
        return RunNow(cause, reason, self._numbers(self.window), lane)

    def _defer(self, cause: Cause, slot: int, expected: float | None) -> Defer:
        until = utc(self.wheel.start_s(slot))
        numbers = self._numbers(expected)
        if cause is Cause.CLEANER_LATER and expected is not None and self.window:
            less = 100 * (1 - expected / self.window)
            text = f"{expected:.0f} g/kWh is expected at {clock(until)}, {less:.0f} % less"
        else:
            text = f"no cleaner window is known yet, so it is looked at again by {clock(until)}"
        reason = (
            f"the grid is {self._now_words()}, the job's limit is {self._limit_words()}; {text}; "
            f"latest start {clock(self.latest)}"
        )
        return Defer(cause, reason, numbers, slot, until)

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

    def _now_words(self) -> str:
        if self.grid.intensity_g_per_kwh is None:
            return f"{self.grid.band.words} (index {self.grid.index_percent:.0f} %)"
        return f"{self.grid.intensity_g_per_kwh:.0f} g/kWh ({self.grid.band.words})"

    def _limit_words(self) -> str:
        return self.job.accepts().words


def clock(at: datetime) -> str:
    """An instant as reasons write it: `22 Nov 14:05:00 UTC`."""
    return at.strftime("%-d %b %H:%M:%S UTC")


def best_of(decisions: Sequence[Decision]) -> Decision:
    """The decision for the region where the job is expected to run cleanest.

    Regions of which nothing is expected are the last choice; ties go to the job's own order.
    """

    def expected(decision: Decision) -> float:
        value = decision.numbers.expected_g_per_kwh
        return float("inf") if value is None else value

    return min(decisions, key=expected)
