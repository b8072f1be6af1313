"""What a pool has free in the coming slots, and which of the waiting jobs should run now in it.

The rules are those of `shared.domain.decisions.decide`: a job goes now where its band is accepted
or no later start with room is worth the wait, else into the cleanest start that has room.
"""

from bisect import bisect_left
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np

from shared.domain.decisions import Rules
from shared.domain.replay.workload import Bools
from shared.domain.windows import SAME, Floats, Ints, Series, cheapest_slots


class Wish(IntEnum):
    """What a job makes of the present point."""

    AT_ONCE = 0  # critical, or at its last point: it goes whether there is room or not
    ACCEPTS = 1  # its band is good enough
    PATIENT = 2  # its band is good enough, but much cleaner is worth a wait
    WEIGHS = 3  # it waits for whatever is worth it


@dataclass(frozen=True, slots=True)
class Alike:
    """Jobs that are planned as one.

    Attributes:
        count: how many.
        last: the last point ahead at which they may start.
        slots: how many whole slots follow the present one before they have to be over.
        seconds: of work that each has left.
        phase_s: how far into the present point they were submitted.
        waited: whether they were already sent to wait.
        pausable: whether they may run in pieces.
    """

    count: int
    last: int
    slots: int
    seconds: float
    phase_s: float
    wish: Wish
    waited: bool
    pausable: bool


@dataclass(slots=True)
class Room:
    """Free job-seconds of the coming slots; slot 0 is the present one."""

    period_s: float
    free_s: Floats

    def fits(self, start: int, seconds: float) -> int:
        """How many jobs of some length can still start with a slot."""
        whole = int(seconds / self.period_s + SAME)
        rest = seconds - whole * self.period_s
        most = np.inf
        if whole:
            most = float(self.free_s[start : start + whole].min()) / self.period_s
        if rest > SAME:
            most = min(most, float(self.free_s[start + whole]) / rest)
        return max(0, int(most + SAME))

    def take(self, start: int, seconds: float, jobs: int) -> None:
        """Plan some jobs to start with a slot."""
        whole = int(seconds / self.period_s + SAME)
        self.free_s[start : start + whole] -= jobs * self.period_s
        rest = seconds - whole * self.period_s
        if rest > SAME:
            self.free_s[start + whole] -= jobs * rest

    def open_starts(self, last: int, seconds: float) -> Bools:
        """With which of the slots up to `last` one more job of some length can start."""
        whole = int(seconds / self.period_s + SAME)
        rest = seconds - whole * self.period_s
        full = np.cumsum(self.free_s[: last + whole] < self.period_s * (1 - SAME / 2))
        full = np.concatenate(([0], full))
        fits: Bools = full[whole : whole + last + 1] == full[: last + 1]
        if rest > SAME:
            fits &= self.free_s[whole : whole + last + 1] >= rest * (1 - SAME / 2)
        return fits


