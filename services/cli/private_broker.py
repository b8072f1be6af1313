"""A RabbitMQ node of our own: data in our folder, listeners on loopback, gone when we stop."""

import asyncio
import subprocess
from collections.abc import Mapping
from pathlib import Path

import psutil

from services.cli.amqp_probe import login_failure
from services.cli.processes import (
    MARK,
    FolderLock,
    ProcessRecord,
    RunRecord,
    bound_to_parent,
    descendants,
    end_all,
    end_leftovers,
    last_lines,
    mark_of,
    new_run,
    port_answers,
    until,
)
from services.cli.rabbitmq_server import (
    NodeIdentity,
    find_epmd,
    load_identity,
    node_environment,
    write_files,
)
from shared.errors import BrokerUnreachable

START_SECONDS = 90.0  # measured 6 to 7 s on two cores; this is for machines that are busy
STOP_SECONDS = 30.0
_ATTEMPTS = 3


class PrivateBroker:
    """Starts, watches and stops the node of one folder.

    Start it from the main thread: the kernel ends it when the thread that started it is gone.
    """

    def __init__(self, folder: Path, server: Path, environ: Mapping[str, str]) -> None:
        self._folder = folder.absolute()
        self._server = server
        self._inherited = dict(environ)
        self._run = new_run()
        self._record = RunRecord(self._folder / "processes.json", self._run)
        self._lock = FolderLock(self._folder, "a private RabbitMQ")
        self._identity: NodeIdentity | None = None
        self._children: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def amqp_url(self) -> str:
        """Where clients connect, once it was started."""
        if self._identity is None:
            raise BrokerUnreachable("the private RabbitMQ was not started")
        return self._identity.amqp_url

    @property
    def pids(self) -> dict[str, int]:
        """The processes that we started."""
        return {name: child.pid for name, child in self._children.items()}

    def is_alive(self) -> bool:
        """Whether the node and its port mapper both run."""
        children = self._children.values()
        return bool(children) and all(child.poll() is None for child in children)

    async def start(self, seconds: float = START_SECONDS) -> None:
        """Start the node and return when it lets us log in.

        Raises:
            AlreadyRunning: Another process uses the folder.
            BrokerUnreachable: The node did not come up; the message has the end of its log.
        """
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock.acquire()
        try:
            await end_leftovers(self._folder / "processes.json", STOP_SECONDS)
            self._identity = load_identity(self._folder).with_free_ports()
            await self._start_somewhere(seconds)
        except BaseException:
            await self.stop()
            raise

    async def restart(self, seconds: float = START_SECONDS) -> None:
        """Bring a node back that died, at the same address."""
        await self._end_children()
        await self._start_node(seconds)

    async def stop(self, hurry: asyncio.Event | None = None) -> None:
        """Stop the node, then its port mapper; leaves no process and no listener."""
        try:
            await self._end_children(hurry)
        finally:
            self._lock.release()

    async def _start_somewhere(self, seconds: float) -> None:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                await self._start_node(seconds)
            except BrokerUnreachable:
                # Somebody may have taken a port between our look and the node's.
                if attempt == _ATTEMPTS or "eaddrinuse" not in self._log_end().lower():
                    raise
                await self._end_children()
                self._identity = self._known_identity().with_free_ports(other=True)
            else:
                return

    async def _start_node(self, seconds: float) -> None:
        identity = self._known_identity()
        write_files(self._folder, identity)
        environment = node_environment(self._folder, identity, self._inherited)
        epmd = [
            str(find_epmd(environment["PATH"])),
            "-port",
            str(identity.epmd_port),
            "-address",
            "127.0.0.1",
        ]
        self._spawn("epmd", epmd, environment)
        if not await until(lambda: port_answers(identity.epmd_port), 10):
            raise BrokerUnreachable(f"Erlang's epmd did not start:\n{self._log_end()}")
        self._spawn("rabbitmq", [str(self._server)], environment)
        try:
            async with asyncio.timeout(seconds):
                await self._answers()
        except TimeoutError:
            raise BrokerUnreachable(
                f"RabbitMQ did not answer within {seconds:g} s; the end of its log "
                f"({self._folder / 'logs'}):\n{self._log_end()}"
            ) from None

    async def _answers(self) -> None:
        while not port_answers(self._known_identity().amqp_port) or await login_failure(
            self.amqp_url
        ):
            self._note_processes()
            if not self.is_alive():
                raise BrokerUnreachable(
                    f"RabbitMQ ended while it started; the end of its log "
                    f"({self._folder / 'logs'}):\n{self._log_end()}"
                )
            await asyncio.sleep(0.1)
        self._note_processes()

    def _spawn(self, name: str, argv: list[str], environment: Mapping[str, str]) -> None:
        """Start in a session of its own, so that a terminal's Ctrl-C does not reach it."""
        with (self._folder / "logs" / f"{name}.out").open("wb") as output:
            self._children[name] = subprocess.Popen(  # noqa: S603 - the installed RabbitMQ
                bound_to_parent(argv),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**environment, MARK: mark_of(self._run, name)},
                cwd=self._folder,
                start_new_session=True,
            )
        self._note_processes()

    def _note_processes(self) -> None:
        records: list[ProcessRecord | None] = []
        for name, child in self._children.items():
            records.append(ProcessRecord.of(name, child.pid))
            if child.poll() is None:
                below = descendants(psutil.Process(child.pid))
                records += [ProcessRecord.of(f"{name} child", process.pid) for process in below]
        self._record.write(records)

    async def _end_children(self, hurry: asyncio.Event | None = None) -> None:
        # The node first: it says goodbye to epmd, and its script waits until it is down.
        for name in ("rabbitmq", "epmd"):
            child = self._children.pop(name, None)
            if child is not None:
                leaders = [psutil.Process(child.pid)] if child.poll() is None else []
                await end_all(leaders, mark_of(self._run, name), STOP_SECONDS, hurry)
                child.wait()
        self._record.remove()

    def _known_identity(self) -> NodeIdentity:
        if self._identity is None:
            raise BrokerUnreachable("the private RabbitMQ was not started")
        return self._identity

    def _log_end(self) -> str:
        logs = self._folder / "logs"
        names = ("node.log", "rabbitmq.out", "epmd.out")
        return "\n".join(last_lines(logs / name) for name in names if (logs / name).exists())
