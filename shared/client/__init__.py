"""Submit jobs from Python, wait for them, call them off.

    async with JobClient.from_environment() as client:
        job = await client.submit("ml_training", {"dataset": "q3"}, deadline_seconds=21_600)
        print((await client.wait(job, timeout_seconds=43_200)).result)

    with SyncJobClient.from_environment() as client:  # the same without asyncio
        job = client.submit("ml_training", {"dataset": "q3"}, idempotency_key="train-q3")

`submit` returns once the broker has confirmed the job, so that it cannot be lost any more.
"""

from shared.client.client import JobClient
from shared.client.results import JobHandle, JobRejected, JobResult, NotAnswered
from shared.client.settings import ClientSettings
from shared.client.sync import SyncJobClient

__all__ = [
    "ClientSettings",
    "JobClient",
    "JobHandle",
    "JobRejected",
    "JobResult",
    "NotAnswered",
    "SyncJobClient",
]
