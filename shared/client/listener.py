"""What comes back to a client: the scheduler's answers, and the events of its jobs."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from uuid import UUID, uuid4

from aio_pika.abc import AbstractConnection, AbstractIncomingMessage
from pydantic import ValidationError

from shared.broker.connection import LOST, connect, keep_connected
from shared.broker.topology import Topology, bind, check
from shared.client.results import result_of
from shared.errors import Undecodable
from shared.messages import JobEvent, Reply, decode_event
from shared.runtime import system_random
from shared.tasks import end

MOST_JOBS = 100_000
"""Jobs whose last events are kept for a `wait` that comes later; the oldest are given up."""

Hear = Callable[[JobEvent], None]


class Listener:
    """An exclusive queue of one's own, bound again after each loss of the connection.

    Events of the time without a connection are missed.
    """

    def __init__(self, url: str, topology: Topology, name: str, *, events: bool) -> None:
        """Prepare; `open` begins to listen."""
        self._url = url
        self._topology = topology
        self._name = f"{name} listens"
        self._events = events
        self._stop = asyncio.Event()
        self._first: AbstractConnection | None = None
        self._staying: asyncio.Task[None] | None = None
        self._answers: dict[str, asyncio.Future[Reply]] = {}
        self._heard_by: dict[UUID, list[Hear]] = {}
        self._own: OrderedDict[UUID, JobEvent | None] = OrderedDict()
        self.address = topology.named(f"ctl.client.{uuid4()}")

    async def open(self) -> None:
        """Connect, and listen from now on.

        Raises:
            BrokerUnreachable: nothing answers there, or the login is refused.
            ConfigurationError: the broker was not set up.
        """
        self._first = await connect(self._url, self._name)
        try:
            await self._listen(self._first)
        except BaseException:
            await self._first.close()
            raise
        self._staying = asyncio.create_task(self._stay(self._first))

    async def close(self) -> None:
        """Stop listening."""
        self._stop.set()
        if self._staying is not None:
            await end(self._staying)
        if self._first is not None:  # here, for a task that had not begun cleans nothing up
            with suppress(*LOST):
                await self._first.close()

    def remember(self, job_id: UUID) -> None:
        """Keep the last event of a job that is about to be submitted."""
        self._own.setdefault(job_id)
        while len(self._own) > MOST_JOBS:
            self._own.popitem(last=False)

    def last(self, job_id: UUID) -> JobEvent | None:
        """The last event of a job that came, the one that ended it if there is one."""
        return self._own.get(job_id)

    @contextmanager
    def answer(self, message_id: str) -> Iterator[asyncio.Future[Reply]]:
        """The answer to a message, to be awaited within."""
        future = asyncio.get_running_loop().create_future()
        self._answers[message_id] = future
        try:
            yield future
        finally:
            del self._answers[message_id]

    @contextmanager
    def hearing(self, job_id: UUID, hear: Hear) -> Iterator[None]:
        """Give each event of a job to `hear` meanwhile."""
        heard_by = self._heard_by.setdefault(job_id, [])
        heard_by.append(hear)
        try:
            yield
        finally:
            heard_by.remove(hear)
            if not heard_by:
                self._heard_by.pop(job_id, None)

    async def _stay(self, connection: AbstractConnection) -> None:
        await connection.closed()
        await keep_connected(self._url, self._name, self._session, self._stop, system_random)

    async def _session(self, connection: AbstractConnection) -> None:
        await self._listen(connection)
        await connection.closed()

    async def _listen(self, connection: AbstractConnection) -> None:
        await check(connection, [self._topology.submitted])
        channel = await connection.channel()
        queue = await channel.declare_queue(self.address, exclusive=True, auto_delete=True)
        if self._events:
            await bind(queue, self._topology.events, "job.#")
        await queue.consume(self._take, no_ack=True)

    async def _take(self, message: AbstractIncomingMessage) -> None:
        if message.type == "job.reply.v1":
            self._take_answer(message)
            return
        try:
            job_id = UUID(message.correlation_id or "")
        except ValueError:
            return
        if job_id in self._own or job_id in self._heard_by:
            with suppress(Undecodable):  # of a later version
                event = decode_event(message.body)
                if isinstance(event, JobEvent):
                    self._take_event(event)

    def _take_answer(self, message: AbstractIncomingMessage) -> None:
        future = self._answers.get(message.correlation_id or "")
        if future is not None and not future.done():
            with suppress(ValidationError):  # of a later version
                future.set_result(Reply.model_validate_json(message.body))

    def _take_event(self, event: JobEvent) -> None:
        if event.job_id in self._own:
            last = self._own[event.job_id]
            if last is None or result_of(last) is None:  # events of two senders may change places
                self._own[event.job_id] = event
        for hear in list(self._heard_by.get(event.job_id, ())):
            hear(event)
