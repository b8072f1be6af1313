"""Periodic jobs: what may be written, and when their runs fall due."""
# ruff: noqa: DTZ001 - times on the wall, and bounds for generated ones, have no zone

from datetime import UTC, datetime, time, timedelta
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import ConfigurationError
from shared.jobs_file import load_schedules
from shared.schedules import due_runs, next_run, parse_schedules, run_id, runs_after, submission

NIGHTLY = {"name": "nightly", "cron": "30 2 * * *", "type": "report", "timezone": "Europe/Berlin"}
DAY = timedelta(days=1)


def schedule(**fields):
    (parsed,) = parse_schedules([{**NIGHTLY, **fields}])
    return parsed


def utc(*parts):
    return datetime(*parts, tzinfo=UTC)


def instants(each, after, count):
    return [run.at for run in islice(runs_after(each, after), count)]


def test_an_entry_is_a_submission_with_a_time_and_a_window():
    each = schedule(until="07:00", power_watts=120, payload={"day": 1}, max_band="very_low")
    assert (each.job.type, each.job.power_watts, each.job.payload) == ("report", 120, {"day": 1})
    run = next_run(each, utc(2026, 6, 1, 12))
    assert (run.at, run.deadline) == (utc(2026, 6, 2, 0, 30), utc(2026, 6, 2, 5))
    sent = submission(run)
    assert (sent.id, sent.deadline, sent.idempotency_key) == (run_id(run), run.deadline, None)
    assert sent.max_band == "very_low"


def test_the_id_of_a_run_is_its_schedules_and_its_instants():
    first, second = islice(runs_after(schedule(), utc(2026, 6, 1)), 2)
    assert run_id(first) == run_id(next_run(schedule(payload={"n": 2}), utc(2026, 6, 1)))
    assert run_id(first) != run_id(second)
    assert run_id(first) != run_id(next_run(schedule(name="other"), utc(2026, 6, 1)))


def test_clocks_going_forward_a_skipped_time_runs_at_the_next_that_exists():
    assert instants(schedule(), utc(2026, 3, 27, 12), 3) == [
        utc(2026, 3, 28, 1, 30),
        utc(2026, 3, 29, 1, 0),
        utc(2026, 3, 30, 0, 30),
    ]


@pytest.mark.parametrize(
    ("cron", "until", "end"),
    [
        ("0 2 * * *", "02:30", (2026, 3, 29, 1, 30)),  # both are skipped: half an hour as ever
        ("30 2 * * *", "02:15", (2026, 3, 30, 0, 15)),  # the window was to end a day later
        ("30 2 * * *", "03:00", (2026, 3, 30, 1, 0)),  # it runs at three itself
        ("30 1 * * *", "02:30", (2026, 3, 29, 1, 30)),
        ("0 2 * * *", "07:00", (2026, 3, 29, 5, 0)),
    ],
)
def test_clocks_going_forward_a_window_ends_on_the_day_that_is_meant(cron, until, end):
    run = next_run(schedule(cron=cron, timezone="Europe/Berlin", until=until), utc(2026, 3, 29))
    assert run is not None
    assert run.at.date() == utc(2026, 3, 29).date()
    assert run.deadline == utc(*end)


def test_clocks_going_back_a_time_that_comes_twice_runs_once():
    assert instants(schedule(), utc(2026, 10, 24, 12), 3) == [
        utc(2026, 10, 25, 0, 30),
        utc(2026, 10, 26, 1, 30),
        utc(2026, 10, 27, 1, 30),
    ]


def test_several_skipped_times_are_one_run_and_several_repeated_ones_run_once_each():
    each = schedule(cron="*/30 2 * * *")
    spring = instants(each, utc(2026, 3, 29), 2)
    assert spring == [utc(2026, 3, 29, 1), utc(2026, 3, 30, 0)]
    autumn = instants(each, utc(2026, 10, 24, 12), 3)
    assert autumn == [utc(2026, 10, 25, 0), utc(2026, 10, 25, 0, 30), utc(2026, 10, 26, 1)]


@pytest.mark.parametrize("day", [utc(2026, 3, 28, 23), utc(2026, 10, 24, 23)])
def test_every_hour_means_every_real_hour(day):
    gaps = instants(schedule(cron="30 * * * *"), day, 6)
    assert [later - earlier for earlier, later in pairwise(gaps)] == [timedelta(hours=1)] * 5


def test_within_is_counted_from_the_instant_and_no_window_leaves_it_to_the_type():
    run = next_run(schedule(within="7h"), utc(2026, 6, 1))
    assert run.deadline - run.at == timedelta(hours=7)
    assert submission(next_run(schedule(), utc(2026, 6, 1))).deadline is None


@given(
    st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),
    st.integers(0, 23),
    st.integers(0, 59),
    st.times(),
    st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
)
def test_every_run_of_a_day_has_a_window_that_ends_before_the_next_days(
    after, hour, minute, until, zone
):
    each = schedule(
        cron=f"{minute} {hour} * * *", timezone=zone, until=f"{until.hour:02}:{until.minute:02}"
    )
    runs = list(islice(runs_after(each, after), 3))
    assert after < runs[0].at <= after + DAY + timedelta(hours=1)
    for run, following in pairwise(runs):
        assert run.at < run.deadline <= run.at + DAY + timedelta(hours=1, minutes=30)
        assert timedelta(hours=22) < following.at - run.at < timedelta(hours=26)


