"""Idempotency: the first submission under a key or an id is placed, the others are answered.

The stream `jobs.claims` decides who is first: a submission is placed only once its claim has been
read back from there and no earlier one holds the key. That stays right when a scheduler is killed
at any point, and while one that lost the lead without knowing it still works: it no longer reads.

A job that was not placed because the message is wrong or we broke over it leaves no claim: that
is withdrawn on the stream too, so that the same work can be submitted or replayed later.

A message that is delivered again goes on with its own claim, for the crash may have come between
the claim and the placing; so a job is placed at least once. It is placed twice where the scheduler
dies after placing and before acknowledging, and where a publisher that missed its confirm sent a
message twice and the scheduler dies with the copy in its hands. Both carry the same job id.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from uuid import UUID, uuid4, uuid5

import structlog
from aio_pika.abc import AbstractChannel, AbstractConnection

from shared.broker.connection import LOST
from shared.broker.consume import may_pass
from shared.broker.publish import Publisher
from shared.broker.stream import Offset, follow_claims
from shared.broker.topology import Topology
from shared.domain.claims import Claim, ClaimBook
from shared.errors import InvalidJob, PublishFailed
from shared.messages import JobClaimed, JobSubmit

QUIET_SECONDS = 10.0  # so long without any claim while one is awaited: the reading has broken off
PAUSE_SECONDS = 1.0
_CLAIM_IDS = UUID("0b9c9a4e-58c1-4a55-8a37-6c9d0f2b7a11")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What one delivery of a submission claims.

    Attributes:
        keys: none where it has neither an idempotency key nor an id of its own.
        job_id: the id that its job gets if it is the first.
        message_id: tells it from other messages; None where its publisher set none.
        redelivered: whether the broker delivered it before.
    """

    keys: tuple[str, ...]
    job_id: UUID
    message_id: str | None
    redelivered: bool
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Held:
    """Which job stands for a submission, and whether an earlier submission brought it."""

    job_id: UUID
    duplicate: bool


