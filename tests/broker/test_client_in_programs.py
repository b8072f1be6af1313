"""How programs come to a client: set up, from the environment, without asyncio; and the example."""

import asyncio
import os
import sys
import time
from pathlib import Path

import pytest

from shared.client import (
    JobClient,
    SyncJobClient,
)
from shared.errors import (
    BrokerUnreachable,
    ConfigurationError,
    InvalidJob,
)

ROOT = Path(__file__).parents[2]


def double(payload, context):
    return {"n": 2 * payload["n"]}


async def test_a_broker_that_is_not_there_or_not_set_up_is_said_at_once(amqp_url, namespace):
    with pytest.raises(BrokerUnreachable, match="no RabbitMQ at"):
        async with JobClient("amqp://guest:guest@127.0.0.1:1/"):
            pass
    with pytest.raises(ConfigurationError, match="run `carbon-aware setup` once"):
        async with JobClient(amqp_url, namespace=namespace):
            pass


async def test_the_settings_come_from_the_environment(deployment, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AMQP_URL", deployment.url)
    monkeypatch.setenv("NAMESPACE", deployment.topology.namespace)
    async with JobClient.from_environment() as client:
        await client.submit("t")
    assert await deployment.count(deployment.topology.submitted) == 1
    assert client._recorded is None
    monkeypatch.setenv("LEDGER_URL", "sqlite:///there.db")
    assert JobClient.from_environment()._recorded is not None


async def test_the_client_without_asyncio_has_the_same_names(deployment):
    def work():
        options = {"namespace": deployment.topology.namespace}
        with SyncJobClient(deployment.url, **options) as client:
            job = client.submit("double", {"n": 4}, priority="critical")
            many = client.submit_many([{"type": "double", "payload": {"n": n}} for n in range(3)])
            client.run_now(many[0])
            client.cancel(many[1], reason="no longer wanted")
            with pytest.raises(InvalidJob, match="priority"):
                client.submit("double", priority="huge")
            return client.wait(job, timeout_seconds=20)

    async with deployment.scheduler(), deployment.pool({"double": double}):
        result = await asyncio.to_thread(work)
    assert result.result == {"n": 8}


def test_the_client_without_asyncio_fails_as_clearly():
    client = SyncJobClient("amqp://guest:guest@127.0.0.1:1/")
    with pytest.raises(RuntimeError, match="`with` block"):
        client.submit("t")
    started = time.monotonic()
    with pytest.raises(BrokerUnreachable, match="no RabbitMQ at"), client:
        pass
    assert time.monotonic() - started < 10


async def test_the_example_works_as_it_stands(deployment, tmp_path):
    async with (
        deployment.scheduler(),
        deployment.pool({"ml_training": lambda payload, context: {"epochs": payload["seconds"]}}),
    ):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(ROOT / "examples" / "submit_jobs.py")),
            cwd=tmp_path,
            env=os.environ
            | {
                "PYTHONPATH": str(ROOT),
                "AMQP_URL": deployment.url,
                "NAMESPACE": deployment.topology.namespace,
            },
            stdout=asyncio.subprocess.PIPE,
        )
        async with asyncio.timeout(60):
            told, _ = await process.communicate()
    assert process.returncode == 0
    lines = told.decode().splitlines()
    assert lines[0].endswith("is accepted")
    assert lines[-2:] == ["succeeded {'epochs': 2}", "100 jobs are confirmed"]
