"""A broker that is none, for the commands that ask for something."""

import asyncio
from contextlib import asynccontextmanager
from uuid import uuid5

import pytest

from services.cli import control_jobs, control_work, job_lookup
from shared.messages import (
    ControlTaken,
    action_of,
    scope_words,
)
from shared.runtime import system_clock


def taken(asked, who="scheduler", note=""):
    suffix = "" if who == "scheduler" else f": {who}"
    return ControlTaken(
        id=uuid5(asked.id, who),
        at=system_clock(),
        action=action_of(asked),
        scope=scope_words(asked) + note + suffix,
        by=asked.by,
    )


class FakeBroker:
    """Takes orders, and answers each with the events that a test wants."""

    def __init__(self):
        self.orders = []
        self.answer = lambda asked: []
        self._events = None

    async def send(self, places, asked):
        self.orders.append(asked)
        for event in self.answer(asked):
            self._events.put_nowait(event)

    @asynccontextmanager
    async def live_events(self, places):
        self._events = asyncio.Queue()  # a queue belongs to the loop of one command
        yield self._events.get


@pytest.fixture
def broker(filled_ledger, monkeypatch):
    fake = FakeBroker()
    for module in (control_jobs, control_work):
        monkeypatch.setattr(module, "live_events", fake.live_events)
        monkeypatch.setattr(module, "send_control", fake.send)
    monkeypatch.setattr(job_lookup, "LOOK_UP_SECONDS", 0.001)
    return fake


@pytest.fixture(name="taken")
def taken_fixture():
    """Makes the event with which somebody says that an order was taken."""
    return taken