@given(
    st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)),
    st.integers(1, 7 * 86_400),
)
def test_within_any_duration_is_exactly_that_long(after, seconds):
    run = next_run(schedule(within=f"{seconds}s"), after)
    assert (run.deadline - run.at).total_seconds() == seconds


def hourly(**fields):
    return schedule(cron="0 * * * *", timezone="UTC", **fields)


def test_of_missed_runs_the_last_is_caught_up_while_its_window_is_open():
    since, now = utc(2026, 6, 1, 0, 30), utc(2026, 6, 1, 5, 30)
    assert [run.at.hour for run in due_runs(hourly(within="3h"), since, now)] == [5]
    assert due_runs(hourly(within="10m"), since, now) == []
    assert [run.at.hour for run in due_runs(hourly(), since, now)] == [5]


def test_all_missed_runs_or_none_if_asked():
    since, now = utc(2026, 6, 1, 0, 30), utc(2026, 6, 1, 5, 30)
    every = hourly(within="3h", catch_up=True)
    assert [run.at.hour for run in due_runs(every, since, now)] == [3, 4, 5]
    none = hourly(within="3h", catch_up=False)
    assert due_runs(none, since, now) == []
    assert [run.at.hour for run in due_runs(none, since, utc(2026, 6, 1, 6, 0, 40))] == [6]


def test_what_is_not_due_yet_is_not_submitted():
    since = utc(2026, 6, 1, 0, 30)
    assert due_runs(hourly(), since, utc(2026, 6, 1, 0, 59, 59)) == []
    assert [run.at for run in due_runs(hourly(), since, utc(2026, 6, 1, 1))] == [utc(2026, 6, 1, 1)]


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({"cron": "61 * * * *"}, "schedule 'nightly': cron: bad minute (given '61 * * * *')"),
        ({"cron": "@daily"}, "schedule 'nightly': cron: write minute, hour, day of the month"),
        ({"cron": "0 0 31 2 *"}, "schedule 'nightly': cron: bad day-of-month"),
        ({"timezone": "Mars/Olympus"}, "schedule 'nightly': timezone: use an IANA time zone"),
        ({"timezone": "../etc"}, "schedule 'nightly': timezone: use an IANA time zone"),
        ({"within": "soon"}, "schedule 'nightly': within: 'soon' is no duration"),
        ({"within": "400d"}, "schedule 'nightly': within: use no more than 366d"),
        ({"until": "7 o'clock"}, "schedule 'nightly': until: "),
        ({"until": "07:00:30"}, "schedule 'nightly': until: write a time"),
        ({"until": "07:00", "within": "7h"}, "schedule 'nightly': give within or until, not both"),
        ({"catch_up": "sometimes"}, "schedule 'nightly': catch_up: "),
        ({"max_band": "green"}, "schedule 'nightly': max_band: "),
        ({"colour": "green"}, "schedule 'nightly': colour: unknown field; known are name, cron"),
        ({"deadline_seconds": 60}, "schedule 'nightly': deadline_seconds: not in a schedule; a"),
        ({"id": "x"}, "schedule 'nightly': id: not in a schedule; each run gets an id of its own"),
        ({"type": None}, "schedule 'nightly': type: "),
        ({"name": ""}, "schedule '': name: "),
        ({"name": 3}, "schedule number 1: name: "),
    ],
)
def test_a_wrong_entry_is_one_line_that_names_the_schedule_and_the_field(fields, line):
    with pytest.raises(ConfigurationError) as error:
        schedule(**fields)
    assert str(error.value).startswith(line)
    assert "\n" not in str(error.value)


def test_two_schedules_of_one_name_would_submit_one_job():
    with pytest.raises(ConfigurationError, match="schedule 'nightly': name: two schedules have"):
        parse_schedules([NIGHTLY, NIGHTLY])


def test_the_file_may_have_times_and_durations_and_may_be_absent(tmp_path):
    path = tmp_path / "jobs.toml"
    assert load_schedules(path) == ()
    path.write_text(
        '[jobs.report]\nmax_band = "low"\n'
        '[[schedule]]\nname = "a"\ncron = "0 22 * * *"\ntype = "report"\nuntil = 07:00:00\n'
        '[[schedule]]\nname = "b"\ncron = "*/5 * * * *"\ntype = "report"\nwithin = "1h30m"\n'
    )
    first, second = load_schedules(path)
    assert (first.until, second.within_seconds) == (time(7), 5400)


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('[schedule]\nname = "a"', r"jobs.toml: schedule: write \[\[schedule\]\]"),
        ('[[schedule]]\nname = "a"\ntype = "t"', r"jobs.toml: schedule 'a': cron: required"),
        ("schedule = 3", "in two brackets"),
        ("[[schedule]", "is not TOML"),
    ],
)
def test_a_wrong_file_is_one_line_that_names_it(tmp_path, text, line):
    path = tmp_path / "jobs.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=line) as error:
        load_schedules(path)
    assert str(error.value).startswith("JOBS_FILE: ")
