"""The recorded points on the wall clock, at any speed, round and round."""

from collections.abc import Callable
from datetime import UTC, datetime

from services.watttime_emulator.continuation import extend
from services.watttime_emulator.trace import POINT_SECONDS, Trace
from shared.errors import ConfigurationError

Clock = Callable[[], datetime]

# High at first, clean after 50 s at 60x, dirty again after 135 s; eight recorded days before it.
DEMO_START = datetime(2021, 4, 10, 13, 45, tzinfo=UTC)
POINTS_PER_HOUR = 3600 // POINT_SECONDS
INDEX_POINTS = 24 * POINTS_PER_HOUR
HISTORY_POINTS = 7 * INDEX_POINTS
G_PER_KWH_OF_ONE_LB_PER_MWH = 0.45359237


def wall_period(speed: float) -> int:
    """How many seconds of wall time a recorded point lasts.

    Raises:
        ConfigurationError: that is no whole number of seconds.
    """
    period = round(POINT_SECONDS / speed) if speed > 0 else 0
    if period < 1 or abs(period * speed - POINT_SECONDS) > 1e-9 * POINT_SECONDS:
        raise ConfigurationError(
            f"a speed of {speed:g} does not divide {POINT_SECONDS} s into whole seconds; "
            "use for instance 1, 10, 60 or 300"
        )
    return period


def start_place(trace: Trace, start: datetime | None) -> int:
    """The recorded point to begin with; by default one with a week before it.

    Raises:
        ConfigurationError: the trace has no point then.
    """
    if start is None:
        return HISTORY_POINTS if len(trace) > HISTORY_POINTS else 0
    place = trace.place_of(start)
    if not 0 <= place < len(trace):
        last = trace.time_of(len(trace) - 1)
        raise ConfigurationError(
            f"the trace has no point at {start.isoformat()}; it covers "
            f"{trace.start.isoformat()} to {last.isoformat()}"
        )
    return place


class Replay:
    """A trace repeated without end, of which one point holds in each slot of the wall clock.

    A slot is a number: wall time since the epoch divided by the period.

    Attributes:
        period: seconds of wall time that a recorded point lasts.
    """

    def __init__(self, trace: Trace, *, began: datetime, start: int, speed: float) -> None:
        """Let the point `start` hold in the slot of the instant `began`."""
        self.trace = trace
        self.speed = speed
        self.period = wall_period(speed)
        self._shift = start - self.slot(began)

    def slot(self, at: datetime) -> int:
        """The slot of an instant."""
        return int(at.timestamp() // self.period)

    def first_slot(self, at: datetime) -> int:
        """The first slot that begins at an instant or after it."""
        return -int(-at.timestamp() // self.period)

    def time_of(self, slot: int) -> datetime:
        """The wall time at which a slot begins."""
        return datetime.fromtimestamp(slot * self.period, UTC)

    def place(self, slot: int) -> int:
        """The recorded point that holds in a slot."""
        return (slot + self._shift) % len(self.trace)

    def value(self, slot: int) -> float:
        """The intensity in a slot, g/kWh."""
        return self.trace.values[self.place(slot)]

    def forecast(self, slot: int, points: int) -> list[float]:
        """What is expected in a slot, as seen from it, of that slot and the ones after it."""
        place = self.place(slot)
        return extend(self.trace.values, place, self.trace.issued(place), points)

    def percentile(self, slot: int) -> float:
        """The share of the next 24 hours' forecast that is cleaner than now, in percent."""
        now, *later = self.forecast(slot, INDEX_POINTS)
        return 100 * sum(value < now for value in later) / len(later)


def pounds(g_per_kwh: float) -> float:
    """G/kWh in WattTime's unit, lb/MWh, with its one decimal."""
    return round(g_per_kwh / G_PER_KWH_OF_ONE_LB_PER_MWH, 1)
