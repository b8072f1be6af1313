"""The whole deployment in containers, as a project of its own that leaves nothing behind."""

import json
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from services.cli.processes import free_port

ROOT = Path(__file__).parents[2]
UP_SECONDS = 600  # with the images' build
COMMAND_SECONDS = 180


def wait_until(condition: Callable[[], Any], seconds: float) -> Any:
    """Wait for a condition; fail when it takes too long."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.5)


@dataclass
class Project:
    """One compose project."""

    name: str
    environment: dict[str, str]

    def compose(
        self, *arguments: str, seconds: float = COMMAND_SECONDS, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run `docker compose` on it."""
        demo = ROOT / "deploy" / "demo.env"
        command = ["docker", "compose", "--env-file", str(demo), "-p", self.name, *arguments]
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


@pytest.fixture
def until() -> Callable[..., Any]:
    """Waits for a condition with a time limit."""
    return wait_until


@pytest.fixture(scope="session")
def engine() -> None:
    """Skip, with the reason, where there is no engine."""
    docker = shutil.which("docker")
    if docker is None:
        pytest.skip("there is no docker here")
    for what in (("info",), ("compose", "version")):
        done = subprocess.run([docker, *what], capture_output=True, check=False)
        if done.returncode != 0:
            pytest.skip(f"`docker {' '.join(what)}` fails: no engine runs here")


@pytest.fixture(scope="session")
def project(engine: None) -> Iterator[Project]:
    """Everything, built and up; brought down with its data at the end."""
    ports = {name: str(free_port()) for name in ("AMQP_PORT", "MANAGEMENT_PORT", "DASHBOARD_PORT")}
    # The demo's own workload stays away: these tests count their jobs.
    environment = {**os.environ, **ports, "COMPOSE_PROFILES": ""}
    here = Project(f"carbon-aware-test-{secrets.token_hex(3)}", environment)
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
