"""The trailing history that the bands are cut from, apart for each signal.

Averages never mix with marginals.
"""

from collections import deque
from datetime import datetime, timedelta

from shared.domain.grid import Reading, Signal

DAYS_OF_HISTORY = 7.0


def day_seconds(window_seconds: float) -> float:
    """Length of a day where the bands' week takes so long; less than 86,400 in fast replays."""
    return window_seconds / DAYS_OF_HISTORY


class History:
    """Observed intensities of one signal, ordered, for a trailing window."""

    def __init__(self, window_seconds: float) -> None:
        """Start empty."""
        self._window = timedelta(seconds=window_seconds)
        self._points: deque[tuple[datetime, float]] = deque()

    @property
    def day_seconds(self) -> float:
        """A seventh of the window: a day, or less where time is replayed faster."""
        return day_seconds(self._window.total_seconds())

    def values(self) -> list[float]:
        """The intensities in g/kWh."""
        return [value for _, value in self._points]

    def spans_a_day(self) -> bool:
        """Whether the bands can do without the help of a forecast."""
        if not self._points:
            return False
        span = self._points[-1][0] - self._points[0][0]
        return span.total_seconds() >= self.day_seconds

    def add(self, at: datetime, intensity_g_per_kwh: float) -> None:
        """Take a newer point and forget what falls out of the window; older ones are ignored."""
        if self._points and self._points[-1][0] >= at:
            return
        self._points.append((at, intensity_g_per_kwh))
        while self._points[0][0] < at - self._window:
            self._points.popleft()


class Histories:
    """One history for each signal of a region."""

    def __init__(self, window_seconds: float) -> None:
        """Start with none."""
        self._by_signal = {signal: History(window_seconds) for signal in Signal}

    def of(self, signal: Signal) -> History:
        """The history of a signal."""
        return self._by_signal[signal]

    def note(self, reading: Reading) -> None:
        """Take a reading, if it has an intensity."""
        if reading.intensity_g_per_kwh is not None:
            self.of(reading.signal).add(reading.at, reading.intensity_g_per_kwh)
