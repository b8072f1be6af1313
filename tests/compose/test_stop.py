"""Everything ends by itself; the last test of the deployment, for nothing runs after it."""

import json

import pytest

from tests.compose.containers import docker

RESTARTS = 10

pytestmark = [pytest.mark.compose, pytest.mark.timeout(900)]


def exit_codes(project, *services):
    lines = project.compose("ps", "-a", "--format", "json", *services).stdout.splitlines()
    return {each["Name"]: each["ExitCode"] for each in map(json.loads, lines)}


def check(codes, *by_the_signal):
    """Nobody was killed: every container ended with 0, or let itself be ended by the signal."""
    for name, code in codes.items():
        expected = {0, 143} if any(f"-{service}-" in name for service in by_the_signal) else {0}
        assert code in expected, f"{name}: {docker('logs', '--tail', '30', name)}"


def test_the_ledger_ends_within_its_grace_again_and_again(project):
    """At any moment: also while it starts, and with events that wait for it."""
    for _ in range(RESTARTS):
        project.compose("stop", "ledger")
        # Python itself dies of a signal that comes before it has read the program.
        check(exit_codes(project, "ledger"), "ledger")
        project.compose("start", "ledger")


def test_every_service_ends_by_itself_within_its_grace(project, until):
    until(lambda: project.healthy("ledger") == 1, 120, 1)
    project.compose("stop")
    # RabbitMQ's own script ends with 0; Debian's wrapper around it dies of the signal, as does the
    # dashboard's server once it has ended its work.
    check(exit_codes(project), "rabbitmq", "dashboard")
