"""Which lane's job a pool starts next: urgent first, and none waits for ever."""

import math
from collections.abc import Mapping

from shared.domain.bands import Band
from shared.domain.jobs import Lane

MOST_PASSED_OVER = 9
"""So many starts of more urgent lanes in a row, and a lane that waits gets the next one."""
RESERVED_BANDS = frozenset({Band.HIGH, Band.VERY_HIGH})
RESERVED_SHARE = 0.25


def reserved_places(limit: int, band: Band) -> int:
    """How many of a pool's places only the urgent lane may take.

    In the two worst bands a quarter of them, at least one: what must run by its deadline finds
    room although the pool is small. A pool of one place keeps none free, for it would run
    nothing else for hours; there the order alone puts urgent jobs first.

    Args:
        limit: how many jobs the pool may run at once.
        band: of its grid.
    """
    if band not in RESERVED_BANDS or limit <= 1:
        return 0
    return max(1, math.ceil(limit * RESERVED_SHARE))


def next_lane(
    waiting: Mapping[Lane, int],
    running: Mapping[Lane, int],
    passed_over: Mapping[Lane, int],
    limit: int,
    band: Band,
) -> Lane | None:
    """The lane to start a job of; None if there is no place, or nothing that may take it.

    The most urgent lane goes first, except that one which has been passed over
    `MOST_PASSED_OVER` times comes before it; so with all lanes full, normal and background
    jobs get about one start in eleven each.

    Args:
        waiting: jobs at hand by lane.
        running: jobs that run by lane.
        passed_over: starts of other lanes since a waiting lane's own last one, as
            `passed_over_after` counts them.
        limit: how many jobs the pool may run at once.
        band: of its grid.
    """
    if sum(running.values()) >= limit:
        return None
    others = sum(count for lane, count in running.items() if lane is not Lane.URGENT)
    full = others >= limit - reserved_places(limit, band)
    startable = [
        lane for lane in Lane if waiting.get(lane, 0) and (lane is Lane.URGENT or not full)
    ]
    starved = [lane for lane in startable if passed_over.get(lane, 0) >= MOST_PASSED_OVER]
    return next(iter(starved or startable), None)


def passed_over_after(
    started: Lane, waiting: Mapping[Lane, int], passed_over: Mapping[Lane, int]
) -> dict[Lane, int]:
    """The counts after a start: one more for each other lane that still waits, 0 for the rest.

    Args:
        started: the lane of the job that was started.
        waiting: jobs at hand by lane, without that job.
        passed_over: the counts before.
    """
    return {
        lane: passed_over.get(lane, 0) + 1 if waiting.get(lane, 0) and lane is not started else 0
        for lane in Lane
    }


def deadlines_pile_up(
    urgent_waiting: int, consumers: int, backlog: float, *, already: bool
) -> bool:
    """Whether so many urgent jobs wait that capacity has to stop following the band.

    It begins where more than `backlog` times the band's capacity wait in the urgent lane, and
    ends where none does: without that distance the pool would grow and shrink with every job.

    Args:
        urgent_waiting: jobs in the urgent lane that have not started.
        consumers: how many jobs the band lets the pool run at once.
        backlog: the setting; 0 turns the rule off.
        already: whether it is in force.
    """
    if backlog <= 0:
        return False
    return urgent_waiting > 0 if already else urgent_waiting > backlog * consumers
