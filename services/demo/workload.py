"""A mixed workload: mostly patient batch jobs, some urgent ones, now and then a burst."""

import asyncio
from collections.abc import Iterator
from random import Random

import structlog

from shared.client import JobClient
from shared.errors import PublishFailed
from shared.messages import JobSubmit
from shared.runtime import wait_or_stop

MIX = {
    "ml_training": 3,
    "video_transcode": 3,
    "nightly_report": 4,
    "database_backup": 2,
    "fraud_check": 2,
}
BURST_EVERY = 12
BURST_JOBS = 5
FIRST_JOBS = 8

log = structlog.get_logger()


def jobs(random: Random) -> Iterator[list[JobSubmit]]:
    """Batches of jobs without end: one at a time, and a burst every dozen."""
    number = 0
    yield [_job(random) for _ in range(FIRST_JOBS)]
    while True:
        number += 1
        yield [_job(random) for _ in range(BURST_JOBS if number % BURST_EVERY == 0 else 1)]


async def run(
    client: JobClient,
    random: Random,
    interval_seconds: float,
    stop: asyncio.Event,
) -> None:
    """Submit a batch at every interval until stopped."""
    for batch in jobs(random):
        try:
            await client.submit_many(batch)
        except PublishFailed as error:
            log.warning("jobs not submitted", jobs=len(batch), error=str(error))
        if await wait_or_stop(stop, interval_seconds * (0.5 + random.random())):
            return


def _job(random: Random) -> JobSubmit:
    job_type = random.choices(list(MIX), weights=list(MIX.values()))[0]
    payload: dict[str, object] = {"batch": random.randrange(1000)}
    if job_type == "database_backup" and random.random() < 0.25:
        payload["share_is_away"] = True
    return JobSubmit(type=job_type, payload=payload)