class Claims:
    """Follows the log of claims over one connection, and adds to it."""

    def __init__(
        self,
        connection: AbstractConnection,
        topology: Topology,
        publisher: Publisher,
        clock: Callable[[], datetime],
        holds: timedelta,
    ) -> None:
        """Prepare; `follow` begins to read."""
        self._connection = connection
        self._topology = topology
        self._publisher = publisher
        self._clock = clock
        self._book = ClaimBook(holds)
        self._channel: AbstractChannel | None = None
        self._next: Offset = clock() - holds
        self._heard = 0
        self._renewing = asyncio.Lock()
        self._awaited: dict[UUID, asyncio.Event] = {}

    async def follow(self) -> None:
        """Begin to read, or go on after the last claim that was read."""
        if self._channel is not None:
            with suppress(*LOST):
                await self._channel.close()
        self._channel = await self._connection.channel()
        await follow_claims(self._channel, self._topology.claims, self._next, self._take)

    async def catch_up(self) -> None:
        """Return once everything that others wrote was read: up to a mark of our own."""
        mark = f"mark:{uuid4()}"
        while True:
            try:
                await self._append(self._written(uuid4(), mark, UUID(int=0), ""))
            except PublishFailed as error:
                log.warning("claims not read yet, trying again", reason=str(error))
                await asyncio.sleep(PAUSE_SECONDS)
            else:
                log.info("claims read", claims=len(self._book))
                return

    def knows(self, key: str) -> bool:
        """Whether somebody holds a key."""
        return self._book.holder(key, self._clock()) is not None

    @asynccontextmanager
    async def held(self, submission: Submission) -> AsyncIterator[Held]:
        """Claim a submission's keys while it is placed; an error within lets go of them again.

        Where trying it again cannot be expected to help, its claims are withdrawn.

        Raises:
            InvalidJob: the key stands for a job of another type or payload.
            PublishFailed: the broker did not confirm the claim.
        """
        taken: list[Claim] = []
        held = Held(submission.job_id, duplicate=False)
        try:
            self._check_known(submission)
            for key in submission.keys:
                claim, fresh = await self._holder(key, submission)
                _check_same_work(claim, submission)
                if not _may_place(claim, submission, fresh=fresh):
                    held = Held(claim.job_id, duplicate=True)
                    break
                claim.busy = True
                taken.append(claim)
                held = Held(claim.job_id, duplicate=False)
            yield held
        except BaseException as error:
            for claim in taken:
                claim.busy = False
            if isinstance(error, Exception) and not may_pass(error):
                await self._withdraw(taken)
            raise

    def _check_known(self, submission: Submission) -> None:
        """Before anything is claimed: one that will be rejected must not keep a key."""
        for key in submission.keys:
            known = self._book.holder(key, self._clock())
            if known is not None:
                _check_same_work(known, submission)

    async def _withdraw(self, claims: list[Claim]) -> None:
        for each in claims:
            mine = self._written(each.id, each.key, each.job_id, each.fingerprint)
            await self._append(mine.model_copy(update={"withdrawn": True}))

    async def _holder(self, key: str, submission: Submission) -> tuple[Claim, bool]:
        """Who holds a key, after having claimed it if nobody did; and whether that is new."""
        known = self._book.holder(key, self._clock())
        if known is not None:
            return known, False
        own_id = claim_id(key, submission.message_id) or uuid4()
        mine = self._written(own_id, key, submission.job_id, submission.fingerprint)
        await self._append(mine)
        first = self._book.holder(key, self._clock()) or _remembered(mine)
        return first, first.id == own_id

    async def _append(self, claim: JobClaimed) -> None:
        """Write a claim and wait until it is read back.

        Raises:
            PublishFailed: it was not confirmed, or the reading has broken off.
        """
        read_back = self._awaited.setdefault(claim.id, asyncio.Event())
        try:
            await self._publisher.claim(claim)
            await self._until_read(read_back)
        finally:
            self._awaited.pop(claim.id, None)

    async def _until_read(self, read_back: asyncio.Event) -> None:
        while not read_back.is_set():
            before, channel = self._heard, self._channel
            with suppress(TimeoutError):
                async with asyncio.timeout(QUIET_SECONDS):
                    await read_back.wait()
            if not read_back.is_set() and self._heard == before:
                await self._follow_again(channel)
                raise PublishFailed(f"{self._topology.claims.name} was not read back in time")

    async def _follow_again(self, silent: AbstractChannel | None) -> None:
        """Read on over a new channel, once for all who found the old one silent."""
        async with self._renewing:
            if self._channel is silent:
                try:
                    await self.follow()
                except LOST as error:  # with it goes the session
                    raise PublishFailed(f"the broker is lost: {error}") from error

    def _take(self, written: JobClaimed, number: int) -> None:
        self._next = number + 1
        self._heard += 1
        if written.withdrawn:
            self._book.withdraw(written.id, written.key)
        elif self._book.note(_remembered(written)):
            log.warning("too many claims to remember: the oldest is given up", key=written.key)
        read_back = self._awaited.get(written.id)
        if read_back is not None:
            read_back.set()

    def _written(self, own_id: UUID, key: str, job_id: UUID, fingerprint: str) -> JobClaimed:
        return JobClaimed(
            id=own_id, at=self._clock(), key=key, job_id=job_id, fingerprint=fingerprint
        )


def _remembered(written: JobClaimed) -> Claim:
    return Claim(written.id, written.at, written.key, written.job_id, written.fingerprint)


def keys_of(submit: JobSubmit) -> tuple[str, ...]:
    """What a submission claims: its idempotency key, and the id that its sender chose."""
    keys = (("key", submit.idempotency_key), ("id", submit.id))
    return tuple(f"{kind}:{value}" for kind, value in keys if value is not None)


def fingerprint(submit: JobSubmit) -> str:
    """Of the work itself; a deadline may differ when somebody asks for the same work again."""
    work = json.dumps([submit.type, submit.payload], sort_keys=True, separators=(",", ":"))
    return blake2b(work.encode(), digest_size=16).hexdigest()


def claim_id(key: str, message_id: str | None) -> UUID | None:
    """The id of a message's claim, the same at each of its deliveries; None if it has none."""
    return uuid5(_CLAIM_IDS, f"{key}\n{message_id}") if message_id else None


def _may_place(claim: Claim, submission: Submission, *, fresh: bool) -> bool:
    """Whether the job of a claim is this delivery's to place.

    A message without an id cannot be told from its repetition; when it is delivered again it
    takes the claim's job for its own, for losing it would be worse than placing it twice.
    """
    if claim.busy:
        return False
    own_id = claim_id(claim.key, submission.message_id)
    return fresh or (submission.redelivered and own_id in {None, claim.id})


def _check_same_work(claim: Claim, submission: Submission) -> None:
    if claim.fingerprint != submission.fingerprint:
        kind, _, value = claim.key.partition(":")
        field = "idempotency_key" if kind == "key" else "id"
        raise InvalidJob(
            f"{field}: {value!r} stands for another type or payload, that of job {claim.job_id}; "
            "use a new one"
        )
