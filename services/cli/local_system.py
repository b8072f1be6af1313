"""Everything that one `up` runs on this machine: broker, services, and where they listen."""

import asyncio
import importlib.util
import secrets
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from services.cli.broker_choice import Broker, Say, ensure_broker
from services.cli.endpoints import Endpoints, remove_endpoints
from services.cli.process_plan import DEMO_SPEED, Emulator, PlanFacts, child_specs
from services.cli.processes import FolderLock, end_leftovers, free_port, port_is_free
from services.cli.supervisor import ChildFailed, ChildSpec, Supervisor
from services.cli.up_settings import UpSettings

DASHBOARD_APP = Path(__file__).parents[2] / "dashboard" / "server.py"
_USUAL_DASHBOARD_PORT = 8501
_MOST_BROKER_RESTARTS = 3
_BROKER_RESTART_WINDOW = 300.0

Prepare = Callable[[PlanFacts], Awaitable[None]]
Choose = Callable[..., Awaitable[Broker]]
Plan = Callable[[PlanFacts], list[ChildSpec]]


@dataclass(frozen=True)
class SystemOptions:
    """What the user asked for."""

    data_dir: Path = Path(".carbon-aware")
    demo: bool = False
    dashboard: bool = True
    no_install: bool = False


@dataclass(frozen=True)
class SystemParts:
    """The parts that can be exchanged: the set-up step, and for tests the broker and the plan."""

    prepare: Prepare
    choose_broker: Choose = ensure_broker
    plan: Plan = child_specs


class LocalSystem:
    """Starts it all in order, keeps it running, and stops it in the reverse order."""

    def __init__(
        self,
        options: SystemOptions,
        settings: UpSettings,
        environ: Mapping[str, str],
        say: Say,
        parts: SystemParts,
    ) -> None:
        self._options = replace(options, data_dir=options.data_dir.absolute())
        self._settings = settings
        self._environ = environ
        self._say = say
        self._parts = parts
        self._lock = FolderLock(self.data_dir, "carbon-aware up")
        self._broker: Broker | None = None
        self._facts: PlanFacts | None = None
        self._published = False
        self._supervisor = Supervisor(self.data_dir, environ, say, self._publish)

    @property
    def data_dir(self) -> Path:
        """The absolute folder that holds all data of this system."""
        return self._options.data_dir

    @property
    def endpoints(self) -> Endpoints:
        """Where everything listens, with the current process ids."""
        if self._facts is None:
            raise ChildFailed("the system was not started")
        node = self._broker.node if self._broker is not None else None
        emulator = self._facts.emulator
        return Endpoints(
            amqp_url=self._facts.amqp_url,
            ledger_url=self._facts.ledger_url,
            dashboard_url=self._facts.dashboard_url,
            emulator_url=emulator.url if emulator else None,
            emulator_username=emulator.username if emulator else None,
            emulator_password=emulator.password if emulator else None,
            pids=(node.pids if node is not None else {}) | self._supervisor.pids,
        )

    async def start(self) -> None:
        """Lock the folder, find a broker, set it up, start the services.

        Raises:
            CarbonAwareError: Something is missing; the message says what to do.
        """
        self.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock.acquire()
        await self._clear_leftovers()
        self._broker = await self._parts.choose_broker(
            self.data_dir,
            self._settings.amqp_url,
            self._environ,
            say=self._say,
            no_install=self._options.no_install,
        )
        self._facts = self._learn(self._broker.amqp_url)
        await self._parts.prepare(self._facts)
        for spec in self._parts.plan(self._facts):
            await self._supervisor.start(spec)
        self._published = True
        self._publish()

    async def watch(self) -> None:
        """Keep everything running until cancelled.

        Raises:
            ChildFailed: A part that is needed does not stay up.
        """
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._supervisor.watch())
            tasks.create_task(self._watch_broker())
            tasks.create_task(self._announce_dashboard())

    async def stop(self, hurry: asyncio.Event | None = None) -> None:
        """Stop everything that was started; the broker last, because the services say goodbye."""
        self._published = False
        try:
            await self._supervisor.stop(hurry)
        finally:
            if self._broker is not None and self._broker.node is not None:
                await self._broker.node.stop(hurry)
            if self._lock.held:
                remove_endpoints(self.data_dir)
            self._lock.release()

    async def _clear_leftovers(self) -> None:
        remove_endpoints(self.data_dir)
        ended = await end_leftovers(self.data_dir / "processes.json")
        if ended:
            self._say(f"ended what a killed run had left behind: {', '.join(ended)}")

    def _learn(self, amqp_url: str) -> PlanFacts:
        simulated = self._options.demo or not self._settings.has_watttime
        if simulated and not self._options.demo:
            self._say("no WattTime account is set: the grid data is simulated, from a recording")
        workers = self._options.demo or bool(self._settings.handlers)
        if not workers:
            self._say("no workers: set HANDLERS to the module that has your job handlers")
        app = self._dashboard_app()
        return PlanFacts(
            python=sys.executable,
            amqp_url=amqp_url,
            ledger_url=self._settings.ledger_url or f"sqlite:///{self.data_dir / 'ledger.db'}",
            demo=self._options.demo,
            workers=workers,
            emulator=self._emulator() if simulated else None,
            dashboard_app=app,
            dashboard_port=_dashboard_port() if app is not None else None,
        )

    def _emulator(self) -> Emulator:
        ready_file = self.data_dir / "emulator.json"
        ready_file.unlink(missing_ok=True)
        speed = self._settings.emulator_speed or (DEMO_SPEED if self._options.demo else 1)
        return Emulator(free_port(), "demo", secrets.token_urlsafe(16), speed, ready_file)

    def _dashboard_app(self) -> Path | None:
        if not self._options.dashboard:
            return None
        if importlib.util.find_spec("streamlit") is None or not DASHBOARD_APP.exists():
            self._say(
                "no dashboard: install the extra with `pip install carbon-aware-jobs[dashboard]`"
            )
            return None
        return DASHBOARD_APP

    def _publish(self) -> None:
        if self._published:
            self.endpoints.write(self.data_dir)

    async def _announce_dashboard(self) -> None:
        url = self.endpoints.dashboard_url
        if url is None:
            return
        try:
            await self._supervisor.wait_ready("dashboard")
        except ChildFailed as error:
            self._say(f"no dashboard: {error}")
        else:
            self._say(f"dashboard: {url}")

    async def _watch_broker(self) -> None:
        node = self._broker.node if self._broker is not None else None
        restarts: list[float] = []
        while node is not None:
            await asyncio.sleep(0.5)
            if node.is_alive():
                continue
            now = time.monotonic()
            restarts = [at for at in restarts if now - at < _BROKER_RESTART_WINDOW] + [now]
            if len(restarts) > _MOST_BROKER_RESTARTS:
                raise ChildFailed(
                    f"the private RabbitMQ does not stay up; see {self.data_dir / 'rabbitmq/logs'}"
                )
            self._say("the private RabbitMQ ended unexpectedly: starting it again")
            await node.restart()
            self._publish()


def _dashboard_port() -> int:
    return _USUAL_DASHBOARD_PORT if port_is_free(_USUAL_DASHBOARD_PORT) else free_port()
