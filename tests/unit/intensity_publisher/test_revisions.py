"""Which points of a source's history are news, and when it is read."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intensity_publisher.backfill import Backfill
from services.intensity_publisher.reconciliation import Reconciliation
from services.intensity_publisher.revisions import Rereading, Told
from shared.domain.bands import Band, absolute_cuts
from shared.domain.grid import Freshness, Reading, Signal
from shared.errors import PublishFailed, SourceUnreachable
from shared.messages import MOST_REVISED_POINTS, IntensityRevised, IntensityUpdated

NOW = datetime(2026, 3, 1, 12, 2, tzinfo=UTC)
FIRST = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
STEP = timedelta(minutes=5)
DAY = timedelta(days=1)


def reading(place, value, source="watttime", signal=Signal.MARGINAL, index=None):
    return Reading("R", FIRST + place * STEP, 300.0, signal, source, False, value, index)


def update(told, freshness=Freshness.LIVE):
    cuts = absolute_cuts()
    return IntensityUpdated(
        id=uuid4(), at=told.at, reading=told, band=Band.LOW, freshness=freshness, cuts=cuts
    )


def told_of(*readings):
    told = Told("R")
    for each in readings:
        told.note_update(update(each))
    return told


def revisions(told, *found):
    return list(told.revisions(found, absolute_cuts(), NOW))


def points(*events):
    return [(each.at, each.intensity_g_per_kwh) for event in events for each in event.points]


def test_what_was_told_before_is_no_news():
    told = told_of(reading(0, 300.0), reading(1, 310.0))
    assert revisions(told, reading(0, 300.0), reading(1, 310.0 * (1 + 1e-12))) == []


def test_another_value_and_a_missing_point_are_news():
    told = told_of(reading(0, 300.0, index=40.0), reading(1, 310.0), reading(2, None))
    (event,) = revisions(told, *(reading(n, 310.0) for n in range(4)))
    assert [(p.at, p.index_percent) for p in event.points] == [
        (FIRST, 40.0),
        (FIRST + 2 * STEP, None),
        (FIRST + 3 * STEP, None),
    ]
    assert {p.intensity_g_per_kwh for p in event.points} == {310.0}
    assert {p.band for p in event.points} == {Band.MEDIUM}
    assert (event.region, event.source, event.signal) == ("R", "watttime", Signal.MARGINAL)
    assert (event.simulated, event.period_seconds, event.at) == (False, 300.0, NOW)


def test_what_another_source_or_a_forecast_told_is_not_what_this_one_told():
    told = told_of(reading(0, 300.0, source="electricity_maps"), reading(1, 300.0))
    told.note_update(update(reading(2, 300.0), Freshness.FORECAST))
    (event,) = revisions(told, *(reading(n, 300.0) for n in range(3)))
    assert [p.at for p in event.points] == [FIRST, FIRST + 2 * STEP]


def test_a_revision_that_was_told_is_told_once_and_outlives_a_repeated_live_value():
    told = told_of(reading(0, 300.0))
    (event,) = revisions(told, reading(0, 280.0))
    told.note_revision(event)
    told.note_update(update(reading(0, 300.0)))
    assert revisions(told, reading(0, 280.0)) == []
    assert points(*revisions(told, reading(0, 300.0))) == [(FIRST, 300.0)]


def test_the_next_process_gives_the_same_news_the_same_id():
    live = [reading(n, 300.0) for n in range(3)]
    (first,) = revisions(told_of(*live), reading(1, 280.0))
    (again,) = revisions(told_of(*live), reading(1, 280.0))
    assert again.id == first.id
    (other,) = revisions(told_of(*live), reading(1, 281.0))
    assert other.id != first.id


def test_a_value_that_comes_and_goes_is_new_each_time():
    told, ids = told_of(reading(0, 300.0)), set()
    for value in (280.0, 300.0, 280.0, 300.0):
        (event,) = revisions(told, reading(0, value))
        told.note_revision(event)
        ids.add(event.id)
    assert len(ids) == 4


def test_what_is_too_old_is_forgotten():
    told = told_of(reading(0, 300.0), reading(5, 300.0))
    told.forget_before(FIRST + STEP)
    assert points(*revisions(told, reading(0, 300.0), reading(5, 300.0))) == [(FIRST, 300.0)]


@given(st.lists(st.tuples(st.integers(0, 900), st.floats(0, 900)), unique_by=lambda each: each[0]))
def test_after_any_news_everything_found_was_told_in_bounded_events(found):
    told = told_of(*(reading(n, 300.0) for n in range(0, 900, 2)))
    given_points = [reading(n, value) for n, value in sorted(found)]
    events = revisions(told, *given_points)
    assert all(len(event.points) <= MOST_REVISED_POINTS for event in events)
    assert len({event.id for event in events}) == len(events)
    for event in events:
        told.note_revision(event)
    assert revisions(told, *given_points) == []


def test_two_days_every_six_hours_and_the_week_once_a_day():
    when, spans = Rereading(6 * 3600, 86_400), []
    assert when.seconds_to_next(NOW) == 0.0
    for place in range(9):
        now = NOW + place * timedelta(hours=6)
        since = when.since(now)
        spans.append((now - since) // DAY)
        when.note(now, since, answered=True)
        assert when.seconds_to_next(now + timedelta(hours=1)) == 5 * 3600
    assert spans == [7, 2, 2, 2, 7, 2, 2, 2, 7]


def test_a_week_that_was_not_answered_is_asked_for_again():
    when = Rereading(3600, 86_400)
    when.note(NOW, when.since(NOW), answered=False)
    assert when.seconds_to_next(NOW) == 3600
    assert NOW - when.since(NOW) == 7 * DAY


@pytest.mark.parametrize("speed", [60, 300])
def test_where_time_is_replayed_faster_days_are_as_much_shorter(speed):
    when = Rereading(1, 86_400 / speed)
    assert (NOW - when.since(NOW)) * speed == 7 * DAY


def test_nought_seconds_never_read():
    assert Rereading(0, 86_400).seconds_to_next(NOW) is None


class Archive:
    """Has what it is given, or does not answer."""

    def __init__(self, *found):
        self.found, self.spans, self.away = found, [], False

    async def readings(self, _region, start, end):
        self.spans.append((start, end))
        if self.away:
            raise SourceUnreachable("it does not answer")
        return self.found


class Stage:
    """One region whose clock stands, with a point that is not over at NOW."""

    def __init__(self, *found):
        self.archive, self.broadcasts, self.failing = Archive(*found), [], False
        self.sent, self.last = asyncio.Event(), update(reading(24, 305.0))
        self.reconciliation = Reconciliation(
            "R", Rereading(3600, 86_400), Backfill({"R": self.archive}), self.send, lambda: NOW
        )

    async def send(self, event, region):
        if self.failing:
            raise PublishFailed("the broker is away")
        self.broadcasts.append((event, region))
        self.sent.set()

    async def read(self):
        self.broadcasts.clear()
        await self.reconciliation.read_again(self)
        return [event for event, _ in self.broadcasts]


async def test_news_is_told_and_the_present_on_top_of_it():
    stage = Stage(reading(0, 280.0), reading(24, 1.0), reading(25, 1.0))
    stage.reconciliation.recall([update(reading(0, 300.0))])
    news, present = await stage.read()
    assert points(news) == [(FIRST, 280.0)], "what is not over is left to the polls"
    assert isinstance(present, IntensityUpdated)
    assert (present.reading, present.id == stage.last.id) == (stage.last.reading, False)
    assert stage.archive.spans == [(NOW - 7 * DAY, stage.last.reading.at)]
    assert await stage.read() == []
    assert stage.archive.spans[1][0] == NOW - 2 * DAY


async def test_what_the_stream_already_has_is_not_told_again_after_a_restart():
    first = Stage(reading(0, 280.0))
    first.reconciliation.recall([update(reading(0, 300.0))])
    news, _ = await first.read()
    second = Stage(reading(0, 280.0))
    second.reconciliation.recall([update(reading(0, 300.0)), news])
    assert await second.read() == []


async def test_what_could_not_be_told_is_told_the_next_time_under_the_same_id():
    stage = Stage(reading(0, 280.0))
    stage.failing = True
    assert await stage.read() == []
    stage.failing = False
    (news, _) = await stage.read()
    (same,) = revisions(Told("R"), reading(0, 280.0))
    assert isinstance(news.id, UUID)
    assert news.id == same.id


async def test_an_archive_that_is_away_is_asked_again_for_the_week():
    stage = Stage(reading(0, 280.0))
    stage.archive.away = True
    assert await stage.read() == []
    stage.archive.away = False
    assert isinstance((await stage.read())[0], IntensityRevised)
    assert [start for start, _ in stage.archive.spans] == [NOW - 7 * DAY] * 2


async def test_before_anything_was_seen_no_history_is_read():
    stage = Stage(reading(0, 280.0))
    stage.last = None
    assert await stage.read() == []
    assert stage.archive.spans == []


async def test_it_reads_at_once_and_ends_when_told_to_stop():
    stage, stop = Stage(reading(0, 280.0)), asyncio.Event()
    keeping = asyncio.create_task(stage.reconciliation.keep(stage, stop))
    async with asyncio.timeout(5):
        await stage.sent.wait()
        stop.set()
        await keeping
    assert len(stage.archive.spans) == 1