@dataclass(slots=True)
class Plan:
    """Places alike jobs, one group after the other, into the room that is left.

    Attributes:
        ahead: what is expected from the present point on.
        last: the last point ahead at which any of the jobs may start.
        rules: the margins.
    """

    ahead: Series
    last: int
    room: Room
    rules: Rules
    _means: dict[float, Floats] = field(default_factory=dict)

    def going_now(self, jobs: Alike) -> int:
        """How many of them run in the present slot; what the others need is set aside."""
        if jobs.wish is Wish.AT_ONCE:
            self.room.take(0, jobs.seconds, jobs.count)
            return jobs.count
        return self._pieces_now(jobs) if jobs.pausable else self._whole_now(jobs)

    def _whole_now(self, jobs: Alike) -> int:
        """Each takes the start that `decide` would choose of those that still have room."""
        means, left, now = self._means_of(jobs.seconds)[: jobs.last + 1], jobs.count, 0
        at_present = float(means[0])
        if jobs.phase_s > 0:  # it would not run through all of the present point
            begins_s = np.array([self.ahead.start_s + jobs.phase_s])
            at_present = float(self.ahead.mean(begins_s, jobs.seconds)[0])
        start = self._choice(jobs, means, at_present, None)
        while left and start is not None:
            placed = min(left, self.room.fits(start, jobs.seconds))
            self.room.take(start, jobs.seconds, placed)
            now, left = now + (placed if start == 0 else 0), left - placed
            if left:
                is_open = self.room.open_starts(jobs.last, jobs.seconds)
                start = self._choice(jobs, means, at_present, is_open)
        return now + left  # nowhere is room: they queue for the first place that becomes free

    def _choice(self, jobs: Alike, means: Floats, now: float, is_open: Bools | None) -> int | None:
        """The cleanest later start if that is worth the wait, else now, else soon, else any.

        Args:
            jobs: that ask.
            means: of their windows at every start.
            now: the mean of the window that begins at once.
            is_open: where there is room; None for everywhere.
        """
        later = means[1:] if is_open is None else np.where(is_open[1:], means[1:], np.inf)
        best = int(np.argmin(later))
        cleanest, enough = float(later[best]), self._least_gain(jobs, now)
        if cleanest <= now - self._gain_asked(jobs, now, enough):
            return best + 1
        if is_open is None or is_open[0]:
            return 0
        if cleanest == np.inf:
            return None
        soon = int(np.argmax(later <= now + enough))
        return (soon if later[soon] <= now + enough else best) + 1

    def _means_of(self, seconds: float) -> Floats:
        """The means of all windows of a length, by the point with which they start."""
        means = self._means.get(seconds)
        if means is None:
            ahead = self.ahead
            means = ahead.means_every(ahead.start_s, ahead.period_s, self.last + 1, seconds)
            self._means[seconds] = means
        return means

    def _least_gain(self, jobs: Alike, now: float) -> float:
        """How much cleaner than `now` a later start has to be, in g/kWh."""
        rules = self.rules
        if jobs.waited:
            return max(rules.still_worthwhile_g_per_kwh, rules.still_worthwhile_share * abs(now))
        return max(rules.worthwhile_g_per_kwh, rules.worthwhile_share * abs(now))

    def _gain_asked(self, jobs: Alike, now: float, enough: float) -> float:
        if jobs.wish is Wish.ACCEPTS:
            return np.inf
        share = self.rules.patient_share if jobs.wish is Wish.PATIENT else 2 * SAME
        return max(enough, share * abs(now))  # equal windows: the earlier

    def _pieces_now(self, jobs: Alike) -> int:
        """Those for which the cleaner slots with room do not suffice use the present one."""
        slot_s, count = self.room.period_s, jobs.count
        values = self.ahead.values[: jobs.slots + 1]
        free_s = np.maximum(self.room.free_s[: len(values)], 0.0)
        asked = count
        if jobs.wish is not Wish.ACCEPTS:
            now = float(values[0])
            price = now - self._least_gain(jobs, now)
            cleaner_s = free_s[1:][values[1:] < price - SAME * abs(price)]
            asked -= _most_that_fit(cleaner_s, slot_s, jobs.seconds, count)
        piece_s = min(jobs.seconds, slot_s - jobs.phase_s)
        going = min(asked, int(free_s[0] / piece_s + SAME))
        self.room.free_s[0] -= going * piece_s
        later_s = cheapest_slots(
            values[1:],
            np.minimum(free_s[1:], count * slot_s),
            count * jobs.seconds - going * piece_s,
        )
        self.room.free_s[1 : len(values)] -= later_s
        return going


def _most_that_fit(free_s: Floats, slot_s: float, seconds: float, count: int) -> int:
    """How many of alike jobs find all their work in some slots, each at one place at a time."""

    def too_many(jobs: int) -> bool:
        return float(np.minimum(free_s, jobs * slot_s).sum()) < jobs * seconds - SAME

    # What slots take grows ever more slowly with the jobs, so that too many stays too many.
    return bisect_left(range(1, count + 1), True, key=too_many)


def grouped(columns: list[Floats]) -> tuple[Ints, list[int]]:
    """Positions in the order of the columns, the first one foremost; where equal rows begin."""
    order = np.lexsort(columns[::-1])
    rows = np.stack(columns, axis=1)[order]
    begins = np.flatnonzero(np.any(rows[1:] != rows[:-1], axis=1)) + 1
    return order, [0, *begins.tolist()]
