"""A whole system of one's own: `carbon-aware up` as a user starts it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pika
import pytest
from sqlalchemy import Engine

from shared.broker.topology import Topology
from shared.ledger.schema import open_engine
from tests.waiting import wait_until

COMMAND = (sys.executable, "-m", "services.cli")


@dataclass
class System:
    """A running `up` and where it listens."""

    process: subprocess.Popen[str]
    data_dir: Path
    environment: Mapping[str, str]
    engine: Engine

    @property
    def endpoints(self) -> dict[str, Any]:
        """What it wrote into endpoints.json."""
        return dict(json.loads((self.data_dir / "endpoints.json").read_text()))

    @contextmanager
    def publishing(self) -> Iterator[Callable[[dict[str, Any]], None]]:
        """Publish plain JSON with a bare AMQP client, as any language would."""
        connection = pika.BlockingConnection(pika.URLParameters(self.endpoints["amqp_url"]))
        channel = connection.channel()
        channel.confirm_delivery()
        exchange = Topology((), 2).jobs.name

        def publish(body: dict[str, Any], message_id: str | None = None) -> None:
            properties = pika.BasicProperties(message_id=message_id)
            channel.basic_publish(
                exchange, "submit", json.dumps(body).encode(), properties, mandatory=True
            )

        yield publish
        connection.close()

    def command(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run another carbon-aware command beside it."""
        return run_command(*arguments, cwd=self.data_dir.parent, environment=self.environment)


def run_command(
    *arguments: str, cwd: Path, environment: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run a carbon-aware command to its end."""
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=cwd,
        env=dict(environment),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


def clean_environment(**more: str) -> dict[str, str]:
    """The machine's environment without what would point at another system."""
    ours = {"AMQP_URL", "LEDGER_URL", "HANDLERS", "NAMESPACE", "JOBS_FILE"}
    kept = {key: value for key, value in os.environ.items() if key not in ours}
    kept = {key: value for key, value in kept.items() if not key.startswith("WATTTIME_")}
    return {**kept, "NO_COLOR": "1", **more}


@pytest.fixture
def up(tmp_path: Path, rabbitmq_server: Path) -> Iterator[Callable[..., System]]:
    """Starts `carbon-aware up` with arguments and environment; stops it at the end."""
    started: list[System] = []

    def start(*arguments: str, dashboard: bool = False, **environment: str) -> System:
        env = clean_environment(**environment)
        page = () if dashboard else ("--no-dashboard",)
        with (tmp_path / "up.log").open("w") as log:
            process = subprocess.Popen(
                [*COMMAND, "up", "--no-install", *page, *arguments],
                cwd=tmp_path,
                env=env,
                stdout=log,
                stderr=subprocess.STDOUT,
                text=True,
            )
        data_dir = tmp_path / ".carbon-aware"
        try:
            wait_until(
                lambda: (data_dir / "endpoints.json").exists() or process.poll() is not None, 60
            )
            assert process.poll() is None, (tmp_path / "up.log").read_text()
        except BaseException:
            process.kill()
            raise
        engine = open_engine(f"sqlite:///{data_dir / 'ledger.db'}")
        system = System(process, data_dir, env, engine)
        started.append(system)
        return system

    yield start
    for system in started:
        system.engine.dispose()
        system.process.send_signal(signal.SIGINT)
        try:
            system.process.wait(60)
        finally:
            system.process.kill()
