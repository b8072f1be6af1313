"""How a forecast goes on beyond the steps that were issued: causally, from the days before."""

from collections.abc import Iterator, Sequence

POINTS_PER_DAY = 288
PROFILE_DAYS = 7
FADE_POINTS = 36


def extend(
    values: Sequence[float], place: int, issued: Sequence[float], points: int
) -> list[float]:
    """A forecast made in one point: that point, the issued steps, then the continuation.

    The continuation is the mean of the week before at the same time of day, faded in over three
    hours from the last issued step. Nothing recorded after `place` enters, except that a trace
    which is repeated has its own end for a past.

    Args:
        values: the trace, repeated without end.
        place: the point in which the forecast is made.
        issued: what was really forecast then, from the next point on.
        points: how many values to return.
    """
    known = [values[place], *issued][:points]
    if len(known) < points:
        known.extend(_continuation(values, place, known[-1], len(known), points))
    return known


def _continuation(
    values: Sequence[float], place: int, last: float, first_step: int, points: int
) -> Iterator[float]:
    days = min(PROFILE_DAYS, len(values) // POINTS_PER_DAY)
    profile = _profile(values, place, days) if days else [sum(values) / len(values)]
    for step in range(first_step, points):
        weight = min(1.0, (step - first_step + 1) / FADE_POINTS)
        yield (1 - weight) * last + weight * profile[step % len(profile)]


def _profile(values: Sequence[float], place: int, days: int) -> list[float]:
    """The mean at each time of day over the days up to `place`; entry 0 is `place`'s own time."""
    newest = [place + step - POINTS_PER_DAY * (step > 0) for step in range(POINTS_PER_DAY)]
    return [
        sum(values[(at - POINTS_PER_DAY * back) % len(values)] for back in range(days)) / days
        for at in newest
    ]
