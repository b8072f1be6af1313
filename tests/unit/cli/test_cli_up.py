import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from services.cli.broker_choice import Broker
from services.cli.local_system import LocalSystem, SystemOptions, SystemParts
from services.cli.process_plan import PlanFacts
from services.cli.processes import AlreadyRunning, FolderLock, marked
from services.cli.supervisor import ChildFailed, ChildSpec
from services.cli.up import Running, Views, run_up
from services.cli.up_settings import UpSettings
from shared.errors import BrokerUnreachable

SLEEP = "import time; time.sleep(600)"


class Run:
    """One `up` with a broker that needs no starting and two tiny services."""

    def __init__(self, data_dir: Path, *codes: str) -> None:
        self.data_dir = data_dir
        self.codes = codes or (SLEEP, SLEEP)
        self.said: list[str] = []
        self.seen: list[str] = []
        self.system = LocalSystem(
            SystemOptions(data_dir, demo=True, dashboard=False),
            UpSettings(),
            os.environ,
            self.said.append,
            SystemParts(self.prepare, self.choose, self.plan),
        )
        self.views = Views(self.look, final_statistics=self.finish)

    async def prepare(self, _: PlanFacts) -> None:
        self.seen.append("prepare")

    async def choose(self, *_: Any, **__: Any) -> Broker:
        return Broker("amqp://elsewhere/", "AMQP_URL")

    def plan(self, _: PlanFacts) -> list[ChildSpec]:
        return [
            ChildSpec(f"service-{number}", (sys.executable, "-c", code))
            for number, code in enumerate(self.codes)
        ]

    async def look(self, running: Running) -> None:
        content = json.loads((self.data_dir / "endpoints.json").read_text())
        assert content["pids"] == dict(running.endpoints.pids)
        self.seen.append(" ".join(content))
        await asyncio.Event().wait()

    async def finish(self, running: Running) -> None:
        self.seen.append(f"finish with {len(running.endpoints.pids)}")

    async def go(self, seconds: float | None = None) -> int:
        try:
            return await run_up(self.system, self.views, seconds)
        finally:
            assert marked(self.system._supervisor._run) == []


async def test_runs_for_its_time_and_leaves_nothing(tmp_path: Path) -> None:
    run = Run(tmp_path)
    assert await run.go(0.5) == 0
    assert run.seen == [
        "prepare",
        "amqp_url ledger_url dashboard_url emulator_url emulator_username emulator_password pids",
        "finish with 2",
    ]
    assert set(os.listdir(tmp_path)) == {"lock", "logs"}  # noqa: PTH208


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_stops_it_all_and_is_no_failure(tmp_path: Path, number: int) -> None:
    run = Run(tmp_path)

    async def look(running: Running) -> None:
        os.kill(os.getpid(), number)

    run.views = Views(look, final_statistics=run.finish)
    assert await run.go() == 0
    assert run.seen[-1] == "finish with 2"


async def test_a_signal_before_everything_runs_is_an_interruption(tmp_path: Path) -> None:
    run = Run(tmp_path)

    async def prepare(facts: PlanFacts) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.Event().wait()

    run.system._parts = SystemParts(prepare, run.choose, run.plan)
    assert await run.go() == 130
    assert not (tmp_path / "endpoints.json").exists()


async def test_a_service_that_does_not_stay_up_ends_it_with_its_log(tmp_path: Path) -> None:
    run = Run(tmp_path, SLEEP, "raise SystemExit(78)")
    with pytest.raises(ChildFailed, match="service-1 does not stay up"):
        await run.go(30)


async def test_an_error_at_the_start_is_passed_on(tmp_path: Path) -> None:
    run = Run(tmp_path)

    async def choose(*_: Any, **__: Any) -> Broker:
        raise BrokerUnreachable("no RabbitMQ")

    run.system._parts = SystemParts(run.prepare, choose, run.plan)
    with pytest.raises(BrokerUnreachable):
        await run.go()


async def test_the_second_up_in_a_folder_refuses_and_touches_nothing(tmp_path: Path) -> None:
    first = FolderLock(tmp_path, "carbon-aware up")
    first.acquire()
    for name in ("endpoints.json", "processes.json"):
        (tmp_path / name).write_text("of the first")
    with pytest.raises(AlreadyRunning, match="already"):
        await Run(tmp_path).go()
    for name in ("endpoints.json", "processes.json"):
        assert (tmp_path / name).read_text() == "of the first"
    first.release()


async def test_without_an_account_the_data_is_simulated_and_that_is_said(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.system._options = SystemOptions(tmp_path, dashboard=False)
    facts = run.system._learn("amqp://elsewhere/")
    assert facts.emulator is not None
    assert facts.emulator.speed == 1
    assert "simulated" in run.said[0]
    account = UpSettings(watttime_username="me", watttime_password="secret")
    run.system._settings = account
    assert run.system._learn("amqp://elsewhere/").emulator is None
