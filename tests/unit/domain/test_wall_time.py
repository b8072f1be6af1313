"""What a clock on the wall shows, on the days on which clocks change."""
# ruff: noqa: DTZ001 - times on the wall, and bounds for generated ones, have no zone

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.domain.wall_time import instant_of, next_time_of_day

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"]


@pytest.mark.parametrize(
    ("wall", "utc"),
    [
        (datetime(2026, 3, 28, 2, 30), datetime(2026, 3, 28, 1, 30)),
        (datetime(2026, 3, 29, 2, 30), datetime(2026, 3, 29, 1, 0)),  # skipped: 3:00 comes next
        (datetime(2026, 10, 25, 2, 30), datetime(2026, 10, 25, 0, 30)),  # twice: the first
        (datetime(2026, 10, 25, 3, 0), datetime(2026, 10, 25, 2, 0)),
    ],
)
def test_a_time_on_the_wall_is_one_instant(wall, utc):
    assert instant_of(wall, BERLIN) == utc.replace(tzinfo=UTC)


def test_the_next_seven_o_clock_may_be_tomorrow_or_an_hour_sooner():
    evening = datetime(2026, 3, 28, 22, 0, tzinfo=BERLIN)
    assert next_time_of_day(evening, time(7), BERLIN) - evening.astimezone(UTC) == timedelta(
        hours=8
    )
    morning = datetime(2026, 3, 29, 6, 59, tzinfo=BERLIN)
    assert next_time_of_day(morning, time(7), BERLIN) - morning == timedelta(minutes=1)
    at_seven = datetime(2026, 3, 29, 7, 0, tzinfo=BERLIN)
    assert next_time_of_day(at_seven, time(7), BERLIN) - at_seven == timedelta(days=1)


@given(
    st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)),
    st.times().map(lambda at: at.replace(second=0, microsecond=0)),
    st.sampled_from(ZONES).map(ZoneInfo),
)
def test_the_next_time_of_day_is_later_within_a_day_and_shows_that_time(after, of_day, zone):
    found = next_time_of_day(after, of_day, zone)
    assert after < found <= after + timedelta(hours=25, minutes=30)
    shown = found.astimezone(zone).time()
    wall = datetime.combine(found.astimezone(zone).date(), of_day)
    skipped = wall.replace(tzinfo=zone).astimezone(UTC) == found
    assert shown == of_day or skipped
