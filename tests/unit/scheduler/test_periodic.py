"""Periodic jobs with a clock that only sleeping moves."""

from datetime import UTC, datetime, timedelta

import pytest

from services.scheduler.periodic import Periodic, check_schedules
from services.scheduler.settings import SchedulerSettings
from shared.catalogue import Door, load_catalogue
from shared.errors import ConfigurationError, PublishFailed
from shared.schedules import parse_schedules

NIGHTLY = {
    "name": "nightly",
    "cron": "30 2 * * *",
    "timezone": "Europe/Berlin",
    "until": "07:00",
    "type": "report",
}
LOOKS_BACK = timedelta(hours=24)


class Over(Exception):
    """The test's time is up."""


class World:
    """A broker that takes submissions, the claims on them, and a clock."""

    def __init__(self, now, until):
        self.now, self.until = now, until
        self.sent = []
        self.message_ids = []
        self.claimed = set()
        self.fails = 0

    def clock(self):
        return self.now

    async def sleep(self, seconds):
        assert seconds > 0, "it would spin"
        self.now += timedelta(seconds=seconds)
        if self.now >= self.until:
            raise Over

    async def submit(self, job, *, message_id):
        if self.fails:
            self.fails -= 1
            raise PublishFailed("the broker is away")
        self.sent.append((self.now, job))
        self.message_ids.append(message_id)
        self.claimed.add(f"id:{job.id}")

    def knows(self, key):
        return key in self.claimed

    async def run(self, *entries):
        periodic = Periodic(
            parse_schedules(entries), self, self, self.clock, LOOKS_BACK, self.sleep
        )
        with pytest.raises(Over):
            await periodic.run()

    def times(self):
        return [at.strftime("%d %H:%M") for at, _ in self.sent]


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


@pytest.mark.parametrize(
    ("start", "end", "times"),
    [
        ((2026, 3, 27, 12), (2026, 3, 31), ["28 01:30", "29 01:00", "30 00:30"]),
        ((2026, 10, 23, 12), (2026, 10, 27), ["24 00:30", "25 00:30", "26 01:30"]),
    ],
)
async def test_each_day_has_its_run_when_the_clocks_change_too(start, end, times):
    world = World(utc(*start), utc(*end))
    await world.run(NIGHTLY)
    assert world.times() == times
    assert len({job.id for _, job in world.sent}) == 3


async def test_after_a_restart_nothing_is_submitted_again_and_what_was_missed_is():
    world = World(utc(2026, 6, 1, 12), utc(2026, 6, 2, 3))
    await world.run(NIGHTLY)
    assert world.times() == ["02 00:30"]
    world.now, world.until = utc(2026, 6, 2, 4, 59), utc(2026, 6, 2, 5)
    await world.run(NIGHTLY)
    assert len(world.sent) == 1, "the same claims are known after the restart"
    world.now, world.until = utc(2026, 6, 3, 4, 59), utc(2026, 6, 3, 5)
    await world.run(NIGHTLY)
    assert world.times() == ["02 00:30", "03 04:59"], "missed at 00:30, its window open till 05:00"
    world.now, world.until = utc(2026, 6, 4, 5, 1), utc(2026, 6, 4, 6)
    await world.run(NIGHTLY)
    assert len(world.sent) == 2, "the window of the third is over"


async def test_of_a_long_pause_all_runs_if_asked():
    world = World(utc(2026, 6, 2, 12), utc(2026, 6, 2, 12, 0, 40))
    entry = {"name": "h", "cron": "0 * * * *", "type": "t", "within": "3h30m", "catch_up": True}
    await world.run(entry)
    assert [job.deadline.hour for _, job in world.sent] == [12, 13, 14, 15]


async def test_a_submission_that_fails_is_repeated_and_never_with_the_same_message_id():
    world = World(utc(2026, 6, 1, 12), utc(2026, 6, 2, 3))
    world.fails = 3
    await world.run(NIGHTLY)
    assert world.times() == ["02 00:30"]
    assert world.sent[0][0] == utc(2026, 6, 2, 0, 30, 15)
    world.claimed.clear()
    await world.run(NIGHTLY)
    assert len(world.sent) == 2
    assert len(set(world.message_ids)) == 2
    assert len({job.id for _, job in world.sent}) == 1


async def test_one_schedule_that_fails_does_not_hold_up_the_others():
    world = World(utc(2026, 6, 1, 0, 0, 30), utc(2026, 6, 1, 2, 0, 30))
    world.fails = 1
    hourly = {"cron": "0 * * * *", "type": "t", "catch_up": False}
    await world.run({"name": "a", **hourly}, {"name": "b", **hourly})
    # The ones of 00:00 were not missed: they are 30 s late, and the repeated one 35 s.
    assert world.times() == ["01 00:00"] * 2 + ["01 01:00"] * 2 + ["01 02:00"] * 2
    first, second = world.sent[:2]
    assert (second[0] - first[0]).total_seconds() == 5


async def test_a_clock_that_is_set_forward_is_noticed():
    world = World(utc(2026, 6, 1, 12), utc(2026, 6, 2, 3))
    sleep = world.sleep

    async def jumping(seconds):
        if len(jumps) < 1:
            jumps.append(seconds)
            world.now = utc(2026, 6, 2, 1)
        await sleep(seconds)

    jumps = []
    world.sleep = jumping
    await world.run(NIGHTLY)
    assert world.times() == ["02 01:00"]
    assert jumps[0] <= 30


async def test_without_schedules_it_waits():
    world = World(utc(2026, 6, 1), utc(2026, 6, 1, 0, 5))
    await world.run()
    assert world.sent == []


def test_a_region_that_is_not_served_is_found_out_at_the_start(tmp_path):
    settings = SchedulerSettings(_env_file=None, regions=("R",))
    door = Door(load_catalogue(tmp_path / "none"), settings)
    check_schedules(parse_schedules([{**NIGHTLY, "region": "R"}]), door)
    check_schedules(parse_schedules([NIGHTLY]), door)
    with pytest.raises(
        ConfigurationError, match="schedule 'nightly': region: 'MARS' is not served here; use one"
    ):
        check_schedules(parse_schedules([{**NIGHTLY, "regions": ["R", "MARS"]}]), door)
