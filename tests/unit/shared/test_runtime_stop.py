"""A service that is told to stop and does not end says what holds it up."""

import asyncio
import os
import signal

from structlog.testing import capture_logs

from shared import runtime


def test_whoever_stops_slowly_says_where_it_stands(monkeypatch):
    monkeypatch.setattr(runtime, "SLOW_STOP_SECONDS", 0.01)
    told = asyncio.Event()
    tell = runtime._tell_what_is_left

    def tell_and_note(name):
        tell(name)
        told.set()

    monkeypatch.setattr(runtime, "_tell_what_is_left", tell_and_note)

    async def hangs_for_a_while(_settings, stop):
        os.kill(os.getpid(), signal.SIGTERM)
        await stop.wait()
        async with asyncio.timeout(10):
            await told.wait()

    with capture_logs() as logs:
        asyncio.run(runtime._until_signalled("slow", hangs_for_a_while, None))
    (said,) = (each for each in logs if each["event"] == "still stopping")
    assert any(each.endswith("hangs_for_a_while > Event.wait") for each in said["tasks"])


def test_whoever_ends_at_once_says_nothing(monkeypatch):
    monkeypatch.setattr(runtime, "SLOW_STOP_SECONDS", 0.01)

    async def ends(_settings, stop):
        os.kill(os.getpid(), signal.SIGTERM)
        await stop.wait()

    with capture_logs() as logs:
        asyncio.run(runtime._until_signalled("quick", ends, None))
    assert [each["event"] for each in logs] == ["service started", "service stopped"]
