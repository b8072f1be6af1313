"""docker-compose.cluster.yml for real: each of the first two nodes is killed under load."""

import os
import signal

import pytest

from tests.compose.containers import inspected
from tests.compose.project import everything, short_jobs

JOBS = 150
FINISH_SECONDS = 240
NODES = ("rabbitmq", "rabbitmq-2", "rabbitmq-3")

pytestmark = [pytest.mark.compose, pytest.mark.timeout(1500)]


@pytest.fixture(scope="module")
def cluster(engine):
    """Three nodes and everything else."""
    with everything("docker-compose.cluster.yml") as here:
        yield here


def ctl(cluster, node, *arguments):
    command = ("exec", "-T", node, "rabbitmqctl", "-q", *arguments)
    return cluster.compose(*command).stdout


def test_every_queue_has_a_member_on_each_node_and_leaders_are_spread(cluster):
    listed = ctl(cluster, "rabbitmq", "list_queues", "name", "type", "leader", "members")
    rows = [line.split("\t") for line in listed.splitlines()[1:]]
    replicated = [row for row in rows if row[1] in {"quorum", "stream"}]
    assert len(replicated) > len(NODES)
    assert all(row[3].count("rabbit@") == len(NODES) for row in replicated)
    assert len({row[2] for row in replicated}) == len(NODES)
    own = [row[0] for row in rows if row not in replicated]
    assert all(name.startswith("ctl.") for name in own), "others would be lost with their node"


@pytest.mark.parametrize("victim", NODES[:2])
def test_a_node_is_killed_under_load_and_no_job_is_lost(cluster, until, victim):
    before = cluster.succeeded()
    cluster.submit(short_jobs(JOBS))
    (node,) = cluster.containers(victim)
    restarts = inspected(node)["RestartCount"]
    os.kill(inspected(node)["State"]["Pid"], signal.SIGKILL)
    until(lambda: cluster.succeeded() == before + JOBS, FINISH_SECONDS)
    until(lambda: inspected(node)["RestartCount"] == restarts + 1, 60)
    until(lambda: cluster.healthy(victim) == 1, 120)
