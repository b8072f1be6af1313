"""What settled a decision: the rule, the numbers, and both in words."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.domain.bands import Band
from shared.domain.grid import Freshness


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
    POOLS_FULL = "pools_full"
    ASKED = "asked"  # somebody asked to run it now
    PAUSED = "paused"  # somebody paused its type or its regions


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody asked for, as far as a reason tells it.

    Attributes:
        at: when it was asked for.
        by: who asked, as they named themselves; None where they did not.
        scope: what it reaches, in words: `job type t in R`, `everything in R`.
    """

    at: datetime
    by: str | None = None
    scope: str = ""


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


def reason(
    cause: Cause, numbers: Numbers, until: datetime | None = None, order: Order | None = None
) -> str:
    """Why a job was sent to run, to wait until an instant, or given up.

    Args:
        cause: the rule that settled it.
        numbers: what the decision saw.
        until: when a job that waits is looked at again.
        order: what somebody asked for, where that settled it.
    """
    if order is not None:
        return _ordered(order, until)
    latest = clock(numbers.latest_start)
    if until is not None:
        return (
            f"the grid is {_now(numbers)}, the job's limit is {numbers.limit.words}; "
            f"{_why_later(cause, numbers)} {clock(until)}; latest start {latest}"
        )
    if cause in _PLAIN:
        return _PLAIN[cause].format(latest=latest)
    if cause is Cause.IN_BAND:
        return f"the grid is {_now(numbers)}, within its limit {numbers.limit.words}"
    nothing = f"nothing cleaner has room before its latest start {latest}"
    return f"the grid is {_now(numbers)}, and {nothing}"


_PLAIN = {
    Cause.DEADLINE_PASSED: "it can no longer finish by its deadline; its latest start was {latest}",
    Cause.CRITICAL: "critical jobs run at once on any grid",
    Cause.LATEST_START: "its latest start {latest} is reached",
    Cause.GRID_UNKNOWN: "the grid is unknown, and no job is held by missing data",
}


def _ordered(order: Order, until: datetime | None) -> str:
    if until is None:
        return f"{order.by or 'somebody'} asked to run it now"
    by = f" by {order.by}" if order.by else ""
    return (
        f"{order.scope} is paused since {clock(order.at)}{by}; it is decided afresh when that "
        f"ends, and looked at again by {clock(until)}"
    )


def _why_later(cause: Cause, numbers: Numbers) -> str:
    expected, window = numbers.expected_g_per_kwh, numbers.window_g_per_kwh
    if cause is Cause.POOLS_FULL:
        return "the pools have no free place, the next room is at"
    if cause is Cause.CLEANER_LATER and expected is not None and window:
        less = 100 * (1 - expected / window)
        return f"{expected:.0f} g/kWh, {less:.0f} % less, is expected at"
    return "no cleaner window is known yet, so it is looked at again by"


def clock(at: datetime) -> str:
    """An instant as reasons write it: `22 Nov 14:05:00 UTC`."""
    return at.strftime("%-d %b %H:%M:%S UTC")


def _now(numbers: Numbers) -> str:
    if numbers.intensity_g_per_kwh is None:
        return f"{numbers.band.words} (index {numbers.index_percent:.0f} %)"
    return f"{numbers.intensity_g_per_kwh:.0f} g/kWh ({numbers.band.words})"
