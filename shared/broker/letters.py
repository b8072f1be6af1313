"""Letters: what is kept in `jobs.dead` and `jobs.rejected`, read from their messages."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from aio_pika.abc import AbstractIncomingMessage

from shared.broker.copies import KEPT_AT_HEADER, REASON_HEADER
from shared.errors import NotFound, Undecodable
from shared.messages import QueuedJob, decode_queued

SHORTEST_PREFIX = 6


@dataclass(frozen=True, slots=True)
class Letter:
    """A message that is kept, in short.

    Attributes:
        id: the job's id in `jobs.dead`; in `jobs.rejected` the message's own, or where it has
            none, a digest of its body.
        attempts: how many runs of the job failed; None where it is not known to be a job.
        kept_at: when it was put there; None where nothing says so.
        error: why.
    """

    id: str
    type: str | None
    attempts: int | None
    kept_at: datetime | None
    error: str
    body_bytes: int


@dataclass(frozen=True, slots=True)
class Filters:
    """Which letters are meant; what is None or empty leaves none out.

    Attributes:
        ids: whole ids, or beginnings of them.
        since: kept no earlier; what is not dated is left out then.
        error: a part of the error, in any case.
    """

    ids: tuple[str, ...] = ()
    type: str | None = None
    since: datetime | None = None
    error: str | None = None

    def match(self, letter: Letter) -> bool:
        """Whether a letter is meant."""
        if self.ids and not any(letter.id.startswith(each) for each in self.ids):
            return False
        if self.type is not None and letter.type != self.type:
            return False
        if self.since is not None and (letter.kept_at is None or letter.kept_at < self.since):
            return False
        return self.error is None or self.error.lower() in letter.error.lower()

    @property
    def all_in(self) -> bool:
        """Whether they leave none out."""
        return self == Filters()


def whole_prefixes(ids: tuple[str, ...]) -> tuple[str, ...]:
    """Ids as they are compared: lower case, and long enough to mean something.

    Raises:
        NotFound: one is too short.
    """
    for each in ids:
        if len(each.strip()) < SHORTEST_PREFIX:
            raise NotFound(f"{each!r} is too short; give {SHORTEST_PREFIX} characters of an id")
    return tuple(each.strip().lower() for each in ids)


def dead_letter(message: AbstractIncomingMessage) -> Letter:
    """What a message of `jobs.dead` says of itself."""
    queued = queued_job(message)
    job = queued.job if queued else None
    return Letter(
        id=str(job.id) if job else _handle(message),
        type=job.type if job else None,
        attempts=job.attempts if job else None,
        kept_at=kept_at(message.headers),
        error=_reason(message.headers),
        body_bytes=message.body_size,
    )


def rejected_letter(message: AbstractIncomingMessage) -> Letter:
    """What a message of `jobs.rejected` says of itself; its body may be anything."""
    body = json_body(message.body)
    kind = body.get("type") if isinstance(body, dict) else None
    return Letter(
        id=_handle(message),
        type=kind if isinstance(kind, str) else None,
        attempts=None,
        kept_at=kept_at(message.headers),
        error=_reason(message.headers),
        body_bytes=message.body_size,
    )


def queued_job(message: AbstractIncomingMessage) -> QueuedJob | None:
    """The job in a message; None where it holds none."""
    try:
        return decode_queued(message.body)
    except Undecodable:
        return None


def json_body(body: bytes) -> Any:  # noqa: ANN401 - whatever somebody sent
    """A body as JSON, or as the text that it is; bytes that are no text are shown escaped."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return body.decode(errors="backslashreplace")


def kept_at(headers: Mapping[str, Any]) -> datetime | None:
    """When a message was kept: by our own header, or the broker's where it moved the message."""
    stamp = headers.get(KEPT_AT_HEADER)
    if stamp is None:
        stamp = _death(headers).get("time")
    if not isinstance(stamp, datetime):
        return None
    return stamp if stamp.tzinfo else stamp.replace(tzinfo=UTC)


def _reason(headers: Mapping[str, Any]) -> str:
    reason = headers.get(REASON_HEADER)
    if reason is not None:
        return str(reason)
    death = _death(headers)
    if not death:
        return "no reason is given"
    return f"the broker moved it here from {death.get('queue')}: {death.get('reason')}"


def _death(headers: Mapping[str, Any]) -> Mapping[str, Any]:
    deaths = headers.get("x-death")
    first = deaths[0] if isinstance(deaths, list) and deaths else None
    return first if isinstance(first, dict) else {}


def _handle(message: AbstractIncomingMessage) -> str:
    if message.message_id:
        return str(message.message_id).lower()
    return "body-" + hashlib.sha256(message.body).hexdigest()[:16]


def job_id_of(letter: Letter) -> UUID | None:
    """The id of the job that a letter is about, where it is one."""
    try:
        return UUID(letter.id)
    except ValueError:
        return None
