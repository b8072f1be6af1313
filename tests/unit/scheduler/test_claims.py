"""Which keys a submission holds that was rejected, or that we broke over; the log is in memory."""

import asyncio
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from services.scheduler.claims import Claims, Submission
from shared.broker.topology import Topology
from shared.errors import InvalidJob, PublishFailed

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def claims_and_log():
    """Claims whose log hands each entry back at once."""
    log: list[Any] = []

    async def claim(written):
        log.append(written)
        claims._take(written, len(log))

    publisher: Any = SimpleNamespace(claim=claim)
    connection: Any = None
    claims = Claims(connection, Topology(("R",), 2), publisher, lambda: NOW, timedelta(hours=1))
    return claims, log


def submission(number, *keys, fingerprint="f"):
    return Submission(
        keys=keys,
        job_id=UUID(int=number),
        message_id=f"m{number}",
        redelivered=False,
        fingerprint=fingerprint,
    )


async def place(claims, wanted, error=None):
    async with claims.held(wanted) as held:
        if error is not None:
            raise error
        return held


async def test_a_submission_that_is_rejected_for_one_key_does_not_keep_the_other():
    claims, log = claims_and_log()
    await place(claims, submission(1, "id:x"))
    with pytest.raises(InvalidJob, match="id: 'x' stands for another type or payload"):
        await place(claims, submission(2, "key:k", "id:x", fingerprint="g"))
    assert [each.key for each in log] == ["id:x"]
    held = await place(claims, submission(3, "key:k", fingerprint="g"))
    assert (held.job_id, held.duplicate) == (UUID(int=3), False)


@pytest.mark.parametrize("error", [ValueError("a bug"), InvalidJob("regions: none")])
async def test_what_cannot_be_helped_by_trying_again_leaves_no_claim(error):
    claims, log = claims_and_log()
    wanted = submission(1, "key:k", "id:x")
    with pytest.raises(type(error)):
        await place(claims, wanted, error)
    assert [(each.key, each.withdrawn) for each in log[2:]] == [("key:k", True), ("id:x", True)]
    assert not claims.knows("key:k")
    assert not (await place(claims, wanted)).duplicate, "its own message, once more"


@pytest.mark.parametrize("error", [PublishFailed("full"), asyncio.CancelledError()])
async def test_what_will_be_delivered_again_keeps_its_claims(error):
    claims, log = claims_and_log()
    with pytest.raises(type(error)):
        await place(claims, submission(1, "key:k"), error)
    assert [each.withdrawn for each in log] == [False]
    assert (await place(claims, submission(2, "key:k"))).duplicate
