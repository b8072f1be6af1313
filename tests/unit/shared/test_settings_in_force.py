"""What a process tells of its settings, and of itself, in its beats."""

import asyncio
import os
import socket
from datetime import UTC, datetime

import pytest

from services.intensity_publisher.settings import PublisherSettings
from services.scheduler.settings import SchedulerSettings
from services.worker_pool.settings import WorkerSettings
from shared.messages import ServiceBeat
from shared.runtime import Identity, beating, product_version
from shared.settings import LedgerAddress, Settings

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SECRET = "hunter2"


class Heard:
    """Takes the beats that a process sends."""

    def __init__(self) -> None:
        self.beats: list[ServiceBeat] = []
        self.came = asyncio.Event()

    async def event(self, beat: ServiceBeat, *, give_up_seconds: float) -> None:
        self.beats.append(beat)
        self.came.set()


def test_plain_values_are_told_under_their_names() -> None:
    told = WorkerSettings(regions="DE,FR", base_consumers=8).in_force()
    assert told["regions"] == "DE, FR"
    assert told["base_consumers"] == 8
    assert told["energy_meter"] == "auto"
    assert told["log_json"] is None
    assert all(isinstance(value, str | int | float | bool | None) for value in told.values())


@pytest.mark.parametrize(
    "settings",
    [
        PublisherSettings(
            amqp_url=f"amqp://ana:{SECRET}@127.0.0.1/",
            watttime_username=SECRET,
            watttime_password=SECRET,
            electricity_maps_token=SECRET,
        ),
        SchedulerSettings(amqp_url=f"amqp://ana:{SECRET}@127.0.0.1/"),
        LedgerAddress(ledger_url=f"postgresql://ana:{SECRET}@127.0.0.1/ledger"),
    ],
)
def test_no_secret_is_told(settings: Settings) -> None:
    told = settings.in_force()
    assert SECRET not in str(told)
    assert told["log_level"] == "INFO"


async def test_every_beat_carries_the_version_and_the_settings() -> None:
    heard = Heard()
    identity = Identity("scheduler", NOW, SchedulerSettings(slot_seconds=60.0))
    async with beating(
        identity, heard, lambda: NOW, lambda: {"role": "leader"}, interval_seconds=60.0
    ):
        async with asyncio.timeout(10):
            await heard.came.wait()
    facts = heard.beats[0].facts
    assert facts["role"] == "leader"
    assert facts["setting.slot_seconds"] == 60.0
    assert facts["version"] == product_version() is not None
    assert (heard.beats[0].host, heard.beats[0].pid) == (socket.gethostname(), os.getpid())
