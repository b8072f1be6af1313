"""Every exchange, queue and binding, declared in one place.

Queues that hold jobs are quorum queues, fixed and declared once; nothing waits on a TTL.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from aio_pika import ExchangeType
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractQueue
from aio_pika.exceptions import ChannelNotFoundEntity, ChannelPreconditionFailed

from shared.broker.mismatch import explain_mismatch
from shared.domain.jobs import Lane
from shared.errors import ConfigurationError

Arguments = Mapping[str, str | int]

INTAKE_MOST_MESSAGES = 1_000_000
POISON_RETURNS = 100  # a ready job may be handed back this often before it counts as poison
SUBMIT_KEY = "submit"
RETRY_KEY, RESUME_KEY = "retry", "resume"
"""Who publishes with these is a service or an operator: what comes is a job that was accepted."""
UNLIMITED_RETURNS = 1_000_000_000
CONSUMER_TIMEOUT_MS = 7 * 86_400_000
STREAM_MAX_AGE = "8D"
STREAM_SEGMENT_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Exchange:
    """A durable exchange; `name` carries the namespace."""

    name: str
    kind: ExchangeType


@dataclass(frozen=True, slots=True)
class Queue:
    """A durable queue with the (exchange, routing key) pairs that feed it."""

    name: str
    arguments: Arguments
    bindings: tuple[tuple[Exchange, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Topology:
    """The whole map of one deployment.

    Attributes:
        namespace: prefix of every name, so that tests and tenants can share a broker.
        regions: each has its own three ready queues.
        wheel_slots: how many places the wheel has.
    """

    regions: tuple[str, ...]
    wheel_slots: int
    namespace: str = ""
    jobs: Exchange = field(init=False)
    delayed: Exchange = field(init=False)
    ready: Exchange = field(init=False)
    intensity: Exchange = field(init=False)
    control: Exchange = field(init=False)
    events: Exchange = field(init=False)

    def __post_init__(self) -> None:
        kinds = {
            "jobs": ("jobs", ExchangeType.TOPIC),
            "delayed": ("jobs.delayed", ExchangeType.DIRECT),
            "ready": ("jobs.ready", ExchangeType.DIRECT),
            "intensity": ("intensity", ExchangeType.TOPIC),
            "control": ("control", ExchangeType.TOPIC),
            "events": ("events", ExchangeType.TOPIC),
        }
        for attribute, (name, kind) in kinds.items():
            object.__setattr__(self, attribute, Exchange(self.named(name), kind))

    def named(self, name: str) -> str:
        """A name within the namespace."""
        return f"{self.namespace}.{name}" if self.namespace else name

    @property
    def submitted(self) -> Queue:
        """The intake of new jobs, retries and the rests of paused jobs."""
        arguments = self._quorum() | {"x-max-length": INTAKE_MOST_MESSAGES}
        keys = (SUBMIT_KEY, RETRY_KEY, RESUME_KEY)
        return Queue(self.named("jobs.submitted"), arguments, tuple((self.jobs, k) for k in keys))

    @property
    def rejected(self) -> Queue:
        """Invalid messages, whole, with the reason in a header."""
        return self._kept("jobs.rejected", "rejected")

    @property
    def dead(self) -> Queue:
        """Jobs that failed for good, with the reason in a header."""
        return self._kept("jobs.dead", "dead")

    @property
    def scheduler_lead(self) -> str:
        """Whoever has the exclusive queue of this name is the scheduler that works."""
        return self.named("ctl.scheduler.leader")

    def publisher_lead(self, region: str) -> str:
        """Whoever has the exclusive queue of this name is the publisher that polls for a region."""
        return self.named(f"ctl.publisher.leader.{region}")

    def place(self, number: int) -> Queue:
        """One place of the wheel."""
        key = place_key(number)
        return Queue(self.named(f"jobs.delayed.{key}"), self._quorum(), ((self.delayed, key),))

    def ready_queue(self, region: str, lane: Lane) -> Queue:
        """Where a region's pools fetch the jobs of a lane."""
        key = ready_key(region, lane)
        arguments = self._quorum(POISON_RETURNS) | {"x-consumer-timeout": CONSUMER_TIMEOUT_MS}
        return Queue(self.named(f"jobs.ready.{key}"), arguments, ((self.ready, key),))

    @property
    def intensity_log(self) -> Queue:
        """Eight days of updates, to be read from any time on."""
        return Queue(self.named("intensity.log"), _stream(), ((self.intensity, "#"),))

    @property
    def control_log(self) -> Queue:
        """Eight days of what was asked for, for services that start later too."""
        return Queue(self.named("control.log"), _stream(), ((self.control, "#"),))

    @property
    def claims(self) -> Queue:
        """Eight days of who was first to submit under an idempotency key or an id."""
        return Queue(self.named("jobs.claims"), _stream(), ((self.jobs, "claim"),))

    @property
    def ledger_events(self) -> Queue:
        """Everything that happened, for the ledger."""
        arguments: Arguments = {"x-queue-type": "quorum", "x-delivery-limit": UNLIMITED_RETURNS}
        return Queue(self.named("ledger.events"), arguments, ((self.events, "#"),))

    def exchanges(self) -> tuple[Exchange, ...]:
        """All exchanges."""
        return (
            self.jobs,
            self.delayed,
            self.ready,
            self.intensity,
            self.control,
            self.events,
        )

    def ready_queues(self) -> tuple[Queue, ...]:
        """All ready queues, region by region, urgent lane first."""
        return tuple(self.ready_queue(region, lane) for region in self.regions for lane in Lane)

    def places(self) -> tuple[Queue, ...]:
        """All places of the wheel."""
        return tuple(self.place(number) for number in range(self.wheel_slots))

    def queues(self) -> tuple[Queue, ...]:
        """All queues that last; services make and lose those of their own."""
        return (
            self.submitted,
            self.rejected,
            self.dead,
            self.intensity_log,
            self.control_log,
            self.claims,
            self.ledger_events,
            *self.ready_queues(),
            *self.places(),
        )

    def _kept(self, name: str, key: str) -> Queue:
        arguments: Arguments = {
            "x-queue-type": "quorum",
            "x-delivery-limit": UNLIMITED_RETURNS,
        }
        return Queue(self.named(name), arguments, ((self.jobs, key),))

    def _quorum(self, returns: int = UNLIMITED_RETURNS) -> dict[str, str | int]:
        return {
            "x-queue-type": "quorum",
            "x-delivery-limit": returns,
            "x-overflow": "reject-publish",
            "x-dead-letter-exchange": self.jobs.name,
            "x-dead-letter-routing-key": "dead",
            "x-dead-letter-strategy": "at-least-once",
        }


