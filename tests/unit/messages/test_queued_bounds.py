"""A job on its way keeps to what the door lets in: no figure breaks a service's arithmetic."""

import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from shared.domain.bands import Band
from shared.domain.jobs import Job, Priority, replayed
from shared.errors import Undecodable
from shared.messages import QueuedJob, decode_queued, encode

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
JOB = Job(UUID(int=7), "t", Priority.NORMAL, Band.LOW, NOW, NOW + timedelta(hours=1), 600.0, ("R",))


def read(on_job=None, **changes):
    raw = json.loads(encode(QueuedJob(job=JOB))) | changes
    raw["job"] |= on_job or {}
    return decode_queued(json.dumps(raw).encode())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("expected_duration_seconds", 0),
        ("expected_duration_seconds", -5),
        ("expected_duration_seconds", 1e300),
        ("expected_duration_seconds", float("nan")),
        ("expected_duration_seconds", 366 * 86_400 + 1),
        ("deadline", "0001-01-01T00:00:00Z"),
        ("deadline", "9999-12-31T23:59:59Z"),
        ("deadline", "2026-03-01T13:00:00"),
        ("submitted_at", "1899-12-31T23:59:59Z"),
        ("power_watts", float("inf")),
        ("energy_kwh", -1),
        ("timeout_seconds", 0),
        ("type", "a b"),
        ("attempts", -3),
        ("retries", 2**31),
        ("deferrals", -1),
        ("attempts_at_replay", -1),
    ],
)
def test_a_job_out_of_bounds_is_refused_with_its_field(field, value):
    with pytest.raises(Undecodable, match=rf"^not a job\.queued\.v1: job[:.] ?{field}: ") as error:
        read({field: value})
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("remaining_seconds", 1e300),
        ("remaining_seconds", 0),
        ("not_before", "9999-12-31T23:59:59Z"),
        ("slot", -1),
        ("slot", 2**53),
        ("piece", 2**31),
        ("promised_g", float("inf")),
    ],
)
def test_what_goes_with_a_job_is_bounded_too(field, value):
    with pytest.raises(Undecodable, match=rf"^not a job\.queued\.v1: {field}: "):
        read(**{field: value})


def test_the_longest_job_that_the_door_takes_may_be_replayed():
    end = datetime(2199, 12, 31, tzinfo=UTC)
    longest = {"deadline": end.isoformat(), "expected_duration_seconds": 366 * 86_400}
    once = read(longest).job
    assert once.deadline == end
    again = replayed(once, NOW + timedelta(days=365 * 50))
    assert decode_queued(encode(QueuedJob(job=again))).job == again
