"""The whole deployment in containers, as a project of its own that leaves nothing behind."""

import json
import os
import secrets
import ssl
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

import pika

from services.cli.processes import free_port

ROOT = Path(__file__).parents[2]
UP_SECONDS = 600  # with the images' build
PORTS = ("AMQP_PORT", "MANAGEMENT_PORT", "DASHBOARD_PORT", "AMQPS_PORT", "PROMETHEUS_PORT")
COMMAND_SECONDS = 180


@dataclass
class Project:
    """One compose project.

    Attributes:
        environment: of every `docker compose`.
        overrides: files that change docker-compose.yml.
        tls: what programs on the host reach the broker with; None where it is plain.
    """

    name: str
    environment: dict[str, str]
    overrides: tuple[str, ...] = ()
    tls: ssl.SSLContext | None = None

    def compose(
        self, *arguments: str, seconds: float = COMMAND_SECONDS, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run `docker compose` on it."""
        files = ("--env-file", "deploy/demo.env", "-f", "docker-compose.yml")
        for override in self.overrides:
            files += ("-f", override)
        command = ["docker", "compose", *files, "-p", self.name, *arguments]
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )
        assert not check or done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        return done

    def cli(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `carbon-aware` in a container of its own."""
        return self.compose("run", "--rm", "-T", "--no-deps", "cli", *arguments, check=check)

    def containers(self, service: str) -> list[dict[str, Any]]:
        """The containers of a service that run, as `docker compose ps` tells them."""
        lines = self.compose("ps", "--format", "json", service).stdout.splitlines()
        return [json.loads(line) for line in lines]

    def healthy(self, service: str) -> int:
        """How many of them are healthy."""
        return sum(each["Health"] == "healthy" for each in self.containers(service))

    @cached_property
    def client_url(self) -> str:
        """The address for programs outside of the containers, as the README tells to get it."""
        path = "/run/credentials/published_amqp_url"
        command = ("run", "--rm", "-T", "--no-deps", "--entrypoint", "cat", "workload", path)
        return self.compose(*command).stdout.strip()

    def submit(self, jobs: Sequence[dict[str, Any]]) -> None:
        """Publish jobs from the host with a bare AMQP client, each confirmed."""
        address = pika.URLParameters(self.client_url)
        address.ssl_options = pika.SSLOptions(self.tls) if self.tls else None
        connection = pika.BlockingConnection(address)
        channel = connection.channel()
        channel.confirm_delivery()
        for job in jobs:
            channel.basic_publish("jobs", "submit", json.dumps(job).encode(), mandatory=True)
        connection.close()

    def job(self, job_id: str) -> dict[str, Any]:
        """What the ledger knows of a job."""
        done = self.cli("status", job_id, "--json", check=False)
        return dict(json.loads(done.stdout)) if done.returncode == 0 else {"state": "unknown"}

    def succeeded(self) -> int:
        """How many jobs have, by the ledger; none may have ended otherwise."""
        jobs = json.loads(self.cli("status", "--json").stdout)["jobs"]
        lost = (jobs["dead"], jobs["rejected"], jobs["expired"])
        assert lost == (0, 0, 0), self.cli("dead", "list").stdout
        return int(jobs["succeeded"])


def short_jobs(count: int) -> list[dict[str, Any]]:
    """Jobs that start at once, in any band, and take half a second each."""
    job = {"type": "fraud_check", "priority": "critical", "deadline_seconds": 3600}
    return [{**job, "id": str(uuid4()), "payload": {"seconds": 0.5}} for _ in range(count)]


@contextmanager
def everything(*overrides: str, **environment: str) -> Iterator[Project]:
    """Everything, built and up; brought down with its data at the end."""
    ports = {name: str(free_port()) for name in PORTS}
    # The demo's own workload stays away: these tests count their jobs.
    environment = {**os.environ, **ports, "COMPOSE_PROFILES": "", **environment}
    here = Project(f"carbon-aware-test-{secrets.token_hex(3)}", environment, overrides)
    began = time.monotonic()
    try:
        here.compose("build", seconds=UP_SECONDS)
        built = time.monotonic()
        up = here.compose("up", "-d", "--wait", seconds=UP_SECONDS, check=False)
        assert up.returncode == 0, up.stderr[-2000:] + here.compose("logs", "--tail", "20").stdout
        ready = time.monotonic()
        print(f"\nbuilt in {built - began:.0f} s, healthy {ready - built:.0f} s after that")
        yield here
    finally:
        here.compose("--profile", "*", "down", "-v", "--timeout", "60", check=False)
        workers = f"{here.name}-worker"  # the image of one test
        subprocess.run(["docker", "image", "rm", "-f", workers], capture_output=True, check=False)
