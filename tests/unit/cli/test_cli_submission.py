from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
import typer

from services.cli.submission import SubmitOptions, build_submission
from shared.domain.bands import Band
from shared.domain.jobs import OnDeadline, Priority
from shared.messages import JobSubmit

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
ID = UUID("12345678-0000-4000-8000-000000000000")


def build(**options: Any) -> JobSubmit:
    return build_submission(SubmitOptions(**options), NOW, lambda: ID, lambda: "{}")


def test_a_type_is_enough_and_the_job_gets_its_id_here() -> None:
    job = build(type="ml_training")
    assert job == JobSubmit(type="ml_training", id=ID)
    assert job.interruptible is None  # left to the catalogue


def test_every_option_arrives_in_its_field() -> None:
    other = "87654321-0000-4000-8000-000000000000"
    job = build(
        type="ml_training",
        parameters=["n=3"],
        payload='{"a": 1}',
        id=other,
        priority="high",
        max_band="very_low",
        deadline="6h",
        duration="30m",
        energy="200Wh",
        regions=["CAISO_NORTH", "PJM"],
        interruptible=True,
        on_deadline="expire",
        retries=0,
        timeout="5m",
        idempotency_key="q3",
    )
    assert job == JobSubmit(
        type="ml_training",
        payload={"a": 1, "n": 3},
        id=UUID(other),
        priority=Priority.HIGH,
        max_band=Band.VERY_LOW,
        deadline=NOW + timedelta(hours=6),
        expected_duration_seconds=1800,
        energy_kwh=0.2,
        regions=("CAISO_NORTH", "PJM"),
        interruptible=True,
        on_deadline=OnDeadline.EXPIRE,
        retries=0,
        timeout_seconds=300,
        idempotency_key="q3",
    )


def test_one_region_is_a_region() -> None:
    job = build(type="x", regions=["PJM"], power="0.25kW")
    assert (job.region, job.regions, job.power_watts) == ("PJM", None, 250)


@pytest.mark.parametrize(
    ("options", "hint", "cause"),
    [
        ({"type": "two words"}, "TYPE", "should match pattern"),
        ({"id": "7"}, "--id", "badly formed"),
        ({"deadline": "soon"}, "--deadline", "no deadline"),
        ({"duration": "0s"}, "--duration", "longer than nothing"),
        ({"duration": "400d"}, "--duration", "less than or equal to"),
        ({"power": "much"}, "--power", "no power"),
        ({"power": "99999999999W"}, "--power", "less than or equal to"),
        ({"energy": "5"}, "--energy", "no energy"),
        ({"power": "5W", "energy": "5kWh"}, "--energy", "not both"),
        ({"retries": -1}, "--retries", "greater than or equal to 0"),
        ({"timeout": "x"}, "--timeout", "no duration"),
        ({"payload": "[]"}, "--payload", "not a JSON object"),
        ({"parameters": ["x"]}, "--param", "no key=value pair"),
        ({"idempotency_key": ""}, "--idempotency-key", "at least 1 character"),
        ({"priority": "urgent"}, "--priority", "should be 'low'"),
        ({"max_band": "unknown"}, "--max-band", "use one of very_low"),
    ],
)
def test_an_error_names_the_option(options: dict[str, Any], hint: str, cause: str) -> None:
    with pytest.raises(typer.BadParameter, match=cause) as error:
        build(**({"type": "x"} | options))
    assert error.value.param_hint == hint
