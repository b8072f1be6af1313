"""Every service says when it is ready, and that it is not while it has no broker."""

import asyncio
import os
import signal
import subprocess
import sys

import httpx
import pytest

from services.cli.processes import free_port
from shared.broker.connection import Reach, keep_connected
from shared.ledger.schema import migrate

SERVICES = ["scheduler", "worker_pool", "ledger", "demo"]


@pytest.fixture
def start(tmp_path, namespace):
    """Starts a service's process with its health on a port; it is ended afterwards."""
    processes = []

    def begin(service, amqp_url, port):
        ledger_url = f"sqlite:///{tmp_path / 'ledger.db'}"
        migrate(ledger_url)
        environment = os.environ | {
            "AMQP_URL": amqp_url,
            "LEDGER_URL": ledger_url,
            "NAMESPACE": namespace,
            "REGIONS": "R",
            "WHEEL_SLOTS": "3",
            "HANDLERS": "services.demo.handlers",
            "HEALTH_PORT": str(port),
        }
        command = [sys.executable, "-m", f"services.{service}"]
        with (tmp_path / "log").open("wb") as log:
            processes.append(subprocess.Popen(command, env=environment, stderr=log))
        return processes[-1]

    yield begin
    for process in processes:
        process.send_signal(signal.SIGTERM)
        process.wait(90)


async def answer(port, path):
    async with httpx.AsyncClient() as client:
        try:
            return await client.get(f"http://127.0.0.1:{port}{path}")
        except httpx.TransportError:
            return None


@pytest.mark.parametrize("service", SERVICES)
async def test_a_service_is_ready_once_it_has_its_broker(deployment, start, until, service):
    port = free_port()
    start(service, deployment.url, port)

    async def ready():
        found = await answer(port, "/readyz")
        return found is not None and found.status_code == 200

    await until(ready, 90)
    assert (await answer(port, "/livez")).status_code == 200


@pytest.mark.parametrize("service", ["scheduler", "worker_pool", "ledger"])
async def test_a_service_without_a_broker_is_alive_and_says_why_it_is_not_ready(
    start, until, service
):
    port, nobody = free_port(), free_port()
    start(service, f"amqp://u:p@127.0.0.1:{nobody}/", port)

    async def told():
        found = await answer(port, "/readyz")
        return (
            found
            and found.status_code == 503
            and "no RabbitMQ" in found.json()["problems"]["broker"]
        )

    await until(told, 90)
    assert (await answer(port, "/livez")).status_code == 200


async def test_a_lost_connection_is_told_until_there_is_one_again(amqp_url, until):
    reach, stop, connections = Reach(), asyncio.Event(), []

    async def session(connection):
        connections.append(connection)
        await asyncio.Event().wait()

    assert reach.problems() == {"broker": "not connected yet"}
    keeping = asyncio.create_task(
        keep_connected(amqp_url, "test", session, stop, lambda: 0.0, reach=reach)
    )
    await until(lambda: connections and not reach.problems())
    await connections[0].close()
    await until(reach.problems)
    await until(lambda: len(connections) == 2 and not reach.problems())
    stop.set()
    await connections[1].close()
    async with asyncio.timeout(10):
        await keeping
