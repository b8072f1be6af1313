"""What a grid offers a job later on: the cleanest window, or set of slots, that has room."""

from dataclasses import dataclass

import numpy as np

from shared.domain.grid import Grid
from shared.domain.jobs import Priority
from shared.domain.timetable import Bools, Timetable
from shared.domain.windows import SAME, Floats, earliest_minimum

FAR = 1e9  # g/kWh, beyond any grid: what a slot without room counts as


@dataclass(frozen=True, slots=True)
class Offer:
    """A start.

    Attributes:
        slot: where the job would start.
        mean_g_per_kwh: what is expected while it runs.
        in_pieces: whether it would pause in between.
    """

    slot: int
    mean_g_per_kwh: float
    in_pieces: bool = False


@dataclass(frozen=True, slots=True)
class Offers:
    """What is on offer to one job in one region, from the slot after the present one on.

    Attributes:
        last_slot: the last one in which it may start.
    """

    grid: Grid
    timetable: Timetable
    now_slot: int
    last_slot: int
    priority: Priority

    def window(self, seconds: float) -> Offer | None:
        """The cleanest window with room for `seconds` in one piece; ties go to the earliest."""
        if self.grid.curve is None:
            return None
        first, slot_s = self.now_slot + 1, self.timetable.wheel.slot_seconds
        best = self.grid.curve.best(first, self.last_slot, slot_s, seconds)
        if best is None:
            return None
        if self.timetable.has_room(self.grid, self.now_slot, best[0], seconds, self.priority):
            return Offer(*best)
        means = self._means(seconds)
        rooms = self._rooms(len(means), seconds)
        if rooms is None or not rooms.any():
            return None
        chosen = earliest_minimum(np.where(rooms, means, FAR))
        return Offer(first + chosen, float(means[chosen]))

    def first_window(self, seconds: float, most_g_per_kwh: float) -> Offer | None:
        """The earliest window with room that is expected to be no dirtier than a limit."""
        means = self._means(seconds)
        good = means <= most_g_per_kwh
        rooms = self._rooms(len(means), seconds)
        if rooms is not None:
            good &= rooms
        if not good.any():
            return None
        chosen = int(np.argmax(good))
        return Offer(self.now_slot + 1 + chosen, float(means[chosen]))

    def pieces(self, seconds: float, now_g_per_kwh: float, enough_g_per_kwh: float) -> Offer | None:
        """The start and mean of the cheapest set of slots that takes all the work.

        It starts now unless later slots that are cheaper by enough suffice; None where all slots
        together do not.

        Args:
            seconds: the work that is left; it may be done in pieces of a slot.
            now_g_per_kwh: of the present slot.
            enough_g_per_kwh: by how much a slot must be cheaper to be waited for.
        """
        slot_s = self.timetable.wheel.slot_seconds
        means = self._means(slot_s)
        rooms = self._rooms(len(means), min(seconds, slot_s))
        if rooms is None or rooms.all():
            rooms, ordered = None, self._ordered(slot_s)
        else:
            means = means[rooms]
            ordered = np.sort(means)
        whole = int(seconds / slot_s + SAME)
        needed = whole + (seconds - whole * slot_s > SAME)
        good = int(ordered.searchsorted(now_g_per_kwh - enough_g_per_kwh))
        starts_now = good < needed
        later = needed - starts_now
        if len(ordered) < later:
            return None
        dearest = float(ordered[later - 1]) if later else now_g_per_kwh
        total = float(ordered[:later].sum())
        if starts_now:
            total, dearest = total + now_g_per_kwh, max(dearest, now_g_per_kwh)
        # The dearest slot of the set may be used in part.
        mean = (total * slot_s - dearest * (needed * slot_s - seconds)) / seconds
        if starts_now:
            return Offer(self.now_slot, mean, in_pieces=True)
        first = int(np.argmax(means <= dearest))
        if rooms is not None:
            first = int(np.flatnonzero(rooms)[first])
        return Offer(self.now_slot + 1 + first, mean, in_pieces=True)

    def _ordered(self, slot_s: float) -> Floats:
        """The same means, cheapest first."""
        curve = self.grid.curve
        if curve is None or self.last_slot <= self.now_slot:
            return np.empty(0)
        return curve.ordered(self.now_slot + 1, self.last_slot, slot_s)

    def _means(self, seconds: float) -> Floats:
        curve = self.grid.curve
        if curve is None or self.last_slot <= self.now_slot:
            return np.empty(0)
        slot_s = self.timetable.wheel.slot_seconds
        return curve.means(self.now_slot + 1, self.last_slot, slot_s, seconds)

    def _rooms(self, count: int, seconds: float) -> Bools | None:
        return self.timetable.rooms(self.grid, self.now_slot, count, seconds, self.priority)
