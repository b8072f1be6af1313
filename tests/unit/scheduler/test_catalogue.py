"""The catalogue and the door."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from services.scheduler.intake import job_id
from services.scheduler.settings import SchedulerSettings
from shared.catalogue import Door, load_catalogue
from shared.domain.bands import Band
from shared.domain.jobs import OnDeadline, Priority
from shared.errors import ConfigurationError, InvalidJob
from shared.messages import JobSubmit

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
CATALOGUE = """
[jobs.train]
max_band = "very_low"
priority = "low"
expected_duration_seconds = 1800
power_watts = 250
deadline_seconds = 7200
retries = 0
on_deadline = "expire"
"""


@pytest.fixture
def door(tmp_path):
    path = tmp_path / "jobs.toml"
    path.write_text(CATALOGUE)
    settings = SchedulerSettings(_env_file=None, regions=("CAISO_NORTH", "PJM_DC"))
    return Door(load_catalogue(path), settings)


def test_the_catalogue_fills_in_what_a_submission_leaves_open(door):
    job = door.accept(JobSubmit(type="train"), UUID(int=1), NOW)
    assert (job.max_band, job.priority, job.retries) == (Band.VERY_LOW, Priority.LOW, 0)
    assert (job.power_watts, job.expected_duration_seconds) == (250, 1800)
    assert job.deadline == NOW + timedelta(hours=2)
    assert job.on_deadline is OnDeadline.EXPIRE
    assert job.regions == ("CAISO_NORTH",)


def test_a_submission_overrides_the_catalogue(door):
    submit = JobSubmit(type="train", energy_kwh=1.0, retries=5, max_band=Band.HIGH)
    job = door.accept(submit, UUID(int=1), NOW)
    assert (job.energy_kwh, job.power_watts, job.retries) == (1.0, None, 5)
    assert job.max_band is Band.HIGH


def test_a_type_outside_the_catalogue_gets_the_settings_and_no_invented_energy(door):
    job = door.accept(JobSubmit(type="other"), UUID(int=1), NOW)
    assert (job.max_band, job.power_watts, job.energy_kwh) == (Band.LOW, None, None)
    assert job.deadline == NOW + timedelta(days=1)


def test_a_region_that_is_not_served_is_refused_with_the_ones_that_are(door):
    with pytest.raises(InvalidJob, match="use one of CAISO_NORTH, PJM_DC"):
        door.accept(JobSubmit(type="train", region="MARS"), UUID(int=1), NOW)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("jobs = ", "not TOML"),
        ("[jobs.t]\nmax_bnad = 'low'", "max_bnad"),
        ("[jobs.t]\nmax_band = 'green'", "jobs.t.max_band"),
        ("[job.t]\n", "job: unknown field"),
    ],
)
def test_a_wrong_catalogue_is_a_bad_configuration_with_the_field(tmp_path, text, hint):
    path = tmp_path / "jobs.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError, match=hint):
        load_catalogue(path)


def test_no_catalogue_is_an_empty_one(tmp_path):
    assert load_catalogue(tmp_path / "none.toml") == {}


def test_a_job_keeps_its_id_when_its_message_is_delivered_twice():
    submit = JobSubmit(type="t")
    own = UUID(int=5)
    assert job_id(JobSubmit(type="t", id=own), "whatever") == own
    assert job_id(submit, str(own)) == own
    assert job_id(submit, "order-17") == job_id(submit, "order-17") != job_id(submit, "order-18")
    assert job_id(submit, None) != job_id(submit, None)
