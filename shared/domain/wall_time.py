"""From what a clock on the wall shows to instants, on days that are not 24 hours long too."""

from datetime import UTC, datetime, time, timedelta, tzinfo

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


def instant_of(wall: datetime, zone: tzinfo) -> datetime:
    """The instant, in UTC, at which a zone's clocks show a time (given without a zone).

    A time that is skipped when clocks go forward stands for the first minute after the gap, one
    that comes twice when they go back for its first occurrence.
    """
    while True:
        instant = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
        if instant.astimezone(zone).replace(tzinfo=None) == wall:
            return instant
        wall += MINUTE


def next_time_of_day(
    after: datetime, of_day: time, zone: tzinfo, meant: datetime | None = None
) -> datetime:
    """The first instant after another at which a zone's clocks show a time of the day, in UTC.

    A time that is skipped when clocks go forward is moved on by what they skip, so that a time
    that is meant to come later does so.

    Args:
        after: the instant.
        of_day: the time of the day.
        zone: of the clocks.
        meant: the time on the wall that the instant stands for, where that may be a skipped one.
    """
    shown = meant or after.astimezone(zone).replace(tzinfo=None)
    wall = datetime.combine(shown.date(), of_day)
    if wall <= shown:
        wall += DAY
    while (instant := wall.replace(tzinfo=zone, fold=0).astimezone(UTC)) <= after:
        wall += DAY
    return instant
