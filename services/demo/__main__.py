"""Wiring of the demo's workload."""

import asyncio
import sys
from random import Random

from pydantic import Field

from services.demo.workload import run
from shared.client import JobClient
from shared.health import Health, serving_health
from shared.runtime import run_service
from shared.settings import BrokerSettings


class DemoSettings(BrokerSettings):
    """What the demo's workload reads from the environment."""

    demo_interval_seconds: float = Field(1.6, gt=0, description="mean time between submissions")
    demo_seed: int | None = Field(None, description="repeat a workload; by default it varies")


async def main(settings: DemoSettings, stop: asyncio.Event) -> None:
    """Submit jobs until stopped."""
    random = Random(settings.demo_seed)  # noqa: S311 - a workload is no secret
    client = JobClient(
        settings.amqp_url, namespace=settings.namespace, results=False, name="demo workload"
    )
    health = Health(dict)  # it ends where it has no broker, so while it lives it is ready
    async with client, serving_health(health, settings.health_host, settings.health_port):
        await run(client, random, settings.demo_interval_seconds, stop)


if __name__ == "__main__":
    sys.exit(run_service("demo", DemoSettings, main))
