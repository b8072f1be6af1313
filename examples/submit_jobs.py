"""Submits a job under an idempotency key, waits for it, and submits a batch.

AMQP_URL=amqp://... python examples/submit_jobs.py
"""

import asyncio

from shared.client import JobClient
from shared.messages import JobProgressed


def show(event: JobProgressed) -> None:
    """Print what the handler says."""
    print(event.fraction, event.message)


async def main() -> None:
    """Submit, wait, and submit many."""
    async with JobClient.from_environment() as client:
        job = await client.submit(
            "ml_training", {"seconds": 2}, max_band="low", idempotency_key="train-q3"
        )
        print(f"job {job.id}", "was there already" if job.duplicate else "is accepted")
        result = await client.wait(job, timeout_seconds=600, on_progress=show)
        print(result.state.value, result.result or result.error)
        checks = [{"type": "fraud_check", "payload": {"batch": n}} for n in range(100)]
        print(len(await client.submit_many(checks)), "jobs are confirmed")


if __name__ == "__main__":
    asyncio.run(main())
