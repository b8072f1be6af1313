"""What callers may give for a job: its type, its fields, a submission, a handle, an id."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from pydantic import ValidationError

from shared.client.results import JobHandle
from shared.errors import InvalidJob, PublishFailed
from shared.messages import Asked, ControlTaken, JobSubmit, explain

SomeJob = JobHandle | UUID | str


def whole_submission(
    job: str | JobSubmit | Mapping[str, Any],
    payload: Mapping[str, Any] | None,
    fields: Mapping[str, Any],
) -> JobSubmit:
    """A valid submission with an id, so that it is taken once however often it is sent.

    Raises:
        InvalidJob: a field is wrong; the line names it.
    """
    if isinstance(job, JobSubmit):
        if payload is not None or fields:
            raise InvalidJob("a whole submission takes no payload or fields beside it")
        return job if job.id is not None else job.model_copy(update={"id": uuid4()})
    given: dict[str, Any] = {"type": job} if isinstance(job, str) else dict(job)
    if payload is not None:
        given["payload"] = dict(payload)
    try:
        return JobSubmit.model_validate({"id": uuid4(), **given, **fields})
    except ValidationError as error:
        raise InvalidJob(explain(error, known=JobSubmit.model_fields)) from error


def submission_asked(job: JobSubmit, by: str, now: datetime) -> ControlTaken:
    """For the audit: who submits a job."""
    scope = f"job {job.id}: {job.type}"
    return ControlTaken(id=uuid4(), at=now, action=Asked.SUBMIT, job_id=job.id, scope=scope, by=by)


def replay_asked(messages: int, by: str, now: datetime) -> ControlTaken:
    """For the audit: who submits rejected messages again."""
    scope = f"{messages} rejected {'message' if messages == 1 else 'messages'}"
    return ControlTaken(id=uuid4(), at=now, action=Asked.REPLAY, scope=scope, by=by)


def all_confirmed(sent: Sequence[JobHandle | BaseException]) -> list[JobHandle]:
    """The handles of jobs that were published together.

    Raises:
        PublishFailed: some were not confirmed.
    """
    failed = [each for each in sent if isinstance(each, BaseException)]
    if failed:
        raise PublishFailed(
            f"{len(failed)} of {len(sent)} jobs were not confirmed: {failed[0]}"
        ) from failed[0]
    return [each for each in sent if isinstance(each, JobHandle)]


def id_of(job: SomeJob) -> UUID:
    """A job's id.

    Raises:
        ValueError: it is none.
    """
    if isinstance(job, JobHandle):
        return job.id
    try:
        return job if isinstance(job, UUID) else UUID(job)
    except ValueError:
        raise ValueError(f"{job!r} is no job id; it is a UUID") from None