def place_key(number: int) -> str:
    """The routing key of a place: `000` to `287`."""
    return f"{number:03d}"


def ready_key(region: str, lane: Lane) -> str:
    """The routing key of a ready queue: `CAISO_NORTH.normal`."""
    return f"{region}.{lane.value}"


async def declare(connection: AbstractConnection, topology: Topology) -> None:
    """Create whatever is missing; harmless when repeated.

    Raises:
        ConfigurationError: something exists with other arguments.
    """
    channel = await connection.channel()
    for exchange in topology.exchanges():
        await channel.declare_exchange(exchange.name, exchange.kind, durable=True)
    # What happens to a grid is an event too: one publish reaches the stream and the ledger.
    events = await channel.get_exchange(topology.events.name, ensure=False)
    await events.bind(topology.intensity.name, "#")
    for queue in topology.queues():
        await _declare_queue(channel, queue)
    await channel.close()


async def check(connection: AbstractConnection, queues: Iterable[Queue]) -> None:
    """Make sure that queues exist, without the right to create them.

    Raises:
        ConfigurationError: one is missing.
    """
    channel = await connection.channel()
    for queue in queues:
        try:
            await channel.declare_queue(queue.name, passive=True)
        except ChannelNotFoundEntity as error:
            raise ConfigurationError(
                f"the queue {queue.name} is missing; run `carbon-aware setup` once"
            ) from error
    await channel.close()


async def bind(queue: AbstractQueue, exchange: Exchange, key: str) -> None:
    """Have a queue of one's own get what an exchange passes on with a routing key.

    Raises:
        ConfigurationError: the exchange is missing.
    """
    try:
        await queue.bind(exchange.name, key)
    except ChannelNotFoundEntity as error:
        raise ConfigurationError(
            f"the exchange {exchange.name} is missing; run `carbon-aware setup` once"
        ) from error


async def message_counts(connection: AbstractConnection, names: Iterable[str]) -> dict[str, int]:
    """Fresh counts of ready messages; the connection must be a plain one, robust ones cache."""
    channel = await connection.channel()
    counts: dict[str, int] = {}
    for name in names:
        queue = await channel.declare_queue(name, passive=True)
        counts[name] = queue.declaration_result.message_count or 0
    await channel.close()
    return counts


async def _declare_queue(channel: AbstractChannel, queue: Queue) -> None:
    try:
        declared = await channel.declare_queue(
            queue.name, durable=True, arguments=dict(queue.arguments)
        )
    except ChannelPreconditionFailed as error:
        explained = explain_mismatch(queue.name, queue.arguments, str(error))
        raise ConfigurationError(explained) from error
    for exchange, key in queue.bindings:
        await declared.bind(exchange.name, key)


def _stream() -> Arguments:
    return MappingProxyType(
        {
            "x-queue-type": "stream",
            "x-max-age": STREAM_MAX_AGE,
            "x-stream-max-segment-size-bytes": STREAM_SEGMENT_BYTES,
        }
    )
